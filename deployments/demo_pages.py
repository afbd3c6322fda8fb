"""The pages and feeds of the demo site, made from its articles and the templates in seeds/demo."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deployments.demo_articles import DEMO, Article, Outlet


class OutletSite:
    """Everything that one outlet serves: `body_of(path)` gives a status, a content type, a text and a date."""

    def __init__(self, outlet: Outlet, articles: Sequence[Article], base: str) -> None:
        self.outlet, self.base = outlet, base
        self.articles = [a for a in articles if a.outlet == outlet.id]
        self.newest = self.articles[0].published
        self.feed_url = base + outlet.feed_path
        self.robots = f"User-agent: *\nDisallow: /members/\nDisallow: /search\n\nSitemap: {base}/sitemap.xml\n"
        self._by_path = {a.path: n for n, a in enumerate(self.articles)}
        loader = FileSystemLoader(DEMO / "templates")
        self._jinja = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        feeds: dict[str, Callable[[], tuple[str, str]]] = {
            "rss": self._rss, "atom": self._atom, "json": self._json_feed, "news-sitemap": self._news_sitemap,
        }  # fmt: skip
        self._feed = feeds[outlet.feed]()

    def url_of(self, article: Article) -> str:
        return self.base + article.path

    def body_of(self, path: str) -> tuple[int, str, str, datetime]:
        html = "text/html; charset=utf-8"
        if path == self.outlet.feed_path:
            return 200, *self._feed, self.newest
        path = path.partition("?")[0]
        if path == "/robots.txt":
            return 200, "text/plain; charset=utf-8", self.robots, self.newest
        if path == "/sitemap.xml":
            return 200, *self._news_sitemap(), self.newest
        if path == "/":
            return 200, html, self._page("_home.html", items=self._links(self.articles[:30])), self.newest
        place = self._by_path.get(path)
        if place is None or self.articles[place].kind == "gone":
            return 404, html, self._page("_missing.html"), self.newest
        article = self.articles[place]
        others = [a for a in self.articles[place + 1 : place + 5] + self.articles[:5] if a is not article]
        page = self._page(
            self.outlet.template, article=article, url=self.url_of(article), number=place + 1000,
            related=self._links(others[:4]), utc=article.published.astimezone(UTC),
        )  # fmt: skip
        return 200, html, page, article.published

    def _page(self, template: str, **values: object) -> str:
        popular = self._links(self.articles[5:10])
        shared = {"outlet": self.outlet, "home": self.base + "/", "feed_url": self.feed_url, "popular": popular}
        return self._jinja.get_template(template).render(shared | values)

    def _links(self, articles: Sequence[Article]) -> list[dict[str, str]]:
        return [{"title": a.title, "url": self.url_of(a)} for a in articles]

    def _rss(self) -> tuple[str, str]:
        items = []
        tracking = "?utm_source=rss&utm_medium=feed" if self.outlet.id == "daily-bugler" else ""
        for a in self.articles:
            local = a.published if self.outlet.id != "care-ledger" else a.published.astimezone(UTC)
            items.append(
                f"<item><title>{escape(a.title)}</title><link>{escape(self.url_of(a) + tracking)}</link>"
                f'<guid isPermaLink="false">{self.outlet.id}-{a.id}</guid>'
                f"<description><![CDATA[<p>{escape(a.summary)}</p>]]></description>"
                f"<dc:creator>{escape(a.author)}</dc:creator><category>Health</category>"
                f"<pubDate>{format_datetime(local)}</pubDate></item>"
            )
        return "application/rss+xml; charset=utf-8", (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
            'xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
            f"<title>{escape(self.outlet.name)}</title><link>{self.base}/</link>"
            f"<description>{escape(self.outlet.tagline)}</description><language>en-gb</language>"
            f'<atom:link href="{escape(self.feed_url)}" rel="self" type="application/rss+xml"/>'
            f"<lastBuildDate>{format_datetime(self.newest)}</lastBuildDate><ttl>60</ttl>\n"
            + "\n".join(items) + "\n</channel></rss>\n"
        )  # fmt: skip

    def _atom(self) -> tuple[str, str]:
        entries = [
            f'<entry xml:lang="{a.language}"><title type="text">{escape(a.title)}</title>'
            f'<link rel="alternate" type="text/html" href="{escape(self.url_of(a))}"/>'
            f"<id>tag:{self.outlet.id}.example,2020:{a.id}</id>"
            f"<published>{a.published.isoformat()}</published><updated>{a.published.isoformat()}</updated>"
            f"<author><name>{escape(a.author)}</name></author>"
            f'<summary type="html">{escape(f"<p>{escape(a.summary)}</p>")}</summary></entry>'
            for a in self.articles
        ]
        return "application/atom+xml; charset=utf-8", (
            '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
            f"<title>{escape(self.outlet.name)}</title><subtitle>{escape(self.outlet.tagline)}</subtitle>"
            f'<id>tag:{self.outlet.id}.example,2020:feed</id><link rel="self" href="{escape(self.feed_url)}"/>'
            f'<link href="{self.base}/"/><updated>{self.newest.astimezone(UTC).isoformat()}</updated>\n'
            + "\n".join(entries) + "\n</feed>\n"
        )  # fmt: skip

    def _json_feed(self) -> tuple[str, str]:
        feed = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": self.outlet.name,
            "description": self.outlet.tagline,
            "home_page_url": self.base + "/",
            "feed_url": self.feed_url,
            "language": "en-GB",
            "items": [
                {
                    "id": self.url_of(a),
                    "url": self.url_of(a),
                    "title": a.title,
                    "summary": a.summary,
                    "content_html": f'<p>{escape(a.summary)}</p><p><a href="{self.url_of(a)}">Read on</a></p>',
                    "date_published": a.published.isoformat(),
                    "authors": [{"name": a.author}],
                    "language": a.language,
                }
                for a in self.articles
            ],
        }
        return "application/feed+json; charset=utf-8", json.dumps(feed, ensure_ascii=False, indent=1)

    def _news_sitemap(self) -> tuple[str, str]:
        urls = [
            f"<url><loc>{escape(self.url_of(a))}</loc><news:news><news:publication>"
            f"<news:name>{escape(self.outlet.name)}</news:name><news:language>{a.language}</news:language>"
            f"</news:publication><news:publication_date>{a.published.isoformat()}</news:publication_date>"
            f"<news:title>{escape(a.title)}</news:title></news:news></url>"
            for a in self.articles
        ]
        return "application/xml; charset=utf-8", (
            '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
            'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">\n' + "\n".join(urls) + "\n</urlset>\n"
        )
