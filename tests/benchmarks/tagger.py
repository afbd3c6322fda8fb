"""The tagger alone, one line of JSON: `python -m tests.benchmarks.tagger --data DIR [--encoder minilm] [--stream FILE.jsonl[.gz]]`.

Every cost that has a limit stands beside it. FILE holds general news, a `{"title", "text"}` a line; without it the demo's articles
are the stream. DIR's tagger is trained first if need be; how long training takes is measured apart from it.
"""

import argparse
import gzip
import json
import resource
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from deployments.demo_site import DemoSite
from models.settings import load_settings
from models.store.database import open_database
from models.tagging.decisions import Document, State
from tests.benchmarks.site import choose, copies_for

T = TypeVar("T")

ARTICLES = 640
BATCH = 64  # as a run's
# The project's own limits, with an encoder and without.
FULL_MS = {False: 20, True: 500}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tagger", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="tfidf")
    parser.add_argument("--stream", type=Path, help="general news as JSON lines")
    options = parser.parse_args()
    from flows.tagging_run import open_tagger
    from models.tagging.encoders import Choice
    from models.tagging.training import load_training_data
    from models.tagging.versions import train_tagger

    settings = load_settings(data=options.data, encoder=options.encoder)
    now = datetime.now(UTC)
    with open_database(settings.database_address) as database:
        load, (tagger, _) = cpu_seconds(lambda: open_tagger(database, settings, now=now))
    site = DemoSite(now, copies_for(ARTICLES))
    documents = [Document(title=a.title, text=a.text, summary=a.summary) for a in choose(site, ARTICLES)]
    stream = read_stream(options.stream) if options.stream else documents
    tagger.tag(documents[:BATCH])
    begin = time.monotonic()
    every, taggings = cpu_seconds(lambda: in_batches(tagger.tag, stream))
    wall = time.monotonic() - begin
    first, _ = cpu_seconds(lambda: in_batches(lambda some: [first_stage(tagger, some)], stream))
    scope, judged = cpu_seconds(lambda: in_batches(lambda some: [tagger.scope.score(sentences(some))], stream))
    passed = sum(int(passed.sum()) for _, passed in judged)
    inside = [one for one, said in zip(documents, in_batches(tagger.tag, documents), strict=True) if is_yes(said)]
    full, _ = cpu_seconds(lambda: in_batches(tagger.tag, inside))
    peak = peak_mb()
    encoder = tagger.themes.sentences["features"]["meaning"].encoder
    training, _ = cpu_seconds(lambda: train_tagger(load_training_data(), Choice(encoder, ""), None, "measured"))
    answer = {
        "encoder": options.encoder,
        "load_cpu_seconds": load,
        "articles": len(stream),
        "words_an_article": sum(len(document.text.split()) for document in stream) / len(stream),
        "in_scope": sum(map(is_yes, taggings)),
        "cpu_ms_an_article": 1000 * every / len(stream),
        "articles_a_second": len(stream) / wall,
        "scope decision, CPU ms an article": limited(1000 * first / len(stream), 3),
        "the same with the second stage": limited(1000 * scope / len(stream), 3),
        "full tagging, CPU ms an article in scope": limited(1000 * full / len(inside), FULL_MS[encoder is not None]),
        "articles past the first stage, %": limited(100 * passed / len(stream), 10),
        "training, CPU seconds": limited(training, 120),
        "peak memory, MB": limited(peak, 400),
        "peak memory with training, MB": limited(peak_mb(), 400),
    }
    print(json.dumps(answer))


def cpu_seconds(work: Callable[[], T]) -> tuple[float, T]:
    """What `work` took of this process's CPU time, and its answer."""
    begin = time.process_time()
    answer = work()
    return time.process_time() - begin, answer


def in_batches(judge: Callable[[Sequence[Document]], list[T]], documents: Sequence[Document]) -> list[T]:
    """What `judge` says of all `documents`, a batch at a time."""
    return [said for at in range(0, len(documents), BATCH) for said in judge(documents[at : at + BATCH])]


def sentences(documents: Sequence[Document]) -> list[list[str]]:
    """The documents as the models read them."""
    from models.tagging.training import sentences_of

    return [sentences_of(document) for document in documents]


def first_stage(tagger: Any, documents: Sequence[Document]) -> Any:
    """The probabilities of scope that need no encoder."""
    texts = sentences(documents)
    opinions = [tagger.scope.judges[name].decision_function(texts) for name in ("signals", "words")]
    return tagger.scope.votes["cheap"].predict_proba(np.stack(opinions, axis=1))


def read_stream(file: Path) -> list[Document]:
    """The articles of a JSON-lines file, packed or not."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [Document(title=row["title"], text=row["text"]) for row in map(json.loads, data.splitlines())]


def is_yes(tagging: Any) -> bool:
    """Whether the article was put in scope."""
    return bool(tagging.scope_state is State.YES)


def limited(measured: float, limit: float) -> dict[str, float]:
    """A figure beside its limit."""
    return {"measured": measured, "at most": limit}


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
