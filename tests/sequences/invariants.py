"""What must be true after each step, whatever came before: of news, of decisions, of what was told. Mail has its own file."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from flows.publishing.exporting import stories_between
from models.outcomes import Outcome
from models.reviews import IN_SCOPE, QUEUE_DAYS
from models.store import audit, editions, model_versions, reviews
from models.store.in_scope import scope_reviews
from models.store.placing import is_kept, listed_articles
from models.store.reader_tables import AuditedStory
from models.store.tables import Article, ArticleAlias, ArticleEdition, Edition, ModelVersion, Review, Run, Story
from models.tagging.decisions import State
from models.tagging.held_out import is_held_out
from models.themes import load_themes
from models.weeks import Week
from tests.sequences.mail_invariants import mail
from tests.sequences.world import START, World

THEMES = load_themes()
OWED = {one.value for one in Outcome if one.leaves_page_owed}


def broken(world: World) -> list[str]:
    """What is not as it must be; empty where all is well."""
    note_what_was_seen(world)
    return [
        *news(world),
        *summary_of_run(world),
        *editions_told(world),
        *reviewed(world),
        *audited(world),
        *champion(world),
        *mail(world),
    ]


def note_what_was_seen(world: World) -> None:
    """Remember what the monitor has been shown, and when things came to be."""
    memory, told = world.memory, world.told
    if told.collected is not None:
        for result in told.collected.results:
            if not result.poll.is_failure and result.poll != "deferred":
                memory.listed |= told.polled[result.source.id]
    with world.database.read() as session:
        for row in session.exec(select(Edition)):
            given = editions.content_hash(row.content)
            name = f"{given} {row.composed_at.isoformat()}"
            if memory.composed.get(row.week, ("", 0))[0] != name:
                memory.composed[row.week] = (name, world.step)
        in_scope = {number for number, _ in in_scope_articles(session)}
    memory.in_scope_since = {one: memory.in_scope_since.get(one, world.step) for one in in_scope}


def in_scope_articles(session: Session) -> list[tuple[int, datetime]]:
    """Numbers and moments of the articles that are in scope, by the model or by a person's last word."""
    yes, no = scope_reviews(verdict=True), scope_reviews(verdict=False)
    moment = func.coalesce(Article.published_at, Article.first_seen_at, type_=Article.__table__.c.first_seen_at.type)  # type: ignore[attr-defined]
    stands = (col(Article.scope_state) == State.YES.value) & col(Article.id).not_in(no) | col(Article.id).in_(yes)
    return [(number or 0, at) for number, at in session.exec(select(Article.id, moment).where(stands))]


def news(world: World) -> Iterator[str]:
    """Every listed entry is stored; a page that could not be read is owed, or given up with a reason."""
    with world.database.read() as session:
        articles = session.exec(select(Article)).all()
        known = {one.url for one in articles} | set(session.exec(select(ArticleAlias.url)))
        leads = dict(session.exec(select(Story.id, Story.lead_article_id)).all())
    for url in sorted(world.memory.listed - known):
        yield f"{url} was listed and is not stored"
    by_id = {one.id: one for one in articles}
    carried: dict[int | None, int] = {}
    for one in articles:
        carried[one.story_id] = carried.get(one.story_id, 0) + 1
        if one.outcome in OWED and one.page_owed_since is None and one.page_given_up is None and not one.text:
            yield f"article {one.id} ({one.outcome}, {one.text_status}) is neither owed nor given up"
        if (one.page_owed_since is None) != (one.page_due_at is None) and one.page_checked_at is None:
            yield f"article {one.id} is owed without being due, or due without being owed"
        if one.story_id is None:
            if one.page_owed_since is None:
                yield f"article {one.id} has no story and will get none"
        elif leads[one.story_id] is None or by_id[leads[one.story_id]].story_id != one.story_id:
            yield f"the lead of article {one.id}'s story is not in it"
    for story, lead in leads.items():
        if lead is None and carried.get(story):
            yield f"story {story} has articles and no lead"


