"""How well the tagger tells apart what is told in much the same words: `python -m tests.quality.contrast DATA`.

DATA is a data folder that has the MiniLM encoder (`culture-monitor model fetch --data DATA`). On the retold reports of
`contrast_themes.toml` and `contrast_scope.toml`, from which no model learns: the figures of `culture-monitor evaluate`, and for each
kind of contrast how often the scope is right and how many tags are right, wrong and missed.
"""

import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from models.settings import MINILM
from models.tagging.decisions import Document
from models.tagging.evaluation import Labelled, Predictor, evaluate
from models.tagging.versions import load_tagger
from models.themes import theme_ids

FILES = ("contrast_themes.toml", "contrast_scope.toml")


def reports(file: str) -> list[dict[str, Any]]:
    """The reports of one file."""
    return list(tomllib.loads((Path(__file__).parent / file).read_text(encoding="utf-8"))["passage"])


def labelled(rows: list[dict[str, Any]]) -> list[Labelled]:
    """The same for measuring."""
    return [
        Labelled(row["id"], Document(row["title"], row["text"]), row["in_scope"], tuple(row["themes"])) for row in rows
    ]


def show(file: str, tagger: Predictor) -> None:
    """Print the figures of one file."""
    rows = reports(file)
    found = evaluate(tagger, labelled(rows))
    for name, figures, measures in (
        ("scope", found["in_scope"], ("f1", "average_precision")),
        ("themes", found["themes"], ("micro_f1",)),
    ):
        told = ", ".join(f"{one} {figures[one]:.2f} {figures['intervals'][one]}" for one in measures)
        sys.stdout.write(f"{file}, {len(rows)} reports: {name} {told}\n")
    said = tagger.predict([one.document for one in labelled(rows)])
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for place, row in enumerate(rows):
        shown = {theme for theme, yes in zip(theme_ids(), said.themes_yes[place], strict=True) if yes}
        count = kinds[row["kind"].removeprefix("contrast-")]
        count["reports"] += 1
        count["scope"] += bool(said.in_scope_yes[place]) == row["in_scope"]
        count["right"] += len(shown & set(row["themes"]))
        count["wrong"] += len(shown - set(row["themes"]))
        count["missed"] += len(set(row["themes"]) - shown)
    for kind, count in [*sorted(kinds.items()), ("together", sum(kinds.values(), Counter()))]:
        tags = ", ".join(f"{count[name]} {name}" for name in ("right", "wrong", "missed"))
        sys.stdout.write(f"  {kind:24} scope {count['scope']} of {count['reports']}; tags {tags}\n")


def main(data: Path) -> None:
    """Load the shipped tagger and measure."""
    tagger, told = load_tagger(data / "models", encoder=MINILM, weights_folder=data / "models" / MINILM)
    sys.stdout.write(f"{told}\n")
    for file in FILES:
        show(file, tagger)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
