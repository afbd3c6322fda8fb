"""Parliament: written questions with their answers, and spoken contributions in Hansard, by its open APIs.

The address of a source is that of the API with a search term, for example
`https://questions-statements-api.parliament.uk/api/writtenquestions/questions?searchTerm=NHS+leadership` or
`https://hansard-api.parliament.uk/search/contributions/Spoken.json?queryParameters.searchTerm=NHS+leadership`.
"""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flows.fetching.decoding import load_json
from flows.reading.parsing import paragraphs_of
from flows.reading.sources.json_feed import is_json, items_of, text_of
from flows.reading.sources.listing import (
    ACCEPT_JSON,
    ACCEPT_PAGE,
    MAX_AUTHOR,
    MAX_SUMMARY,
    MAX_TITLE,
    Listing,
    RequestSpec,
    Window,
    parameter,
    plain,
    whole,
    with_parameters,
)
from models.dates import parse_date
from models.entries import Entry, Page, Reply
from models.outcomes import TextStatus
from models.urls import normalise_url, origin_of

if TYPE_CHECKING:
    from models.sources import Source

PAGE_SIZE = 100
OUTLET = "UK Parliament"
LONGEST_WAIT = timedelta(days=180)  # of a question for its answer: a few working days by the rules, months at worst
_HANSARD = "https://hansard.parliament.uk"
_QUESTIONS = "https://questions-statements.parliament.uk/written-questions/detail"
_QUESTION_API = "/api/writtenquestions/questions"
_QUESTION_PAGE = re.compile(r"/written-questions/detail/(\d{4}-\d{2}-\d{2})/([A-Za-z0-9]{1,20})$")
# Where Parliament sits and what it does there, which is no subject; and Hansard's names for the marks of its text.
_PLACE = re.compile(
    r"(?i)(?:house of )?(?:commons|lords)(?: chamber)?|westminster hall|(?:moses room|grand committee)|(?:public|general|delegated"
    r"|petitions) (?:bill )?committees?(?: debates?)?|written (?:statements?|answers?|corrections)|petitions|debates?|oral answers"
    r"(?: to questions)?|ministerial corrections|prayers|hs_\w+"
)
_NOT_WORDS = re.compile(r"[^A-Za-z0-9]+")


def request_for(source: "Source", window: Window) -> RequestSpec:
    """The window's questions or contributions, the newest first."""
    since, until = f"{window.since:%Y-%m-%d}", f"{window.until:%Y-%m-%d}"
    if "hansard" in source.url.lower() or "/search/" in urlsplit(source.url).path.lower():
        required = {
            "queryParameters.startDate": since,
            "queryParameters.endDate": until,
            "queryParameters.orderBy": "SittingDateDesc",
        }
        defaults = {"queryParameters.take": str(PAGE_SIZE), "queryParameters.skip": "0"}
    else:
        required = {"tabledWhenFrom": since, "tabledWhenTo": until}
        defaults = {"take": str(PAGE_SIZE), "skip": "0", "expandMember": "true"}
    return RequestSpec(with_parameters(source.url, defaults=defaults, required=required), ACCEPT_JSON)


def read(reply: Reply, window: Window) -> Listing:
    """The entries of either API, told apart by their answers.

    Behind the questions that were tabled in the window come those that were answered in it: an answer takes days, at
    times weeks, and makes the question an entry once more.
    """
    answer = load_json(reply.body)
    url = reply.final_url or reply.url
    if isinstance(answer, dict) and isinstance(answer.get("Results"), list):
        return _spoken(items_of(answer, "Results"), answer, url)
    if isinstance(answer, dict) and isinstance(answer.get("results"), list):
        questions = [item["value"] for item in items_of(answer, "results") if isinstance(item.get("value"), dict)]
        entries = [_question(item) for item in questions]
        found = tuple(entry for entry in entries if entry is not None)
        total = whole(answer.get("totalResults"), 0)
        more = _following(url, "skip", len(questions), total)
        return Listing(
            entries=found, invalid=len(entries) - len(found), more=_answered(url, window) + more, total=total
        )
    return Listing(problem="the answer is neither one of Hansard nor of the written questions")


def _answered(url: str, window: Window) -> tuple[RequestSpec, ...]:
    """The request for what was answered in the window and tabled before it; with the first page of what was tabled."""
    if not parameter(url, "tabledWhenFrom") or parameter(url, "answeredWhenFrom") or parameter(url, "skip", "0") != "0":
        return ()
    required = {
        "tabledWhenFrom": f"{window.since - LONGEST_WAIT:%Y-%m-%d}",
        "tabledWhenTo": f"{window.since - timedelta(days=1):%Y-%m-%d}",
        "answeredWhenFrom": f"{window.since:%Y-%m-%d}",
        "answeredWhenTo": f"{window.until:%Y-%m-%d}",
    }
    return (RequestSpec(with_parameters(url, defaults={}, required=required), ACCEPT_JSON),)


def page_request(source: "Source", entry_url: str) -> RequestSpec:
    """The API's address of one question, whose answer the list cuts short; else the page itself."""
    if found := _QUESTION_PAGE.search(urlsplit(entry_url).path):
        return RequestSpec(f"{origin_of(source.url)}{_QUESTION_API}/{found[1]}/{found[2]}", ACCEPT_JSON)
    return RequestSpec(entry_url, ACCEPT_PAGE)


