"""Copies of a report are one story, different reports of one event are not."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from models.stories import Match, Report, StoryIndex, containment, fingerprint

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
VOCABULARY = (
    "board trust review hospital nurse manager chair culture concern report patient ward union minister inquiry staff "
    "winter plan care leader council budget region school training pay vote letter meeting record answer question "
    "promise failure change service team street office morning evening family doctor month budget rule"
)
WORDS = VOCABULARY.split()


def text(seed: int, sentences: int = 20) -> str:
    """A text of its own for each seed: as unlike others as two reports on one subject."""
    chance = random.Random(seed)
    lines = [" ".join(chance.choices(WORDS, k=chance.randint(12, 24))).capitalize() + "." for _ in range(sentences)]
    return "\n".join(lines)


class Archive:
    """An index with the texts that it loads, as a run has them."""

    def __init__(self) -> None:
        self.texts: dict[int, str | None] = {}
        self.index = StoryIndex(lambda numbers: {n: kept for n in numbers if (kept := self.texts.get(n))})

    def add(
        self, number: int, words: str | None, *, title: str = "A headline", outlet: str = "", at: datetime = MONDAY
    ) -> Match | None:
        sketch = fingerprint(words) if words else None
        match = self.index.find(
            fingerprint=sketch, text=words, title=title, outlet=outlet or f"paper {number}", seen_at=at
        )
        self.texts[number] = words
        story = match.story_id if match else number
        self.index.add(Report(number, story, outlet or f"paper {number}", title, at, sketch))
        return match


def lines_of(words: str) -> list[str]:
    return words.split("\n")


@pytest.mark.parametrize(
    "copy",
    [
        text(1),
        text(1).upper(),
        "\n".join(lines_of(text(1))[:12]),
        "\n".join(lines_of(text(1))[8:]),
        "\n".join(lines_of(text(1))[:12] + lines_of(text(2))[:8]),
        "\n".join(["By our reporter.", *lines_of(text(1)), "This story was first published elsewhere."]),
        text(1).replace("nurse", "midwife").replace("minister", "secretary of state"),
    ],
    ids=["same", "other case", "cut at the end", "cut at the start", "two fifths changed", "framed", "edited"],
)
def test_a_near_copy_belongs_to_the_story_of_the_first(copy: str) -> None:
    archive = Archive()
    assert archive.add(1, text(1)) is None
    assert archive.add(2, copy) == Match(1, 1, "text")
    assert archive.add(3, copy) is not None
    assert archive.add(4, text(4)) is None


def test_a_long_version_after_a_short_one_is_the_same_story() -> None:
    archive = Archive()
    archive.add(1, "\n".join(lines_of(text(1))[:12]))
    assert archive.add(2, text(1)) == Match(1, 1, "text")


def test_different_reports_that_quote_the_same_release_stay_different() -> None:
    archive = Archive()
    quoted = lines_of(text(9))[:4]
    archive.add(1, "\n".join(lines_of(text(1)) + quoted))
    assert archive.add(2, "\n".join(lines_of(text(2)) + quoted)) is None


def test_a_copy_after_weeks_is_a_story_of_its_own() -> None:
    archive = Archive()
    archive.add(1, text(1))
    assert archive.add(2, text(1), at=MONDAY + timedelta(days=15)) is None
    assert archive.add(3, text(1), at=MONDAY + timedelta(days=13)) is not None


def test_short_notices_are_not_compared_by_their_words() -> None:
    assert fingerprint("The clinic in the high street is closed on Monday.") is None
    archive = Archive()
    archive.add(1, text(1, 2), title="One notice")
    assert archive.add(2, text(1, 2), title="Another notice") is None


HEADLINE = "Trust board quits after damning report"


@pytest.mark.parametrize(
    ("title", "outlet", "days", "found"),
    [
        (HEADLINE, "other", 1, True),
        ("TRUST BOARD QUITS, after damning report!", "other", 1, True),
        (HEADLINE, "paper 1", 1, False),  # the same paper's next instalment
        (HEADLINE, "other", 9, False),
        ("Trust board quits after report", "other", 1, False),
    ],
)
def test_headlines_alone_fall_together_in_other_papers_within_days(
    title: str, outlet: str, days: int, found: bool
) -> None:
    archive = Archive()
    archive.add(1, None, title=HEADLINE)
    match = archive.add(2, None, title=title, outlet=outlet, at=MONDAY + timedelta(days=days))
    assert (match == Match(1, 1, "headline")) is found


def test_a_headline_finds_the_whole_report_but_two_whole_reports_are_told_by_their_texts() -> None:
    archive = Archive()
    archive.add(1, text(1), title=HEADLINE)
    assert archive.add(2, None, title=HEADLINE) == Match(1, 1, "headline")
    alone = Archive()
    alone.add(1, text(1), title=HEADLINE)
    assert alone.add(2, text(2), title=HEADLINE) is None


def test_common_headlines_join_nothing() -> None:
    archive = Archive()
    archive.add(1, None, title="In pictures")
    assert archive.add(2, None, title="In pictures") is None


def test_where_a_text_has_been_purged_its_fingerprint_must_be_closer() -> None:
    archive = Archive()
    archive.add(1, text(1))
    archive.texts[1] = None
    assert archive.add(2, "\n".join(lines_of(text(1))[:18])) == Match(1, 1, "fingerprint")
    archive.texts[2] = None
    assert archive.add(3, "\n".join(lines_of(text(1))[:7] + lines_of(text(5))[:13])) is None


def test_a_fingerprint_is_small_and_always_the_same() -> None:
    first = fingerprint(text(1))
    assert first is not None
    assert (len(first), first) == (256, fingerprint(text(1)))
    assert first.hex().startswith("0f4f1903790b6907")  # those in databases out there must stay comparable


def test_containment_is_a_share_of_the_shorter_text() -> None:
    assert containment(text(1), text(1)) == 1
    assert containment(text(1), text(1) + "\n" + text(2)) == 1
    assert containment(text(1), text(2)) < 0.05
    assert containment("", text(1)) == 0
