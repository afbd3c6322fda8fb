"""What must be true of emails and of people after each step: told, stored and delivered are the same."""

import re
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default

from sqlalchemy import text
from sqlmodel import select

from flows.publishing.mailer import parse_sender
from flows.publishing.messages import MessageMaker
from models.edition.content import content_from_json
from models.store import editions, recipients
from models.store.tables import Article, ArticleEdition, Delivery, Edition, Recipient
from models.weeks import LONDON
from tests.sequences.world import World

TOKEN = re.compile(rb"unsubscribe/([A-Za-z0-9_-]{20,})")
LEFT_OVER = {"pending", "failed", "skipped", "expired", "sending"}


def mail(world: World) -> Iterator[str]:
    """All about emails; remembers what the mailboxes held."""
    with world.database.read() as session:
        rows = list(session.exec(select(Delivery)))
        weeks = {row.id: row for row in session.exec(select(Edition))}
        people = {row.id: row for row in session.exec(select(Recipient))}
    boxes = {address: world.mailboxes.raw(address) for address in world.mailboxes.counts()}
    new = {address: raw[world.mailed.get(address, 0) :] for address, raw in boxes.items()}
    yield from _summary(world, rows, sum(map(len, new.values())))
    yield from _mailboxes(world, rows, boxes)
    yield from _copies(world, rows, weeks, people, new)
    yield from _departed(world, boxes)
    yield from _decided(world, weeks)
    yield from _served(world, rows, weeks, people)
    yield from _short(world, rows, people, new)
    yield from erased(world)
    world.memory.kept |= {row.message_id: row.message for row in rows if row.message is not None}
    world.mailed = {address: len(raw) for address, raw in boxes.items()}
    world.states = {row.id: row.state for row in rows}


def _summary(world: World, rows: list[Delivery], delivered: int) -> Iterator[str]:
    """What a digest told is what mailboxes and tables say."""
    told, killed = world.told.sent, world.told.killed
    if told is None or killed:
        if delivered and not killed:
            yield f"{delivered} emails were sent, and nobody was told"
        return
    second = world.told.second.sent if world.told.second is not None else 0
    if told.sent + second != delivered:
        yield f"{told.sent} (and {second}) emails were called sent; {delivered} came"
    changed = Counter(row.state for row in rows if world.states.get(row.id or 0) != row.state)
    second_failed = world.told.second.failed if world.told.second is not None else 0
    for state, number in (
        ("sent", told.sent + second),
        ("failed", told.failed + second_failed),
        ("expired", told.expired),
    ):
        if changed[state] != number:
            yield f"{number} emails were called {state}; of {changed[state]} that is on record"
    of_week = getattr(told, "week", None)
    if of_week is None and told.problem != "another run is sending it: this one sent nothing":
        left = sum(row.state in {"pending", "sending"} and row.kind in world.told.kinds for row in rows)
        if told.waiting != left:
            yield f"{told.waiting} emails were said to wait; {left} do"


def _mailboxes(world: World, rows: list[Delivery], boxes: dict[str, list[bytes]]) -> Iterator[str]:
    """A delivery that is called sent arrived once; one that is not called so did not."""
    arrived: dict[str, list[bytes]] = {}
    for raw in (one for box in boxes.values() for one in box):
        arrived.setdefault(str(message_from_bytes(raw, policy=default)["Message-ID"]), []).append(raw)
    known = {row.message_id for row in rows}
    for identity in arrived.keys() - known:
        yield f"an email {identity} arrived of which no delivery is on record"
    if world.told.killed:
        world.memory.unknown |= {row.message_id for row in rows if row.state == "sending"}
    for row in rows:
        came, unknown = arrived.get(row.message_id, []), row.message_id in world.memory.unknown
        if row.state == "sent" and not came:
            yield f"delivery {row.id} is called sent, and nothing came"
        if row.state in LEFT_OVER and came and not unknown:
            yield f"delivery {row.id} is called {row.state}, and it came"
        if row.state == "sending" and not unknown:
            yield f"delivery {row.id} was left sending without a kill"
        if len(came) > (2 if unknown else 1) or len(set(came)) > 1:
            yield f"delivery {row.id} came {len(came)} times, as {len(set(came))} different emails"
        if row.message is not None and row.state in {"sent", "failed", "skipped", "expired"}:
            yield f"delivery {row.id} is {row.state}, and its message is kept"


