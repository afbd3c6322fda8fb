"""What parsers that are not ours raise over input that is broken in a way that they did not foresee.

Fuzzing brought up most of these; at the calls of feedparser, trafilatura and htmldate they mean "can't be read", and
nothing of ours runs inside those calls that they might hide.
"""

from lxml import etree

PARSER_FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,  # RecursionError among them
    StopIteration,
    TypeError,
    ValueError,  # UnicodeError among them
    etree.LxmlError,
)
