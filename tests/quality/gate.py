"""Measures the tagger on the gate's set, and pins floors: `python -m tests.quality.gate [--encoder minilm --weights DIR] [--lower]`.

A floor only ever rises by itself; lowering one needs `--lower`. The seal makes a hand-edited floor fail as well.
"""

import argparse
import hashlib
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

from models.tagging.decisions import Document
from models.tagging.evaluation import evaluate, read_labelled
from models.tagging.training import sentences_of
from models.tagging.versions import load_tagger

HERE = Path(__file__).parent
LABELLED = HERE.parents[1] / "seeds" / "held_out.jsonl"  # shipped: training measures on it too
FLOORS = HERE / "floors.toml"
# Another machine's arithmetic may turn one article of the 47: floors are pinned this much under what was measured.
SLACK = 0.02

Floors = dict[str, dict[str, float]]


def measure(encoder: str, weights: Path | None, folder: Path) -> dict[str, float]:
    """The gate's figures, of whole texts and of the same cut short."""
    tagger, _ = load_tagger(folder, encoder=encoder, weights_folder=weights)
    whole = read_labelled(LABELLED)
    found = evaluate(tagger, whole)
    short, titles = (
        evaluate(tagger, [replace(one, document=cut(one.document, count)) for one in whole]) for count in (1, 0)
    )
    return {
        "title_scope_recall": float(titles["in_scope"]["recall"]),
        "title_scope_average_precision": float(titles["in_scope"]["average_precision"]),
        "short_scope_f1": float(short["in_scope"]["f1"]),
        "short_scope_recall": float(short["in_scope"]["recall"]),
        "short_scope_average_precision": float(short["in_scope"]["average_precision"]),
        "scope_f1": float(found["in_scope"]["f1"]),
        "scope_average_precision": float(found["in_scope"]["average_precision"]),
        "themes_micro_f1": float(found["themes"]["micro_f1"]),
        "themes_mean_average_precision": float(found["themes"]["mean_average_precision"]),
    }


def cut(document: Document, sentences: int) -> Document:
    """An article of which the title and the first `sentences` reached us."""
    body = sentences_of(Document("", document.text))
    return Document(document.title, "", " ".join(body[:sentences]))


def read_floors() -> tuple[Floors, str]:
    """The floors by encoder, and their seal."""
    data = tomllib.loads(FLOORS.read_text(encoding="utf-8"))
    return {name: table for name, table in data.items() if isinstance(table, dict)}, str(data.get("seal", ""))


def seal_of(floors: Floors) -> str:
    """Ties the floors to the labelled set: neither can be changed by itself."""
    rows = [f"{encoder}.{name}={value:.3f}" for encoder, table in floors.items() for name, value in table.items()]
    return hashlib.sha256(LABELLED.read_bytes() + "\n".join(sorted(rows)).encode()).hexdigest()


def lowered(old: Floors, new: Floors) -> list[str]:
    """The floors that `new` would lower or drop."""
    return [
        f"{encoder}.{name} from {value:.3f} to {new.get(encoder, {}).get(name, 0.0):.3f}"
        for encoder, table in old.items()
        for name, value in table.items()
        if new.get(encoder, {}).get(name, 0.0) < value
    ]


def pin(encoder: str, figures: dict[str, float], *, lower: bool) -> list[str]:
    """Writes the floors for `encoder`; the list names those that would fall, and then nothing is written."""
    old, _ = read_floors()
    wanted = {name: round(max(0.0, value - SLACK), 3) for name, value in figures.items()}
    if not lower:
        wanted = {name: max(value, old.get(encoder, {}).get(name, 0.0)) for name, value in wanted.items()}
        failed = [
            f"{name} is {figures[name]:.3f}, its floor {value:.3f}"
            for name, value in wanted.items()
            if figures[name] < value
        ]
        if failed:
            return failed
    new = {**old, encoder: wanted}
    lines = [
        "# What the tagger must reach on seeds/held_out.jsonl, which it is never trained on. Written by tests/quality/gate.py.",
        f'seal = "{seal_of(new)}"',
    ]
    for name, table in new.items():
        lines += ["", f"[{name}]", *(f"{key} = {value:.3f}" for key, value in table.items())]
    FLOORS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return []


def main() -> int:
    """Measures one encoder and pins its floors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="tfidf")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--lower", action="store_true", help="let floors fall; say why in the commit")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.encoder, options.weights, Path(folder))
    print(options.encoder, {name: round(value, 3) for name, value in figures.items()})
    problems = pin(options.encoder, figures, lower=options.lower)
    for problem in problems:
        print(f"not pinned: {problem}; with --lower it would be")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
