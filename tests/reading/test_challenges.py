"""Pages that keep automatic visitors out or waiting are known as such, whatever their status; none becomes a text."""

from datetime import datetime
from pathlib import Path

import pytest

from models.entries import Fetched
from models.store.database import Database
from tests.support.fakes_client import get
from tests.support.fakes_sites import collected, feed, item, prose, story
from tests.support.fakes_web import Answer, FakeWeb, redirect

CHALLENGES = {
    "interstitial with a refresh": "<title>Just a moment...</title><meta http-equiv='refresh' content='360'></head><body>"
    "<noscript>Enable JavaScript and cookies to continue</noscript><script>start()</script>",
    "checkpoint": "<title>Security Checkpoint</title></head><body><p>We are verifying your browser</p><script src='/x.js'></script>",
    "sum to be worked out": "<title>Making sure you are not a bot!</title></head><body><h1>Making sure you are not a bot!</h1>"
    "<p>A small sum is worked out by your browser. It needs a modern browser with JavaScript.</p><script id='proof-of-work'></script>",
    "picture puzzle": "<title>example.org</title></head><body><p>Please enable JS and disable any ad blocker</p>"
    "<script src='https://ct.captcha-guard.example/c.js'></script>",
    "button to hold": "<title>Access to this page has been denied</title></head><body><h1>Press &amp; Hold to confirm you are a "
    "human (and not a bot).</h1><div id='px-box'></div><script src='/px.js'></script>",
    "frame of a firewall": "<meta name='robots' content='noindex'></head><body><iframe src='/_Resource?x=31'>Request unsuccessful. "
    "Incident ID: 123-456</iframe>",
    "support number": "<title>Request Rejected</title></head><body>The requested URL was rejected.<br>Your support ID is: 123",
    "form that sends itself": "<title>One moment, please...</title></head><body><h1>Please wait while your request is being "
    "verified...</h1><form id='f' action='/z0f'></form><script>document.getElementById('f').submit()</script>",
    "queue": "<title>Example News</title></head><body><h1>You are now in line</h1><p>We are seeing many visitors. Your estimated "
    "wait is 3 minutes. This page will automatically refresh.</p><script>setTimeout('location.reload()', 20000)</script>",
    "waiting room": "<title>Waiting Room</title></head><body><p>You are in the virtual waiting room. Please wait, your turn will come."
    "</p><meta http-equiv='refresh' content='20'>",
    "cookie and reload": "<title>You are being redirected...</title></head><body><noscript>Javascript is required. Please enable "
    "javascript before you are allowed to see this page.</noscript><script>document.cookie='a=b'; location.reload()</script>",
    "refresh to a puzzle": "<meta http-equiv='refresh' content='0;/.well-known/sgcaptcha/?r=%2F'>",
    "limited by the owner": "<title>Your access to this site has been limited</title></head><body><h1>Your access to this site "
    "has been limited by the site owner</h1><p>Your access has been limited. Reference number 503-12.</p>",
    "token in the refresh": "<title>Checking you are not a bot</title><meta http-equiv='refresh' content='2; url=/x?token=3'></head>"
    "<body><h1>Checking you are not a bot</h1><p>We check the security of your connection.</p>",
}
WAIT = "<p>We are making sure that your visit is a real one. This page will move on by itself, as soon as that is done.</p>"
STANDING_IN = {  # with status 200 alone: others say themselves that the page is not to be had
    "script that brings it again": f"<title>Hold on a second</title></head><body><h1>Hold on a second</h1>{WAIT * 5}"
    "<script>setTimeout(function(){location.reload()}, 800)</script>",
    "cookie and its own address": f"<title>Hold on</title></head><body>{WAIT}<script>document.cookie='v=1'; "
    "location.href='/a'</script>",
    "cookie and the same address": f"<body>{WAIT}<script>document.cookie='v=1'; window.location = window.location.href</script>",
    "refresh of a foreign page": "<title>Einen Moment bitte</title><meta http-equiv='refresh' "
    "content='5'></head><body><h1>Ihr Browser wird "
    "überprüft</h1><p>Bitte warten Sie, die Seite wird gleich geladen.</p><script src=/c.js></script>",
    "refresh to itself with a token": "<meta http-equiv='refresh' content=\"5; "
    "URL='/a?bm=AAQ'\"></head><body><script>go('/v')</script>",
    "sum and reload": "</head><body><h1>Proof of work</h1><script>fetch('/.pow').then(() => location.reload())</script>",
    "repair": "<title>Site maintenance</title></head><body><h1>We\u2019ll be back soon!</h1><p>Sorry for the inconvenience.</p>",
    "repair of a blog": "<title>Maintenance</title></head><body><h1>Briefly unavailable for scheduled maintenance. Check back "
    "in a minute.</h1>",
    "database": "<title>Error</title></head><body><h1>Error establishing a database connection</h1>",
    "error": "<title>503 Service Unavailable</title></head><body><p>The server cannot answer now. Please try again later.</p>",
    "overload": "<title>Daily News</title></head><body><h1>Service temporarily unavailable</h1><p>Please try again later.</p>",
    "gateway": "<title>Bad gateway | example.org</title></head><body><p>Error code 502.</p>",
    "backend": "<title>Error 503 Backend fetch failed</title></head><body><h1>Error 503 Backend fetch failed</h1><p>Guru</p>",
    "apology": "<title>Sorry, our website is currently unavailable | Daily News</title></head><body><p>We are on it.</p>",
    "shut to a country": "<title>451</title></head><body><h1>451: Unavailable due to legal reasons</h1><p>Access cannot be "
    "granted.</p>",
}
UNTOLD = {  # which only the headline tells from news
    "loading": "<title>Loading...</title></head><body><div id=l>Loading\u2026</div><script src='/b.js'></script>",
    "of few words": "<title>Bot detected</title></head><body><p>Sorry, human verification is required. Please solve this to "
    "proceed.</p>",
    "in Polish": "<title>Chwileczk\u0119</title></head><body><p>Sprawdzamy, czy jeste\u015b cz\u0142owiekiem. To potrwa "
    "chwil\u0119.</p>",
    "shut": "<title>Example Press</title></head><body><h1>Sorry</h1><p>This part of our site is not open to readers abroad at "
    "present.</p>",
}
MENU = "".join(f"<a href='/{n}'>Part {n}</a> " for n in range(4))
COOKIES = "<script>function ok(){document.cookie='ok=1'; location.reload()}</script>"
ABOUT = "<p>Patients waited in the queue for nine hours, and the trust said that demand was high and staff did their best.</p>"
PAGES = {
    "news of waiting": "<title>x</title><script src=/a.js></script></head><body><h1>Please wait: A&amp;E queues "
    "grow</h1><p>Patients at "
    "Fenwick were asked to wait in line outside as the queue for A&amp;E grew to nine hours, the union said.</p>",
    "news of access": "<title>Access denied: disabled patients shut out of surgery</title></head><body><p>Patients in "
    "wheelchairs were turned "
    "away from a new surgery, whose doors are too narrow. Access was denied to nine.</p><script src=/a.js></script>",
    "news of repairs": "<title>Maintenance backlog hits \u00a314bn</title></head><body><h1>Maintenance backlog hits "
    "\u00a314bn</h1><p>Trusts said that "
    "urgent repairs had been postponed again.</p>",
    "news of a website": "<title>Hospital website down after error</title></head><body><h1>Hospital website down after error</h1>"
    "<p>The booking website of the trust has been down since Monday.</p>",
    "notice of a service": "<title>Minor injuries service temporarily unavailable | Fenwick Trust</title></head><body><p>The "
    "unit is shut until "
    "Monday, since two nurses are off sick. Please go to Ashcombe or ring 111.</p>",
    "notice under a menu": f"<title>Car park shut</title></head><body>{MENU}<h1>Car park shut</h1>{COOKIES}"
    "<p>The car park at Fenwick is shut this week while lights are put in. Please use the one in Mill Lane, which is free for "
    "patients, "
    "or come by bus. We are sorry for the trouble, and thank staff who gave up their places.</p>",
    "brief": "<title>Chair quits</title></head><body><h1>Chair of trust quits after review</h1><p>The chair of the trust has "
    "resigned after a review found bullying, the board said on Monday.</p><script src='a.js'></script>",
    "news of queues": f"<title>Patients wait in line</title></head><body><h1>Patients wait in line at A&amp;E</h1>{ABOUT * 9}"
    "<script src='a.js'></script>",
    "news of captchas": "<title>NHS App drops captcha</title><meta property='og:type' content='article'></head><body><article>"
    "<h1>NHS App drops captcha for patients</h1><p>Patients need not prove that they are human any more.</p></article>"
    "<script src='a.js'></script>",
    "news of attacks": f"<title>DDoS attack on NHS supplier</title></head><body><h1>DDoS attack on NHS supplier</h1>"
    f"{''.join(f'<p>{p}</p>' for p in prose('attack'))}",
}


