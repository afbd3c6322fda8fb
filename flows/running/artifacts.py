"""What a run leaves in the Prefect UI, the picture of the trends among it. Each kind has one stable key, so that Prefect keeps its
history.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape as escape_html
from urllib.parse import quote

from prefect.artifacts import acreate_markdown_artifact

from flows.collecting.summary import CollectSummary
from flows.publishing.layout import scale_bars, view_edition
from flows.publishing.rendering import render_artifact
from flows.running.jobs import note_told
from flows.running.markdown import MAX_CELL, escape, link, table
from flows.running.run_summary import sections
from models.edition import trend_words
from models.edition.content import EditionContent
from models.reviews import IN_SCOPE, QueueItem
from models.sources import Registry
from models.store import collecting
from models.store.database import Database
from models.store.tables import SourceState
from models.tagging.apply import TagSummary
from models.themes import load_themes
from models.trends import Trend
from models.weeks import LONDON

RUN_SUMMARY = "run-summary"
SOURCE_HEALTH = "source-health"
EDITION = "edition"
THEME_TRENDS = "theme-trends"
MODEL_CARD = "model-card"
REVIEW_LIST = "review-list"
REVIEW = "review"
KEYS = (RUN_SUMMARY, SOURCE_HEALTH, EDITION, THEME_TRENDS, MODEL_CARD, REVIEW_LIST, REVIEW)

_MARKS = '“”"'  # the list sets its own

WIDTH, ROW, TOP = 760, 48, 44
BAR, GAP, LEFT = 16, 4, 236
BAR_HEIGHT = 24


async def publish_run(
    database: Database, registry: Registry, collected: CollectSummary, tagged: TagSummary | None, *, now: datetime
) -> None:
    """What became of every entry, the new stories by theme (where it tagged), and how each source fares."""
    await acreate_markdown_artifact(
        run_summary(collected, tagged), key=RUN_SUMMARY, description="Entries and stories, counted"
    )
    await publish_source_health(database, registry, now=now)
    note_told(database, collected, now=now)


def run_summary(collected: CollectSummary, tagged: TagSummary | None) -> str:
    """The summary of a run, as markdown."""
    lines: list[str] = []
    for section in sections(collected, tagged):
        rows = [[escape(_cell(cell), MAX_CELL) for cell in row] for row in section.rows]
        lines += [f"## {section.heading}", "", *([table(section.columns, rows), ""] if rows else [])]
        lines += [part for line in section.lines for part in (escape(line), "")]
    return "\n".join(lines)


def _cell(cell: str | int) -> str:
    return f"{cell:,}" if isinstance(cell, int) else cell


async def publish_source_health(database: Database, registry: Registry, *, now: datetime) -> None:
    """How each source of the registry fares, the worst first."""
    with database.read() as session:
        states = collecting.source_states(session=session)
    # As markdown: Prefect's own tables do not wrap, and cut off at half of a usual window.
    await acreate_markdown_artifact(
        source_health(registry, states), key=SOURCE_HEALTH, description="How each source fares, the worst first"
    )


def source_health(registry: Registry, states: Mapping[str, SourceState]) -> str:
    """A table of sources as markdown, failing ones first, then those silent longest."""
    found = []
    for source in registry.sources:
        state = states.get(source.id) or SourceState(source=source.id, url=source.url)
        row = [
            link(source.label, source.url),
            escape(_health(source.enabled, state)),
            *(escape(_shown(moment)) for moment in (state.last_new_at, state.last_success_at, state.next_poll_at)),
            escape(state.last_detail or "", MAX_CELL),
        ]
        found.append(((-state.failures, _sortable(state.last_new_at), source.id), row))
    rows = [row for _, row in sorted(found, key=lambda pair: pair[0])]
    return table(("source", "state", "last new", "last seen", "next poll", "detail"), rows)


async def publish_edition(content: EditionContent, note: str, edits: str = "") -> None:
    """The edition as it is sent, below a note on what became of it and `edits` (Markdown), and the picture of its trends."""
    page = (
        (f"> {escape(note)}\n\n" if note else "")
        + (f"{edits}\n\n" if edits else "")
        + render_artifact(view_edition(content))
    )
    await acreate_markdown_artifact(page, key=EDITION, description=f"The edition of {content.week}")
    # As markdown: below a picture artifact Prefect writes its address, which is the whole picture, across the page.
    await acreate_markdown_artifact(
        f"![Stories a week by theme]({as_data_uri(trends_svg(content))})",
        key=THEME_TRENDS,
        description=f"Twelve weeks to {content.week}",
    )


async def publish_model_card(card: str) -> None:
    """The model that tags, its measured quality, and the one before it."""
    await acreate_markdown_artifact(card, key=MODEL_CARD, description="How good it is, as measured")


async def publish_review_queue(items: Sequence[QueueItem], form: str, reviewer: str = "") -> None:
    """The tags of which the model is least sure, with links to read and to answer by."""
    await acreate_markdown_artifact(
        review_list(items, form, reviewer),
        key=REVIEW_LIST,
        description="Most uncertain first, then the audit sample, with links",
    )


def review_list(items: Sequence[QueueItem], form: str, reviewer: str = "") -> str:
    """The queue as a list: headline, question, evidence, answers; `form` is the address of the review form, or empty."""
    if not items:
        return "Nothing waits for a person: the model is sure of every recent tag that nobody has reviewed."
    lines = [
        "Answer in the form **review**"
        + (f" ([open it]({form}))" if form else "")
        + " with the article's number. Corrections count at once; the model learns from them at its next training.",
        "",
    ]
    for place, item in enumerate(items, 1):
        lines.append(
            f"{place}. **{link(item.title, item.url)}** ({escape(item.outlet)}), **article {item.article_id}**  \n"
            f"   {escape(item.question)}{_answer_links(form, item, reviewer)}"
            + (f"  \n   *“{escape(item.evidence.strip(_MARKS), MAX_CELL)}”*" if item.evidence else "")
        )
    return "\n".join(lines)


async def publish_review(text: str) -> None:
    """What a review recorded."""
    await acreate_markdown_artifact(text, key=REVIEW, description="The decision that was recorded")


def form_link(form: str, parameters: Mapping[str, object]) -> str:
    """The address of a deployment's form with these parameters filled in; empty where its own is not known."""
    given = quote(json.dumps(parameters, separators=(",", ":")), safe="")
    return f"{form}?parameters={given}" if form else ""


