"""Trials: a fresh database, the job killed at random moments and restarted until it completes, the result compared."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faults.job import COUNTS, Job
from tests.faults.points import KINDS, KillPoint
from tests.faults.snapshot import Snapshot, differences, half_sent, second_copies, take

NOW = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)  # a Monday morning: the week before is complete, the edition goes out
WEEK = "2026-W47"
KILLS_A_TRIAL = 6  # then the run is left alone, as a restarted one mostly is
TIMED = 0.4  # share of kills from outside, at a random time
LEFT_TO_DO = 0.6  # of a run that is restarted: later moments would mostly never come
UNTRAINED = 0.15  # share of trials that begin without a trained classifier, so that training is killed too
READY_SECONDS = 120.0
PROJECT = Path(__file__).parents[2]

NewDatabase = Callable[[Path], AbstractContextManager[str]]  # data folder -> address of an empty database


@dataclass(slots=True)
class Findings:
    """What a number of kills did."""

    kills: Counter[str] = field(default_factory=Counter)  # by kind of moment
    trials: int = 0
    completed: int = 0
    failed_runs: int = 0  # that ended by themselves with an error
    processes_left: int = 0
    in_the_gap: int = 0  # kills that left a delivery `sending`: nobody can know whether the server took it
    second_copies: int = 0  # handed over because of those; each the very message of the first
    broken: dict[str, list[str]] = field(default_factory=dict)  # {what: differences}

    @property
    def total(self) -> int:
        """All kills."""
        return sum(self.kills.values())


@contextmanager
def sqlite_database(data: Path) -> Iterator[str]:
    """A file in the trial's data folder."""
    yield f"sqlite:///{data / 'culture.db'}"


class Harness:
    """Holds the news sites, the mail server and the nursery; use as `with`. All that is written goes to `folder`."""

    def __init__(self, folder: Path, new_database: NewDatabase = sqlite_database) -> None:
        self._folder = folder
        self._new_database = new_database
        self._mail = folder / "mail"
        self._models = folder / "models"
        self.reference: Snapshot = {}
        self.events: Counter[str] = Counter()
        self.seconds: list[float] = []  # of an undisturbed run: training the classifier, all the rest

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._town = _start("tests.faults.town", str(self._folder), NOW.isoformat())
        self._nursery = _start("tests.faults.nursery")
        told = json.loads(self._town.stdout.readline())  # type: ignore[union-attr]
        assert self._nursery.stdout is not None
        assert self._nursery.stdout.readline() == "ready\n"
        self._job = Job(
            data="",
            database="",
            registry=told["registry"],
            smtp=f"smtp://127.0.0.1:{told['port']}",
            now=NOW.isoformat(),
            week=WEEK,
        )
        self._take_reference()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self._nursery, self._town):
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def kill_often(self, kills: int, seed: int, tell: Callable[[str], None] = lambda line: None) -> Findings:
        """Trials until so many kills have happened."""
        findings = Findings()
        while findings.total < kills:
            chance = random.Random(f"{seed} {findings.trials}")
            self._trial(chance, findings, kills)
            tell(
                f"trial {findings.trials}: {findings.total} kills, "
                f"{'no difference' if not findings.broken else f'DIFFERENCES in {sorted(findings.broken)}'}"
            )
        return findings

    def run_once(self, data: Path, database: str, **changes: Any) -> dict[str, Any]:
        """One run in the nursery: how it ended."""
        job = replace(self._job, data=str(data), database=database, **changes)
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(job.to_json() + "\n")
        self._nursery.stdin.flush()
        answer: dict[str, Any] = json.loads(self._nursery.stdout.readline())
        return answer

    @contextmanager
    def fresh(self, name: str, *, trained: bool = True) -> Iterator[tuple[Path, str]]:
        """An empty data folder and database with the recipients, and empty mailboxes."""
        data = self._folder / f"data-{name}"
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(self._mail, ignore_errors=True)
        data.mkdir(parents=True)
        if trained and self._models.exists():
            shutil.copytree(self._models, data / "models")
        with self._new_database(data) as address:
            yield data, address
        shutil.rmtree(data, ignore_errors=True)

    def look(self, data: Path, address: str) -> Snapshot:
        """What is there now."""
        return take(address, self._mail, data)

    def _take_reference(self) -> None:
        with self.fresh("undisturbed") as (data, address):
            ended = self.run_once(data, address)
            if ended["code"] != 0:
                raise RuntimeError(f"the undisturbed run failed: {(data / 'run.log').read_text()[-3000:]}")
            told = json.loads((data / COUNTS).read_text())
            self.seconds, self.events = told["seconds"], Counter(told["events"])
            self.reference = self.look(data, address)
            shutil.copytree(data / "models", self._models)

    def _trial(self, chance: random.Random, findings: Findings, kills: int) -> None:
        findings.trials += 1
        trained = chance.random() >= UNTRAINED
        with self.fresh("trial", trained=trained) as (data, address):
            gaps: Counter[str] = Counter()
            for attempt in range(KILLS_A_TRIAL + 1):
                kind, change = "none", dict[str, Any]()
                if attempt < KILLS_A_TRIAL and findings.total < kills:
                    kind, change = self._choose(chance, trained=trained, restarted=attempt > 0)
                ended = self.run_once(data, address, **change)
                findings.processes_left += ended["left"]
                if ended["killed"]:
                    findings.kills[kind] += 1
                    gaps.update(half_sent(address))
                    continue
                if ended["code"] != 0:
                    findings.failed_runs += 1
                    log = (data / "run.log").read_text().strip().splitlines()
                    findings.broken.setdefault("runs", []).append(log[-1] if log else "no words")
                else:
                    findings.completed += 1
                break
            found = self.look(data, address)
            findings.in_the_gap += gaps.total()
            copies, unexplained = second_copies(self._mail, gaps)
            findings.second_copies += copies
            found_wrong = {**differences(self.reference, found), **({"copies": unexplained} if unexplained else {})}
            for what, lines in found_wrong.items():
                findings.broken.setdefault(what, []).extend(lines)

    def _choose(self, chance: random.Random, *, trained: bool, restarted: bool) -> tuple[str, dict[str, Any]]:
        share = LEFT_TO_DO if restarted else 1.0
        if chance.random() < TIMED:
            return "time", {"kill_after": chance.uniform(0, share * sum(self.seconds[trained:]))}
        kind = chance.choice(KINDS)
        return kind, {"point": KillPoint(kind, chance.randint(1, max(int(share * self.events[kind]), 1)))}


def _start(module: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CULTURE_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**environment, **threads, "PYTHONPATH": str(PROJECT)},
        start_new_session=True,
    )


def wait_until(true: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    """Look until it is so."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError("it never came")
        time.sleep(0.01)
