"""Daily emails and alerts: each story once to each reader, whatever comes between, and the weekly edition has them all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from deployments.schedules import catalogue
from flows.publishing import erasure
from flows.publishing.delivery import ANOTHER_RUN, DeliverySummary
from flows.publishing.editing import edit_edition
from flows.publishing.short import NOT_APPROVED
from flows.publishing.smtp import SendResult, SmtpMailer, parse_smtp_url
from models.edition.edits import Wanted
from models.edition.short import WATCHED, Kind
from models.settings import Settings
from models.store import recipients
from models.store.database import Database
from models.store.locks import try_lock
from models.store.tables import Delivery, Review, StoredMention, StoredOrganisation, ToldStory
from models.store.upkeep import keep_up
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, send  # noqa: F401 - a fixture
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.fakes_short_mails import WEEK, WHO, Desk, at

TRUST = "barts-health-nhs-trust"


@pytest.fixture
def desk(sqlite: Database, settings: Settings) -> Iterator[Desk]:
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        with sqlite.write() as session:
            session.add(fakes.model_version())
        yield Desk(sqlite, settings, port, mailboxes)


def test_one_story_reaches_each_reader_once_by_each_way_they_chose(desk: Desk) -> None:
    desk.join("weekly@example.org")
    desk.join("daily@example.org", daily=True)
    desk.join("alert@example.org", alerts=["speaking-up"])
    desk.join("both@example.org", daily=True, alerts=["speaking-up"])
    desk.story("Nobody listened", at(1, 9))
    assert desk.alerts(at(1, 10)).sent == 2
    assert desk.alerts(at(1, 12)).sent == 0
    assert desk.daily(at(2, 7.5)).sent == 1  # whom an alert told has nothing new
    assert desk.daily(at(2, 8)).sent == 0
    assert desk.alerts(at(2, 10)).sent == desk.daily(at(3, 7.5)).sent == 0
    desk.weekly(at(7, 7))
    assert desk.daily(at(7, 7.5)).sent == desk.alerts(at(7, 8)).sent == 0
    alert, alone = "Alert: Nobody listened", "Nobody listened"
    told = {who: desk.told(f"{who}@example.org") for who in ("weekly", "daily", "alert", "both")}
    (monday,) = told["weekly"]
    assert monday.startswith("Nobody listened; ")
    assert told == {"weekly": [monday], "daily": [alone, monday], "alert": [alert, monday], "both": [alert, monday]}
    assert [row.state for row in rows_of(desk, "alert")] == ["sent", "sent"]


def rows_of(desk: Desk, kind: str) -> list[Delivery]:
    with desk.database.read() as session:
        return list(session.exec(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)))  # type: ignore[arg-type]


def test_a_fourth_alert_of_a_day_is_in_the_daily_email_or_in_the_weekly_edition(desk: Desk) -> None:
    desk.join(daily=True, alerts=["speaking-up"])
    desk.join("weekly@example.org", alerts=["speaking-up"])
    for number in range(5):
        desk.story(f"Concern {number}", at(1, 8 + number / 10), score=0.9 - number / 10)
    desk.story("A rota", at(1, 8), theme="workforce")
    assert (desk.alerts(at(1, 10)).sent, desk.alerts(at(1, 12)).sent) == (6, 0)
    desk.story("Concern 5", at(1, 13), score=0.99)
    assert desk.alerts(at(1, 14)).sent == 0  # three are three, however strong the fourth
    assert desk.alerts(at(2, 6)).sent == 0  # what was over has its place
    assert desk.daily(at(2, 7.5)).sent == 1
    alerts = [f"Alert: Concern {number}" for number in range(3)]
    assert desk.told()[:3] == desk.told("weekly@example.org") == alerts
    daily = text_of(desk, WHO, 3)
    assert all(title in daily for title in ("Concern 3", "Concern 4", "Concern 5", "A rota"))
    assert not [title for title in ("Concern 0", "Concern 1", "Concern 2") if title in daily]
    desk.story("Concern 6", at(2, 9))
    assert desk.alerts(at(2, 10)).sent == 2  # another day
    desk.weekly(at(7, 7))
    weekly = text_of(desk, "weekly@example.org", -1)
    assert all(f"Concern {number}" in weekly for number in range(7))


def text_of(desk: Desk, address: str, number: int) -> str:
    body = desk.mailboxes.received()[address][number].get_body(("plain",))
    return " ".join(body.get_content().split())  # type: ignore[union-attr]


def test_monday_tells_what_came_since_the_edition_and_a_day_without_news_nothing(desk: Desk) -> None:
    desk.join(daily=True)
    desk.join("never@example.org", daily=True, nations=["wales"])
    assert {one.name: one.cron for one in catalogue(desk.settings)}["daily"] == "30 7 * * 1-5"
    desk.story("On Friday night", at(4, 20))
    desk.story("On Sunday", at(6, 12))
    desk.weekly(at(7, 7))
    desk.story("On Monday at dawn", at(7, 5))
    desk.daily(at(7, 7.5))
    assert [subject.partition(";")[0] for subject in desk.told()] == ["On Sunday", "On Monday at dawn"]
    assert desk.daily(at(8, 7.5)) == DeliverySummary()
    assert desk.daily(at(9, 7.5)) == DeliverySummary()
    assert desk.rows() == [("weekly", "sent"), ("weekly", "skipped"), ("daily", "sent")]
    # Where no edition went out, the weekend's news is new on Monday.
    desk.story("On Saturday", at(12, 12))
    desk.daily(at(14, 7.5))
    assert desk.told()[-1] == "On Saturday"


class Dies(SmtpMailer):
    """A sender that is killed between the server's word and writing it down."""

    def send(self, message: bytes, to: str) -> SendResult:
        super().send(message, to)
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", list(Kind)[1:])
def test_what_a_killed_run_left_sending_is_sent_again_the_same_to_the_byte(desk: Desk, kind: Kind) -> None:
    desk.join(daily=True, alerts=["speaking-up"])
    story = desk.story("Nobody listened", at(1, 6))
    url = desk.settings.smtp_url
    assert url is not None
    with pytest.raises(KeyboardInterrupt):
        desk.sends(kind, at(1, 7.5), mailer=Dies(parse_smtp_url(url.get_secret_value()), "monitor@example.org"))
    assert desk.rows() == [(kind.value, "sending")]
    with desk.database.write() as session:  # what changes meanwhile does not change what a server may have
        session.add(Review(article_id=story.id or 0, theme="in-scope", verdict=False, reviewer="Jo", at=at(1, 8)))
        recipients.change(WHO, daily=False, alerts=[], session=session)
    again = desk.sends(kind, at(1, 10))
    assert (again.sent, again.unconfirmed, desk.sends(kind, at(1, 12)).sent) == (1, 1, 0)
    first, second = desk.mailboxes.raw(WHO)
    assert first == second
    assert desk.rows() == [(kind.value, "sent")]


