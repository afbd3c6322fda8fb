"""A batch of entries: what is listed becomes an article at once; what is read completes it and finds its story.

Nothing is decided here that `models.admission`, `models.revisits` and `models.stories` do not say; this makes the rows.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from flows.collecting.page_visits import claims_anothers
from flows.collecting.turns import look_again_at
from flows.reading.page_dates import choose_published
from models.admission import Candidate, ReadEntry, address_of, digest_of, headline, is_same_text, text_status_of
from models.copies import fingerprint
from models.folding import StoryFolder
from models.outcomes import Outcome, TextStatus
from models.revisits import after_visit
from models.sources import Source
from models.store.collecting import NewRows, Row
from models.store.tables import Article
from models.stories import StoryIndex

_TEXTS = frozenset({TextStatus.FULL, TextStatus.TEASER})


class Batch:
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
        self._folder = StoryFolder(index, self.rows, story_ids)
        self._now = now
        self._stored = dict(stored)
        self._earlier = dict(earlier)
        self._article_ids = article_ids

    @property
    def texts(self) -> Mapping[int, str]:
        """Of this batch's articles, for the index to compare with."""
        return self._folder.texts

    def enlist(self, candidate: Candidate) -> int:
        """Store an entry with what its listing says, its page being owed; the number of the article. No story yet."""
        number = next(self._article_ids)
        read = ReadEntry(candidate, Outcome.DEFERRED)
        self.rows.articles.append(self._read_row(read, None) | self._first_row(read, number) | said(candidate))
        self._stored[candidate.entry.url] = number
        return number

    def add(self, read: ReadEntry) -> Outcome:
        """Make the rows of one entry; its final outcome."""
        if read.candidate.seen_at is not None:
            return self._file_past(read, read.candidate.seen_at)
        earlier = self._earlier.get(read.candidate.article_id or 0)
        if read.outcome is Outcome.INVALID or (read.outcome is Outcome.REFUSED and earlier is None):
            return read.outcome
        if earlier is None:
            return self._file_first(read)
        if read.candidate.recheck:
            return self._recheck(read, earlier)
        if read.outcome is Outcome.REFUSED and earlier.story_id is None:
            self.rows.dropped.append(read.candidate.article_id or 0)  # listed by this run: never shown, never linked to
            return Outcome.REFUSED
        if earlier.story_id is not None and (read.outcome.leaves_page_owed or read.outcome is Outcome.REFUSED):
            status = TextStatus.FAILED if read.outcome is Outcome.FAILED else earlier.text_status
            row = {"id": earlier.id, "attempts": _tries(read), "text_status": status}
            self.rows.changes.append(row | self._debt(read, earlier))
            return read.outcome
        return self._file_again(read, earlier)

    def change(self, row: Row, *, old_title: str = "") -> None:
        """Change columns of an article; a new headline keeps the old one and has the article tagged once more."""
        if old_title and row.get("title", old_title) != old_title:
            row["model_version"] = None
            self.rows.headlines.append({"article_id": row["id"], "title": old_title, "replaced_at": self._now})
        self.rows.changes.append(row)
        if (earlier := self._earlier.get(row["id"])) is not None:  # what comes next of this batch goes on from there
            for name, value in row.items():
                setattr(earlier, name, value)

    def _file_first(self, read: ReadEntry) -> Outcome:
        """An entry that is not stored yet, with all that is to be had of it."""
        address = self._address_of(read)
        if (known := self._stored.get(address)) is not None:
            # Another entry, or another process, brought the same page under its canonical address.
            self.rows.aliases[read.candidate.entry.url] = known
            return Outcome.KNOWN
        row = self._read_row(read, None) | self._first_row(read, next(self._article_ids)) | said(read.candidate)
        row["url"] = address
        outcome = self._folder.fold(row, read.outcome, row["published_at"] or self._now, self._now)
        row["outcome"] = outcome
        self.rows.articles.append(row)
        self._stored[address] = row["id"]
        if address != read.candidate.entry.url:
            self.rows.aliases[read.candidate.entry.url] = row["id"]
        return outcome

    def _file_past(self, read: ReadEntry, seen_at: datetime) -> Outcome:
        """What a backfill read: whatever ran first, of two captures of a page the earlier stays, and its story is found later.

        What can't be had now is not stored: the part of the backfill that it belongs to is not finished, and comes again.
        """
        if read.outcome.leaves_page_owed or read.outcome is Outcome.REFUSED:
            return read.outcome
        address, outcome = address_of(read), read.outcome
        if (number := self._stored.get(address)) is None:
            number = self._stored[address] = next(self._article_ids)
            self.rows.articles.append(self._read_row(read, None) | self._first_row(read, number) | {"url": address})
        elif (stored := self._earlier.get(number)) is not None and _waits(stored) and seen_at < stored.first_seen_at:
            self.change(self._read_row(read, None) | self._first_row(read, number) | {"url": address})
        else:
            outcome = Outcome.KNOWN
        if address != read.candidate.entry.url:
            self.rows.aliases[read.candidate.entry.url] = number
        return outcome

    def _file_again(self, read: ReadEntry, earlier: Article) -> Outcome:
        """The page of an article that its listing made, in this run or an earlier one."""
        assert earlier.id is not None
        address, outcome = self._address_of(read), read.outcome
        known = self._stored.get(address)
        same = known if known is not None and known != earlier.id else None
        if same is not None and earlier.story_id is None:
            self.rows.dropped.append(earlier.id)  # the same page, under its canonical address
            self.rows.aliases[earlier.url] = same
            self._earlier.pop(earlier.id)
            return self._complete(read, same)
        row = self._read_row(read, earlier) | {"id": earlier.id, "story_id": earlier.story_id}
        seen_at = row["published_at"] or earlier.first_seen_at
        if earlier.story_id is None:
            row |= {"url": address, "model_version": None}
            row["outcome"] = outcome = self._folder.fold(row, outcome, seen_at, self._now)
            self.rows.changes.append(row)
            self._stored[address] = earlier.id
            if address != earlier.url:
                self.rows.aliases[earlier.url] = earlier.id
            return outcome
        if row["text"]:
            row["model_version"] = None  # it was judged by its headline: it waits to be tagged once more
            row["outcome"] = outcome = self._folder.fold_again(
                row, outcome, seen_at, self._now, url=earlier.url, same=same, first_text=not earlier.text
            )
        else:
            row["outcome"] = earlier.outcome if earlier.outcome == Outcome.COPY else outcome
        self.change(row, old_title=earlier.title)
        return outcome

    def _address_of(self, read: ReadEntry) -> str:
        """The canonical address, unless what is stored there since an earlier run is plainly another report."""
        address = address_of(read)
        target = self._earlier.get(self._stored.get(address, 0))
        return read.candidate.entry.url if target is not None and claims_anothers(read, target) else address

    def _complete(self, read: ReadEntry, article_id: int) -> Outcome:
        """What an entry's page gives to the article that is stored under its canonical address."""
        target = self._earlier.get(article_id)
        page = read.page
        if target is None or target.story_id is None or target.text_status in _TEXTS or page is None or not page.text:
            return Outcome.KNOWN
        self._file_again(read, target)
        return Outcome.UPDATED

    def _recheck(self, read: ReadEntry, earlier: Article) -> Outcome:
        """A page that was read before: what it says now is taken over where it says more than that it is closed."""
        row: Row = {
            "id": earlier.id,
            "page_checked_at": self._now,
            "page_due_at": look_again_at(read, earlier, self._now),
        }
        page = read.page
        status = text_status_of(read.outcome, page)
        if page is None or status not in _TEXTS:
            self.rows.changes.append(row)
            return read.outcome
        if read.reply is not None:
            row |= {"page_sha256": read.sha256, "page_etag": read.etag, "page_title": page.title or earlier.page_title}
        title = page.title if earlier.page_title and page.title and page.title != earlier.page_title else earlier.title
        purged = earlier.text is None and earlier.text_status == TextStatus.FULL
        more = status is TextStatus.FULL or earlier.text_status != TextStatus.FULL
        new_text = more and not purged and not is_same_text(page.text, earlier.text)
        if new_text:
            kept = {"model_version": None, "story_id": earlier.story_id, "outlet": earlier.outlet, "title": title}
            row |= _text_columns(page.text, status) | kept
            if not _waits(earlier):
                seen_at, url, first = earlier.published_at or earlier.first_seen_at, earlier.url, not earlier.text
                outcome = self._folder.fold_again(row, read.outcome, seen_at, self._now, url=url, first_text=first)
                row |= {"outcome": outcome} if first else {}
        if title != earlier.title:
            row["title"] = title
        self.change(row, old_title=earlier.title)
        return Outcome.UPDATED if new_text or title != earlier.title else Outcome.KNOWN

    def _first_row(self, read: ReadEntry, number: int) -> Row:
        """What is known of an article from its listing alone, and never again."""
        return listed_columns(read.candidate) | {
            "id": number,
            "url": read.candidate.entry.url,
            "first_seen_at": read.candidate.seen_at or self._now,
            "story_id": None,
            "backfilled": read.candidate.seen_at is not None,
            "outcome": read.outcome,
        }

    def _read_row(self, read: ReadEntry, earlier: Article | None) -> Row:
        """What was read this time, over what is known already."""
        return page_columns(read, read.candidate.seen_at or self._now, earlier) | {
            "outlet": earlier.outlet if earlier is not None else "",
            "attempts": _tries(read),
            "page_title": (read.page.title or None) if read.page is not None else None,
            "page_sha256": read.sha256,
            "page_etag": read.etag,
            **self._debt(read, earlier),
        }

    def _debt(self, read: ReadEntry, earlier: Article | None) -> Row:
        """What is still due to the article, and when its page was read."""
        since = earlier.page_owed_since if earlier is not None else None
        debt = after_visit(
            read.outcome,
            owed_since=since or self._now,
            tries=_tries(read),
            now=self._now,
            retry_after=read.reply.retry_after if read.reply is not None else None,
            detail=read.detail,
        )
        was_read = read.reply is not None and debt.owed_since is None and debt.given_up is None
        due_at = look_again_at(read, earlier, self._now) if was_read and read.page is not None else debt.due_at
        return {
            "page_owed_since": debt.owed_since,
            "page_due_at": due_at,
            "page_given_up": debt.given_up,
            "page_checked_at": self._now if was_read else None,
        }


