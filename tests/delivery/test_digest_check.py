"""On Monday at noon: someone is told where last week's digest did not go out, and nobody where it did."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from flows.alert import digest_check
from models.edition.content import EditionContent, ModelNote
from models.store import recipients
from models.store.database import open_database
from models.store.deliveries import DeliveryState
from models.store.tables import Delivery, Edition
from models.weeks import Week, utc_now

PEOPLE = ("ada@example.org", "grace@example.org")
SENT, SKIPPED, PENDING, FAILED, EXPIRED = (
    DeliveryState.SENT,
    DeliveryState.SKIPPED,
    DeliveryState.PENDING,
    DeliveryState.FAILED,
    DeliveryState.EXPIRED,
)


def content(week: str, now: datetime) -> EditionContent:
    """An edition without stories."""
    return EditionContent(
        week=week, composed_at=now, complete=True, themes=(), stories=(), trends=(), gaps=(),
        articles=0, sources=0, sources_enabled=0, model=ModelNote(),
    )  # fmt: skip


NOTHING = "no digest went out. Start the flow digest, or see why its last run ended"
OLD = "0 to be tried again and 0 refused, 1 out of date. See the run of digest"
NOWHERE = "smtp://127.0.0.1:1"


@pytest.mark.parametrize(
    ("people", "sealed", "deliveries", "ends", "words"),
    [
        (0, None, (), "COMPLETED", "nobody is on the list, so nothing was to be sent"),
        (2, None, (), "FAILED", NOTHING),
        (2, False, (), "FAILED", NOTHING),
        (2, True, (PENDING, PENDING), "FAILED", "no digest went out, 2 to be tried again and 0 refused. See the run of digest"),
        (2, True, (SENT, PENDING), "FAILED", "1 email went out, 1 to be tried again and 0 refused. See the run of digest"),
        (2, True, (SENT, FAILED), "FAILED", "1 email went out, 0 to be tried again and 1 refused. See the run of digest"),
        (2, True, (SENT, EXPIRED), "FAILED", f"1 email went out, {OLD}"),
        (2, True, (SENT, SENT), "COMPLETED", "2 emails went out"),
        (2, True, (SENT, SKIPPED), "COMPLETED", "1 email went out"),
        (2, True, (SKIPPED, SKIPPED), "COMPLETED", "0 emails went out"),
    ],
)  # fmt: skip
def test_it_fails_where_the_digest_did_not_go_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    people: int,
    sealed: bool | None,
    deliveries: tuple[DeliveryState, ...],
    ends: str,
    words: str,
) -> None:
    now = utc_now()
    week = str(Week.of(now).plus(-1))
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))
    monkeypatch.setenv("CULTURE_SMTP_URL", NOWHERE)
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database, database.write() as session:
        ids = [recipients.add(address, now, session=session)[0].id for address in PEOPLE[:people]]
        if sealed is not None:
            edition = Edition(
                week=week, composed_at=now, sealed=sealed, sealed_at=now, content=content(week, now).to_json()
            )
            session.add(edition)
            session.flush()
            for recipient, one in zip(ids, deliveries, strict=False):
                session.add(
                    Delivery(edition_id=edition.id or 0, recipient_id=recipient or 0, state=one, updated_at=now)
                )
    state = asyncio.run(digest_check.fn())
    assert (state.type.value, state.message) == (ends, f"{week}: {words}")


@pytest.mark.parametrize(
    ("held", "server", "words"),
    [
        ("", False, "no mail server is set, so the digest is a preview and nothing was to be sent"),
        ("held back by Ada; run digest again to send it", True, "held back by Ada; run digest again to send it"),
    ],
)
def test_a_preview_and_what_was_held_back_are_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str, server: bool, words: str
) -> None:
    now = utc_now()
    week = str(Week.of(now).plus(-1))
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))
    if server:
        monkeypatch.setenv("CULTURE_SMTP_URL", NOWHERE)
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database, database.write() as session:
        recipients.add("ada@example.org", now, session=session)
        edition = Edition(week=week, composed_at=now, content=content(week, now).to_json())
        edition.preview = not server
        edition.decision, edition.decision_by = ("held" if held else ""), held
        session.add(edition)
    state = asyncio.run(digest_check.fn())
    assert (state.type.value, state.message) == ("COMPLETED", f"{week}: {words}")
