"""The themes that stories are tagged with: those of the 2022 Messenger review, or of a framework of one's own.

`themes.toml` of the framework is their only list; everything else asks here. They are read once a process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from models.seeds import DataFileError, framework_file, read_toml, seed_file, shown_name, tables

FILE = "themes.toml"
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MAX_ID = 60
IN_SCOPE = "in-scope"  # stands among the themes: in reviews, thresholds and what the queue asks; no theme bears it
_LEAST = 2  # with one, nothing could be told apart


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence of our own that shows one or more themes."""

    text: str
    themes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ThemeGroup:
    """Themes that stand together under a heading."""

    id: str
    heading: str
    numbered: str = ""  # what the number of a theme counts: "Recommendation"


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme, as `themes.toml` describes it."""

    id: str
    name: str
    group: ThemeGroup
    number: int | None  # within its group
    definition: str
    source: str  # where the theme comes from, in words
    examples: tuple[Example, ...]

    @property
    def heading(self) -> str:
        """The name as a heading: "Recommendation 3: Management standards"."""
        return numbered_heading(self.name, self.number, self.group.numbered)


@dataclass(frozen=True, slots=True)
class Framework:
    """What the themes belong to, in words for readers."""

    name: str  # "the 2022 Messenger review"
    title: str  # with the title of the publication, where it has one
    subject: str  # what the news is about: "how the NHS and social care are led"
    scope: str  # the same as a noun: "leadership and culture"
    question: str  # whether a story is in scope, as people are asked
    note: str  # on its limits, as the end of a sentence; may be empty
    themes: tuple[Theme, ...]  # in the order in which every table, form and digest shows them


def numbered_heading(name: str, number: int | None, numbered: str) -> str:
    """A theme's name as a heading, with its number where it has one."""
    return f"{numbered} {number}: {name}".lstrip() if number else name


@cache
def load_framework() -> Framework:
    """The framework that is in use: the folder of CULTURE_FRAMEWORK, or the one that is shipped.

    Raises:
        DataFileError: the file is missing or wrong; names the place.
    """
    return read_framework(framework_file(FILE))


def load_themes() -> tuple[Theme, ...]:
    """The themes in use, in the order in which every table, form and digest shows them."""
    return load_framework().themes


@cache
def theme_ids() -> tuple[str, ...]:
    """The ids of the themes in use, in their order. They name the themes in the database."""
    return tuple(theme.id for theme in load_themes())


def shipped_theme_ids() -> tuple[str, ...]:
    """The ids of the themes that are shipped, whichever are in use."""
    return tuple(theme.id for theme in read_framework(seed_file(FILE)).themes)


def theme_id(named: str) -> str:
    """The id of the theme that a person names by its id or its name, in any case; what names no theme comes back as it is."""
    said = " ".join(named.split()).casefold()
    return next((theme.id for theme in load_themes() if said in {theme.id, theme.name.casefold()}), named)


def unknown_theme(theme: object) -> str:
    """What is wrong with a theme that is not among those in use, in words for people."""
    return f"{theme!r} is not one of the {len(theme_ids())} themes; use one of {', '.join(theme_ids())}"


