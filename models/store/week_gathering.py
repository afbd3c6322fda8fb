"""What one week's edition is made from: its stories row by row, its trends as sums made by the database."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, select
from sqlmodel import Session
from sqlmodel import select as select_rows

from models.audit import tell_readers
from models.edition.content import ModelNote
from models.edition.facts import ArticleFact, SourceFact, StoryFact, WeekFacts, by_event, describe_model
from models.outcomes import PollOutcome
from models.store.article_facts import mentions_of, organisations_between, tags_of
from models.store.audit import recall
from models.store.columns import chunks
from models.store.in_scope import (
    article,
    effective_themes,
    first_reports,
    members,
    reviewed_in,
    story,
    story_key,
    week_number,
)
from models.store.placing import (
    FIRST_REPORT_WITHIN,
    LATE_FOR,
    LATE_FOR_REVIEWED,
    added_articles,
    editions_near,
    left_out_for_good,
    listed_articles,
    weeks_told,
    withheld_articles,
)
from models.store.source_snapshots import source_snapshots
from models.store.story_relations import relate
from models.store.tables import FetchEvent, ModelVersion, SourceState
from models.tagging.decisions import State
from models.trends import WEEKS_SHOWN, Collected, ThemeHistory
from models.weeks import Week

# The story of Sunday night that others carry on Monday morning.
COPIES_WITHIN = timedelta(days=3)


def gather_week(week: Week, *, session: Session) -> WeekFacts:
    """Everything that the edition of `week` is made from."""
    weeks = [week.plus(-back) for back in range(WEEKS_SHOWN - 1, -1, -1)]
    stories = relate(gather_edition(week, session=session), week, session=session)
    return WeekFacts(
        week=week,
        stories=stories,
        collected=_collected(weeks, session=session),
        histories=_histories(weeks, stories, session=session),
        sources=tuple(source_facts(week, session=session)),
        model=model_of(week, stories, session=session),
        named_before=organisations_between(weeks[0].start, week.start, session=session),
    )


def gather_stories(week: Week, *, session: Session) -> tuple[StoryFact, ...]:
    """The stories whose first report is of the week, whichever edition tells them: for exports."""
    keys = {key for (key,) in session.execute(members([story_key()], week.start, week.end))}
    return tuple(story for story in _stories(keys, week, session=session) if not story.late)


def gather_edition(week: Week, *, session: Session) -> tuple[StoryFact, ...]:
    """The stories that the edition of a week tells, by the rules of `models.store.placing`.

    Those whose first report is of the week, and those of weeks before that came into scope when the edition of their
    week had been made; none that another edition tells. Of a sealed edition: those that it told.
    """
    since, since_reviewed = week.start - LATE_FOR, week.start - LATE_FOR_REVIEWED
    keys = {key for (key,) in session.execute(members([story_key()], since, week.end))}
    keys |= {key for (key,) in session.execute(reviewed_in([story_key()], since_reviewed, since))}
    near = editions_near(week, session=session)
    own = near.pop(str(week), None)
    stories = _stories(keys, week, session=session)
    if own is not None and own.sealed:
        told = listed_articles(own)
        return tuple(story for story in stories if not told.isdisjoint(articles_of_story(story)))
    elsewhere = {number for edition in near.values() for number in listed_articles(edition)}
    for edition in near.values():
        elsewhere |= withheld_articles(edition).keys() | added_articles(edition, session=session)
    ids = [number for story in stories for number in articles_of_story(story)]
    elsewhere |= weeks_told(ids, session=session).keys() | left_out_for_good(ids, session=session)
    return tuple(
        story
        for story in stories
        if elsewhere.isdisjoint(articles_of_story(story))
        and (not story.late or (_is_news(story) and str(Week.of(_first(story).at)) in near))
    )


def _is_news(story: StoryFact) -> bool:
    """Whether a run found it, not a backfill of the past alone."""
    return not all(one.backfilled for one in (story.shown, *story.copies))


def _first(story: StoryFact) -> ArticleFact:
    return min(story.articles, key=_moment)


def _moment(fact: ArticleFact) -> tuple[datetime, str, int]:
    return (fact.at, fact.source, fact.id)


def articles_of_story(story: StoryFact) -> set[int]:
    return {story.shown.id, *(copy.id for copy in story.copies)}


def _stories(keys: set[int], week: Week, *, session: Session) -> list[StoryFact]:
    """These stories with their articles; late where the first report is of a week before."""
    by_story: dict[int, list[ArticleFact]] = defaultdict(list)
    inside = members([article.id], week.start - FIRST_REPORT_WITHIN, week.end + COPIES_WITHIN).subquery()
    for key, fact in articles_of(keys, article.id.in_(select(inside.c.id)), session=session):
        by_story[key].append(fact)
    leads = leads_of(keys, session=session)
    stories: dict[int, StoryFact] = {}
    for key, found in sorted(by_story.items()):
        found.sort(key=_moment)
        first = found[0]
        shown = next((fact for fact in found if fact.id == leads.get(key) and fact.at < week.end), first)
        copies = tuple(fact for fact in found if fact is not shown)
        stories[key] = StoryFact(shown, copies, late=first.at < week.start)
    # Where the lead came later than what is shown, its themes hold for the story; its sentences stand elsewhere.
    later = {key: leads[key] for key, story in stories.items() if leads.get(key, story.shown.id) != story.shown.id}
    themes = tags_of(sorted(later.values()), session=session)
    for key, lead in later.items():
        tags = tuple(replace(one, evidence="") for one in themes.get(lead, ()))
        stories[key] = replace(stories[key], shown=replace(stories[key].shown, tags=tags))
    return list(stories.values())


def articles_of(keys: set[int], inside: ColumnElement[bool], *, session: Session) -> Iterable[tuple[int, ArticleFact]]:
    """The articles of these stories for which `inside` holds, each with its story."""
    columns = [
        story_key(),
        article.id,
        article.url,
        article.source,
        article.outlet,
        article.title,
        article.published_at,
        article.first_seen_at,
        article.text_status,
        article.paywalled,
        article.nation,
        article.sector,
        article.weight,
        article.rights,
        article.backfilled,
    ]
    rows: list[Row[Any]] = []
    for chunk in chunks(sorted(key for key in keys if key > 0)):
        query = select(*columns).where(article.story_id.in_(chunk), inside)
        rows.extend(session.execute(query))
    for chunk in chunks(sorted(-key for key in keys if key < 0)):
        rows.extend(session.execute(select(*columns).where(article.id.in_(chunk))))
    ids = [row.id for row in rows]
    tags, mentions = tags_of(ids, session=session), mentions_of(ids, session=session)
    snapshots = source_snapshots(session=session)
    for row in rows:
        last = snapshots.get(row.source)
        yield (
            row[0],
            ArticleFact(
                id=row.id,
                url=row.url,
                source=row.source,
                outlet=row.outlet,
                title=row.title,
                published_at=row.published_at,
                first_seen_at=row.first_seen_at,
                text_status=row.text_status,
                paywalled=row.paywalled,
                tags=tuple(tags.get(row.id, ())),
                nation=row.nation or (last.nation if last else ""),
                sector=row.sector or (last.sector if last else ""),
                weight=row.weight if row.weight is not None else (last.weight if last else None),
                rights=tuple(name for name in (row.rights, last.rights if last else None) if name),
                backfilled=row.backfilled,
                mentions=tuple(mentions.get(row.id, ())),
            ),
        )


def leads_of(keys: set[int], *, session: Session) -> dict[int, int]:
    """The article that leads each of these stories."""
    found: dict[int, int] = {}
    for chunk in chunks(sorted(key for key in keys if key > 0)):
        rows = session.execute(select(story.id, story.lead_article_id).where(story.id.in_(chunk)))
        found.update((story_id, lead) for story_id, lead in rows if lead is not None)
    return found


def _collected(weeks: Sequence[Week], *, session: Session) -> Collected:
    """Articles of every source in every week, in scope or not: what trends are measured against."""
    start, end = weeks[0].start, weeks[-1].end
    by_source: dict[str, list[int]] = {}
    for moment, in_time in (
        (article.published_at, and_(article.published_at >= start, article.published_at < end)),
        (
            article.first_seen_at,
            and_(article.published_at.is_(None), article.first_seen_at >= start, article.first_seen_at < end),
        ),
    ):
        place = week_number(moment, weeks)
        for source, week, count in session.execute(
            select(article.source, place, func.count()).where(in_time).group_by(article.source, place)
        ):
            by_source.setdefault(source, [0] * len(weeks))[week] += count
    return Collected(by_source)


def _histories(weeks: Sequence[Week], stories: Iterable[StoryFact], *, session: Session) -> dict[str, ThemeHistory]:
    """The stories of every theme, by the source and week of their first report; summed in the database.

    Of the last week, those that its edition tells as of that week, so that bars and headings count the same.
    """
    standing = effective_themes(first_reports(weeks)).subquery("standing")
    by_source = (standing.c.theme, standing.c.source, standing.c.week)
    counts: dict[str, dict[str, list[int]]] = defaultdict(dict)
    query = select(*by_source, func.count()).where(standing.c.week < len(weeks) - 1).group_by(*by_source)
    for theme, source, week, count in session.execute(query):
        counts[theme].setdefault(source, [0] * len(weeks))[week] = count
    outlets: dict[str, set[str]] = defaultdict(set)
    for event in by_event(report for report in stories if not report.late):
        articles = [one for report in event for one in report.articles]
        first = min(articles, key=_moment)
        for theme in {fact.theme for one in articles for fact in one.tags}:
            counts[theme].setdefault(first.source, [0] * len(weeks))[-1] += 1
            outlets[theme].update(one.outlet or one.source for one in articles)
    return {theme: ThemeHistory(theme, sources, len(outlets[theme])) for theme, sources in counts.items()}


def source_facts(week: Week, *, session: Session) -> Iterable[SourceFact]:
    """The sources that the last run watched; all that were ever polled where no run has said which."""
    failures = [outcome.value for outcome in PollOutcome if outcome.is_failure]
    event = FetchEvent.__table__.c  # type: ignore[attr-defined]
    failed = func.sum(case((event.outcome.in_(failures), 1), else_=0))
    polls = {
        source: (count, missed)
        for source, count, missed in session.execute(
            select(event.source, func.count(), failed)
            .where(event.kind == "source", event.started_at >= week.start, event.started_at < week.end)
            .group_by(event.source)
        )
    }
    states = {state.source: state for state in session.exec(select_rows(SourceState))}
    snapshots = source_snapshots(session=session)
    watched = [source for source, row in snapshots.items() if row.enabled] if snapshots else list(states)
    for source in sorted(watched):
        count, missed = polls.get(source, (0, 0))
        state = states.get(source) or SourceState(source=source, url="")
        yield SourceFact(
            id=source,
            name=snapshots[source].name if source in snapshots else "",
            last_polled_at=state.last_polled_at,
            last_success_at=state.last_success_at,
            last_new_at=state.last_new_at,
            failing_since=state.failing_since,
            last_outcome=state.last_outcome or "",
            last_detail=state.last_detail or "",
            polls=count,
            failed_polls=int(missed or 0),
        )


def model_of(week: Week, stories: Sequence[StoryFact], *, session: Session) -> ModelNote:
    """The model that tagged most of what is shown; the champion where nothing is. With what the audit says of both."""
    found = tell_readers(recall(week, session=session))
    ids = [report.shown.id for report in stories]
    votes: dict[str, int] = defaultdict(int)
    for chunk in chunks(ids):
        query = select(article.model_version, func.count()).where(article.id.in_(chunk)).group_by(article.model_version)
        for version, count in session.execute(query):
            if version:
                votes[version] += count
    version = max(sorted(votes), key=lambda name: votes[name], default=None)
    if version is None:
        champion = session.exec(select_rows(ModelVersion).where(ModelVersion.state == "champion")).first()
        return replace(describe_model(champion.version, champion.scores) if champion else ModelNote(), recall=found)
    row = session.get(ModelVersion, version)
    since = week.plus(1 - WEEKS_SHOWN).start
    other = select(article.id).where(
        article.scope_state == State.YES.value, article.published_at >= since, article.model_version != version
    )
    mixed = session.execute(other.limit(1)).first() is not None
    return replace(describe_model(version, row.scores if row else {}), mixed=mixed, recall=found)
