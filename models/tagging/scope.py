"""Is an article about how UK health or social care is led? Simple judges, each by itself, and a calibrated vote of them.

One judge reads what the vocabulary says (who, what, where, how close together), one the words, one (with an encoder) the
meaning of title and lead. The first two cost a millisecond or two and settle nearly all of a general stream; the encoder is
spent where its vote could change the decision.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.tagging.encoders import Encoder
from models.tagging.signals import Floats
from models.tagging.state import Arrays, learnt, teach
from models.tagging.steps import Doc, RunningText, SentenceVectors, VocabularySignals, linear_judge, word_features
from models.tagging.thresholds import doubt_from

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
_VOTES = {"signals": 1.0, "words": 1.0, "lead": 0.5}
_CHEAP = ("signals", "words")  # those that need no encoder
# Below this probability nobody looks again: about 8% of a general stream lie above it, and of 170 labelled articles in scope
# two below.
_FIRST_STAGE = 0.0075
_FOLDS = 5
_REASONS = 8


@dataclass(frozen=True, slots=True)
class ScopeExamples:
    """What scope is learnt from: passages with their groups, and single sentences."""

    documents: Sequence[Doc]
    yes: NDArray[np.bool_]
    weights: Floats
    groups: Sequence[str]
    sentences: Sequence[str]
    sentences_yes: NDArray[np.bool_]


class ScopeModel:
    """Calibrated probability that a document is in scope, in two stages.

    `judges` are pipelines from documents to a judge's log odds: `signals`, `words` and, with an encoder, `lead`; the first step
    of each needs no labels. `votes` are pipelines from the judges' log odds to a probability: `cheap` and, with an encoder, `full`.
    """

    def __init__(self, encoder: Encoder | None) -> None:
        words = make_pipeline(RunningText(SENTENCES_READ), word_features(min_df=2))
        self.judges = {
            "signals": Pipeline(
                [
                    ("reading", VocabularySignals(SENTENCES_READ)),
                    ("scaler", StandardScaler()),
                    ("judge", linear_judge(_SIGNAL_STRENGTH)),
                ]
            ),
            "words": Pipeline([("reading", words), ("judge", linear_judge())]),
        }
        self.votes = {"cheap": _vote(self.judges)}
        if encoder is not None:
            lead = make_pipeline(RunningText(LEAD, " "), SentenceVectors(encoder))
            self.judges["lead"] = Pipeline([("reading", lead), ("judge", linear_judge(_LEAD_STRENGTH))])
            self.votes["full"] = _vote(self.judges)
        self.threshold = 0.5  # from which probability an article is in scope
        self.best_lead = 0.0  # the most that the judge of leads said of any passage it has learned from
        self.out_of_fold: Floats = np.zeros(0)  # probabilities of the passages, each by a model that had not seen it

    def fit(self, examples: ScopeExamples) -> "ScopeModel":
        """Learns the judges, and their vote from their opinions on passages they had not seen."""
        yes, weights = examples.yes, examples.weights
        passages = (examples.documents, yes, weights)
        # The judge of words learns from the single sentences as well.
        both = (
            [*examples.documents, *((sentence,) for sentence in examples.sentences)],
            np.concatenate([yes, examples.sentences_yes]),
            np.concatenate([weights * _PASSAGE_WEIGHT, np.ones(len(examples.sentences))]),
        )
        lessons = {name: both if name == "words" else passages for name in self.judges}
        # Read once for all folds.
        rows = {name: judge[0].fit_transform(lessons[name][0]) for name, judge in self.judges.items()}

        def learn(chosen: NDArray[np.intp]) -> None:
            for name, judge in self.judges.items():
                _, answers, weighs = lessons[name]
                use = np.concatenate([chosen, np.arange(len(yes), len(answers))])
                learner = judge[1:]
                learner.fit(
                    rows[name][use],
                    answers[use],
                    **{f"{step}__sample_weight": weighs[use] for step, _ in learner.steps},
                )

        opinions = np.zeros((len(yes), len(self.judges)))
        for train, test in StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(yes, yes, examples.groups):
            learn(train)
            for column, (name, judge) in enumerate(self.judges.items()):
                opinions[test, column] = judge[1:].decision_function(rows[name][test])
        learn(np.arange(len(yes)))
        if "lead" in self.judges:
            self.best_lead = float(self.judges["lead"][1:].decision_function(rows["lead"]).max())
        prior = np.where(yes, ASSUMED_SHARE / yes.mean(), (1 - ASSUMED_SHARE) / (1 - yes.mean())) * weights
        for name, vote in self.votes.items():
            seen = opinions[:, : len(_CHEAP)] if name == "cheap" else opinions
            self.out_of_fold = vote.fit(seen, yes, judge__sample_weight=prior).predict_proba(seen)[:, 1]
        self.threshold = float(np.quantile(self.out_of_fold[yes], 1 - KEPT))
        return self

    def score(self, documents: Sequence[Doc]) -> tuple[Floats, NDArray[np.bool_]]:
        """Probabilities, and which documents passed the first stage.

        The encoder reads only the leads that could lift a `no`, were they as good as the best that was ever judged: a third of
        those that pass. Of a certain yes the lead is read too: without it scores of articles in scope compare less well.
        """
        if not documents:
            return np.zeros(0), np.zeros(0, bool)
        opinions = np.stack([self.judges[name].decision_function(documents) for name in _CHEAP], axis=1)
        found = self.votes["cheap"].predict_proba(opinions)[:, 1]
        passed = found >= _FIRST_STAGE
        if "lead" in self.judges:
            best = self._full_vote(opinions, np.full(len(documents), self.best_lead))
            found = np.minimum(found, best)
            matters = passed & (best >= doubt_from(self.threshold))
            if matters.any():
                asked = [one for one, matter in zip(documents, matters, strict=True) if matter]
                lead = self.judges["lead"].decision_function(asked)
                found[matters] = self._full_vote(opinions[matters], lead)
        return found, passed

    def _full_vote(self, opinions: Floats, lead: Floats) -> Floats:
        found: Floats = self.votes["full"].predict_proba(np.column_stack([opinions, lead]))[:, 1]
        return found

    def reasons(self, document: Doc) -> tuple[str, ...]:
        """What spoke for (+) and against (-), in words, strongest first."""
        vote = [*self.votes.values()][-1]
        votes = vote["judge"].coef_[0, 0] * _shares(self.judges) / vote["scaler"].scale_
        counted, words = self.judges["signals"], self.judges["words"]
        weighed = counted[0].transform([document])[0] * counted["judge"].coef_[0] / counted["scaler"].scale_ * votes[0]
        row = words[0].transform([document]).tocoo()
        said = [
            *zip(weighed, counted[0].get_feature_names_out(), strict=True),
            *zip(
                row.data * words["judge"].coef_[0, row.col] * votes[1],
                (f"“{term}”" for term in words[0][-1].get_feature_names_out()[row.col]),
                strict=True,
            ),
        ]
        said.sort(key=lambda pair: -abs(pair[0]))
        return tuple(f"{value:+.2f} {name}" for value, name in said[:_REASONS] if value)

    def arrays(self) -> Arrays:
        """For writing."""
        plain = {"scope.threshold": np.array(self.threshold), "scope.best_lead": np.array(self.best_lead)}
        return {**learnt(self._models()), **plain}

    @classmethod
    def from_arrays(cls, arrays: Arrays, encoder: Encoder | None) -> "ScopeModel":
        """As written."""
        made = cls(encoder)
        teach(made._models(), arrays)
        made.threshold = float(arrays["scope.threshold"])
        made.best_lead = float(arrays["scope.best_lead"])
        return made

    def _models(self) -> dict[str, Pipeline]:
        return {f"scope.{name}": model for name, model in {**self.judges, **self.votes}.items()}


def _shares(judges: Iterable[str]) -> Floats:
    votes = np.array([_VOTES[name] for name in judges])
    shares: Floats = votes / votes.sum()
    return shares


def _vote(judges: Iterable[str]) -> Pipeline:
    """Every judge has a fixed vote (in units of its own spread); only their sum is calibrated.

    Fitted votes would trust the judge of words most, because it knows our own way of writing.
    """
    total = FunctionTransformer(np.average, kw_args={"axis": 1, "weights": _shares(judges), "keepdims": True})
    return Pipeline([("scaler", StandardScaler()), ("sum", total), ("judge", LogisticRegression(C=1.0))])
