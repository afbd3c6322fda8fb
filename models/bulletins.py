"""What a bulletin that people made tells, and which stored article is the same report. Pure: nothing is looked up or fetched.

An address decides where there is one that can be read. Bulletins also give headlines alone, or links through services
that count clicks; where such a link carries its target it is taken from there, else the headline has to do.
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from models.organisations import plain_name
from models.page_identity import alike, title_words
from models.urls import MAX_LETTERS, bare_host, host_of, normalise_url

_MOST_WRAPPINGS = 5  # a mail filter's link around a mailing service's
# Mail filters and mailing services that put the target in a parameter, in the path, or in a token.
_WRAPPERS = re.compile(
    r"(?:^|\.)(?:safelinks\.protection\.outlook\.com|urldefense\.(?:com|proofpoint\.com|us)|linkprotect\.cudasvc\.com"
    r"|secure-web\.cisco\.com|lnks\.gd|govdelivery\.com|awstrack\.me|list-manage\.com|mailchi\.mp|l\.facebook\.com"
    r"|ct\.sendgrid\.net|rs6\.net|cmail\d+\.com|createsend\d*\.com|hubspotlinks\.com|exacttarget\.com|emlnk\d*\.com"
    r"|t\.co|bit\.ly|ow\.ly|buff\.ly|tinyurl\.com|lnkd\.in|dlvr\.it|trib\.al|mimecast\.com|mimecastprotect\.com"
    r"|news\.google\.com)$|^(?:click|clicks|link|links|track|tracking|email|e|go|r|t|url\d*|mailtrack)\.",
)
_PARAMETERS = frozenset("url u q a target dest destination redirect redirect_url to link p".split())
_IN_PATH = re.compile(r"(?i)/(https?(?::|%3A)(?:/|%2F){1,2}[^/?]+(?:/.*)?)$")
_SES = re.compile(r"(?i)/(?:CL0|L0)/(https?:[^/]*)(?:/|$)")
_DEFENDED = re.compile(r"/v3/__(.+?)__;")
_TOKEN = re.compile(r"/[\w-]{1,500}\.([\w-]{20,3000})\.[\w-]*")
_SMALL = frozenset(
    "a an and are as at be by for from has have how in into is it its of on or over s says that the their they this to was "
    "were what who why will with after amid new not but".split()
)
_ENOUGH_WORDS = 4  # that two headlines share, where no outlet confirms that they are of one report
_CAPITALISED = 0.7  # of the words: a headline in title case, of which capitals tell no names
_WORD = re.compile(r"[^\W_]+(?:[’'-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class BulletinItem:
    """One report that a bulletin tells; of title, address and outlet each may be empty, not both of the first two."""

    title: str
    url: str = ""  # as it stands in the bulletin
    outlet: str = ""

    @property
    def address(self) -> str:
        """The normalised address of the report; empty where there is none that can be read."""
        return target_of(self.url) or ""


@dataclass(frozen=True, slots=True)
class Headline:
    """A stored article as a bulletin's item is compared with it."""

    id: int
    title: str
    outlet: str
    url: str
    rank: int = 0  # of those that are the same report the highest is taken


def target_of(url: str) -> str | None:
    """The normalised address that a link leads to; None where it is none, or one that hides where it leads."""
    found = url[:MAX_LETTERS].strip()
    for _ in range(_MOST_WRAPPINGS):
        try:
            parts = urlsplit(found)
        except ValueError:
            return None
        host = bare_host(host_of(found))
        is_search = re.fullmatch(r"google(?:\.com?)?(?:\.[a-z]{2})?", host) and parts.path == "/url"
        is_share = host == "linkedin.com" and parts.path.startswith("/redir")
        if not (_WRAPPERS.search(host) or is_search or is_share):
            return normalise_url(found)
        inner = next(_inside(parts), None)
        if inner is None:
            return None if _hides(host) else normalise_url(found)
        found = inner
    return None


def same_report(item: BulletinItem, title: str, outlet: str) -> bool:
    """Whether a headline and its outlet, as stored, are of the report that a bulletin's item tells.

    Most words of the shorter headline and all numbers must stand in the other. Where each has words that the other has
    not, these may name nobody, and more must be shared: the same words are written of one trust after another.
    """
    if not item.title or not title:
        return False
    known = bool(item.outlet and outlet)
    if known and not same_name(item.outlet, outlet):
        return False
    if plain_name(item.title) == plain_name(title):
        return known or len(_telling(title)) >= _ENOUGH_WORDS - 1
    if not alike(item.title, title):
        return False
    first, second = _telling(item.title), _telling(title)
    shared = len(first & second)
    if shared < (_ENOUGH_WORDS - 1 if known else _ENOUGH_WORDS) or shared < 0.5 * min(len(first), len(second)):
        return False
    if not (first - second and second - first):
        return True
    named = _names(item.title) - _all_words(title) or _names(title) - _all_words(item.title)
    return not named and shared > _ENOUGH_WORDS


