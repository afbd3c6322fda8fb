"""What can happen to a monitor, one function each: `step(world, chance)` does it and says in words what it did.

A step draws from its own `chance` alone, so that a sequence from which others were dropped still does the same.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random

from flows.publishing.weekly import approve
from models.store import editions
from tests.sequences.mail_steps import (
    approval_is_set,
    changes,
    daily_emails,
    digest,
    digest_killed,
    digest_really_killed,
    edits,
    glance,
    is_decided,
    is_erased,
    joins,
    leaves,
    sends_left,
    server_is_set,
    server_turns,
    somebody_goes_meanwhile,
    two_digests,
)
from tests.sequences.model_steps import encoder_gone, learn, purge, review, roll_back, upgrade
from tests.sequences.news_steps import (
    copy_comes,
    feed_fails,
    feed_grows,
    feed_moves_on,
    listed_by_its_own,
    monday_comes,
    month_goes,
    named_elsewhere,
    page_changes,
    page_turns,
    pages_open,
    registry_changes,
    run,
    run_few_pages,
    run_killed,
    run_really_killed,
    time_goes,
)
from tests.sequences.world import World

Step = Callable[[World, Random], str]


def settle(world: World, chance: Random) -> str:
    """The end of each sequence: all that stood in the way is mended, and what was promised must come true."""
    world.own_rows()
    world.set(approval=False, smtp_url=world.server)
    world.mailboxes.fault, world.mailboxes.per_connection, world.mailboxes.hangs_up = (
        lambda number, address: "",
        0,
        False,
    )
    for feed in world.newsroom.feeds.values():
        feed.is_open = True
    pages_open(world, chance)
    if not any(person.active for person in world.memory.people.values()):
        joins(world, chance)
    return "all is mended"


def run_at_last(world: World, chance: Random) -> str:
    world.now += timedelta(hours=25)
    world.run(all_due=True)
    return "a day later: run"


def digest_at_last(world: World, chance: Random) -> str:
    """As of somebody who releases what was held back, and looks at it first."""
    week = world.last_week()
    with world.database.read() as session:
        kept = editions.edition_of(week, session=session)
    if kept is not None and kept.decision == "held":
        given = editions.content_hash(kept.content)
        approve(world.database, week, given, "Ada")
        world.memory.decisions.setdefault(kept.week, []).append(("approved", given))
    told = world.digest(week)
    return f"digest of {week}: {told.sent} sent, {told.note}"


END: tuple[Step, ...] = (settle, run_at_last, run_at_last, monday_comes, digest_at_last, monday_comes, digest_at_last)
STEPS: dict[Step, int] = {
    feed_grows: 14, copy_comes: 4, named_elsewhere: 3, listed_by_its_own: 2, feed_moves_on: 4, feed_fails: 2, page_turns: 4,
    pages_open: 3, page_changes: 4, run: 18, run_few_pages: 5, run_killed: 3, run_really_killed: 2, review: 9, upgrade: 2,
    encoder_gone: 1, purge: 3, learn: 3, roll_back: 1, joins: 8, changes: 2, leaves: 2, is_erased: 2, server_turns: 5,
    server_is_set: 1, approval_is_set: 1, digest: 12, digest_killed: 3, digest_really_killed: 2, sends_left: 3, glance: 4, edits: 5,
    daily_emails: 8, somebody_goes_meanwhile: 3, two_digests: 2, is_decided: 4, registry_changes: 3, time_goes: 10, monday_comes: 9,
    month_goes: 1,
}  # fmt: skip
FROM_OUTSIDE = frozenset({run_really_killed, digest_really_killed})
