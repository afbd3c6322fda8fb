"""The news of an edition in few words: its subject, the line that an inbox shows after it, and the lines of the brief."""

import re
from dataclasses import dataclass, replace

from models.edition.choosing import choose_leads
from models.edition.content import Basis, EditionContent, StoryItem
from models.edition.trend_words import count_stories, count_things, is_part, say_rise
from models.mention_context import NOT_A_PLACE
from models.organisation_names import key_of
from models.text_safety import plain_line
from models.themes import load_framework

PRODUCT = "NHS Culture Monitor"
# Of a subject. A phone shows the first 40 letters of it, a desktop some 70 to 90.
SHORTEST, LONGEST = 60, 90
LEAST_CLAUSE = 28  # letters of what is left of a headline that was cut at a clause; less would not say it
HEADLINE_IN_BRIEF = 90
SPEAK_FOR_THEMSELVES = frozenset({"nhs", "regulator"})  # sectors
_LABEL = re.compile(
    r"(?:exclusive|revealed|breaking|analysis|comment|opinion|watch|live|updated?|investigation|special report)"
    r"\s*(?::|\||–|-)\s+",
    re.IGNORECASE,
)
_LEGAL_FORM = re.compile(r" (?:NHS )?(?:Foundation )?Trust$", re.IGNORECASE)
_CLAUSE = re.compile(r",? (?:–|—|-|after|as|amid|following|while) |[,;:] ")


@dataclass(frozen=True, slots=True)
class NewsLine:
    """One line of the brief: who, what, and where it is told."""

    story: int  # id of its article
    who: str  # organisations that the headline does not name; may be empty
    what: str
    outlets: str  # "5 outlets"; empty where there is one


def write_subject(content: EditionContent) -> str:
    """The news in 60 to 90 letters, the first of them saying it: the lead headline, and where that fits of whom and what rises.

    A headline is cut at a clause before it is cut at a word.
    """
    if not content.stories:
        return _say_silence(content)
    so_far = "" if content.complete else f" (week {content.as_week().number} so far)"
    longest = LONGEST - len(so_far)
    lead = (choose_leads(content) or content.stories)[0]
    heads = _shorter_forms(bare_headline(lead.title))
    who, rise = _LEGAL_FORM.sub("", _unnamed(lead)), say_rise(content)
    said = not set(key_of(who).split()).isdisjoint({*key_of(lead.title).split()} - NOT_A_PLACE)  # by a part of the name
    of_whom = f" ({who})" if who and not said else ""
    rises = f"; {rise}" if rise else ""
    tails = dict.fromkeys((of_whom + rises, of_whom, rises, ""))
    told = next((head + tail for tail in tails for head in heads if len(head + tail) <= longest), "")
    return _fill(told or plain_line(heads[0], longest), content, longest) + so_far


def write_preheader(content: EditionContent) -> str:
    """The line that an inbox shows after the subject: the next two headlines."""
    leads = choose_leads(content) or content.stories
    after = [story for story in (*leads, *content.stories) if story is not leads[0]] if leads else []
    titles = list(dict.fromkeys(bare_headline(story.title) for story in after))[:2]
    return " · ".join(titles) or f"{content.as_week().dates}. {say_numbers(content)}"


def write_news(content: EditionContent) -> tuple[NewsLine, ...]:
    """Up to five lines, one for each story that leads; what its reader watches stands above them already."""
    others = replace(content, stories=tuple(story for story in content.stories if not content.selection.watches(story)))
    return tuple(_line(story) for story in choose_leads(others))


def say_numbers(content: EditionContent, *, has_end: bool = True) -> str:
    """How many stories, from how much that was read, and how much could not be seen (told at the end): one line."""
    added = len(content.stories) - content.found
    found = count_stories(content.found).capitalize()
    if content.found:
        found += f" from {count_things(content.outlets, 'outlet')}"
    for_you = " for your choice" if content.selection.is_narrowed else ""
    read, sources = count_things(content.articles, "article"), count_things(content.sources, "source")
    line = f"{found}{for_you}, out of {read} collected from {sources}."
    line += (
        f" {added}{' more' * bool(content.found)} {'was' if added == 1 else 'were'} added by the editor."
        if added
        else ""
    )
    if count := len(content.gaps):
        line += (
            f" {count} of {content.sources_enabled} sources {'was' if count == 1 else 'were'} not seen or silent"
            f"{': see the end' if has_end else ''}."
        )
    elif content.sources_enabled:
        line += " Every source was seen."
    if count := sum(story.basis in {Basis.SUMMARY, Basis.HEADLINE} for story in content.stories):
        line += f" {count_stories(count).capitalize()} {'was' if count == 1 else 'were'} read from headline or summary only."
    return line


def _line(story: StoryItem) -> NewsLine:
    outlets = count_things(story.outlets, "outlet") if story.outlets > 1 else ""
    return NewsLine(story.id, _unnamed(story), plain_line(bare_headline(story.title), HEADLINE_IN_BRIEF), outlets)


def _unnamed(story: StoryItem) -> str:
    """The first organisation that a story is about and its headline does not name; empty where there is none."""
    known = bare_headline(story.title).casefold()
    # A body that publishes for itself is seldom named in what it says.
    speaking = (story.outlet,) if story.sector in SPEAK_FOR_THEMSELVES else ()
    return next((name for name in story.named or speaking if name.casefold() not in known), "")


def bare_headline(title: str) -> str:
    """A headline without the paper's own label ("Exclusive: …"), its first letter a capital."""
    text = _LABEL.sub("", title, count=1) if _LABEL.match(title) else title
    return text[:1].upper() + text[1:]


def _shorter_forms(headline: str) -> list[str]:
    """A headline, and what is left of it where it is cut at the end of a clause; the longest first."""
    heads = [headline[: found.start()] for found in _CLAUSE.finditer(headline)]
    whole = [
        head.rstrip(" ,;:–—-")
        for head in reversed(heads)
        # Nothing opened stays open: an apostrophe closes as well as a quotation does, so that none is split.
        if len(head) >= LEAST_CLAUSE and head.count("‘") <= head.count("’") and head.count("“") <= head.count("”")
    ]
    return [headline, *whole]


def _fill(subject: str, content: EditionContent, longest: int) -> str:
    """A subject of fewer than 60 letters with the numbers of the week behind it."""
    if len(subject) >= SHORTEST:
        return subject
    numbers = f"; {count_stories(content.found)} from {count_things(content.outlets, 'outlet')}"
    week = f"week {content.as_week().number}"
    for more in (numbers, f"{numbers} in {week}", f"{numbers} · {PRODUCT}, {week}", f" · {PRODUCT}, {week}"):
        if SHORTEST <= len(subject + more) <= longest:
            return subject + more
    return subject


def _say_silence(content: EditionContent) -> str:
    """The subject of a week without stories, for everyone or for one reader's choice."""
    week = f"{'' if content.complete else 'so far '}in week {content.as_week().number}"
    about = f"on {load_framework().subject}"
    read = f"; {count_things(content.articles, 'article')} {'was' if content.articles == 1 else 'were'} read"
    if content.selection.is_narrowed or is_part(content):
        forms = [f"No stories for your choice {week}, {about}", f"No stories for your choice {week}{read} · {PRODUCT}"]
    else:
        forms = [
            f"No stories {week} {about}{read}",
            f"No stories {week} {about}",
            f"No stories {week}{read} · {PRODUCT}",
        ]
    fitting = [form for form in forms if SHORTEST <= len(form) <= LONGEST]
    return fitting[0] if fitting else plain_line(forms[-1], LONGEST)
