"""Folding the articles of a batch into stories, when they come and when their text arrives or changes."""

from collections.abc import Iterator
from datetime import datetime

from models.outcomes import Outcome
from models.store.collecting import NewRows, Row
from models.stories import Report, StoryIndex

_APART = frozenset({Outcome.OTHER_LANGUAGE})  # never a copy: what it shares with others are names


class StoryFolder:
    """Finds the story of each article; writes it into the article's row and what follows of it into `rows`."""

    def __init__(self, index: StoryIndex, rows: NewRows, now: datetime, story_ids: Iterator[int]) -> None:
        self.texts: dict[int, str] = {}  # of this batch's articles
        self._index = index
        self._rows = rows
        self._now = now
        self._story_ids = story_ids

    def fold(self, row: Row, outcome: Outcome, seen_at: datetime) -> Outcome:
        """Give an article without a story the one of which it is a copy, or one of its own; the outcome that it has then."""
        match = None
        if outcome not in _APART:
            match = self._index.find(
                fingerprint=row["fingerprint"],
                text=row["text"],
                title=row["title"],
                outlet=row["outlet"],
                seen_at=seen_at,
            )
        if match is not None:
            row["story_id"] = match.story_id
            self._rows.unsettled.add(match.story_id)
            outcome = outcome if outcome.leaves_page_owed else Outcome.COPY
        else:
            row["story_id"] = self._new_story(row["id"])
        self._remember(row, seen_at)
        return outcome

    def fold_again(
        self, row: Row, outcome: Outcome, seen_at: datetime, *, first_text: bool, same: int | None = None
    ) -> Outcome:
        """Find the story of an article that has one, now that it has a (new) text; its outcome then.

        Args:
            first_text: until now it was known by its headline alone.
            same: the article that is the same page under another address.
        """
        own, number = row["story_id"], row["id"]
        match = self._index.find(
            fingerprint=row["fingerprint"],
            text=row["text"],
            title=row["title"],
            outlet=row["outlet"],
            seen_at=seen_at,
            article_id=number,
            story_id=own,
        )
        found = match.story_id if match is not None else None
        if same is not None and (known := self._index.story_of(same)) is not None:
            found = known
        others = self._index.others(number, own)
        if found is None and first_text and others:
            row["story_id"] = self._new_story(number)  # it was there for its headline alone, and tells something else
            self._rows.unsettled |= {own, row["story_id"]}
        elif found is not None and found != own:
            # Where the others have texts of their own, which are not this one, they stay; else the older story stays, with all.
            row["story_id"] = found if any(one.fingerprint is not None for one in others) else min(own, found)
            movers = self._index.others(number, found if row["story_id"] == own else own)
            if row["story_id"] == own or all(one.fingerprint is None for one in others):
                for mover in movers:
                    self._rows.moves[mover.article_id] = row["story_id"]
                    self._index.move(mover.article_id, row["story_id"])
            self._rows.unsettled |= {own, found}
        self._remember(row, seen_at)
        return Outcome.COPY if found is not None else outcome

    def _new_story(self, lead: int) -> int:
        story = next(self._story_ids)
        self._rows.stories.append({"id": story, "lead_article_id": lead, "first_seen_at": self._now, "outlets": 1})
        return story

    def _remember(self, row: Row, seen_at: datetime) -> None:
        if row["text"]:
            self.texts[row["id"]] = row["text"]
        self._index.add(Report(row["id"], row["story_id"], row["outlet"], row["title"], seen_at, row["fingerprint"]))
