"""The page behind a reader's token: what they receive, changed, left, downloaded or erased by them alone, by POST.

An unknown token gets the same kind of page after the same work, so that nothing is learnt by trying.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from flows.publishing.erasure import erase, warn_of
from flows.website.leaving_and_suggesting import MAX_TOKEN, form_of, told, unknown
from flows.website.site import site_of
from models.edition.short import ALERTS_A_DAY, WATCHED
from models.organisations import Organisations, load_organisations
from models.seeds import DataFileError
from models.settings import Settings
from models.sources import NATION_NAMES, SECTOR_NAMES
from models.store import recipients
from models.store.article_facts import load_heirs
from models.store.recipients import RecipientError
from models.store.tables import Recipient

logger = logging.getLogger(__name__)


async def preferences(request: Request) -> Response:
    """Show them; with a POST do the one thing that its button asks for."""
    fields = await form_of(request) if request.method == "POST" else {}
    return await run_in_threadpool(_answer, request, fields)


def no_token(request: Request) -> Response:
    """How to get to one's own page, for those who come without a token."""
    return site_of(request).page(request, "preferences_how.html", title="By email")


def _answer(request: Request, fields: Mapping[str, list[str]]) -> Response:
    site = site_of(request)
    token = request.path_params["token"]
    if len(token) > MAX_TOKEN or "/" in token:
        raise HTTPException(404, "Use the link at the foot of an email.")
    with site.database.read() as session:
        person = recipients.by_token(token, session=session)
    if person is None or not person.address:
        return unknown(request)
    if request.method != "POST":
        return _page(request, person)
    act = {"change": _change, "leave": _leave, "download": _download, "erase": _erase}.get(_one(fields, "do"))
    if act is None:
        return _page(request, person, "Nothing was changed: use a button of this page.", 400)
    return act(request, person, fields)


def _change(request: Request, person: Recipient, fields: Mapping[str, list[str]]) -> Response:
    site = site_of(request)
    more = [name for line in fields.get("watch_more", []) for name in line.splitlines() if name.strip()]
    try:
        with site.database.write() as session:
            changed = recipients.change(
                person.address or "",
                themes=fields.get("themes", []),
                nations=fields.get("nations", []),
                sectors=fields.get("sectors", []),
                watch=[*fields.get("watch", []), *more],
                daily=_one(fields, "daily") == "yes",
                alerts=fields.get("alerts", []),
                send_empty=_one(fields, "send_empty") == "yes",
                registry=site.registry,
                organisations=_organisations(request),
                session=session,
            )
    except RecipientError as error:
        # Without what it says of commands, which no reader has.
        return _page(request, person, f"Nothing was changed: {str(error).partition('; `')[0]}.", 400)
    idle = WATCHED in changed.alerts and not changed.watch
    but = " You watch no organisation so far: until you do, no alert is about one." if idle else ""
    return _page(request, changed, f"Your choice is kept, and counts from the next email on.{but}")


def _leave(request: Request, person: Recipient, _fields: Mapping[str, list[str]]) -> Response:
    site = site_of(request)
    with site.database.write() as session:
        known = recipients.by_token(person.token, session=session)
        if known is not None:
            recipients.leave(known, site.now(), session=session)
    return _page(request, known or person, "You have left the list. Your address is erased within 28 days.")


def _download(request: Request, person: Recipient, _fields: Mapping[str, list[str]]) -> Response:
    site = site_of(request)
    try:
        with site.database.read() as session:
            kept = recipients.export(person.address or "", session=session)
    except RecipientError:  # erased meanwhile
        return unknown(request)
    text = json.dumps(kept, ensure_ascii=False, indent=2) + "\n"
    headers = {"Content-Disposition": 'attachment; filename="kept-about-me.json"'}
    return Response(text, media_type="application/json", headers=headers)


def _erase(request: Request, person: Recipient, fields: Mapping[str, list[str]]) -> Response:
    site = site_of(request)
    if _one(fields, "sure") != "yes":
        return _page(request, person, "Nothing was erased: tick the box beside the button first.", 400)
    settings: Settings = request.app.state.settings
    with suppress(RecipientError):  # by another click, a moment before
        forget = request.app.state.forget_runs
        warn_of(asyncio.run(erase(site.database, settings, person.address or "", site.now(), forget)))
    text = "Your address, your name and your choices are erased. What was sent stays counted, without you."
    return told(request, 200, "You are erased", text)


def _organisations(request: Request) -> Organisations | None:
    """Those that are looked for now; None where the user's own file can't be read, which is not the reader's fault."""
    settings: Settings = request.app.state.settings
    try:
        return load_organisations(settings.own_organisations)  # a tenth of a second
    except DataFileError as error:
        logger.warning("preferences: %s", error)
        return None


def _page(request: Request, person: Recipient, note: str = "", status: int = 200) -> Response:
    site = site_of(request)
    sources = site.registry.sources
    groups: list[tuple[str, str, dict[str, str], list[str]]] = [
        ("themes", "Themes", dict(site.theme_names), person.themes),
        ("nations", "Nations", _with_own(NATION_NAMES, {source.nation for source in sources}), person.nations),
        ("sectors", "Sectors", _with_own(SECTOR_NAMES, {source.sector for source in sources}), person.sectors),
    ]
    settings: Settings = request.app.state.settings
    values: dict[str, Any] = {
        "person": person,
        "groups": groups,
        "watched": _watched(request, person),
        "alerts": {WATCHED: "Organisations that you watch", **site.theme_names},
        "alerts_a_day": ALERTS_A_DAY,
        "approval": settings.approval,
        "note": note,
    }
    return site.page(request, "preferences.html", status=status, title="What you receive", at="", **values)


def _watched(request: Request, person: Recipient) -> list[tuple[str, str, bool]]:
    """Id and name of each organisation that they watch, and whether it is on the list still."""
    if not person.watch:
        return []
    known = _organisations(request)
    with site_of(request).database.read() as session:
        heirs = load_heirs(session=session)
    listed = {one.id: one.name for one in known.values()} if known is not None else dict(heirs.names)
    return [(id_, listed.get(id_) or heirs.of(id_)[1], id_ in listed) for id_ in person.watch]


def _with_own(names: Mapping[str, str], own: set[str]) -> dict[str, str]:
    """The names that are shipped, and the words of a registry of one's own."""
    return {**names, **{word: word.replace("-", " ").capitalize() for word in sorted(own - names.keys())}}


def _one(fields: Mapping[str, list[str]], name: str) -> str:
    return next(iter(fields.get(name, [])), "")
