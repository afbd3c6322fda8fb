"""Whether the address and the text that a page gives are plausibly its own. Pure.

Templates name their section or front page, caches serve the head of whichever page was asked for first, and editors copy
pages. A canonical link that is believed then swallows every other article of the site.

A notice, a list of what is read most, or a page that a cache gives to everybody is no article, though it may be long and
share words with a headline. One page alone does not tell: its neighbours, or the pages of earlier runs, do.
"""

import re
from urllib.parse import unquote, urlsplit

from models.urls import bare_host, host_of, normalise_url

# The end of an address that names a form or a part of the page before it.
_FORMS = re.compile(
    r"(?i)^(?:amp|print|printable|mobile|full|single|page|page[-_]?\d+|index\.\w{2,5}|default\.\w{2,5}|all|embed|feed|rss)$"
)
# Behind which lists of pages stand, not pages.
_INDEXES = frozenset(
    "tag tags topic topics category categories section sections author authors keyword keywords search hub".split()
)
_TELLS_ONE = re.compile(r"[\d_-]")  # in the last part of an address: several words, or an id
_EXTENSION = re.compile(r"\.\w{2,5}$")
_NUMBER = re.compile(r"\d{4,}")
_YEAR = re.compile(r"(?:19|20)\d\d$")
# A word or number that all pages of a site may share.
_WORD = re.compile(r"[a-z0-9]{3,}")
_EVERY_WORD = re.compile(r"[a-z0-9]+")
_COMMON = frozenset(
    "the and for with from that this news article articles story stories post html htm php aspx www".split()
)
_ENOUGH = 0.34  # of the title's words: an address that tells the title holds most of them
_SOME = 0.2
_FEW_WORDS = 3  # in an address that tells a title

# Of a headline's words; news has most of them in its text, a notice of the site hardly any.
UNRELATED = 0.34
_MIN_TITLE_WORDS = 3  # of a headline that can be looked for


def names_this_page(canonical: str, url: str, title: str = "") -> bool:
    """Whether `canonical`, normalised and of the same site, may be the address of the page at `url`."""
    own = normalise_url(url) or url
    if canonical == own:
        return True
    theirs, ours = _segments(canonical), _segments(own)
    asked, given = set(urlsplit(own).query.split("&")) - {""}, set(urlsplit(canonical).query.split("&")) - {""}
    if not theirs:  # the front page, or a script that chooses by parameters alone
        return not ours and bool(given) and given <= asked
    if theirs == ours:  # the same page without what does not choose it, or a script without what does
        return given <= asked and (given == asked or bool(given) or _is_slug(theirs[-1]))
    if ours[: len(theirs)] == theirs:  # the page of which this is a form, or the section that it is in
        more = ours[len(theirs) :]
        return all(_FORMS.match(part) or (part.isdigit() and "page" in more[0]) for part in more) or (
            len(more) == 1 and more[0].isdigit() and len(more[0]) < 3 and _is_slug(theirs[-1])
        )
    if canonical.endswith("/") and not any(map(_is_slug, theirs)):
        return False  # another section
    if _is_section(theirs, ours, asked, given, title):
        return False
    return not _tells_another(theirs, ours, title)


def alike(one: str, other: str) -> bool:
    """Whether two headlines are of one article: most words of the shorter one, and all numbers, stand in the other."""
    first, second = title_words(one), title_words(other)
    if not first or not second:
        return not first and not second
    numbers = {w for w in first if w.isdigit()}, {w for w in second if w.isdigit()}
    if numbers[0] and numbers[1] and numbers[0] != numbers[1]:
        return False
    return len(first & second) >= 0.6 * min(len(first), len(second))


def tells_of(headline: str, said: str) -> bool:
    """Whether what a page says holds some of the words of a headline; also where the headline has too few to tell."""
    words = {word for word in title_words(headline) if len(word) > 2}
    return len(words) < _FEW_WORDS or len(words & title_words(said)) >= _SOME * len(words)


