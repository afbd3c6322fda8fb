"""The outlets and articles of the demo site, read from seeds/demo.

Dates are offsets from the run's own `now`, so that the ten weeks never grow stale.
"""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
DEMO = SEEDS / "demo"
LONDON = ZoneInfo("Europe/London")
OLDEST_DAYS = 69.0  # ten weeks, less a day: the oldest article still falls within the tenth week
OWN_SENTENCES = 0.25  # how much of its original a multiplied article keeps: too little to be folded with it
LEAST_SENTENCES = 14  # of a multiplied article: some 200 words
MULTIPLIED = ("news", "feature", "comment")

Row = dict[str, Any]


@dataclass(frozen=True)
class Outlet:
    id: str
    name: str
    tagline: str
    sector: str
    nation: str
    rights: str
    feed: str  # rss | atom | json | news-sitemap
    feed_path: str
    article_path: str
    template: str


@dataclass(frozen=True)
class Block:
    tag: str  # p | h2 | ul | blockquote
    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Article:
    id: str
    outlet: str
    title: str
    author: str
    published: datetime  # Europe/London
    kind: str  # news | feature | comment | teaser | gone | disallowed | welsh
    blocks: tuple[Block, ...]
    path: str
    in_scope: bool
    themes: tuple[str, ...]
    copy_of: str = ""

    @property
    def language(self) -> str:
        return "cy" if self.kind == "welsh" else "en"

    @property
    def summary(self) -> str:
        return next((b.text for b in self.blocks if b.text), "")

    @property
    def text(self) -> str:
        return "\n".join(line for b in self.blocks for line in (b.items or (b.text,)))


def load_outlets() -> list[Outlet]:
    rows = tomllib.loads((DEMO / "outlets.toml").read_text(encoding="utf-8"))["outlet"]
    return [Outlet(**row) for row in rows]


