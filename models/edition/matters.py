"""The dates ahead of an edition, each matter of a date once, whoever tells it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    by_id = {story.id: story for story in stories}
    matters: list[Matter] = []
    dated = sorted(
        ((note, story) for story in stories for note in _most_exact(story)),  # of one day, as the stories stand
        key=lambda pair: (pair[0].day, list(Precision).index(pair[0].precision)),
    )
    for note, story in dated:
        for place, one in enumerate(matters):
            if _is_one_date(one.note, note) and any(_is_one_matter(by_id[id_], story, note) for id_ in one.stories):
                matters[place] = replace(one, stories=tuple(dict.fromkeys((*one.stories, story.id))))
                break
        else:
            matters.append(Matter(note, (story.id,)))
    return matters


def _most_exact(story: StoryItem) -> list[DateNote]:
    days = [note.day for note in story.ahead if note.precision is Precision.DAY]
    return [
        note
        for note in story.ahead
        if note.precision is Precision.DAY
        or not any(note.day <= day <= last_day(note.day, note.precision) for day in days)
    ]


def _is_one_date(one: DateNote, other: DateNote) -> bool:
    return (one.day, one.precision) == (other.day, other.precision)


def _is_one_matter(told: StoryItem, other: StoryItem, note: DateNote) -> bool:
    if told.id == other.id or {one.id for one in told.organisations} & {one.id for one in other.organisations}:
        return True
    return bool(note.quote) and any(note.quote == one.quote for one in told.ahead if _is_one_date(one, note))
