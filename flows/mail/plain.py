"""The edition as plain text: 72 columns, headings underlined, each address on a line of its own so that it can be clicked."""

from textwrap import wrap

from flows.mail import phrases
from flows.mail.phrases import Links
from models import brief
from models.edition import EditionContent, StoryItem
from models.layout import Section, lay_out
from models.trends import Trend

WIDTH = 72  # leaves room for the "> " of two replies in 80 columns
SHOWN_PER_SECTION = 12
_BLOCKS = "▁▂▃▄▅▆▇█"


def render_text(content: EditionContent, links: Links = Links(), shown: int = SHOWN_PER_SECTION) -> str:  # noqa: B008
    """The plain-text twin; the web edition's text shows every story."""
    layout = lay_out(content)
    lines: list[str] = [brief.PRODUCT.upper(), *_wrapped(phrases.title(content)), ""]
    lines += [*_wrapped(phrases.standfirst(content)), ""]
    if links.web:
        lines += ["On the web:", links.web, ""]
    lines += _heading("THIS WEEK IN BRIEF" + ("" if content.complete else ", SO FAR"))
    for line in brief.in_brief(content):
        lines += _wrapped(line, "* ", "  ")
    if layout.leads:
        lines += ["", *_heading("THE STORIES THAT MATTER")]
        for number, story in enumerate(layout.leads, 1):
            lines += [*_story(content, story, f"{number}. ", lead=True), ""]
        lines.pop()
    for group in layout.groups:
        lines += ["", *_heading(group.heading.upper())]
        for section in group.sections:
            lines += [*_section(content, section, links, shown), ""]
        lines.pop()
    if layout.others:
        lines += ["", *_heading("ALSO ABOUT LEADERSHIP AND CULTURE")]
        for story in layout.others[:shown]:
            lines += [*_story(content, story, "- "), ""]
        lines += _more(len(layout.others) - shown, links)
    lines += ["", *_trends(content)]
    lines += ["", *_heading("WHAT WE COULD NOT SEE"), *_gaps(content)]
    lines += ["", *_heading("HOW THIS WAS MADE")]
    for paragraph in (*phrases.method(content), *phrases.licence_lines(content)):
        lines += [*_wrapped(paragraph), ""]
    lines += ["-" * WIDTH, *_wrapped(phrases.why(content)), "", *_wrapped(phrases.privacy())]
    if links.unsubscribe:
        lines += ["", "Unsubscribe:", links.unsubscribe]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def _section(content: EditionContent, section: Section, links: Links, shown: int) -> list[str]:
    flag = brief.verdict_word(section.trend).upper() if section.trend else ""
    name = section.theme.heading + (f" [{flag}]" if flag else "")
    lines = [*_wrapped(name), "-" * min(len(name), WIDTH)]
    if words := phrases.section_words(content, section):
        lines += _wrapped(words)
    if not section.count:
        return [*lines, *_wrapped(phrases.empty_words(content, section))]
    for story in section.stories[:shown]:
        lines += ["", *_story(content, story, "- ")]
    if section.above:
        where = "Also under" if section.stories else "Under"
        lines += ["", *_wrapped(f"{where} “The stories that matter”: {'; '.join(s.title for s in section.above)}")]
    return lines + _more(len(section.stories) - shown, links)


def _story(content: EditionContent, story: StoryItem, mark: str, *, lead: bool = False) -> list[str]:
    indent = " " * len(mark)
    lines = _wrapped(story.title, mark, indent)
    lines += _wrapped(phrases.story_meta(story), indent, indent)
    if quoted := phrases.quote(story):
        lines += _wrapped(f"“{quoted}”", indent + "  ", indent + "  ")
    if credit := phrases.story_credit(story):
        lines += _wrapped(credit, indent, indent)
    themes = [phrases.kicker(content, story)] if lead and story.primary else []
    if labels := [*themes, *phrases.labels(content, story)]:
        lines += _wrapped(f"{'Themes' if lead else 'Also on'}: {' · '.join(labels)}", indent, indent)
    if story.copies:
        lines += _wrapped(f"Also in: {', '.join(copy.outlet for copy in story.copies)}", indent, indent)
    return lines + ([indent + story.url] if story.url else [])


def _trends(content: EditionContent) -> list[str]:
    lines = [*_heading("TRENDS: THE LAST TWELVE WEEKS"), *_wrapped(phrases.trend_note(content)), ""]
    names = {theme.id: theme.name for theme in content.themes}
    for trend in content.trends:
        if trend.theme not in names:
            continue
        flag = f" [{word.upper()}]" if (word := brief.verdict_word(trend)) else ""
        lines += _wrapped(f"{_spark(trend)}  {names[trend.theme]}{flag}", "", " " * 14)
        lines += _wrapped(brief.trend_words(trend), " " * 14, " " * 14)
    return [*lines, "", *_wrapped(phrases.trend_rule())]


def _spark(trend: Trend) -> str:
    """Twelve bars in one line; a dot for a week without data."""
    scale = max([count for count in trend.counts if count is not None] + [4])
    steps = len(_BLOCKS) - 1
    return "".join("·" if count is None else _BLOCKS[round(steps * count / scale)] for count in trend.counts)


def _gaps(content: EditionContent) -> list[str]:
    if not content.gaps:
        return _wrapped("Every source answered, and none has been silent for three weeks.")
    lines = [*_wrapped("What these sources published may be missing above.")]
    for gap in content.gaps:
        reason = f" ({gap.reason})" if gap.reason else ""
        lines += _wrapped(f"{gap.name}: {brief.gap_words(gap.kind, gap.since)}{reason}", "* ", "  ")
    return lines


def _heading(text: str) -> list[str]:
    return [*_wrapped(text), "=" * min(len(text), WIDTH)]


def _more(count: int, links: Links) -> list[str]:
    if count <= 0:
        return []
    return [
        "",
        f"and {count} more in the web edition" + (":" if links.web else ""),
        *([links.web] if links.web else []),
    ]


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first.rstrip()]
