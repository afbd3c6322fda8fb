"""The same text under headlines of other articles is what a site puts on its pages, whenever they are read: no copy of anything."""

import pytest

from models.outcomes import Outcome
from tests.support.changing_sites import HOUR, World, page, report
from tests.support.fakes_sites import prose

HEADLINES = [
    "Matron of the year named",
    "Ambulance waits fall at last",
    "Surgeon cleared by tribunal",
    "Midwives vote on pay",
]
NOTICE = "<p>Welcome to the home of local journalism, which has served readers of this county since long ago.</p>"
LONG = NOTICE + "".join(f"<p>{words}</p>" for words in prose("about us", 12))
MOST_READ = "".join(
    f"<p>{title} — read on what this means for all of us in the county, and for those who work here.</p>"
    for title in HEADLINES
)


def list_pages(world: World, text: str, headlines: list[str]) -> None:
    """Pages of the paper that differ in their headlines alone."""
    items = {}
    for number, title in enumerate(headlines):
        world.web.pages[f"/news/{number}"] = page(title, text)
        items[world.web.url(f"/news/{number}")] = title
    world.feed("/feed", items)


@pytest.mark.parametrize("together", [True, False], ids=["in one run", "a run later"])
@pytest.mark.parametrize("text", [LONG, MOST_READ], ids=["long", "what is read most"])
def test_a_text_of_the_site_makes_no_copies(world: World, text: str, together: bool) -> None:
    world.source("paper", world.web.url("/feed"))
    for run in range(0 if not together else 3, len(HEADLINES)):
        list_pages(world, text, HEADLINES[: run + 1])
        world.run(run * HOUR)
    assert {name: lead for name, (lead, _) in world.stories().items()} == {str(n): str(n) for n in range(4)}


def test_what_earlier_runs_saw_on_other_pages_is_not_kept_as_a_text(world: World) -> None:
    world.source("paper", world.web.url("/feed"))
    list_pages(world, LONG, HEADLINES[:1])
    world.run()
    list_pages(world, LONG, HEADLINES[:2])
    assert world.run(2 * HOUR).results[0].outcomes == {Outcome.KNOWN: 1, Outcome.NO_TEXT: 1}
    assert world.article("1").text is None


def test_a_report_whose_headline_is_exchanged_is_no_furniture_of_its_own(world: World) -> None:
    world.source("paper", world.web.url("/feed"))
    list_pages(world, LONG, HEADLINES[:1])
    world.run()
    told = (world.article("0").text or "").partition("\n")[2]
    list_pages(world, LONG, HEADLINES[1:2])
    assert world.run(2 * HOUR).outcomes[Outcome.NO_TEXT] == 0
    assert (world.article("0").title, world.article("0").text) == (HEADLINES[1], f"{HEADLINES[1]}\n{told}")


def test_two_feeds_of_one_site_see_the_same_text(world: World) -> None:
    world.source("news", world.web.url("/feed"), name="News of the paper")
    world.source("health", world.web.url("/health"), name="Health in the paper")
    list_pages(world, MOST_READ, HEADLINES[:1])
    world.web.pages["/health/9"] = page(HEADLINES[2], MOST_READ)
    world.feed("/health", {world.web.url("/health/9"): HEADLINES[2]})
    world.run()
    assert len(set(world.stories().values())) == 2


def test_a_report_under_two_addresses_of_a_site_or_on_two_sites_is_one_story(world: World) -> None:
    told = report("the matron")
    world.web.pages |= {"/news/0": page(HEADLINES[0], told), "/health/1": page(f"{HEADLINES[0]} at the ball", told)}
    world.other.pages["/2"] = page("A prize for a nurse of the county", told)
    urls = [world.web.url("/news/0"), world.web.url("/health/1"), world.other.url("/2")]
    titles = [HEADLINES[0], f"{HEADLINES[0]} at the ball", "A prize for a nurse of the county"]
    world.source("paper", world.web.url("/feed"))
    for run in range(3):
        world.feed("/feed", dict(zip(urls[: run + 1], titles, strict=False)))
        world.run(run * 2 * HOUR)
    assert {lead for lead, _ in world.stories().values()} == {"0"}