def listed_columns(candidate: Candidate) -> Row:
    """What an entry's listing, and its source, say of an article that is known by nothing else yet."""
    entry = candidate.entry
    return {
        **source_columns(candidate.source),
        "outlet": entry.outlet or candidate.source.label,
        "summary": entry.summary,
    }


def said(candidate: Candidate) -> Row:
    """What its listing said, by which it is known whether it says something else later."""
    return {"listed_title": candidate.entry.title, "listed_digest": digest_of(candidate.entry)}


def source_columns(source: Source) -> Row:
    """Where an article comes from, with what the registry says of that source now."""
    return {"source": source.id, **source.origin}


def page_columns(read: ReadEntry, seen_at: datetime, earlier: Article | None = None) -> Row:
    """What its page says of an article, over its listing and what is known of it; no date of publication is after `seen_at`."""
    page, entry = read.page, read.candidate.entry
    status = text_status_of(read.outcome, page)
    stated = page.published_at if page is not None else None
    dated = (earlier.published_at if earlier is not None else None) or entry.published_at
    return {
        "title": headline(
            earlier.title if earlier is not None else entry.title,
            page.title if page is not None else "",
            own_listing=read.candidate.source.speaks_for(entry.url),
        ),
        "author": (page.author if page is not None else None) or entry.author,
        "published_at": choose_published(stated, dated, seen_at, guessed=page is not None and page.date_guessed),
        "language": (page.language if page is not None else None) or entry.language,
        "paywalled": entry.paywalled or status is TextStatus.PAYWALLED,
        **_text_columns(page.text if page is not None and status in _TEXTS else None, status),
    }


def _waits(article: Article) -> bool:
    """Whether it is of the past, and the backfill that found it has still to fold it into a story."""
    return article.backfilled and article.story_id is None


def _text_columns(text: str | None, status: TextStatus) -> Row:
    return {
        "text": text,
        "text_status": status,
        "words": len(text.split()) if text else 0,
        "fingerprint": fingerprint(text) if text and status is TextStatus.FULL else None,
    }


def _tries(read: ReadEntry) -> int:
    return read.candidate.attempts + (read.reply is not None and read.reply.requests > 0)
