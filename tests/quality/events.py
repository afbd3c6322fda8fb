"""Measures which reports are taken for one event: python -m tests.quality.events [EVALUATION]

On the invented reports of this folder, on which the weights were fitted (`events_held_out` measures them where they were not), on
the retold reports of seeds/retold taken as all of one day, and, with the folder of the evaluation sets, on pairs of real articles.
"""

import argparse
import gzip
import json
import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from models.events import OPENING, PLACED_KINDS, SAME_EVENT, Account, Compared, find_event, find_followed
from models.mentions import Recogniser
from models.organisations import load_organisations
from models.text import clean_text, split_sentences, split_words_as_written
from models.weeks import Week

HERE = Path(__file__).parent
SETS = tuple(
    f"reports_{number}.toml" for number in ("one", "two", "three", "four", "five")
)  # the weights were fitted on
UNSEEN = "reports_six.toml"  # nothing was fitted on or chosen with it
DAY = datetime(2026, 9, 1, 9, tzinfo=UTC)
# What the invented reports name and `models.events` does not count: bodies that are not in one place.
_NATIONAL = frozenset(
    "cqc nhs-england rcn bma dhsc gmc rcs national-guardian health-institute policy-trust skills-council "
    "unison rcm spso rqia care-england scottish-government welsh-government health-and-social-care-committee "
    "department-of-health-northern-ireland gmb nmc phso hiw audit-wales".split()
)


@dataclass(frozen=True)
class Labelled:
    """A report with what it tells."""

    compared: Compared
    event: str
    follows: str
    family: str


@dataclass
class Figure:
    """So many of so many, with the 95% interval of Wilson."""

    right: int = 0
    of: int = 0

    def add(self, right: bool) -> None:
        """Count one."""
        self.right += right
        self.of += 1

    def __str__(self) -> str:
        if not self.of:
            return "none"
        share, z = self.right / self.of, 1.96
        middle = (share + z * z / (2 * self.of)) / (1 + z * z / self.of)
        half = z * math.sqrt(share * (1 - share) / self.of + z * z / (4 * self.of**2)) / (1 + z * z / self.of)
        return f"{self.right} of {self.of} ({share:.0%}, {middle - half:.0%} to {middle + half:.0%})"


def invented(name: str) -> list[Labelled]:
    """The reports of one file, in the order of their days."""
    rows = tomllib.loads((HERE / name).read_text(encoding="utf-8"))["report"]
    rows.sort(key=lambda row: row["days"])
    return [
        Labelled(
            Compared(
                Account(
                    key=number,
                    outlets=frozenset({row["outlet"]}),
                    title=row["title"],
                    opening=row["text"],
                    at=DAY + timedelta(days=row["days"]),
                    bodies={one: frozenset(one.split("-")) for one in row["organisations"] if one not in _NATIONAL},
                )
            ),
            row["event"],
            row.get("follows", ""),
            row["family"],
        )
        for number, row in enumerate(rows)
    ]


def grouped(reports: Sequence[Labelled]) -> dict[int, list[Labelled]]:
    """The reports by the event that they are taken to tell, as a run after another would."""
    events: dict[int, list[Labelled]] = {}
    for report in reports:
        found = find_event(report.compared, {number: [one.compared for one in told] for number, told in events.items()})
        events.setdefault(found[0] if found else report.compared.account.key, []).append(report)
    return events


def put_together(reports: Sequence[Labelled]) -> Iterator[tuple[Labelled, Labelled, bool]]:
    """Every pair, and whether it is put together."""
    event_of = {one.compared.account.key: number for number, told in grouped(reports).items() for one in told}
    for one, other in combinations(reports, 2):
        yield one, other, event_of[one.compared.account.key] == event_of[other.compared.account.key]


def pair_figures(reports: Sequence[Labelled]) -> tuple[Figure, Figure]:
    """How many of the pairs put together are of one event, and how many of those of one event are put together."""
    right, found = Figure(), Figure()
    for one, other, together in put_together(reports):
        if together:
            right.add(one.event == other.event)
        if one.event == other.event:
            found.add(together)
    return right, found


def measure_invented(name: str) -> None:
    """Pairs that are put together, and stories that are said to follow another."""
    reports = invented(name)
    right, found = pair_figures(reports)
    print(f"{name}: one event, right {right}; found {found}")
    missed = [pair[:2] for pair in put_together(reports) if pair[2] != (pair[0].event == pair[1].event)]
    for one, other in missed:
        first, second = one.compared.account.title, other.compared.account.title
        verdict = "not found" if one.event == other.event else "WRONG"
        print(f"  {verdict} {one.compared.likeness(other.compared).log_odds:+.2f}: {first} | {second}")
    right, found = Figure(), Figure()
    by_key = {one.compared.account.key: one for one in reports}
    for report in reports:
        week = Week.of(report.compared.account.at)
        followed = find_followed(
            report.compared, [one.compared for one in reports if Week.of(one.compared.account.at) < week]
        )
        if followed:
            old = by_key[followed[0]]
            related = _related(report, old)
            right.add(related)
            if not related:
                print(
                    f"  WRONG {followed[1]:+.2f} follows: {report.compared.account.title} | {old.compared.account.title}"
                )
        if report.follows and any(one.event == report.follows for one in reports):
            found.add(followed is not None)
            if followed is None:
                odds = max(
                    report.compared.likeness(one.compared).log_odds for one in reports if one.event == report.follows
                )
                print(f"  not found {odds:+.2f}: {report.compared.account.title}")
    print(f"{name}: follows, right {right}; found {found}")


