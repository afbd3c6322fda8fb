"""The tagger: scope, themes, evidence, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.settings import TFIDF
from models.tagging.decisions import Document, State, Tagging, ThemeTag
from models.tagging.encoders import Encoder
from models.tagging.evaluation import Predictions
from models.tagging.scope import ScopeModel
from models.tagging.signals import Floats
from models.tagging.state import Arrays
from models.tagging.steps import Extent, extent_of
from models.tagging.theme_model import SentenceScores, ThemeModel
from models.tagging.thresholds import doubt_from
from models.tagging.training import sentences_of
from models.text import looks_english
from models.themes import IN_SCOPE, load_framework, theme_ids

# Fewer words than this are not an article: nothing can be said of them.
MIN_WORDS = 4
# Documents are read in batches, so that memory stays flat.
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Scores:
    """What the models say before any decision."""

    in_scope: Floats  # probability, shape (documents,)
    themes: Floats  # probability given that it is in scope, shape (documents, themes); 0 where nobody looked
    read: tuple[SentenceScores | None, ...]  # the sentences looked at; None where nobody looked
    extents: NDArray[np.intp]  # how much there was to read, shape (documents,)


@dataclass(frozen=True, slots=True)
class ThemeReason:
    """What was said of one theme, whether or not it became a tag."""

    theme: str
    score: float
    threshold: float
    state: State
    evidence: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one decision."""

    title: str
    in_scope: float
    scope_state: State
    scope_threshold: float
    scope_reasons: tuple[str, ...]  # what spoke for and against, strongest first
    themes: tuple[ThemeReason, ...]  # all of them, strongest first; empty where nobody looked
    model_version: str
    encoder: str
    note: str  # why nothing was looked at; empty otherwise


