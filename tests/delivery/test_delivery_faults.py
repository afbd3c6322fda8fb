"""Each recipient has the edition exactly once: through a failing SMTP server, and however often the sender is killed."""

import random
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlmodel import select

from flows.publishing.delivery import ANOTHER_RUN
from flows.publishing.smtp import Answer, SmtpMailer, parse_smtp_url
from models.settings import Settings
from models.store.database import Database
from models.store.locks import try_lock
from models.store.tables import Delivery
from tests.support.fakes_delivery import NO_PAUSES, edition_database, edition_settings, join, send, states  # noqa: F401 - fixtures
from tests.support.fakes_mail import PASSWORD, USER, Mailboxes, certificate, smtp_server

pytestmark = pytest.mark.long


@pytest.mark.parametrize("fault", ["rcpt-451", "data-451", "drop-before-data", "drop-after-data", "421", "slow"])
def test_a_passing_fault_is_tried_again(fault: str, database: Database, settings: Settings) -> None:
    addresses = join(database, 12)
    mailboxes = Mailboxes(lambda number, address: fault if number % 3 == 0 else "")
    with smtp_server(mailboxes) as port:
        result = send(database, settings, port)
    assert (result.sent, result.failed, result.waiting) == (12, 0, 0)
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


@pytest.mark.parametrize("fault", ["rcpt-550", "data-554"])
def test_a_lasting_refusal_is_recorded_and_stops_no_one_else(
    fault: str, database: Database, settings: Settings
) -> None:
    addresses = join(database, 6)
    mailboxes = Mailboxes(lambda number, address: fault if address == addresses[2] else "")
    with smtp_server(mailboxes) as port:
        result = send(database, settings, port)
        again = send(database, settings, port)
    assert (result.sent, result.failed) == (5, 1)
    assert again.sent == 0
    assert mailboxes.tries[addresses[2]] == 1
    with database.read() as session:
        row = session.exec(select(Delivery).where(Delivery.state == "failed")).one()
    assert row.error is not None
    assert fault.removeprefix("rcpt-").removeprefix("data-") in row.error


def test_a_server_that_is_down_leaves_all_waiting_for_the_next_run(database: Database, settings: Settings) -> None:
    addresses = join(database, 4)
    pauses: list[float] = []
    result = send(database, settings, 1, sleep=pauses.append, pauses=(5.0, 20.0))
    assert (result.sent, result.waiting) == (0, 4)
    assert len(pauses) == 2
    assert 4 <= pauses[0] <= 6  # 5 and 20 s, give or take a fifth
    assert 16 <= pauses[1] <= 24
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port:
        assert send(database, settings, port).sent == 4
    assert mailboxes.counts() == dict.fromkeys(addresses, 1)


def test_two_runs_at_once_send_once(database: Database, settings: Settings) -> None:
    join(database, 1)
    with smtp_server(Mailboxes()) as port:
        with try_lock(database, "delivery") as lock:
            assert lock is not None
            result = send(database, settings, port)
        assert (result.sent, result.has_failures, result.note) == (0, False, ANOTHER_RUN)
        assert send(database, settings, port).sent == 1


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # TLS from the start is not known to it
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_five_hundred_over_tls_with_login_while_it_fails(
    scheme: str, database: Database, settings: Settings, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    addresses = join(database, 500 if scheme == "smtp" else 20)
    chance = random.Random(3)
    kinds = ["rcpt-451", "data-451", "drop-before-data", "drop-after-data", "421", "slow"]
    refused = set(addresses[::50])

    def fault(number: int, address: str) -> str:
        if address in refused:
            return "rcpt-550"
        return chance.choice(kinds) if chance.random() < 0.08 else ""

    mailboxes = Mailboxes(fault)
    mailboxes.slow_seconds = 0.01
    with smtp_server(mailboxes, tls=tls[0], implicit=scheme == "smtps", auth=True) as port:
        url = f"{scheme}://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        mailer = SmtpMailer(parse_smtp_url(url), "monitor@example.org", tls=tls[1], answer_seconds=10)
        result = send(database, settings, mailer=mailer)
    assert result.failed == len(refused)
    assert result.waiting == 0
    assert mailboxes.counts() == {address: 1 for address in addresses if address not in refused}


def test_login_and_certificate_are_checked(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with smtp_server(Mailboxes(), tls=tls[0], auth=True) as port:
        for user, context, word in (("wrong", tls[1], "login refused"), (USER, None, "certificate")):
            url = f"smtp://{user}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
            answer = SmtpMailer(parse_smtp_url(url), "monitor@example.org", tls=context).check()
            assert answer.answer is Answer.STOP
            assert word in answer.detail
            assert PASSWORD not in answer.detail
        good = f"smtp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        assert SmtpMailer(parse_smtp_url(good), "monitor@example.org", tls=tls[1]).check().answer is Answer.SENT


def test_a_refused_login_is_nobodys_failure(
    database: Database, settings: Settings, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    join(database, 3)
    with smtp_server(Mailboxes(), tls=tls[0], auth=True) as port:
        address = parse_smtp_url(f"smtp://{USER}:wrong@127.0.0.1:{port}")
        result = send(database, settings, mailer=SmtpMailer(address, "monitor@example.org", tls=tls[1]))
    assert (result.sent, result.failed, result.waiting) == (0, 0, 3)
    assert "login refused" in result.note


@pytest.mark.parametrize(
    "url", ["ftp://host", "smtp://", "smtp://user@host", "smtp://host:99999", "smtp://a:b@host/path", "smtps://u:p@h:x"]
)
def test_a_bad_address_says_how_to_write_it(url: str) -> None:
    with pytest.raises(ValueError, match="CULTURE_SMTP_URL: write"):
        parse_smtp_url(url)


_SENDER = """
import sys
from pathlib import Path
from tests.support.fakes_delivery import send
from tests.support import fakes_edition
from models.settings import Settings
from models.store.database import open_database
data, port = Path(sys.argv[1]), int(sys.argv[2])
with open_database(f"sqlite:///{data / 'culture.db'}") as database:
    settings = Settings(data=data, mail_from="monitor@example.org", base_url="https://monitor.example.org")
    print("ready", flush=True)
    send(database, settings, port)
"""


def test_killed_at_ten_random_points_nobody_has_it_twice_or_not_at_all(database: Database, settings: Settings) -> None:
    addresses = join(database, 80)
    mailboxes = Mailboxes(lambda number, address: "slow")
    mailboxes.slow_seconds = 0.02
    chance = random.Random(11)
    kills = 0
    with smtp_server(mailboxes) as port:
        while True:
            sender = subprocess.Popen(
                [sys.executable, "-c", _SENDER, str(settings.data), str(port)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            assert sender.stdout is not None
            assert sender.stdout.readline() == b"ready\n"
            if kills == 10:
                assert sender.wait(60) == 0
                sender.stdout.close()
                break
            time.sleep(chance.uniform(0.02, 0.3))
            sender.send_signal(signal.SIGKILL)
            sender.wait(10)
            sender.stdout.close()
            kills += 1
        time.sleep(0.1)
    assert states(database) == {"sent": len(addresses)}
    received = mailboxes.received()
    assert set(received) == set(addresses)
    identities = {address: {m["Message-ID"] for m in messages} for address, messages in received.items()}
    assert {len(found) for found in identities.values()} == {1}
    # A kill hits at most one message that is with the server; only that one is repeated, the same to the byte.
    assert sum(mailboxes.counts().values()) - len(addresses) <= kills
    for messages in received.values():
        assert len({message.as_bytes() for message in messages}) == 1
