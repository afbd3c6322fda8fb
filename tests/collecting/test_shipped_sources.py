"""The registry that is shipped: every source of the research list, graded, and nothing unverified switched on."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flows.reading.sources import Window, request_for
from models.kinds import Kind
from models.sources import Registry, load_registry
from models.urls import normalise_url

RESEARCH = Path(__file__).parents[3] / "shared" / "research" / "sources.md"
DISCOVERY = {Kind.GOOGLE_NEWS, Kind.GDELT}
REPOSITORY = re.compile(r"(?<![\w./-])[\w-]+/[\w.-]+, [\w./-]+\.\w+")  # owner/name, file
PAGE = re.compile(r"(?<![\w./-])(https?://)?(\w[\w-]*\.)+[a-z]{2,}/\w")  # a host and a path
NOBODY = "no public use found"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_every_source_is_named_graded_and_asked_for_once(registry: Registry) -> None:
    assert all(source.name and source.grade for source in registry.sources)
    urls = [normalise_url(source.url) for source in registry.sources]
    assert len(set(urls)) == len(urls) >= 90


def test_each_row_says_where_its_address_was_seen_and_why_it_is_switched_off(registry: Registry) -> None:
    for source in registry.sources:
        named = REPOSITORY.search(source.evidence) or PAGE.search(source.evidence)
        assert named or source.evidence.startswith(NOBODY), source.id
    assert all(bool(source.disabled_because) is not source.enabled for source in registry.sources)


def test_what_was_never_verified_is_switched_off(registry: Registry) -> None:
    assert {source.grade for source in registry.enabled()} <= {"A", "B"}
    assert not [source.id for source in registry.enabled() if source.evidence.startswith(NOBODY)]
    assert not any(source.enabled for source in registry.sources if source.kind is Kind.GUARDIAN)  # needs a key


def test_discovery_is_never_fetched_and_terms_that_bar_reading_are_kept(registry: Registry) -> None:
    for source in registry.sources:
        host = urlsplit(source.url).hostname or ""
        rights = registry.rights_of(source.id)
        if source.kind in DISCOVERY:
            assert source.rights == "discovery", source.id
        if "theguardian" in host or "guardianapis" in host or host.endswith(("bbci.co.uk", "bbc.co.uk")):
            assert not rights.fetch_pages, source.id
        if host.endswith(".gov.uk"):
            assert source.rights == "ogl", source.id


def test_every_source_makes_a_request(registry: Registry, now: datetime) -> None:
    window = Window(since=now - timedelta(days=14), until=now)
    for source in registry.sources:
        spec = request_for(source, window, key="key")
        assert normalise_url(spec.url) is not None, source.id


def test_every_address_of_the_research_list_is_there(registry: Registry) -> None:
    if not RESEARCH.exists():
        pytest.skip("the research list is not part of the distribution")
    addresses = re.findall(r"https://[^\s|;)`]+", RESEARCH.read_text(encoding="utf-8"))
    hosts = {urlsplit(source.url).hostname for source in registry.sources}
    # A digest that is a model for ours, and an API whose answers no reader of ours reads.
    left_out = {"salixandco.com", "committees-api.parliament.uk"}
    assert {urlsplit(address).hostname for address in addresses} - hosts <= left_out
