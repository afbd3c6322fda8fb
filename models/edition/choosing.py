"""Which stories of an edition lead it, which of them a recipient gets, and which dates ahead they tell of. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.dates_ahead import Precision, last_day
from models.edition.content import DateNote, EditionContent, Selection, StoryItem

LEADS = 5
LEADS_PER_THEME = 2  # five on one subject would hide the rest of the week


def choose_leads(content: EditionContent) -> tuple[StoryItem, ...]:
    """The stories that matter: what an editor put first, then the highest ranks, each with a theme.

    At most two of one theme, and more only where no other theme is left to tell of.
    """
    chosen = [story for story in content.stories if story.id == content.editing.lead]
    for most in (LEADS_PER_THEME, LEADS):
        for story in content.stories:
            if len(chosen) == LEADS:
                return tuple(chosen)
            same = sum(other.primary == story.primary for other in chosen)
            if story.themes and same < most and story not in chosen:
                chosen.append(story)
    return tuple(chosen)


def for_recipient(content: EditionContent, selection: Selection) -> EditionContent | None:
    """The edition narrowed to what someone chose; None where nothing is left (not even for those who chose all).

    UK-wide sources stay in for every nation, and what has no sector for every sector. A story is listed under the
    strongest of the chosen themes. Stories about what they watch are in it whatever else they chose, and come first.
    Trends and the sources that could not be seen stay as they are: they describe the week, not the selection.
    """
    wanted = set(selection.themes)
    chosen = (story for story in content.stories if _is_chosen(story, selection) or selection.watches(story))
    first = sorted(chosen, key=lambda story: not selection.watches(story))
    stories = tuple(_with_chosen_first(story, wanted) for story in first)
    if not stories:
        return None
    return _narrow(content, selection, stories)


def empty_for(content: EditionContent, selection: Selection) -> EditionContent:
    """The edition for someone who wants one even in a week with nothing for them."""
    return _narrow(content, selection, ())


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


def _narrow(content: EditionContent, selection: Selection, stories: tuple[StoryItem, ...]) -> EditionContent:
    wanted = selection.themes or tuple(theme.id for theme in content.themes)
    return replace(
        content,
        selection=selection,
        stories=stories,
        themes=tuple(theme for theme in content.themes if theme.id in wanted),
        trends=tuple(trend for trend in content.trends if trend.theme in wanted),
    )


def _is_chosen(story: StoryItem, selection: Selection) -> bool:
    return (
        (not selection.themes or any(theme.theme in selection.themes for theme in story.themes))
        and (not selection.nations or story.nation in (*selection.nations, "uk"))
        # Of what an editor added by its address no sector is known.
        and (not selection.sectors or story.sector in (*selection.sectors, ""))
    )


def _with_chosen_first(story: StoryItem, wanted: set[str]) -> StoryItem:
    if not wanted or story.primary in wanted:
        return story
    return replace(story, themes=tuple(sorted(story.themes, key=lambda theme: theme.theme not in wanted)))


def _most_exact(story: StoryItem) -> list[DateNote]:
    days = [note.day for note in story.ahead if note.precision is Precision.DAY]
    return [
        note
        for note in story.ahead
        if note.precision is Precision.DAY
        or not any(note.day <= day <= last_day(note.day, note.precision) for day in days)
    ]
