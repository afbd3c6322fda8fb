"""Stories found by words and by what is known of them: one question, which pages, feeds, exports and the API all ask.

Words are looked for in title, summary and evidence, and in the text while that is held: by FTS5 in SQLite, by full text
search in PostgreSQL. The triggers of migration 0011 keep that index right within the transaction of whatever writes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, column, false, func, literal_column, or_, select, table, text
from sqlmodel import Session

from models.edition.facts import StoryFact
from models.store.article_facts import tags_of
from models.store.columns import UtcDateTime, chunks
from models.store.in_scope import article, carries, members, published_or_seen, stands, story_key
from models.store.tables import Article, StoredMention
from models.store.week_gathering import articles_of, leads_of
from models.text_safety import plain_line
from models.weeks import LONDON

FIRST_HITS = 1000  # articles that are ranked and counted by facet: the newest of all that match
RECENT = timedelta(days=92)  # that are looked at where neither words nor a theme, an organisation or dates narrow it
MAX_TERMS = 12
MAX_WORDS = 200  # letters of a query
_TERM = re.compile(r'(?<![^\s-])(-?)(?:"([^"]*)"?|([^\s"]+))')
_WEIGHTS = "8.0, 4.0, 4.0, 1.0"  # of title, summary, evidence and text in the rank
_EARLIEST, _LATEST = date(1948, 7, 5), date(2200, 1, 1)
_index = table("search_index", column("rowid"), column("article_id"), column("document"))


@dataclass(frozen=True, slots=True)
class Words:
    """What a person typed: each term is one word or, as a phrase, several."""

    wanted: tuple[tuple[str, ...], ...] = ()
    unwanted: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted)  # "everything but" is no search


def read_words(typed: str) -> Words:
    """Words, "phrases" and -not of a query; whatever else is in it is left out."""
    wanted: list[tuple[str, ...]] = []
    unwanted: list[tuple[str, ...]] = []
    for minus, phrase, word in _TERM.findall(plain_line(typed, MAX_WORDS))[:MAX_TERMS]:
        if words := tuple(re.findall(r"\w+", (phrase or word).lower())):
            (unwanted if minus else wanted).append(words)
    return Words(tuple(wanted), tuple(unwanted))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; empty means whatever it is."""

    words: Words = Words()
    theme: str = ""
    organisation: str = ""
    nation: str = ""
    sector: str = ""
    outlet: str = ""
    read: str = ""  # "full": the text was read; "headline": less than that
    since: date | None = None  # London days, both included
    until: date | None = None
    everything: bool = False  # what is not in scope, too


@dataclass(frozen=True, slots=True)
class Hit:
    """A story that was found, by the article of it that matches best."""

    story: int  # as `models.store.in_scope.story_key` names it
    article_id: int
    at: datetime
    score: float = 0.0  # higher is better; 0 without words


@dataclass(frozen=True, slots=True)
class Found:
    """The stories that match, each once: the best first where words were asked for, else the newest."""

    hits: tuple[Hit, ...]
    more: bool = False  # whether older ones match, which were not looked at
    since: date | None = None  # before which it was not looked, where nobody asked for that


def find(
    wanted: Wanted, now: datetime, *, limit: int | None = FIRST_HITS, newest: bool = False, session: Session
) -> Found:
    """The stories that are asked for, from the newest `limit` articles that match; with `newest`, by date whatever their rank."""
    narrowed = wanted.words or wanted.theme or wanted.organisation or wanted.since or wanted.until
    if not narrowed:
        wanted = replace(wanted, since=(now - RECENT).astimezone(LONDON).date())
    moment = published_or_seen().label("moment")
    query: Select[Any]
    if wanted.words:
        query = _matching(wanted.words, moment, sqlite=session.get_bind().dialect.name == "sqlite")
    else:
        query = select(story_key(), article.id, moment, literal_column("0.0")).order_by(
            moment.desc(), article.id.desc()
        )
    query = query.where(*_conditions(wanted))
    rows = session.execute(query if limit is None else query.limit(limit + 1)).all()
    more = limit is not None and len(rows) > limit
    hits = [Hit(*row) for row in (rows[:limit] if more else rows)]
    hits.sort(key=lambda hit: (0.0 if newest else -round(hit.score, 6), -hit.at.timestamp(), -hit.article_id))
    best: dict[int, Hit] = {}
    for hit in hits:
        best.setdefault(hit.story, hit)
    return Found(tuple(best.values()), more, None if narrowed else wanted.since)


