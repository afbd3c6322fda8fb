"""What the classifier learns from: the seeds, all written by us or labelled by us, and people's reviews."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.given_files import read_given
from models.seeds import DataFileError, File, framework_folder, read_toml, shown_name, tables
from models.tagging.decisions import Document
from models.text import clean_text, split_sentences
from models.themes import theme_ids, unknown_theme

# A person's verdict on a real article says more about real articles than a sentence of ours does.
REVIEW_WEIGHT = 3.0
# Filler stands inside in-scope articles: it carries no theme, and says nothing about scope.
FILLER_KIND = "in-scope-filler"

# Of each kind of passage: what is learned is tried on folds of this number.
LEAST_PASSAGES = 5

# What is learned is tried on texts cut to so many sentences as well: the title, title and first sentence, the opening.
_CUTS = (1, 2, 4)

_SEED_FILES = ("themes.toml", "background.toml", "passages.toml")
_SEED_FOLDERS = ("articles", "retold")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and what it shows."""

    text: str
    themes: tuple[str, ...]
    in_scope: bool | None  # None: stands in both kinds of article
    group: str  # sentences of one source text share it, and are never split between training and test


@dataclass(frozen=True, slots=True)
class Passage:
    """A whole short article and what it is about."""

    document: Document
    in_scope: bool | None  # None: not judged
    themes: tuple[str, ...]
    group: str
    kind: str = ""
    weight: float = 1.0
    judged: tuple[str, ...] = field(default_factory=theme_ids)  # the themes on which somebody decided


