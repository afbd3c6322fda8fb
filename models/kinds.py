"""Kinds of sources. Apart from the registry, so that the processes that read pages need not import what checks it."""

from enum import StrEnum


class Kind(StrEnum):
    """How a source answers; each has one reader in `flows.reading.sources`."""

    FEED = "feed"
    SITEMAP = "sitemap"
    GOVUK = "govuk"
    GUARDIAN = "guardian"
    PARLIAMENT = "parliament"
    GOOGLE_NEWS = "google-news"
    GDELT = "gdelt"