def summary_of_run(world: World) -> Iterator[str]:
    """What a run told is what it recorded."""
    collected = world.told.collected
    if collected is None:
        return
    with world.database.read() as session:
        row = session.get_one(Run, collected.run_id)
        owed = session.exec(select(func.count()).where(col(Article.page_owed_since).is_not(None))).one()
        waiting = reviews.count_doubtful(world.now - timedelta(days=QUEUE_DAYS), session=session)
    if world.told.tagged is not None and world.told.tagged.uncertain != waiting:
        yield f"the run told of {world.told.tagged.uncertain} uncertain stories; {waiting} are in the queue"
    recorded = sum(sum(counts.values()) for counts in row.outcomes.values())
    if not collected.entries == recorded == row.entries == sum(collected.outcomes.values()):
        yield f"the run told of {collected.entries} entries and recorded {recorded} (or {row.entries})"
    if collected.owed != owed:
        yield f"the run told of {collected.owed} owed pages; {owed} are"
    if any(count < 0 for counts in row.outcomes.values() for count in counts.values()):
        yield f"an outcome below zero: {row.outcomes}"


def editions_told(world: World) -> Iterator[str]:
    """No story twice in an edition or in two; all in scope when an edition was composed have one, or a reason."""
    memory = world.memory
    with world.database.read() as session:
        rows = {row.week: row for row in session.exec(select(Edition))}
        stories = dict(session.exec(select(Article.id, Article.story_id)).all())
        placed = {row.article_id: row for row in session.exec(select(ArticleEdition))}
        in_scope = dict(in_scope_articles(session))
    sealed = {week: row for week, row in rows.items() if row.sealed}
    for week, (was, _) in memory.sealed.items():
        if week not in sealed or editions.content_hash(sealed[week].content) != was:
            yield f"the edition of {week} was sent and has changed since"
    for week, row in rows.items():
        ids = [story["id"] for story in row.content.get("stories", [])]
        own = [stories.get(number) for number in ids]
        composed_now = memory.composed[week][1] == world.step
        if len(set(ids)) < len(ids) or (composed_now and len(set(own)) < len(own)):
            yield f"a story is listed twice in the edition of {week}"
        for other, later in rows.items():
            both = listed_articles(row) & listed_articles(later)
            if other > week and both and is_kept(row) and is_kept(later):
                yield f"articles {sorted(both)} are in the editions of {week} and of {other}"
    for week in sealed.keys() - memory.sealed.keys():
        memory.sealed[week] = (editions.content_hash(sealed[week].content), world.step)
        composed, end = memory.composed[week][1], Week.parse(week).end
        yield from _none_forgotten(world, week, composed, end, in_scope, placed)
        yield from _edited(world, sealed[week])
        mine = {stories.get(number) for number in listed_articles(sealed[week])}
        for other in sealed.keys() - {week}:
            theirs = {stories.get(number) for number in listed_articles(sealed[other])}
            if mine & theirs and composed == world.step:
                yield f"stories {sorted(map(str, mine & theirs))} are told by {week} and by {other}"
        for number in listed_articles(sealed[week]):
            if number not in placed or placed[number].week != week:
                yield f"article {number} is listed by {week} and placed elsewhere"


def _edited(world: World, row: Edition) -> Iterator[str]:
    """What an editor was told is recorded went out, whatever came between."""
    made, listed = world.memory.edits.get(row.week, {}), listed_articles(row)
    editing = row.content["editing"]
    notes = [str(about) for kind, about in made.values() if kind == "note"]
    if editing["note"] != (notes[-1] if notes else ""):
        yield f"the edition of {row.week} was sent with another note: {editing['note']!r}"
    for number, (kind, about) in made.items():
        if kind == "leave_out" and about in listed:
            yield f"article {about} was left out by edit {number}, and sent by {row.week}"


def _none_forgotten(world, week, composed, end, in_scope, placed) -> Iterator[str]:  # type: ignore[no-untyped-def]
    for number, moment in in_scope.items():
        if world.memory.in_scope_since[number] < composed and moment < end and number not in placed:
            yield f"article {number} was in scope when {week} was composed, and has no edition and no reason"