class Tagger:
    """A trained pair of models with their thresholds."""

    def __init__(self, version: str, encoder: str, scope: ScopeModel, themes: ThemeModel) -> None:
        self.version = version
        self.encoder = encoder
        self.scope = scope
        self.themes = themes

    def score(self, documents: Sequence[Document], *, themes_of_all: bool = True) -> Scores:
        """Scores of all documents; of those that the first stage turns away that of scope is its own, cheap one.

        Without `themes_of_all`, what is plainly out of scope is not read for themes: it would be given none.
        """
        in_scope = np.zeros(len(documents))
        themes = np.zeros((len(documents), len(theme_ids())))
        read: list[SentenceScores | None] = [None] * len(documents)
        extents = np.zeros(len(documents), int)
        for start in range(0, len(documents), _BATCH):
            numbers = range(start, min(start + _BATCH, len(documents)))
            texts = {i: sentences_of(documents[i]) for i in numbers}
            extents[list(numbers)] = [extent_of(texts[i]) for i in numbers]
            rows = [i for i in numbers if not _unreadable(texts[i])]
            in_scope[rows], _ = self.scope.score([texts[i] for i in rows])
            if not themes_of_all:
                rows = [i for i in rows if _state(in_scope[i], self.scope.thresholds[extents[i]]) is not State.NO]
            found = self.themes.read([texts[i] for i in rows])
            themes[rows] = self.themes.probabilities(found, extents[rows])
            for i, one in zip(rows, found, strict=True):
                read[i] = one
        return Scores(in_scope, themes, tuple(read), extents)

    def tag(self, documents: Sequence[Document]) -> list[Tagging]:
        """One decision a document; never fails on a text, however odd."""
        scores = self.score(documents, themes_of_all=False)
        states = self.scope_states(scores)
        told = [(i, theme) for i, state in enumerate(states) for theme in self._worth_telling(scores, i, state)]
        tags: list[list[ThemeTag]] = [[] for _ in documents]
        for (i, _), reason in zip(told, self._reasons(scores, told), strict=True):
            tags[i].append(ThemeTag(reason.theme, reason.score, reason.state, reason.evidence, reason.terms))
        return [
            Tagging(float(score), state, tuple(found), self.version)
            for score, state, found in zip(scores.in_scope, states, tags, strict=True)
        ]

    def predict(self, documents: Sequence[Document]) -> Predictions:
        """Scores and decisions as `evaluate` measures them; a theme's score is that of scope and theme together."""
        scores = self.score(documents)
        return Predictions(
            in_scope=scores.in_scope,
            in_scope_yes=np.array([state is State.YES for state in self.scope_states(scores)], bool),
            themes=scores.themes * scores.in_scope[:, None],
            themes_yes=self.theme_decisions(scores),
        )

    @property
    def thresholds(self) -> dict[str, float]:
        """From which probability the answer is `yes` of a whole article: of `in-scope` and of each theme."""
        themes = zip(theme_ids(), self.themes.thresholds[Extent.WHOLE], strict=True)
        return {
            IN_SCOPE: float(self.scope.thresholds[Extent.WHOLE]),
            **{theme: float(value) for theme, value in themes},
        }

    def scope_states(self, scores: Scores) -> list[State]:
        """Yes, uncertain or no, one a document."""
        thresholds = self.scope.thresholds[scores.extents]
        return [_state(score, threshold) for score, threshold in zip(scores.in_scope, thresholds, strict=True)]

    def theme_decisions(self, scores: Scores) -> NDArray[np.bool_]:
        """Which themes are `yes`, with the scope decision applied: shape (documents, themes)."""
        gate = np.array([state is State.YES for state in self.scope_states(scores)], bool)
        said: NDArray[np.bool_] = (scores.themes >= self.themes.thresholds[scores.extents]) & gate[:, None]
        return said

    def explain(self, document: Document) -> Explanation:
        """Scope, themes, evidence, terms and thresholds of one document."""
        scores = self.score([document])
        sentences = sentences_of(document)
        note, read = _unreadable(sentences), scores.read[0]
        if not note and not self.scope.score([sentences])[1].any():
            note = f"the first stage found no sign of {load_framework().scope}"
        reasons: tuple[ThemeReason, ...] = ()
        if not note and read is not None and read.sentences:
            every = self._reasons(scores, [(0, theme) for theme in range(len(theme_ids()))])
            reasons = tuple(sorted(every, key=lambda reason: -reason.score))
        return Explanation(
            title=document.title,
            in_scope=float(scores.in_scope[0]),
            scope_state=self.scope_states(scores)[0],
            scope_threshold=float(self.scope.thresholds[scores.extents[0]]),
            scope_reasons=self.scope.reasons(sentences) if sentences else (),
            themes=reasons,
            model_version=self.version,
            encoder=self.encoder,
            note=note,
        )

    def _worth_telling(self, scores: Scores, i: int, state: State) -> list[int]:
        """The themes of a document that are `yes` or uncertain, the strongest first."""
        read = scores.read[i]
        if state is State.NO or read is None or not read.sentences:
            return []
        return [
            int(theme) for theme in np.argsort(-scores.themes[i]) if self._theme_state(scores, i, theme) is not State.NO
        ]

    def _theme_state(self, scores: Scores, i: int, theme: int) -> State:
        return _state(scores.themes[i, theme], self._theme_threshold(scores, i, theme))

    def _theme_threshold(self, scores: Scores, i: int, theme: int) -> float:
        return float(self.themes.thresholds[scores.extents[i], theme])

    def _reasons(self, scores: Scores, told: Sequence[tuple[int, int]]) -> list[ThemeReason]:
        """Why each of these themes (document, theme) has its score; all at once, since a look at one sentence costs a millisecond."""
        evidence = []
        for i, theme in told:
            read = scores.read[i]
            assert read is not None
            evidence.append(self.themes.evidence(read, theme))
        terms = self.themes.terms(evidence, [theme for _, theme in told])
        return [
            ThemeReason(
                theme=theme_ids()[theme],
                score=float(scores.themes[i, theme]),
                threshold=self._theme_threshold(scores, i, theme),
                state=self._theme_state(scores, i, theme),
                evidence=sentence,
                terms=words,
            )
            for (i, theme), sentence, words in zip(told, evidence, terms, strict=True)
        ]

    def arrays(self) -> Arrays:
        """For writing."""
        return {**self.scope.arrays(), **self.themes.arrays()}

    @classmethod
    def from_arrays(cls, version: str, arrays: Arrays, encoder: Encoder | None) -> "Tagger":
        """As written."""
        return cls(
            version=version,
            encoder=encoder.name if encoder else TFIDF,
            scope=ScopeModel.from_arrays(arrays, encoder),
            themes=ThemeModel.from_arrays(arrays, encoder),
        )


def _state(score: float, threshold: float) -> State:
    if score >= threshold:
        return State.YES
    return State.UNCERTAIN if score >= doubt_from(threshold) else State.NO


def _unreadable(sentences: Sequence[str]) -> str:
    """Why a document can't be judged; empty if it can."""
    text = " ".join(sentences)
    if len(text.split()) < MIN_WORDS:
        return "too short to judge"
    return "" if looks_english(text) else "not in English"