def test_what_a_server_may_have_is_repeated_whatever_its_reader_has_chosen_since(desk: Desk) -> None:
    desk.join(alerts=["speaking-up"])
    desk.story("Nobody listened", at(1, 9))
    desk.mailboxes.fault = lambda number, address: "drop-after-data"
    assert desk.alerts(at(1, 10)).waiting == 1
    with desk.database.write() as session:
        recipients.change(WHO, alerts=[], session=session)
    desk.mailboxes.fault = lambda number, address: ""
    assert desk.alerts(at(1, 12)).sent == 1
    assert (desk.told(), desk.rows()) == (["Alert: Nobody listened"], [("alert", "sent")])


@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_who_leaves_and_comes_back_is_not_told_again_what_a_server_may_have(desk: Desk, how: str) -> None:
    desk.join(alerts=["speaking-up"], daily=True)
    desk.story("Nobody listened", at(1, 9))
    url = desk.settings.smtp_url
    assert url is not None
    if how == "killed":
        with pytest.raises(KeyboardInterrupt):
            desk.alerts(at(1, 10), mailer=Dies(parse_smtp_url(url.get_secret_value()), "monitor@example.org"))
    else:
        desk.mailboxes.fault = lambda number, address: "drop-after-data"
        assert desk.alerts(at(1, 10)).waiting == 1
        desk.mailboxes.fault = lambda number, address: ""
    with desk.database.write() as session:
        recipients.remove(WHO, at(1, 11), session=session)
    assert desk.alerts(at(1, 12)).sent == 0
    with desk.database.write() as session:
        recipients.add(WHO, at(1, 13), session=session)
    assert desk.alerts(at(1, 14)).sent == desk.daily(at(2, 7.5)).sent == 0
    had = ["Alert: Nobody listened"] if how == "killed" else []  # only the server knows
    assert desk.told() == had
    desk.weekly(at(7, 7))
    assert len(desk.told()) == len(had) + 1


@pytest.mark.parametrize("going", ["leaves", "is erased", "wants none", "is told otherwise"])
def test_who_goes_or_chooses_otherwise_before_it_is_sent_gets_nothing(desk: Desk, going: str, tmp_path: Path) -> None:
    desk.join(alerts=["speaking-up"])
    story = desk.story("Nobody listened", at(1, 9))
    desk.mailboxes.fault = lambda number, address: "rcpt-451"
    assert desk.alerts(at(1, 10)).waiting == 1
    if going == "is erased":
        asyncio.run(erasure.erase(desk.database, desk.settings, WHO, at(1, 11)))
    with desk.database.write() as session:
        if going == "leaves":
            recipients.remove(WHO, at(1, 11), session=session)
        elif going == "wants none":
            recipients.change(WHO, alerts=[], session=session)
        elif going == "is told otherwise":
            session.add(Review(article_id=story.id or 0, theme="in-scope", verdict=False, reviewer="Jo", at=at(1, 11)))
    desk.mailboxes.fault = lambda number, address: ""
    assert desk.alerts(at(1, 12)).sent == 0
    assert (desk.told(), desk.rows()) == ([], [("alert", "skipped")])
    if going == "is erased":
        with desk.database.read() as session:
            assert session.exec(select(ToldStory)).all() == []
        assert not [file for file in tmp_path.glob("culture.db*") if WHO.encode() in file.read_bytes()]


