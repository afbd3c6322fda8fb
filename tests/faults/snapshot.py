"""What a run left behind, without what may differ between two runs (row numbers, times of requests): for comparing."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select

from models.store.database import Database, open_database
from models.store.deliveries import DeliveryState
from models.store.tables import (
    Article,
    ArticleAlias,
    Delivery,
    Edition,
    ModelVersion,
    Recipient,
    SourceState,
    Story,
    Tag,
)
from tests.faults.town import AGAIN

_HEADERS = ("To", "Subject", "Message-ID", "Date", "List-Unsubscribe")
_MESSAGE_ID = 1 + _HEADERS.index("Message-ID")  # in the key of a message, after its mailbox
# Pages and emails name their stories by the row numbers of their articles.
_ANCHOR = re.compile(r"story-\d+")
Snapshot = dict[str, dict[Any, Any]]  # {what: {key: value}}

_OF_ARTICLES = (
    *("source", "outlet", "title", "summary", "author", "published_at", "first_seen_at", "language", "text"),
    *("text_status", "words", "paywalled", "outcome", "scope_state", "model_version"),
)


def take(address: str, mail: Path, data: Path) -> Snapshot:
    """Articles, stories, tags, editions, deliveries, mailboxes and written files, each under a key that lasts."""
    with open_database(address) as database:
        found = _of_database(database)
    found["mailboxes"] = dict(Counter(_messages(mail.glob("*/*.eml"))))
    found["files"] = dict(_files(data))
    return found


def differences(one: Snapshot, other: Snapshot) -> dict[str, list[str]]:
    """{what: one line for each row that is missing, added or changed in `other`}."""
    found: dict[str, list[str]] = {}
    for what in one.keys() | other.keys():
        left, right = one.get(what, {}), other.get(what, {})
        lines = [f"missing: {key}" for key in left.keys() - right.keys()]
        lines += [f"added: {key}" for key in right.keys() - left.keys()]
        lines += [
            f"changed: {key}: {_shown(left[key], right[key])}"
            for key in left.keys() & right.keys()
            if left[key] != right[key]
        ]
        if lines:
            found[what] = sorted(lines)
    return found


def half_sent(address: str) -> list[str]:
    """The Message-IDs of deliveries that a killed run left `sending`."""
    with open_database(address) as database, database.read() as session:
        return list(session.exec(select(Delivery.message_id).where(Delivery.state == DeliveryState.SENDING)))


def second_copies(mail: Path, gaps: Mapping[str, int]) -> tuple[int, list[str]]:
    """How many messages were handed over a second time, and what SMTP's gap does not explain among them.

    It explains one copy a kill that fell into it, which says the very words of the first.
    """
    left = Counter(gaps)
    firsts = set(_messages(mail.glob("*/*.eml")))
    count, unexplained = 0, []
    for message in _messages(mail.glob(f"*/{AGAIN}/*.eml")):
        count += 1
        left[message[_MESSAGE_ID]] -= 1
        if left[message[_MESSAGE_ID]] < 0 or message not in firsts:
            unexplained.append(f"second copy: {message[: _MESSAGE_ID + 1]}")
    return count, unexplained


def _of_database(database: Database) -> Snapshot:
    with database.read() as session:
        articles = session.exec(select(Article)).all()
        url_of = {article.id: article.url for article in articles}
        stories = session.exec(select(Story)).all()
        lead_of = {story.id: url_of.get(story.lead_article_id) for story in stories}
        people = {person.id: person.address for person in session.exec(select(Recipient))}
        editions = session.exec(select(Edition)).all()
        weeks = {edition.id: edition.week for edition in editions}
        members = Counter(lead_of.get(article.story_id) for article in articles)
        found: Snapshot = {
            "articles": {
                article.url: (
                    *(getattr(article, name) for name in _OF_ARTICLES),
                    round(article.in_scope or 0, 6),
                    lead_of.get(article.story_id),
                )
                for article in articles
            },
            "stories": {lead_of[story.id]: (story.outlets, members[lead_of[story.id]]) for story in stories},
            "addresses": {alias.url: url_of[alias.article_id] for alias in session.exec(select(ArticleAlias))},
            "tags": {
                (url_of[tag.article_id], tag.theme): (round(tag.score, 6), tag.state, tag.evidence, tag.model_version)
                for tag in session.exec(select(Tag))
            },
            "editions": {
                edition.week: (
                    *(edition.subject, _ANCHOR.sub("", edition.html), edition.text, edition.counts, edition.sealed),
                    _without_numbers(edition.content),
                )
                for edition in editions
            },
            "deliveries": {
                (weeks[row.edition_id], people[row.recipient_id]): (row.state, row.message_id)
                for row in session.exec(select(Delivery))
            },
            "sources": {
                state.source: (state.etag, state.last_modified, state.failures, state.last_success_at)
                for state in session.exec(select(SourceState).order_by(col(SourceState.source)))
            },
            "models": {row.version: (row.state, row.file_sha256) for row in session.exec(select(ModelVersion))},
        }
        if database.engine.dialect.name == "sqlite":
            connection = session.connection()
            found["integrity"] = {
                "check": connection.execute(text("PRAGMA integrity_check")).scalar(),
                "references": len(connection.execute(text("PRAGMA foreign_key_check")).all()),
            }
    return found


def _without_numbers(content: dict[str, Any]) -> str:
    """The edition's data without the row numbers of its articles, which differ where another run stored them first."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(inner) for key, inner in value.items() if not (key == "id" and isinstance(inner, int))}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return repr(bare(content))


def _messages(files: Iterable[Path]) -> Iterable[tuple[str, ...]]:
    """Every message by what its reader sees; the boundary between its parts differs each time."""
    for file in files:
        message = message_from_bytes(file.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        headers = [str(message[name]) for name in _HEADERS]
        parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
        box = file.parent.parent if file.parent.name == AGAIN else file.parent
        yield (box.name, *headers, *(hashlib.sha256(_ANCHOR.sub("", part).encode()).hexdigest() for part in parts))


def _files(data: Path) -> Iterable[tuple[str, str]]:
    """The edition as files, whole ones only: half of one must never bear the name of a whole one."""
    for folder in ("outbox", "archive"):
        for file in sorted((data / folder).rglob("*")):
            if file.is_file() and file.suffix in {".html", ".txt"}:
                content = _ANCHOR.sub("", file.read_text(encoding="utf-8"))
                yield str(file.relative_to(data)), hashlib.sha256(content.encode()).hexdigest()


def _shown(one: Any, other: Any) -> str:
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return "; ".join(_shown(a, b) for a, b in zip(one, other, strict=True) if a != b)
    left, right = str(one), str(other)
    start = next((place for place, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
    start = max(0, start - 40)
    return f"{left[start : start + 120]!r} became {right[start : start + 120]!r}"
