"""On Monday at noon: someone is told where last week's digest did not go out, and nobody where it did."""

import asyncio
from pathlib import Path

import pytest

from flows.alert import digest_check
from models.store import recipients
from models.store.database import open_database
from models.store.editions import DeliveryState
from models.store.tables import Delivery, Edition
from models.weeks import Week, utc_now

PEOPLE = ("ada@example.org", "grace@example.org")
SENT, SKIPPED, PENDING, FAILED = (
    DeliveryState.SENT,
    DeliveryState.SKIPPED,
    DeliveryState.PENDING,
    DeliveryState.FAILED,
)


@pytest.mark.parametrize(
    ("people", "sealed", "deliveries", "ends", "words"),
    [
        (0, None, (), "COMPLETED", "nobody is on the list, so nothing was to be sent"),
        (2, None, (), "FAILED", "no digest went out. Start the flow digest, or see why its last run ended"),
        (2, False, (), "FAILED", "no digest went out. Start the flow digest, or see why its last run ended"),
        (
            2,
            True,
            (PENDING, PENDING),
            "FAILED",
            "no digest went out. Start the flow digest, or see why its last run ended",
        ),
        (
            2,
            True,
            (SENT, PENDING),
            "FAILED",
            "1 email went out, 1 to be tried again and 0 refused. See the run of digest",
        ),
        (
            2,
            True,
            (SENT, FAILED),
            "FAILED",
            "1 email went out, 0 to be tried again and 1 refused. See the run of digest",
        ),
        (2, True, (SENT, SENT), "COMPLETED", "2 emails went out"),
        (2, True, (SENT, SKIPPED), "COMPLETED", "1 email went out"),
        (2, True, (SKIPPED, SKIPPED), "COMPLETED", "0 emails went out"),
    ],
)
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
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database, database.write() as session:
        ids = [recipients.add(address, now, session=session)[0].id for address in PEOPLE[:people]]
        if sealed is not None:
            edition = Edition(week=week, composed_at=now, sealed=sealed)
            session.add(edition)
            session.flush()
            for recipient, one in zip(ids, deliveries, strict=False):
                session.add(
                    Delivery(edition_id=edition.id or 0, recipient_id=recipient or 0, state=one, updated_at=now)
                )
    state = asyncio.run(digest_check.fn())
    assert (state.type.value, state.message) == (ends, f"{week}: {words}")
