"""The tagger alone, one line of JSON: `python -m tests.benchmarks.tagger --data DIR [--encoder minilm] [--stream FILE.jsonl[.gz]]`.

Every cost that has a limit stands beside it. FILE holds general news, a `{"title", "text"}` a line; without it the demo's articles
are the stream. DIR's tagger is trained first if need be, in a process of its own.

Peak memory is the resident set of a process that opens the tagger and tags the stream, or that trains and opens the tagger at
first use; both as the command does, with database and settings loaded. It counts the pages of the encoder's mapped file that were
touched, which processes share. The benchmark's own articles come later.
"""

import argparse
import gzip
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from models.settings import load_settings
from models.store.database import open_database
from models.tagging.decisions import Document, State

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
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as alone:
        alone.apply(prepare, (options.data, options.encoder))
        training, peak_trained = alone.apply(first_use, (options.data, options.encoder))
    now = datetime.now(UTC)
    load, tagger = cpu_seconds(lambda: opened(options.data, options.encoder))
    stream = read_stream(options.stream) if options.stream else demo_articles(now)
    tagger.tag(stream[:BATCH])
    begin = time.monotonic()
    every, taggings = cpu_seconds(lambda: in_batches(tagger.tag, stream))
    wall = time.monotonic() - begin
    peak = peak_mb()
    first, _ = cpu_seconds(lambda: in_batches(lambda some: [first_stage(tagger, some)], stream))
    scope, judged = cpu_seconds(lambda: in_batches(lambda some: [tagger.scope.score(sentences(some))], stream))
    passed = sum(int(passed.sum()) for _, passed in judged)
    documents = demo_articles(now)
    inside = [one for one, said in zip(documents, in_batches(tagger.tag, documents), strict=True) if is_yes(said)]
    full, _ = cpu_seconds(lambda: in_batches(tagger.tag, inside))
    encoder = tagger.themes.sentences["features"]["meaning"].encoder
    answer = {
        "encoder": options.encoder,
        "load_cpu_seconds": load,
        "articles": len(stream),
        "words_an_article": sum(len(document.text.split()) for document in stream) / len(stream),
        "in_scope": sum(map(is_yes, taggings)),
        "cpu_ms_an_article": 1000 * every / len(stream),
        "articles_a_second": len(stream) / wall,
        "scope decision, CPU ms an article": limited(1000 * first / len(stream), 3),
        "the same with the second stage": limited(1000 * scope / len(stream), 10),
        "full tagging, CPU ms an article in scope": limited(1000 * full / len(inside), FULL_MS[encoder is not None]),
        "articles past the first stage, %": limited(100 * passed / len(stream), 10),
        "training, CPU seconds": limited(training, 360),
        "peak memory, MB": limited(peak, 1000),
        "peak memory of training, MB": limited(peak_trained, 1000),
    }
    print(json.dumps(answer))


def opened(data: Path, encoder: str, **more: Any) -> Any:
    """The tagger, as a run of the monitor opens it."""
    from flows.tagging.open_tagger import open_tagger

    settings = load_settings(data=data, encoder=encoder, **more)
    with open_database(settings.database_address) as database:
        return open_tagger(database, settings, now=datetime.now(UTC))[0]


def prepare(data: Path, encoder: str) -> None:
    """Gets encoder and trained tagger where they are not there yet."""
    opened(data, encoder)


def first_use(data: Path, encoder: str) -> tuple[float, float]:
    """CPU seconds and peak memory of the first use in a new data folder, with the encoder that `data` has."""
    encoder_folder = load_settings(data=data).models_folder / encoder
    with tempfile.TemporaryDirectory() as new:
        seconds, _ = cpu_seconds(lambda: opened(Path(new), encoder, encoder_folder=str(encoder_folder)))
    return seconds, peak_mb()


def demo_articles(now: datetime) -> list[Document]:
    """Articles of the demo, joined to the length of news, one in ten in scope."""
    from deployments.demo_site import DemoSite
    from tests.benchmarks.site import choose, copies_for

    site = DemoSite(now, copies_for(ARTICLES))
    return [Document(title=one.title, text=one.text, summary=one.summary) for one in choose(site, ARTICLES)]


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
    """The scores of scope that need no encoder."""
    texts = sentences(documents)
    return [tagger.scope.classifiers[name].decision_function(texts) for name in ("signals", "words")]


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
