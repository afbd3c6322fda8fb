"""The busiest week: 2,000 stories in scope, 500 recipients who all chose otherwise. `python -m tests.benchmarks.digest`.

Ends with code 1 where it took over 60 s of CPU or 500 MB, the limits that the project set itself.
"""

import resource
import sys
import time
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import combinations, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.publishing.smtp import Answer, SendResult, SmtpMailer, parse_smtp_url
from flows.publishing.weekly import weekly_digest
from models.settings import Settings
from models.store import recipients
from models.store.database import open_database
from models.themes import theme_ids
from tests.support import fakes_edition as fakes

STORIES, RECIPIENTS = 2000, 500
LIMIT_SECONDS, LIMIT_MEGABYTES = 60.0, 500.0


class Weighing(SmtpMailer):
    """Takes everything and weighs it."""

    def __init__(self) -> None:
        super().__init__(parse_smtp_url("smtp://127.0.0.1"), "monitor@example.org")
        self.count = self.bytes = self.largest_html = 0

    @property
    def is_connected(self) -> bool:
        return True

    def connect(self) -> SendResult | None:
        return None

    def send(self, message: bytes, to_address: str) -> SendResult:
        page = message_from_bytes(message, _class=EmailMessage, policy=default).get_body(("html",))
        assert page is not None
        self.count += 1
        self.bytes += len(message)
        self.largest_html = max(self.largest_html, len(page.get_content().encode()))
        return SendResult(Answer.SENT)


def main() -> int:
    """Build the week, compose and hand over every email, say what it took."""
    with TemporaryDirectory() as folder, open_database(f"sqlite:///{folder}/culture.db") as database:
        with database.write() as session:
            session.add(fakes.model_version())
            fakes.add_source_states(fakes.WEEK, session=session)
            for number in range(STORIES):
                theme = theme_ids()[number % len(theme_ids())]
                headline, evidence = fakes.TEXTS[theme][0]
                fakes.add_story(
                    session,
                    source=fakes.SOURCES[number % len(fakes.SOURCES)],
                    title=f"{headline.format(place='Northmoor', person='Ann Reader')} ({number})",
                    at=fakes.WEEK.start + timedelta(minutes=5 * number),
                    themes=[
                        (theme, evidence.format(place="Northmoor", person="Ann Reader"), 0.9),
                        (theme_ids()[(number * 7 + 3) % len(theme_ids())], "", 0.7),
                    ][: 1 + (number % 15 != (number * 7 + 3) % 15)],
                )
            for number, themes in enumerate(islice(combinations(theme_ids(), 4), RECIPIENTS)):
                recipients.add(f"reader{number}@example.org", fakes.MONDAY_7, themes=themes, session=session)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        settings = Settings(data=Path(folder), mail_from="monitor@example.org", base_url="https://monitor.example.org")
        mailer = Weighing()
        wall, cpu = time.perf_counter(), time.process_time()
        result = weekly_digest(
            database,
            fakes.REGISTRY,
            settings,
            week=fakes.WEEK,
            now=fakes.MONDAY_7,
            themes=fakes.THEMES,
            mailer=mailer,
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"stories {result.stories}, emails {mailer.count}, {mailer.bytes / 1e6:.0f} MB in all")
    print(f"largest HTML {mailer.largest_html:,} bytes (Gmail cuts at 102,400)")
    print(f"CPU {cpu:.1f} s, wall {wall:.1f} s; peak memory {peak:.0f} MB ({before:.0f} MB before)")
    return int(cpu > LIMIT_SECONDS or peak > LIMIT_MEGABYTES or mailer.count != RECIPIENTS)


if __name__ == "__main__":
    sys.exit(main())
