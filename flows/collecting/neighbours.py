"""What the pages of a run say of each other: the same text on many addresses, one address claimed by many pages.

A page alone does not tell that its text is a notice of the site, or that its canonical link is that of another page,
which the template or a cache put there. Its neighbours do: so every entry is met before any page is read, and a page
whose text has nothing to do with its headline waits for the others of its host before it is believed.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import replace

from models.admission import ReadEntry
from models.entries import Entry, Page
from models.furniture import is_unrelated, without_headline
from models.outcomes import TextStatus
from models.page_identity import alike
from models.store.tables import Article
from models.stories import is_copy


class Neighbours:
    """The pages of one run. `meet` every entry at once, then `begin`, `settle` and `end` for each page that is read."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}  # of entries and pages, by address
        self._claims: dict[str, str] = {}  # who first gave an address as its own: the headline
        self._texts: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)  # addresses and headlines, by text
        self._busy: Counter[str] = Counter()
        self._idle: dict[str, asyncio.Event] = {}

    def meet(self, entry: Entry) -> None:
        """An entry that is about to be read."""
        self._titles.setdefault(entry.url, entry.title)

    def begin(self, host: str) -> None:
        """A page of the host is being read."""
        self._busy[host] += 1

    def end(self, host: str) -> None:
        """It has been read, or not."""
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]
            self._idle.pop(host, asyncio.Event()).set()

    async def settle(self, entry: Entry, page: Page, host: str) -> Page:
        """The page without an address that is another page's, and without a text that is the site's."""
        page = self._addressed(entry, page)
        text = without_headline(page.text, page.title, entry.title)
        if not text or not is_unrelated(entry.title, text):
            return page
        self._texts[hash(text)].add((entry.url, entry.title))
        while host in self._busy:
            await self._idle.setdefault(host, asyncio.Event()).wait()
        if self._is_repeated(text):
            return replace(page, text="", text_status=TextStatus.HEADLINE, gone=False)
        return page

    def _addressed(self, entry: Entry, page: Page) -> Page:
        canonical = page.canonical_url
        if canonical is None or canonical == entry.url:
            return page
        headline = entry.title or page.title
        other = self._titles.get(canonical) or self._claims.get(canonical)
        if "#" in entry.url or (other and headline and not alike(headline, other)):
            return replace(page, canonical_url=None)
        self._claims.setdefault(canonical, headline)
        return page

    def _is_repeated(self, text: str) -> bool:
        """Whether other addresses with other headlines gave the same text."""
        places = self._texts[hash(text)]
        titles = [title for _, title in places]
        return len(places) > 1 and any(not alike(titles[0], title) for title in titles[1:])


def claims_anothers(read: ReadEntry, stored: Article) -> bool:
    """Whether a page gives as its own the address of an article of an earlier run that is plainly another report."""
    entry, page = read.candidate.entry, read.page
    if page is None or page.canonical_url in {None, entry.url} or stored.id == read.candidate.article_id:
        return False
    title = entry.title or page.title if stored.text else page.title
    return not alike(title, stored.title) and not (page.text and stored.text and is_copy(page.text, stored.text))
