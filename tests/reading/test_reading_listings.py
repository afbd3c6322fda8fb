"""Sitemaps, and the interfaces of GOV.UK, the Guardian, Parliament, Google News and GDELT."""

import json
from datetime import UTC, datetime

import pytest

from flows.reading.sources import MissingKey, Window, page_request, read_entry_page, request_for
from flows.reading.sources.listing import Listing
from models.kinds import Kind
from models.outcomes import TextStatus
from tests.support.fakes_feeds import NINE, only, read, rss, source

NEWS_MAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>https://news.example.org/a</loc><news:news><news:publication><news:name>N</news:name>
<news:language>en</news:language></news:publication><news:publication_date>2026-11-20T09:00:00Z</news:publication_date>
<news:title>Trust board quits</news:title></news:news></url>
<url><loc>https://news.example.org/old</loc><lastmod>2026-01-01</lastmod></url>
<url><loc>https://news.example.org/plain</loc><lastmod>2026-11-19</lastmod></url>
<url><loc>/relative?a=1&b=2</loc></url><url></url></urlset>"""


def test_a_sitemap_gives_the_addresses_of_its_window_the_newest_first() -> None:
    listing = read(Kind.SITEMAP, NEWS_MAP)
    assert [(entry.url, entry.title) for entry in listing.entries] == [
        ("https://news.example.org/a", "Trust board quits"),
        ("https://news.example.org/plain", ""),
        ("https://news.example.org/relative?a=1&b=2", ""),
    ]
    assert (listing.entries[0].published_at, listing.entries[0].language, listing.invalid) == (NINE, "en", 1)


def test_an_index_leads_to_its_newest_children() -> None:
    children = "".join(
        f"<sitemap><loc>/map-{n}.xml</loc><lastmod>2026-11-{n:02d}</lastmod></sitemap>" for n in range(1, 20)
    )
    listing = read(Kind.SITEMAP, f"<sitemapindex>{children}</sitemapindex>")
    assert [spec.url for spec in listing.more] == [f"https://news.example.org/map-{n}.xml" for n in range(19, 12, -1)]
    assert not listing.cacheable


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"words", b"\x1f\x8bnot gzip", b"<a/>" * 10])
def test_what_is_no_sitemap_is_said_to_be_none(body: bytes) -> None:
    listing = read(Kind.SITEMAP, body)
    assert (listing.entries, bool(listing.problem)) == ((), True)


GOVUK = "https://www.gov.uk/api/search.json?filter_organisations=nhs-england"
WINDOW = Window(since=datetime(2026, 11, 15, tzinfo=UTC), until=datetime(2026, 11, 22, tzinfo=UTC))


def test_gov_uk_is_asked_for_exactly_the_window_and_answers_with_entries() -> None:
    spec = request_for(source(Kind.GOVUK, GOVUK), WINDOW)
    assert "filter_public_timestamp=from%3A2026-11-15%2Cto%3A2026-11-22" in spec.url
    assert "filter_organisations=nhs-england" in spec.url
    result = {
        "title": "New framework",
        "link": "/government/news/new-framework",
        "description": "What it says.",
        "public_timestamp": "2026-11-20T09:00:00Z",
    }
    listing = read(Kind.GOVUK, {"results": [result, {"title": "no link"}], "total": 5, "start": 0}, spec.url)
    assert only(listing).url == "https://www.gov.uk/government/news/new-framework"
    assert (listing.invalid, "start=2" in listing.more[0].url) == (1, True)
    last = read(Kind.GOVUK, {"results": [result], "total": 3}, listing.more[0].url)
    assert last.more == ()


def test_the_text_of_gov_uk_comes_from_its_content_api() -> None:
    spec = page_request(source(Kind.GOVUK, GOVUK), "https://www.gov.uk/government/news/new-framework")
    assert spec.url == "https://www.gov.uk/api/content/government/news/new-framework"
    item = {
        "title": "New framework",
        "description": "What it says.",
        "base_path": "/government/news/new-framework",
        "locale": "en",
        "first_published_at": "2026-11-20T09:00:00Z",
        "public_updated_at": "2026-11-21T09:00:00Z",
        "details": {
            "body": "<div class='govspeak'><p>First&nbsp;part.</p><ul><li>One</li></ul><script>x</script></div>"
        },
        "links": {"organisations": [{"title": "NHS England"}]},
    }
    page = read_entry_page(Kind.GOVUK, json.dumps(item).encode(), spec.url, "application/json")
    assert page.text == "What it says.\nFirst part.\nOne"
    assert (page.text_status, page.author, page.published_at) == (TextStatus.FULL, "NHS England", NINE)
    assert page.canonical_url == "https://www.gov.uk/government/news/new-framework"


GUARDIAN = "https://content.guardianapis.com/search?tag=society/nhs"


def test_the_guardian_needs_a_key_which_is_never_shown() -> None:
    with pytest.raises(MissingKey, match="CULTURE_GUARDIAN_API_KEY"):
        request_for(source(Kind.GUARDIAN, GUARDIAN), WINDOW)
    spec = request_for(source(Kind.GUARDIAN, GUARDIAN), WINDOW, key="s3cret")
    assert "s3cret" in spec.url
    assert "s3cret" not in spec.shown
    result = {
        "webUrl": "https://www.theguardian.com/society/2026/nov/20/a",
        "webTitle": "Trust board quits",
        "webPublicationDate": "2026-11-20T09:00:00Z",
        "fields": {"trailText": "<p>All of it.</p>", "byline": "Jane Smith"},
    }
    entry = only(read(Kind.GUARDIAN, {"response": {"status": "ok", "results": [result, 3]}}, GUARDIAN))
    assert (entry.title, entry.summary, entry.author) == ("Trust board quits", "All of it.", "Jane Smith")
    assert entry.text is None


def test_written_questions_and_their_answers() -> None:
    address = "https://questions-statements-api.parliament.uk/api/writtenquestions/questions?searchTerm=NHS"
    assert "tabledWhenFrom=2026-11-15" in request_for(source(Kind.PARLIAMENT, address), WINDOW).url
    value = {
        "uin": "8024",
        "dateTabled": "2026-11-18T00:00:00",
        "dateAnswered": "2026-11-20T00:00:00",
        "heading": "NHS: Leadership",
        "questionText": "To ask what steps are being taken.",
        "answerText": "<p>Many steps...</p>",
        "askingMember": {"name": "Jane Smith"},
    }
    listing = read(Kind.PARLIAMENT, {"totalResults": 1, "results": [{"value": value}, {"value": {}}, 7]}, address)
    entry = only(listing)
    assert entry.url == "https://questions-statements.parliament.uk/written-questions/detail/2026-11-18/8024"
    assert (entry.title, entry.author, listing.invalid) == ("Written question: NHS: Leadership (8024)", "Jane Smith", 1)
    spec = page_request(source(Kind.PARLIAMENT, address), entry.url)
    assert spec.url.endswith("/api/writtenquestions/questions/2026-11-18/8024")
    page = read_entry_page(Kind.PARLIAMENT, json.dumps({"value": value}).encode(), spec.url, "application/json")
    assert page.text == "To ask what steps are being taken.\nMany steps..."


def test_contributions_to_one_debate_are_one_entry_with_their_words() -> None:
    address = "https://hansard-api.parliament.uk/search/contributions/Spoken.json?queryParameters.searchTerm=NHS"
    assert "queryParameters.startDate=2026-11-15" in request_for(source(Kind.PARLIAMENT, address), WINDOW).url
    spoken = [
        {
            "DebateSection": "NHS Leadership",
            "DebateSectionExtId": "A1B2",
            "SittingDate": "2026-11-18T00:00:00",
            "House": "Commons",
            "AttributedTo": name,
            "ContributionTextFull": f"<p>{words}</p>",
        }
        for name, words in (("Jane Smith", "I ask."), ("The Minister", "I answer."))
    ]
    entry = only(read(Kind.PARLIAMENT, {"Results": [*spoken, {}], "TotalResultCount": 2}, address))
    assert entry.url == "https://hansard.parliament.uk/Commons/2026-11-18/debates/A1B2/NhsLeadership"
    assert entry.text == "Jane Smith: I ask.\nThe Minister: I answer."


def test_google_news_tells_headline_and_outlet_apart() -> None:
    address = "https://news.google.com/rss/search?q=NHS"
    assert "ceid=GB%3Aen" in request_for(source(Kind.GOOGLE_NEWS, address), WINDOW).url
    item = (
        "<item><title>Trust board - all of it - quits - Daily News</title><link>https://news.google.com/rss/articles/x"
        "</link><pubDate>Fri, 20 Nov 2026 09:00:00 GMT</pubDate><description>&lt;a&gt;links&lt;/a&gt;</description>"
        '<source url="https://daily.example.org">Daily News</source></item>'
    )
    entry = only(read(Kind.GOOGLE_NEWS, rss(item), address))
    assert (entry.title, entry.outlet, entry.summary) == ("Trust board - all of it - quits", "Daily News", "")


def test_one_malformed_outlet_of_google_news_costs_nothing() -> None:
    item = '<item><title>News {0}</title><link>https://n.example/{0}</link><source url="{1}"></source></item>'
    items = rss("".join([item.format(1, "http://[::1"), item.format(2, "https://daily.example.org")]))
    found = read(Kind.GOOGLE_NEWS, items, "https://news.google.com/rss/search?q=NHS")
    assert [(entry.title, entry.outlet) for entry in found.entries] == [("News 1", ""), ("News 2", "daily.example.org")]


def test_gdelt_gives_titles_and_outlets() -> None:
    address = "https://api.gdeltproject.org/api/v2/doc/doc?query=NHS"
    assert "startdatetime=20261115000000" in request_for(source(Kind.GDELT, address), WINDOW).url
    article = {
        "url": "https://daily.example.org/a",
        "title": "Trust board quits , says report",
        "seendate": "20261120T090000Z",
        "domain": "daily.example.org",
        "language": "English",
    }
    entry = only(read(Kind.GDELT, {"articles": [article, {"url": ""}]}, address))
    assert (entry.title, entry.outlet, entry.language) == ("Trust board quits, says report", "daily.example.org", "en")
    assert (entry.published_at, read(Kind.GDELT, {}, address)) == (NINE, Listing())
    assert "Please limit" in read(Kind.GDELT, b"Please limit requests to one every 5 seconds", address).problem


def parts(*names: str, date: str = "") -> list[str]:
    """In which order the parts of an index are asked for."""
    children = "".join(
        f"<sitemap><loc>/{name}</loc>{f'<lastmod>{date}</lastmod>' if date else ''}</sitemap>" for name in names
    )
    listing = read(Kind.SITEMAP, f"<sitemapindex>{children}</sitemapindex>")
    assert bool(listing.note) is (len(names) > 7) is listing.truncated
    return [spec.url.removeprefix("https://news.example.org/") for spec in listing.more]


def test_parts_without_dates_are_read_from_both_ends() -> None:
    assert {"map-12.xml", "map-11.xml", "map-1.xml"} <= {*parts(*(f"map-{n}.xml" for n in range(1, 13)))[:3]}
    assert {"posts12.xml", "posts1.xml"} <= {*parts(*(f"posts{n}.xml" for n in range(12, 0, -1)))[:3]}


@pytest.mark.parametrize(
    "form",
    [
        "news-2026-{:02d}.xml",
        "news-2026-{}.xml",
        "sitemap_2026{:02d}.xml.gz",
        "2026/{:02d}/map.xml",
        "map?yyyy=2026&mm={:02d}-01",
        "map.xml?yyyy=2026&mm={:02d}&dd=01",
        "map.xml?month={}&year=2026",
        "map.xml?p=1&m=2026{:02d}",
        "posts-2026-week-{}.xml",
        "posts-2026-part{}.xml",
    ],
)
def test_parts_whose_names_are_dates_are_read_newest_first(form: str) -> None:
    names = [form.format(number) for number in range(1, 16 if "-week-" in form else 13)]
    assert parts(*(name.replace("&", "&amp;") for name in names)) == names[:-8:-1]


@pytest.mark.parametrize("form", ["{1}/{0}.xml", "{0}-{1}.xml", "map.xml?m={0}&y={1}"])
def test_parts_that_are_named_by_months_in_words_are_read_newest_first(form: str) -> None:
    months = ["january", "february", "march", "april", "may", "june", "july", "august", "september"]
    names = [form.format(month, 2026) for month in months]
    assert parts(*(name.replace("&", "&amp;") for name in names)) == names[:1:-1]


def test_parts_of_menus_and_pictures_come_last() -> None:
    others = [
        "category-sitemap.xml",
        "post_tag-sitemap.xml",
        "author-sitemap.xml",
        "image-sitemap.xml",
        "page-sitemap.xml",
    ]
    asked = parts(*others, "post-sitemap.xml", "post-sitemap2.xml", "news.xml")
    assert {*asked[:3]} == {"post-sitemap.xml", "post-sitemap2.xml", "news.xml"}


def test_what_is_left_out_of_an_index_is_told() -> None:
    names = [f"map-{n}.xml" for n in range(40)]
    for date in ("", "<lastmod>2026-11-19</lastmod>"):
        children = "".join(f"<sitemap><loc>/{name}</loc>{date}</sitemap>" for name in names)
        assert (
            read(Kind.SITEMAP, f"<sitemapindex>{children}</sitemapindex>").note
            == "is in 40 parts, of which 33 were not read"
        )
