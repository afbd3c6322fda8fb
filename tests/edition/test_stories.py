"""Copies of a report are one story, different reports of one event are not."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from models.copies import containment, fingerprint
from models.stories import Match, Report, StoryIndex

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


def surrounded(lines: list[str], other: int, times: int) -> str:
    """The lines within a text of their length so many times over."""
    around = lines_of(text(other, len(lines) * times))
    return "\n".join([*around[: len(around) // 2], *lines, *around[len(around) // 2 :]])


def edited(words: str, every: int) -> str:
    """A text of which each so-many-th word is another."""
    chance = random.Random(every)
    return " ".join(chance.choice(WORDS) if n % every == every - 1 else word for n, word in enumerate(words.split(" ")))


@pytest.mark.parametrize(
    "copy",
    [
        surrounded(lines_of(text(1)), 7, 4),
        surrounded(lines_of(text(1))[:14], 7, 4),
        surrounded(lines_of(text(1))[4:18], 8, 3),
        "\n".join(lines_of(text(1))[:6]),
        edited(text(1), 6),
        edited(text(1), 5),
        edited("\n".join(lines_of(text(1))[:14]), 8),
        "\n".join(lines_of(text(7))[:6] + lines_of(text(1))[3:15] + lines_of(text(8))[:3]),
    ],
    ids=[
        "whole in a round-up",
        "most in a round-up",
        "middle",
        "opening",
        "every 6th",
        "every 5th",
        "cut and edited",
        "mixed",
    ],
)
def test_a_text_that_stands_in_another_is_its_copy_whichever_comes_first(copy: str) -> None:
    for first, second in ((text(1), copy), (copy, text(1))):
        archive = Archive()
        for other in range(20, 60):
            assert archive.add(other, text(other)) is None
        archive.add(1, first)
        assert archive.add(2, second) == Match(1, 1, "text")


def test_an_opening_under_the_headline_of_the_whole_belongs_to_it() -> None:
    title = "Nurses at the hospital vote for a strike"
    whole = text(1, 150)
    opening = " ".join(lines_of(whole)[:4])
    assert fingerprint(opening) is not None  # long enough to be compared
    for first, second in ((whole, opening), (opening, whole)):
        archive = Archive()
        archive.add(1, first, title=title)
        assert archive.add(2, second, title=title) is not None
        assert archive.add(3, text(3, 150), title=title) is None  # another report under the same words
        assert archive.add(4, None, title=title) is not None  # a headline alone


def form(number: int) -> str:
    """A notice that is the same but for names and numbers."""
    chance = random.Random(number)
    line = "The {} at {} was given a rating of {} by inspectors on {} {}, and the {} must publish it by {}."
    return "\n".join(
        line.format(*(chance.choice(WORDS) + str(chance.randint(1, 999)) for _ in range(7))) for _ in range(12)
    )


def test_forms_that_are_filled_in_differently_are_no_copies() -> None:
    archive = Archive()
    assert [archive.add(number, form(number)) for number in range(1, 6)] == [None] * 5


def test_what_one_outlet_numbers_is_a_series_and_what_two_print_is_a_copy() -> None:
    series, wire = Archive(), Archive()
    titles = [f"Written question: managers of the NHS ({number})" for number in (101, 102, 103)]
    for number, title in enumerate(titles, 1):
        assert series.add(number, text(1), title=title, outlet="UK Parliament") is None
    wire.add(1, text(1), title=titles[0], outlet="one paper")
    assert wire.add(2, text(1), title=titles[1], outlet="another paper") == Match(1, 1, "text")
    assert wire.add(3, text(1), title="A headline without a number", outlet="one paper") is not None


@pytest.mark.parametrize(
    ("shared", "outlet", "copy"), [(13, "paper 1", False), (17, "paper 1", True), (13, "other", True)]
)
def test_an_outlets_background_makes_no_copy_of_its_next_report(shared: int, outlet: str, copy: bool) -> None:
    archive = Archive()
    archive.add(1, text(1), title="Police search a house")
    words = "\n".join(lines_of(text(2))[: 20 - shared] + lines_of(text(1))[:shared])
    assert (archive.add(2, words, title="Three arrested", outlet=outlet) is not None) is copy


def test_a_text_that_has_changed_is_compared_as_it_is_now() -> None:
    archive = Archive()
    archive.add(1, text(1))
    assert archive.add(2, text(1)) is not None  # compared with the first, whose words are held from then on
    archive.texts[1] = text(3)
    archive.index.add(Report(1, 1, "paper 1", "A headline", MONDAY, fingerprint(text(3))))
    assert archive.add(3, text(3), title="Another") == Match(1, 1, "text")
