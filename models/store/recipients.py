"""Who receives the digest: adding, changing, leaving, export and erasure. Addresses are personal data and live here alone."""

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Unpack

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from models.edition.content import OrganisationNote, Selection
from models.store import deliveries
from models.store.article_facts import Heirs, load_heirs
from models.store.locks import lock_writers
from models.store.recipient_choices import Choices, choices_of, choose, is_said
from models.store.recipient_choices import RecipientError as RecipientError
from models.store.tables import Recipient, Review, Separation
from models.text_safety import plain_at

ERASE_AFTER = timedelta(days=28)  # after leaving: long enough to undo a mistake and to answer a complaint
TOKEN_BYTES = 32  # 256 bits: can't be guessed
_ADDRESSES = re.compile(r"[^\s<>\"'()*,;:]{1,64}@[^\s<>\"'()*,;:]{1,255}")  # bounded, so that its cost is in proportion


@dataclass(frozen=True, slots=True)
class Receiver:
    """What sending needs of a recipient."""

    id: int
    address: str
    name: str
    token: str
    selection: Selection
    send_empty: bool
    daily: bool = False
    alerts: tuple[str, ...] = ()  # see `models.edition.short.WATCHED`


def add(address: str, now: datetime, *, session: Session, **choices: Unpack[Choices]) -> tuple[Recipient, bool]:
    """Put a recipient on the list. True where they are new; False where they come back, or are on it already.

    Who comes back has the choices from before where none is given here.

    Raises:
        RecipientError: the address is not one, what is chosen is unknown, or they are on the list already and
            other choices are given: `change` changes those.
    """
    normal = check_address(address)
    lock_writers("recipients", session=session)
    recipient = by_address(normal, session=session)
    is_new = recipient is None
    if recipient is None:
        recipient = Recipient(address=normal, token=secrets.token_urlsafe(TOKEN_BYTES), joined_at=now)
    was_active = recipient.active and not is_new
    before = choices_of(recipient)
    choose(recipient, choices)
    if was_active and choices_of(recipient) != before:
        session.expire(recipient)
        raise RecipientError(
            f"{normal} is on the list already and nothing was changed; "
            "`culture-monitor recipients change` changes what they receive, `recipients show` shows it"
        )
    if not was_active and not is_new:
        recipient.token, recipient.joined_at = secrets.token_urlsafe(TOKEN_BYTES), now
    recipient.active, recipient.left_at = True, None
    session.add(recipient)
    session.flush()
    return recipient, is_new


def change(address: str, *, session: Session, **choices: Unpack[Choices]) -> Recipient:
    """Change what a recipient chose: only what is given.

    Raises:
        RecipientError: they are not on the list, nothing is given, or what is chosen is unknown.
    """
    lock_writers("recipients", session=session)  # or who is erased meanwhile would have choices again
    recipient = _require(address, session=session)
    if not recipient.active:
        raise RecipientError(f"{recipient.address} has left; `culture-monitor recipients add` takes them back")
    if not is_said(choices):
        raise RecipientError(
            "nothing is to be changed; name what they are to receive, how often, or all of themes, nations, sectors"
        )
    choose(recipient, choices)
    session.add(recipient)
    session.flush()
    return recipient


def show(address: str, *, session: Session) -> Recipient:
    """A recipient with their choices.

    Raises:
        RecipientError: nothing is kept about this address.
    """
    return _require(address, session=session)


def everyone(*, session: Session) -> Sequence[Recipient]:
    """All who have not been erased, by address; those who have left too."""
    return session.exec(
        select(Recipient).where(col(Recipient.address).is_not(None)).order_by(col(Recipient.address))
    ).all()


def receivers(*, session: Session) -> Sequence[Receiver]:
    """All who receive the digest, in the order in which they joined."""
    query = (
        select(Recipient)
        .where(col(Recipient.active).is_(True), col(Recipient.address).is_not(None))
        .order_by(col(Recipient.id))
    )
    rows = session.exec(query).all()
    heirs = load_heirs(session=session) if any(row.watch for row in rows) else None
    return [_as_receiver(row, heirs) for row in rows]


def receiver(recipient_id: int, *, session: Session) -> Receiver | None:
    """One recipient as they are now; None where they have left or been erased."""
    row = session.get(Recipient, recipient_id)
    if row is None or not row.active or not row.address:
        return None
    return _as_receiver(row, load_heirs(session=session) if row.watch else None)


def _as_receiver(row: Recipient, heirs: Heirs | None = None) -> Receiver:
    watch = [OrganisationNote(*heirs.of(id_)) for id_ in row.watch] if heirs else []
    return Receiver(
        id=row.id or 0,
        address=row.address or "",
        name=row.name,
        token=row.token,
        selection=Selection(tuple(row.themes), tuple(row.nations), tuple(row.sectors), tuple(dict.fromkeys(watch))),
        send_empty=row.send_empty,
        daily=row.daily,
        alerts=tuple(row.alerts),
    )


def by_address(address: str, *, session: Session) -> Recipient | None:
    """The recipient with this address, in whatever case it is written."""
    try:
        normal = check_address(address)
    except RecipientError:
        return None
    return session.exec(select(Recipient).where(Recipient.address == normal)).first()


