"""What no version learns from, so that versions can be measured on it: one reviewed article in five, and passages of our own."""

import hashlib
from collections.abc import Sequence
from importlib.resources import as_file

from models.seeds import framework_file
from models.tagging.evaluation import Labelled, read_labelled
from models.tagging.training import ReviewedArticle
from models.themes import theme_ids

HELD_OUT_SHARE = 5  # one in so many


def is_held_out(review: ReviewedArticle) -> bool:
    """Whether an article is kept for measuring: decided by its key alone, so that it holds when the text is deleted."""
    return hashlib.sha256(review.key.encode()).digest()[0] % HELD_OUT_SHARE == 0


def as_labelled(reviewed: Sequence[ReviewedArticle]) -> list[Labelled]:
    """Reviews as labelled articles: only what was said is measured. Out of scope, no theme applies."""
    return [
        Labelled(
            id=f"review-{one.key}",
            document=one.document,
            in_scope=one.in_scope,
            themes=tuple(theme for theme in theme_ids() if one.themes.get(theme)),
            judged=theme_ids() if one.in_scope is False else tuple(one.themes),
        )
        for one in reviewed
    ]


def measured_articles() -> list[Labelled]:
    """The labelled passages of the framework that no version learns from; a framework of one's own may have none."""
    file = framework_file("held_out.jsonl")
    if not file.is_file():
        return []
    with as_file(file) as path:
        return read_labelled(path)
