"""The fifteen themes as forms in the Prefect UI offer them: by name. A test holds them to `seeds/themes.toml`."""

from collections.abc import Iterable
from enum import Enum


class ThemeChoice(Enum):
    """Member names are the themes' ids with underscores; values are what people read."""

    BULLYING_AND_DISCRIMINATION = "Bullying and discrimination"
    BLAME_AND_ACCOUNTABILITY = "Blame and accountability"
    SPEAKING_UP = "Speaking up"
    COLLABORATION = "Collaboration"
    PARITY_OF_ESTEEM = "Parity of esteem for social care"
    PRESSURE_FROM_ABOVE = "Pressure from above"
    WORKFORCE = "Workforce"
    PATIENT_CARE = "Patient care"
    VALUES_AND_INDUCTION = "Values and induction"
    EQUALITY_DIVERSITY_INCLUSION = "Equality, diversity and inclusion"
    MANAGEMENT_STANDARDS = "Management standards"
    APPRAISAL = "Appraisal"
    CAREER_AND_TALENT = "Career and talent"
    BOARDS_AND_NON_EXECUTIVES = "Boards and non-executives"
    CHALLENGED_ROLES = "Challenged roles"

    @property
    def theme(self) -> str:
        """The theme's id."""
        return self.name.lower().replace("_", "-")


def theme_choice(theme: str) -> ThemeChoice:
    """A theme as the forms offer it, by its id."""
    return ThemeChoice[theme.upper().replace("-", "_")]


def ids(choices: Iterable[ThemeChoice]) -> list[str]:
    """The ids of the chosen themes."""
    return [choice.theme for choice in choices]
