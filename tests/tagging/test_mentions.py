"""Mentions: whom "the trust" and "the board" mean, each counted once per place, with offsets that point to what stands there."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tagging.test_organisation_names import BARTS, BOLTON, LOTHIAN, RECOGNISER, named, surfaces


def test_the_trust_after_its_name_is_the_trust() -> None:
    text = "Barts Health NHS Trust apologised. The trust said that the Trust's board had met. Patients trust it."
    assert surfaces(text) == ["Barts Health NHS Trust", "The trust", "the Trust"]
    assert set(named(text)) == {BARTS}


@pytest.mark.parametrize(
    "text",
    [
        "The trust apologised. Later came others.",
        "The CQC inspected. The trust apologised.",
        "Barts Health was inspected. Harrowdale and Wexley NHS Trust was not. The trust apologised.",
        "Barts Health has lost the trust of its nurses.",
        "Barts Health has restored the trust between nurses and managers.",
        "Barts Health is large. A trust in Kent is larger, and other trusts too.",
    ],
)
def test_the_trust_is_nobody_without_a_name_of_its_own(text: str) -> None:
    assert "the trust" not in [surface.lower() for surface in surfaces(text)]


def test_the_trust_is_the_one_named_last() -> None:
    assert named("Barts Health met. Bolton NHS Foundation Trust said no. The trust disagreed.") == [
        BARTS,
        BOLTON,
        BOLTON,
    ]


def test_a_trust_that_is_gone_is_not_the_trust_beside_its_successor() -> None:
    north_midlands = "university-hospitals-of-north-midlands-nhs-trust"
    text = "University Hospitals of North Midlands NHS Trust took over from Mid Staffordshire NHS Foundation Trust. The trust agreed."
    assert named(text) == [north_midlands, "mid-staffordshire-nhs-foundation-trust", north_midlands]


def test_the_board_after_its_name_is_the_board() -> None:
    text = "NHS Lothian apologised. The health board said the board would meet."
    assert named(text) == [LOTHIAN] * 3


@pytest.mark.parametrize(
    "text",
    [
        "NHS Lothian wants change across the board.",
        "NHS Lothian chair Ann Low sits on the board of a bank.",
        "NHS Lothian was praised. NHS Lomond and Ochil was not. The board apologised.",
        "NHS Lothian met the Board Apprentice Foundation.",
        "NHS Lothian and other boards met; a health board disagreed.",
    ],
)
def test_another_board_is_not_the_board(text: str) -> None:
    assert named(text) == [LOTHIAN]


def test_mentions_are_counted_once_per_place() -> None:
    found = RECOGNISER.mentions(
        title="CQC visits hospital", summary="The CQC", text="The CQC said. Later the CQC wrote."
    )
    assert [(one.place, one.start, one.surface, one.count) for one in found] == [
        ("title", 0, "CQC", 1),
        ("summary", 4, "CQC", 1),
        ("text", 4, "CQC", 2),
    ]


PIECES = st.sampled_from(
    [
        "Barts Health NHS Trust",
        "Guy’s & St Thomas’",
        "NHS Lothian’s",
        "the board",
        "The trust",
        "(RCN)",
        "Unite",
        "union",
        "University Hospitals of Leicester NHS Trust (UHL)",
        "UHL",
        "İstanbul",
        "ß",
        "\n\n",
        ". ",
        " ",
        ", ",
        "‘",
        "hospital",
        "Department of Health",
        "ﬁ",
        "\u0300",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=30))
def test_offsets_point_to_the_surface_and_mentions_do_not_overlap(pieces: list[str]) -> None:
    text = " ".join(pieces)
    found = RECOGNISER.every_mention(title=text, text=text)
    for one in found:
        assert text[one.start : one.end] == one.surface != ""
        assert one.surface == one.surface.strip()
    for place in ("title", "text"):
        spans = [(one.start, one.end) for one in found if one.place == place]
        assert spans == sorted(spans)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(
    "piece", ["NHS ", "the trust ", "Barts Health (RCN) ", "(", "Queen Elizabeth Hospital ", "Unite "]
)
def test_a_text_of_one_repeated_piece_takes_no_more_than_its_length(piece: str) -> None:
    assert len(RECOGNISER.every_mention(text=piece * 200)) * 5 >= len(RECOGNISER.every_mention(text=piece * 1000))
