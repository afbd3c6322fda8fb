"""Pages that stand where another page should be: challenges, waiting rooms, refreshes. Told from their bytes, pure.

Makers of challenges come and go, so they are told by what they have in common: hardly any text or links, no sign of
an article, words about robots, browsers and queues, a script or a refresh that is to bring the real page. Every step
is linear in the size of the page, and pages with many links or paragraphs, which is to say nearly all, cost a count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from urllib.parse import urlsplit

from models.urls import same_site

MAX_BYTES = 300_000  # a longer page is none of these
_MAX_LINKS = 25
_MAX_PARAGRAPHS = 12
_MAX_WORDS = 300
_FEW_WORDS = 60
_OUT_OF_ORDER_WORDS = 80
_NO_WORDS = 10
_ENOUGH = 4  # points, see `is_challenge`
_REFRESH_SECONDS = 30  # within which a page means to be replaced by another
_REFRESH_WORDS = 120  # a page with more text is itself worth reading
_HEAD_BYTES = 30_000

# Headers by which servers and their guards say what they did, and what they say then.
_GUARD_HEADER = re.compile(
    r"mitigat|waf|captcha|challenge|botmanage|bot-?(?:protect|detect|action|score)|x-px|x-datadome"
)
_GUARD_SAYS = re.compile(r"(?i)challenge|captcha|block|den(?:y|ied)|interstitial")
_GUARD_NAMED = re.compile(r"(?i)captcha|challenge")
_NOT_GUARDS = frozenset(
    "content-security-policy content-security-policy-report-only set-cookie link permissions-policy report-to nel "
    "access-control-expose-headers access-control-allow-headers vary accept-ch critical-ch feature-policy".split()
)
_PASSED = frozenset({"", "0", "no", "none", "off", "false", "pass", "passed", "allow", "allowed", "success"})
# In titles, first headings and the little text of such pages.
_WORDS = re.compile(
    r"(?i)\bnot (?:a |an )?(?:ro)?bots?\b|\bare you (?:a |an )?(?:human|robot|real)|\bcaptcha|\bclient challenge|^\W*challenge\W*$"
    r"|\b(?:ro)?bot (?:verification|check|protection|detection|challenge|mitigation)|\bprove (?:that )?you"
    r"|\b(?:human|browser|security|identity|visitor|device) (?:verification|check(?:point)?|integrity)"
    r"|\bverif(?:y|ying|ication)\b[^.!?]{0,40}\b(?:human|browser|connection|request|person|you\b|device)"
    r"|\bcheck(?:ing|s)? (?:if |that |whether )?(?:your |the |you(?:'re| are)? )?(?:browser|(?:site )?connection|human|request)"
    r"|\bjust a (?:moment|second|minute)|\bone moment|\bplease (?:wait|stand by|hold on)|\bpress (?:and|&) hold"
    r"|\bddos|\bunusual (?:traffic|activity|requests?)|\bautomated (?:access|quer|request|traffic|tool|visit|program)"
    r"|\bsuspicious (?:activity|traffic|behaviou?r)|\battention required|\bpardon (?:our|the) interruption"
    r"|\b(?:access|request|connection) (?:is |was |has been |to (?:this|the) (?:page|site|website) (?:is |was |has been )?)?"
    r"(?:denied|blocked|rejected|limited|restricted)|\byou have been blocked|\bincapsula|\brequest unsuccessful"
    r"|\b(?:ray|incident|support|event|request|reference) (?:id|#|number)\b|\bprotected by\b|\bvirtual waiting"
    r"|\byou(?:'re| are| have)\b[^.!?]{0,30}\b(?:queue|in line|waiting room)|\byour (?:place|turn|position)|\byour estimated"
    r"|\bestimated wait|\b(?:enable|turn on|allow|requires?|without|needs?|disabled) (?:your )?(?:java ?script|cookies)"
    r"|\bjava ?script (?:is |to be )(?:required|disabled|needed|not)|\b(?:modern|another|different|supported|web) browser"
    r"|\badd-?ons?\b|\bad ?block|\b(?:this page|you) (?:will|should) (?:be )?(?:automatically|redirect|refresh|reload)"
    r"|\bredirect(?:ed|ing) (?:you )?(?:shortly|automatically|soon)|\brate limit|\btoo many (?:requests|visitors|people)"
    r"|\bwe(?:'re| are)\b[^.!?]{0,40}\b(?:high|heavy|many|lots of) (?:demand|traffic|volumes?|visitors)"
)
# What else titles of such pages say; one that says more is a headline ("Please wait: A&E queues grow").
_TITLE_PARTS = re.compile(r"\s[|\u2013\u2014\u00b7\u2022-]\s|\|")
_TITLE_WORD = re.compile(r"[a-z]{3,}")
_TITLE_FILLING = frozenset(
    "the and for with this that are was been being you your our its please while until before after sure make making check "
    "checking confirm verify verified verifying browser connection request site website page web server security secure "
    "human robot error access real visitor not can will".split()
)
# Titles of pages that stand in for a site which is out of order, or shut to whole countries, are made of these words alone.
_ORDER_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_OUT_OF_ORDER = frozenset(
    "maintenance unavailable offline error down busy overloaded gateway soon shortly wrong".split()
)
_OF_ORDER = _OUT_OF_ORDER | frozenset(
    "a an the and or for is are was be been being in of on to at by our your this we we'll we're it it's will has have sorry oops "
    "service site website web page server system application http code database redis connection connections establishing connecting "
    "backend fetch failed internal bad time timeout out too many available not temporarily temporary currently briefly scheduled "
    "planned routine essential undergoing under performing mode right now moment back later minute minutes few check again try "
    "please due legal reasons country region area location something went occurred fatal critical content wordpress nginx "
    "451 500 502 503 504 520 521 522 523 524 525".split()
)
# In ids, classes, names of scripts and the addresses that they ask.
_MACHINERY = (
    b"captcha", b"challenge", b"turnstile", b"cdn-cgi/", b"_cf_chl", b"px-", b"_px", b"perimeterx", b"datadome", b"_incapsula_",
    b"distil", b"awswaf", b"aws-waf", b"kpsdk", b"kasada", b"queue-it", b"waitingroom", b"waiting-room", b"proof-of-work",
    b"proofofwork", b"pow-", b"anubis", b"botd", b"fingerprint", b"perfdrive", b"arkose", b"funcaptcha", b"sec-cpt", b"bot-check",
    b"botcheck", b"bot_check", b"ddos-guard", b"sucuri_cloudproxy", b"_fs-ch", b"akam/", b"checkpoint", b"human-check", b"f5_",
    b"/tspd/", b"_abck", b"/_sec/", b"bm-verify", b"noindex",
)  # fmt: skip
_ARTICLE_SIGNS = (
    b"article:published_time", b'"newsarticle"', b"newsarticle", b"datepublished", b"blogposting", b'content="article"',
    b"content='article'", b"<article",
)  # fmt: skip
# A script or a refresh that brings the same page again.
_SAME_AGAIN = re.compile(
    rb"location\.reload\b|history\.go\(\s{0,3}0?\s{0,3}\)|location(?:\.href)?\s{0,3}=\s{0,3}(?:window\.|document\.|self\.)?location\b"
)
_WAIT_SECONDS = 60
_ALONE_LINKS = 2  # a page of a site has more: its menus
_ALONE_WORDS = 150
# Words over the one link of a page that has moved, and scripts that assign one address.
_MOVED = re.compile(
    r"(?i)\b(?:(?:object|document|page|article|site|content|permanently|temporarily) (?:has |have |been |was |is )*moved|moved"
    r" (?:permanently|temporarily)|redirect(?:ed|ing|ion)|(?:document|page) (?:may|can) be found)\b"
)
_MOVED_WORDS = 40
_ASSIGNED = re.compile(
    r"(?<![\w-])location(?:\.href)?\s{0,3}=\s{0,3}[\"']([^\"'\s]{0,2000}[/.][^\"'\s]{0,2000})[\"']"
    r"|(?<![\w-])location\.(?:replace|assign)\(\s{0,3}[\"']([^\"'\s]{1,2000})[\"']"
)
_SCRIPT_FILE = re.compile(r"(?i)<script\s[^<>]{0,500}?src\s{0,3}=")
_SLUG = re.compile(r"\w+-\w+-\w+[^/]*/?$")
_OF_THE_WAY = re.compile(
    r"(?i)\b(?:please|one|just a) (?:wait|moment|second)\b|\b(?:this page|you) (?:will|should) (?:be )?(?:automatically )?redirect\w*"
    r"|\bredirect(?:ed|ing) (?:you )?(?:shortly|automatically|soon)\b"
)
_LINK = re.compile(r"(?i)<a\s[^<>]{0,500}?href\s{0,3}=\s{0,3}[\"']?([^\"'\s<>]{1,2000})")
_RELOADS = (
    b"location.reload", b"location.replace", b"location.href", b"document.cookie", b'http-equiv="refresh',
    b"http-equiv=refresh", b"http-equiv='refresh",
)  # fmt: skip
_TITLE = re.compile(r"(?i)<(title|h1)\b[^<>]{0,300}>([^<]{0,300})")
_TAG = re.compile(r"<[^<>]*>")
_META = re.compile(rb"(?i)<meta\b([^<>]{0,1000})>")
_IS_REFRESH = re.compile(rb"(?i)http-equiv\s{0,3}=\s{0,3}[\"']?\s{0,3}refresh")
_CONTENT = re.compile(rb"(?i)\bcontent\s{0,3}=\s{0,3}(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")
_REFRESH = re.compile(r"(?i)^\s*(\d{1,6})(?:\.\d*)?\s*(?:[;,\s]\s*(?:url\s*=\s*)?(.*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Short:
    """A page with few links and paragraphs."""

    low: bytes  # in lower case
    titles: tuple[str, ...]
    text: str
    words: int

    @property
    def is_article(self) -> bool:
        return any(sign in self.low for sign in _ARTICLE_SIGNS)

    @property
    def is_alone(self) -> bool:
        """Whether it is no page of a site: hardly a link, hardly a text."""
        return self.low.count(b"<a ") <= _ALONE_LINKS and self.words <= _ALONE_WORDS and not self.is_article


def refused_by_headers(headers: Mapping[str, str]) -> bool:
    """Whether a guard before the server says in a header that it answered instead."""
    return any(
        name not in _NOT_GUARDS
        and _GUARD_HEADER.search(name)
        and (_GUARD_SAYS.search(value[:200]) or _GUARD_NAMED.search(name))
        and value.strip().lower() not in _PASSED
        for name, value in headers.items()
    )


def is_challenge(status: int, body: bytes, url: str = "", onward: str | None = None) -> bool:
    """Whether a page of HTML is a challenge, a waiting page or an error rather than what was asked for.

    Args:
        onward: where the page at `url` leads to, if it is a signpost (`signpost`).
    """
    short = _short(body)
    if short is None or short.words > _MAX_WORDS:
        return False
    if status == 202 and short.words < _FEW_WORDS:  # "accepted": the page itself is still to come
        return True
    within = onward is not None and same_site(onward, url)
    elsewhere = within and _path(onward or "") != _path(url)
    round_again = not elsewhere and (within or (onward is None and _goes_round(short)))
    if status < 300 and ((short.is_alone and round_again) or _is_out_of_order(short)):
        return True
    low, text, titles = short.low, short.text, short.titles
    if onward is not None and elsewhere:  # what a signpost says of its way is no sign, unless it is that of a guard
        low = low.replace(b"noindex", b"")
        if _SLUG.search(_path(onward)):
            low = low.replace(_path(onward).lower().encode(), b"")
        text, titles = _OF_THE_WAY.sub(" ", text), tuple(_OF_THE_WAY.sub(" ", title) for title in titles)
    said = len({found[0].lower() for found in _WORDS.finditer(text)})
    titled = any(map(_is_telling, titles))
    machinery = sum(tell in low for tell in _MACHINERY)
    points = 2 * titled + min(said, 3) + (2 if machinery > 1 else machinery)
    if not points:
        return False
    points += any(tell in low for tell in _RELOADS) + (b"<script" in low)
    points += (short.words < _FEW_WORDS) + (short.words < _NO_WORDS) + (status in {202, 403, 429, 503})
    points -= 4 * short.is_article + 2 * (
        not titled and any(map(_WORDS.search, titles))
    )  # a headline of news says more
    telling = titled or machinery > 1 or (short.words < _FEW_WORDS and (said > 1 or machinery))
    return points >= _ENOUGH and bool(telling)


def _is_telling(title: str) -> bool:
    """Whether a title, or a part of it, says little beside what titles of challenges say."""
    for part in _TITLE_PARTS.split(title):
        if _WORDS.search(part):
            rest = {word for word in _TITLE_WORD.findall(_WORDS.sub(" ", part)) if word not in _TITLE_FILLING}
            if len(rest) < 2:
                return True
    return False


def _is_out_of_order(short: _Short) -> bool:
    """Whether the page stands in for a site that is down, in repair, or shut to the reader's country."""
    if short.words > _OUT_OF_ORDER_WORDS or short.is_article:
        return False
    for title in short.titles:
        for said in (title, _TITLE_PARTS.split(title)[0]):
            words = set(_ORDER_WORD.findall(said.lower()))
            if words & _OUT_OF_ORDER and words <= _OF_ORDER:
                return True
    return False