def html(page: str) -> bytes:
    return f"<!doctype html><html><head>{page}</body></html>".encode()


@pytest.mark.parametrize("status", [200, 202, 429, 503])
@pytest.mark.parametrize("kind", CHALLENGES)
def test_a_challenge_is_a_block_whatever_its_status(kind: str, status: int) -> None:
    with FakeWeb({"/a": Answer(html(CHALLENGES[kind]), status)}) as web:
        reply = get(web.url("/a"))
    assert (reply.outcome, reply.body, web.paths()) == (Fetched.BLOCKED, b"", ["/a"])


@pytest.mark.parametrize("kind", STANDING_IN)
def test_a_page_that_brings_itself_again_or_tells_of_repairs_is_a_block(kind: str) -> None:
    with FakeWeb({"/a": Answer(html(STANDING_IN[kind]))}) as web:
        reply = get(web.url("/a"))
    assert (reply.outcome, reply.body, web.paths()) == (Fetched.BLOCKED, b"", ["/a"])


@pytest.mark.parametrize("kind", UNTOLD)
def test_a_few_words_that_have_nothing_of_the_headline_are_a_block(
    kind: str, sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb(
        {"/feed": feed(item("/a", "Nurses strike at Kestleford over rota")), "/a": Answer(html(UNTOLD[kind]))}
    ) as web:
        found = collected(web, sqlite, tmp_path, now)
    assert (found.outcomes, found.one.text) == ({"blocked": 1}, None)


@pytest.mark.parametrize(
    "page",
    [
        "<title>Clinic shut</title></head><body><p>The chest clinic at Fenwick is shut until Monday.</p>",  # its own title
        "<title>Trust</title></head><body><p>Nurses at Kestleford will walk out on Friday.</p>",
        f"<title>Trust</title><meta property='og:type' content='article'></head><body>{ABOUT}",
    ],
)
def test_a_short_notice_is_an_article(page: str, sqlite: Database, tmp_path: Path, now: datetime) -> None:
    titles = "Nurses strike at Kestleford as clinic is shut"
    with FakeWeb({"/feed": feed(item("/a", titles)), "/a": Answer(html(page))}) as web:
        found = collected(web, sqlite, tmp_path, now)
    assert (found.outcomes, bool(found.one.text)) == ({"new": 1}, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"cf-mitigated": "challenge"},
        {"x-amzn-waf-action": "captcha"},
        {"x-vercel-mitigated": "deny"},
        {"sg-captcha": "challenge"},
        {"x-guard-challenge": "1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [200, 202])
def test_a_guard_that_names_itself_in_a_header_is_believed(headers: dict[str, str], status: int) -> None:
    with FakeWeb({"/a": Answer(b"", status, headers=headers)}) as web:
        assert get(web.url("/a")).outcome is Fetched.BLOCKED


@pytest.mark.parametrize("kind", PAGES)
def test_news_about_such_things_is_news(kind: str) -> None:
    harmless = {"x-waf": "pass", "content-security-policy": "frame-src https://challenges.example", "x-captcha": "off"}
    with FakeWeb({"/a": Answer(html(PAGES[kind]), headers=harmless)}) as web:
        assert get(web.url("/a")).outcome is Fetched.OK


def test_what_is_accepted_and_not_there_yet_is_a_block() -> None:
    with FakeWeb(
        {"/a": Answer(b"<html><body>Accepted</body></html>", 202), "/b": Answer(story("Board quits"), 202)}
    ) as web:
        assert [get(web.url(path)).outcome for path in ("/a", "/b")] == [Fetched.BLOCKED, Fetched.OK]


def test_a_feed_behind_a_challenge_is_blocked_and_a_small_feed_of_the_wrong_type_is_read(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    small = feed(item("/a", "Captcha and DDoS: please wait, we check your browser"))
    with FakeWeb(
        {"/feed": Answer(html(CHALLENGES["checkpoint"])), "/small": Answer(small.body), "/a": Answer(story("C"))}
    ) as web:
        found = collected(web, sqlite, tmp_path, now, {"/feed": "feed", "/small": "feed"})
    assert found.polls == ["blocked", "entries"]


def test_nothing_of_a_challenge_is_kept_and_the_articles_are_stories_of_their_own(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    with FakeWeb() as web:
        titles = [f"Trust number {n} reviews how its board leads" for n in range(4)]
        web.pages["/feed"] = feed(*(item(f"/{n}", title) for n, title in enumerate(titles[:2])))
        web.pages["/other"] = feed(*(item(f"/{n + 2}", title) for n, title in enumerate(titles[2:])))
        web.pages |= {f"/{n}": Answer(html(CHALLENGES["sum to be worked out"])) for n in range(4)}
        web.pages["/3"] = redirect("/0")
        found = collected(web, sqlite, tmp_path, now, {"/feed": "feed", "/other": "feed"})
    assert found.outcomes == {"blocked": 4}
    assert (found.stories, [article.text for article in found.articles]) == (4, [None] * 4)


NOTICE = "We are updating this website. Some parts of it are not to be had for the moment, and we ask for patience. Thank you."


@pytest.mark.parametrize("heading", ["", "Daily News"], ids=["headed by the headline", "headed by the site"])
def test_a_text_that_many_addresses_have_is_the_sites_and_no_copy(
    sqlite: Database, tmp_path: Path, now: datetime, heading: str
) -> None:
    with FakeWeb() as web:
        titles = [
            "Nurses strike at Kestleford over rota",
            "Chair of Haddenby hospital resigns",
            "Ombudsman criticises Ossington trust",
        ]
        web.pages["/feed"] = feed(*(item(f"/{n}", title) for n, title in enumerate(titles)))
        for number, title in enumerate(titles):
            page = f"<title>{heading or title}</title></head><body><main><h1>{heading or title}</h1><p>{NOTICE}</p><p>{NOTICE[9:]}</p>"
            web.pages[f"/{number}"] = Answer(html(page))
        found = collected(web, sqlite, tmp_path, now)
    assert found.outcomes == {"no-text": 3}
    assert (found.stories, [article.text for article in found.articles]) == (3, [None] * 3)


def test_one_report_at_two_addresses_of_a_site_is_still_one_story(
    sqlite: Database, tmp_path: Path, now: datetime
) -> None:
    page = story("Nurses at the ward say that the board closed the clinic")
    with FakeWeb({"/a": Answer(page), "/b": Answer(page)}) as web:
        web.pages["/feed"] = feed(
            item("/a", "Nurses say board closed clinic"), item("/b", "Board closed clinic, nurses say")
        )
        found = collected(web, sqlite, tmp_path, now)
    assert (found.outcomes, found.stories) == ({"new": 1, "copy": 1}, 1)
