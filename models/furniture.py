"""Telling what a site puts on its pages from what it reports: one text under headlines that are not of one article. Pure.

A notice, a list of what is read most, or a page that a cache gives to everybody is no article, though it may be long and
share words with a headline. One page alone does not tell: its neighbours, or the pages of earlier runs, do.
"""

from models.page_identity import alike, title_words
from models.urls import bare_host, host_of

# Of a headline's words; news has most of them in its text, a notice of the site hardly any.
UNRELATED = 0.34
_MIN_TITLE_WORDS = 3  # of a headline that can be looked for


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
