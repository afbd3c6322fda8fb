"""What a run did, in sections: the command shows them as tables, the artifact `run-summary` as markdown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.collecting.summary import CollectSummary
from models.outcomes import Outcome
from models.tagging.apply import TagSummary
from models.themes import load_framework, load_themes
from models.weeks import LONDON

ROWS_SHOWN = 40  # of sources with something to tell; source-health and `run --json` have all


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its heading, and lines below it."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]  # a cell for each column, in plain text
    lines: tuple[str, ...] = ()


def sections(collected: CollectSummary, tagged: TagSummary | None) -> list[Section]:
    """The summary of a run; `tagged` is None where it only collected."""
    noticed = [(r.source.label, r.detail) for r in collected.to_look_at]
    cut = [(r.source.label, r.left_out) for r in collected.cut_short]
    of_sources = [
        _failures(collected),
        _of_sources("What was read and needs a look", ("source", "detail"), noticed),
        _of_sources("What was listed and not read", ("source", "what was left out"), cut),
    ]
    found = [_entries(collected), *([_themes(tagged)] if tagged is not None else [])]
    return [*found, *(section for section in of_sources if section.rows or section.lines)]


def tagged_in_words(tagged: TagSummary) -> str:
    """What was tagged, and what waits for people."""
    waiting = _count(tagged.uncertain, "story waits", "stories wait")
    if not tagged.judged and not tagged.other_language:
        return f"No story was there for the model to read. {waiting} for a person’s answer in the review queue."
    return (
        f"{_count(tagged.judged, 'story', 'stories')} read by model {tagged.version}: {tagged.in_scope:,} on "
        f"{load_framework().scope}, {tagged.other_language:,} not in English. "
        f"{waiting} for a person’s answer in the review queue."
    )


def as_data(collected: CollectSummary, tagged: TagSummary) -> dict[str, Any]:
    """The summary of a run as plain values, for machines."""
    return {
        "run_id": collected.run_id,
        "entries": collected.entries,
        "outcomes": {str(outcome): count for outcome, count in collected.outcomes.items() if count},
        "earlier": {str(outcome): count for outcome, count in collected.earlier_outcomes.items() if count},
        "owed": collected.owed,
        "out_of_time": {"pages": collected.pages_out_of_time, "sources": collected.sources_out_of_time},
        "sources": [
            {
                "id": result.source.id,
                "poll": str(result.poll),
                "detail": result.detail,
                "outcomes": {str(outcome): count for outcome, count in result.outcomes.items()},
                "left_out": result.left_out,
            }
            for result in collected.results
        ],
        "network_trouble": collected.network_trouble,
        "began_to_fail": [result.source.id for result in collected.began_to_fail],
        "answer_again": [result.source.id for result in collected.answer_again],
        "not_due": collected.not_due,
        "judged": tagged.judged,
        "in_scope": tagged.in_scope,
        "uncertain": tagged.uncertain,
        "other_language": tagged.other_language,
        "themes": tagged.by_theme,
        "model_version": tagged.version,
    }


def _entries(collected: CollectSummary) -> Section:
    outcomes = collected.outcomes
    rows = [(str(outcome), outcomes[outcome], outcome.meaning) for outcome in Outcome if outcomes[outcome]]
    total = ("all", collected.entries, f"entries of {_count(len(collected.results), 'source', 'sources')}")
    waiting = f"{_count(collected.not_due, 'source was', 'sources were')} not due yet." if collected.not_due else ""
    return Section(
        "What became of every entry",
        ("outcome", "entries", "meaning"),
        (*rows, total),
        tuple(line for line in (collected.earlier_words, waiting) if line),
    )


def _themes(tagged: TagSummary) -> Section:
    rows = tuple((theme.heading, tagged.by_theme.get(theme.id, 0)) for theme in load_themes())
    return Section("New stories by theme", ("theme", "stories"), rows, (tagged_in_words(tagged),))


def _failures(collected: CollectSummary) -> Section:
    """Failures that begin or end, one by one; those that go on in one line."""
    columns = ("source", "outcome", "detail", "what to do")
    rows = [(r.source.label, str(r.poll), r.detail, r.what_to_do) for r in collected.began_to_fail]
    found = _of_sources("What could not be reached", columns, rows)
    lines = [*found.lines, *([collected.failing_words] if collected.failing_words else [])]
    for again in collected.answer_again:
        since = f", which failed since {again.failing_since.astimezone(LONDON):%-d %B}" if again.failing_since else ""
        lines.append(f"Answers again: {again.source.label}{since}.")
    return replace(found, lines=tuple(lines))


def _of_sources(heading: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Section:
    more = (f"and {len(rows) - ROWS_SHOWN:,} more",) if len(rows) > ROWS_SHOWN else ()
    return Section(heading, columns, tuple(rows[:ROWS_SHOWN]), more)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
