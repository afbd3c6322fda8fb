"""Is an article about how UK health or social care is led? Simple judges, each by itself, and a calibrated vote of them.

One judge reads what the vocabulary says (who, what, where, how close together), one the words, one (with an encoder) the
meaning of title and lead. The first two cost a millisecond or two and turn most of a general stream away; the encoder is
spent on the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from models.tagging.encoders import Encoder
from models.tagging.linear import Arrays, Floats, fill_tfidf, fit_judge, logistic, tfidf_arrays, word_features
from models.tagging.signals import signal_names, signals
from models.tagging.vocabulary import Vocabulary

# What an article is about is said in its first half page; later sentences cost time and add noise.
SENTENCES_READ = 30
# The encoder reads the title and this much of the beginning.
LEAD = 5
# Ninety columns for a few hundred passages: strong shrinkage (flat between 0.03 and 0.1).
_SIGNAL_STRENGTH = 0.05
_LEAD_STRENGTH = 3.0
# Of what a health-news stream offers, about this share is in scope; our passages hold far more, so they are weighed down to it.
ASSUMED_SHARE = 0.12
# A whole passage says more about whole articles than a single sentence does.
_PASSAGE_WEIGHT = 3.0
# Of what is in scope, this share is to be called so on held-out folds; the rest falls to the band of doubt. News of the
# world is harder than our own passages, so the highest threshold that keeps this much is taken, not the best on passages.
KEPT = 0.86
# The judges' votes. The encoder's judge reads the lead alone and is the weakest of the three on real news.
_VOTES = (1.0, 1.0, 0.5)
# Below this probability nobody looks again: it sends about 8% of a general stream to the encoder, and of 170 labelled
# articles in scope loses two.
_FIRST_STAGE = 0.0075
_FOLDS = 5
_REASONS = 8

Rows = NDArray[np.intp]
Doc = Sequence[str]  # a document as its sentences, the title first


@dataclass(frozen=True, slots=True)
class ScopeExamples:
    """What scope is learnt from: passages with their groups, and single sentences."""

    documents: Sequence[Doc]
    yes: NDArray[np.bool_]
    weights: Floats
    groups: Sequence[str]
    sentences: Sequence[str]
    sentences_yes: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Documents as the judges see them, one row a document."""

    signals: Floats
    words: sparse.csr_matrix
    lead: NDArray[np.float32] | None


