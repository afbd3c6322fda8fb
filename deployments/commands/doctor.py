"""`culture-monitor doctor`: what is wrong, and how to mend it."""

from dataclasses import asdict
from typing import Annotated

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from deployments.doctor import Finding, Health, examine, loose_files
from models.private_files import tighten
from models.settings import load_settings


def doctor(
    data: Data = None,
    sources: Sources = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Take from others the rights on the data folder, .env and the channels.")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Check settings, files, database, sources, model, email, Prefect and disk."""
    settings = load_settings(data=data, sources=sources)
    if fix:
        tightened, left = tighten(loose_files(settings))
        console.note(f"{tightened} files and folders were made their owner's alone.")
        for one in left:
            console.note(f"Not changed: {one}")
    findings: list[Finding] = []
    for finding in examine(settings):
        findings.append(finding)
        if not json:
            console.line(f"{_MARKS[finding.health]} {finding.what:<12} {finding.words}")
            if finding.mend:
                console.line(f"  {'':<12} → {finding.mend}")
    if json:
        console.as_json([asdict(finding) for finding in findings])
    wrong = sum(finding.health is Health.WRONG for finding in findings)
    if not json:
        console.line()
        console.line(f"{wrong} of {len(findings)} things are wrong." if wrong else "Nothing is wrong.")
    if wrong:
        raise typer.Exit(1)


_MARKS = {Health.FINE: "✓", Health.NOTE: "·", Health.WRONG: "✗"}
