"""Follows one entry of a feed through the running product, to the sent digest, and prints the files and shapes that it passes.

    python -m tests.benchmarks.entry_trace

A file is passed where one of its functions is given the entry, or something that holds it, or returns it; a shape is a class of
the product that holds its headline. `self` does not count: what an object keeps is not handed over.
"""

import dataclasses
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "flows", "deployments", "seeds")
READER = "reader@example.org"
HEADLINE = "Allotment taps run dry at Quillfeather Lane"
LINES = (
    "The council turned off the water at the allotments on Friday because the pipes leak.",
    "Plot holders carried water from the brook in buckets while the drought lasts, the association said.",
)
_DEEPEST = 5  # of containers within containers that are looked into
_WIDEST = 60  # values of one container


class Trace:
    """Which files were given the entry, in the order of their first time, and which classes held it."""

    def __init__(self, mark: str) -> None:
        self._marks = (mark, mark.encode())
        self._places: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.shapes: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, value: Any) -> None:
        """What `sys.setprofile` calls at every call and return."""
        if event not in ("call", "return") or not (place := self._place_of(frame)):
            return
        code = frame.f_code
        if event == "call":
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            given = [frame.f_locals.get(name) for name in names if name not in ("self", "cls")]
        else:
            given = [value]
        if sum(self._holds(one, _DEEPEST) for one in given):  # not any(), so that every shape is seen
            self.files.setdefault(place, code.co_qualname)

    def _place_of(self, frame: FrameType) -> str:
        path = frame.f_code.co_filename
        if path not in self._places:
            inside = Path(path).relative_to(ROOT).as_posix() if path.startswith(f"{ROOT}{os.sep}") else ""
            self._places[path] = inside if inside.split("/")[0] in ROOMS else ""
        return self._places[path]

    def _holds(self, value: Any, depth: int) -> bool:
        if isinstance(value, str | bytes):
            return self._marks[isinstance(value, bytes)] in value  # type: ignore[operator]
        if depth == 0 or value is None or isinstance(value, int | float | type):
            return False
        held = [self._holds(one, depth - 1) for one in _parts(value)]
        kind = type(value)
        if any(held) and kind.__module__.split(".")[0] in ROOMS:
            direct = any(isinstance(one, str) and self._marks[0] in one for one in _parts(value))
            if direct:
                self.shapes.setdefault(f"{kind.__module__}.{kind.__qualname__}")
        return any(held)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from list(value.values())[:_WIDEST]
    elif isinstance(value, list | tuple | set | frozenset):
        yield from list(value)[:_WIDEST]
    elif dataclasses.is_dataclass(value):
        yield from [getattr(value, field.name, None) for field in dataclasses.fields(value)][:_WIDEST]
    elif hasattr(value, "__table__"):
        yield from [one for name, one in vars(value).items() if not name.startswith("_")]


def follow(folder: Path) -> Trace:
    """The product in this process, from the listing to the mailbox, with one entry."""
    from deployments.cli import main  # after the settings are in the environment
    from models.weeks import Week
    from tests.support.fakes_mail import Mailboxes, smtp_server
    from tests.support.fakes_sites import feed, item, rfc
    from tests.support.fakes_web import Answer, FakeWeb

    def command(*words: str) -> None:
        try:
            main(words)
        except SystemExit as ended:
            if ended.code not in (0, None):
                raise

    trace = Trace(HEADLINE)
    day = datetime.now(UTC) - timedelta(minutes=10)
    mailboxes = Mailboxes()
    with FakeWeb() as web, smtp_server(mailboxes) as port:
        os.environ["CULTURE_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
        text = "".join(f"<p>{line}</p>" for line in LINES * 2)
        page = f'<html lang="en-GB"><title>{HEADLINE}</title><body><article><h1>{HEADLINE}</h1>{text}</article></body></html>'
        web.pages["/taps"] = Answer(page.encode())
        web.pages["/feed"] = feed(item(web.url("/taps"), HEADLINE, rfc(day)))
        row = f'[[source]]\nid = "plots"\nname = "The Plot"\nurl = "{web.url("/feed")}"\nrights = "open"\n'
        (folder / "sources.toml").write_text(row, encoding="utf-8")
        for set_profile in (threading.setprofile, sys.setprofile):
            set_profile(trace)
        command("run", "--sources", "sources.toml")
        command("digest", "--week", str(Week.of(day)), "--to", READER)
        for set_profile in (threading.setprofile, sys.setprofile):
            set_profile(None)
    assert mailboxes.counts() == {READER: 1}, "the digest was not sent, so the entry was not followed to its end"
    return trace


def main() -> None:
    """Print them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        os.environ |= {
            "CULTURE_FRAMEWORK": str(folder / "charter"),
            "CULTURE_ENCODER": "tfidf",
            "CULTURE_ALLOW_HOSTS": "127.0.0.1",
            "CULTURE_MAIL_FROM": "monitor@example.org",
        }
        from tests.support.fakes_framework import write_framework

        write_framework(folder / "charter")
        from flows.collecting import open_web
        from tests.sequences.builds import InThisProcess

        vars(open_web)["Workers"] = InThisProcess
        trace = follow(folder)
    for place, function in trace.files.items():
        print(f"{place:55} {function}")
    code = sum(place.endswith(".py") for place in trace.files)
    print(f"\n{code} files of code, {len(trace.files) - code} templates")
    print(f"{len(trace.shapes)} shapes: {', '.join(trace.shapes)}")


if __name__ == "__main__":
    main()
