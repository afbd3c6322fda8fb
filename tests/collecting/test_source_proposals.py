"""What is proposed of a new source by its address and name: never a more open licence than is known."""

import pytest

from models.kinds import Kind
from models.organisations import load_organisations
from models.source_proposal import already_listed, kind_of, propose
from models.sources import Registry, Source, load_registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.mark.parametrize(
    ("url", "title", "site", "expected"),
    [
        ("https://www.leedsth.nhs.uk/feed/", "News", "Leeds Trust", ("Leeds Trust: news", "nhs", "england", "headline")),
        ("https://www.nhsggc.scot/rss", "NHSGGC | RSS", "", ("NHSGGC", "nhs", "scotland", "headline")),
        ("https://bcuhb.nhs.wales/feed", "", "", ("bcuhb.nhs.wales", "nhs", "wales", "headline")),
        ("https://www.gov.uk/government/organisations/acas.atom", "Acas", "", ("Acas", "health-and-care", "uk", "ogl")),
        ("https://www.leeds.gov.uk/rss", "Leeds City Council", "", ("Leeds City Council", "local-government", "uk", "headline")),
        ("https://publications.parliament.uk/f.xml", "Reports", "", ("Reports", "parliament", "uk", "opl")),
        ("https://feeds.bbci.co.uk/news/england/devon/rss.xml", "BBC News", "", ("BBC News", "national", "uk", "bbc")),
        ("https://www.theguardian.com/x/rss", "Society", "", ("Society", "national", "uk", "guardian")),
        ("https://care.example/feed", "The Home Care Weekly", "", ("The Home Care Weekly", "social-care", "uk", "headline")),
        ("https://paper.example/feed", "Untitled", "", ("paper.example", "health-and-care", "uk", "headline")),
        ("https://notgov.uk.example/feed", "", "Not Gov", ("Not Gov", "health-and-care", "uk", "headline")),
        ("https://c.example/feed", "Care Quality Commission", "", ("Care Quality Commission", "regulator", "england", "headline")),
        ("https://www.england.nhs.uk/north/feed/", "North", "", ("North", "nhs", "england", "ogl")),
    ],
)  # fmt: skip
def test_name_sector_nation_and_rights(
    url: str, title: str, site: str, expected: tuple[str, ...], registry: Registry
) -> None:
    source = propose(url, Kind.FEED, registry, load_organisations(), title=title, site=site)
    assert (source.name, source.sector, source.nation, source.rights) == expected
    assert source.id not in registry.by_id()


def test_addresses_of_apis_have_kinds_of_their_own() -> None:
    assert kind_of("https://www.gov.uk/api/search.json?q=x") is Kind.GOVUK
    assert kind_of("https://news.google.com/rss/search?q=x") is Kind.GOOGLE_NEWS
    assert (
        kind_of("https://questions-statements-api.parliament.uk/api/writtenquestions/questions?searchTerm=x")
        is Kind.PARLIAMENT
    )
    assert kind_of("https://www.gov.uk/government/organisations/acas.atom") is None


def test_one_address_written_in_several_ways_is_one(registry: Registry) -> None:
    only = registry.model_copy(update={"sources": (Source(id="a", url="https://example.org/feed/?b=1&a=2"),)})
    for url in (
        "http://example.org/feed/?b=1&a=2",
        "https://EXAMPLE.org:443/feed/?b=1&a=2#top",
        "https://example.org/feed/?b=1&a=2&utm_source=x",
    ):
        assert already_listed(url, only) is not None, url
    assert already_listed("https://example.org/feed/?b=2", only) is None
