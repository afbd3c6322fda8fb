"""Leaving with one click: a small web application (WSGI) for the address in each email's footer and List-Unsubscribe.

A GET shows a page with one button and changes nothing, since the link scanners of mail systems follow every link. The POST of
that button, or of a mail program (RFC 8058), takes the recipient off the list. An unknown token gets the same kind of
page after the same work, so that nothing is learnt by trying. The archive's pages can be served beside it.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError

from flows.publishing.rendering import html_templates
from models.edition.news import PRODUCT
from models.store import recipients
from models.store.database import Database, explain_error

logger = logging.getLogger(__name__)

PREFIX = "/unsubscribe/"
MAX_TOKEN = 200  # letters; a longer one is noise
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),  # the token is part of the address
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Frame-Options", "DENY"),  # the same for browsers that know no frame-ancestors
)

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a browser or a mail program."""

    status: HTTPStatus
    page: str


def answer(database: Database, method: str, path: str, now: datetime) -> Reply:
    """What a request to `path` gets; a POST with a recipient's token takes them off the list."""
    token = path.removeprefix(PREFIX)
    if not path.startswith(PREFIX) or not token or len(token) > MAX_TOKEN or "/" in token:
        return _reply(HTTPStatus.NOT_FOUND, "There is nothing here", "Use the link at the foot of an email.")
    if method in {"GET", "HEAD"}:
        with database.read() as session:
            recipient = recipients.by_token(token, session=session)
        if recipient is None:
            return _unknown()
        if not recipient.active:
            return _gone()
        return _reply(
            HTTPStatus.OK,
            "Leave the list?",
            f"You will receive no more editions of the {PRODUCT}.",
            form=True,
        )
    if method != "POST":
        return _reply(HTTPStatus.METHOD_NOT_ALLOWED, "That is not possible", "Use the link at the foot of an email.")
    with database.write() as session:
        recipient = recipients.by_token(token, session=session)
        if recipient is None:
            return _unknown()
        recipients.leave(recipient, now, session=session)
    return _gone()


def application(
    database: Database, archive: Path | None, now: Callable[[], datetime], base_url: str = ""
) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """The web application; with an `archive` folder, it serves the pages of that as well.

    A path in `base_url` is taken off, where the web server in front leaves it on.
    """
    base_path = urlsplit(base_url).path.rstrip("/")

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method, path = str(environ.get("REQUEST_METHOD", "GET")), str(environ.get("PATH_INFO", "/"))
        if base_path and path.startswith(f"{base_path}/"):
            path = path.removeprefix(base_path)
        page = _archived(archive, path) if archive is not None and method in {"GET", "HEAD"} else None
        try:
            reply = Reply(HTTPStatus.OK, page) if page is not None else answer(database, method, path, now())
        except DBAPIError as error:  # whose own words hold the token
            logger.error("a request could not be answered: %s", explain_error(error))
            reply = _reply(
                HTTPStatus.SERVICE_UNAVAILABLE, "This is not possible just now", "Try again in some minutes."
            )
        body = reply.page.encode()
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))), *_HEADERS]
        start_response(f"{reply.status.value} {reply.status.phrase}", headers)
        return [b"" if method == "HEAD" else body]

    return serve


def _archived(folder: Path, path: str) -> str | None:
    """A page of the archive by its plain name; no other file and no other folder."""
    name = "index.html" if path == "/" else path.removeprefix("/")
    known = {file.name: file for file in folder.glob("*.html")} if folder.is_dir() else {}
    file = known.get(name)
    if file is None or file.is_symlink() or not file.is_file():  # a link may lead to what is not for visitors
        return None
    return file.read_text(encoding="utf-8", errors="replace")


def _unknown() -> Reply:
    return _reply(
        HTTPStatus.NOT_FOUND,
        "This link is not known",
        "Perhaps the address was erased already, or the link was cut. Reply to an edition to be taken off the list.",
    )


def _gone() -> Reply:
    text = f"You receive no more editions of the {PRODUCT}. Your address is erased within 28 days."
    return _reply(HTTPStatus.OK, "You have left the list", text)


def _reply(status: HTTPStatus, heading: str, text: str, *, form: bool = False) -> Reply:
    template = html_templates().get_template("web/unsubscribe.html")
    return Reply(status, template.render(product=PRODUCT, heading=heading, text=text, form=form))
