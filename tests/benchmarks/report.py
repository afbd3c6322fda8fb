"""Results as lines that people read."""

from collections.abc import Iterable
from typing import Any

_QUIET = {"places", "marks", "outcomes", "floors"}


def lines_of(result: dict[str, Any]) -> Iterable[str]:
    """A Markdown list, one line a measured thing; figures of nested things on one line."""
    floor = result.get("floor")
    for name, value in result.items():
        if name in _QUIET:
            continue
        if not isinstance(value, dict):
            yield f"- {name}: {_shown(value)}"
            continue
        parts = [f"{key} {_shown(part)}" for key, part in value.items() if key not in _QUIET]
        if floor and name != "floor" and value.get("articles_a_second"):
            parts.append(f"**{floor['cpu_ms_an_article'] / value['cpu_ms_an_article']:.2f} of the floor by CPU**")
            parts.append(f"{value['articles_a_second'] / floor['articles_a_second']:.2f} by the clock")
        yield f"- {name}: {'; '.join(parts)}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_shown(part)}" for key, part in value.items()) + ")"
    if isinstance(value, list):
        return ", ".join(_shown(part) for part in value)
    return str(value)