def _copies(world, rows, weeks, people, new) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """Each reader gets their own email: their address, their token, their themes; once a server may have it, the same again."""
    by_identity = {row.message_id: row for row in rows}
    tokens = {row.token: row for row in people.values()}
    for address, raws in new.items():
        for raw in raws:
            message = message_from_bytes(raw, policy=default)
            row = by_identity.get(str(message["Message-ID"]))
            if row is None or row.message_id in world.memory.unknown:
                continue
            reader = people[row.recipient_id]
            if reader.address is None:
                continue  # erased since, so that nobody can say any more what was theirs
            if reader.address != address or address not in str(message["To"]):
                yield f"{address} got the email of {reader.address}"
            found = {token.decode() for token in TOKEN.findall(message.as_bytes()) if token.decode() in tokens}
            if found - {reader.token}:
                yield f"{address} got another reader's token"
            if row.edition_id is None:
                if (
                    not (reader.daily if row.kind == "daily" else reader.alerts)
                    and row.message_id not in world.memory.kept
                ):
                    yield f"{address} got a {row.kind} email, and wants none"
                continue
            edition = weeks[row.edition_id]
            mine = recipients._as_receiver(reader)
            maker = MessageMaker(
                content_from_json(edition.content), parse_sender(world.settings.mail_from, world.settings.base_url)
            )
            if _same(world.memory.kept.get(row.message_id) or maker(mine, row.message_id)) != _same(raw):
                yield f"{address} got an email that is not the one of their choices"
            if not edition.sealed:
                yield f"{address} got an edition that is not sealed"


def _same(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").strip()


def _short(world, rows, people, new) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """Daily emails and alerts: none tells a reader what another, or an edition before it, has told; three alerts a day."""
    opened = Counter(
        (row.recipient_id, row.kind, row.opened_at.astimezone(LONDON).date()) for row in rows if row.opened_at
    )
    for (reader, kind, day), count in opened.items():
        if count > {"alert": 3, "daily": 1}[kind]:
            yield f"reader {reader} has {count} {kind} emails of {day}"
    with world.database.read() as session:
        articles = {row.url: row for row in session.exec(select(Article))}
        stories = {row.id: row.story_id for row in articles.values()}
        weeks = dict(session.exec(select(ArticleEdition.article_id, ArticleEdition.week)).all())
    by_identity = {row.message_id: row for row in rows if row.edition_id is None}
    for address, raws in new.items():
        for raw in raws:
            message = message_from_bytes(raw, policy=default)
            row = by_identity.get(str(message["Message-ID"]))
            if row is None or row.message_id in world.memory.unknown or people[row.recipient_id].address is None:
                continue
            body = message.get_body(("plain",))
            lines = body.get_content().splitlines() if body is not None else []
            told = [articles[line.strip()].id for line in lines if line.startswith(" ") and line.strip() in articles]
            if not told:
                yield f"{address} got a {row.kind} email without a story"
            before = world.memory.short.setdefault(row.recipient_id, set())
            known = {stories[number] for number in before}
            for number in told:
                if stories[number] in known:
                    yield f"{address} was told of article {number} twice, at last by a {row.kind} email"
                # What a server may have had before it hung up is repeated as it was, whatever has been told since.
                week = weeks.get(number) if row.message_id not in world.memory.kept else None
                if week is not None and world.memory.sealed.get(week, ("", world.step))[1] < world.step:
                    yield f"{address} was told of article {number} by a {row.kind} email, after the edition of {week}"
            before |= set(told)


def _departed(world: World, boxes: dict[str, list[bytes]]) -> Iterator[str]:
    for person in world.memory.people.values():
        if not person.active and len(boxes.get(person.address, ())) > person.emails_at_leaving:
            yield f"{person.address} had left and got an email"


def _decided(world: World, weeks: dict[int | None, Edition]) -> Iterator[str]:
    """What was held back is not sent; with the setting, nothing is that nobody approved; what was approved is what is sent."""
    for row in weeks.values():
        if not row.sealed or world.memory.sealed.get(row.week, ("", 0))[1] != world.step:
            continue
        said = world.memory.decisions.get(row.week, [])
        given = editions.content_hash(row.content)
        if said and said[-1][0] == "held":
            yield f"the edition of {row.week} was held back, and sent"
        if world.settings.approval and (not said or said[-1] != ("approved", given)):
            yield f"the edition of {row.week} was sent and is not what was approved"


def _served(world, rows, weeks, people) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """Whoever was on the list when an edition was sealed has a delivery of it."""
    had = {(row.edition_id, row.recipient_id) for row in rows}
    for edition in weeks.values():
        if edition.sealed and world.memory.sealed.get(edition.week, ("", 0))[1] == world.step:
            for person in people.values():
                if person.active and (edition.id, person.id) not in had:
                    yield f"{person.address} was on the list and has no delivery of {edition.week}"


def erased(world: World) -> Iterator[str]:
    """No row of a table and no file below the data folder holds an erased address."""
    gone = [one.address for one in world.memory.people.values() if one.erased]
    if not gone:
        return
    for file in (one for one in world.folder.rglob("*") if one.is_file()):
        raw = file.read_bytes()
        for address in gone:
            if address.encode() in raw:
                yield f"{file.name} holds the erased {address}"
    if world.database.engine.dialect.name != "postgresql":
        return  # the file is the database
    with world.database.read() as session:
        tables = session.execute(text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"))
        for (table,) in tables.all():
            for address in gone:
                held = session.execute(
                    text(f'SELECT count(*) FROM "{table}" one WHERE one::text LIKE :it'), {"it": f"%{address}%"}
                )
                if held.scalar():
                    yield f"table {table} holds the erased {address}"
