"""What names a model: the hash of all that shapes it. Seeds, reviews, vocabulary, the code that learns and decides, encoder.

The code counts by what it does: its comments, docstrings and blank lines do not. Its constants count by their values as well,
so that one that is set otherwise at run time names another model too.
"""

import ast
import hashlib
import inspect
import json
import re
import tokenize
from collections.abc import Mapping
from functools import cache
from io import StringIO
from types import ModuleType
from typing import Any

import numpy as np

from models import text
from models.tagging import (
    classifier,
    decisions,
    encoders,
    fitting,
    published_encoders,
    scope,
    sentence_network,
    signals,
    state,
    steps,
    theme_model,
    thresholds,
    training,
    vocabulary,
    wordpiece,
)

# Every module of ours that has a say in what is learned or decided; a test compares it with what they import.
SHAPING: tuple[ModuleType, ...] = (
    text,
    classifier,
    decisions,
    encoders,
    fitting,
    published_encoders,
    scope,
    sentence_network,
    signals,
    state,
    steps,
    theme_model,
    thresholds,
    training,
    vocabulary,
    wordpiece,
)
_SHORT = 12  # hexadecimal digits: enough that no two versions of an installation meet


def version_of(data: training.TrainingData, encoder: str) -> str:
    """A short name that is the same for the same data, vocabulary, code, constants and encoder."""
    terms = vocabulary.load_vocabulary().sha256
    return _short(f"{data.sha256} {terms} {code_version()} {encoder}")


def code_version() -> str:
    """A short name that is the same for the same code and constants."""
    constants = {module.__name__: _constants(module) for module in SHAPING}
    return _short(f"{_sources()} {json.dumps(constants, sort_keys=True)}")


def build_version() -> str:
    """A short name of all that shapes a model but reviews and encoder: the code, the vocabulary, the seeds as they are shipped.

    A model of another build is not what this one would make, so it is not loaded as if it were.
    """
    return _short(f"{code_version()} {vocabulary.load_vocabulary().sha256} {training.hash_seeds()}")


@cache
def _sources() -> str:
    return _short("\n".join(bare_code(inspect.getsource(module)) for module in SHAPING))


def bare_code(source: str) -> str:
    """Python code without its comments, docstrings and blank lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                last = first.end_lineno or first.lineno
                lines[first.lineno - 1 : last] = [""] * (last - first.lineno + 1)
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _constants(module: ModuleType) -> dict[str, Any]:
    """The module's constants: names in capitals, with values that can be written down."""
    found = {name: _plain(value) for name, value in vars(module).items() if name.strip("_").isupper()}
    return {name: value for name, value in found.items() if value is not None}


def _plain(value: object) -> Any:
    """A constant's value as JSON holds it; None for what is no plain value."""
    match value:
        case bool() | int() | float() | str():
            return value
        case np.ndarray():
            return value.tolist()
        case re.Pattern():
            return value.pattern
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case set() | frozenset():
            return sorted(map(str, value))
        case tuple() | list():
            return [_plain(inner) for inner in value]
    return None


def _short(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:_SHORT]