def _goes_round(short: _Short) -> bool:
    """Whether the page is to bring itself again, by a script or by a refresh that names no address."""
    if _SAME_AGAIN.search(short.low):
        return True
    if b"document.cookie" in short.low and b"location" in short.low:
        return True
    refresh = _REFRESH.match(_meta_refresh(short.low[:_HEAD_BYTES])[:4000])
    return refresh is not None and not refresh[2] and int(refresh[1]) <= _WAIT_SECONDS


def refresh_address(headers: Mapping[str, str], body: bytes) -> str | None:
    """Where a page that is but a signpost leads to, by its Refresh header or meta tag; None for a page of its own."""
    value = headers.get("refresh", "")
    if not value and b"http-equiv" in body[:_HEAD_BYTES].lower():
        value = _meta_refresh(body[:_HEAD_BYTES])
    found = _REFRESH.match(value[:4000]) if value else None
    if found is None or not found[2] or int(found[1]) > _REFRESH_SECONDS:
        return None
    short = _short(body)
    if short is None or short.words > _REFRESH_WORDS:
        return None
    return unescape(found[2]).strip().strip("\"'").strip() or None


def moved_address(body: bytes) -> str | None:
    """Where a page that holds but one address leads to: that which its script assigns, or that of its one link."""
    short = _short(body)
    if short is None or short.words > _MOVED_WORDS or not short.is_alone or b"document.cookie" in short.low:
        return None
    page = body[:_HEAD_BYTES].decode("utf-8", "replace")
    links = {unescape(place) for place in _LINK.findall(page)}
    assigned: set[str] = {one or other for one, other in _ASSIGNED.findall(page)}
    if len(assigned) == 1 and not _SCRIPT_FILE.search(page):  # a page that is built by its scripts has these in files
        return assigned.pop()
    return links.pop() if len(links) == 1 and not assigned and _MOVED.search(short.text) else None


