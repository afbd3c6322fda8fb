"""What must have come true at the end of a sequence, once all that stood in the way is mended."""

from collections.abc import Iterator

from sqlmodel import select

from models.store import editions
from models.store.tables import Article, ArticleEdition, Delivery, Edition
from models.weeks import Week
from tests.sequences.invariants import in_scope_articles
from tests.sequences.newsroom import PAPERS
from tests.sequences.world import World


def unkept(world: World) -> list[str]:
    """The promises that were not kept."""
    return [*_pages(world), *_stories(world), *_emails(world), *_files(world)]


def _pages(world: World) -> Iterator[str]:
    """Every page that can be had was read, or it is on record why it is asked for no more; its own headline stands."""
    with world.database.read() as session:
        articles = {one.url: one for one in session.exec(select(Article))}
    for report in world.newsroom.reports:
        found = articles.get(world.newsroom.url(report))
        if found is None or report.state == "gone" or found.source not in PAPERS:
            continue
        has_reason = found.page_given_up is not None or found.outcome in {"headline", "gone"}
        if found.text_status != "full" and not has_reason:
            yield f"{report.path} is open and was not read: {found.outcome}, owed since {found.page_owed_since}"
        listed = world.newsroom.feeds[report.paper].items.get(found.url)
        if listed is not None and found.source == report.paper and found.title != listed[0]:
            yield f"{report.path} is listed as {listed[0]!r} by its own paper, and kept as {found.title!r}"


def _stories(world: World) -> Iterator[str]:
    """Two digests later, every story in scope of a week that is over is in one edition, or it is on record why in none."""
    with world.database.read() as session:
        placed = {row.article_id for row in session.exec(select(ArticleEdition))}
        sealed = [Week.parse(week) for week in session.exec(select(Edition.week).where(Edition.sealed))]
        in_scope = in_scope_articles(session)
    if not sealed or max(sealed) < world.last_week():
        return  # nobody is on the list
    for number, moment in in_scope:
        if moment < max(sealed).end and number not in placed:
            yield f"article {number} is in scope, and has neither an edition nor a reason"


def _emails(world: World) -> Iterator[str]:
    """No email waits; whoever was to have one had it, or it is on record why not."""
    with world.database.read() as session:
        rows = list(session.exec(select(Delivery)))
    for row in rows:
        if row.state in {"pending", "sending"}:
            yield f"delivery {row.id} still waits"
        if row.state in {"failed", "expired"} and not row.error:
            yield f"delivery {row.id} is {row.state} without a reason"


def _files(world: World) -> Iterator[str]:
    """The page of each sent edition is what the table holds."""
    with world.database.read() as session:
        rows = [(row.week, row.html) for row in session.exec(select(Edition).where(Edition.sealed))]
        index = [week for week, _, _ in editions.index(session=session)]
    listed = (world.settings.data / "archive" / "index.html").read_text(encoding="utf-8") if index else ""
    for week, html in rows:
        if (world.settings.data / "archive" / f"{week}.html").read_text(encoding="utf-8") != html:
            yield f"the page of {week} is not the edition that was sent"
    for week in index:
        if f"{week}.html" not in listed:
            yield f"{week} is not in the index"