def title_words(title: str) -> frozenset[str]:
    """The words of a headline by which it is known again."""
    return frozenset(re.findall(r"[^\W_]+", title.casefold())) - _COMMON


def site_of(url: str) -> str:
    """The site of an address."""
    return bare_host(host_of(url))


def without_headline(text: str, *titles: str) -> str:
    """The text without its headline, which a template puts over any text."""
    first, _, rest = text.partition("\n")
    return rest if any(title and alike(first, title) for title in titles) else text


def is_unrelated(title: str, text: str) -> bool:
    """Whether a text, without its headline, plainly does not tell what its headline does."""
    words = title_words(title)
    return len(words) >= _MIN_TITLE_WORDS and len(words & title_words(text)) / len(words) < UNRELATED


def is_furniture(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two pages of one site, each a headline and a text, have the same text and are not of one article."""
    (title, text), (their_title, their_text) = one, other
    if min(len(title_words(title)), len(title_words(their_title))) < _MIN_TITLE_WORDS or alike(title, their_title):
        return False
    forms = {
        text,
        without_headline(text, title),
    }  # with it as well: a list may begin with what one of its pages is called
    return not forms.isdisjoint({their_text, without_headline(their_text, their_title)} - {""})


def _is_section(theirs: list[str], ours: list[str], asked: set[str], given: set[str], title: str) -> bool:
    """Whether the canonical address ends in nothing that names one page, while ours does, or stands in an index alone."""
    if _INDEXES & set(theirs) - set(ours):
        return True
    last, own = (_named(theirs) or [""])[-1], (_named(ours) or [""])[-1]
    ids = set(re.findall(r"\d+", " ".join(given)))
    if given & asked or ids & set(re.findall(r"\d+", " ".join([own, *asked]))):
        return False  # chosen by a parameter that keeps what chose ours
    if last and _EXTENSION.sub("", last) == _EXTENSION.sub("", own):
        return False
    if not ours or not _TELLS_ONE.search(ours[-1]):  # "/de/page": what is said of the other is all there is
        return not last
    told = _words(last)
    if len(told) == 2 and not _is_slug(last) and len(_words(own)) < _FEW_WORDS:  # a short title, where ours tells none
        return not told <= title_words(title)
    numbers, others = _NUMBER.findall(own), _NUMBER.findall(last)
    another = bool(numbers and others) and not set(numbers) & set(others) and len(told) < _FEW_WORDS
    return another or not _is_slug(last)


def _tells_another(theirs: list[str], ours: list[str], title: str) -> bool:
    """Whether the canonical address is made of the words of another title, while this page's tells its own."""
    words = title_words(title)
    told, own = _words(theirs[-1]), _words(ours[-1] if ours else "")
    if not words or len(told) < _FEW_WORDS:
        return False
    if told & own and (_numbers(theirs) & _numbers(ours)):
        return False  # the same identifier
    fits, ours_fit = len(told & words) / len(told), len(own & words) / len(own) if own else 0.0
    return fits < _ENOUGH and len(own) >= _FEW_WORDS and ours_fit >= 2 * _ENOUGH


def _is_slug(segment: str) -> bool:
    """Whether a part of an address names one page: the words of its title, or a number."""
    if len(_words(segment)) >= _FEW_WORDS or len(_EVERY_WORD.findall(segment)) > _FEW_WORDS:
        return True
    return _NUMBER.search(segment) is not None and not _YEAR.match(segment)


def _named(segments: list[str]) -> list[str]:
    """An address without what names a form or a part of its page."""
    kept = list(segments)
    while kept and (_FORMS.match(kept[-1]) or (kept[-1].isdigit() and kept[-2:-1] == ["page"])):
        kept.pop()
    return kept


def _segments(url: str) -> list[str]:
    return [unquote(segment).lower() for segment in urlsplit(url).path.split("/") if segment]


def _words(segment: str) -> frozenset[str]:
    return frozenset(_WORD.findall(segment)) - _COMMON


def _numbers(segments: list[str]) -> set[str]:
    return {number for segment in segments for number in _NUMBER.findall(segment)}
