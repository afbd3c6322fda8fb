"""The vocabulary finds its terms in running text, whatever their endings."""

import pytest

from models.tagging.vocabulary import TermGroup, Vocabulary
from models.text import split_words_as_written

VOCABULARY = Vocabulary(
    [
        TermGroup("leader", ("chief executive*", "chief", "manag*")),
        TermGroup("body", ("NHS", "trust", "care quality commission")),
    ]
)


@pytest.mark.parametrize(
    ("text", "leader", "body"),
    [
        ("The chief executive", 2, 0),
        ("Two chief executives", 2, 0),
        ("a fire chief", 1, 0),
        ("Managers and management", 2, 0),
        ("the NHS's trust", 0, 2),
        ("nhs Trust’s board", 0, 1),
        ("the Care Quality Commission", 0, 1),
        ("care of quality", 0, 0),
        ("Care Quality", 0, 0),
        ("", 0, 0),
    ],
)
def test_terms_are_counted_with_their_endings(text: str, leader: int, body: int) -> None:
    assert VOCABULARY.counts(split_words_as_written(text)) == [leader, body]
