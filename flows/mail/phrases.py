"""The sentences that all three forms of an edition (email, plain text, web page) share, so that none says another thing."""

from dataclasses import dataclass

from models import brief
from models.edition import Basis, EditionContent, StoryItem
from models.layout import Section
from models.themes import load_framework
from models.trends import CHANCE, LEAST_OUTLETS, LEAST_STORIES
from models.weeks import LONDON

NAMED_ELSEWHERE = 3  # headlines of stories that stand under another theme


@dataclass(frozen=True, slots=True)
class Links:
    """Where an edition points; empty where there is no such place."""

    web: str = ""
    archive: str = ""
    unsubscribe: str = ""  # https or mailto, with the recipient's token


def title(content: EditionContent) -> str:
    """The heading of the edition."""
    so_far = "" if content.complete else ", so far"
    return f"Week {content.as_week().number}{so_far}: {brief.dates(content)}"


def standfirst(content: EditionContent) -> str:
    """One line under the heading: what this is."""
    chosen = brief.selection_words(content)
    text = f"What the news says about {load_framework().subject}."
    return f"{text} Your choice: {chosen}." if chosen else text


def story_meta(story: StoryItem) -> str:
    """Outlet, date, nation and sector, and whatever limits what the monitor knew."""
    day = brief.weekday_date(story.day) if story.day_is_published else f"seen {brief.weekday_date(story.day)}"
    parts = [story.outlet, day, brief.story_labels(story)]
    if story.paywalled:
        parts.append("£ subscribers only")
    note = {
        Basis.TEXT: "",
        Basis.OPENING: "tagged from the opening only",
        Basis.SUMMARY: "tagged from the headline and summary only",
        Basis.HEADLINE: "tagged from the headline only",
    }[story.basis]
    parts += [note] if note else []
    if story.late:
        parts.append("came after its week’s edition")
    return " · ".join(parts)


def quote(story: StoryItem) -> str:
    """The evidence sentence for the theme under which the story stands, as far as it may be quoted.

    Quotation marks at its ends are taken off: the edition sets its own.
    """
    text = next((theme.quote for theme in story.themes if theme.quote), "").rstrip(" ;,:")
    if text[:1].islower():  # an item of a list, or a sentence that was cut off at its beginning
        text = f"… {text}"
    if len(text) > 2 and text[0] in '“"' and text[-1] in '”"' and not set(text[1:-1]) & set('“”"'):
        return text[1:-1].strip()
    return text.replace("“", "‘").replace("”", "’")


def story_credit(story: StoryItem) -> str:
    """The credit line beside a quotation, where it says more than the outlet's name, which stands there anyway."""
    return story.credit if quote(story) and not story.credit.startswith(story.outlet) else ""


def licence_lines(content: EditionContent) -> tuple[str, ...]:
    """The licence lines that the quoted sources ask for, each once."""
    lines = {
        story.credit
        for story in content.stories
        if quote(story) and story.credit.startswith(story.outlet) and story.credit != story.outlet
    }
    return tuple(sorted(lines, key=str.casefold))


def kicker(content: EditionContent, story: StoryItem) -> str:
    """The name of the theme under which a story stands; empty for none."""
    note = brief.note_of(content, story.primary)
    return note.name if note else ""


def labels(content: EditionContent, story: StoryItem) -> tuple[str, ...]:
    """The other themes of a story."""
    names = {theme.id: theme.name for theme in content.themes}
    return tuple(names[theme.theme] for theme in story.themes[1:] if theme.theme in names)


def section_words(content: EditionContent, section: Section) -> str:
    """The numbers under a heading, for a section with stories; they count all nations and sectors, or are left out."""
    trend = section.trend
    chosen = content.selection
    if trend is None or not section.count or not trend.now or chosen.nations or chosen.sectors:
        return ""
    verb = "carries" if trend.now == 1 else "carry"
    return f"{brief.stories(trend.now).capitalize()} {verb} this theme{brief.usually(trend)}"


def empty_words(content: EditionContent, section: Section) -> str:
    """What stands under a heading without stories; it never calls silent what only stands elsewhere."""
    so_far = "" if content.complete else " so far"
    elsewhere = [
        story.title for story in content.stories if any(theme.theme == section.theme.id for theme in story.themes)
    ]
    if not elsewhere:
        return f"No items this week{so_far}."
    more = f" and {len(elsewhere) - NAMED_ELSEWHERE} more" if len(elsewhere) > NAMED_ELSEWHERE else ""
    return f"No items of its own this week{so_far}. Under a stronger theme: {'; '.join(elsewhere[:NAMED_ELSEWHERE])}{more}."


def trend_note(content: EditionContent) -> str:
    """How to read the bars."""
    last = "this week" if content.complete else "this week so far"
    everywhere = ", over all nations and sectors" if content.selection.nations or content.selection.sectors else ""
    return (
        f"Stories a week{everywhere}; the last bar is {last}. A story counts once under every theme that it has. "
        "Each chart has its own scale."
    )


def trend_rule() -> str:
    """What the words usual, rising and quiet mean."""
    return (
        "“Usually” leaves out the highest and the lowest tenth of the weeks before. “Rising” needs at least "
        f"{LEAST_STORIES} stories from {LEAST_OUTLETS} outlets, more than usual, and less than a {CHANCE:.0%} chance of so "
        "many if nothing had changed, measured against how much was collected from the same sources; “quiet” is the "
        "reverse. “New” means the first story in the weeks shown."
    )


def method(content: EditionContent) -> tuple[str, ...]:
    """How the edition was made and how to put it right."""
    when = content.composed_at.astimezone(LONDON)
    framework = load_framework()
    earlier = " Part of the weeks before was tagged by an earlier version." if content.model.mixed else ""
    version = f" (version {content.model.version})" if content.model.version else ""
    return (
        f"Composed by machine on {brief.long_date(when.date())} at {when:%H:%M}: no person chose or checked these stories "
        f"unless a reviewer corrected a tag. Every article that was read was compared, sentence by sentence, with the "
        f"themes of {framework.title}{', ' if framework.note else ''}{framework.note}.",
        f"The tags come from a statistical model{version}. {content.model.quality}{earlier}".strip(),
        "A quotation is the sentence that earned the tag, as long as its publisher’s terms allow. "
        "Stories that the model was unsure of are not shown; they wait for a reviewer.",
        "Is a tag wrong? Reply with the headline and what is right, or use the form “review” of the monitor. A correction "
        "counts from the next edition on, and when the model next learns.",
    )


def privacy() -> str:
    """The data protection line."""
    return (
        "Privacy: the monitor keeps your address and what you chose, to send you this and for nothing else. No pictures, "
        "no tracking, no counting of clicks. Leave, and your address is erased within 28 days."
    )


def why(content: EditionContent) -> str:
    """Why someone receives this."""
    chosen = "your choice of themes, nations and sectors" if content.selection else "all themes"
    return f"You receive this because your address is on the {brief.PRODUCT}’s list for a weekly email on {chosen}."