@dataclass(frozen=True, slots=True)
class ReviewedArticle:
    """An article with people's verdicts on its scope and themes; what is not judged is left out."""

    document: Document
    in_scope: bool | None
    themes: Mapping[str, bool]
    key: str  # names the article for ever, whatever becomes of its text


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Everything that a classifier is trained on."""

    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]

    @property
    def sha256(self) -> str:
        """The same for the same data in the same order."""
        digest = hashlib.sha256()
        for one in self.sentences:
            row = [one.text, one.themes, one.in_scope, one.group]
            digest.update(json.dumps(row).encode())
        for item in self.passages:
            row = [
                item.document.title,
                item.document.text,
                item.document.summary,
                item.in_scope,
                item.themes,
                item.group,
            ]
            digest.update(json.dumps([*row, item.weight, item.judged]).encode())
        return digest.hexdigest()


def load_training_data(reviews: Sequence[ReviewedArticle] = (), folder: File | None = None) -> TrainingData:
    """The seeds (of `folder`, or of the framework in use) and `reviews` as training data.

    `background.toml` and the folders `articles` and `retold` may be missing from a framework. What a person said of a theme
    that is not in use counts for nothing.

    Raises:
        DataFileError: an unknown theme, a repeated or an empty text; names file and line.
    """
    seeds = folder or framework_folder()
    sentences: list[Sentence] = []
    passages: list[Passage] = []
    for file in _toml_files(seeds.joinpath("articles")):
        lines, article = _seed_article(file)
        sentences.extend(lines)
        passages.append(article)
    sentences.extend(_theme_sentences(seeds.joinpath("themes.toml")))
    background = seeds.joinpath("background.toml")
    sentences.extend(_background(background) if background.is_file() else ())
    passages.extend(_passages(seeds.joinpath("passages.toml")))
    for file in _toml_files(seeds.joinpath("retold")):
        passages.extend(_passages(file))
    _check_enough(passages, shown_name(seeds.joinpath("passages.toml")))
    passages.extend(_reviewed(reviews))
    return TrainingData(tuple(sentences), tuple(passages))


def hash_seeds() -> str:
    """The SHA-256 of the files of the framework in use, in hexadecimal: far cheaper than to read them.

    Raises:
        DataFileError: one of them can't be read.
    """
    seeds = framework_folder()
    folders = (seeds.joinpath(name) for name in _SEED_FOLDERS)
    files = [
        *(file for folder in folders for file in _toml_files(folder)),
        *(seeds.joinpath(name) for name in _SEED_FILES),
    ]
    digest = hashlib.sha256()
    for file in sorted((file for file in files if file.is_file()), key=lambda one: one.name):
        try:
            digest.update(read_given(file).replace(b"\r\n", b"\n"))
        except OSError as error:
            raise DataFileError(f"{file}: {error.strerror}") from error
    return digest.hexdigest()


def _toml_files(folder: File) -> list[File]:
    """The TOML files of a folder by name; none where there is no such folder."""
    found = [file for file in folder.iterdir() if file.name.endswith(".toml")] if folder.is_dir() else []
    return sorted(found, key=lambda file: file.name)


def _check_enough(passages: Sequence[Passage], file: str) -> None:
    """Refuses what can't be learned from: each fold must hold both answers, on scope and on themes."""
    inside = [one for one in passages if one.in_scope]
    fewest = max(LEAST_PASSAGES, len(inside) // LEAST_PASSAGES + 1)  # so many can't all fall into one fold
    for what, needed, count in (
        ("passages with `in_scope = false`", LEAST_PASSAGES, len(passages) - len(inside)),
        ("passages with `in_scope = true`", LEAST_PASSAGES, len(inside)),
        ("passages in scope that carry a theme", fewest, sum(bool(one.themes) for one in inside)),
        ("passages in scope that lack a theme", fewest, sum(len(one.themes) < len(theme_ids()) for one in inside)),
    ):
        if count < needed:
            raise DataFileError(f"{file}: needs at least {needed} {what}, to learn from; has {count}")


class _Seed:
    """A seed file that can say where something stands in it."""

    def __init__(self, file: File) -> None:
        self.name = shown_name(file)
        self.data = read_toml(file)
        self.source = file.read_text(encoding="utf-8")
        self._seen: set[str] = set()

    def place(self, needle: str, *, last: bool = False) -> str:
        """`file:line` of the first (or last) line that holds `needle`."""
        numbers = [number for number, line in enumerate(self.source.splitlines(), start=1) if needle in line]
        return f"{self.name}:{numbers[-1 if last else 0]}" if numbers else self.name

    def text(self, value: object, near: str, *, once: bool = True) -> str:
        """A text that is there and, with `once`, was not there before."""
        if not isinstance(value, str) or not value.strip():
            place = self.place('""') if value == "" else self.place(near)
            raise DataFileError(f"{place}: a text is empty ({near})")
        if once and value in self._seen:
            start = value.split("\n")[0][:60]
            raise DataFileError(f"{self.place(start, last=True)}: is listed twice: {start!r}")
        self._seen.add(value)
        return value

    def rows(self, key: str) -> list[dict[str, Any]]:
        """The tables [[key]]."""
        return tables(self.data, key, self.name)

    def themes(self, values: object, near: str) -> tuple[str, ...]:
        """Known themes, each once."""
        if not isinstance(values, list | tuple):
            raise DataFileError(f"{self.place(near)}: themes must be a list ({near})")
        for theme in values:
            if theme not in theme_ids():
                place = self.place(f'"{theme}"')
                raise DataFileError(f"{place}: {unknown_theme(theme)} ({near})")
        return tuple(dict.fromkeys(values))


def _seed_article(file: File) -> tuple[list[Sentence], Passage]:
    seed = _Seed(file)
    data = seed.data
    group = f"article:{file.name}"
    rows = seed.rows("sentence")
    lines = [
        Sentence(
            text=seed.text(row.get("text"), "[[sentence]]"),
            themes=seed.themes(row.get("themes", ()), "[[sentence]]"),
            in_scope=True if row.get("themes") else None,
            group=group,
        )
        for row in rows
    ]
    themes = seed.themes([theme for line in lines for theme in line.themes], file.name)
    document = Document(title=seed.text(data.get("title"), "title"), text="\n".join(line.text for line in lines))
    return lines, Passage(document, bool(data.get("in_scope", True)), themes, group, kind="seed article")


def _theme_sentences(file: File) -> Iterator[Sentence]:
    seed = _Seed(file)
    for row in seed.rows("theme"):
        theme = str(row.get("id", ""))
        seed.themes([theme], "id")
        yield Sentence(seed.text(row.get("definition"), f'"{theme}"'), (theme,), True, f"definition:{theme}")
        for number, example in enumerate(row.get("examples", [])):
            table = example if isinstance(example, dict) else {"text": example}
            text = seed.text(table.get("text"), f'id = "{theme}"')
            themes = seed.themes([theme, *table.get("also", ())], text[:60])
            yield Sentence(text, themes, True, f"theme:{theme}:{number}")


def _background(file: File) -> Iterator[Sentence]:
    seed = _Seed(file)
    for row in seed.rows("background"):
        kind = str(row.get("kind", ""))
        sentences = row.get("sentences")
        if not isinstance(sentences, list):
            raise DataFileError(f"{seed.place(kind)}: the background {kind!r} needs `sentences`, a list of texts")
        for number, value in enumerate(sentences):
            text = seed.text(value, f'kind = "{kind}"')
            yield Sentence(text, (), None if kind == FILLER_KIND else False, f"background:{kind}:{number}")


def _passages(file: File) -> Iterator[Passage]:
    seed = _Seed(file)
    for number, row in enumerate(seed.rows("passage"), start=1):
        title = str(row.get("title", ""))
        near = title or f"passage {number}"
        text = seed.text(row.get("text"), near)
        if not isinstance(row.get("in_scope"), bool):
            raise DataFileError(f"{seed.place(near)}: {near!r} needs `in_scope = true` or `false`")
        themes = seed.themes(row.get("themes", ()), near)
        if themes and not row["in_scope"]:
            raise DataFileError(f"{seed.place(near)}: {near!r} is out of scope, so it carries no theme")
        document = Document(title=title, text=text, summary=str(row.get("summary", "")))
        group = f"{file.name.removesuffix('.toml')}:{number}"
        yield Passage(document, row["in_scope"], themes, group, kind=str(row.get("kind", "")))


def _reviewed(reviews: Sequence[ReviewedArticle]) -> Iterator[Passage]:
    for review in reviews:
        outside = review.in_scope is False
        yield Passage(
            document=review.document,
            in_scope=review.in_scope,
            themes=() if outside else tuple(theme for theme in theme_ids() if review.themes.get(theme)),
            group=f"review:{review.key}",
            kind="review",
            weight=REVIEW_WEIGHT,
            judged=() if outside else tuple(theme for theme in theme_ids() if theme in review.themes),
        )


def shortened(document: Document) -> list[list[str]]:
    """The sentences of a document as it would be had less of it reached us; all of them last."""
    whole = sentences_of(document)
    cuts = [whole[:count] for count in _CUTS if count < len(whole)]
    if document.text and document.summary:
        cuts.append(sentences_of(Document(document.title, "", document.summary)))
    return [*cuts, whole]


def sentences_of(document: Document) -> list[str]:
    """Title first (where there is one), then the sentences of the body."""
    title = clean_text(document.title).replace("\n", " ")
    return [title, *split_sentences(clean_text(document.body))] if title else split_sentences(clean_text(document.body))
