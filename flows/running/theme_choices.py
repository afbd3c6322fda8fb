"""The themes in use as forms in the Prefect UI offer them: by name. Made when a form's module is imported."""

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING

from models.edition.short import WATCHED
from models.themes import load_themes


class NamedTheme(Enum):
    """Member names are the themes' ids in capitals with underscores; values are what people read."""

    @property
    def theme(self) -> str:
        """The theme's id."""
        return self.name.lower().replace("_", "-")


_MEMBERS = {theme.id.upper().replace("-", "_"): theme.name for theme in load_themes()}

if TYPE_CHECKING:
    ThemeChoice = NamedTheme
    AlertChoice = NamedTheme
else:
    ThemeChoice = NamedTheme("ThemeChoice", _MEMBERS, module=__name__)
    # What a reader may be told of at once: a theme, or whatever is about the organisations that they watch.
    AlertChoice = NamedTheme(
        "AlertChoice", {WATCHED.upper(): "Organisations that they watch", **_MEMBERS}, module=__name__
    )


def ids(choices: Iterable[NamedTheme]) -> list[str]:
    """The ids of the chosen themes."""
    return [choice.theme for choice in choices]