def read_framework(file: Traversable | Path) -> Framework:
    """The framework of a `themes.toml`.

    Raises:
        DataFileError: a theme is wrong, or there twice, or an example is empty or shows an unknown theme; names the place.
    """
    place = shown_name(file)
    document = read_toml(file)
    groups = _groups(tables(document, "group", place), place)
    rows = tables(document, "theme", place)
    themes: list[Theme] = []
    for number, row in enumerate(rows, start=1):
        theme = _theme(row, groups, f"{place}: theme {number}")
        for other in themes:
            if other.id == theme.id or other.name == theme.name:
                same = theme.id if other.id == theme.id else theme.name
                raise DataFileError(f"{place}: theme {number}: {same!r} is listed twice")
        themes.append(theme)
    if len(themes) < _LEAST:
        raise DataFileError(f"{place}: needs at least {_LEAST} themes, each as [[theme]]; has {len(themes)}")
    ids = {theme.id for theme in themes}
    for theme in themes:
        for example in theme.examples:
            for other_id in example.themes:
                if other_id not in ids:
                    raise DataFileError(
                        f"{place} ({theme.id}): {other_id!r} is not a theme, in the example {example.text[:60]!r}"
                    )
    told = document.get("framework", {})
    if not isinstance(told, dict):
        raise DataFileError(f"{place}: `framework` must be a table, [framework]")
    told_in = f"{place}: [framework]"
    name = _text(told, "name", told_in, default="a framework of its own")
    scope = _text(told, "scope", told_in, default="its subject")
    return Framework(
        name=name,
        title=_text(told, "title", told_in, default=name),
        subject=_text(told, "subject", told_in, default="its subject"),
        scope=scope,
        question=_text(told, "question", told_in, default=f"Is it about {scope}?"),
        note=_text(told, "note", told_in, default=""),
        themes=tuple(sorted(themes, key=lambda theme: list(groups).index(theme.group.id))),
    )


def _theme(row: Mapping[str, Any], groups: dict[str, ThemeGroup], place: str) -> Theme:
    theme_id, name = _text(row, "id", place), _text(row, "name", place)
    if not _ID.fullmatch(theme_id) or len(theme_id) > _MAX_ID or theme_id == IN_SCOPE:
        raise DataFileError(
            f"{place}: {theme_id!r} can't be an id; use at most {_MAX_ID} small letters, digits and hyphens, "
            f"and not {IN_SCOPE!r}"
        )
    group_id = _text(row, "group", place, default="themes")
    # A group that is not described bears its id as its heading.
    group = groups.setdefault(group_id, ThemeGroup(group_id, group_id.replace("-", " ").capitalize()))
    number = row.get("number")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        raise DataFileError(f"{place} ({theme_id}): `number` must be a whole number from 1 up")
    examples = row.get("examples")
    if not isinstance(examples, list) or not examples:
        raise DataFileError(f"{place} ({theme_id}): needs `examples`, a list of sentences that show the theme")
    return Theme(
        id=theme_id,
        name=name,
        group=group,
        number=number,
        definition=_text(row, "definition", place),
        source=_text(row, "source", place, default=""),
        examples=tuple(_example(one, theme_id, place) for one in examples),
    )


def _example(one: object, theme_id: str, place: str) -> Example:
    """An example is a sentence, or a table with the sentence and the other themes that it shows `also`."""
    text, also = (one.get("text"), one.get("also", [])) if isinstance(one, dict) else (one, [])
    if not isinstance(text, str) or not text.strip():
        raise DataFileError(f"{place} ({theme_id}): an example has no text")
    if not isinstance(also, list):
        raise DataFileError(f"{place} ({theme_id}): `also` must be a list of themes, in the example {text[:60]!r}")
    return Example(text=text, themes=(theme_id, *(str(other) for other in also if other != theme_id)))


def _groups(rows: list[dict[str, Any]], place: str) -> dict[str, ThemeGroup]:
    """By id, in the order in which they are shown."""
    groups: dict[str, ThemeGroup] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{place}: group {number}"
        group = ThemeGroup(
            _text(row, "id", where), _text(row, "heading", where), _text(row, "numbered", where, default="")
        )
        if group.id in groups:
            raise DataFileError(f"{where}: {group.id!r} is listed twice")
        groups[group.id] = group
    return groups


def _text(row: Mapping[str, Any], key: str, place: str, *, default: str | None = None) -> str:
    value = row.get(key, default)
    if value is None:
        raise DataFileError(f"{place}: lacks the key {key!r}")
    if not isinstance(value, str) or (not value.strip() and default != ""):
        raise DataFileError(f"{place}: {key!r} must be a text")
    return value
