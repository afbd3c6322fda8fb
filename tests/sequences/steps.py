"""What can happen to a monitor, one function each: `step(world, chance)` does it and says in words what it did.

A step draws from its own `chance` alone, so that a sequence from which others were dropped still does the same.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from sqlmodel import col, select

from flows import jobs
from flows.mail import erasure
from flows.mail.weekly import approve, weekly_digest
from flows.training import train
from models.reviews import IN_SCOPE, check_decision
from models.store import editions, model_versions, recipients, reviews
from models.store.database import open_database
from models.store.tables import Article, Edition, ModelVersion
from models.themes import theme_ids
from models.weeks import Week
from tests.sequences.newsroom import PAGE_STATES, PAPERS, SEARCH, Report
from tests.sequences.world import THEMES as LOADED
from tests.sequences.world import Person, World

Step = Callable[[World, Random], str]
THEMES = theme_ids()


def feed_grows(world: World, chance: Random) -> str:
    papers = [chance.choice(PAPERS) for _ in range(chance.randint(1, 3))]
    made = [world.newsroom.report(paper, world.now, chance) for paper in papers]
    for one in made:
        one.state = chance.choice(["open"] * 4 + list(PAGE_STATES))
    return f"{', '.join(f'{one.paper} lists {one.path} ({one.state})' for one in made)}"


def copy_comes(world: World, chance: Random) -> str:
    if not world.newsroom.reports:
        return "nothing to copy"
    like = chance.choice(world.newsroom.reports)
    other = PAPERS[1 - PAPERS.index(like.paper)]
    made = world.newsroom.report(other, world.now, chance, like)
    made.state = chance.choice(["open", "open", "failing", "blocked"])
    return f"{other} copies {like.path} as {made.path} ({made.state})"


def named_elsewhere(world: World, chance: Random) -> str:
    """A page is named by the search service or by the other paper: maybe before its own feed does."""
    paper, by = chance.choice(PAPERS), chance.choice([SEARCH, SEARCH, *PAPERS])
    made = world.newsroom.report(paper, world.now, chance)
    url = world.newsroom.url(made)
    if chance.random() < 0.5:
        del world.newsroom.feeds[paper].items[url]
    world.newsroom.feeds[by].items[url] = (f"{made.title} - you will not believe it", made.published)
    return f"{by} lists {made.path} of the {paper}"


def listed_by_its_own(world: World, chance: Random) -> str:
    for report in world.newsroom.reports:
        feed, url = world.newsroom.feeds[report.paper], world.newsroom.url(report)
        if url not in feed.items and chance.random() < 0.5:
            feed.items[url] = (report.title, report.published)
            return f"{report.paper} lists {report.path} at last (or again)"
    return "all are listed"


def feed_moves_on(world: World, chance: Random) -> str:
    name = chance.choice([*PAPERS, SEARCH])
    items = world.newsroom.feeds[name].items
    for url in list(items)[: chance.randint(1, 4)]:
        del items[url]
    return f"{name} lists {len(items)} now"


def feed_fails(world: World, chance: Random) -> str:
    feed = world.newsroom.feeds[chance.choice([*PAPERS, SEARCH])]
    feed.is_open = not feed.is_open
    return f"a feed is {'open' if feed.is_open else 'out of order'}"


def _a_report(world: World, chance: Random) -> Report | None:
    return chance.choice(world.newsroom.reports) if world.newsroom.reports else None


def page_turns(world: World, chance: Random) -> str:
    report, state = _a_report(world, chance), chance.choice([*PAGE_STATES, "open", "open"])
    if report is None:
        return "no page"
    report.state = state
    return f"{report.path} is {state}"


def pages_open(world: World, chance: Random) -> str:
    for report in world.newsroom.reports:
        report.state = "open" if report.state != "gone" else report.state
    return "every page is open"


def page_changes(world: World, chance: Random) -> str:
    report = _a_report(world, chance)
    if report is None:
        return "no page"
    how = chance.choice(["headline", "page's headline", "text"])
    if how == "text":
        report.paragraphs[0] = f"Corrected on {world.now:%d %B}: {report.paragraphs[0]}"
    elif how == "headline":
        report.title += " – corrected"
        items, url = world.newsroom.feeds[report.paper].items, world.newsroom.url(report)
        if url in items:
            items[url] = (report.title, items[url][1])
    else:
        report.own_title = f"{report.title}, says its page at {world.now:%H:%M}"
    return f"{report.path} changes its {how}"


def run(world: World, chance: Random) -> str:
    world.run(all_due=chance.random() < 0.5)
    return "run"


def run_few_pages(world: World, chance: Random) -> str:
    world.run(all_due=True, pages_per_run=chance.randint(1, 2))
    return "run, a page or two"


def run_killed(world: World, chance: Random) -> str:
    world.kill_at = chance.randint(0, 60)
    world.run(all_due=True)
    return f"run, {'killed' if world.told.killed else 'not killed after all'}"


def _an_article(world: World, chance: Random) -> Article | None:
    with world.database.read() as session:
        found = session.exec(select(Article).order_by(col(Article.id).desc()).limit(12)).all()
    return chance.choice(found) if found else None


def review(world: World, chance: Random) -> str:
    article = _an_article(world, chance)
    if article is None:
        return "nothing to review"
    scope = chance.choice([None, None, True, False])
    some = chance.sample(THEMES, 2)
    themes, others = (
        ([], some[:1]) if scope is False else (some[: chance.randint(0, 1)], some[1 : 1 + chance.randint(0, 1)])
    )
    if scope is None and not themes and not others:
        themes = some[:1]
    if chance.random() < 0.2:
        options = [option for one in themes for option in ("--theme", one)]
        options += [option for one in others for option in ("--not-theme", one)]
        options += [] if scope is None else ["--in-scope" if scope else "--out-of-scope"]
        world.command("review", "add", str(article.id), *options, "--reviewer", "Ada")
    else:
        with world.database.write() as session:
            decision = check_decision(in_scope=scope, themes=themes, not_themes=others, reviewer="Ada")
            reviews.record(session.get_one(Article, article.id), decision, world.now, session=session)
    said = ({} if scope is None else {IN_SCOPE: scope}) | dict.fromkeys(themes, True) | dict.fromkeys(others, False)
    world.memory.said += [(article.id or 0, theme, verdict) for theme, verdict in said.items()]
    world.now += timedelta(minutes=1)
    return f"a review of article {article.id}: {said}"


def upgrade(world: World, chance: Random) -> str:
    world.builds.become(1 - world.builds.number)
    world.reopen()
    return f"it is build {world.builds.number}"


def encoder_gone(world: World, chance: Random) -> str:
    """What tags was made with an encoder that is not there any more."""
    with world.database.write() as session:
        row = model_versions.champion(session=session)
        if row is None or row.pinned:
            return "no model"
        row.encoder = "minilm"
        session.add(row)
    facts = world.settings.models_folder / row.version / "model.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "encoder": "minilm"}), encoding="utf-8")
    return f"the encoder of {row.version} is gone"


def purge(world: World, chance: Random) -> str:
    registry = world.registry()
    world.job(lambda: asyncio.run(jobs.upkeep(world.database, registry, world.settings, now=world.now)))
    for person in world.memory.people.values():
        long_ago = person.left_at is not None and person.left_at <= world.now - recipients.ERASE_AFTER
        person.erased |= long_ago and not person.active
    return "upkeep"


def learn(world: World, chance: Random) -> str:
    world.told.trained = world.job(
        lambda: train(world.database, world.settings, now=world.now, force=chance.random() < 0.3)
    )
    return f"train: {world.told.trained.notes[-1:] if world.told.trained else 'killed'}"


def roll_back(world: World, chance: Random) -> str:
    with world.database.read() as session:
        versions = sorted(row.version for row in session.exec(select(ModelVersion)))
    if not versions:
        return "no model"
    version = chance.choice(versions)
    try:
        jobs.roll_back(world.database, world.settings, version)
    except ValueError as error:
        return f"no going back: {error}"
    world.memory.pinned = version
    return f"back to {version}"


def joins(world: World, chance: Random) -> str:
    people = world.memory.people
    away = sorted(address for address, person in people.items() if not person.active)
    if away and chance.random() < 0.3:
        address = chance.choice(away)
    else:
        address = f"reader{len(people)}.{world.step}@trust{chance.randint(1, 3)}.example.org"
    known = people.get(address)
    themes = tuple(sorted(chance.sample(THEMES, chance.choice([0, 0, 1, 3, 9]))))
    kept = known is not None and not known.erased and not themes
    with world.database.write() as session:
        recipients.add(address, world.now, themes=themes or None, send_empty=chance.random() < 0.5, session=session)
    people[address] = Person(address, known.themes if kept and known else themes)
    return f"{address} joins for {themes or 'all'}"


def _someone(world: World, chance: Random, *, active: bool = True) -> Person | None:
    found = [one for one in world.memory.people.values() if not one.erased and (one.active or not active)]
    return chance.choice(found) if found else None


def changes(world: World, chance: Random) -> str:
    person = _someone(world, chance)
    if person is None:
        return "nobody"
    person.themes = tuple(sorted(chance.sample(THEMES, 2)))
    with world.database.write() as session:
        recipients.change(person.address, themes=person.themes, session=session)
    return f"{person.address} chooses {person.themes}"


def leaves(world: World, chance: Random) -> str:
    person = _someone(world, chance)
    if person is None:
        return "nobody"
    with world.database.write() as session:
        recipients.remove(person.address, world.now, session=session)
    world.note_leaving(person)
    return f"{person.address} leaves"


def is_erased(world: World, chance: Random) -> str:
    person = _someone(world, chance, active=False)
    if person is None:
        return "nobody"
    if person.active:
        world.note_leaving(person)
    world.command("recipients", "erase", person.address)
    person.erased = True
    return f"{person.address} is erased"


def server_turns(world: World, chance: Random) -> str:
    fault = chance.choice(
        ["", "", "", "rcpt-451", "rcpt-451-named", "rcpt-550", "drop-before-data", "drop-after-data", "data-451"]
    )
    third, way = chance.random() < 0.5, chance.randrange(3)
    world.mailboxes.fault = lambda number, address: fault if not third or len(address) % 3 == way else ""
    world.mailboxes.per_connection = chance.choice([0, 0, 1])
    world.mailboxes.hangs_up = chance.random() < 0.2
    return f"the mail server: {fault or 'takes'}{', for some' if third else ''}"


def server_is_set(world: World, chance: Random) -> str:
    world.set(smtp_url=None if world.settings.smtp_url else world.server)
    return f"a mail server is {'set' if world.settings.smtp_url else 'not set'}"


def approval_is_set(world: World, chance: Random) -> str:
    world.set(approval=not world.settings.approval)
    return f"approval is {world.settings.approval}"


def _week(world: World, chance: Random) -> Week:
    return world.last_week().plus(-1 if chance.random() < 0.1 else 0)


def digest(world: World, chance: Random) -> str:
    week = _week(world, chance)
    told = world.digest(week)
    return f"digest of {week}: {told.sent} sent, {told.note}" if told else "killed"


def digest_killed(world: World, chance: Random) -> str:
    world.kill_at = chance.randint(0, 120)
    week = _week(world, chance)
    world.digest(week)
    return f"digest of {week}, {'killed' if world.told.killed else 'not killed after all'}"


def run_really_killed(world: World, chance: Random) -> str:
    """SIGKILL, a moment after its beginning, of a process that does it."""
    world.sigkilled(chance.random() * 0.25, lambda: world.run(all_due=True))
    return "run, killed from outside"


def digest_really_killed(world: World, chance: Random) -> str:
    week = _week(world, chance)
    world.sigkilled(chance.random() * 0.25, lambda: world.digest(week))
    return f"digest of {week}, killed from outside"


def somebody_goes_meanwhile(world: World, chance: Random) -> str:
    """Somebody leaves or is erased while the digest is sent, by another process."""
    week, erases, skipped = _week(world, chance), chance.random() < 0.5, chance.randint(0, 2)
    gone: list[str] = []

    def go(_: str) -> None:
        nonlocal skipped
        skipped -= 1
        person = _someone(world, chance)
        if skipped >= 0 or gone or person is None:
            return
        gone.append(person.address)
        # In a thread of its own: the mail server's has a loop that is under way.
        going = threading.Thread(target=_go, args=(world, person), kwargs={"erases": erases})
        going.start()
        going.join()

    if chance.random() < 0.5:
        world.mailboxes.when_taken = go
        world.digest(week)
        world.mailboxes.when_taken = lambda address: None
    else:
        skipped = 0
        world.digest(week, sleep=lambda seconds: go(""), pauses=(1.0,))
    return f"digest of {week}, while {gone or 'nobody'} {'is erased' if erases else 'leaves'}"


def _go(world: World, person: Person, *, erases: bool) -> None:
    world.note_leaving(person)
    with open_database(world.address) as other:
        if erases:
            asyncio.run(erasure.erase(other, world.settings, person.address, world.now))
        else:
            with other.write() as session:
                recipients.remove(person.address, world.now, session=session)
    person.erased = erases


def sends_left(world: World, chance: Random) -> str:
    world.kill_at = chance.randint(0, 60) if chance.random() < 0.3 else None
    world.send_left()
    world.kill_at = None
    return "what is left is sent"


def glance(world: World, chance: Random) -> str:
    """The edition so far, a dry run, or one that is kept and not sent."""
    week = Week.of(world.now) if chance.random() < 0.5 else world.last_week()
    how: dict[str, Any] = {"dry_run": True} if chance.random() < 0.5 else {"send": False}
    world.digest(week, **how)
    return f"digest of {week}: {how}"


def two_digests(world: World, chance: Random) -> str:
    """Another digest comes while the first is sending."""
    week = _week(world, chance)

    def second(_: str) -> None:
        world.mailboxes.when_taken = lambda address: None
        with open_database(world.address) as other:
            world.told.second = weekly_digest(
                other, world.registry(), world.settings, week=week, now=world.now, themes=LOADED
            )

    world.mailboxes.when_taken = second
    world.digest(week)
    world.mailboxes.when_taken = lambda address: None
    return f"two digests of {week}"


def is_decided(world: World, chance: Random) -> str:
    """A person approves an edition, or holds it back."""
    with world.database.read() as session:
        kept = session.exec(select(Edition).where(~col(Edition.sealed)).order_by(col(Edition.week).desc())).first()
    if kept is None:
        return "no edition to decide on"
    week, given = Week.parse(kept.week), editions.content_hash(kept.content)
    held = chance.random() < 0.4
    if held:
        with world.database.write() as session:
            editions.hold(week, "held back by Ada", session=session)
    else:
        approve(world.database, week, given, "Ada")
    world.memory.decisions.setdefault(kept.week, []).append(("held" if held else "approved", given))
    return f"{kept.week} is {'held back' if held else 'approved'}"


def registry_changes(world: World, chance: Random) -> str:
    what = chance.choice(["name", "rights", "leaves", "comes back", "nation"])
    source = chance.choice(PAPERS)
    if what == "leaves" and len(world.rows) > 2:
        world.rows.pop(source, None)
    elif what == "comes back":
        world.own_rows()
    elif source in world.rows:
        value = {
            "name": f"The New {source}",
            "rights": chance.choice(["open", "headline", "bbc"]),
            "nation": "scotland",
        }.get(what)
        world.rows[source] |= {what: value} if value else {}
    world.registry()
    return f"registry: {source} {what}"


def time_goes(world: World, chance: Random) -> str:
    hours = chance.choice([1, 2, 5, 24, 24, 48])
    world.now += timedelta(hours=hours)
    return f"{hours} hours later: {world.now:%a %d %b %H:%M}"


def monday_comes(world: World, chance: Random) -> str:
    world.now = Week.of(world.now).end + timedelta(hours=7)
    return f"it is Monday, {world.now:%d %b %H:%M}"


def month_goes(world: World, chance: Random) -> str:
    world.now += timedelta(days=29)
    return f"a month later: {world.now:%d %b}"


def settle(world: World, chance: Random) -> str:
    """The end of each sequence: all that stood in the way is mended, and what was promised must come true."""
    world.own_rows()
    world.set(approval=False, smtp_url=world.server)
    world.mailboxes.fault, world.mailboxes.per_connection, world.mailboxes.hangs_up = (
        lambda number, address: "",
        0,
        False,
    )
    for feed in world.newsroom.feeds.values():
        feed.is_open = True
    pages_open(world, chance)
    if not any(person.active for person in world.memory.people.values()):
        joins(world, chance)
    world.now += timedelta(hours=25)
    return "all is mended, a day later"


def run_at_last(world: World, chance: Random) -> str:
    world.run(all_due=True)
    world.now += timedelta(hours=25)
    return "run; another day goes"


def digest_at_last(world: World, chance: Random) -> str:
    """As of somebody who releases what was held back, and looks at it first."""
    week = world.last_week()
    with world.database.read() as session:
        kept = editions.edition_of(week, session=session)
    if kept is not None and kept.decision == "held":
        given = editions.content_hash(kept.content)
        approve(world.database, week, given, "Ada")
        world.memory.decisions.setdefault(kept.week, []).append(("approved", given))
    told = world.digest(week)
    return f"digest of {week}: {told.sent} sent, {told.note}"


END: tuple[Step, ...] = (settle, run_at_last, run_at_last, monday_comes, digest_at_last, monday_comes, digest_at_last)
STEPS: dict[Step, int] = {
    feed_grows: 14, copy_comes: 4, named_elsewhere: 3, listed_by_its_own: 2, feed_moves_on: 4, feed_fails: 2, page_turns: 4,
    pages_open: 3, page_changes: 4, run: 18, run_few_pages: 5, run_killed: 3, run_really_killed: 2, review: 9, upgrade: 2,
    encoder_gone: 1, purge: 3, learn: 3, roll_back: 1, joins: 8, changes: 2, leaves: 2, is_erased: 2, server_turns: 5,
    server_is_set: 1, approval_is_set: 1, digest: 12, digest_killed: 3, digest_really_killed: 2, sends_left: 3, glance: 4,
    somebody_goes_meanwhile: 3, two_digests: 2, is_decided: 4, registry_changes: 3, time_goes: 10, monday_comes: 9, month_goes: 1,
}  # fmt: skip
