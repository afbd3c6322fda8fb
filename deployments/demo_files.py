"""The demo site as files, so that the edition's links lead to its pages when the site is no longer served."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deployments.demo_articles import Article, Outlet
from deployments.demo_pages import OutletSite
from deployments.demo_site import DemoSite
from flows.publishing.edition import DigestResult, archive_entries, write_files
from flows.publishing.layout import view_edition
from flows.publishing.mailer import parse_sender
from flows.publishing.messages import links_of
from flows.publishing.rendering import render_email, render_web, write_archive
from models.edition.choosing import for_recipient
from models.edition.content import EditionContent, Selection
from models.private_files import write_whole
from models.settings import Settings
from models.store.database import Database

FOLDER = "site"


class _OutletFiles(OutletSite):
    """An outlet whose pages point to each other as files."""

    def url_of(self, article: Article) -> str:
        return f"{self.base}/{_file_name(article.path)}"


def link_to_files(digest: DigestResult, site: DemoSite, database: Database, settings: Settings) -> Path | None:
    """Write the pages of the site beside the edition, and the edition's files anew with links to them.

    Pages point to each other from where they stand, the email and the plain text by whole addresses. Also written is the
    email of a reader who watches one of the organisations, where any is named: its file. What is stored keeps the
    addresses under which the pages were read.
    """
    files = _write_site(site, settings.data / FOLDER)
    data = settings.data.resolve().as_uri()
    content = _with_files(digest.content, files)
    sender = parse_sender(settings.mail_from, settings.base_url)
    page_file, *_ = write_files(content, settings, sender)
    write_whole(page_file, page_file.read_text(encoding="utf-8").replace(data, "..").encode())
    with database.read() as session:
        entries = archive_entries(session=session)
    page = render_web(view_edition(content, links_of(sender, content)))
    write_archive(settings.data / "archive", content.as_week(), page.replace(data, ".."), entries)
    named = [organisation for story in content.stories for organisation in story.organisations]
    watching = for_recipient(content, Selection(watch=(named[-1],))) if named else None
    if watching is None:
        return None
    email = render_email(view_edition(watching, links_of(sender, content)))
    return write_whole(settings.outbox / f"{content.week}-watching.html", email.html.replace(data, "..").encode())


def _write_site(site: DemoSite, folder: Path) -> dict[str, str]:
    """Write every page of every outlet; where each stands, by the address at which it was served."""
    found: dict[str, str] = {}
    for outlet in site.outlets:
        served, files = site.sites[outlet.id], _files_of(outlet, site, folder / outlet.id)
        pages = {"/": files.body_of("/")[2]} | {one.path: files.body_of(one.path)[2] for one in files.articles}
        for path, page in pages.items():
            name = _file_name(path)
            file = folder / outlet.id / name
            file.parent.mkdir(parents=True, exist_ok=True)
            page = page.replace(f'{files.base}/"', f'{files.base}/index.html"')
            up = "/".join([".."] * name.count("/")) or "."  # from this page to its outlet: the folder may be moved
            write_whole(file, page.replace(files.base, up).encode())
            found[f"{served.base}{path}"] = f"{files.base}/{name}"
        feed = folder / outlet.id / outlet.feed_path.lstrip("/")
        feed.parent.mkdir(parents=True, exist_ok=True)
        write_whole(feed, files.body_of(outlet.feed_path)[2].encode())
    return found


def _files_of(outlet: Outlet, site: DemoSite, folder: Path) -> OutletSite:
    return _OutletFiles(outlet, site.articles, folder.resolve().as_uri())


def _file_name(path: str) -> str:
    """The file for a path: a browser needs its ending to know a page."""
    return re.sub(r"(\.html)?/?$", ".html", path.lstrip("/"), count=1) if path != "/" else "index.html"


def _with_files(content: EditionContent, files: Mapping[str, str]) -> EditionContent:
    def file_of(url: str) -> str:
        page = url.partition("#")[0].partition("?")[0]
        return files.get(page, files.get(f"{page}/", url))

    stories = tuple(
        replace(
            story,
            url=file_of(story.url),
            copies=tuple(replace(copy, url=file_of(copy.url)) for copy in story.copies),
            reports=tuple(replace(report, url=file_of(report.url)) for report in story.reports),
            follows=replace(story.follows, url=file_of(story.follows.url)) if story.follows else None,
        )
        for story in content.stories
    )
    return replace(content, stories=stories)