def trends_svg(content: EditionContent) -> str:
    """The last twelve weeks of every theme; the week of the edition in the darker colour, numbers in words beside it."""
    names = content.theme_names
    shown = [trend for trend in content.trends if trend.theme in names]
    height = TOP + ROW * len(shown) + 16
    weeks = f", {trend_words.name_weeks(shown[0], content.as_week())}" if shown else ""
    head = f"Stories a week by theme{weeks} ({content.week})"
    rows = [_row(names[trend.theme], trend, TOP + ROW * place) for place, trend in enumerate(shown)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" font-family="system-ui, sans-serif" font-size="14">'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text x="12" y="26" font-size="16" font-weight="600" fill="#1b2733">{escape_html(head)}</text>{"".join(rows)}</svg>'
    )


def as_data_uri(svg: str) -> str:
    """The picture as an address that holds it whole."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def _answer_links(form: str, item: QueueItem, reviewer: str) -> str:
    """One link for each answer to each question: it opens the form with that answer, and nothing else, filled in."""
    if not form:
        return ""
    whose = {"article": str(item.article_id), **({"reviewer": reviewer} if reviewer else {})}
    names = {theme.id: theme.name for theme in load_themes()} | {IN_SCOPE: "In scope"}
    answers = []
    for asked in item.asked:
        name = names[asked]
        yes: dict[str, object] = {"in_scope": "yes"} if asked == IN_SCOPE else {"themes": [name]}
        no: dict[str, object] = {"in_scope": "no"} if asked == IN_SCOPE else {"not_themes": [name]}
        links = (f"[{word}]({form_link(form, whose | said)})" for word, said in (("yes", yes), ("no", no)))
        answers.append(f"  \n   {escape(name)}: {' / '.join(links)}")
    return "".join(answers)


def _health(enabled: bool, state: SourceState) -> str:
    if not enabled:
        return "switched off"
    if state.last_polled_at is None:
        return "never asked"
    if state.failures:
        since = f" since {_shown(state.failing_since)}" if state.failing_since else ""
        return f"failing{since} ({_count(state.failures, 'time', 'times')})"
    return "fine"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _shown(moment: datetime | None) -> str:
    return f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M}" if moment else ""


def _sortable(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _row(name: str, trend: Trend, top: int) -> str:
    base = top + BAR_HEIGHT
    bars = []
    for place, height in enumerate(scale_bars(trend, BAR_HEIGHT)):
        left = LEFT + place * (BAR + GAP)
        count = trend.counts[place]
        said = "–" if count is None else count  # nothing was collected: a mark, not a zero
        bars.append(
            f'<text x="{left + BAR // 2}" y="{base + 13}" font-size="11" text-anchor="middle" fill="#5b6875">{said}</text>'
        )
        if height is None:
            continue
        tall = max(height, 1)
        colour = "#0b4f8a" if place == len(trend.counts) - 1 else "#9db7cf"
        bars.append(f'<rect x="{left}" y="{base - tall}" width="{BAR}" height="{tall}" fill="{colour}"/>')
    flag = trend_words.flag_trend(trend)
    words = f"{trend.now}{trend_words.say_usual(trend)}" + (f" – {flag}" if flag else "")
    right = LEFT + 12 * (BAR + GAP) + 12
    return (
        f'<text x="12" y="{base - 5}" fill="#1b2733">{escape_html(name)}</text>{"".join(bars)}'
        f'<text x="{right}" y="{base - 5}" fill="#1b2733">{escape_html(words)}</text>'
    )