def reviewed(world: World) -> Iterator[str]:
    """What a person last said of a story is what stands of it."""
    if not world.memory.said:
        return
    with world.database.read() as session:
        stories = dict(session.exec(select(Article.id, Article.story_id)).all())
        leads = dict(session.exec(select(Story.id, Story.lead_article_id)).all())
        last: dict[tuple[int, str], bool] = {}
        for article, theme, verdict in world.memory.said:
            # Listed by a run that was killed before it read the page: no story is known of it yet, it leads itself.
            last[leads.get(stories[article]) or article, theme] = verdict
        for (lead, theme), verdict in last.items():
            if reviews.standing(lead, session=session).get(theme, False) is not verdict:
                yield f"a person said {theme}={verdict} of the story that article {lead} leads; it does not stand"
    looked_at = (len(world.memory.said), world.told.collected is None, world.told.trained is None)
    if looked_at == (world.memory.exported, True, True):
        return  # nothing has happened that could change it, and exports take time
    world.memory.exported = len(world.memory.said)
    registry, first = world.registry(), START.date() - timedelta(days=3)
    shown = {
        stories[story.item.id]: {theme.theme for theme in story.item.themes}
        for story in stories_between(
            world.database, registry, THEMES, first=first, last=world.now.date(), now=world.now
        )
    }
    for (lead, theme), verdict in last.items():
        if (story := stories[lead]) is None:
            continue
        if theme == IN_SCOPE and (story in shown) is not verdict:
            yield f"a person said in-scope={verdict} of the story of article {lead}; an export says otherwise"
        if theme != IN_SCOPE and story in shown and (theme in shown[story]) is not verdict:
            yield f"a person said {theme}={verdict} of the story of article {lead}; an export says otherwise"


def audited(world: World) -> Iterator[str]:
    """What was drawn stays as it was drawn; what nobody has answered is asked while it is fresh."""
    with world.database.read() as session:
        rows = session.exec(select(AuditedStory)).all()
        asked = [one.article_id for one in audit.questions(world.now - timedelta(days=QUEUE_DAYS), session=session)]
        spoken = set(session.exec(select(Review.article_id).where(Review.theme == IN_SCOPE)))
    now = {(row.week, row.article_id): row.model_dump() for row in rows}
    for drawn, was in world.memory.drawn.items():
        if now.get(drawn) != was:
            yield f"{drawn} was drawn as {was} and is {now.get(drawn)}"
    for week in {week for week, _ in now} & {week for week, _ in world.memory.drawn}:
        if len({drawn for drawn in now if drawn[0] == week}) != sum(drawn[0] == week for drawn in world.memory.drawn):
            yield f"{week} was drawn again"
    world.memory.drawn = now
    fresh = {row.article_id for row in rows if row.drawn_at >= world.now - timedelta(days=QUEUE_DAYS)}
    if sorted(set(asked)) != sorted(fresh - spoken):
        yield f"the audit asks about {sorted(asked)}, not about {sorted(fresh - spoken)}"


def champion(world: World) -> Iterator[str]:
    """One model tags; a new one has learned from all reviews but those that are held out, or a person went back to it."""
    with world.database.read() as session:
        rows = list(session.exec(select(ModelVersion)))
        found = [row for row in rows if row.state == "champion"]
        if len(found) > 1 or (rows and not found):
            yield f"{len(found)} models tag"
        row = model_versions.champion(session=session)
        if row is None:
            return
        learned = [
            one for one in reviews.reviewed_articles(until=row.reviews_until, session=session) if not is_held_out(one)
        ]
        latest, pinned = reviews.latest_review(session=session), model_versions.pinned(session=session)
        measured_worse = model_versions.was_rejected_since(
            row.reviews_until, code_version=row.code_version, encoder=row.encoder, session=session
        )
    if row.version != world.champion:
        new = world.champion != "" and pinned is None and row.version not in world.champions
        # Where another build can't use what a person chose.
        if pinned is not None and pinned.version != row.version and row.reviews_until != pinned.reviews_until:
            yield f"model {row.version} stands in for {pinned.version} and knows more or less than that"
        world.champion = row.version
        world.champions.add(row.version)
        if new and not measured_worse:
            if row.reviews_until != latest:
                yield f"model {row.version} took over without the reviews since {row.reviews_until}"
            if row.reviews_until is not None and row.reviews_learned != len(learned):
                yield f"model {row.version} has learned from {row.reviews_learned} reviewed stories of {len(learned)}"
    chosen, by_training = world.memory.pinned, world.told.trained is not None
    if by_training and pinned is None:
        world.memory.pinned = ""
    elif chosen and (pinned is None or pinned.version != chosen):
        yield f"a person went back to {chosen}, and that is forgotten"
    if world.told.trained is not None and world.told.trained.champion != row.version:
        yield f"training told that {world.told.trained.champion} tags; {row.version} does"
