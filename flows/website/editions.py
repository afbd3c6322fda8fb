"""The pages of the editions, and those on the whole: every week, the sources and their health, how this is made."""

from dataclasses import replace
from typing import Any

from sqlmodel import col
from sqlmodel import select as select_rows
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from flows.publishing.edition import archive_entries
from flows.publishing.layout import view_edition
from flows.publishing.rendering import years_of
from flows.publishing.view import EditionView, shorten
from flows.website.site import MAX_PAGE_BYTES, site_of
from models.edition.content import EditionContent, content_from_json, within_rights
from models.edition.facts import describe_model, find_gaps
from models.edition.wording import describe_gap, explain_gaps
from models.sources import name_nation, name_sector
from models.store import editions
from models.store.source_snapshots import enabled_sources
from models.store.tables import Edition, ModelVersion, SourceState
from models.store.week_gathering import source_facts
from models.weeks import Week

EDITION_STORIES = (60, 30, 20, 12, 8, 5, 3, 1)  # under one heading: as many as fit into a page


def latest(request: Request) -> Response:
    """The newest edition, of a week that is over or not."""
    site = site_of(request)
    with site.database.read() as session:
        newest = session.exec(select_rows(Edition).order_by(col(Edition.week).desc()).limit(1)).first()
    if newest is None:
        return site.page(request, "empty.html", title="No edition yet", at="/")
    return _edition(request, content_from_json(newest.content), at="/")


def one_week(request: Request) -> Response:
    """The edition of a week, at the address that emails name."""
    site = site_of(request)
    try:
        week = Week.parse(request.path_params["week"])
    except ValueError:
        raise HTTPException(404) from None
    with site.database.read() as session:
        kept = editions.edition_of(week, session=session)
    if kept is None:
        raise HTTPException(404)
    return _edition(request, content_from_json(kept.content), at="/index.html")


def weeks(request: Request) -> Response:
    """Every week."""
    site = site_of(request)
    with site.database.read() as session:
        entries = archive_entries(session=session)
    return site.page(request, "weeks.html", title="Every week", years=years_of(entries))


def sources(request: Request) -> Response:
    """Which sources are watched and how each answered last."""
    site = site_of(request)
    now = site.now()
    with site.database.read() as session:
        watched = enabled_sources(session=session)
        states = {state.source: state for state in session.exec(select_rows(SourceState))}
        gaps = find_gaps(source_facts(Week.of(now), session=session), site.registry, Week.of(now), now)
    known = site.registry.by_id()
    rows = []
    for one in watched:
        state = states.get(one.source)
        source = known.get(one.source)
        rights = site.registry.rights_then_and_now(one.source, [one.rights])
        place = f"{name_nation(one.nation)} · {name_sector(one.sector)}"
        rows.append((one.name or (source.label if source else one.source), place, rights, state))
    troubles = [(gap.name, describe_gap(gap), gap.reason) for gap in gaps]
    rows.sort(key=lambda row: row[0].casefold())
    return site.page(request, "sources.html", title="Sources", rows=rows, gaps=troubles, gaps_note=explain_gaps(gaps))


def about(request: Request) -> Response:
    """How this is made: the model and its measured quality, rights, privacy."""
    site = site_of(request)
    with site.database.read() as session:
        champion = session.exec(select_rows(ModelVersion).where(ModelVersion.state == "champion")).first()
    note = describe_model(champion.version, champion.scores) if champion else None
    classes = [site.registry.rights[name] for name in sorted({source.rights for source in site.registry.sources})]
    return site.page(request, "about.html", title="How this is made", model=champion, quality=note, classes=classes)


def _edition(request: Request, content: EditionContent, at: str) -> Response:
    """An edition, within the rights of today too, as long as a page may be; what is left out is on its themes' pages."""
    site = site_of(request)
    stories = tuple(within_rights(one, site.registry.rights_of(one.source)) for one in content.stories)
    whole = view_edition(replace(content, stories=stories))
    with site.database.read() as session:
        others = [week for week, _, _ in editions.index(session=session)]
    before = max((week for week in others if week < content.week), default="")
    after = min((week for week in others if week > content.week), default="")

    def shown(view: EditionView) -> Response:
        values: dict[str, Any] = {"title": view.title, "description": view.subject, "edition": view, "at": at}
        return site.page(request, "edition.html", before=before, after=after, **values)

    answer = shown(whole)
    for most in EDITION_STORIES:
        if len(answer.body) < MAX_PAGE_BYTES:
            break
        answer = shown(shorten(whole, stories=most, copies=8))
    return answer
