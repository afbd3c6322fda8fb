"""`culture-monitor demo`: the whole job against the bundled site over loopback HTTP."""

import time
from datetime import timedelta
from pathlib import Path

from deployments import console
from deployments.commands import run as whole
from deployments.commands.options import Data, Json, Verbose
from deployments.demo_articles import DEMO
from deployments.demo_files import link_to_files
from deployments.demo_folder import demo_folder
from deployments.demo_site import DemoSite
from flows.publishing.editing import edit_edition
from models.edition.edits import Wanted
from models.private_files import write_whole
from models.settings import MINILM, TFIDF, load_settings
from models.sources import load_registry
from models.store.database import open_database
from models.tagging.published_encoders import has_published_weights
from models.themes import theme_ids
from models.weeks import Week, utc_now

DEMO_DAYS = 80  # the site's news goes back ten weeks; so far must the window reach
NOTE = "**This is a demonstration:** every outlet, person and story below is invented, whatever real bodies they name."
_KINDS = {".html": "the edition", ".eml": "as an email", ".txt": "as plain text"}
_IN_ARCHIVE = {"index.html": "all editions"}
# Early in a week little has happened yet: until Thursday the demo shows the week before.
_SETTLED = timedelta(days=3)


def demo(data: Data = None, json: Json = False, verbose: Verbose = False) -> None:
    """Run the whole job on a small invented news site on this machine: no internet, no server, no account."""
    began = time.monotonic()
    now = utc_now()
    folder = demo_folder(load_settings(data=data).data)
    with DemoSite(now) as site:
        registry_file = folder / "demo-sources.toml"
        write_whole(registry_file, site.sources_toml().encode())
        settings = load_settings(
            data=folder,
            database_url=None,
            sources=registry_file,
            allow_hosts="127.0.0.1",
            max_age_days=DEMO_DAYS,
            base_url="",
            organisations=DEMO / "organisations.toml",
        ).model_copy(update={"database_url": None, "smtp_url": None, "encoder": _encoder(folder)})
        registry = load_registry(registry_file)
        week = Week.of(now - _SETTLED)
        with open_database(settings.database_address) as database:
            note = Wanted(editor="the demo", note=NOTE)
            edit_edition(database, registry, settings, note, week=week, now=now)
        report = whole.whole_job(
            settings,
            registry,
            now=now,
            all_due=True,
            week=week,
            quiet=json,
        )
        with open_database(settings.database_address) as database:
            watching = link_to_files(report.digest, site, database, settings)
    if json:
        console.as_json(whole.as_data(report))
        return
    whole.show(report)
    _where_to_look(report, folder, watching, time.monotonic() - began)


def _encoder(folder: Path) -> str:
    """The encoder where it is there already; fetching it and training with it would take longer than the demo."""
    return MINILM if has_published_weights(folder / "models" / MINILM) else TFIDF


def _where_to_look(report: whole.Report, folder: Path, watching: Path | None, seconds: float) -> None:
    stories, themes = report.digest.stories, sum(1 for count in report.monitor.tagged.by_theme.values() if count)
    console.line()
    console.line(
        f"Done in {seconds:.0f} s. From {report.monitor.collected.entries} entries of "
        f"{len(report.monitor.collected.results)} invented outlets, the edition of week {report.digest.week} "
        f"tells {stories} stories; ten weeks of news bear on {themes} of the {len(theme_ids())} themes."
    )
    console.line("Where to look:")
    console.line(f"  the database   {folder / 'culture.db'}")
    console.line(f"  their pages    {folder / 'site'}")
    for file in report.digest.files:
        kind = _IN_ARCHIVE.get(file.name, "as a web page") if file.parent.name == "archive" else _KINDS[file.suffix]
        console.line(f"  {kind:<14} {file}")
    if watching is not None:
        console.line(f"  for a watcher  {watching}")
