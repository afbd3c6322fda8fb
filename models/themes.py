"""The fifteen themes of the 2022 Messenger review, "Leadership for a collaborative and inclusive future"."""

from dataclasses import dataclass
from typing import Literal

from models.seeds import DataFileError, read_toml, seed_file

ThemeGroup = Literal["finding", "recommendation"]

# In the order in which every table, form and digest shows them: the findings, then the recommendations 1 to 7.
THEME_IDS: tuple[str, ...] = (
    "bullying-and-discrimination",
    "blame-and-accountability",
    "speaking-up",
    "collaboration",
    "parity-of-esteem",
    "pressure-from-above",
    "workforce",
    "patient-care",
    "values-and-induction",
    "equality-diversity-inclusion",
    "management-standards",
    "appraisal",
    "career-and-talent",
    "boards-and-non-executives",
    "challenged-roles",
)


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence of our own that shows one or more themes."""

    text: str
    themes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme: a finding about culture, or one of the seven recommendations."""

    id: str
    name: str
    group: ThemeGroup
    number: int | None  # of the recommendation
    definition: str
    source: str  # what the review found or recommended
    examples: tuple[Example, ...]

    @property
    def heading(self) -> str:
        """The name as a heading: "Recommendation 3: Management standards"."""
        return f"Recommendation {self.number}: {self.name}" if self.number else self.name


def load_themes() -> tuple[Theme, ...]:
    """The themes of `seeds/themes.toml`, in the order of `THEME_IDS`.

    Raises:
        DataFileError: an unknown, missing or repeated theme, or an empty or repeated example; names the place.
    """
    file = "seeds/themes.toml"
    rows = read_toml(seed_file("themes.toml")).get("theme", [])
    themes: dict[str, Theme] = {}
    for number, row in enumerate(rows, start=1):
        place = f"{file}: theme {number}"
        try:
            theme = Theme(
                id=row["id"],
                name=row["name"],
                group=row["group"],
                number=row.get("number"),
                definition=row["definition"],
                source=row["source"],
                examples=tuple(_example(one, row["id"], place) for one in row["examples"]),
            )
        except KeyError as error:
            raise DataFileError(f"{place}: lacks the key {error}") from error
        if theme.id not in THEME_IDS:
            raise DataFileError(f"{place}: {theme.id!r} is not one of the fifteen themes")
        if theme.id in themes:
            raise DataFileError(f"{place}: {theme.id!r} stands twice")
        themes[theme.id] = theme
    missing = [theme_id for theme_id in THEME_IDS if theme_id not in themes]
    if missing:
        raise DataFileError(f"{file}: lacks the theme {missing[0]!r}")
    return tuple(themes[theme_id] for theme_id in THEME_IDS)


def _example(one: object, theme_id: str, place: str) -> Example:
    """An example is a sentence, or a table with the sentence and the other themes that it shows `also`."""
    text, also = (one.get("text"), one.get("also", [])) if isinstance(one, dict) else (one, [])
    if not isinstance(text, str) or not text.strip():
        raise DataFileError(f"{place} ({theme_id}): an example has no text")
    for other in also:
        if other not in THEME_IDS:
            raise DataFileError(f"{place} ({theme_id}): {other!r} is not a theme, in the example {text[:60]!r}")
    return Example(text=text, themes=(theme_id, *(other for other in also if other != theme_id)))