class ScopeModel:
    """Calibrated probability that a document is in scope, in two stages."""

    def __init__(self, vocabulary: Vocabulary, encoder: Encoder | None) -> None:
        self._vocabulary = vocabulary
        self._encoder = encoder
        self._words = word_features(min_df=2)
        self._arrays: Arrays = {}
        self.out_of_fold: Floats = np.zeros(0)  # probabilities of the passages, each by a model that had not seen it

    def fit(self, examples: ScopeExamples) -> "ScopeModel":
        """Learns the judges, and their vote from their opinions on passages they had not seen."""
        self._words.fit([*map(_running, examples.documents), *examples.sentences])
        seen = self._read(examples.documents)
        single = self._words.transform(examples.sentences)
        yes = examples.yes
        opinions = np.zeros((len(yes), 2 if seen.lead is None else 3))
        folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
        for train, test in folds.split(seen.signals, yes, examples.groups):
            self._learn(seen, single, examples, train)
            opinions[test] = self._judge(seen, test)
        prior = np.where(yes, ASSUMED_SHARE / yes.mean(), (1 - ASSUMED_SHARE) / (1 - yes.mean())) * examples.weights
        self._vote("cheap", opinions[:, :2], yes, prior)
        self._vote("full", opinions, yes, prior)
        self.out_of_fold = self._voted("full", opinions)
        self._arrays["threshold"] = np.array(np.quantile(self.out_of_fold[yes], 1 - KEPT))
        self._learn(seen, single, examples, np.arange(len(yes)))
        return self

    def cheap(self, documents: Sequence[Doc]) -> tuple[Floats, NDArray[np.bool_]]:
        """The first stage: probabilities without the encoder, and which documents deserve the second."""
        if not documents:
            return np.zeros(0), np.zeros(0, bool)
        seen = _Seen(self._signals(documents), self._words.transform(list(map(_running, documents))), None)
        found = self._voted("cheap", self._judge(seen))
        return found, found >= _FIRST_STAGE

    def full(self, documents: Sequence[Doc]) -> Floats:
        """The second stage: probabilities by all judges."""
        if not documents:
            return np.zeros(0)
        return self._voted("full", self._judge(self._read(documents)))

    @property
    def threshold(self) -> float:
        """From which probability an article is in scope."""
        return float(self._arrays["threshold"])

    def reasons(self, document: Doc) -> tuple[str, ...]:
        """What spoke for (+) and against (-), in words, strongest first."""
        document = document[:SENTENCES_READ]
        vote = self._arrays["full_vote"]
        seen = signals(document, self._vocabulary) * self._arrays["signals"] * vote[0]
        row = self._words.transform([_running(document)]).tocoo()
        names = self._words.get_feature_names_out()
        said = [
            *((float(value), name) for value, name in zip(seen, signal_names(self._vocabulary), strict=True)),
            *(
                (float(value * self._arrays["words"][column] * vote[1]), f"“{names[column]}”")
                for column, value in zip(row.col, row.data, strict=True)
            ),
        ]
        said.sort(key=lambda pair: -abs(pair[0]))
        return tuple(f"{value:+.2f} {name}" for value, name in said[:_REASONS] if value)

    def arrays(self) -> Arrays:
        """For writing."""
        return {**{f"scope.{k}": v for k, v in self._arrays.items()}, **tfidf_arrays(self._words, "scope.tfidf.")}

    @classmethod
    def from_arrays(cls, arrays: Arrays, vocabulary: Vocabulary, encoder: Encoder | None) -> "ScopeModel":
        """As written."""
        made = cls(vocabulary, encoder)
        fill_tfidf(made._words, arrays, "scope.tfidf.")
        made._arrays = {
            name.removeprefix("scope."): value
            for name, value in arrays.items()
            if name.startswith("scope.") and not name.startswith("scope.tfidf.")
        }
        return made

    def _signals(self, documents: Sequence[Doc]) -> Floats:
        return np.array([signals(document[:SENTENCES_READ], self._vocabulary) for document in documents])

    def _read(self, documents: Sequence[Doc]) -> "_Seen":
        running = list(map(_running, documents))
        lead = None if self._encoder is None else self._encoder.encode([" ".join(one[:LEAD]) for one in documents])
        return _Seen(self._signals(documents), self._words.transform(running), lead)

    def _learn(self, seen: "_Seen", single: sparse.csr_matrix, examples: ScopeExamples, rows: Rows) -> None:
        """Fits the judges to the passages in `rows` (the judge of words to the single sentences as well)."""
        yes, weights = examples.yes[rows], examples.weights[rows]
        scaler = StandardScaler().fit(seen.signals[rows], sample_weight=weights)
        coef, intercept = fit_judge(scaler.transform(seen.signals[rows]), yes, weights, strength=_SIGNAL_STRENGTH)
        self._arrays["signals"] = coef / scaler.scale_
        self._arrays["signals_at"] = np.array(intercept - float((scaler.mean_ * coef / scaler.scale_).sum()))
        both = sparse.vstack([seen.words[rows], single]).tocsr()
        both_yes = np.concatenate([yes, examples.sentences_yes])
        both_weights = np.concatenate([weights * _PASSAGE_WEIGHT, np.ones(single.shape[0])])
        coef, intercept = fit_judge(both, both_yes, both_weights)
        self._arrays["words"], self._arrays["words_at"] = coef, np.array(intercept)
        if seen.lead is not None:
            coef, intercept = fit_judge(seen.lead[rows], yes, weights, strength=_LEAD_STRENGTH)
            self._arrays["lead"], self._arrays["lead_at"] = coef, np.array(intercept)

    def _judge(self, seen: "_Seen", rows: Rows | slice = slice(None)) -> Floats:
        """The judges' log odds: shape (documents, judges)."""
        a = self._arrays
        columns = [
            seen.signals[rows] @ a["signals"] + a["signals_at"],
            seen.words[rows] @ a["words"] + a["words_at"],
        ]
        if seen.lead is not None:
            columns.append(seen.lead[rows] @ a["lead"] + a["lead_at"])
        found: Floats = np.stack(columns, axis=1)
        return found

    def _vote(self, name: str, opinions: Floats, yes: NDArray[np.bool_], weights: Floats) -> None:
        """Every judge has a fixed vote (in units of its own spread); only their sum is calibrated.

        Fitted votes would trust the judge of words most, because it knows our own way of writing.
        """
        spread, middle = opinions.std(axis=0), opinions.mean(axis=0)
        share = np.array(_VOTES[: opinions.shape[1]]) / sum(_VOTES[: opinions.shape[1]])
        total = ((opinions - middle) / spread * share).sum(axis=1, keepdims=True)
        model = LogisticRegression(C=1.0).fit(total, yes, sample_weight=weights)
        votes = float(model.coef_[0, 0]) / spread * share
        self._arrays[f"{name}_vote"] = votes
        self._arrays[f"{name}_vote_at"] = np.array(float(model.intercept_[0]) - float((votes * middle).sum()))

    def _voted(self, name: str, opinions: Floats) -> Floats:
        return logistic(opinions @ self._arrays[f"{name}_vote"] + self._arrays[f"{name}_vote_at"])


def _running(document: Doc) -> str:
    return "\n".join(document[:SENTENCES_READ])
