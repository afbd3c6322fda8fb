"""The tagger alone: `python -m tests.benchmarks.tagger --data DIR --encoder tfidf`. Prints one line of JSON."""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from deployments.demo_site import DemoSite
from models.settings import load_settings
from models.store.database import open_database
from models.tagging.decisions import Document, State
from tests.benchmarks.site import choose, copies_for

ARTICLES = 640


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="tfidf")
    options = parser.parse_args()
    from flows.jobs import open_tagger

    settings = load_settings(data=options.data, encoder=options.encoder)
    now = datetime.now(UTC)
    with open_database(settings.database_address) as database:
        begin = time.process_time()
        tagger, _ = open_tagger(database, settings, now=now)
        load = time.process_time() - begin
    site = DemoSite(now, copies_for(ARTICLES))
    documents = [Document(title=a.title, text=a.text, summary=a.summary) for a in choose(site, ARTICLES)]
    tagger.tag(documents[:64])
    wall, cpu = time.monotonic(), time.process_time()
    taggings = [tagging for at in range(0, ARTICLES, 64) for tagging in tagger.tag(documents[at : at + 64])]
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    answer = {
        "encoder": options.encoder,
        "load_cpu_seconds": load,
        "articles": ARTICLES,
        "words_an_article": sum(len(document.text.split()) for document in documents) / ARTICLES,
        "in_scope": sum(tagging.scope_state is State.YES for tagging in taggings),
        "cpu_ms_an_article": 1000 * cpu / ARTICLES,
        "articles_a_second": ARTICLES / wall,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
