"""Web addresses: the one function that normalises them, so that one page has one address.

Pure text work: no name is looked up here, and whether an address may be fetched is decided at the connection.
"""

import ipaddress
import re
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

# Browsers and servers give up at about this length; a longer one is an attack or a mistake.
MAX_LETTERS = 4000
# Of an address that is kept, and of one with a fragment: PostgreSQL has room for 2,704 bytes in an index, and ends the
# whole batch where there are more.
MAX_KEPT = 2000
_MAX_WITH_FRAGMENT = 2600
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u200b\ufeff]+")
# Parameters that say where a reader came from, never which page is meant.
_TRACKING = re.compile(
    r"(?i)(?:utm_\w+|at_(?:medium|campaign|custom\d*|link_\w+|ptr_name|format|bbc_team|campaign_type)|mc_[ce]id|mc_eid"
    r"|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|twclid|ttclid|yclid|igshid|igsh|mkt_tok|_ga|_gl|_hs(?:enc|mi)"
    r"|hsctatracking|vero_\w+|oly_(?:anon|enc)_id|wt\.mc_\w+|wt_mc|cmp|cmpid|cmpid\d|s_cid|icid|ito|ncid|ns_\w+|xtor"
    r"|guccounter|guce_referrer(?:_sig)?|smid|smtyp|socialreferrer|__twitter_impression|ocid|cvid"
    r"|ref_src|ref_url|__cf_\w+|spm|pk_(?:campaign|kwd|source|medium)|mtm_\w+|piwik_\w+|trk|trkcampaign"
    r"|ecid|elqtrackid|elqtrack|_openstat|campaign_id|sc_campaign|sc_cid)"
)
# What programs of sites put into links to know a reader again who takes no cookies: another one for each visit.
_SESSION = re.compile(r"(?i)phpsessid|jsessionid|aspsessionid\w*|asp\.net_sessionid|cfid|cftoken|oscsid|zenid")
_MAYBE_SESSION = re.compile(r"(?i)sid|sess|session|session_?id")  # where the value is as long and random as such a one
_SESSION_VALUE = re.compile(r"(?i)(?=[a-z-]*\d)[\da-z-]{16,}")
_SESSION_IN_PATH = re.compile(r"(?i);(?:jsessionid|phpsessid)=[^/;]*|/\([A-Z]\([\da-z]{20,}\)\)(?=/|$)")
# Fragments that every page of a site may bear.
_NO_PARTS = frozenset(
    "top main main-content content comments respond disqus_thread ref source echobox at_medium".split()
)
_MAX_FRAGMENT = 200
# These name the AMP or mobile form of the same page. The value tells: `amp=1` does, `amp=maps` might not.
_FORMS = {
    "amp": {"", "1", "true"},
    "outputtype": {"amp"},
    "output": {"amp"},
    "view": {"amp", "mobile"},
    "mobile": {"1", "true"},
    "m": {"1"},
}
_SITE_PREFIXES = ("amp.", "m.", "mobile.")
_SECOND_LEVELS = frozenset({"co", "org", "gov", "ac", "nhs", "com", "net", "edu"})
_AMP_CACHE = re.compile(r"^/(?:c|v|a|i|wp)/(s/)?(.+)$")
MAX_HOST = 253  # letters; no name is longer
_USER = re.compile(r"//[^/?#]*@")
_KEY = re.compile(r"(?i)([?&](?:api[-_]?key|access[-_]?token|auth[-_]?token|client[-_]?secret|password)=)[^&#\s\"']*")
_SAFE_PATH = "/:@!$&'()*+,;=~-._%"
_SAFE_QUERY = "/:@!$'()*+,;=~-._?%&[]|"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normalise_url(url: str, base: str | None = None) -> str | None:
    """The address of the page that `url` means, in one form; None where it is not a usable http(s) address.

    Relative addresses are joined to `base`. Dropped are credentials, fragments, default ports, parameters of tracking
    and sessions, and what makes an address the AMP or mobile form of another.
    """
    try:
        text = _CONTROLS.sub("", url[: 2 * MAX_LETTERS]).strip()
        if not text:
            return None
        parts = urlsplit(urljoin(base, text) if base else text)
        return _normalise(_from_amp_cache(parts) or parts)
    except ValueError:  # a bad port, bad brackets, a host that IDNA refuses
        return None


