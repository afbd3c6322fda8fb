"""`culture-monitor compare`: a bulletin that people made, beside the edition of the same week."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments import console
from deployments.commands.options import Data, Json, Sources, Verbose
from deployments.read_only_database import stored
from flows.reading.bulletin import MAX_BYTES, Bulletin, read_bulletin
from models.bulletins import BulletinItem
from models.edition.content import StoryItem
from models.given_files import read_given
from models.settings import load_settings
from models.sources import load_registry
from models.store.comparing import Comparison
from models.store.comparing import compare as compare_with
from models.themes import load_themes
from models.weeks import Week, utc_now


def compare(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The bulletin: HTML, plain text, .eml, or a list of addresses.")
    ],
    week: Annotated[
        str | None, typer.Option("--week", metavar="2026-W47", help="Of the edition (default: the last complete one).")
    ] = None,
    data: Data = None,
    sources: Sources = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """List what a bulletin that people made has that our edition has not, and why; and what only ours has."""
    now = utc_now()
    try:
        wanted = Week.parse(week) if week else Week.of(now).plus(-1)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--week") from error
    bulletin = _read(file)
    settings = load_settings(data=data, sources=sources)
    registry = load_registry(settings.sources)
    with stored(settings) as database, database.read() as session:
        found = compare_with(bulletin.items, wanted, registry, load_themes(), now, session=session)
    if json:
        console.as_json({**_as_data(found), "not_understood": bulletin.not_understood})
    else:
        _show(found, bulletin)


def _read(file: Path) -> Bulletin:
    try:
        bulletin = read_bulletin(read_given(file, MAX_BYTES))
    except OSError as error:
        raise typer.BadParameter(f"{file}: can't be read ({error.strerror})", param_hint="FILE") from error
    if not bulletin.items:
        raise typer.BadParameter(
            f"{file}: holds no headline and no address of a report; give HTML, plain text, an .eml file or addresses",
            param_hint="FILE",
        )
    return bulletin


def _show(found: Comparison, bulletin: Bulletin) -> None:
    reasons = Counter(str(one.reason) for one in found.missed)
    edition = "" if found.kept else " (not kept yet: composed now)"
    console.wrapped(
        f"Week {found.week}{edition}: of {len(bulletin.items)} reports in the bulletin, our edition has {len(found.shared)} and has "
        f"not {len(found.missed)}; {len(found.only_ours)} of its stories are in ours alone."
    )
    if found.missed:
        console.line("\nIn the bulletin, not in ours")
        for missed in found.missed:
            console.wrapped(f"- {_name(missed.item)}", indent=2)
            found_by = "; found by its headline alone" if missed.by_headline else ""
            console.wrapped(f"{missed.reason}: {missed.detail}{found_by}", indent=6)
        console.wrapped("Together: " + ", ".join(f"{n} {reason}" for reason, n in reasons.most_common()) + ".")
    by_headline = [one for one in found.shared if one.by_headline]
    if by_headline:
        console.line("\nIn both, by the headline alone")
        for one in by_headline:
            console.wrapped(f"- {_name(one.item)}", indent=2)
            console.wrapped(f"taken for: {one.story.title} ({one.story.outlet})", indent=6)
    themeless = [one for one in found.shared if not one.story.themes]
    if themeless:
        console.line("\nIn both, but under no theme in ours")
        for one in themeless:
            theme, score = one.below
            closest = f"{theme} {score:.2f} is the closest" if theme else "no theme came close"
            console.wrapped(f"- {_name(one.item)}", indent=2)
            console.wrapped(f"below-theme-threshold: {closest}", indent=6)
    if bulletin.not_understood:
        console.line("\nNot understood as reports, and not counted")
        for line in bulletin.not_understood:
            console.wrapped(f"- {line}", indent=2)
    if found.only_ours:
        console.line("\nIn ours, not in the bulletin")
        for story in found.only_ours:
            console.wrapped(f"- {story.title} ({story.outlet})", indent=2)


def _name(item: BulletinItem) -> str:
    return (item.title or item.url) + (f" ({item.outlet})" if item.outlet else "")


def _as_data(found: Comparison) -> dict[str, Any]:
    return {
        "week": str(found.week),
        "edition": "kept" if found.kept else "composed now",
        "shared": [
            {
                **_item(one.item),
                "article": one.story.id,
                "by_headline": one.by_headline,
                "under_no_theme": not one.story.themes,
                "closest_theme": one.below[0] or None,
                "closest_score": one.below[1] if one.below[0] else None,
            }
            for one in found.shared
        ],
        "missed": [
            {
                **_item(one.item),
                "reason": str(one.reason),
                "detail": one.detail,
                "article": one.article,
                "by_headline": one.by_headline,
                "score": one.score,
                "folded_into": _story(one.story) if one.story else None,
                "week": one.week or None,
            }
            for one in found.missed
        ],
        "only_ours": [_story(story) for story in found.only_ours],
    }


def _item(item: BulletinItem) -> dict[str, str]:
    return {"title": item.title, "url": item.url, "address": item.address, "outlet": item.outlet}


def _story(story: StoryItem) -> dict[str, object]:
    themes = [one.theme for one in story.themes]
    return {"article": story.id, "title": story.title, "url": story.url, "outlet": story.outlet, "themes": themes}
