"""How much of an article a page gives: all, its opening, nothing but a wall. Pure rules on text and facts."""

import re

from flows.reading.page_facts import PageFacts
from models.outcomes import TextStatus

# A page under this many words may be a teaser; news in brief is as short, so something else must say so too.
SHORT_WORDS = 160
# From so many on, the text is there to be read, whatever the page says of subscriptions (a metered wall).
LONG_WORDS = 400
# By which a count of letters may differ from ours: some count markup, captions and headlines as well.
LETTERS_SLACK = 0.3
_WALL = re.compile(
    r"(?i)\b(?:subscribe|sign ?in|log ?in|register|become a (?:member|subscriber)|start your (?:free )?trial)\b"
    r"[^.!?\n]{0,60}\b(?:to (?:continue|keep) reading|to (?:read|view|access|unlock)|for (?:full|unlimited) access"
    r"|and (?:continue|keep) reading)"
    r"|\bto (?:continue|keep) reading\b|\bto read (?:the full|this|the rest of the) (?:article|story)\b"
    r"|\b(?:this (?:article|story|content|page) is|only available to|available (?:only|exclusively) to|exclusive to"
    r"|reserved for) (?:for |to |an? )?(?:registered |our |paying |premium |free )*"
    r"(?:subscribers?|members?|users|readers)\b"
    r"|\byou(?:'|’)ve reached your (?:\w+ )?limit\b"
    r"|\balready (?:a|an) (?:subscriber|member|registered user)\b|\balready have an account\?"
    r"|\bunlock this (?:article|story)\b|\bget unlimited access\b|\bpremium (?:article|content)\b"
)
_CONSENT = re.compile(
    r"(?i)\b(?:cookies?|consent|gdpr|privacy (?:policy|settings|choices|notice)|manage (?:my |your )?(?:settings"
    r"|preferences|choices|options)|personal(?:ised)? (?:data|ads|advert\w*|content)|accept all|reject all"
    r"|our (?:\d+ )?partners|vendors|legitimate interest|store and/or access|ad measurement|audience research"
    r"|tracking technolog\w+)\b"
)
_TO_THE_READER = re.compile(r"(?i)\b(?:we|our|us|you|your)\b")  # a banner speaks to the reader, news seldom does
_NOT_FOUND_TITLE = re.compile(
    r"(?i)\b(?:404|not found|page (?:can(?:'|’)?t|cannot|could not|couldn(?:'|’)t) be found|no longer (?:available"
    r"|exists?)|page (?:missing|unavailable|removed)|doesn(?:'|’)t exist|does not exist|nothing (?:was )?found"
    r"|content not available|oops)\b"
)
_NOT_FOUND_TEXT = re.compile(
    r"(?i)\b(?:page|article|story|content|link|address|url)\b[^.!?\n]{0,60}\b(?:not (?:be )?found|can(?:'|’)?t be found"
    r"|no longer (?:available|exists?|here|online)|doesn(?:'|’)t exist|does not exist"
    r"|(?:been |was )?(?:moved|removed|deleted|archived))"
    r"|\bwe (?:can(?:'|’)?t|couldn(?:'|’)t|could not|cannot) find\b"
)
_TRAILS_OFF = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])\s*$")
_READ_MORE = re.compile(
    r"(?i)\b(?:read (?:the )?(?:full (?:story|article)|more|on)|continue reading|click here to read)\b[^.!?\n]{0,40}$"
)
_SCRIPTS_NEEDED = re.compile(r"(?i)\b(?:enable|turn on|requires?|need|without) (?:your )?(?:java ?script|cookies)\b")


def judge(text: str, facts: PageFacts, page_text: str) -> TextStatus:
    """The status of `text`; HEADLINE where it is not the article's.

    Args:
        page_text: the visible text around it, where walls announce themselves; may be cut.
    """
    words = len(text.split())
    if not words or is_consent_wall(text) or is_not_found(text, facts):
        return TextStatus.HEADLINE
    if words < SHORT_WORDS and _SCRIPTS_NEEDED.search(text) and words < 40:
        return TextStatus.HEADLINE
    declared = 0 if _counts_letters(text, words, facts.declared_words) else facts.declared_words
    if words >= LONG_WORDS and not (declared and words < declared // 2):
        return TextStatus.FULL
    walled = _WALL.search(text[-1500:]) or (words < SHORT_WORDS and _WALL.search(page_text))
    cut = bool(declared and words < 0.5 * declared)
    if facts.subscribers_only and (walled or cut or words < LONG_WORDS):
        return TextStatus.PAYWALLED
    if walled:
        return TextStatus.PAYWALLED
    if cut or _TRAILS_OFF.search(text) or _READ_MORE.search(text):
        return TextStatus.TEASER
    if words < SHORT_WORDS and _says_no_more(text, facts.description):
        return TextStatus.TEASER
    return TextStatus.FULL


def _counts_letters(text: str, words: int, declared: int) -> bool:
    """Whether the declared number of words is one of letters, as some content systems give it.

    Of a text that may be a teaser, it counts only where it fits closely: the sixth part of an article has as many letters
    as the whole has words.
    """
    if words < SHORT_WORDS:
        return False
    slack = LETTERS_SLACK if words >= LONG_WORDS else LETTERS_SLACK / 3
    return abs(declared - len(text)) <= slack * len(text)


def is_consent_wall(text: str) -> bool:
    """Whether the text is about cookies and consent rather than news: most of its paragraphs are."""
    paragraphs = [line for line in text.split("\n") if line.strip()]
    total = sum(len(line.split()) for line in paragraphs)
    if not total or total > 600:
        return False
    if len(_TO_THE_READER.findall(text)) < max(2, total // 40):
        return False
    about = sum(
        len(line.split()) for line in paragraphs if len(_CONSENT.findall(line)) >= (2 if len(line) > 200 else 1)
    )
    return about >= 0.5 * total and len(_CONSENT.findall(text)) >= 3


def is_not_found(text: str, facts: PageFacts) -> bool:
    """Whether the page says "not found" though its status was 200: a short text, and no article in its data."""
    if len(text.split()) > 120 or facts.declared_words > 120:
        return False
    says_title = _NOT_FOUND_TITLE.search(facts.title) is not None
    says_text = _NOT_FOUND_TEXT.search(text) is not None
    return (says_title and (says_text or not facts.is_article)) or (
        says_text and not facts.is_article and facts.published_at is None and len(text.split()) < 60
    )


def _says_no_more(text: str, description: str) -> bool:
    """Whether the text is but the page's own description."""
    said, told = set(text.lower().split()), set(description.lower().split())
    return len(told) > 8 and len(said - told) <= 0.2 * len(said)