def test_an_alert_that_no_server_took_in_time_is_in_the_next_daily_email(desk: Desk) -> None:
    desk.join(daily=True, alerts=["speaking-up"])
    desk.story("Nobody listened", at(1, 9))
    desk.mailboxes.fault = lambda number, address: "rcpt-451"
    assert desk.alerts(at(1, 10)).waiting == 1
    desk.mailboxes.fault = lambda number, address: ""
    done = desk.daily(at(2, 7.5))
    assert (done.expired, done.sent, desk.told()) == (1, 1, ["Nobody listened"])
    with desk.database.read() as session:
        expired, daily = recipients.export(WHO, session=session)["deliveries"]
    assert (expired["kind"], expired["state"], daily["kind"], daily["stories"]) == (
        "alert", "expired", "daily", ["Nobody listened"],
    )  # fmt: skip


def test_what_an_editor_leaves_out_during_the_week_is_told_by_no_email(desk: Desk) -> None:
    desk.join(daily=True, alerts=["speaking-up"])
    left_out, _ = desk.story("Nobody listened", at(1, 8)), desk.story("Somebody did", at(1, 8.5), score=0.8)
    wanted = Wanted("Ada", leave_out=(str(left_out.id),))
    edit_edition(desk.database, fakes.REGISTRY, desk.settings, wanted, week=WEEK, now=at(1, 9), themes=fakes.THEMES)
    assert (desk.alerts(at(1, 10)).sent, desk.daily(at(2, 7.5)).sent) == (1, 0)
    assert desk.told() == ["Alert: Somebody did"]


def test_upkeep_forgets_after_three_months_which_stories_were_told_and_not_that_they_were(desk: Desk) -> None:
    desk.join(alerts=["speaking-up"])
    desk.story("Nobody listened", at(1, 9))
    desk.alerts(at(1, 10))
    for days, left in ((60, 1), (100, 0)):
        keep_up(desk.database, fakes.REGISTRY, now=at(days, 4))
        with desk.database.read() as session:
            assert len(session.exec(select(ToldStory)).all()) == left
    assert desk.rows() == [("alert", "sent")]


def test_a_run_that_finds_another_sending_waits_and_then_says_that_nothing_was_sent(desk: Desk) -> None:
    desk.join(daily=True)
    desk.story("Nobody listened", at(1, 6))
    waits: list[float] = []
    with try_lock(desk.database, "delivery"):
        done = desk.daily(at(1, 7.5), sleep=waits.append)
    assert (done.problem, done.has_failures, sum(waits) >= 300) == (ANOTHER_RUN, True, True)
    with try_lock(desk.database, "delivery") as held:
        assert held is not None
        assert desk.alerts(at(1, 8)) == DeliverySummary()  # nobody wants any
    assert desk.daily(at(1, 8)).sent == 1


def test_without_a_mail_server_or_with_approval_none_is_opened_and_nothing_is_lost(desk: Desk) -> None:
    desk.join(daily=True, alerts=["speaking-up"])
    desk.story("Nobody listened", at(1, 6))
    whole, desk.settings = desk.settings, desk.settings.model_copy(update={"smtp_url": None})
    assert "no mail server is set" in desk.alerts(at(1, 7)).problem
    assert "no mail server is set" in desk.daily(at(1, 7.5)).problem
    desk.settings = whole.model_copy(update={"approval": True})
    assert desk.daily(at(1, 7.5)).problem == NOT_APPROVED
    assert (desk.rows(), desk.told()) == ([], [])
    desk.settings = whole
    assert desk.daily(at(2, 7.5)).sent == 1


def test_an_alert_says_why_and_who_watches_is_told_though_they_chose_other_themes(desk: Desk) -> None:
    story = desk.story("A small thing", at(1, 9), theme="appraisal")
    with desk.database.write() as session:
        session.add(
            StoredOrganisation(id=TRUST, name="Barts Health", kind="nhs-trust", nation="england", vocabulary="v")
        )
        session.add(
            StoredMention(
                article_id=story.id or 0, organisation_id=TRUST, place="title", start_offset=0, end_offset=1, surface="A"
            )
        )  # fmt: skip
    desk.join(themes=["workforce"], watch=[TRUST], alerts=[WATCHED])
    desk.join("other@example.org", themes=["workforce"], alerts=[WATCHED])
    assert desk.alerts(at(1, 10)).sent == 1
    said = text_of(desk, WHO, 0)
    assert "A story about Barts Health, which you watch: you asked to be told at once." in said
    assert "at most 3 a day, the rest is in your next email" in said
    assert "They said A small thing." in said
    assert "TRENDS" not in said
    assert "out of 0 articles" not in said
    (message,) = desk.mailboxes.received()[WHO]
    assert message["List-Unsubscribe"].startswith("<https://monitor.example.org/unsubscribe/")
    assert "https://monitor.example.org/preferences/" in said
