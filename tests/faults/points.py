"""Moments at which a run can kill itself: at any SQL statement, commit, file operation or part of a mail conversation.

A kill from outside at a random time mostly hits the long steps; these hit the short ones, where the order matters.
"""

import os
import signal
import smtplib
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

KINDS = ("statement", "committed", "file", "mail")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True, slots=True)
class KillPoint:
    """The `number`th moment of a kind, from 1."""

    kind: str
    number: int


class _Watch:
    """Counts the moments of this process, and ends its whole process group at the chosen one."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.point: KillPoint | None = None

    def passed(self, kind: str) -> None:
        self.seen[kind] += 1
        if self.point is not None and self.point.kind == kind and self.point.number == self.seen[kind]:
            os.killpg(0, signal.SIGKILL)


_watch = _Watch()


def counts() -> dict[str, int]:
    """How often each kind of moment has come in this process."""
    return dict(_watch.seen)


def arm(point: KillPoint | None) -> None:
    """Watch this process from now on; once in its life, since hooks of the interpreter stay."""
    _watch.point = point
    event.listen(Engine, "before_cursor_execute", lambda *_: _watch.passed("statement"))
    _watch_commits()
    _watch_mail()
    sys.addaudithook(_watch_files)


def _watch_commits() -> None:
    commit = DefaultDialect.do_commit

    def committed(self: DefaultDialect, connection: Any) -> None:
        commit(self, connection)  # type: ignore[no-untyped-call]
        _watch.passed("committed")

    DefaultDialect.do_commit = committed  # type: ignore[method-assign]


def _watch_mail() -> None:
    send = smtplib.SMTP.send

    def watched(self: smtplib.SMTP, s: Any) -> None:
        _watch.passed("mail")
        send(self, s)
        _watch.passed("mail")

    smtplib.SMTP.send = watched  # type: ignore[method-assign]


def _watch_files(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "open":
        _path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & _WRITES)
        if writes:
            _watch.passed("file")
    elif name in {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}:
        _watch.passed("file")
