"""What happens to readers, the mail server and editions. See `steps`."""

import asyncio
import threading
from datetime import timedelta
from random import Random
from typing import Any

from sqlmodel import col, select

from flows.publishing import erasure
from flows.publishing.editing import EditResult, coming_week, edit_edition
from flows.publishing.weekly import approve, weekly_digest
from models.edition.edits import EditError, Wanted
from models.store import editions, recipients
from models.store.database import open_database
from models.store.tables import Article, Edition
from models.themes import theme_ids
from models.weeks import Week
from tests.sequences.world import THEMES as LOADED
from tests.sequences.world import Person, World

THEMES = theme_ids()


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
    chosen = known.themes if kept and known else themes
    person = Person(address, chosen, chance.random() < 0.5, _alerts(chosen, chance))
    with world.database.write() as session:
        recipients.add(
            address, world.now, themes=themes or None, daily=person.daily, alerts=person.alerts,
            send_empty=chance.random() < 0.5, session=session,
        )  # fmt: skip
    people[address] = person
    return f"{address} joins for {themes or 'all'}{', daily' if person.daily else ''}, told at once of {person.alerts}"


def _alerts(themes: tuple[str, ...], chance: Random) -> tuple[str, ...]:
    among = themes or tuple(THEMES)
    return tuple(sorted(chance.sample(among, min(len(among), chance.choice([0, 0, 1, 9])))))


def _someone(world: World, chance: Random, *, active: bool = True) -> Person | None:
    found = [one for one in world.memory.people.values() if not one.erased and (one.active or not active)]
    return chance.choice(found) if found else None


def changes(world: World, chance: Random) -> str:
    person = _someone(world, chance)
    if person is None:
        return "nobody"
    person.themes = tuple(sorted(chance.sample(THEMES, 2)))
    person.daily, person.alerts = chance.random() < 0.5, _alerts(person.themes, chance)
    with world.database.write() as session:
        recipients.change(
            person.address, themes=person.themes, daily=person.daily, alerts=person.alerts, session=session
        )
    return f"{person.address} chooses {person.themes}{', daily' if person.daily else ''}, at once {person.alerts}"


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


def daily_emails(world: World, chance: Random) -> str:
    world.kill_at = chance.randint(0, 80) if chance.random() < 0.2 else None
    world.send_daily()
    world.kill_at = None
    return f"daily emails: {world.told.sent.sent if world.told.sent else 'killed'}"


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


def edits(world: World, chance: Random) -> str:
    """An editor changes the coming edition."""
    week = coming_week(world.database, world.now)
    made = world.memory.edits.setdefault(str(week), {})

    def edit(**wanted: Any) -> EditResult:
        asked = Wanted("Ada" if wanted else "", **wanted)
        return edit_edition(
            world.database, world.registry(), world.settings, asked, week=week, now=world.now, themes=LOADED
        )

    kind, stories = (
        chance.choice(["note", "leave_out", "leave_out", "lead", "move", "add", "undo"]),
        edit().draft.content.stories,
    )
    about: int | str = chance.choice(stories).id if stories else 0
    wanted: dict[str, Any] = {}
    if kind == "note":
        about = f"Note {world.step}."
        wanted = {"note": about}
    elif kind == "undo":
        # Not of a move: what is left of it depends on the reviews since.
        about = chance.choice([number for number, (what, _) in made.items() if what != "move"] or [0])
        wanted = {"undo": (about,)} if about else {}
    elif kind == "add":
        with world.database.read() as session:
            found = session.exec(select(Article.id).where(col(Article.story_id).is_not(None))).all()
        about = chance.choice(found or [0]) or 0
        wanted = {"add": str(about), "sentence": "In my words."} if about else {}
    elif about:
        story = next(one for one in stories if one.id == about)
        to = chance.choice([theme for theme in THEMES if theme != story.primary])
        wanted = {kind: (str(about),) if kind == "leave_out" else str(about)} | ({"to": to} if kind == "move" else {})
        if kind == "move":
            world.memory.said += [(story.id, to, True)]
            world.memory.said += [(story.id, story.primary, False)] if story.primary else []
    if not wanted:
        return f"nothing to edit in {week}"
    try:
        result = edit(**wanted)
    except EditError as error:  # told by another edition
        return f"{kind} {about} in {week}: {error}"
    if kind == "undo":
        del made[int(about)]
    else:
        made[result.edits[-1].edit.id] = (kind, about)
    world.now += timedelta(minutes=1)
    return f"{kind} {about} in {week}"
