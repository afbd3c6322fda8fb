"""What a reader sees at a glance in every form: each coming date once, where reports stand, what the bars count, and where."""

import re
from dataclasses import replace
from datetime import date

import pytest
from lxml import html

from flows.publishing.layout import view_edition
from flows.running.artifacts import trends_svg
from models.dates_ahead import Precision
from models.edition import trend_words
from models.edition.content import Copy, DateNote, EditionContent, OrganisationNote, OtherReport, Selection, StoryItem
from models.trends import Trend, Verdict
from tests.support.fakes_rendering import (
    LINKS,
    render,
    render_artifact,
    render_web,
    week_content,  # noqa: F401 - a fixture
)

VALE, ASHCOMBE = OrganisationNote("vale", "Vale NHS Trust"), OrganisationNote("ashcombe", "Ashcombe NHS Trust")
THIRD = date(2026, 12, 3)
HEARING = DateNote(THIRD, Precision.DAY, "The hearing will begin on 3 December.")
DECEMBER = DateNote(date(2026, 12, 1), Precision.MONTH, "The panel will report in December.")
REPORT = OtherReport(900, "Chair goes", "Ward & Board", "https://ward.example/chair-goes")


def telling(content: EditionContent, *told: tuple[OrganisationNote, tuple[DateNote, ...]]) -> EditionContent:
    """As many stories as given, each about one organisation and with its coming dates."""
    stories = [
        replace(story, title=f"Story {letter}", organisations=(who,), ahead=ahead)
        for letter, story, (who, ahead) in zip("ABCDEFG", content.stories, told, strict=False)
    ]
    return replace(content, stories=tuple(stories))


def dates_of(content: EditionContent) -> list[tuple[str, list[str]]]:
    return [(one.when, [story.title for story in one.stories]) for one in view_edition(content).dates]


def test_a_date_of_one_matter_is_one_line_whoever_tells_it(content: EditionContent) -> None:
    otherwise = replace(HEARING, quote="Hearings will start next Thursday.")
    week = telling(content, (VALE, (HEARING,)), (VALE, (otherwise,)), (ASHCOMBE, (otherwise,)), (ASHCOMBE, (HEARING,)))
    # The second is about whom the first is, the third says it as the second does, the fourth as the first.
    assert dates_of(week) == [("Thursday 3 December", ["Story A", "Story B", "Story C"])]
    for form in (render(week).html, render(week).text, render_web(week), render_artifact(week)):
        listed = form[re.search("dates ahead", form, re.IGNORECASE).start() :]  # type: ignore[union-attr]
        assert listed.count("Thursday 3 December") == 1
        assert all(f"Story {letter}" in listed for letter in "ABC")
        assert "and 1 more" in listed


def test_other_matters_and_other_dates_have_lines_of_their_own(content: EditionContent) -> None:
    board = DateNote(THIRD, Precision.DAY, "The board will vote on 3 December.")
    week = telling(content, (VALE, (HEARING, replace(HEARING, day=date(2026, 12, 9)))), (ASHCOMBE, (board,)))
    assert dates_of(week) == [
        ("Thursday 3 December", ["Story A"]), ("Thursday 3 December", ["Story B"]), ("Wednesday 9 December", ["Story A"]),
    ]  # fmt: skip


def test_a_story_is_not_listed_for_a_day_and_again_for_its_month(content: EditionContent) -> None:
    week = telling(content, (VALE, (HEARING, DECEMBER)), (ASHCOMBE, (DECEMBER,)))
    assert dates_of(week) == [("December", ["Story B"]), ("Thursday 3 December", ["Story A"])]
    assert render(week).text.count("To watch: December") == 2  # at the items, where the sentence says what it is


def with_reports(content: EditionContent) -> EditionContent:
    first = replace(content.stories[0], reports=(REPORT,), copies=(Copy("Harbour Post", "https://harbour.example/1"),))
    return replace(content, stories=(first,))


