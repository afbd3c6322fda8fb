"""The dates ahead of an edition, each matter of a date once, whoever tells it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.dates_ahead import Precision, last_day
from models.edition.content import DateNote, StoryItem


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to come on a date, and the stories that tell of it, the best first."""

    note: DateNote
    stories: tuple[int, ...]  # ids of their articles


def list_matters(stories: Sequence[StoryItem]) -> list[Matter]:
    """The next first; of one day, that day before its week and month.

    Stories tell of one matter where they name the same date and are about an organisation in common, or name it in the same
    words. Where a story names a day, its week or month is not listed for it as well: the reader sees the headline alone.
    """
    dated = sorted(
        ((note, story) for story in stories for note in _most_exact(story)),  # of one day, as the stories stand
        key=lambda pair: (pair[0].day, list(Precision).index(pair[0].precision)),
    )
    told: list[tuple[DateNote, list[int]]] = []
    places: dict[tuple[object, ...], int] = {}  # what makes a matter of a date -> its place in `told`
    for note, story in dated:
        marks = [("story", story.id), *(("about", one.id) for one in story.organisations)]
        marks += [("said", note.quote)] if note.quote else []
        keys = [(note.day, note.precision, *mark) for mark in marks]
        place = next((places[key] for key in keys if key in places), len(told))
        if place == len(told):
            told.append((note, []))
        if story.id not in told[place][1]:
            told[place][1].append(story.id)
        places.update((key, place) for key in keys if key not in places)
    return [Matter(note, tuple(ids)) for note, ids in told]


def _most_exact(story: StoryItem) -> list[DateNote]:
    days = [note.day for note in story.ahead if note.precision is Precision.DAY]
    return [
        note
        for note in story.ahead
        if note.precision is Precision.DAY
        or not any(note.day <= day <= last_day(note.day, note.precision) for day in days)
    ]
