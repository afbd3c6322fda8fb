"""The other way out for an email: files in the outbox folder, where no SMTP server is set."""

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from flows.mail.transports import Answer, HandOver, SendResult


def outbox_name(address: str) -> str:
    """The file of an address, a name that every system takes."""
    return quote(address, safe="@+")


class OutboxTransport:
    """Files instead of mail: `<folder>/<address>.eml`, or as `name_of` names them. Sending again replaces the file."""

    def __init__(self, folder: Path, name_of: Callable[[str], str] = outbox_name) -> None:
        self._folder = folder
        self._name_of = name_of

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def send(self, message: EmailMessage, to_address: str, hand_over: HandOver) -> SendResult:
        """Write one email; the file appears whole or not at all."""
        file = self._folder / f"{self._name_of(to_address)}.eml"
        part = file.with_name(f"{self._name_of(to_address)}.part")
        try:
            part.write_bytes(message.as_bytes())
            with hand_over() as claim:
                if not claim.won:
                    part.unlink(missing_ok=True)
                    return SendResult(Answer.TAKEN)
                part.replace(file)
                claim.taken()
        except OSError as error:
            return SendResult(Answer.STOP, f"{file}: {error.strerror}")
        return SendResult(Answer.SENT)
