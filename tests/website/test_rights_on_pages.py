"""No page, feed or export shows more of an article than its rights class allows, of all that one address shows together."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.publishing.edition import compose_edition
from flows.publishing.mailer import Sender
from models.settings import Settings
from models.sources import Registry
from models.store.database import open_database
from tests.edition.test_rights import LONG, RIGHTS
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, visitor

SOURCES = tuple(fakes._source(f"of-{name}", f"The {name.title()} Paper", rights=name) for name in RIGHTS)
REGISTRY = fakes.REGISTRY.model_copy(update={"sources": SOURCES})
THEMES = [theme.id for theme in fakes.THEMES[:4]]


def sentence(number: int, name: str) -> str:
    return f"Words{number} of-{name} " + LONG


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visitor, Visitor, dict[str, int]]]:
    """Stories of each class, of which every theme has a sentence of its own, and so has the summary; with the registry as it
    was, and with one that has become stricter since."""
    folder: Path = tmp_path_factory.mktemp("rights")
    numbers: dict[str, int] = {}
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        with database.write() as session:
            for name, source in zip(RIGHTS, SOURCES, strict=True):
                told = [(theme, sentence(number, name), 0.9 - number / 100) for number, theme in enumerate(THEMES)]
                lead = fakes.add_story(
                    session, source=source, title=f"Headline {name}", at=fakes.WEEK.start, themes=told
                )
                bare = fakes.add_story(
                    session, source=source, title=f"Bare {name}", at=fakes.WEEK.start, themes=[(THEMES[0], "", 0.9)]
                )
                for one in (lead, bare):
                    one.rights, one.summary = name, sentence(8, name)
                    one.text = "\n".join([*(said for _, said, _ in told), sentence(9, name)])
                    session.add(one)
                numbers[name] = lead.id or 0
        settings = Settings(data=folder)
        sender = Sender("Monitor", "monitor@example.org")
        compose_edition(database, REGISTRY, settings, sender, fakes.WEEK, fakes.MONDAY_7)
        strict = Registry(
            sources=tuple(source.model_copy(update={"rights": "discovery"}) for source in SOURCES),
            rights=REGISTRY.rights,
        )
        yield visitor(database, settings, REGISTRY), visitor(database, settings, strict), numbers


def addresses(numbers: dict[str, int]) -> list[str]:
    return [
        "/", "/2026-W47.html", *(f"/themes/{theme}" for theme in THEMES), "/recommendations", "/search?q=headline",
        f"/search?theme={THEMES[1]}", "/search?q=words8&all=1", "/feed.atom", f"/feed.atom?theme={THEMES[2]}", "/api/stories",
        "/stories.csv", "/dates.ics", *(f"/stories/{number}" for number in numbers.values()),
    ]  # fmt: skip


def quoted(page: str) -> dict[str, int]:
    """How many words of each story's evidence, summary and text an answer holds, different stories of a class apart."""
    found: dict[str, int] = {}
    for story in re.split(r"<article|<entry|\n|\{\"id\"|Why it was tagged", page):
        for name in RIGHTS:
            starts = set(re.findall(rf"Words\d of-{name}\b[^<“”]*", story))
            words = sum(len(re.findall(r"\bq\d+", one)) + 2 for one in starts)
            found[name] = max(found.get(name, 0), words)
    return found


def test_no_address_shows_more_than_a_class_allows(stored: tuple[Visitor, Visitor, dict[str, int]]) -> None:
    reader, _, numbers = stored
    most = dict.fromkeys(RIGHTS, 0)
    for address in addresses(numbers):
        answer = reader.get(address)
        assert answer.status_code == 200, address
        assert "Words9" not in answer.text, address  # of the text itself nothing is shown
        for name, words in quoted(answer.text).items():
            assert words <= RIGHTS[name].quotation_words, (address, name)
            most[name] = max(most[name], words)
    assert most["discovery"] == 0
    assert most["headline"] > 30  # what may be shown is shown: the measure sees it


def test_all_pages_together_quote_the_same_words_of_an_article(
    stored: tuple[Visitor, Visitor, dict[str, int]],
) -> None:
    reader, _, numbers = stored
    held = {
        word
        for address in addresses(numbers)
        for word in re.findall(r"Words[0-7] of-headline", reader.get(address).text)
    }
    assert held == {"Words0 of-headline"}


def test_a_class_that_has_become_stricter_rules_at_once(stored: tuple[Visitor, Visitor, dict[str, int]]) -> None:
    _, reader, numbers = stored
    for address in addresses(numbers):
        assert not re.search(r"Words\d", reader.get(address).text.replace("words8", "")), address
