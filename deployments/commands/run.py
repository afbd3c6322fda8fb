"""`culture-monitor run`: the whole job once."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from deployments.demo_folder import leave_demo
from deployments.prefect_api import answering_api
from deployments.prefect_environment import HEARTBEAT_SECONDS
from flows.publishing.delivery import DeliverySummary
from flows.publishing.edition import DigestResult
from flows.running import jobs, run_summary, sending
from flows.tagging.waiting import check_framework
from models.edition.short import Kind
from models.settings import Settings, load_settings
from models.sources import Registry, Source, load_registry
from models.store.database import Database, open_database
from models.weeks import Week, utc_now


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of the whole job did."""

    monitor: jobs.MonitorSummary
    digest: DigestResult
    left: DeliverySummary | None = None  # what became of emails that earlier digests could not send
    alerts: DeliverySummary | None = None  # that were due


def run(
    data: Data = None,
    sources: Sources = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Poll this source alone; repeatable.")
    ] = None,
    all_due: Annotated[bool, typer.Option("--all", help="Poll every source, also those that are not due yet.")] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Collect, tag and store once, send alerts and what earlier digests could not, and write this week's edition so far."""
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    check_framework(settings)
    chosen = registry.choose(only or [])
    jobs.check_settings(settings, registry, chosen or registry.enabled())
    note = leave_demo(settings)
    if note:
        console.note(note)
    if not settings.contact:
        console.note("CULTURE_CONTACT is not set: give an address, so that site owners can reach you.")
    report = whole_job(
        settings,
        registry,
        now=utc_now(),
        chosen=chosen,
        all_due=all_due or bool(only),
        quiet=json,
        api=answering_api(settings),
        verbose=verbose,
    )
    if json:
        console.as_json(as_data(report))
    else:
        show(report)
    with open_database(settings.database_address) as database:
        jobs.note_told(database, report.monitor.collected, now=utc_now())
    undelivered = any(sent is not None and sent.has_given_up for sent in (report.left, report.alerts))
    if report.monitor.collected.failures or undelivered:
        raise typer.Exit(1)


def whole_job(
    settings: Settings,
    registry: Registry,
    *,
    now: datetime,
    chosen: Sequence[Source] | None = None,
    all_due: bool = False,
    week: Week | None = None,
    quiet: bool = False,
    api: str | None = None,
    verbose: bool = False,
) -> Report:
    """Collect, tag, compose: the steps that the flows run too, at once; with an `api` they are reported to Prefect."""
    with (
        open_database(settings.database_address) as database,
        console.progress_bars(shown=not quiet) as progress,
    ):
        if api is None:
            job = jobs.monitor(database, registry, settings, now=now, sources=chosen, all_due=all_due, report=progress)
        else:
            job = _reported(api, database, registry, settings, now, chosen, all_due, progress, verbose)
        monitor = asyncio.run(job)
        left = sending.send_pending(database, registry, settings, now=now)
        alerts = sending.send_short(database, registry, settings, kind=Kind.ALERT, now=now)
        digest = sending.digest(database, registry, settings, week=week or Week.of(now), now=now, send=False)
    return Report(monitor, digest, left, alerts)


def _reported(
    api: str,
    database: Database,
    registry: Registry,
    settings: Settings,
    now: datetime,
    chosen: Sequence[Source] | None,
    all_due: bool,
    progress: console.Report,
    verbose: bool,
) -> Coroutine[Any, Any, jobs.MonitorSummary]:
    """The main job as a run that the Prefect UI shows."""
    os.environ["PREFECT_API_URL"] = api
    # At Prefect's own frequency, the server would take a healthy run of some minutes for one without a process.
    os.environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = str(HEARTBEAT_SECONDS)
    if not settings.telemetry:
        os.environ["DO_NOT_TRACK"] = "1"
    # Here, not above: Prefect takes two seconds to import, and reads its settings when it is.
    from flows.monitor import monitor_reported

    return monitor_reported(
        database,
        registry,
        settings,
        now=now,
        sources=chosen,
        all_due=all_due,
        report=progress,
        quiet=not verbose,
    )


def show(report: Report) -> None:
    """The summary for people."""
    for note in report.monitor.notes:
        console.note(note)
    for section in run_summary.sections(report.monitor.collected, report.monitor.tagged):
        if section.rows:
            console.table(section.heading, section.columns, section.rows)
        for line in section.lines:
            console.line(line)
    left = report.left.words if report.left is not None else ""
    for words in filter(None, (left, report.alerts.say("alerts") if report.alerts is not None else "")):
        console.line(f"{words[0].upper()}{words[1:]}.")


def as_data(report: Report) -> dict[str, Any]:
    """The summary for machines."""
    return {
        **run_summary.as_data(report.monitor.collected, report.monitor.tagged),
        "notes": list(report.monitor.notes),
        "emails": asdict(report.left) if report.left is not None else None,
        "alerts": asdict(report.alerts) if report.alerts is not None else None,
        "edition": {"week": str(report.digest.week), "files": [str(file) for file in report.digest.files]},
    }
