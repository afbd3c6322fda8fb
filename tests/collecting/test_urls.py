"""One page has one address, whatever form a link to it takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.urls import host_of, normalise_url, same_site, without_credentials

PAGE = "https://www.example.org/news/story"


@pytest.mark.parametrize(
    "url",
    [
        PAGE,
        "HTTPS://WWW.Example.ORG:443/news/story",
        "https://www.example.org./news/story",
        "https://www.example.org/news/story#comments",
        "https://www.example.org/news/story?utm_source=rss&utm_medium=feed",
        "https://www.example.org/news/story?at_medium=RSS&at_campaign=KARANGA&fbclid=x&gclid=y&mc_cid=z&CMP=share",
        "https://user:secret@www.example.org/news/story",
        "https://www.example.org/news/./old/../story",
        "https://www.example.org/news/%73tory",
        "  https://www.example.org/news/story\n",
        "https://www.exam\tple.org/ne\nws/story",
        "https://m.example.org/news/story",
        "https://mobile.example.org/news/story",
        "https://amp.example.org/news/story",
        "https://www.example.org/news/story/amp",
        "https://www.example.org/news/story.amp",
        "https://www.example.org/amp/news/story",
        "https://www.example.org/news/amp/story",
        "https://www.example.org/news/story?PHPSESSID=abc",
        "https://www.example.org/news/story;jsessionid=8F2A.node1?utm_source=x",
        "https://www.example.org/news/story?JSessionID=8F2A&ASPSESSIONIDQAABC=x&CFID=1&CFTOKEN=2",
        "https://www.example.org/news/story?sid=5f4dcc3b5aa765d61d8327deb882cf99",
        "https://www.example.org/(S(lit3py55t21z5v55vlm25s55))/news/story",
        "https://www.example.org/news/story?amp",
        "https://www.example.org/news/story?amp=1",
        "https://www.example.org/news/story?outputType=amp",
        "https://www.google.com/amp/s/www.example.org/news/story",
        "https://www-example-org.cdn.ampproject.org/c/s/www.example.org/news/story?amp_js_v=1",
    ],
)
def test_all_forms_of_an_address_are_one(url: str) -> None:
    if "amp_js_v" in url:
        url = url.partition("?")[0]
    assert normalise_url(url) == PAGE


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org", "https://example.org/"),
        ("http://example.org/a", "http://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org/a?id=3&page=2", "https://example.org/a?id=3&page=2"),
        ("https://example.org/a?b=2&a=1", "https://example.org/a?b=2&a=1"),
        ("https://example.org/a?sid=12345", "https://example.org/a?sid=12345"),
        ("https://example.org/a?session=spring-conference-day", "https://example.org/a?session=spring-conference-day"),
        ("https://example.org/a;v=2", "https://example.org/a;v=2"),
        ("https://example.org/a(b)", "https://example.org/a(b)"),
        ("https://example.org/A/b/", "https://example.org/A/b/"),
        ("https://example.org/a b/ü", "https://example.org/a%20b/%C3%BC"),
        ("https://exämple.org/", "https://xn--exmple-cua.org/"),
        ("https://example.org/a%2fb", "https://example.org/a%2Fb"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://amp.co.uk/a", "https://amp.co.uk/a"),
        ("https://example.org/amp", "https://example.org/amp"),
        ("https://example.org/guitars/amp/", "https://example.org/guitars/"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("https://example.org/?q=NHS+leaders&type=news", "https://example.org/?q=NHS+leaders&type=news"),
    ],
)
def test_what_chooses_the_page_stays(url: str, expected: str) -> None:
    assert normalise_url(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/b?x=1", "https://example.org/b?x=1"),
        ("b", "https://example.org/a/b"),
        ("../b", "https://example.org/b"),
        ("//other.example.com/b", "https://other.example.com/b"),
        ("?page=2", "https://example.org/a/?page=2"),
    ],
)
def test_relative_addresses_are_joined_to_their_base(url: str, expected: str) -> None:
    assert normalise_url(url, "https://example.org/a/") == expected


@pytest.mark.parametrize(
    "url",
    [
        "", "  ", "story", "/story", "mailto:a@example.org", "javascript:alert(1)", "data:text/html,x", "ftp://example.org/a",
        "file:///etc/passwd", "http://", "http:///a", "http://[::1", "http://example.org:99999/", "http://exa mple.org/",
        "http://example..org/", "http://-/", "https://example.org/" + "a" * 9000,
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_none(url: str) -> None:
    assert normalise_url(url) is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Example.org/a", "www.example.org"),
        ("https://example.org:443/", "example.org"),
        ("http://example.org:8080/", "example.org:8080"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("nonsense", ""),
        ("http://[", ""),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@example.org/a?b=1", "https://example.org/a?b=1"),
        ("https://example.org/?api-key=secret&q=NHS", "https://example.org/?api-key=***&q=NHS"),
        ("https://example.org/?q=NHS&access_token=secret#x", "https://example.org/?q=NHS&access_token=***#x"),
        ("https://user:secret@[bad/", "https://[bad/"),
        ("https://example.org/@name", "https://example.org/@name"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_sites_are_the_same_under_their_usual_prefixes() -> None:
    assert same_site("https://www.example.org/a", "http://m.example.org/b")
    assert not same_site("https://example.org/", "https://news.example.org/")
    assert not same_site("", "")


@given(st.text(max_size=200) | st.text(max_size=60).map(lambda text: f"https://example.org/{text}"))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise_url(text)
    if once is not None:
        assert normalise_url(once) == once
        assert "@" not in once.split("/")[2]
    host_of(text)
    without_credentials(text)
