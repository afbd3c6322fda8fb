"""What the shipped versions measured on real articles that they never learned from: `seeds/measured.json`.

The articles themselves can't be shipped (they are other people's), so the figures are, for the version that they belong to.
"""

import json
from typing import Any

from models.seeds import seed_file


def shipped_scores(version: str) -> dict[str, Any]:
    """The scores of a version in the form of `evaluate`; empty for one that was not measured before it was shipped."""
    measured: dict[str, dict[str, Any]] = json.loads(seed_file("measured.json").read_text(encoding="utf-8"))
    return measured.get(version, {})