def absolute_url(url: str, base: str) -> str | None:
    """`url` joined to `base` as it is, not normalised; None where that makes no http(s) address."""
    try:
        found = urljoin(base, _CONTROLS.sub("", url[: 2 * MAX_LETTERS]).strip())
        return found if urlsplit(found).scheme.lower() in _DEFAULT_PORTS else None
    except ValueError:
        return None


def fragment_of(url: str) -> str:
    """The fragment of an address, where it may name a part of the page; "" for none and for one that tracks readers."""
    fragment = _CONTROLS.sub("", url.partition("#")[2][:MAX_LETTERS]).strip()
    name = unquote(fragment).lstrip("?&!/").partition("=")[0].lower()
    if not fragment or _TRACKING.fullmatch(name) or name in _NO_PARTS:
        return ""
    return fragment


def with_fragment(url: str, fragment: str) -> str:
    """A normalised address with a fragment, to tell apart what stands on one page."""
    return f"{url}#{_escape(fragment[:_MAX_FRAGMENT], _SAFE_QUERY)}"[:_MAX_WITH_FRAGMENT]


def host_of(url: str) -> str:
    """The host in lower case with its port where that is not the default one; "" for a malformed address."""
    try:
        parts = urlsplit(url)
        host = _bracketed(_host(parts))
        port = parts.port
    except ValueError:
        return ""
    return host if not host or port is None or port == _DEFAULT_PORTS.get(parts.scheme.lower()) else f"{host}:{port}"


def without_user(url: str) -> str:
    """`url` without a user name and password, as it may be asked for."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _USER.sub("//", url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def without_credentials(url: str) -> str:
    """`url` as it may be logged and stored: without user name and password, keys among its parameters masked."""
    return mask_keys(without_user(url))


def mask_keys(text: str) -> str:
    """Any text, with the values of parameters such as `api-key=` masked."""
    return _KEY.sub(r"\1***", text)


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one site: the same host but for `www.`, `m.`, `mobile.` or `amp.`."""
    first = bare_host(host_of(one))
    return bool(first) and first == bare_host(host_of(other))


def same_outlet(one: str, other: str) -> bool:
    """Whether two addresses are of one outlet: hosts below the same registered domain (`feeds.example.co.uk`)."""
    first = _registered_domain(host_of(one))
    return bool(first) and first == _registered_domain(host_of(other))