def _meta_refresh(head: bytes) -> str:
    for tag in _META.finditer(head):
        if _IS_REFRESH.search(tag[1]) and (content := _CONTENT.search(tag[1])):
            return (content[1] or content[2] or content[3] or b"").decode("utf-8", "replace")
    return ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


@lru_cache(maxsize=4)  # four questions are asked of every page, one after the other
def _short(body: bytes) -> _Short | None:
    if len(body) > MAX_BYTES or body.count(b"<a ") > _MAX_LINKS or body.count(b"<p") > _MAX_PARAGRAPHS:
        return None
    low = body.lower()
    html = _without(_without(low, b"script"), b"style").decode("utf-8", "replace")
    titles = tuple(unescape(found[2]).replace("\u2019", "'") for found in _TITLE.finditer(html))
    text = unescape(" ".join(_TAG.sub(" ", html).split())).replace("\u2019", "'")
    return _Short(low, titles, text[:20_000], len(text.split()))


def _without(low: bytes, name: bytes) -> bytes:
    """A page without the elements of that name and what is in them; one that is not closed takes the rest with it."""
    first, *rest = low.split(b"<" + name)
    pieces = [first]
    for part in rest:
        _, closed, behind = part.partition(b"</" + name)
        pieces.append(behind.partition(b">")[2] if closed else b"")
    return b" ".join(pieces)
