"""Filing a batch of read entries: each becomes an article, a copy within another's story, or another address of an article."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from flows.web.page_facts import choose_published
from models.admission import ReadEntry, text_status_of
from models.outcomes import Outcome, TextStatus
from models.sources import Source
from models.store.collecting import NewRows, Row
from models.store.tables import Article
from models.stories import Report, StoryIndex, fingerprint

# Outcomes after which nothing is stored: the next run meets the entry again.
_NOT_STORED = frozenset({Outcome.DEFERRED, Outcome.REFUSED, Outcome.INVALID})
# A first reading that may turn out to be a copy of another outlet's report.
_MAY_BE_COPY = frozenset(Outcome) - _NOT_STORED - {Outcome.OTHER_LANGUAGE, Outcome.FAILED}


class Filing:
    """One batch: decides what becomes of each entry and collects the rows that say so; the caller stores them."""

    def __init__(
        self,
        index: StoryIndex,
        now: datetime,
        *,
        stored: Mapping[str, int],
        earlier: Mapping[int, Article],
        article_ids: Iterator[int],
        story_ids: Iterator[int],
    ) -> None:
        """`stored`: articles by address, of those that the batch may hold; `earlier`: by id, those that it reads again."""
        self.rows = NewRows()
        self.texts: dict[int, str] = {}  # of this batch's articles, for the index to compare with
        self._index = index
        self._now = now
        self._stored = dict(stored)
        self._earlier = earlier
        self._article_ids = article_ids
        self._story_ids = story_ids

    def file(self, read: ReadEntry) -> Outcome:
        """Make the rows of one entry; its final outcome."""
        if read.outcome in _NOT_STORED:
            return read.outcome
        address = address_of(read)
        earlier = self._earlier.get(read.candidate.article_id or 0)
        if earlier is None and (known := self._stored.get(address)) is not None:
            # Another entry, or another process, brought the same page under its canonical address.
            self.rows.aliases[read.candidate.entry.url] = known
            return Outcome.KNOWN
        row = page_columns(read, self._now)
        if earlier is None:
            row |= source_columns(read.candidate.source)
            row |= {"id": next(self._article_ids), "url": address, "first_seen_at": self._now, "story_id": None}
        else:
            row |= {"id": earlier.id, "story_id": earlier.story_id}
            if row["text"] and not earlier.text:
                row["model_version"] = None  # it was judged by its headline: it waits to be tagged once more
            address = earlier.url
        seen_at = row["published_at"] or (earlier.first_seen_at if earlier is not None else self._now)
        row["outcome"] = self._fold(row, read.outcome, seen_at)
        (self.rows.articles if earlier is None else self.rows.read_again).append(row)
        self._stored[address] = row["id"]
        if address != read.candidate.entry.url:
            self.rows.aliases[read.candidate.entry.url] = row["id"]
        if row["text"]:
            self.texts[row["id"]] = row["text"]
        self._index.add(Report(row["id"], row["story_id"], row["outlet"], row["title"], seen_at, row["fingerprint"]))
        return Outcome(row["outcome"])

    def _fold(self, row: Row, outcome: Outcome, seen_at: datetime) -> Outcome:
        """Give an article without a story the one of which it is a copy, or one of its own; the outcome that it has then."""
        if row["story_id"] is not None:
            return outcome
        if outcome in _MAY_BE_COPY:
            match = self._index.find(
                fingerprint=row["fingerprint"],
                text=row["text"],
                title=row["title"],
                outlet=row["outlet"],
                seen_at=seen_at,
            )
            if match is not None:
                row["story_id"] = match.story_id
                self.rows.with_copies.add(match.story_id)
                return Outcome.COPY
        row["story_id"] = next(self._story_ids)
        story = {"id": row["story_id"], "lead_article_id": row["id"], "first_seen_at": self._now, "outlets": 1}
        self.rows.stories.append(story)
        return outcome


def page_columns(read: ReadEntry, seen_at: datetime) -> Row:
    """What was read of an article this time, as columns; `seen_at`: no date of publication is later."""
    candidate, page = read.candidate, read.page
    entry = candidate.entry
    status = text_status_of(read.outcome, page)
    keeps_text = page is not None and status in {TextStatus.FULL, TextStatus.TEASER}
    text = page.text if page is not None and keeps_text else None
    published = page.published_at if page is not None else None
    return {
        "outlet": entry.outlet or candidate.source.label,
        "title": entry.title or (page.title if page is not None else ""),
        "summary": entry.summary,
        "author": (page.author if page is not None else None) or entry.author,
        "published_at": choose_published(published, entry.published_at, seen_at),
        "language": (page.language if page is not None else None) or entry.language,
        "text": text,
        "text_status": status.value,
        "words": len(text.split()) if text else 0,
        "paywalled": entry.paywalled or status is TextStatus.PAYWALLED,
        "attempts": candidate.attempts + (read.reply is not None),
        "fingerprint": fingerprint(text) if text and status is TextStatus.FULL else None,
    }


def source_columns(source: Source) -> Row:
    """Where an article comes from, with what the registry says of that source now: set when the article is stored."""
    return {"source": source.id, **source.origin}


def address_of(read: ReadEntry) -> str:
    """The address that an article is stored under: the canonical one where its page names one."""
    page = read.page
    return page.canonical_url if page is not None and page.canonical_url else read.candidate.entry.url
