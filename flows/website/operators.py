"""For whoever runs the monitor: whether it is well, and its numbers in Prometheus' form. Neither holds a secret or an address."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from flows.website.site import Site, site_of
from models.store.search import Wanted, facets, find
from models.store.source_snapshots import enabled_sources
from models.store.tables import Article, Delivery, Edition, Recipient, Run, SourceState
from models.weeks import LONDON, Week

RUN_WITHIN = timedelta(hours=26)  # a day and its night, in which no run is due
DIGEST_WITHIN = timedelta(days=1)  # after a week's end
FAILING_SHARE = 0.5  # of the sources: with more the monitor is blind
DAY = timedelta(days=1)


def healthz(request: Request) -> Response:
    """200 where the monitor sees, 503 where it is blind; each check with what it found."""
    site = site_of(request)
    with site.database.read() as session:
        checks = check(site, session=session)
    well = all(good for good, _ in checks.values())
    told = {name: {"ok": good, "found": words} for name, (good, words) in checks.items()}
    return JSONResponse({"status": "ok" if well else "failing", "checks": told}, 200 if well else 503)


def check(site: Site, *, session: Session) -> dict[str, tuple[bool, str]]:
    """By check: whether it is well, and what was found. That the database answers is the first of them."""
    now = site.now()
    run = _last_run(session=session)
    finished = run.finished_at if run is not None else None
    watched, failing = _sources(session=session)
    week = Week.of(now - DIGEST_WITHIN).plus(-1)
    digest, expected = _digest(week, session=session)
    return {
        "database": (True, session.get_bind().dialect.name),
        "last_run": (
            finished is not None and now - finished <= RUN_WITHIN,
            finished.isoformat() if finished else "none has finished",
        ),
        "sources": (
            watched > 0 and failing <= FAILING_SHARE * watched,
            f"{failing} of {watched} failing" if watched else "none is watched yet",
        ),
        "last_digest": (digest or not expected, f"{week} {'went out' if digest else 'has not gone out'}"),
    }


def metrics(request: Request) -> Response:
    """All numbers, each a gauge: what was done in the last day, how old the last is, and how it stands now."""
    site = site_of(request)
    now = site.now()
    with site.database.read() as session:
        lines = [
            line for name, told, values in _numbers(site, now, session=session) for line in _lines(name, told, values)
        ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


Numbers = tuple[str, str, Mapping[tuple[str, str], float]]  # name, help, {(label, value): number}
NO_LABEL = ("", "")


def _numbers(site: Site, now: datetime, *, session: Session) -> Iterable[Numbers]:
    runs = session.exec(select(Run).where(Run.started_at > now - DAY)).all()
    entries: Counter[str] = Counter()
    for run in runs:
        for outcomes in run.outcomes.values():
            entries.update(outcomes)
    yield "runs_last_day", "Runs that began in the last day, by flow", _by("flow", Counter(run.flow for run in runs))
    yield "entries_last_day", "Entries of the last day's runs, by outcome", _by("outcome", entries)
    last = _last_run(session=session)
    if last is not None and last.finished_at is not None:
        seconds = (last.finished_at - last.started_at).total_seconds()
        yield "last_run_seconds", "How long the last finished run took", {NO_LABEL: seconds}
        yield (
            "last_run_age_seconds",
            "Since the last run finished",
            {NO_LABEL: (now - last.finished_at).total_seconds()},
        )
    watched, failing = _sources(session=session)
    yield (
        "sources",
        "Sources that are watched, and those that fail",
        _by("state", {"watched": watched, "failing": failing}),
    )
    monday = Week.of(now).start.astimezone(LONDON).date()
    hits = find(Wanted(since=monday), now, limit=None, session=session).hits
    themes = facets(hits, session=session)["theme"]
    yield "stories_this_week", "Stories in scope of this week", {NO_LABEL: len(hits)}
    yield (
        "stories_this_week_by_theme",
        "The same by theme; a story counts under each that it has",
        _by("theme", {theme: themes[theme] for theme in site.theme_names}),
    )
    owed = session.exec(select(func.min(Article.page_owed_since)).where(col(Article.page_due_at).is_not(None))).one()
    yield (
        "oldest_owed_page_seconds",
        "Age of the page that is owed longest",
        {NO_LABEL: (now - owed).total_seconds() if owed else 0},
    )
    edition = session.exec(
        select(Edition).where(col(Edition.sealed).is_(True)).order_by(col(Edition.week).desc())
    ).first()
    if edition is not None:
        states = select(Delivery.state, func.count()).where(Delivery.edition_id == edition.id).group_by(Delivery.state)
        yield (
            "deliveries",
            "Deliveries of the last edition that was sent, by state",
            _by("state", dict(session.exec(states).all())),
        )
        if edition.sealed_at is not None:
            yield (
                "last_edition_age_seconds",
                "Since it was first sent",
                {NO_LABEL: (now - edition.sealed_at).total_seconds()},
            )


def _by(label: str, counts: Mapping[str, int]) -> dict[tuple[str, str], float]:
    return {(label, value): count for value, count in sorted(counts.items())}


def _lines(name: str, told: str, values: Mapping[tuple[str, str], float]) -> Iterable[str]:
    full = f"culture_{name}"
    yield f"# HELP {full} {told}"
    yield f"# TYPE {full} gauge"
    for (label, value), number in values.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'{full}{{{label}="{escaped}"}} {number:g}' if label else f"{full} {number:g}"


def _last_run(*, session: Session) -> Run | None:
    finished = select(Run).where(col(Run.finished_at).is_not(None)).order_by(col(Run.started_at).desc())
    return session.exec(finished.limit(1)).first()


def _sources(*, session: Session) -> tuple[int, int]:
    watched = {one.source for one in enabled_sources(session=session)}
    failing = session.exec(select(SourceState.source).where(col(SourceState.failing_since).is_not(None))).all()
    return len(watched), len(watched.intersection(failing))


def _digest(week: Week, *, session: Session) -> tuple[bool, bool]:
    """Whether the digest of a week went out, and whether anybody was on the list by then to get it."""
    sealed = session.exec(select(Edition.sealed).where(Edition.week == str(week))).first()
    reader = select(Recipient.id).where(col(Recipient.active).is_(True), Recipient.joined_at < week.end).limit(1)
    expected: Any = session.exec(reader).first()
    return bool(sealed), expected is not None
