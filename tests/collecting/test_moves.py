"""Sources and pages that have moved: followed within bounds, told where it is for good, never into the inner network."""

from datetime import datetime
from pathlib import Path

import pytest

from flows.fetching.client import Limits
from models.entries import Fetched
from models.store.database import Database
from models.store.tables import SourceState
from tests.support.fakes_client import get
from tests.support.fakes_sites import collected, feed, item, prose, story
from tests.support.fakes_web import Answer, Behaviour, FakeWeb, Handler, redirect

TITLE = "Board of the Barrowmere trust resigns"
PAGE = story(TITLE)


def refresh(content: str, body: str = "<a href='/real'>Moved</a>", before: str = "") -> Answer:
    return Answer(
        f'<html><head>{before}<meta http-equiv="refresh" content="{content}"></head><body>{body}</body></html>'.encode()
    )


REFRESHES = {
    "as most write it": refresh("0; url=/real"),
    "quoted": refresh("0;URL='/real'"),
    "without its name": refresh("0;/real"),
    "with a comma": refresh("3, url=/real"),
    "with a point": refresh("0.5; url=/real"),
    "with an entity": refresh("0; url=/real?a=1&amp;b=2"),
    "in small print": Answer(b"<META content='0; url=/real' HTTP-EQUIV=Refresh><p>One second</p>"),
    "in a header": Answer(b"<p>This way</p>", headers={"Refresh": "0; url=/real"}),
    "for those without scripts": Answer(
        b"<html><noscript><meta http-equiv='refresh' content='0; url=/real'></noscript><div id=app></div></html>"
    ),
    "behind another": refresh("1; url=/step"),
    "of a site that is made of files": Answer(
        b"<!DOCTYPE html><title>Redirecting&hellip;</title><link rel=canonical href=/real><script>location='/real'</script>"
        b"<meta http-equiv=refresh content='0; url=/real'><meta name=robots content=noindex><h1>Redirecting&hellip;</h1>"
        b"<a href='/real'>Click here if you are not redirected.</a>"
    ),
    "of another": Answer(
        b"<head><title>/real</title><link rel=canonical href=/real><meta name=robots content=noindex>"
        b"<meta http-equiv='refresh' content='0; url=/real'></head>"
    ),
    "with a slug that tells of a challenge": Answer(
        b"<title>/real-trust-faces-challenge</title><meta name=robots content=noindex>"
        b"<meta http-equiv='refresh' content='0; url=/real-trust-faces-challenge'>"
    ),
    "that asks for patience": refresh("0; url=/real", "<h1>Please wait</h1><p>You will be redirected shortly.</p>"),
    "script": Answer(
        b"<title>Redirecting</title><script>window.location.replace('/real')</script><a href=/real>here</a>"
    ),
    "script that assigns": Answer(
        b"<script>window.location.href = \"/real\"</script><p>If you are not redirected, <a href='/real'>go on</a>."
    ),
    "script of the body": Answer(
        b"<body onload=\"document.location='/real'\"><p>This page has moved. Please update your bookmarks."
    ),
    "object moved": Answer(
        b"<title>Document Moved</title><h1>Object Moved</h1>This document may be found <a HREF='/real'>here</a>"
    ),
    "moved permanently": Answer(
        b"<h1>301 Moved Permanently</h1><p>The document has moved <a href='/real?a=1&amp;b=2'>here</a>."
    ),
}


@pytest.mark.parametrize("kind", REFRESHES)
def test_a_page_that_is_but_a_signpost_is_followed(kind: str) -> None:
    with FakeWeb(
        {"/go": REFRESHES[kind], "/step": refresh("0; url=/real"), "/real": Answer(PAGE), "/real?a=1&b=2": Answer(PAGE)}
    ) as web:
        web.pages["/real-trust-faces-challenge"] = Answer(PAGE)
        reply = get(web.url("/go"))
        assert (reply.outcome, reply.body) == (Fetched.OK, PAGE)
        assert reply.final_url.startswith(web.url("/real"))


