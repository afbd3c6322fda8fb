"""What all readers share: the paragraphs of an HTML fragment, the language of a text, what parsers that are not ours raise.

Whole pages are read by `flows.reading.page`. A language is told by a text's most common words: small, quick, and sure enough
for news. Only what the monitor meets is told apart: English, Welsh, Gaelic, Irish, and the languages whose news a link might
lead to. A text that fits none is left to what the page declares.
"""

import re
from collections import Counter

import lxml.html
from lxml import etree

_BLOCK_NAMES = (
    "p div section article header footer main aside li ul ol dl dt dd h1 h2 h3 h4 h5 h6 blockquote table tr td th "
    "pre figure figcaption br hr form fieldset address details summary"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object", "head"})
# Deeper than this, no honest fragment goes; lxml itself stops at 256 in its default mode.
_MAX_ELEMENTS = 100_000

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_MAX_LETTERS = 8000
_MIN_WORDS = 12
_MIN_SHARE = 0.08  # of the text's words; running text has 20 to 45% of its own language's
_PROFILES = {
    "en": "the of and to in that was for is on with as be it by are this from at have has not which were but their "
    "been who will would they said he she we you his her its or an more than there when about out after had",
    "cy": "y yr yn ac a'r i'r o'r ar gan gyda wedi oedd mae bod ei eu hefyd am at fod sydd nad nid na dros rhwng fel "
    "hyn hwn hon i'w cael bydd roedd ond mwy pobl er mewn un dywedodd eisoes drwy wrth iawn",
    "gd": "agus air anns tha bha chan gu nach aig leis dha bho seo sin iad airson tron cha gun mar ach eile sa",
    "ga": "agus ar an na go ag bhí tá sé leis ach níl seo sin iad chun faoi gur mar féin bheith ina ón don",
    "fr": "le la les de des du et en un une est que qui dans pour sur pas au aux avec ce cette plus par il elle sont "
    "ont été mais nous vous leur ses son",
    "de": "der die das und in den von zu mit ist im für auf nicht ein eine sich auch es an dem als wird werden nach "
    "bei aus dass sie hat sind wurde noch",
    "es": "el la los las de del que y en un una por con para es se su al como más pero sus ha este esta son fue han "
    "sobre también entre",
    "it": "il la di che e in un una per con del della dei è non si sono da alla gli le più anche ha nel come questo "
    "dal delle ma",
    "pt": "o a os as de do da que e em um uma para com não por mais dos das ao se na no foi são como seu sua também",
    "nl": "de het een en van in op te dat is voor met niet zijn aan er ook als maar bij door om naar uit werd heeft",
    "pl": "i w na z do że się nie to jest o jak za przez po od dla oraz są ale być tym ich był",
    "ro": "și de la în a cu pe nu este care din pentru că o mai au fost sau un prin după ca se",
}
_STOP_WORDS = {code: frozenset(words.split()) for code, words in _PROFILES.items()}
_ALL_STOP_WORDS = frozenset[str]().union(*_STOP_WORDS.values())

# Raised over input that is broken in a way that a parser's makers did not foresee. Fuzzing brought up most of these; at the
# calls of feedparser, trafilatura and htmldate they mean "can't be read", and nothing of ours runs inside those calls.
PARSER_FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,  # RecursionError among them
    StopIteration,
    TypeError,
    ValueError,  # UnicodeError among them
    etree.LxmlError,
)


def paragraphs_of(markup: str) -> list[str]:
    """The paragraphs of an HTML fragment, in order, without markup; [] where there is no text."""
    if "<" not in markup:
        return [line for part in markup.split("\n") if (line := " ".join(part.split()))]
    try:
        root = lxml.html.fromstring(f"<div>{markup}</div>")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return []
    pieces: list[str] = []
    skipped: list[object] = []
    for number, (event, element) in enumerate(etree.iterwalk(root, events=("start", "end"))):
        if number > _MAX_ELEMENTS:
            break
        name = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if not name or name in _SKIPPED:
                skipped.append(element)
            if name in _BLOCKS:
                pieces.append("\n")
            if element.text and not skipped:
                pieces.append(element.text.replace("\n", " "))
        else:
            if skipped and skipped[-1] is element:
                skipped.pop()
            if name in _BLOCKS:
                pieces.append("\n")
            if element.tail and not skipped:
                pieces.append(element.tail.replace("\n", " "))
    return [line for part in "".join(pieces).split("\n") if (line := " ".join(part.split()))]


def tell_language(text: str, declared: str | None = None) -> str | None:
    """The ISO 639-1 code of the text's language; `declared` decides where the words do not."""
    counts = Counter(_WORD.findall(text[:_MAX_LETTERS].lower().replace("’", "'")))
    total = counts.total()
    fallback = language_code(declared)
    if total < _MIN_WORDS:
        return fallback
    met = counts.keys() & _ALL_STOP_WORDS  # first, since most stop words of most languages are not in the text
    shares = {code: sum(counts[word] for word in known & met) / total for code, known in _STOP_WORDS.items()}
    best = max(shares, key=lambda code: shares[code])
    if shares[best] >= _MIN_SHARE:
        return best
    return fallback if fallback != "en" else None


def language_code(value: object) -> str | None:
    """The two-letter code of a language tag such as "en-GB"; None where it is none."""
    if not isinstance(value, str):
        return None
    code = value.strip().lower().replace("_", "-").partition("-")[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None
