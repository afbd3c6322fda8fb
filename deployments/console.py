"""What the command prints: progress while it works, tables at the end, JSON for machines. No decisions here."""

import json
import logging
import os
import sys
import unicodedata
from codecs import lookup
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from textwrap import fill
from typing import Any

from rich.console import Console
from rich.text import Text

WIDTH = 80  # columns that every terminal has
Report = Callable[[str, int, int], None]  # stage, done, total


def never_fail_to_print() -> None:
    """What a stream's encoding does not have is shown as `?`, and what is closed takes it all: neither must end a command."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - while the program runs
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def shown(text: str) -> str:
    """What a terminal may get: no escape sequences and no marks of direction, whoever wrote the text."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))


class PlainFormatter(logging.Formatter):
    """Log lines as a terminal may get them: libraries log what servers say."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole line, with a traceback where there is one."""
        return shown(super().format(record))


def out() -> Console:
    """The console for results; made when it is used, since tests and pipes replace the streams."""
    return Console(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), highlight=False, markup=False, emoji=False)


def err() -> Console:
    """The console for progress, notes and errors."""
    return Console(file=sys.stderr, soft_wrap=not sys.stderr.isatty(), highlight=False, markup=False, emoji=False)


@contextmanager
def progress_bars(*, shown: bool) -> Iterator[Report]:
    """Progress bars on the error stream, one a stage; silent where they are not wanted or nobody watches."""
    if not shown or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as bars:
        stages: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=max(total, 1))
            bars.update(stages[stage], completed=done, total=max(total, 1))

        yield report


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on the result stream; numbers to the right."""
    from rich.table import Table

    drawn = Table(title=shown(title), title_justify="left", title_style="bold", header_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_shown(cell) for cell in row))
    out().print(drawn)


def line(text: str = "") -> None:
    """A line of result, shown as it is."""
    out().print(shown(text))


def wrapped(text: str, *, indent: int = 0, hang: int = 2) -> None:
    """A line of result, broken at words where it is wider than every terminal is; no word is broken."""
    begin, go_on = " " * indent, " " * (indent + hang)
    line(
        fill(text, WIDTH, initial_indent=begin, subsequent_indent=go_on, break_long_words=False, break_on_hyphens=False)
    )


def note(text: str) -> None:
    """A line beside the result: what was chosen, what a person may want to know."""
    err().print(shown(text), style="dim")


class _JsonLine(logging.Formatter):
    """{"time", "level", "logger", "message"}, and "exception" where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_as_json() -> None:
    """From now on log lines and errors are JSON, one object per line; those of Prefect's processes that `start` begins too."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_JsonLine())
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER", "json")


def _is_json() -> bool:
    return any(isinstance(handler.formatter, _JsonLine) for handler in logging.getLogger().handlers)


def problem(text: str) -> None:
    """An error in one line."""
    if _is_json():
        logging.getLogger("culture-monitor").error(text)
        return
    err().print(
        Text("error:", style="bold red"), shown(text), soft_wrap=True
    )  # lines that are told must be whole to be copied


def as_json(value: Any) -> None:
    """One JSON document on the result stream, the same in each encoding."""
    is_utf8 = lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    sys.stdout.write(json.dumps(value, ensure_ascii=not is_utf8, indent=2, default=str) + "\n")


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    return "" if cell is None else shown(str(cell))
