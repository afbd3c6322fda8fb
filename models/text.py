"""Plain text: cleaning, sentences, words, language. Nothing here knows about health or themes."""

import html
import re
import unicodedata

# A page of a million characters is a dump, not an article; nobody reads (or tags) past this.
MAX_CHARACTERS = 60_000
# A "sentence" longer than this has lost its full stops; it is cut at a space so that it can be quoted.
MAX_SENTENCE = 600

_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,300}>")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")
# Marks on one letter beyond the 30 that Unicode's Stream-Safe Text Format allows: sorting a run of n costs n² steps. What
# is neither a letter nor ASCII, since `re` knows no marks; thirty dashes in a row are no loss either.
_MARKS = re.compile(r"([^\w\s!-~]{30})[^\w\s!-~]+")
_WORD = re.compile(r"[^\W_]+(?:[’'&.\-][^\W_]+)*")
# Possessive, and begun at the first full stop of a run alone: 50,000 of them cost one look each.
_END = re.compile(r"(?<![.!?…])[.!?…]++[”’\"')\]]*+\s++(?=[“‘\"'(\[]*+[A-Z0-9£$€])")
# A full stop after one of these does not end a sentence.
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sir",
        "rev",
        "hon",
        "lt",
        "col",
        "gen",
        "maj",
        "capt",
        "sgt",
        "st",
        "jr",
        "sr",
        "no",
        "nos",
        "vs",
        "etc",
        "inc",
        "ltd",
        "plc",
        "co",
        "dept",
        "approx",
        "e.g",
        "i.e",
        "cf",
        "fig",
        "vol",
        "p",
        "pp",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
    ]
)
# The most common English words that are rare in other languages of the Latin script.
_ENGLISH = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "that",
        "was",
        "for",
        "with",
        "as",
        "be",
        "by",
        "this",
        "are",
        "from",
        "or",
        "have",
        "had",
        "not",
        "which",
        "were",
        "but",
        "their",
        "has",
        "been",
        "would",
        "they",
        "said",
        "will",
        "who",
        "its",
        "it",
        "is",
        "he",
        "she",
        "we",
        "you",
    ]
)
# Running English has about 30% of these words; Welsh, French or German news has under 5%.
_ENGLISH_SHARE = 0.10
_WORDS_TO_JUDGE_LANGUAGE = 20


def clean_text(text: str) -> str:
    """`text` as one reads it: no control characters, markup or entities; at most `MAX_CHARACTERS` of it.

    Line breaks stay (one for each run of them); all other white space becomes single spaces.
    """
    text = text[: 2 * MAX_CHARACTERS]
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = _MARKS.sub(r"\1", text.replace("\u2028", "\n").replace("\u2029", "\n"))
    text = unicodedata.normalize("NFC", text.replace("\r", "\n"))
    # An article has a hundred different letters and thousands of them.
    unwanted = [c for c in set(text) if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs", "Cf", "Co")]
    if unwanted:
        text = text.translate(dict.fromkeys(map(ord, unwanted)))
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()[:MAX_CHARACTERS]


def split_sentences(text: str) -> list[str]:
    """The sentences of clean text, word for word and in order; a line break always ends one."""
    found: list[str] = []
    for line in text.split("\n"):
        start = 0
        for end in _END.finditer(line):
            if _is_abbreviation(line, end.start()):
                continue
            found.extend(_pieces(line[start : end.end()].strip()))
            start = end.end()
        found.extend(_pieces(line[start:].strip()))
    return found


def split_words(text: str) -> list[str]:
    """The words of `text` in lower case; "whistle-blower", "people’s" and "R&D" are one word each."""
    low = text.lower()
    if len(low) == len(text):  # else a letter becomes two, the second of which may end a word
        return split_words_as_written(low)
    return [word.lower() for word in split_words_as_written(text)]


def split_words_as_written(text: str) -> list[str]:
    """The words of `text` with their capitals, apostrophes made straight."""
    return _WORD.findall(text.replace("’", "'"))


def looks_english(text: str) -> bool:
    """Whether `text` is English; true as well where there is too little to judge by."""
    words = split_words(text[:4000])
    if len(words) < _WORDS_TO_JUDGE_LANGUAGE:
        return sum(c.isascii() or not c.isalpha() for c in text) >= 0.8 * len(text)
    return sum(word in _ENGLISH for word in words) / len(words) >= _ENGLISH_SHARE


def _is_abbreviation(line: str, stop: int) -> bool:
    """Whether the full stop at `stop` belongs to a title, an initial or another abbreviation."""
    if line[stop] != ".":
        return False
    word = line[max(0, stop - 12) : stop].rsplit(" ", 1)[-1].lstrip("“‘\"'(")
    return word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "I")


def _pieces(sentence: str) -> list[str]:
    """The sentence, cut at spaces where it is longer than `MAX_SENTENCE`."""
    found = []
    while len(sentence) > MAX_SENTENCE:
        cut = sentence.rfind(" ", MAX_SENTENCE // 2, MAX_SENTENCE)
        cut = cut if cut > 0 else MAX_SENTENCE
        found.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [*found, sentence] if sentence else found