def origin_of(url: str) -> str:
    """Scheme and host of an address, as "https://host:port"."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{host_of(url)}"


def _normalise(parts: SplitResult) -> str | None:
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        return None
    host = _host(parts)
    if not host:
        return None
    host = _full_site(host)
    netloc = _bracketed(host)
    if parts.port is not None and parts.port != _DEFAULT_PORTS[scheme]:
        netloc += f":{parts.port}"
    path = _resolve_dots(_escape(_SESSION_IN_PATH.sub("", parts.path), _SAFE_PATH))
    while (full := _full_form(path)) != path:  # /news/amp/amp
        path = full
    found = urlunsplit((scheme, netloc, path or "/", _page_query(parts.query), ""))
    return found if len(found) <= MAX_KEPT else None


def _host(parts: SplitResult) -> str:
    """The host in lower case and punycode, without the dot of the root; "" where it can't be one."""
    host = (parts.hostname or "").rstrip(".").lower()
    if not host:
        return ""
    if ":" in host:
        return str(ipaddress.IPv6Address(host.partition("%")[0]))
    if not host.isascii():
        host = unquote(host)
        if len(host) > MAX_HOST:  # to put it into punycode costs the square of its length
            return ""
        host = host.encode("idna").decode("ascii").lower()
    return host if re.fullmatch(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?", host) and ".." not in host else ""


def _bracketed(host: str) -> str:
    """The host as it stands in an address: an IPv6 number in brackets."""
    return f"[{host}]" if ":" in host else host


def _full_site(host: str) -> str:
    """`m.example.org` and `amp.example.org` are `www.example.org`; what is no name of three parts stays."""
    for prefix in _SITE_PREFIXES:
        if host.startswith(prefix) and "." in host.removeprefix(prefix) and not _is_public_suffix(host, prefix):
            return f"www.{host.removeprefix(prefix)}"
    return host


def _is_public_suffix(host: str, prefix: str) -> bool:
    """Whether what follows the prefix is but "co.uk", so that the prefix is the name itself (`amp.co.uk`)."""
    rest = host.removeprefix(prefix).split(".")
    return len(rest) == 2 and len(rest[1]) == 2 and rest[0] in _SECOND_LEVELS


def bare_host(host: str) -> str:
    """The host without `www.` and what marks a mobile or AMP form."""
    for prefix in ("www.", *_SITE_PREFIXES):
        if host.startswith(prefix) and "." in host.removeprefix(prefix):
            return host.removeprefix(prefix)
    return host


def _registered_domain(host: str) -> str:
    """The last two names of a host, three below "co.uk" and the like; a number, or a name with a port, as it is."""
    names = host.split(".")
    if ":" in host or names[-1].isdigit() or len(names) < 3:
        return host
    return ".".join(names[-3:] if names[-2] in _SECOND_LEVELS and len(names[-1]) == 2 else names[-2:])


def _from_amp_cache(parts: SplitResult) -> SplitResult | None:
    """The publisher's address in an address of a cache of AMP pages."""
    host = (parts.hostname or "").lower()
    if host in {"www.google.com", "www.google.co.uk", "google.com"} and parts.path.startswith("/amp/"):
        rest = parts.path.removeprefix("/amp/")
        scheme = "https" if rest.startswith("s/") else "http"
        return urlsplit(f"{scheme}://{rest.removeprefix('s/')}")
    if host.endswith(".cdn.ampproject.org") and (found := _AMP_CACHE.match(parts.path)):
        return urlsplit(f"{'https' if found[1] else 'http'}://{found[2]}")
    return None


def _full_form(path: str) -> str:
    """The path of the full page where `path` is that of its AMP form."""
    segments = path.split("/")
    if len(segments) > 2 and segments[-1] == "amp":
        return "/".join(segments[:-1])
    if len(segments) > 3 and segments[-2:] == ["amp", ""]:
        return "/".join([*segments[:-2], ""])
    if path.endswith((".amp.html", ".amp.htm")):
        return path.replace(".amp.htm", ".htm")
    if path.endswith(".amp"):
        return path.removesuffix(".amp")
    if len(segments) > 3 and segments[1] == "amp":  # /amp/news/title
        return "/" + "/".join(segments[2:])
    if len(segments) > 3 and segments[2] == "amp":  # /news/amp/uk-123
        return "/".join([*segments[:2], *segments[3:]])
    return path


def _page_query(query: str) -> str:
    """The query without what does not choose the page; the order stays, some servers heed it."""
    kept = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        plain = unquote(name).lower()
        if (
            not part
            or _TRACKING.fullmatch(plain)
            or value.lower() in _FORMS.get(plain, ())
            or _is_session(plain, value)
        ):
            continue
        kept.append(part)
    return _escape("&".join(kept), _SAFE_QUERY)


def _is_session(name: str, value: str) -> bool:
    if _SESSION.fullmatch(name):
        return True
    return _MAYBE_SESSION.fullmatch(name) is not None and _SESSION_VALUE.fullmatch(value) is not None


def _escape(text: str, safe: str) -> str:
    """`text` with exactly what must be escaped escaped, in upper case (RFC 3986, 6.2.2)."""

    def plain(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if letter in _UNRESERVED else found[0].upper()

    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    return quote(_ESCAPE.sub(plain, text), safe=safe, errors="replace")


def _resolve_dots(path: str) -> str:
    """The path without `.` and `..` segments (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)