@dataclass(frozen=True, slots=True)
class Period:
    """What was found of a stretch of time: how many stories, and the newest of them."""

    count: int = 0
    newest: tuple[Hit, ...] = ()


def by_period(wanted: Wanted, starts: Sequence[datetime], most: int = 1, *, session: Session) -> list[Period]:
    """The stories of each period, counted by the database, each under the date of its newest report that matches.

    `starts` are where the periods begin, the oldest first; what is older than all of them comes first, as a period of its
    own. Without words.
    """
    at = func.max(published_or_seen(), type_=UtcDateTime()).label("at")
    told = select(story_key().label("story"), func.max(article.id).label("id"), at).where(*_conditions(wanted))
    stories = told.group_by(story_key()).subquery("told")
    place = case(*((stories.c.at < start, number) for number, start in enumerate(starts)), else_=len(starts))
    placed = select(*stories.c, place.label("place")).subquery("placed")
    rank = func.row_number().over(partition_by=placed.c.place, order_by=(placed.c.at.desc(), placed.c.id.desc()))
    total = func.count().over(partition_by=placed.c.place)
    ranked = select(placed, rank.label("rank"), total.label("stories")).subquery("ranked")
    query = select(ranked).where(ranked.c.rank <= max(most, 1)).order_by(ranked.c.place, ranked.c.rank)
    found = [Period() for _ in range(len(starts) + 1)]
    for row in session.execute(query):
        hit = Hit(row.story, row.id, row.at)
        found[row.place] = Period(row.stories, (*found[row.place].newest, hit))
    return found


def facets(hits: Sequence[Hit], *, session: Session) -> dict[str, Counter[str]]:
    """How many of these stories there are by theme, organisation, nation, sector and outlet."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("theme", "organisation", "nation", "sector", "outlet")
    }
    counts["organisation"] = named_organisations((hit.article_id for hit in hits), session=session)
    for chunk in chunks([hit.article_id for hit in hits]):
        for tags in tags_of(chunk, session=session).values():
            counts["theme"].update({tag.theme for tag in tags})
        of_article = select(article.nation, article.sector, article.outlet).where(article.id.in_(chunk))
        for row in session.execute(of_article):
            for name, value in zip(("nation", "sector", "outlet"), row, strict=True):
                counts[name].update([value] if value else [])
    return counts


def stories_of(hits: Sequence[Hit], *, everything: bool = False, session: Session) -> list[StoryFact]:
    """These stories with all their reports in scope (`everything`: with all), in this order."""
    found = stories_by_key(hits, everything=everything, session=session)
    return [found[hit.story] for hit in hits if hit.story in found]


def stories_by_key(hits: Sequence[Hit], *, everything: bool = False, session: Session) -> dict[int, StoryFact]:
    """The same by `Hit.story`; what has left the scope meanwhile is not among them."""
    keys = {hit.story for hit in hits}
    inside = article.id.is_not(None) if everything else stands()
    found: dict[int, list[Any]] = {key: [] for key in keys}
    for key, fact in articles_of(keys, inside, session=session):
        found[key].append(fact)
    leads = leads_of(keys, session=session)
    stories = {}
    for key, of_story in found.items():
        reports = sorted(of_story, key=lambda fact: (fact.at, fact.source, fact.id))
        if reports:
            shown = next((fact for fact in reports if fact.id == leads.get(key)), reports[0])
            stories[key] = StoryFact(shown, tuple(fact for fact in reports if fact is not shown))
    return stories


def story_of(article_id: int, *, session: Session) -> Hit | None:
    """The story of an article, whether it is in scope or not."""
    query = select(story_key(), article.id, published_or_seen()).where(article.id == article_id)
    row = session.execute(query).first()
    return Hit(*row) if row else None


def named_organisations(article_ids: Iterable[int], *, session: Session) -> Counter[str]:
    """The organisations that these articles name, with in how many of them."""
    mention = StoredMention.__table__.c  # type: ignore[attr-defined]
    counts: Counter[str] = Counter()
    for chunk in chunks(sorted(article_ids)):
        named = select(mention.organisation_id, mention.article_id).where(mention.article_id.in_(chunk)).distinct()
        counts.update(organisation for organisation, _ in session.execute(named))
    return counts


def rebuild(*, session: Session) -> int:
    """Make the index anew from the articles; how many it holds."""
    evidence = (
        "coalesce((SELECT group_concat(evidence, ' ') FROM tag WHERE article_id = article.id AND state <> 'no'), '')"
    )
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("DELETE FROM search_index"))
        session.execute(
            text(
                "INSERT INTO search_index (rowid, title, summary, evidence, text) SELECT id, title, summary, "  # noqa: S608 - our words
                f"CASE WHEN text IS NULL THEN {evidence} ELSE '' END, coalesce(text, '') FROM article"
            )
        )
    else:
        # What else writes the index waits, another machine that makes it anew too: each row would be there already.
        session.execute(text("LOCK TABLE search_index IN SHARE ROW EXCLUSIVE MODE"))
        session.execute(text("DELETE FROM search_index"))
        session.execute(text("INSERT INTO search_index SELECT article.id, search_document(article) FROM article"))
    forget_deleted(session=session)
    return int(session.execute(select(func.count()).select_from(Article)).scalar_one())


def forget_deleted(*, session: Session) -> None:
    """See to it that no word of what was deleted or emptied is left in the index: FTS5 keeps it until parts are merged."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO search_index (search_index) VALUES ('optimize')"))


