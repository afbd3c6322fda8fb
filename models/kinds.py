"""Kinds of sources and their traits: one line each, beside one reader of the same name in `flows/reading/sources/`.

Apart from the registry, so that the processes that read pages need not import what checks it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True)
class Traits:
    """What sets a kind apart, for those who ask, list and recognise it.

    Attributes:
        least_hours: between two polls: a search tells no more each hour, and its makers ask for moderation.
        own_site: it lists pages of a site of its own, which web archives can be searched for.
        is_feed: feed readers can read it, so it is listed in OPML.
        lists_past: it can be asked for an earlier time.
        days_a_question: how many days of an earlier time one question may span for its answer to be whole; None for any.
        addresses: how the addresses of its API or search begin, from the host on.
        key: the setting that holds the key of its API, where it needs one.
    """

    least_hours: int = 0
    own_site: bool = False
    is_feed: bool = False
    lists_past: bool = False
    days_a_question: int | None = None
    addresses: tuple[str, ...] = ()
    key: str = ""


_PARLIAMENT = ("hansard-api.parliament.uk/", "questions-statements-api.parliament.uk/")


class Kind(StrEnum):
    """How a source answers. The value is what the registry says, and the name of the reader's module."""

    traits: Traits

    def __new__(cls, value: str, traits: Traits) -> Self:
        """A member that is its name in the registry and carries its traits."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.traits = traits
        return kind

    FEED = "feed", Traits(own_site=True, is_feed=True)
    SITEMAP = "sitemap", Traits(own_site=True, lists_past=True)
    GOVUK = (
        "govuk",
        Traits(own_site=True, lists_past=True, days_a_question=7, addresses=("www.gov.uk/api/search.json",)),
    )
    GUARDIAN = (
        "guardian",
        Traits(1, lists_past=True, days_a_question=7, addresses=("content.guardianapis.com/",), key="guardian_api_key"),
    )
    PARLIAMENT = "parliament", Traits(1, lists_past=True, days_a_question=7, addresses=_PARLIAMENT)
    GOOGLE_NEWS = "google-news", Traits(2, is_feed=True, addresses=("news.google.com/rss/search",))
    GDELT = "gdelt", Traits(3, addresses=("api.gdeltproject.org/",))
