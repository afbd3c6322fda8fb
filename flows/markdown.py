"""Text from the web made safe for Prefect's artifacts, and the edition written as one. Pure."""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from flows.mail import phrases
from models import brief
from models.edition import EditionContent, StoryItem
from models.layout import Section, lay_out
from models.text_safety import plain_line
from models.themes import load_framework

SHOWN_PER_SECTION = 8  # the web edition has all; an artifact is read on the way to a decision
MAX_CELL = 300
_SAFE_IN_LINKS = ":/?#@!$&',;=%~+*"  # no bracket or blank, which would end the link
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")


def escaped(text: str, longest: int | None = None) -> str:
    """`text` on one line, shown as it is: no markup of it takes effect."""
    line = plain_line(text, longest)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", line)


def link(text: str, url: str, longest: int | None = None) -> str:
    """A link, or the text alone where the address is not http(s)."""
    shown = escaped(text, longest) or "(no title)"
    if urlsplit(url).scheme not in {"http", "https"}:
        return shown
    return f"[{shown}]({quote(url, safe=_SAFE_IN_LINKS)})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def edition_page(content: EditionContent) -> str:
    """An edition as it reads in the email, for Prefect's viewer."""
    layout = lay_out(content)
    lines = [f"# {escaped(brief.subject(content))}", "", escaped(phrases.title(content)), ""]
    lines += ["## This week in brief" + ("" if content.complete else ", so far"), ""]
    lines += [f"- {escaped(line)}" for line in brief.in_brief(content)]
    if layout.leads:
        lines += ["", "## The stories that matter", ""]
        lines += [_story(content, story, lead=True) for story in layout.leads]
    for group in layout.groups:
        lines += ["", f"## {escaped(group.heading)}", ""]
        for section in group.sections:
            lines += _section(content, section)
    if layout.others:
        lines += ["", f"## Also about {load_framework().scope}", ""]
        lines += [_story(content, story) for story in layout.others[:SHOWN_PER_SECTION]]
        lines += _more(len(layout.others))
    lines += ["", "## What we could not see", ""]
    gaps = [
        f"- {escaped(gap.name)}: {escaped(brief.gap_words(gap.kind, gap.since))}"
        + (f" ({escaped(gap.reason)})" if gap.reason else "")
        for gap in content.gaps
    ]
    lines += gaps or ["Every source answered, and none has been silent for three weeks."]
    lines += ["", "## How this was made", ""]
    lines += [f"{escaped(paragraph)}\n" for paragraph in phrases.method(content)]
    return "\n".join(lines)


def _section(content: EditionContent, section: Section) -> list[str]:
    lines = ["", f"### {escaped(section.theme.heading)}", ""]
    if words := phrases.section_words(content, section):
        lines += [escaped(words), ""]
    if not section.count:
        return [*lines, escaped(phrases.empty_words(content, section))]
    lines += [_story(content, story) for story in section.stories[:SHOWN_PER_SECTION]]
    if section.above:
        lines += ["", f"*Under “The stories that matter”: {'; '.join(escaped(s.title) for s in section.above)}*"]
    return lines + _more(len(section.stories))


def _story(content: EditionContent, story: StoryItem, *, lead: bool = False) -> str:
    lines = [f"- **{link(story.title, story.url)}**", escaped(phrases.story_meta(story))]
    if quoted := phrases.quote(story):
        lines.append(f"*“{escaped(quoted)}”*")
    themes = [phrases.kicker(content, story)] if lead and story.primary else []
    if labels := [*themes, *phrases.labels(content, story)]:
        lines.append(escaped(f"{'Themes' if lead else 'Also on'}: {' · '.join(labels)}"))
    if story.copies:
        lines.append(escaped(f"Also in: {', '.join(copy.outlet for copy in story.copies)}"))
    return "  \n  ".join([*lines, f"article {story.id}"])  # its number: what the form of `review` asks for


def _more(count: int) -> list[str]:
    more = count - SHOWN_PER_SECTION
    return ["", f"and {more} more in the web edition"] if more > 0 else []