def _matching(words: Words, moment: ColumnElement[datetime], *, sqlite: bool) -> Select[Any]:
    if sqlite:
        terms = " AND ".join(f'"{" ".join(term)}"' for term in words.wanted)
        if words.unwanted:
            terms = f"({terms}) NOT ({' OR '.join(_quoted(words.unwanted))})"
        score: ColumnElement[float] = literal_column(f"-bm25(search_index, {_WEIGHTS})")
        return (
            select(story_key(), article.id, moment, score)
            .join_from(_index, Article, article.id == _index.c.rowid)
            .where(text("search_index MATCH :terms").bindparams(terms=terms))
            .order_by(_index.c.rowid.desc())
        )
    typed = " ".join([*_quoted(words.wanted), *(f"-{term}" for term in _quoted(words.unwanted))])
    asked = func.websearch_to_tsquery("english", typed)
    return (
        select(story_key(), article.id, moment, func.ts_rank_cd(_index.c.document, asked))
        .join_from(_index, Article, article.id == _index.c.article_id)
        .where(_index.c.document.op("@@")(asked))
        .order_by(_index.c.article_id.desc())
    )


def _quoted(terms: Iterable[tuple[str, ...]]) -> list[str]:
    return [f'"{" ".join(term)}"' for term in terms]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [_in_time_and_scope(wanted)]
    if wanted.theme:
        conditions.append(carries(wanted.theme))
    if wanted.organisation:
        mention = StoredMention.__table__.c  # type: ignore[attr-defined]
        named = select(mention.article_id).where(mention.organisation_id == wanted.organisation)
        conditions.append(article.id.in_(named))
    known = ((article[name], getattr(wanted, name)) for name in ("nation", "sector", "outlet"))
    conditions += [of_article == value for of_article, value in known if value]
    if wanted.read:
        full = article.text_status == "full"
        conditions.append({"full": full, "headline": ~full}.get(wanted.read, false()))
    return conditions


def _in_time_and_scope(wanted: Wanted) -> ColumnElement[bool]:
    if not (wanted.since or wanted.until):
        return article.id.is_not(None) if wanted.everything else stands()
    start, end = _midnight(wanted.since or _EARLIEST), _midnight(wanted.until or _LATEST, days=1)
    if not wanted.everything:
        return and_(article.id.in_(members([article.id], start, end)))
    seen = and_(article.published_at.is_(None), article.first_seen_at >= start, article.first_seen_at < end)
    in_time: ColumnElement[bool] = or_(and_(article.published_at >= start, article.published_at < end), seen)
    return in_time


def _midnight(day: date, *, days: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=LONDON).astimezone(UTC)