def by_token(token: str, *, session: Session) -> Recipient | None:
    """The recipient whose token this is; every token is compared, in constant time, so that timing tells nothing."""
    given = token.encode("utf-8", "replace")
    found = None
    for recipient_id, known in session.exec(
        select(Recipient.id, Recipient.token).where(col(Recipient.address).is_not(None))
    ):
        if hmac.compare_digest(known.encode(), given):
            found = recipient_id
    return session.get(Recipient, found) if found is not None else None


def leave(recipient: Recipient, now: datetime, *, session: Session) -> None:
    """Send them nothing more; the address is erased 28 days later. Leaving twice changes nothing."""
    if recipient.active:
        recipient.active, recipient.left_at = False, now
        session.add(recipient)
        session.flush()
        deliveries.withdraw(recipient.id or 0, now, session=session)


def remove(address: str, now: datetime, *, session: Session) -> None:
    """Take an address off the list.

    Raises:
        RecipientError: it is not on it.
    """
    leave(_require(address, session=session), now, session=session)


def export(address: str, *, session: Session) -> dict[str, Any]:
    """Everything that is kept about one person, for themselves.

    Raises:
        RecipientError: nothing is kept about this address.
    """
    recipient = _require(address, session=session)
    number = recipient.id or 0
    kept = recipient.model_dump(mode="json", exclude={"id", "token"})
    stories = deliveries.stories_told_to(number, session=session)
    rows = deliveries.of_recipient(number, session=session)
    return {**kept, "deliveries": [{**told, "stories": stories.get(id_, [])} for id_, told in rows.items()]}


def erase(address: str, now: datetime, *, session: Session) -> None:
    """Erase an address, name and choices everywhere, at once. What was sent stays counted, without a person.

    Raises:
        RecipientError: nothing is kept about this address.
    """
    lock_writers("recipients", session=session)
    _erase(_require(address, session=session), now, session=session)


def take_over(people: Iterable[Recipient], *, session: Session) -> None:
    """Put the recipients of another database on the list as they are there, so that the links in their emails still work.

    Who is on this list already stays as they are here.
    """
    known = {person.address for person in everyone(session=session)}
    for person in people:
        if person.address not in known:
            session.add(Recipient(**person.model_dump(exclude={"id"})))
    session.flush()


def departed(now: datetime, *, session: Session) -> Sequence[Recipient]:
    """Those who left 28 days ago or more and have not been erased."""
    query = select(Recipient).where(
        col(Recipient.active).is_(False),
        col(Recipient.address).is_not(None),
        col(Recipient.left_at) <= now - ERASE_AFTER,
    )
    return session.exec(query).all()


def erase_departed(now: datetime, *, session: Session) -> int:
    """Erase those who left 28 days ago or more; returns how many. See `flows.publishing.erasure` for the files."""
    lock_writers("recipients", session=session)
    gone = departed(now, session=session)
    for recipient in gone:
        _erase(recipient, now, session=session)
    return len(gone)


def are_named(text: str, *, session: Session) -> bool:
    """Whether a text holds the address of somebody who is not erased."""
    found = {one.rstrip(".") for one in _ADDRESSES.findall(plain_at(text).lower())}
    return session.exec(select(Recipient.id).where(col(Recipient.address).in_(found)).limit(1)).first() is not None


def check_address(address: str) -> str:
    """The address in its normal form: international domains in ASCII, the whole in lower case.

    Raises:
        RecipientError: it is not an address that mail can be sent to.
    """
    try:
        found = validate_email(address.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise RecipientError(f"{address!r} is not an email address: {error}") from error
    return (found.ascii_email or found.normalized).lower()


def _require(address: str, *, session: Session) -> Recipient:
    recipient = by_address(address, session=session)
    if recipient is None:
        raise RecipientError(f"{address!r} is not on the list; `culture-monitor recipients list` shows who is")
    return recipient


def _erase(recipient: Recipient, now: datetime, *, session: Session) -> None:
    address = recipient.address or ""
    leave(recipient, now, session=session)
    recipient.address, recipient.name = None, ""
    recipient.themes, recipient.nations, recipient.sectors, recipient.watch, recipient.alerts = [], [], [], [], []
    recipient.daily = False
    recipient.token = f"erased-{secrets.token_urlsafe(TOKEN_BYTES)}"
    session.add(recipient)
    session.flush()
    deliveries.forget_words(recipient.id or 0, session=session)
    deliveries.forget_stories(recipient.id or 0, session=session)
    # What was said stays; who said it, where they gave their address as their name, does not.
    reviews = session.exec(select(Review).where(_holds(Review.reviewer, address) | _holds(Review.note, address)))
    apart = session.exec(
        select(Separation).where(_holds(Separation.reviewer, address) | _holds(Separation.note, address))
    )
    for said in (*reviews, *apart):
        said.reviewer, said.note = (_without(text, address) for text in (said.reviewer, said.note))
        session.add(said)
    session.flush()


def _holds(column: str, address: str) -> ColumnElement[bool]:
    return func.lower(col(column)).contains(address, autoescape=True)


def _without(text: str, address: str) -> str:
    return re.sub(re.escape(address), "erased", text, flags=re.IGNORECASE)
