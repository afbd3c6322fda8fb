"""Parliament: written questions with their answers, and spoken contributions in Hansard, by its open APIs.

The address of a source is that of the API with a search term, for example
`https://questions-statements-api.parliament.uk/api/writtenquestions/questions?searchTerm=NHS+leadership` or
`https://hansard-api.parliament.uk/search/contributions/Spoken.json?queryParameters.searchTerm=NHS+leadership`.
"""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flows.web.html_text import paragraphs_of
from flows.web.readers.json_feed import items_of, load_json, text_of
from flows.web.readers.listing import (
    ACCEPT_JSON,
    ACCEPT_PAGE,
    MAX_AUTHOR,
    MAX_SUMMARY,
    MAX_TITLE,
    Listing,
    RequestSpec,
    Window,
    plain,
)
from flows.web.readers.queries import parameter, whole, with_parameters
from models.dates import parse_date
from models.entries import Entry, Page, Reply
from models.outcomes import TextStatus
from models.urls import normalise_url, origin_of

if TYPE_CHECKING:
    from models.sources import Source

PAGE_SIZE = 100
_HANSARD = "https://hansard.parliament.uk"
_QUESTIONS = "https://questions-statements.parliament.uk/written-questions/detail"
_QUESTION_API = "/api/writtenquestions/questions"
_QUESTION_PAGE = re.compile(r"/written-questions/detail/(\d{4}-\d{2}-\d{2})/([A-Za-z0-9]{1,20})$")
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
    """The entries of either API, told apart by their answers."""
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
        return Listing(entries=found, invalid=len(entries) - len(found), more=more, total=total)
    return Listing(problem="the answer is neither one of Hansard nor of the written questions")


def page_request(source: "Source", entry_url: str) -> RequestSpec:
    """The API's address of one question, whose answer the list cuts short; else the page itself."""
    if found := _QUESTION_PAGE.search(urlsplit(entry_url).path):
        return RequestSpec(f"{origin_of(source.url)}{_QUESTION_API}/{found[1]}/{found[2]}", ACCEPT_JSON)
    return RequestSpec(entry_url, ACCEPT_PAGE)


def read_question(body: bytes) -> Page:
    """One question with its answer."""
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
        site_name="UK Parliament",
    )


def _question(item: dict[str, Any]) -> Entry | None:
    tabled, number = text_of(item, "dateTabled")[:10], text_of(item, "uin")
    title = _question_title(item)
    url = normalise_url(f"{_QUESTIONS}/{tabled}/{number}")
    if not tabled or not number or not title or url is None or not _QUESTION_PAGE.search(urlsplit(url).path):
        return None
    return Entry(
        url=url,
        title=title,
        summary=plain(text_of(item, "questionText"), MAX_SUMMARY),
        published_at=_question_date(item),
        author=_member(item.get("askingMember")),
        language="en",
    )


def _question_title(item: dict[str, Any]) -> str:
    heading = plain(text_of(item, "heading"), MAX_TITLE)
    return f"Written question: {heading}" if heading else ""


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
    title = plain(text_of(item, "DebateSection") or text_of(item, "Title"), MAX_TITLE)
    house = text_of(item, "House") or "Commons"
    if not identity or not day or not title:
        return None
    slug = _NOT_WORDS.sub("", title.title()) or "Debate"
    return normalise_url(f"{_HANSARD}/{house}/{day}/debates/{identity}/{slug}")


def _debate(address: str, items: list[dict[str, Any]]) -> Entry:
    spoken = []
    for item in items:
        words = paragraphs_of(text_of(item, "ContributionTextFull") or text_of(item, "ContributionText"))
        name = plain(text_of(item, "AttributedTo") or text_of(item, "MemberName"), MAX_AUTHOR)
        if words:
            spoken.append(f"{name}: {' '.join(words)}" if name else " ".join(words))
    first = items[0]
    title = plain(text_of(first, "DebateSection") or text_of(first, "Title"), MAX_TITLE)
    text = "\n".join(spoken)
    return Entry(
        url=address,
        title=f"{title} ({plain(text_of(first, 'House'), 20) or 'Parliament'} debate)",
        summary=plain(text, MAX_SUMMARY),
        published_at=parse_date(text_of(first, "SittingDate")[:10]),
        language="en",
        text=text or None,
    )


def _following(url: str, name: str, found: int, total: int) -> tuple[RequestSpec, ...]:
    start = whole(parameter(url, name, "0"), 0) + found
    if not found or start >= total:
        return ()
    return (RequestSpec(with_parameters(url, defaults={}, required={name: str(start)}), ACCEPT_JSON),)
