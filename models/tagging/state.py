"""What fitted pipelines have learned, as plain arrays (no pickle); and pipelines that get it back from arrays.

Each array is named by its model, the steps it lies in and scikit-learn's own name: `scope.words.reading.words.idf_`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import LabelBinarizer, StandardScaler

Arrays = dict[str, NDArray[Any]]
Models = Mapping[str, Any]  # scikit-learn's estimators, by name

_LINEAR = ("coef_", "intercept_")


def export_weights(models: Models) -> Arrays:
    """What `models` have learned."""
    found: Arrays = {}
    for name, step in _steps(models):
        match step:
            case TfidfVectorizer():
                terms = "\n".join(sorted(step.vocabulary_, key=step.vocabulary_.__getitem__))
                found[f"{name}.terms"] = np.frombuffer(terms.encode(), np.uint8)
                found[f"{name}.idf_"] = step.idf_
            case OneVsRestClassifier():
                for part in _LINEAR:
                    found[f"{name}.{part}"] = np.concatenate([getattr(one, part) for one in step.estimators_])
            case LogisticRegression():
                found |= {f"{name}.{part}": getattr(step, part) for part in _LINEAR}
            case StandardScaler():
                found |= {f"{name}.{part}": getattr(step, part) for part in ("mean_", "scale_", "var_")}
    return found


def import_weights(models: Models, arrays: Arrays) -> None:
    """Gives new `models` what others, made alike, had learned."""
    for name, step in _steps(models):
        match step:
            case TfidfVectorizer():
                terms = arrays[f"{name}.terms"].tobytes().decode().split("\n")
                step.vocabulary_ = {term: number for number, term in enumerate(terms)}
                step.idf_ = arrays[f"{name}.idf_"]
            case OneVsRestClassifier():
                coefs, intercepts = (arrays[f"{name}.{part}"] for part in _LINEAR)
                step.estimators_ = [clone(step.estimator) for _ in coefs]
                for number, one in enumerate(step.estimators_):
                    _fill_linear(one, coefs[number : number + 1], intercepts[number : number + 1])
                step.label_binarizer_ = LabelBinarizer(sparse_output=True).fit(np.eye(len(coefs), dtype=int))
                step.n_features_in_ = coefs.shape[1]
            case LogisticRegression():
                _fill_linear(step, *(arrays[f"{name}.{part}"] for part in _LINEAR))
            case StandardScaler():
                step.mean_, step.scale_, step.var_ = (arrays[f"{name}.{part}"] for part in ("mean_", "scale_", "var_"))
                step.n_features_in_ = len(step.mean_)


def _fill_linear(classifier: LogisticRegression, coef: NDArray[Any], intercept: NDArray[Any]) -> None:
    classifier.coef_, classifier.intercept_ = coef, intercept
    classifier.classes_ = np.array([False, True])
    classifier.n_features_in_ = coef.shape[1]


def _steps(models: Models) -> Iterator[tuple[str, Any]]:
    """All steps in all models, however deep, by their names."""
    for name, model in models.items():
        inside = getattr(model, "steps", None) or getattr(model, "transformer_list", None)
        if inside:
            yield from _steps({f"{name}.{part}": step for part, step in inside})
        else:
            yield name, model
