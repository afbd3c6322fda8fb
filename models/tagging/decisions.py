"""What goes into the tagger and what comes out: plain values, the same for the database, the digest and the command."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A decision with a band of doubt: `uncertain` goes to review, never to the digest."""

    YES = "yes"
    UNCERTAIN = "uncertain"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Document:
    """An article as the tagger reads it."""

    title: str
    text: str  # the body; empty where only headline and summary are known
    summary: str = ""

    @property
    def body(self) -> str:
        """The text, or the summary where there is none."""
        return self.text or self.summary


@dataclass(frozen=True, slots=True)
class ThemeTag:
    """One theme of one article that is `yes` or `uncertain`."""

    theme: str
    score: float  # calibrated probability, 0 to 1
    state: State
    evidence: str  # the sentence that scored highest, word for word
    terms: tuple[str, ...]  # that weighed most in it, strongest first; may be empty


@dataclass(frozen=True, slots=True)
class Tagging:
    """Everything the tagger says of one article."""

    in_scope: float  # calibrated probability, 0 to 1
    scope_state: State
    tags: tuple[ThemeTag, ...]  # strongest first; empty unless scope is `yes` or `uncertain`
    model_version: str