OWN = f"<nav>{''.join(f'<a href=/{n}>Part {n}</a>' for n in range(3))}</nav><h1>{TITLE}</h1><p>{prose(TITLE)[0]}</p>"
NOTICE = "<h1>Clinic moved</h1><p>The chest clinic has moved to the old ward, letters will say. See the <a href='/real'>map</a>."


@pytest.mark.parametrize(
    "answer",
    [
        refresh("300; url=/real", OWN),  # a front page that renews itself
        refresh("0", OWN),
        refresh("30; url=/go", OWN),
        refresh("0; url=/go#top", OWN),
        refresh("soon; url=/real", OWN),
        Answer(story(TITLE, head="<meta http-equiv='refresh' content='0; url=/real'>")),
        refresh("0; url=http://[", OWN),
        Answer(f"<html><script>if (top != self) top.location.href = '/real'</script>{OWN}".encode()),
        Answer(f"<html><title>Trust</title>{NOTICE}".encode()),
        Answer(
            b"<html><div id=root></div><script src=/a.js></script><script>if (!user) location.href = '/real'</script>"
        ),
    ],
)
def test_a_page_of_its_own_is_not_left(answer: Answer) -> None:
    with FakeWeb({"/go": answer, "/real": Answer(PAGE)}) as web:
        reply = get(web.url("/go"))
    assert (reply.outcome, reply.body, web.paths()) == (Fetched.OK, answer.body, ["/go"])


@pytest.mark.parametrize(
    ("place", "outcome"),
    [
        ("http://169.254.169.254/latest/meta-data/", Fetched.REFUSED),
        ("http://127.0.0.2/", Fetched.REFUSED),
        ("http://[::1]/", Fetched.REFUSED),
        ("file:///etc/passwd", Fetched.REFUSED),
        ("javascript:alert(1)", Fetched.REFUSED),
    ],
)
def test_a_refresh_leads_nowhere_where_a_redirect_would_not(place: str, outcome: Fetched) -> None:
    with FakeWeb({"/a": refresh(f"0; url={place}"), "/b": Answer(b"x", headers={"Refresh": f"0;url={place}"})}) as web:
        assert [get(web.url(path)).outcome for path in ("/a", "/b")] == [outcome, outcome]


@pytest.mark.parametrize(
    "page", ["<script>location.replace('PLACE')</script>", "<h1>Object moved</h1><a href='PLACE'>here</a>"]
)
def test_a_script_or_a_link_that_leads_to_another_site_is_not_followed_and_no_text(page: str) -> None:
    with FakeWeb({"/b": Answer(PAGE)}) as other:
        place = f"http://localhost:{other.port}/b"
        with FakeWeb({"/a": Answer(page.replace("PLACE", place).encode())}) as web:
            reply = get(web.url("/a"), {"allow_hosts": frozenset({"127.0.0.1", "localhost"})})
        assert (reply.outcome, reply.body, other.paths()) == (Fetched.BLOCKED, b"", [])


def test_a_circle_of_refreshes_ends_and_a_forbidden_one_is_not_entered() -> None:
    with FakeWeb({"/a": refresh("0; url=/b"), "/b": refresh("0; url=/a"), "/c": refresh("0; url=/private")}) as web:
        web.pages["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /private", kind="text/plain")
        reply = get(web.url("/a"), {"limits": Limits(redirects=3)})
        assert (reply.outcome, reply.detail, len(web.paths())) == (Fetched.FAILED, "too many redirects", 4)
        assert get(web.url("/c")).outcome is Fetched.DISALLOWED
        assert "/private" not in web.paths()