def measure_short() -> None:
    """The same of all sets, had each report but a headline and its first sentence."""
    right, found = Figure(), Figure()
    for name in SETS:
        short = []
        for report in invented(name):
            told = report.compared.account
            first = split_sentences(clean_text(told.opening))[0]
            short.append(replace(report, compared=Compared(replace(told, opening=first))))
        for figure, more in zip((right, found), pair_figures(short), strict=True):
            figure.right += more.right
            figure.of += more.of
    print(f"all, of a headline and a sentence: one event, right {right}; found {found}")


def _related(new: Labelled, old: Labelled) -> bool:
    return new.event == old.event or (bool(new.follows) and new.follows in {old.event, old.follows})


def retold() -> list[tuple[str, Compared]]:
    """The retold reports with the organisations that the recogniser finds, as if all came on one day."""
    organisations = load_organisations()
    recogniser = Recogniser(organisations)
    rows = [
        row
        for file in sorted((HERE.parents[1] / "seeds" / "retold").glob("*.toml"))
        for row in tomllib.loads(file.read_text(encoding="utf-8")).get("passage", [])
    ]
    return [(row["id"], _compared(number, row["title"], row["text"], recogniser)) for number, row in enumerate(rows)]


def _compared(number: int, title: str, text: str, recogniser: Recogniser) -> Compared:
    bodies: dict[str, frozenset[str]] = {}
    organisations = load_organisations()
    for one in recogniser.mentions(title=title, text=clean_text(text)[:OPENING]):
        if organisations[one.organisation_id].kind in PLACED_KINDS:
            named = frozenset(split_words_as_written(one.surface))
            bodies[one.organisation_id] = bodies.get(one.organisation_id, frozenset()) | named
    return Compared(Account(number, frozenset({str(number)}), title, text, DAY, bodies))


def measure_retold() -> None:
    """Every pair of 400 retold reports that would be put together, had they come on one day."""
    labels = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8"))["retold"]
    yes = {frozenset(pair.split()) for pair in labels["yes"]}
    unsure = {frozenset(pair.split()) for pair in labels["unsure"]}
    right, found = Figure(), Figure()
    for (one, mine), (other, theirs) in combinations(retold(), 2):
        pair = frozenset((f"retold-{one[-3:]}", f"retold-{other[-3:]}"))
        if pair in unsure:
            continue
        together = mine.is_report and theirs.is_report and mine.likeness(theirs).log_odds >= SAME_EVENT
        if together:
            right.add(pair in yes)
        if pair in yes:
            found.add(together)
        if together != (pair in yes):
            print(f"  {'not found' if pair in yes else 'WRONG'} {mine.likeness(theirs).log_odds:+.2f} {one} {other}")
    print(f"retold, as of one day: right {right}; found {found}")


def measure_real(folder: Path, part: str) -> None:
    """Pairs of real articles that are most alike by their words, as if of one day and of different outlets."""
    labels = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8"))[part]
    recogniser = Recogniser(load_organisations())
    articles = dict(_real(folder))
    right, found = Figure(), Figure()
    for verdict in ("yes", "no"):
        for pair in labels[verdict]:
            one, other = (_compared(0, *_headed(articles[name]), recogniser) for name in pair.split())
            together = one.is_report and other.is_report and one.likeness(other).log_odds >= SAME_EVENT
            if together:
                right.add(verdict == "yes")
            if verdict == "yes":
                found.add(together)
    print(f"real, {part}, as of one day and of different outlets: right {right}; found {found}")


def _real(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in ("real_dev.jsonl", "real_dev2.jsonl"):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield row["id"], row
    with gzip.open(folder / "unlabelled_news.jsonl.gz", "rt", encoding="utf-8") as stream:
        for number, line in enumerate(stream):
            yield f"U{number}", json.loads(line)


def _headed(row: dict[str, Any]) -> tuple[str, str]:
    """Title and text; the first sentence is the title where the set has none."""
    text = clean_text(row["text"])
    if row["title"] and clean_text(row["title"])[:30] != text[:30]:
        return row["title"], text
    first = split_sentences(text)[0]
    return first, text[len(first) :]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluation", nargs="?", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    for name in (*SETS, UNSEEN):
        if options.only in name:
            measure_invented(name)
    if not options.only:
        measure_short()
        measure_retold()
    if options.evaluation:
        for part in ("tune", "test"):
            measure_real(options.evaluation, part)


if __name__ == "__main__":
    main()