def test_every_form_leads_to_the_other_reports_of_an_event(content: EditionContent) -> None:
    week = with_reports(content)
    for form in (render(week).html, render(week).text, render_web(week), render_artifact(week)):
        assert REPORT.url in form
    assert f"\n      {REPORT.url}\n" in render(week).text  # on a line of its own: it can be clicked


def test_why_it_counts_and_where_else_it_stands_are_two_lines(content: EditionContent) -> None:
    week = with_reports(content)
    for page in (render(week).html, render_web(week)):
        lines = [" ".join(one.text_content().split()) for one in html.fromstring(page).iter("p")]
        (why,) = [line for line in lines if line.startswith("Why it counts: ")]
        assert "Also in" not in why
        assert "Also in: Harbour Post" in lines


def test_every_bar_has_its_number_and_its_week(content: EditionContent) -> None:
    trend = next(trend for trend in content.trends if trend.verdict is Verdict.RISING)
    spoken = trend_words.describe_chart(trend, content.as_week())
    assert spoken.startswith("Stories a week. Week 36: no data; ")
    assert spoken.endswith(f"week 47: {trend.now}.")
    numbers = ["–" if count is None else str(count) for count in trend.counts]
    mail = html.fromstring(render(content, LINKS).html)
    (chart,) = [one for one in mail.iter("div") if one.get("aria-label") == spoken]
    assert [one.strip() for one in chart.itertext() if one.strip()] == numbers
    assert "Stories in weeks 36 to 47" in mail.text_content()
    page = html.fromstring(render_web(content))
    row = next(one for one in page.iter("tr") if f"{trend.now} stories" in one.text_content())
    said = [" ".join(bar.text_content().split()) for bar in row.iter("li")]
    assert said == [f"Week {week}: {number}" for week, number in zip(range(36, 48), numbers, strict=True)]
    assert "Stories a week, weeks 36 to 47" in page.text_content()
    assert f"by week: {', '.join(numbers)}" in render(content, LINKS).text
    assert re.findall(r'text-anchor="middle"[^>]*>([^<]+)<', trends_svg(content))[:12] == [
        "–" if count is None else str(count) for count in content.trends[0].counts
    ]


def from_nations(content: EditionContent, *nations: str, late: int = 0) -> EditionContent:
    """Stories on speaking up, each of a nation, which are more than in any of the ten weeks before."""
    one = next(story for story in content.stories if story.primary == "speaking-up")
    count = len(nations)
    stories: list[StoryItem] = [
        replace(one, id=number, nation=nation, late=number < late) for number, nation in enumerate(nations)
    ]
    trend = Trend("speaking-up", (None, *(0,) * 10, count), (0, 1), 3, Verdict.RISING, 0.001)
    return replace(content, stories=tuple(stories), trends=(trend,))


@pytest.mark.parametrize(
    ("nations", "where"),
    [
        (("england", "uk", "england", "england"), ""),
        (("england", "wales", "scotland", "wales", "uk"), "; 1 story from Scotland, 2 from Wales"),
        (("wales",) * 4, "; all from Wales"),
    ],
)
def test_what_rises_is_said_with_where_and_against_what(
    content: EditionContent, nations: tuple[str, ...], where: str
) -> None:
    (said,) = trend_words.say_changes(from_nations(content, *nations))
    numbers = f"{len(nations)} stories from 3 outlets, usually 0 to 1 a week"
    assert said == f"Themes that rise against the 10 weeks before: Speaking up ({numbers}{where})."


def test_of_a_choice_of_stories_nothing_is_said_of_where_all_are_from(content: EditionContent) -> None:
    week = from_nations(content, "wales", "wales", "england", "england")
    chosen = replace(week, selection=Selection(nations=("wales",)), stories=week.stories[:2])
    for some in (chosen, from_nations(content, "wales", "england", "england", "wales", late=1)):
        assert "Wales" not in " ".join(trend_words.say_changes(some))
