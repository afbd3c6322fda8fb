"""The benchmark's site, a process of its own: N articles of the demo's outlets, one in ten of them in scope.

`python -m tests.benchmarks.site --articles N --registry FILE --pages DIR [--bare] [--from-pages DIR]`. Pages are rendered
once at the start, so that serving costs as little as it can, and written to `--pages` for the floor and the peers.
"""

import argparse
import json
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from deployments.demo_articles import Article
from deployments.demo_site import DemoSite
from tests.benchmarks.furniture import furnish

IN_SCOPE_SHARE = 0.1
JOINED = 2.5  # of the demo's articles make one: 450 or 680 words, as news has (510 by the median, 580 on average)
_KINDS = ("news", "feature", "comment")


def choose(site: DemoSite, count: int) -> list[Article]:
    """So many articles of a usual length, one in ten in scope, over the whole ten weeks."""
    usable = [article for article in site.articles if article.kind in _KINDS]
    wanted = round(count * IN_SCOPE_SHARE)
    chosen = _joined([article for article in usable if article.in_scope], wanted)
    chosen += _joined([article for article in usable if not article.in_scope], count - wanted)
    return sorted(chosen, key=lambda article: article.published, reverse=True)


def _joined(articles: list[Article], count: int) -> list[Article]:
    """`count` articles spread over all, each lengthened by the paragraphs of others that are not served themselves."""
    if count * JOINED > len(articles):
        raise SystemExit(f"the demo gives {len(articles)} such articles with these copies, {count * JOINED} are needed")
    step = len(articles) / max(count, 1)
    kept = [int(place * step) for place in range(count)]
    spare = iter(sorted(set(range(len(articles))) - set(kept), key=lambda place: place * 7919 % len(articles)))
    joined = []
    for number, place in enumerate(kept):
        more = [articles[next(spare)] for _ in range(1 + number % 2)]
        blocks = articles[place].blocks + tuple(block for other in more for block in other.blocks)
        joined.append(replace(articles[place], blocks=blocks))
    return joined


def copies_for(count: int) -> int:
    """How often the demo must be multiplied: some 20 of its articles are out of scope."""
    return int(count * JOINED / 17) + 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--articles", type=int, required=True)
    parser.add_argument("--registry", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--from-pages", type=Path)
    options = parser.parse_args()
    now = datetime.now(UTC)
    if options.from_pages:
        serve_files(now, options.from_pages, options.registry, options.pages)
        return
    site = DemoSite(now, copies_for(options.articles))
    site.articles = choose(site, options.articles)
    with site:
        options.registry.write_text(site.sources_toml(), encoding="utf-8")
        urls = {}
        for number, article in enumerate(site.articles):
            outlet = site.sites[article.outlet]
            status, kind, page, modified = outlet.body_of(article.path)
            page = page if options.bare else furnish(page, number)
            urls[site.url_of(article.id)] = f"{number}.html"
            (options.pages / f"{number}.html").write_text(page, encoding="utf-8")
            _remember(site, article.outlet, article.path, (status, kind, page, modified))
        (options.pages / "urls.json").write_text(json.dumps(urls))
        _wait(len(site.articles))


def serve_files(now: datetime, folder: Path, registry: Path, pages: Path) -> None:
    """Real pages as one outlet's articles."""
    files = html_files(folder)
    site = DemoSite(now, ports="one")
    outlet = site.outlets[0].id
    with site:
        base = site.sites[outlet].base
        items, urls = [], {}
        for number, file in enumerate(files):
            path = f"/real/{number}.html"
            body = file.read_bytes().decode("utf-8", "replace")
            (pages / f"{number}.html").write_text(body, encoding="utf-8")
            urls[base + path] = f"{number}.html"
            _remember(site, outlet, path, (200, "text/html; charset=utf-8", body, now))
            items.append(
                f"<item><title>Real page {number} of the benchmark's folder</title><link>{base}{path}</link>"
                f"<pubDate>{format_datetime(now)}</pubDate></item>"
            )
        feed = f'<rss version="2.0"><channel><title>Real</title>{"".join(items)}</channel></rss>'
        _remember(site, outlet, "/real/feed.xml", (200, "application/rss+xml", feed, now))
        registry.write_text(f'[[source]]\nid = "real"\nurl = "{base}/real/feed.xml"\n', encoding="utf-8")
        (pages / "urls.json").write_text(json.dumps(urls))
        _wait(len(files))


def html_files(folder: Path) -> list[Path]:
    """The pages of a folder and those below, in order."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in {".html", ".htm"} and file.is_file())


def _remember(site: DemoSite, outlet: str, path: str, answer: tuple[int, str, str, datetime]) -> None:
    made = site.sites[outlet]
    if not hasattr(made, "kept"):
        made.kept = {}  # type: ignore[attr-defined]
        render = made.body_of
        made.body_of = lambda path: made.kept.get(path) or render(path)  # type: ignore[method-assign,attr-defined]
        for server in site._servers:
            if server.answer == render:
                server.answer = made.body_of
    made.kept[path] = answer  # type: ignore[attr-defined]


def _wait(count: int) -> None:
    sys.stdout.write(f"{count} articles\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
