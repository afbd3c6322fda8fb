# ruff: noqa: E501 - invented news reads better in one piece
"""Ten weeks of invented news for the digest's tests: British names and places, none of them of real events."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from sqlmodel import Session

from models.rights import load_rights
from models.sources import Registry, Source
from models.store.database import Database
from models.store.source_snapshots import record_sources
from models.store.tables import Article, FetchEvent, ModelVersion, SourceState, Story, Tag
from models.themes import load_themes, theme_ids
from models.weeks import Week

WEEK = Week(2026, 47)
MONDAY_7 = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # after the week
SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # within it

THEMES = load_themes()


def _source(id_: str, name: str, **values: str | float | bool) -> Source:
    return Source.model_validate({"id": id_, "name": name, "url": f"https://{id_}.example/feed", **values})


SOURCES = (
    _source("vale-gazette", "Vale Gazette", sector="regional", nation="england"),
    _source("harbour-post", "Harbour Post", sector="regional", nation="england"),
    _source("care-weekly", "Care Weekly", sector="social-care", nation="uk"),
    _source("ward-and-board", "Ward & Board", sector="nhs", nation="england", weight=1.2),
    _source("northern-chronicle", "Northern Chronicle", sector="national", nation="scotland"),
    _source("cambrian-news-desk", "Cambrian News Desk", sector="regional", nation="wales"),
    _source("department-notices", "Department Notices", sector="health-and-care", nation="england", rights="ogl"),
    _source("standards-office", "Care Standards Office", sector="health-and-care", nation="england", rights="ogl"),
    _source("open-page", "The Open Page", sector="national", nation="uk", rights="guardian"),
    _source("search-desk", "Search Desk", sector="national", nation="uk", rights="discovery", weight=0.6),
    _source("lough-herald", "Lough Herald", sector="regional", nation="northern-ireland"),
    _source("old-feed", "Borough Bulletin", sector="local-government", nation="england"),
)
REGISTRY = Registry(sources=SOURCES, rights=load_rights())

PLACES = (
    "Northmoor", "Eastwold", "Ashcombe", "St Brannoc’s", "Kingsferry", "Wrayburn", "Marlbridge", "Glen Affrick",
    "Pen-y-Cwm", "Harrowdale", "Thornley Vale", "Castle Deeping", "Loughmore", "Sandholme", "Greatford",
)  # fmt: skip
_PEOPLE = (
    "Priya Nandakumar", "Gareth Ellwood", "Moira Strachan", "Tom Akintola", "Helen Braithwaite", "Siân Prosser",
    "Dermot Quill", "Farah Siddiqui", "Owen Larkspur", "Ruth Adeyemi",
)  # fmt: skip
# For each theme: headline and evidence, with {place} and {person}.
TEXTS: dict[str, tuple[tuple[str, str], ...]] = {
    "bullying-and-discrimination": (
        ("Staff at {place} hospital describe ‘years of bullying’", "Nurses told the inquiry that managers at {place} had shouted at staff in front of patients and that complaints were met with silence."),
        ("Racism went unchallenged at {place} trust, review finds", "The review heard from 41 members of staff who said that racist remarks were treated as banter."),
    ),
    "blame-and-accountability": (
        ("{place} leaders ‘looked for someone to blame’ after death", "Investigators said that senior leaders at {place} spent more time looking for someone to blame than asking what had gone wrong."),
    ),
    "speaking-up": (
        ("Doctor who raised alarm at {place} was moved off the rota", "{person}, a consultant who raised concerns about staffing, said she was taken off the rota within a week of writing to the board."),
        ("Guardians report record number of concerns in {place}", "Freedom to Speak Up guardians in {place} recorded 312 concerns last year, and one in five people said that they feared the consequences."),
        ("‘Nobody listened’: midwives at {place} give evidence", "“We wrote three times and nobody listened,” {person} told the hearing on Tuesday."),
    ),
    "collaboration": (
        ("{place} hospital and council to share one leadership team", "The hospital and the council will share a single leadership team so that discharge no longer falls between two organisations."),
    ),
    "parity-of-esteem": (
        ("Care managers ask for the same standing as NHS colleagues", "“We are treated as the poor relation,” said {person}, who runs four care homes near {place}."),
    ),
    "pressure-from-above": (
        ("Chief executives tell MPs of daily calls about targets", "Chief executives told the committee that they were telephoned each morning about the four-hour target and that staff felt the strain."),
    ),
    "workforce": (
        ("One in six nursing posts empty at {place} as morale falls", "Exit interviews show that people leave {place} because they do not feel valued by those who lead them."),
        ("{place} home care firm halves turnover with better induction and supervision", "Turnover fell from 38 to 19 per cent after managers began to meet each care worker every month."),
        ("Burnout among ward managers at {place} ‘at a level we have not seen’", "Two thirds of ward managers said that they had thought of leaving in the last three months."),
    ),
    "patient-care": (
        ("Maternity failings at {place} linked to divided leadership", "The report found that rivalry between consultants and managers delayed the decisions on which mothers’ safety depended."),
        ("Inspectors praise open culture at {place} after care improves", "Inspectors said that an open culture, in which mistakes were discussed without fear, had made wards safer."),
    ),
    "values-and-induction": (
        ("Every new starter in {place} to learn the same values", "From April every new starter in health and care in {place} will have the same first week, on values and behaviour."),
    ),
    "equality-diversity-inclusion": (
        ("{place} names its first network lead for disabled staff", "Fewer than 4 per cent of senior managers at the trust say that they have a disability, against 22 per cent in the town."),
    ),
    "management-standards": (
        ("Managers to be held to a single code from next year", "The department will ask every manager to meet one set of standards, checked through accredited training."),
    ),
    "appraisal": (
        ("‘A form nobody reads’: trust scraps its old appraisal", "{person} said that appraisal at {place} would in future be a conversation about behaviour as much as about targets."),
    ),
    "career-and-talent": (
        ("Graduate scheme opens to care workers in {place}", "For the first time the graduate management scheme will take people who have worked in care homes."),
    ),
    "boards-and-non-executives": (
        ("Chair of {place} trust steps down after critical review", "The review said that non-executive directors had not asked why staff surveys had worsened for four years."),
    ),
    "challenged-roles": (
        ("Third chief executive in two years takes over at {place}", "{person} becomes the third person in two years to lead the trust, which has been in special measures since 2024."),
    ),
}  # fmt: skip

# How many stories a usual week brings, by theme; and the week that the tests look at.
USUAL = dict(zip(theme_ids(), (3, 2, 3, 2, 1, 2, 8, 5, 1, 1, 2, 0, 1, 2, 1), strict=True))
THIS_WEEK = USUAL | {"speaking-up": 12, "workforce": 2, "appraisal": 2, "collaboration": 0, "values-and-induction": 0}


@dataclass(frozen=True, slots=True)
class Build:
    """What `fill` made."""

    articles: int
    in_scope: int


def fill(database: Database, *, week: Week = WEEK, weeks: int = 10, seed: int = 7) -> Build:
    """Ten weeks of news up to `week`, with all that an edition can show."""
    random = Random(seed)
    with database.write() as session:
        session.add(model_version())
        add_source_states(week, session=session)
        articles = in_scope = 0
        for back in range(weeks - 1, -1, -1):
            one = week.plus(-back)
            counts = (
                THIS_WEEK
                if back == 0
                else {t: max(0, n + random.choice((-1, 0, 0, 1)) * (n > 0)) for t, n in USUAL.items()}
            )
            made = _fill_week(one, counts, random, session=session)
            noise = 60 + random.randrange(12)
            add_noise(one, noise, random, session=session)
            articles, in_scope = articles + made + noise, in_scope + made
    return Build(articles, in_scope)


def _fill_week(week: Week, counts: dict[str, int], random: Random, *, session: Session) -> int:
    made = 0
    live = [source for source in SOURCES if source.id != "old-feed" or week < WEEK.plus(-4)]
    places = random.sample(PLACES, len(PLACES))
    for theme, count in counts.items():
        for _ in range(count):
            headline, evidence = TEXTS[theme][made % len(TEXTS[theme])]
            place, person = places[made % len(places)], random.choice(_PEOPLE)
            source = live[(made * 5 + len(theme)) % len(live)]
            others = random.sample([t for t in theme_ids() if t != theme], random.choice((0, 1, 1, 2)))
            add_story(
                session,
                source=source,
                title=headline.format(place=place, person=person),
                at=week.start + timedelta(hours=7 + (made * 37) % 150),
                themes=[(theme, evidence.format(place=place, person=person), 0.97 - 0.01 * (made % 20))]
                + [(other, "", 0.62) for other in others],
                status=("full", "full", "full", "full", "teaser", "paywalled", "headline")[made % 7]
                if source.rights != "discovery"
                else "headline",
                copies=random.sample([s for s in live if s is not source], 3 if made % 9 == 0 else made % 11 == 0),
            )
            made += 1
    return made


def add_story(
    session: Session,
    *,
    source: Source,
    title: str,
    at: datetime,
    themes: Sequence[tuple[str, str, float]] = (),
    status: str = "full",
    copies: Iterable[Source] = (),
    scope: str = "yes",
    first_seen_at: datetime | None = None,
    url: str | None = None,
    outlet: str | None = None,
) -> Article:
    """One story with its copies; `themes` are (theme, evidence, score)."""
    seen = first_seen_at or at + timedelta(hours=1)
    story = Story(first_seen_at=seen)
    session.add(story)
    session.flush()
    lead = _article(session, source, title, at, seen, status, scope, story.id, url, outlet)
    for theme, evidence, score in themes:
        session.add(
            Tag(article_id=lead.id or 0, theme=theme, score=score, state="yes", evidence=evidence, model_version="v1")
        )
    number = 1
    for number, copy in enumerate(copies, 2):
        _article(
            session, copy, f"{title} – report", at + timedelta(hours=number), seen, "full", scope, story.id, None, None
        )
    story.lead_article_id, story.outlets = lead.id, number
    session.add(story)
    session.flush()
    return lead


def _article(
    session: Session,
    source: Source,
    title: str,
    at: datetime,
    seen: datetime,
    status: str,
    scope: str | None,
    story_id: int | None,
    url: str | None,
    outlet: str | None,
) -> Article:
    article = Article(
        url=url or f"https://{source.id}.example/{at:%Y/%m/%d}/{zlib.crc32(f'{title}{at}{source.id}'.encode())}",
        source=source.id,
        outlet=outlet if outlet is not None else source.label,
        title=title,
        published_at=at,
        first_seen_at=seen,
        language="en",
        text_status=status,
        paywalled=status == "paywalled",
        words=400,
        outcome="new",
        in_scope=0.9 if scope == "yes" else 0.1,
        scope_state=scope,
        model_version="v1",
        story_id=story_id,
    )
    session.add(article)
    session.flush()
    return article


def add_noise(week: Week, count: int, random: Random, *, session: Session) -> None:
    """Articles that are not in scope: what the trends are measured against."""
    for number in range(count):
        source = SOURCES[number % len(SOURCES)]
        if source.id == "old-feed" and week >= WEEK.plus(-4):
            continue
        at = week.start + timedelta(hours=random.randrange(150), seconds=number)
        _article(session, source, f"New clinic opens, number {number}", at, at, "full", "no", None, None, None)


def add_source_states(week: Week, *, session: Session) -> None:
    """All sources well but three: one failing, one blocked, one silent."""
    now = week.end - timedelta(hours=2)
    record_sources(REGISTRY, now, session=session)
    for source in SOURCES:
        state = SourceState(
            source=source.id, url=source.url, last_polled_at=now, last_success_at=now, last_outcome="entries"
        )
        state.last_new_at = now - timedelta(hours=5)
        if source.id == "lough-herald":
            state.failing_since, state.failures = now - timedelta(days=3), 9
            state.last_outcome, state.last_detail = "failed", "HTTP 503"
        if source.id == "harbour-post":
            state.failing_since, state.failures = now - timedelta(days=1), 4
            state.last_outcome, state.last_detail = "blocked", "HTTP 403"
        if source.id == "old-feed":
            state.last_new_at = week.start - timedelta(days=29)
        session.add(state)
        session.add(FetchEvent(source=source.id, kind="source", url=source.url, started_at=now, outcome="entries"))


def model_version() -> ModelVersion:
    """A champion with the scores that `evaluate` prints."""
    return ModelVersion(
        version="v1",
        trained_at=WEEK.start,
        training_hash="0",
        code_version="0.1.0",
        encoder="tfidf",
        state="champion",
        scores={
            "n": 240,
            "in_scope": {"precision": 0.91, "recall": 0.84, "f1": 0.87},
            "themes": {"micro_f1": 0.71, "macro_f1": 0.66},
        },
    )
