"""BERT's uncased word pieces, as the sentence encoders expect their text."""

import unicodedata
from collections.abc import Iterable

# Longer "words" are noise (URLs, encoded data): BERT maps them to the unknown token.
_LONGEST_WORD = 100


class WordPiece:
    """Text to token ids: accents and case dropped, words cut into the longest known pieces."""

    def __init__(self, vocabulary: Iterable[str], markers: tuple[str, str] = ("[CLS]", "[SEP]")) -> None:
        self._ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown = [self._ids["[UNK]"]]
        self._first = self._ids[markers[0]]
        self._last = self._ids[markers[1]]
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str, longest: int) -> list[int]:
        """At most `longest` token ids of `text`, the two markers included."""
        ids = [self._first]
        for word in _split(text):
            ids.extend(self._pieces(word))
            if len(ids) >= longest - 1:
                break
        return [*ids[: longest - 1], self._last]

    def _pieces(self, word: str) -> list[int]:
        known = self._known.get(word)
        if known is None:
            known = self._known[word] = self._cut(word)
        return known

    def _cut(self, word: str) -> list[int]:
        if len(word) > _LONGEST_WORD:
            return self._unknown
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    found.append(piece)
                    start = end
                    break
            else:
                return self._unknown
        return found


def _split(text: str) -> list[str]:
    """Words and punctuation marks of `text`, in lower case without accents."""
    plain = []
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category == "Mn" or char in "\0\ufffd":
            continue
        if char.isspace():
            plain.append(" ")
        elif category[0] == "C":
            continue
        elif _stands_alone(char, category):
            plain.append(f" {char} ")
        else:
            plain.append(char)
    return "".join(plain).split()


def _stands_alone(char: str, category: str) -> bool:
    """Punctuation (in ASCII, every symbol as well) and Chinese characters are tokens of their own."""
    if category[0] == "P" or (char.isascii() and not char.isalnum()):
        return True
    return "\u4e00" <= char <= "\u9fff" or "\u3400" <= char <= "\u4dbf" or "\uf900" <= char <= "\ufaff"
