"""The world outside, which no kill reaches: the demo's news sites and a mail server, in a process of their own.

`python -m tests.faults.town FOLDER NOW` prints the registry and the mail port, and writes FOLDER/mail/<address>/*.eml.
"""

import hashlib
import json
import sys
import uuid
from datetime import datetime
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deployments.demo_site import DemoSite

AGAIN = "again"  # in a mailbox's folder: second copies, which its reader never sees


class _Postman:
    """Keeps each message that was taken as a file, before it says that it was taken.

    A mailbox takes a message once, known by its Message-ID and Date, as Exchange's store does (and Cyrus, by Message-ID
    alone): a second copy goes to `again/`, so that it is counted and its words can be compared.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        message = message_from_bytes(content)
        known_by = hashlib.sha256(f"{message['Message-ID']} {message['Date']}".encode()).hexdigest()
        for address in envelope.rcpt_tos:
            file = self._folder / address / f"{known_by}.eml"
            if file.exists():
                file = file.parent / AGAIN / f"{uuid.uuid4().hex}.eml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return "250 OK taken"


class _PostOffice(Controller):
    def _trigger_server(self) -> None:
        # Port 0: the one that the system chose.
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def main() -> None:
    """Serve until standard input ends."""
    folder, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    with DemoSite(now) as site:
        registry = folder / "sources.toml"
        registry.write_text(site.sources_toml(), encoding="utf-8")
        mail = _PostOffice(_Postman(folder / "mail"), hostname="127.0.0.1", port=0, ready_timeout=30)
        mail.start()
        sys.stdout.write(json.dumps({"registry": str(registry), "port": mail.port}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
        mail.stop()


if __name__ == "__main__":
    main()