def read_entry_page(body: bytes, url: str) -> Page | None:
    """One question with its answer; None for what is no answer of the API."""
    if not is_json(body):
        return None
    answer = load_json(body)
    item = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(item, dict):
        return Page(text="", text_status=TextStatus.HEADLINE)
    text = "\n".join(paragraphs_of(text_of(item, "questionText")) + paragraphs_of(text_of(item, "answerText")))
    return Page(
        text=text,
        text_status=TextStatus.FULL if text else TextStatus.HEADLINE,
        title=_question_title(item),
        author=_member(item.get("askingMember")),
        published_at=_question_date(item),
        language="en" if text else None,
        site_name=OUTLET,
    )


def _question(item: dict[str, Any]) -> Entry | None:
    tabled, number = text_of(item, "dateTabled")[:10], text_of(item, "uin")
    title = _question_title(item)
    url = normalise_url(f"{_QUESTIONS}/{tabled}/{number}")
    if not tabled or not number or not title or url is None or not _QUESTION_PAGE.search(urlsplit(url).path):
        return None
    asked, answered = (plain(text_of(item, name), MAX_SUMMARY) for name in ("questionText", "answerText"))
    return Entry(
        url=url,
        title=title,
        summary=plain(f"{asked} Answer: {answered}", MAX_SUMMARY) if answered else asked,
        published_at=_question_date(item),
        author=_member(item.get("askingMember")),
        outlet=OUTLET,
        language="en",
    )


def _question_title(item: dict[str, Any]) -> str:
    """The heading, which many questions share, with the number by which Parliament tells them apart."""
    heading, number = plain(text_of(item, "heading"), MAX_TITLE - 60), plain(text_of(item, "uin"), 20)
    return f"Written question: {heading}{f' ({number})' if number else ''}" if heading else ""


def _question_date(item: dict[str, Any]) -> Any:
    return parse_date(text_of(item, "dateAnswered")[:10]) or parse_date(text_of(item, "dateTabled")[:10])


def _member(member: Any) -> str | None:
    return plain(text_of(member, "name"), MAX_AUTHOR) or None


def _spoken(results: list[dict[str, Any]], answer: dict[str, Any], url: str) -> Listing:
    """One entry a debate, with all that was found of it: contributions have no page of their own."""
    debates: dict[str, list[dict[str, Any]]] = {}
    invalid = 0
    for item in results:
        address = _debate_address(item)
        if address is None:
            invalid += 1
        else:
            debates.setdefault(address, []).append(item)
    entries = tuple(_debate(address, items) for address, items in debates.items())
    more = _following(url, "queryParameters.skip", len(results), whole(answer.get("TotalResultCount"), 0))
    return Listing(entries=entries, invalid=invalid, more=more)


def _debate_address(item: dict[str, Any]) -> str | None:
    identity, day = text_of(item, "DebateSectionExtId"), text_of(item, "SittingDate")[:10]
    title = _subject(item)
    house = text_of(item, "House") or "Commons"
    if not identity or not day or not title:
        return None
    slug = _NOT_WORDS.sub("", title.title()) or "Debate"
    return normalise_url(f"{_HANSARD}/{house}/{day}/debates/{identity}/{slug}")


def _subject(item: dict[str, Any]) -> str:
    """What is debated; where nothing but the place is given, the place with the day.

    Contributions name the subject as their section and the place apart, debates the other way round.
    """
    names = [
        plain(text_of(item, name), MAX_TITLE) for name in ("DebateSection", "Title", "DebateTitle", "HansardSection")
    ]
    subject = next((name for name in names if name and not _PLACE.fullmatch(name)), "")
    place = next((name for name in names if name), "")
    day = parse_date(text_of(item, "SittingDate")[:10])
    return subject or (f"{place}, {day.day} {day:%B %Y}" if place and day else place)


def _debate(address: str, items: list[dict[str, Any]]) -> Entry:
    spoken = []
    for item in items:
        words = paragraphs_of(text_of(item, "ContributionTextFull") or text_of(item, "ContributionText"))
        name = plain(text_of(item, "AttributedTo") or text_of(item, "MemberName"), MAX_AUTHOR)
        if words:
            spoken.append(f"{name}: {' '.join(words)}" if name else " ".join(words))
    first = items[0]
    title = _subject(first)
    text = "\n".join(spoken)
    return Entry(
        url=address,
        title=f"{title} ({plain(text_of(first, 'House'), 20) or 'Parliament'} debate)",
        summary=plain(text, MAX_SUMMARY),
        published_at=parse_date(text_of(first, "SittingDate")[:10]),
        outlet=OUTLET,
        language="en",
        text=text or None,
    )


def _following(url: str, name: str, found: int, total: int) -> tuple[RequestSpec, ...]:
    start = whole(parameter(url, name, "0"), 0) + found
    if not found or start >= total:
        return ()
    return (RequestSpec(with_parameters(url, defaults={}, required={name: str(start)}), ACCEPT_JSON),)
