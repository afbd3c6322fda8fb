"""What a reader can do: leave the list by the token of their emails, and say that a tag is wrong.

A GET changes nothing, since the link scanners of mail systems follow every link. An unknown token gets the same kind of
page after the same work, so that nothing is learnt by trying.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from flows.website.guard import Limit, network_of
from flows.website.pages import story
from flows.website.site import site_of
from models.edition.news import PRODUCT
from models.reviews import IN_SCOPE
from models.store import recipients, reviews
from models.store.tables import LARGEST_ID, Article
from models.themes import theme_ids

MAX_TOKEN = 200  # letters; a longer one is noise
MAX_FORM = 20_000  # bytes
MAX_FIELDS = 200
SUGGESTIONS_PER_HOUR = 10  # of one visitor
NOT_OURS = "A form of this page alone can do that."


def unsubscribe(request: Request) -> Response:
    """Leave with one click: GET shows a button, POST (of the button, or of a mail program, RFC 8058) leaves."""
    site = site_of(request)
    token = request.path_params["token"]
    if len(token) > MAX_TOKEN or "/" in token:
        raise HTTPException(404, "Use the link at the foot of an email.")
    if request.method != "POST":
        with site.database.read() as session:
            recipient = recipients.by_token(token, session=session)
        if recipient is None:
            return unknown(request)
        if not recipient.active:
            return _gone(request)
        text = f"You will receive no more editions of the {PRODUCT}."
        return site.page(request, "unsubscribe.html", title="Leave the list?", text=text, form=True, token=token, at="")
    with site.database.write() as session:
        recipient = recipients.by_token(token, session=session)
        if recipient is None:
            return unknown(request)
        recipients.leave(recipient, site.now(), session=session)
    return _gone(request)


async def suggest(request: Request) -> Response:
    """Keep what a reader says of a story's tags for the review queue; it changes no tag by itself."""
    if not _of_own_page(request):
        raise HTTPException(403, NOT_OURS)
    fields = await form_of(request)
    return await run_in_threadpool(_suggest, request, fields)


def _of_own_page(request: Request) -> bool:
    """Whether no other site's page sends this, by what browsers say without TLS too; programs say nothing."""
    origin = request.headers.get("origin")
    if origin is None or "sec-fetch-site" in request.headers:  # which `form_of` looks at
        return True
    host = request.headers.get("host", "")
    public = "/".join(site_of(request).base_url.split("/")[:3])
    return bool(host) and origin.lower() in {public.lower(), f"http://{host}".lower(), f"https://{host}".lower()}


def _suggest(request: Request, fields: Mapping[str, list[str]]) -> Response:
    site = site_of(request)
    number = request.path_params["story"]
    theme, sign = next(iter(fields.get("theme", [])), ""), next(iter(fields.get("verdict", [])), "")
    if theme not in (*theme_ids(), IN_SCOPE) or sign not in {"yes", "no"}:
        return story(request, note="Nothing was kept: choose what is wrong, and whether it applies.", status=400)
    limit: Limit = request.app.state.suggestions
    if not limit.allows(network_of(request.state.visitor)):
        return story(request, note="You have said much in an hour. Nothing was kept; come back later.", status=429)
    with site.database.write() as session:
        known = number <= LARGEST_ID and session.get(Article, number) is not None
        note = next(iter(fields.get("note", [])), "")
        kept = known and reviews.suggest(number, theme, sign == "yes", note, site.now(), session=session)
    if not known:
        raise HTTPException(404)
    if not kept:
        return story(request, note="Many suggestions wait for a reviewer already. Nothing was kept.", status=429)
    return story(request, note="Thank you. It waits for a reviewer; the tags stay as they are until then.")


async def form_of(request: Request) -> Mapping[str, list[str]]:
    """The fields of a form, of our own pages alone.

    Raises:
        HTTPException: it is too large, of another site's page, or breaks off.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403, NOT_OURS)
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM:
                raise HTTPException(413, "That is too long.")
    except ClientDisconnect:
        raise HTTPException(400) from None
    fields: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(body.decode("utf-8", "replace"), max_num_fields=MAX_FIELDS):
            fields.setdefault(name, []).append(value)
    except ValueError:
        raise HTTPException(400, "That form has too many fields.") from None
    return fields


def unknown(request: Request) -> Response:
    """The page for a token that nobody has."""
    text = "Perhaps the address was erased already, or the link was cut. Reply to an edition to be taken off the list."
    return told(request, 404, "This link is not known", text)


def _gone(request: Request) -> Response:
    text = f"You receive no more editions of the {PRODUCT}. Your address is erased within 28 days."
    return told(request, 200, "You have left the list", text)


def told(request: Request, status: int, title: str, text: str) -> Response:
    """A page of one heading and one sentence."""
    return site_of(request).page(request, "unsubscribe.html", status=status, title=title, text=text, form=False, at="")