def test_a_refreshed_page_is_read_as_the_article(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    with FakeWeb({"/feed": feed(item("/go", TITLE)), "/go": REFRESHES["quoted"], "/real": Answer(PAGE)}) as web:
        found = collected(web, sqlite, tmp_path, now)
    assert (found.outcomes, found.one.text_status, found.one.words > 100) == ({"new": 1}, "full", True)


@pytest.mark.parametrize(("status", "told"), [(301, True), (308, True), (302, False), (303, False), (307, False)])
def test_a_feed_that_has_moved_for_good_is_read_and_told(
    status: int, told: bool, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb({"/feed": redirect("/new", status), "/new": redirect("/rss.xml", status), "/a": Answer(PAGE)}) as web:
        web.pages["/rss.xml"] = feed(item("/a", TITLE))
        found = collected(web, sqlite, tmp_path, now)
        assert (found.polls, found.outcomes) == (["entries"], {"new": 1})
        assert found.details == (f"has moved for good to {web.url('/rss.xml')}" if told else "")


def test_a_feed_that_was_moved_and_then_lent_is_told_up_to_where_it_moved(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb(
        {"/feed": redirect("/new", 301), "/new": redirect("/today", 302), "/today": feed(item("/a", TITLE))}
    ) as web:
        web.pages["/a"] = Answer(PAGE)
        assert collected(web, sqlite, tmp_path, now).details == f"has moved for good to {web.url('/new')}"


def test_what_has_moved_to_something_else_tells_both(sqlite: Database, tmp_path: Path, now: datetime) -> None:
    with FakeWeb({"/feed": redirect("/home", 301), "/home": Answer(story("Welcome to the trust"))}) as web:
        found = collected(web, sqlite, tmp_path, now)
    assert found.polls == ["not-a-feed"]
    assert "has moved for good" in found.details
    assert "web page" in found.details


@pytest.mark.parametrize("behind", ["", "/new"], ids=["at once", "behind a redirect"])
def test_not_modified_that_nobody_asked_for_is_a_failure(
    behind: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb({"/feed": Answer(status=304, headers={"ETag": '"x"'})}) as web:
        if behind:
            web.pages = {"/feed": redirect(behind), behind: web.pages["/feed"]}
        found = collected(web, sqlite, tmp_path, now)
    assert found.polls == ["failed"]
    assert "304" in found.details
    with sqlite.read() as session:
        state = session.get(SourceState, "s0")
        assert state is not None
        assert (state.last_success_at, state.failures) == (None, 1)


def gate(name: str = "seen", *, lead: str = "") -> Answer:
    return Answer(status=302, headers={"Location": lead, "Set-Cookie": f"{name}=1; Path=/"})


def behind_a_cookie(handler: Handler, lead: str) -> None:
    """The page for those who bring the cookie, which is set for all others on the way to `lead`."""
    seen = "seen=1" in (handler.headers.get("Cookie") or "")
    handler.give(Answer(PAGE) if seen else gate(lead=lead))


def test_a_page_that_sets_a_cookie_and_comes_back_is_read_and_the_cookie_forgotten() -> None:
    pages: dict[str, Answer | Behaviour] = {
        "/itself": lambda handler: behind_a_cookie(handler, "/itself"),
        "/there": lambda handler: behind_a_cookie(handler, "/gate"),
        "/gate": redirect("/there"),
        "/never": gate("seen", lead="/never"),
    }
    with FakeWeb(pages) as web:
        for path in ("/itself", "/there"):
            assert get(web.url(path)).body == PAGE
        begun = len(web.seen)
        reply = get(web.url("/never"))
        assert (reply.outcome, "cookies" in reply.detail) == (Fetched.FAILED, True)
        assert "cookie" not in web.seen[begun + 1].headers  # the first request knows nothing of the pages before


def test_a_cookie_goes_to_no_other_host() -> None:
    with FakeWeb({"/b": Answer(PAGE)}) as other, FakeWeb() as web:
        web.pages["/a"] = gate(lead=f"http://localhost:{other.port}/b")
        reply = get(web.url("/a"), {"allow_hosts": frozenset({"127.0.0.1", "localhost"})})
        assert reply.outcome is Fetched.OK
        assert all("cookie" not in seen.headers for seen in other.seen)
