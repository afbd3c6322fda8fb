"""`culture-monitor doctor`: what is wrong, and how to mend it."""

from dataclasses import asdict

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from deployments.doctor import Finding, Health, examine
from models.settings import load_settings


def doctor(data: Data = None, sources: Sources = None, json: Json = False, verbose: Verbose = False) -> None:
    """Check settings, database, sources, model, email, Prefect and disk."""
    findings: list[Finding] = []
    for finding in examine(load_settings(data=data, sources=sources)):
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
