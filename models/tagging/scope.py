"""Is an article about how UK health or social care is led? Simple classifiers, each by itself, and a calibrated ensemble of them.

One classifier reads what the vocabulary says (who, what, where, how close together), one the words, one (with an encoder) the
meaning of title and lead. The first two cost a millisecond or two and settle nearly all of a general stream; the encoder is
spent on what they leave. What they say of a headline spreads less than what they say of a whole article, so
there is one ensemble, and one threshold, for each extent of what can be read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.settings import MINILM
from models.tagging.encoders import Encoder
from models.tagging.signals import Floats, signal_names
from models.tagging.state import Arrays, export_weights, import_weights
from models.tagging.steps import (
    Doc,
    Extent,
    RunningText,
    SentenceVectors,
    VocabularySignals,
    extent_of,
    linear_classifier,
    word_features,
)
from models.tagging.thresholds import doubt_from
from models.tagging.vocabulary import load_vocabulary

# What an article is about is said in its first half page; later sentences cost time and add noise.
SENTENCES_READ = 30
# The encoder reads the title and this much of the beginning.
LEAD = 5
# Ninety columns for a few hundred passages: strong shrinkage (flat between 0.02 and 0.1).
_SIGNAL_STRENGTH = 0.05
_LEAD_STRENGTH = 3.0
# Of what is as near to the field as our passages out of scope are, about this share is in scope; they hold twice as much, so
# they are weighed down to it. With half as much the ranking of themes over articles suffers (mean AP -.04).
ASSUMED_SHARE = 0.25
# A whole passage says more about whole articles than a single sentence does.
_PASSAGE_WEIGHT = 3.0
# Of what is in scope, this share is to be called so on held-out folds, by extent; the rest falls to the band of doubt. News
# of the world is harder than our own passages, so the highest threshold that keeps this much is taken, not the best on
# passages. Of short texts that is of those which say enough to be believed.
KEPT = (0.92, 0.93, 0.83, 0.83)
# The classifiers' shares. That of words knows our own way of writing, and the lead is a small part of an article; but what a
# larger encoder makes of it is worth more than words (on 383 real articles AP .80 with these shares, .78 with MiniLM's).
_SHARES = {"signals": 1.0, "words": 0.5, "lead": 0.5}
_SHARES_OF_A_LARGER = {"signals": 1.0, "words": 0.25, "lead": 1.0}
_CHEAP = ("signals", "words")  # those that need no encoder
# Below this probability, or that from which a text of its extent is in doubt, nobody looks again: 4% of a general stream lie
# above it, and of 204 articles in scope 4 below, which an encoder would call out of scope as well.
_FIRST_STAGE = 0.05
# Of a text as short as this, nothing is believed because of one word: it must name the field, and one more group of the
# field or the subject. Without that rule one headline of a general stream in four would be called in scope.
_LONGEST_IN_DOUBT = Extent.SUMMARY
_FOLDS = 5
# Fewer passages of an extent than this, in scope or out of it, tell nothing of it: then those of all extents do.
_LEAST_PASSAGES = 20
_REASONS = 8


@dataclass(frozen=True, slots=True)
class ScopeExamples:
    """What scope is learned from: passages with their groups, and single sentences."""

    documents: Sequence[Doc]
    shortened: Sequence[Sequence[Doc]]  # each document as it would be had less of it reached us, itself among them
    yes: NDArray[np.bool_]
    weights: Floats
    groups: Sequence[str]
    sentences: Sequence[str]
    sentences_yes: NDArray[np.bool_]


class ScopeModel:
    """Calibrated probability that a document is in scope, in two stages.

    `classifiers` are pipelines from documents to log odds: `signals`, `words` and, with an encoder, `lead`; the first step of
    each needs no labels. `ensembles` are pipelines from those scores to a probability, one an extent (in the order of
    `Extent`), of the stages `cheap` and, with an encoder, `full`.
    """

    def __init__(self, encoder: Encoder | None) -> None:
        words = make_pipeline(RunningText(SENTENCES_READ), word_features(min_df=2))
        self.classifiers = {
            "signals": Pipeline(
                [
                    ("reading", VocabularySignals(SENTENCES_READ)),
                    ("scaler", StandardScaler()),
                    ("classifier", linear_classifier(_SIGNAL_STRENGTH)),
                ]
            ),
            "words": Pipeline([("reading", words), ("classifier", linear_classifier())]),
        }
        self._shares = _shares(_SHARES, _CHEAP)  # of the last stage
        self.ensembles = {"cheap": [_ensemble(self._shares) for _ in Extent]}
        if encoder is not None:
            lead = make_pipeline(RunningText(LEAD, " "), SentenceVectors(encoder))
            self.classifiers["lead"] = Pipeline([("reading", lead), ("classifier", linear_classifier(_LEAD_STRENGTH))])
            self._shares = _shares(_SHARES if encoder.name == MINILM else _SHARES_OF_A_LARGER, self.classifiers)
            self.ensembles["full"] = [_ensemble(self._shares) for _ in Extent]
        self.thresholds: Floats = np.full(len(Extent), 0.5)  # from which probability on: one an extent

    def fit(self, examples: ScopeExamples) -> "ScopeModel":
        """Learns the classifiers from whole passages, and the ensembles from their scores of unseen ones, cut short."""
        yes, weights = examples.yes, examples.weights
        passages = (examples.documents, yes, weights)
        # The classifier of words learns from the single sentences as well.
        both = (
            [*examples.documents, *((sentence,) for sentence in examples.sentences)],
            np.concatenate([yes, examples.sentences_yes]),
            np.concatenate([weights * _PASSAGE_WEIGHT, np.ones(len(examples.sentences))]),
        )
        lessons = {name: both if name == "words" else passages for name in self.classifiers}
        cuts = [cut for of_one in examples.shortened for cut in of_one]
        passage = np.repeat(np.arange(len(yes)), [len(of_one) for of_one in examples.shortened])
        # Read once for all folds.
        rows = {name: one[0].fit_transform(lessons[name][0]) for name, one in self.classifiers.items()}
        cut_rows = {name: one[0].transform(cuts) for name, one in self.classifiers.items()}

        def learn(chosen: NDArray[np.intp]) -> None:
            for name, classifier in self.classifiers.items():
                _, answers, weighs = lessons[name]
                use = np.concatenate([chosen, np.arange(len(yes), len(answers))])
                learner = classifier[1:]
                learner.fit(
                    rows[name][use],
                    answers[use],
                    **{f"{step}__sample_weight": weighs[use] for step, _ in learner.steps},
                )

        scores = np.zeros((len(cuts), len(self.classifiers)))
        for train, test in StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(yes, yes, examples.groups):
            learn(train)
            unseen = np.isin(passage, test)
            for column, (name, classifier) in enumerate(self.classifiers.items()):
                scores[unseen, column] = classifier[1:].decision_function(cut_rows[name][unseen])
        learn(np.arange(len(yes)))
        extents = np.array([extent_of(cut) for cut in cuts])
        believed = _believed(cut_rows["signals"], extents)
        for extent in Extent:
            wanted = (believed & (extents == extent), believed, np.ones(len(cuts), bool))
            use = next(some for some in wanted if some.all() or _tells(yes[passage][some]))
            self._calibrate(extent, scores[use], yes[passage][use], weights[passage][use])
        return self

    def _calibrate(self, extent: Extent, scores: Floats, yes: NDArray[np.bool_], weights: Floats) -> None:
        """Learns the ensembles and the threshold of one extent, from scores of texts of that extent."""
        prior = np.where(yes, ASSUMED_SHARE / yes.mean(), (1 - ASSUMED_SHARE) / (1 - yes.mean())) * weights
        for name, ensembles in self.ensembles.items():
            seen = scores[:, : len(_CHEAP)] if name == "cheap" else scores
            found = ensembles[extent].fit(seen, yes, classifier__sample_weight=prior).predict_proba(seen)[:, 1]
            self.thresholds[extent] = np.quantile(found[yes], 1 - KEPT[extent])

    def score(self, documents: Sequence[Doc]) -> tuple[Floats, NDArray[np.bool_]]:
        """Probabilities, and which documents passed the first stage.

        The encoder reads only the leads of those that pass.
        """
        if not documents:
            return np.zeros(0), np.zeros(0, bool)
        extents = np.array([extent_of(document) for document in documents])
        rows = {name: self.classifiers[name][0].transform(documents) for name in _CHEAP}
        scores = np.stack([self.classifiers[name][1:].decision_function(rows[name]) for name in _CHEAP], axis=1)
        found = self._probabilities("cheap", scores, extents)
        believed = _believed(rows["signals"], extents)
        least = np.minimum(_FIRST_STAGE, doubt_from(self.thresholds))[extents]
        found = np.where(believed, found, found * least)  # in their order, and none of them passes
        passed = found >= least
        if "lead" in self.classifiers and passed.any():
            asked = [one for one, pass_ in zip(documents, passed, strict=True) if pass_]
            lead = self.classifiers["lead"].decision_function(asked)
            found[passed] = self._probabilities("full", np.column_stack([scores[passed], lead]), extents[passed])
        return found, passed

    def _probabilities(self, stage: str, scores: Floats, extents: NDArray[np.intp]) -> Floats:
        found = np.zeros(len(scores))
        for extent in np.unique(extents):
            rows = extents == extent
            found[rows] = self.ensembles[stage][extent].predict_proba(scores[rows])[:, 1]
        return found

    def reasons(self, document: Doc) -> tuple[str, ...]:
        """What spoke for (+) and against (-), in words, strongest first."""
        ensemble = [*self.ensembles.values()][-1][extent_of(document)]
        shares = ensemble["classifier"].coef_[0, 0] * self._shares / ensemble["scaler"].scale_
        counted, words = self.classifiers["signals"], self.classifiers["words"]
        weighed = counted[0].transform([document])[0] * counted["classifier"].coef_[0] / counted["scaler"].scale_
        row = words[0].transform([document]).tocoo()
        said = [
            *zip(weighed * shares[0], counted[0].get_feature_names_out(), strict=True),
            *zip(
                row.data * words["classifier"].coef_[0, row.col] * shares[1],
                (f"“{term}”" for term in words[0][-1].get_feature_names_out()[row.col]),
                strict=True,
            ),
        ]
        said.sort(key=lambda pair: -abs(pair[0]))
        return tuple(f"{value:+.2f} {name}" for value, name in said[:_REASONS] if value)

    def arrays(self) -> Arrays:
        """For writing."""
        return {**export_weights(self._models()), "scope.thresholds": self.thresholds}

    @classmethod
    def from_arrays(cls, arrays: Arrays, encoder: Encoder | None) -> "ScopeModel":
        """As written."""
        made = cls(encoder)
        import_weights(made._models(), arrays)
        made.thresholds = arrays["scope.thresholds"]
        return made

    def _models(self) -> dict[str, Pipeline]:
        ensembles = {
            f"scope.{stage}.{extent.name.lower()}": of_stage[extent]
            for stage, of_stage in self.ensembles.items()
            for extent in Extent
        }
        return {**{f"scope.{name}": model for name, model in self.classifiers.items()}, **ensembles}


def _shares(given: Mapping[str, float], names: Iterable[str]) -> Floats:
    shares = np.array([given[name] for name in names])
    return np.asarray(shares / shares.sum())


def _tells(yes: NDArray[np.bool_]) -> bool:
    """Whether there are enough passages, in scope and out of it."""
    return bool(min(yes.sum(), (~yes).sum()) >= _LEAST_PASSAGES)


def _believed(signals: Floats, extents: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which documents say enough: those that name the field and something more, and those too long for it to matter."""
    vocabulary = load_vocabulary()
    names = signal_names(vocabulary)
    field, subject = (
        signals[:, [names.index(f"density:{group}") for group in groups]] > 0
        for groups in (vocabulary.field, vocabulary.subject)
    )
    enough: NDArray[np.bool_] = field.any(axis=1) & (field.sum(axis=1) + subject.sum(axis=1) > 1)
    if not vocabulary.field:  # one of another framework may have no such groups
        enough[:] = True
    enough[extents > _LONGEST_IN_DOUBT] = True
    return enough


def _ensemble(shares: Floats) -> Pipeline:
    """Every classifier has a fixed share (in units of its own spread); only their sum is calibrated.

    Fitted shares would trust the classifier of words most, because it knows our own way of writing.
    """
    total = FunctionTransformer(np.average, kw_args={"axis": 1, "weights": shares, "keepdims": True})
    return Pipeline([("scaler", StandardScaler()), ("sum", total), ("classifier", LogisticRegression(C=1.0))])
