"""feedparser without what costs it the square of a feed's length, in ways that no look at the bytes before it finds.

Bases within bases (each lengthens the next, and every tag is joined to it), an author of many letters (each may begin an
address) and tags (each is compared with all others), which nobody reads here. `tests/reading/test_cost_of_every_reader.py`
tells where a later feedparser works otherwise.
"""

from typing import Any

import feedparser
from feedparser.mixin import _FeedParserMixin

_MAX_BASE = 300  # letters of an address to which relative ones are joined
_MAX_PERSON = 1000
_start, _add_tag = _FeedParserMixin.unknown_starttag, _FeedParserMixin._add_tag
_find_person = _FeedParserMixin._sync_author_detail


def _start_within_bounds(self: Any, tag: str, attrs: Any) -> None:
    given = list(attrs)
    kept = [
        (name, value) for name, value in given if name.lower() not in ("xml:base", "base") or _is_short(self, value)
    ]
    _start(self, tag, kept)


def _is_short(parser: Any, base: str) -> bool:
    """Whether a base leaves the one that it makes short, whatever it is joined to."""
    return len(base) + len(parser.baseuri or "") <= _MAX_BASE or ("://" in base[:9] and len(base) <= _MAX_BASE)


def _find_person_within_bounds(self: Any, key: str = "author") -> None:
    context = self._get_context()
    if len(text := context.get(key) or "") > _MAX_PERSON:
        context[key] = text[:_MAX_PERSON]
    _find_person(self, key)


def _add_tag_alone(self: Any, term: str, scheme: str, label: str) -> None:
    self._get_context()["tags"] = []
    _add_tag(self, term, scheme, label)


_FeedParserMixin.unknown_starttag = _start_within_bounds
_FeedParserMixin._sync_author_detail = _find_person_within_bounds
_FeedParserMixin._add_tag = _add_tag_alone
parse = feedparser.parse
