"""Parliament: questions are told apart by their numbers, an answer makes a question news again, debates have their subject."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.reading.sources import Window, request_for
from models.kinds import Kind
from models.store.database import Database
from tests.support.fakes_feeds import NINE, only, read, source
from tests.support.fakes_sites import collected, prose
from tests.support.fakes_web import Answer, FakeWeb

API = "https://questions-statements-api.parliament.uk/api/writtenquestions/questions?searchTerm=NHS"
HANSARD = "https://hansard-api.parliament.uk/search/contributions/Spoken.json?queryParameters.searchTerm=NHS"
ASK = "To ask the Secretary of State for Health and Social Care, "
ANSWER = "<p>The Department has asked NHS England to publish a code of conduct for managers by the spring.</p>"


def question(
    number: int, text: str = "what steps he is taking.", *, answer: str = "", tabled: str = "2026-11-17"
) -> dict[str, Any]:
    return {
        "value": {
            "uin": str(number),
            "heading": "NHS: Senior Managers",
            "dateTabled": f"{tabled}T00:00:00",
            "questionText": ASK + text,
            "answerText": answer or None,
            "dateAnswered": "2026-11-19T00:00:00" if answer else None,
        }
    }


def listed(*questions: dict[str, Any]) -> list[Any]:
    return list(read(Kind.PARLIAMENT, {"totalResults": len(questions), "results": list(questions)}, API).entries)


def test_questions_under_one_heading_have_titles_of_their_own() -> None:
    assert [entry.title for entry in listed(question(1), question(2))] == [
        "Written question: NHS: Senior Managers (1)",
        "Written question: NHS: Senior Managers (2)",
    ]


@pytest.mark.parametrize("answer", ["", ANSWER], ids=["tabled", "answered alike"])
@pytest.mark.parametrize("sources", [1, 3])
def test_questions_under_one_heading_are_stories_of_their_own(
    answer: str, sources: int, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    grouped = answer and answer.replace("</p>", f" {' '.join(prose('answer', 4))}</p>")
    asked = [
        question(n, f"how many managers left trusts in the region {name}.", answer=grouped)
        for n, name in enumerate("abc", 1)
    ]
    with FakeWeb() as web:
        web.pages = {
            f"/api/writtenquestions/questions/2026-11-17/{n}": Answer(json.dumps(one).encode())
            for n, one in enumerate(asked, 1)
        }
        places = {f"/api/writtenquestions/questions?searchTerm={n}": "parliament" for n in range(sources)}

        class Pages(dict[str, Any]):
            def get(self, path: str, default: Any = None) -> Any:
                if "searchTerm=" not in path:
                    return super().get(path, default)
                own = asked if sources == 1 else [asked[int(path.partition("searchTerm=")[2][:1])]]
                return Answer(json.dumps({"totalResults": len(own), "results": own}).encode(), kind="application/json")

        web.pages = Pages(web.pages)
        found = collected(web, sqlite, tmp_path, now, places)
    assert (found.stories, len(found.articles)) == (3, 3)
    assert {article.outlet for article in found.articles} == {"UK Parliament"}


def test_an_answer_changes_what_the_list_says_of_its_question() -> None:
    tabled, answered = (only_of(question(7)), only_of(question(7, answer=ANSWER)))
    assert tabled.url == answered.url
    assert tabled.published_at != answered.published_at
    assert "code of conduct" in answered.summary


def only_of(one: dict[str, Any]) -> Any:
    (entry,) = listed(one)
    return entry


def test_questions_that_were_tabled_before_the_window_and_answered_in_it_are_asked_for_as_well() -> None:
    window = Window(since=NINE.replace(day=6), until=NINE)
    first = request_for(source(Kind.PARLIAMENT, API), window).url
    more = read(Kind.PARLIAMENT, {"totalResults": 1, "results": [question(1)]}, first).more
    asked = only_url(more)
    for part in (
        "answeredWhenFrom=2026-11-06",
        "answeredWhenTo=2026-11-20",
        "tabledWhenTo=2026-11-05",
        "searchTerm=NHS",
    ):
        assert part in asked
    assert "tabledWhenFrom=2026-05" in asked
    assert read(Kind.PARLIAMENT, {"totalResults": 0, "results": []}, asked).more == ()


def only_url(more: Any) -> str:
    (spec,) = more
    return str(spec.url)


@pytest.mark.parametrize(
    ("row", "title"),
    [
        ({"DebateSection": "NHS Leadership", "Section": "Commons Chamber"}, "NHS Leadership (Commons debate)"),
        ({"DebateSection": "Commons Chamber", "Title": "NHS Leadership"}, "NHS Leadership (Commons debate)"),
        ({"DebateSection": "Westminster Hall", "Title": "NHS Leadership"}, "NHS Leadership (Commons debate)"),
        (
            {"DebateSection": "Lords Chamber", "Title": "NHS Leadership", "House": "Lords"},
            "NHS Leadership (Lords debate)",
        ),
        ({"DebateSection": "Grand Committee", "Title": "NHS Leadership"}, "NHS Leadership (Commons debate)"),
        ({"DebateSection": "Commons Chamber"}, "Commons Chamber, 18 November 2026 (Commons debate)"),
        ({"DebateSection": "Chamber of Commerce", "HansardSection": "hs_Para"}, "Chamber of Commerce (Commons debate)"),
    ],
)
def test_a_debate_is_titled_by_its_subject(row: dict[str, str], title: str) -> None:
    result = {
        "DebateSectionExtId": "A1",
        "SittingDate": "2026-11-18T00:00:00",
        "House": "Commons",
        "ContributionText": "We met.",
    } | row
    assert only(read(Kind.PARLIAMENT, {"TotalResultCount": 1, "Results": [result]}, HANSARD)).title == title
