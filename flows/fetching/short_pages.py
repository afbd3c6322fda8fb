"""Pages that stand where another page should be: challenges, waiting rooms, refreshes. Told from their bytes, pure.

Makers of challenges come and go, so they are told by what they have in common: hardly any text or links, no sign of
an article, words about robots, browsers and queues, a script or a refresh that is to bring the real page. Every step
is linear in the size of the page, and pages with many links or paragraphs, which is to say nearly all, cost a count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

MAX_BYTES = 300_000  # a longer page is none of these
_MAX_LINKS = 25
_MAX_PARAGRAPHS = 12
_MAX_WORDS = 300
_FEW_WORDS = 60
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
# In ids, classes, names of scripts and the addresses that they ask.
_MACHINERY = (
    b"captcha", b"challenge", b"turnstile", b"cdn-cgi/", b"_cf_chl", b"px-", b"_px", b"perimeterx", b"datadome", b"_incapsula_",
    b"distil", b"awswaf", b"aws-waf", b"kpsdk", b"kasada", b"queue-it", b"waitingroom", b"waiting-room", b"proof-of-work",
    b"proofofwork", b"pow-", b"anubis", b"botd", b"fingerprint", b"perfdrive", b"arkose", b"funcaptcha", b"sec-cpt", b"bot-check",
    b"botcheck", b"bot_check", b"ddos-guard", b"sucuri_cloudproxy", b"_fs-ch", b"akam/", b"checkpoint", b"human-check", b"f5_",
    b"/tspd/", b"_abck", b"noindex",
)  # fmt: skip
_ARTICLE_SIGNS = (
    b"article:published_time", b'"newsarticle"', b"newsarticle", b"datepublished", b"blogposting", b'content="article"',
    b"content='article'", b"<article",
)  # fmt: skip
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
    titles: str
    text: str
    words: int


def refused_by_headers(headers: Mapping[str, str]) -> bool:
    """Whether a guard before the server says in a header that it answered instead."""
    return any(
        name not in _NOT_GUARDS
        and _GUARD_HEADER.search(name)
        and (_GUARD_SAYS.search(value[:200]) or _GUARD_NAMED.search(name))
        and value.strip().lower() not in _PASSED
        for name, value in headers.items()
    )


def is_challenge(status: int, body: bytes) -> bool:
    """Whether a page of HTML is a challenge or a waiting page rather than what was asked for."""
    short = _short(body)
    if short is None or short.words > _MAX_WORDS:
        return False
    if status == 202 and short.words < _FEW_WORDS:  # "accepted": the page itself is still to come
        return True
    said = len({found[0].lower() for found in _WORDS.finditer(short.text)})
    titled = _WORDS.search(short.titles) is not None
    machinery = sum(tell in short.low for tell in _MACHINERY)
    points = 2 * titled + min(said, 3) + (2 if machinery > 1 else machinery)
    if not points:
        return False
    points += any(tell in short.low for tell in _RELOADS) + (b"<script" in short.low)
    points += (short.words < _FEW_WORDS) + (short.words < _NO_WORDS) + (status in {202, 403, 429, 503})
    points -= 4 * any(sign in short.low for sign in _ARTICLE_SIGNS)
    telling = titled or machinery > 1 or (short.words < _FEW_WORDS and (said > 1 or machinery))
    return points >= _ENOUGH and bool(telling)


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


def _meta_refresh(head: bytes) -> str:
    for tag in _META.finditer(head):
        if _IS_REFRESH.search(tag[1]) and (content := _CONTENT.search(tag[1])):
            return (content[1] or content[2] or content[3] or b"").decode("utf-8", "replace")
    return ""


def _short(body: bytes) -> _Short | None:
    if len(body) > MAX_BYTES or body.count(b"<a ") > _MAX_LINKS or body.count(b"<p") > _MAX_PARAGRAPHS:
        return None
    low = body.lower()
    html = _without(_without(low, b"script"), b"style").decode("utf-8", "replace")
    titles = " ".join(unescape(found[2]) for found in _TITLE.finditer(html))
    text = unescape(" ".join(_TAG.sub(" ", html).split())).replace("\u2019", "'")
    return _Short(low, titles.replace("\u2019", "'"), text[:20_000], len(text.split()))


def _without(low: bytes, name: bytes) -> bytes:
    """A page without the elements of that name and what is in them; one that is not closed takes the rest with it."""
    first, *rest = low.split(b"<" + name)
    pieces = [first]
    for part in rest:
        _, closed, behind = part.partition(b"</" + name)
        pieces.append(behind.partition(b">")[2] if closed else b"")
    return b" ".join(pieces)
