"""What becomes of the entries of a poll at once: each is stored, or known, or changes what is stored."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from flows.collecting.batch import Batch, said, source_columns
from flows.collecting.source_polls import Poll
from models.admission import Candidate, Listed, ReadEntry, Stored, cleaned, cleaned_entry, digest_of, listed_as
from models.admission import without_page as kept_without_page
from models.outcomes import Outcome
from models.revisits import may_look_again
from models.sources import Registry
from models.store.collecting import Row


@dataclass(slots=True)
class ListingResult:
    """The entries of one poll: their outcomes (those to be read count as deferred), and which are to be read now."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    candidates: list[Candidate] = field(default_factory=list)


class PollListing:
    """Files the entries of one poll in one transaction."""

    def __init__(
        self,
        poll: Poll,
        registry: Registry,
        batch: Batch,
        stored: Mapping[str, Stored],
        *,
        now: datetime,
        oldest: datetime,
    ) -> None:
        self._poll = poll
        self._sources = registry.by_id()
        self._rights = registry.rights_of(poll.source.id)
        self._batch = batch
        self._stored = stored
        self._now = now
        self._oldest = oldest
        self._result = ListingResult()

    def store(self) -> ListingResult:
        """Every entry has its outcome at the end."""
        outcomes = self._result.outcomes
        outcomes[Outcome.INVALID] += self._poll.invalid
        seen: set[str] = set()
        for entry in self._poll.entries:
            if entry.url in seen:
                outcomes[Outcome.KNOWN] += 1
                continue
            seen.add(entry.url)
            outcomes[self._take(Candidate(self._poll.source, self._rights, cleaned_entry(entry)))] += 1
        return self._result

    def _take(self, candidate: Candidate) -> Outcome:
        source, entry = candidate.source, candidate.entry
        stored = self._stored.get(entry.url)
        kept = kept_without_page(candidate)
        listed = listed_as(
            entry,
            source,
            stored,
            first_source=self._sources.get(stored.source) if stored is not None else None,
            may_read=kept is None or kept.page is not None,
            oldest=self._oldest,
        )
        if listed is Listed.TOO_OLD:
            return Outcome.TOO_OLD
        if stored is None:
            return self._read_or_file(candidate, kept)
        candidate = replace(candidate, article_id=stored.id, attempts=stored.attempts)
        if listed is Listed.CHANGED:
            return self._change(candidate, kept, stored)
        if listed in {Listed.OWN, Listed.FULLER}:
            return self._take_over(candidate, kept, stored, own=listed is Listed.OWN)
        if stored.source == source.id and stored.listed_digest != digest_of(entry):
            row: Row = {
                "id": stored.id,
                **said(candidate),
            }  # kept by an earlier version, or never called updated before
            if kept is None and stored.checked_at and entry.updated_at and entry.updated_at > stored.checked_at:
                row["page_due_at"] = self._now
            self._batch.change(row)
        return Outcome.KNOWN

    def _read_or_file(self, candidate: Candidate, kept: ReadEntry | None) -> Outcome:
        if kept is not None:
            return self._batch.add(cleaned(replace(kept, candidate=candidate)))
        number = candidate.article_id or self._batch.enlist(candidate)
        self._result.candidates.append(replace(candidate, article_id=number))
        return Outcome.DEFERRED

    def _change(self, candidate: Candidate, kept: ReadEntry | None, stored: Stored) -> Outcome:
        """The same source says something else of the entry than it did."""
        entry = candidate.entry
        row: Row = {"id": stored.id, "summary": entry.summary or stored.summary, **said(candidate)}
        retitled = entry.title and entry.title != (stored.listed_title or stored.title)
        if retitled and (stored.checked_at is None or candidate.source.speaks_for(entry.url)):
            row["title"] = entry.title
        changed = row["summary"] != stored.summary or row.get("title", stored.title) != stored.title
        if row["summary"] != stored.summary:
            row["model_version"] = None
        if kept is None and stored.checked_at is not None:
            first, last = stored.first_seen_at, stored.checked_at
            if changed or may_look_again(first_seen_at=first, checked_at=last, now=self._now):
                row["page_due_at"] = self._now  # the page may have changed with it
        self._batch.change(row, old_title=stored.title)
        if kept is not None and kept.page is not None:
            read = replace(kept, candidate=replace(candidate, recheck=True))
            changed |= self._batch.add(cleaned(read)) is Outcome.UPDATED
        return Outcome.UPDATED if changed else Outcome.KNOWN

    def _take_over(self, candidate: Candidate, kept: ReadEntry | None, stored: Stored, *, own: bool) -> Outcome:
        """Another source named the page first: this one has more to give, and the article is its own from now on."""
        source, entry = candidate.source, candidate.entry
        row: Row = {
            "id": stored.id,
            **source_columns(source),
            "outlet": entry.outlet or source.label,
            "summary": entry.summary or stored.summary,
            **said(candidate),
        }
        unread = stored.checked_at is None and not stored.has_text
        if own and unread:
            row |= {"title": entry.title or stored.title}
            row |= {"author": entry.author} if entry.author else {}
            row |= {"published_at": min(entry.published_at, self._now)} if entry.published_at else {}
        reads = unread and kept is None
        row |= {
            "page_owed_since": (stored.owed_since or self._now) if reads else None,
            "page_due_at": self._now if reads else None,
            "page_given_up": None,
        }
        self._batch.change(row, old_title=stored.title)
        if not unread or (kept is not None and kept.page is None):
            return Outcome.UPDATED
        return self._read_or_file(candidate, kept)