def same_name(one: str, other: str) -> bool:
    """Whether two names are of one outlet: the one begins with the other ("BBC News", "BBC News – Health")."""
    first, second = (plain_name(name).removeprefix("the ").split() for name in (one, other))
    shorter = min(len(first), len(second))
    return shorter > 0 and first[:shorter] == second[:shorter]


def match(
    items: Sequence[BulletinItem], headlines: Collection[Headline], addresses: Mapping[str, int]
) -> list[int | None]:
    """The stored article of each item: by its address in `addresses`, else by its headline; None where there is none.

    An address that is known to be another's is not overruled by a headline: only what was found by no address is
    looked for by its words.
    """
    by_word: dict[str, list[Headline]] = {}
    for headline in headlines:
        for word in _telling(headline.title):
            by_word.setdefault(word, []).append(headline)
    found: list[int | None] = []
    for item in items:
        address = item.address
        number = addresses.get(address) if address else None
        if number is None:
            shared = Counter(one for word in _telling(item.title) for one in by_word.get(word, ()))
            same = [
                one
                for one, count in shared.items()
                if count >= _ENOUGH_WORDS - 1 and same_report(item, one.title, one.outlet) and _may_be(address, one)
            ]
            number = max(same, key=lambda one: (one.rank, shared[one], -one.id)).id if same else None
        found.append(number)
    return found


def merged(items: Iterable[BulletinItem]) -> tuple[BulletinItem, ...]:
    """The items, each report once: those of one address together, with the longest of its titles."""
    kept: dict[str, BulletinItem] = {}
    for item in items:
        key = item.address or item.url or plain_name(item.title)
        before = kept.get(key)
        if before is not None:
            title = max(before.title, item.title, key=len)
            item = BulletinItem(title, before.url or item.url, before.outlet or item.outlet)
        kept[key] = item
    titles = {plain_name(item.title) for item in kept.values() if item.url}
    return tuple(item for item in kept.values() if item.url or plain_name(item.title) not in titles)


def variants_of(address: str) -> tuple[str, ...]:
    """The forms in which a page's normalised address may be stored, itself first: https or http, with `www.` or not, `/` or not."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    bare = host.removeprefix("www.")
    ends = (path, path.removesuffix("/") if path.endswith("/") else f"{path}/") if path and "?" not in path else (path,)
    forms = (
        f"{one}://{name}{slash}{end}"
        for one in (scheme, "http" if scheme == "https" else "https")
        for name in (host, bare if host != bare else f"www.{bare}")
        for end in ends
    )
    return tuple(dict.fromkeys((address, *forms)))


def _may_be(address: str, headline: Headline) -> bool:
    """An address that can be read and is of another site than the article's is another report, whatever the headlines say."""
    return not address or bare_host(host_of(address)) == bare_host(host_of(headline.url))


def _inside(parts: SplitResult) -> Iterator[str]:
    """The addresses that a wrapped link carries."""
    if "urldefense" in parts.netloc:
        if found := _DEFENDED.search(f"{parts.path}?{parts.query}"):
            yield re.sub(r"^(https?:/)(?!/)", r"\1/", found[1])
        for name, value in parse_qsl(parts.query):
            if name == "u":
                yield unquote(value.replace("-", "%").replace("_", "/"))
    for name, value in parse_qsl(parts.query):
        if name.lower() in _PARAMETERS and value.lower().startswith(("http://", "https://")):
            yield value
    if found := _SES.search(parts.path):
        yield unquote(found[1])
    elif found := _IN_PATH.search(parts.path):
        yield re.sub(r"^(https?:/)(?!/)", r"\1/", unquote(found[1]))
    if found := _TOKEN.search(parts.path[:MAX_LETTERS]):
        yield from _in_token(found[1])


def _in_token(payload: str) -> Iterator[str]:
    """The address in a signed token (JWT), as GovDelivery's short links have it."""
    try:
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return
    if isinstance(said, dict) and str(said.get("url", "")).startswith(("http://", "https://")):
        yield str(said["url"])


def _hides(host: str) -> bool:
    """Whether a link of this host that carries no target still leads elsewhere; `go.` and the like may be sites."""
    return not re.match(r"(?:email|e|go|r|t|link|links)\.", host) or _WRAPPERS.search(f"x.{host}") is not None


def _telling(title: str) -> frozenset[str]:
    return title_words(title) - _SMALL


def _all_words(title: str) -> frozenset[str]:
    return frozenset(_plain(word) for word in _WORD.findall(title))


def _plain(word: str) -> str:
    return re.sub(r"[’']s$", "", word).casefold().replace("’", "'")


def _names(title: str) -> frozenset[str]:
    """The words that a headline writes as names, the first among them; all but small ones where it capitalises most."""
    words = [word for word in _WORD.findall(title) if _plain(word) not in _SMALL]
    capitals = [word for word in words if word[0].isupper()]
    chosen = words if len(capitals) >= _CAPITALISED * len(words) else capitals
    return frozenset(_plain(word) for word in chosen if not word[0].isdigit())
