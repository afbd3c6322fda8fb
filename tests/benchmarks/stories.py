"""How well copies are told from different articles: `python -m tests.benchmarks.stories [--articles 10000]`.

Real articles come from `../shared/evaluation/unlabelled_news.jsonl.gz` where it is present, else from the demo's; they
are filled up to the number with invented ones that are strung together from their word triples. Of some, copies are
made as papers make them: trimmed at the end, at the start, within; paragraphs changed; words edited; all re-headlined.
A real article's outlet is what its set names as its source; each copy is another outlet's. Prints recall by kind of copy,
precision over all pairs that were folded and over those without an invented article (which shares runs of words with the
real ones that it is strung together from), and seconds. No text is printed or kept.
"""

import argparse
import gzip
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.copies import fingerprint
from models.stories import Report, StoryIndex
from models.text import split_sentences

NEWS = Path(__file__).parents[3] / "shared" / "evaluation" / "unlabelled_news.jsonl.gz"
START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One text, and the original that it is a copy of."""

    text: str
    original: int | None = None
    kind: str = ""
    outlet: str = ""  # of a real article
    invented: bool = False


def real_texts() -> dict[str, str]:
    """Different real articles of at least 100 words, without those that are copies of one another word for word; with outlets."""
    if NEWS.exists():
        with gzip.open(NEWS, "rt", encoding="utf-8") as lines:
            texts = {row["text"]: row["source"] for row in map(json.loads, lines)}
    else:
        folder = Path(__file__).parents[2] / "seeds" / "demo" / "articles"
        files = [file for file in sorted(folder.rglob("*.*")) if file.suffix in {".md", ".txt"}]
        texts = {file.read_text(encoding="utf-8"): file.name for file in files}
    return {text: outlet for text, outlet in texts.items() if len(text.split()) >= 100}


def invented_texts(real: list[str], number: int, chance: random.Random) -> list[str]:
    """Articles that never were, with the word pairs of real ones."""
    following: dict[tuple[str, str], list[str]] = defaultdict(list)
    for text in real[:800]:
        words = text.split()
        for first, second, third in zip(words, words[1:], words[2:], strict=False):
            following[first, second].append(third)
    starts = [pair for pair in following if pair[0][:1].isupper()]
    found = []
    for _ in range(number):
        words = list(chance.choice(starts))
        length = chance.randint(150, 900)
        while len(words) < length:
            choices = following.get((words[-2], words[-1]))
            words += [chance.choice(choices)] if choices else list(chance.choice(starts))
        found.append(" ".join(words))
    return found


def trimmed_at_the_end(sentences: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    return sentences[: max(1, round(len(sentences) * (1 - share)))]


def trimmed_at_the_start(sentences: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    return sentences[round(len(sentences) * share) :]


def trimmed_within(sentences: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    return [sentence for sentence in sentences if chance.random() > share] or sentences[:1]


def changed(sentences: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    return [chance.choice(others) if chance.random() < share else sentence for sentence in sentences]


def edited(sentences: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    """A fifth of `share` of the words are others: what a sub-editor does to each sentence."""
    return [
        " ".join(chance.choice(others).split()[0] if chance.random() < share / 5 else word for word in sentence.split())
        for sentence in sentences
    ]


def trimmed_and_changed(sentences: list[str], share: float, chance: random.Random, others: list[str]) -> list[str]:
    half = share / 2
    return changed(trimmed_at_the_end(sentences, half, chance, others), half, chance, others)


MAKERS: list[Callable[[list[str], float, random.Random, list[str]], list[str]]] = [
    trimmed_at_the_end, trimmed_at_the_start, trimmed_within, changed, edited, trimmed_and_changed,
]  # fmt: skip


def make_samples(articles: int, copies: int, chance: random.Random) -> list[Sample]:
    """`articles` originals followed by `copies` copies with 10 to 40% cut or changed."""
    outlets = real_texts()
    real = list(outlets)
    originals = real[:articles] + invented_texts(real, max(articles - len(real), 0), chance)
    others = [sentence for text in real[:300] for sentence in split_sentences(text) if sentence.split()]
    samples = [Sample(text, outlet=outlets.get(text, ""), invented=text not in outlets) for text in originals]
    for number in range(copies):
        original = chance.randrange(len(real[:articles]) if number % 2 else len(originals))
        maker = MAKERS[number % len(MAKERS)]
        sentences = split_sentences(originals[original])
        text = "\n".join(maker(sentences, chance.uniform(0.1, 0.4), chance, others))
        samples.append(Sample(text, original, maker.__name__.replace("_", " "), invented=samples[original].invented))
    return samples


def measure(samples: list[Sample]) -> dict[str, object]:
    """Fold all samples in order; what was found, missed and wrongly folded."""
    begin = time.process_time()
    index = StoryIndex(lambda numbers: {number: samples[number].text for number in numbers})
    made: dict[str, list[bool]] = defaultdict(list)
    right: list[tuple[int, int]] = []
    wrong: list[tuple[int, int]] = []
    for number, sample in enumerate(samples):
        sketch = fingerprint(sample.text)
        seen_at = START + timedelta(minutes=number % 10_000)
        title = f"Headline of number {number}"
        outlet = sample.outlet or f"outlet {number}"
        match = index.find(fingerprint=sketch, text=sample.text, title=title, outlet=outlet, seen_at=seen_at)
        story = match.story_id if match else number
        index.add(Report(number, story, outlet, title, seen_at, sketch))
        if sample.original is not None:
            made[sample.kind].append(match is not None and _root(samples, match.article_id) == sample.original)
        if match is not None:
            same = _root(samples, match.article_id) == _root(samples, number)
            (right if same else wrong).append((match.article_id, number))
    recalls = {kind: sum(found) / len(found) for kind, found in sorted(made.items())}
    everything = [found for kind in made.values() for found in kind]
    return {
        "articles": sum(sample.original is None for sample in samples),
        "copies": len(everything),
        "recall": round(sum(everything) / max(len(everything), 1), 4),
        "precision": _precision(right, wrong),
        "precision, real": _precision(_real(samples, right), _real(samples, wrong)),
        "wrong": len(wrong),
        "wrong, real": len(_real(samples, wrong)),
        "wrong_pairs": wrong,
        "seconds": round(time.process_time() - begin, 1),
        **{f"recall, {kind}": round(recall, 4) for kind, recall in recalls.items()},
    }


def _precision(right: list[tuple[int, int]], wrong: list[tuple[int, int]]) -> float:
    return round(len(right) / max(len(right) + len(wrong), 1), 4)


def _real(samples: list[Sample], pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [pair for pair in pairs if not any(samples[number].invented for number in pair)]


def _root(samples: list[Sample], number: int) -> int:
    original = samples[number].original
    return number if original is None else original


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--copies", type=int, default=2_700)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    samples = make_samples(given.articles, given.copies, random.Random(given.seed))
    for name, value in measure(samples).items():
        if name != "wrong_pairs":
            sys.stdout.write(f"{name:32} {value}\n")


if __name__ == "__main__":
    main()
