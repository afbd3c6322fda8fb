"""The floor: trafilatura's extraction of a folder of pages on all cores, and nothing else. Prints one line of JSON."""

import json
import logging
import sys
import time
from multiprocessing import Pool
from pathlib import Path

import trafilatura

MOST = 1000  # pages: what one costs does not depend on how many there are


def extract(file: str) -> int:
    """The letters of one page's text: with the fall-backs and tables, without comments, as the monitor reads pages."""
    return len(trafilatura.extract(Path(file).read_bytes(), include_comments=False) or "")


def main() -> None:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    folder, processes = Path(sys.argv[1]), int(sys.argv[2])
    files = [str(file) for file in sorted(folder.glob("*.html"))][:MOST]
    with Pool(processes) as pool:
        pool.map(extract, files[: 2 * processes])  # its lists and patterns are made at first use
        begin = time.monotonic()
        letters = pool.map(extract, files, chunksize=4)
        seconds = time.monotonic() - begin
    print(json.dumps({"seconds": seconds, "pages": len(files), "empty": letters.count(0)}))


if __name__ == "__main__":
    main()
