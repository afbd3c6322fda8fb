"""Where each story stands in an edition: a lead of up to five, then the themes, group by group.

Every story stands once, under its strongest theme. A section whose story leads the edition points to it, so that "No items
this week" always means what it says.
"""

from dataclasses import dataclass

from models.composing import leads
from models.edition import EditionContent, StoryItem, ThemeNote
from models.trends import Trend


@dataclass(frozen=True, slots=True)
class Section:
    """One theme: its stories by rank, those that lead the edition apart."""

    theme: ThemeNote
    trend: Trend | None
    stories: tuple[StoryItem, ...]
    above: tuple[StoryItem, ...]

    @property
    def count(self) -> int:
        """All stories that stand under it."""
        return len(self.stories) + len(self.above)


@dataclass(frozen=True, slots=True)
class Group:
    """Themes that stand together, such as the findings about culture."""

    heading: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """An edition in reading order."""

    leads: tuple[StoryItem, ...]
    groups: tuple[Group, ...]
    others: tuple[StoryItem, ...]  # in scope, under none of the themes


# Of editions of the first release, which do not say it themselves.
_HEADINGS = {"finding": "Findings about culture", "recommendation": "The seven recommendations"}


def lay_out(content: EditionContent) -> Layout:
    """The reading order of an edition."""
    top = leads(content)
    top_ids = {story.id for story in top}
    trends = {trend.theme: trend for trend in content.trends}
    by_theme: dict[str, list[StoryItem]] = {theme.id: [] for theme in content.themes}
    others: list[StoryItem] = []
    for story in content.stories:
        by_theme.get(story.primary, others).append(story)
    groups = []
    for group in dict.fromkeys(theme.group for theme in content.themes):
        sections = tuple(
            Section(
                theme=theme,
                trend=trends.get(theme.id),
                stories=tuple(story for story in by_theme[theme.id] if story.id not in top_ids),
                above=tuple(story for story in by_theme[theme.id] if story.id in top_ids),
            )
            for theme in content.themes
            if theme.group == group
        )
        heading = sections[0].theme.group_heading or _HEADINGS.get(group, group)
        groups.append(Group(heading, sections))
    return Layout(top, tuple(groups), tuple(story for story in others if story.id not in top_ids))
