"""The tagger on real articles, whole and cut short: `python -m tests.quality.real DATA FILE.jsonl [MORE.jsonl] [--encoder minilm]`.

DATA is a data folder that has the encoder (`culture-monitor model fetch --data DATA`); the shipped seeds are learned from. FILEs are
labelled articles, as `culture-monitor evaluate` reads them. Prints what the second table of models/README.md holds: figures with 95%
intervals of whole articles, of their beginnings and of their titles; of whole ones also the themes of those in scope by
themselves, and of the tags shown how many are right. `--evidence OUT` writes the sentence of each shown tag, without its
label, for a person to read.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.settings import MINILM
from models.tagging.classifier import Tagger
from models.tagging.decisions import State
from models.tagging.evaluation import Labelled, evaluate, rates, read_labelled
from models.tagging.versions import load_tagger
from models.themes import theme_ids
from tests.quality.gate import cut

CUTS = {"title and two sentences": 2, "title and first sentence": 1, "title alone": 0}


def given_scope(tagger: Tagger, labelled: Sequence[Labelled]) -> tuple[dict[str, float], dict[str, float]]:
    """Precision, recall and F1 of shown tags: over all articles, and of those in scope whatever was said of their scope."""
    scores = tagger.score([one.document for one in labelled])
    carries = np.array([[bool(one.in_scope) and theme in one.themes for theme in theme_ids()] for one in labelled])
    inside: NDArray[np.bool_] = np.array([bool(one.in_scope) for one in labelled])
    likely = scores.themes >= tagger.themes.thresholds[scores.extents]
    return rates(tagger.theme_decisions(scores), carries), rates(likely[inside], carries[inside])


def write_evidence(tagger: Tagger, labelled: Sequence[Labelled], out: Path) -> int:
    """A line of JSON for each shown tag."""
    shown = [
        {"theme": tag.theme, "title": one.document.title, "sentence": tag.evidence}
        for one, found in zip(labelled, tagger.tag([one.document for one in labelled]), strict=True)
        if found.scope_state is State.YES
        for tag in found.tags
        if tag.state is State.YES
    ]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in shown), encoding="utf-8")
    return len(shown)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.real", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--encoder", default=MINILM)
    parser.add_argument("--evidence", type=Path)
    options = parser.parse_args()
    folder = options.data / "models"
    tagger, said = load_tagger(folder, encoder=options.encoder, weights_folder=folder / options.encoder)
    whole = [one for file in options.files for one in read_labelled(file)]
    sets = {"whole": whole}
    for name, count in CUTS.items():
        some = whole if count else [one for one in whole if one.document.title]
        sets[name] = [replace(one, document=cut(one.document, count)) for one in some]
    sys.stdout.write(f"{said}\n")
    for name, labelled in sets.items():
        found = evaluate(tagger, labelled)
        scope, themes = found["in_scope"], found["themes"]
        sys.stdout.write(
            f"{name} ({found['n']}, {sum(bool(one.in_scope) for one in labelled)} in scope): "
            f"scope AP {scope['average_precision']:.3f} {scope['intervals']['average_precision']} "
            f"F1 {scope['f1']:.3f} {scope['intervals']['f1']} recall {scope['recall']:.3f}; "
            f"themes micro F1 {themes['micro_f1']:.3f} {themes['intervals']['micro_f1']} macro {themes['macro_f1']:.3f} "
            f"mAP {themes['mean_average_precision']:.3f} samples {themes['samples_f1'] or 0:.3f}\n"
        )
        sys.stdout.flush()
    for name, figures in zip(("all", "in scope, given scope"), given_scope(tagger, whole), strict=True):
        sys.stdout.write(
            f"shown tags, {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items()) + "\n"
        )
    if options.evidence:
        sys.stdout.write(f"{write_evidence(tagger, whole, options.evidence)} sentences in {options.evidence}\n")


if __name__ == "__main__":
    main()
