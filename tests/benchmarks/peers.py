"""What a user would pick instead, at its own fetching and extraction of the same addresses, on all cores.

Run with the Python of an environment that has the peer: `python peers.py newspaper4k|news-please URLS.json COUNT PROCESSES`.
Knows nothing of the monitor. Prints one line of JSON.
"""

import json
import logging
import sys
import time
from multiprocessing import Pool
from pathlib import Path


def newspaper4k(url: str) -> int:
    """Fetch and extract one article with newspaper4k."""
    import newspaper  # type: ignore[import-not-found,unused-ignore]

    article = newspaper.Article(url, language="en")
    article.download()
    article.parse()
    return len(article.text)


def news_please(url: str) -> int:
    """Fetch and extract one article with news-please."""
    from newsplease import NewsPlease  # type: ignore[import-not-found,unused-ignore]

    article = NewsPlease.from_url(url)
    return len(article.maintext or "")


PEERS = {"newspaper4k": newspaper4k, "news-please": news_please}


def main() -> None:
    logging.disable(logging.CRITICAL)
    name, urls_file, count, processes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    urls = sorted(json.loads(urls_file.read_text()))[:count]
    with Pool(processes) as pool:
        pool.map(PEERS[name], urls[:processes])
        begin = time.monotonic()
        letters = pool.map(PEERS[name], urls, chunksize=1)
        seconds = time.monotonic() - begin
    print(json.dumps({"seconds": seconds, "pages": len(urls), "empty": letters.count(0)}))


if __name__ == "__main__":
    main()
