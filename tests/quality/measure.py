"""Measures the shipped tagger on real articles and writes `seeds/measured.json`: python -m tests.quality.measure FILE.jsonl DATA

DATA is a data folder that has both encoders (`culture-monitor model fetch --data DATA`, and again with CULTURE_ENCODER=mpnet).
"""

import json
import sys
from pathlib import Path

from models.settings import TFIDF
from models.tagging.evaluation import evaluate, read_labelled
from models.tagging.published_encoders import PUBLISHED
from models.tagging.versions import load_tagger

OUT = Path(__file__).parents[2] / "seeds" / "measured.json"


def main(labelled: Path, data: Path) -> None:
    """Train and measure with each encoder."""
    measured = {}
    for encoder in (TFIDF, *PUBLISHED):
        tagger, said = load_tagger(data / "models", encoder=encoder, weights_folder=data / "models" / encoder)
        print(said)
        scores = evaluate(tagger, read_labelled(labelled))
        scores.pop("seconds")
        measured[tagger.version] = {"encoder": encoder, **scores}
    OUT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