def load_articles(outlets: Sequence[Outlet], now: datetime, copies: int = 1) -> list[Article]:
    """Every article, newest first; with `copies` above one, each also as that many variants less one."""
    by_id = {o.id: o for o in outlets}
    rows: dict[str, tuple[Row, tuple[Block, ...]]] = {}
    for path in sorted((DEMO / "articles").glob("*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("+++\n", 2)
        rows[path.stem] = tomllib.loads(front), _blocks(body)
    for row, _ in rows.values():
        if "copy_of" in row:
            source = rows[row["copy_of"]][0]
            row.update(in_scope=source["in_scope"], themes=source["themes"])
    usable = [(row, blocks) for row, blocks in rows.values() if row["kind"] in MULTIPLIED]
    vary = _Variations([(row["in_scope"], b.text) for row, blocks in usable for b in blocks if b.text])
    articles = []
    for copy in range(copies):
        for id_, (row, own_blocks) in rows.items():
            if copy and (row["kind"] not in MULTIPLIED or "seed" in row):
                continue
            title, blocks = row.get("title", ""), own_blocks
            if "seed" in row:
                title, blocks = _seed_article(row["seed"])
            origin = row.get("copy_of", id_)
            if "copy_of" in row:
                blocks = rows[origin][1]
            days = float(row["days_ago"])
            if copy:  # the copies of a wire story vary as one, and are still copies of each other
                blocks = vary.blocks(blocks, row["in_scope"], f"{origin}/{copy}")
                title = vary.title(row["in_scope"], f"{id_}/{copy}")
                days += random.Random(f"{origin}/{copy}/day").uniform(-3, 3)  # noqa: S311
                days = min(max(days, 0.3), OLDEST_DAYS)
            if "copy_of" in row:
                blocks = _edited(blocks, row["drop"], row["replace"])
            copy_of = origin if "copy_of" in row else ""
            number = zlib.crc32(f"{id_}/{copy}".encode()) % 9_000_000 + 1_000_000
            published = (now - timedelta(days=days)).astimezone(LONDON).replace(second=0, microsecond=0)
            slug = _slug(title) + (f"-{copy}" if copy else "")
            pattern = row.get("path", by_id[row["outlet"]].article_path)
            articles.append(
                Article(
                    id=f"{id_}-c{copy}" if copy else id_,
                    outlet=row["outlet"],
                    title=title,
                    author=row.get("author", ""),
                    published=published,
                    kind=row["kind"],
                    blocks=blocks,
                    path=pattern.format(slug=slug, number=number),
                    in_scope=row["in_scope"],
                    themes=tuple(row["themes"]),
                    copy_of=f"{copy_of}-c{copy}" if copy and copy_of else copy_of,
                )
            )
    return sorted(articles, key=lambda a: a.published, reverse=True)


def _blocks(body: str) -> tuple[Block, ...]:
    blocks = []
    for part in (p.strip() for p in body.strip().split("\n\n") if p.strip()):
        if part.startswith("- "):
            blocks.append(Block("ul", items=tuple(line.removeprefix("- ") for line in part.splitlines())))
        elif part.startswith("## "):
            blocks.append(Block("h2", part.removeprefix("## ")))
        elif part.startswith("> "):
            blocks.append(Block("blockquote", part.removeprefix("> ")))
        else:
            blocks.append(Block("p", part))
    return tuple(blocks)


def _seed_article(name: str) -> tuple[str, tuple[Block, ...]]:
    """One of the two seed articles: its title, and its sentences joined into paragraphs."""
    seed = tomllib.loads((SEEDS / "articles" / f"{name}.toml").read_text(encoding="utf-8"))
    paragraphs: dict[int, list[str]] = {}
    for sentence in seed["sentence"]:
        paragraphs.setdefault(sentence["paragraph"], []).append(sentence["text"])
    return seed["title"], tuple(Block("p", " ".join(paragraphs[n])) for n in sorted(paragraphs))


def _edited(blocks: tuple[Block, ...], drop: list[int], swaps: list[list[str]]) -> tuple[Block, ...]:
    """What a sub-editor does to a wire story: cut paragraphs (counted from 1) and change some words."""
    kept = [b for n, b in enumerate(blocks, 1) if n not in drop]
    for old, new in swaps:
        kept = [replace(b, text=b.text.replace(old, new)) for b in kept]
    return tuple(kept)


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", re.sub(r"<[^>]*>", "", title)).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower().replace("'", ""))[:12])


class _Variations:
    """Makes further articles for benchmarks: sentences drawn from several, other names, towns and numbers.

    The sentences come from articles that are alike in scope, so that about as many are in scope as before.
    """

    PEOPLE = re.compile(r"\b(?:Dr|Mr|Ms|Mrs|Professor|Councillor|Coun|Dame|Sir) [A-Z][\w’-]+(?: [A-Z][\w’-]+)?")

    def __init__(self, texts: list[tuple[bool, str]]) -> None:
        names: dict[str, list[str]] = tomllib.loads((DEMO / "names.toml").read_text(encoding="utf-8"))
        self.first, self.last, self.places = names["first"], names["last"], names["places"]
        self.towns = re.compile(rf"\b(?:{'|'.join(names['towns'])})\b")
        self.pool: dict[bool, list[str]] = {True: [], False: []}
        for in_scope, text in texts:
            self.pool[in_scope] += _sentences(text)

    def blocks(self, blocks: tuple[Block, ...], in_scope: bool, seed: str) -> tuple[Block, ...]:
        rng = random.Random(seed)  # noqa: S311
        own = [s for b in blocks for s in (b.items or _sentences(b.text))]
        kept = rng.sample(own, round(len(own) * OWN_SENTENCES))
        made = kept + rng.sample(self.pool[in_scope], max(len(own), LEAST_SENTENCES) - len(kept))
        rng.shuffle(made)
        made = [self._renamed(s, rng) for s in dict.fromkeys(made)]
        return tuple(Block("p", " ".join(made[n : n + 2])) for n in range(0, len(made), 2))

    def title(self, in_scope: bool, seed: str) -> str:
        rng = random.Random(seed + "/title")  # noqa: S311
        parts = [self._renamed(s, rng).strip("“”‘’\"'.,").split() for s in rng.sample(self.pool[in_scope], 2)]
        return f"{rng.choice(self.places)}: {' '.join(parts[0][:8])} – {' '.join(parts[1][:5])}"

    def _renamed(self, sentence: str, rng: random.Random) -> str:
        sentence = self.PEOPLE.sub(lambda _: f"{rng.choice(self.first)} {rng.choice(self.last)}", sentence)
        sentence = self.towns.sub(lambda _: rng.choice(self.places), sentence)
        return re.sub(r"\b\d\d\b", lambda _: str(rng.randint(11, 98)), sentence)


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?”’\"])\s+(?=[A-Z“‘\"])", text)
