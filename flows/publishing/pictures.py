"""A picture of the theme trends: a row of twelve bars each, with their numbers, drawn as SVG. Pure."""

from base64 import b64encode
from html import escape

from flows.publishing.layout import scale_bars
from models.edition import trend_words
from models.edition.content import EditionContent
from models.trends import Trend

WIDTH, ROW, TOP = 760, 48, 44
BAR, GAP, LEFT = 16, 4, 236
BAR_HEIGHT = 24


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
        f'<text x="12" y="26" font-size="16" font-weight="600" fill="#1b2733">{escape(head)}</text>{"".join(rows)}</svg>'
    )


def as_data_uri(svg: str) -> str:
    """The picture as an address that holds it whole."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


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
        f'<text x="12" y="{base - 5}" fill="#1b2733">{escape(name)}</text>{"".join(bars)}'
        f'<text x="{right}" y="{base - 5}" fill="#1b2733">{escape(words)}</text>'
    )
