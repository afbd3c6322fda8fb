"""What happens to news: feeds, pages, runs, the registry, the clock. See `steps`."""

from datetime import timedelta
from random import Random

from models.weeks import Week
from tests.sequences.newsroom import PAGE_STATES, PAPERS, SEARCH, Report
from tests.sequences.world import World


def feed_grows(world: World, chance: Random) -> str:
    papers = [chance.choice(PAPERS) for _ in range(chance.randint(1, 3))]
    made = [world.newsroom.report(paper, world.now, chance) for paper in papers]
    for one in made:
        one.state = chance.choice(["open"] * 4 + list(PAGE_STATES))
    return f"{', '.join(f'{one.paper} lists {one.path} ({one.state})' for one in made)}"


def copy_comes(world: World, chance: Random) -> str:
    if not world.newsroom.reports:
        return "nothing to copy"
    like = chance.choice(world.newsroom.reports)
    other = PAPERS[1 - PAPERS.index(like.paper)]
    made = world.newsroom.report(other, world.now, chance, like)
    made.state = chance.choice(["open", "open", "failing", "blocked"])
    return f"{other} copies {like.path} as {made.path} ({made.state})"


def named_elsewhere(world: World, chance: Random) -> str:
    """A page is named by the search service or by the other paper: maybe before its own feed does."""
    paper, by = chance.choice(PAPERS), chance.choice([SEARCH, SEARCH, *PAPERS])
    made = world.newsroom.report(paper, world.now, chance)
    url = world.newsroom.url(made)
    if chance.random() < 0.5:
        del world.newsroom.feeds[paper].items[url]
    world.newsroom.feeds[by].items[url] = (f"{made.title} - you will not believe it", made.published)
    return f"{by} lists {made.path} of the {paper}"


def listed_by_its_own(world: World, chance: Random) -> str:
    for report in world.newsroom.reports:
        feed, url = world.newsroom.feeds[report.paper], world.newsroom.url(report)
        if url not in feed.items and chance.random() < 0.5:
            feed.items[url] = (report.title, report.published)
            return f"{report.paper} lists {report.path} at last (or again)"
    return "all are listed"


def feed_moves_on(world: World, chance: Random) -> str:
    name = chance.choice([*PAPERS, SEARCH])
    items = world.newsroom.feeds[name].items
    for url in list(items)[: chance.randint(1, 4)]:
        del items[url]
    return f"{name} lists {len(items)} now"


def feed_fails(world: World, chance: Random) -> str:
    feed = world.newsroom.feeds[chance.choice([*PAPERS, SEARCH])]
    feed.is_open = not feed.is_open
    return f"a feed is {'open' if feed.is_open else 'out of order'}"


def _a_report(world: World, chance: Random) -> Report | None:
    return chance.choice(world.newsroom.reports) if world.newsroom.reports else None


def page_turns(world: World, chance: Random) -> str:
    report, state = _a_report(world, chance), chance.choice([*PAGE_STATES, "open", "open"])
    if report is None:
        return "no page"
    report.state = state
    return f"{report.path} is {state}"


def pages_open(world: World, chance: Random) -> str:
    for report in world.newsroom.reports:
        report.state = "open" if report.state != "gone" else report.state
    return "every page is open"


def page_changes(world: World, chance: Random) -> str:
    report = _a_report(world, chance)
    if report is None:
        return "no page"
    how = chance.choice(["headline", "page's headline", "text"])
    if how == "text":
        report.paragraphs[0] = f"Corrected on {world.now:%d %B}: {report.paragraphs[0]}"
    elif how == "headline":
        report.title += " – corrected"
        items, url = world.newsroom.feeds[report.paper].items, world.newsroom.url(report)
        if url in items:
            items[url] = (report.title, items[url][1])
    else:
        report.own_title = f"{report.title}, says its page at {world.now:%H:%M}"
    return f"{report.path} changes its {how}"


def run(world: World, chance: Random) -> str:
    world.run(all_due=chance.random() < 0.5)
    return "run"


def run_few_pages(world: World, chance: Random) -> str:
    world.run(all_due=True, pages_per_run=chance.randint(1, 2))
    return "run, a page or two"


def run_killed(world: World, chance: Random) -> str:
    world.kill_at = chance.randint(0, 60)
    world.run(all_due=True)
    return f"run, {'killed' if world.told.killed else 'not killed after all'}"


def run_really_killed(world: World, chance: Random) -> str:
    """SIGKILL, a moment after its beginning, of a process that does it."""
    world.sigkilled(chance.random() * 0.25, lambda: world.run(all_due=True))
    return "run, killed from outside"


def registry_changes(world: World, chance: Random) -> str:
    what = chance.choice(["name", "rights", "leaves", "comes back", "nation"])
    source = chance.choice(PAPERS)
    if what == "leaves" and len(world.rows) > 2:
        world.rows.pop(source, None)
    elif what == "comes back":
        world.own_rows()
    elif source in world.rows:
        value = {
            "name": f"The New {source}",
            "rights": chance.choice(["open", "headline", "bbc"]),
            "nation": "scotland",
        }.get(what)
        world.rows[source] |= {what: value} if value else {}
    world.registry()
    return f"registry: {source} {what}"


def time_goes(world: World, chance: Random) -> str:
    hours = chance.choice([1, 2, 5, 24, 24, 48])
    world.now += timedelta(hours=hours)
    return f"{hours} hours later: {world.now:%a %d %b %H:%M}"


def monday_comes(world: World, chance: Random) -> str:
    world.now = Week.of(world.now).end + timedelta(hours=7)
    return f"it is Monday, {world.now:%d %b %H:%M}"


def month_goes(world: World, chance: Random) -> str:
    world.now += timedelta(days=29)
    return f"a month later: {world.now:%d %b}"
