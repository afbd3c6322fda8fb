"""The pages say what the database says, lead where an edition points, and are small, quiet and well made."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree, html
from sqlalchemy import func
from sqlmodel import col, select

from flows.website.app import make_app
from flows.website.site import MAX_PAGE_BYTES
from models.edition.content import content_from_json
from models.organisations import load_organisations
from models.reviews import check_decision
from models.settings import Settings
from models.store import editions, reviews
from models.store.database import Database, open_database
from models.store.organisations import record_organisations
from models.store.tables import Article, StoredMention, Story, Tag
from models.themes import load_themes
from tests.support import fakes_edition as fakes
from tests.support.fakes_website import Visitor, filled, visitor

PAGES = (
    "/", "/index.html", "/2026-W47.html", "/themes", "/themes/speaking-up", "/themes/workforce?page=2", "/recommendations",
    "/organisations", "/organisations/nhs-england", "/stories/1", "/search", "/search?q=staff", "/sources", "/about",
    "/nothing-here", "/unsubscribe/x",
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    folder = tmp_path_factory.mktemp("website")
    with open_database(f"sqlite:///{folder / 'culture.db'}") as database:
        filled(database, folder)
        with database.write() as session:
            record_organisations(load_organisations(None), session=session)
            leads = session.exec(select(Article.id).where(Article.scope_state == "yes").limit(30)).all()
            for number in leads:
                for one in ("nhs-england", "care-quality-commission")[: 1 + (number or 0) % 2]:
                    session.add(
                        StoredMention(
                            article_id=number or 0, organisation_id=one, place="text", start_offset=0, end_offset=3
                        )
                    )
        yield database, folder


@pytest.fixture(scope="module")
def reader(store: tuple[Database, Path]) -> Visitor:
    return visitor(store[0], Settings(data=store[1]))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_small_well_made_and_asks_nobody_else(reader: Visitor, page: str) -> None:
    answer = reader.get(page)
    assert answer.status_code == (404 if page in {"/nothing-here", "/unsubscribe/x"} else 200)
    assert len(answer.content) < MAX_PAGE_BYTES
    assert "set-cookie" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "noindex" in answer.headers["X-Robots-Tag"]
    tree = html.fromstring(answer.text)
    assert len(tree.xpath("//h1")) == 1
    assert len(tree.xpath("//main")) == 1
    assert not tree.xpath("//script | //img | //iframe | //link[@rel='stylesheet'] | //@onclick")
    levels = [int(tag.tag[1]) for tag in tree.xpath("//*[self::h1 or self::h2 or self::h3 or self::h4]")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_every_page_but_a_readers_own_can_be_followed(reader: Visitor) -> None:
    for page in PAGES[:-2]:
        tree = html.fromstring(reader.get(page).text)
        (feed,) = tree.xpath("//head/link[@rel='alternate'][@type='application/atom+xml']/@href")
        links = tree.xpath("//footer//a/@href")
        assert feed in links, page
        assert feed.replace("/feed.atom", "/dates.ics") in links, page
        narrower = page.startswith(("/themes/", "/organisations/", "/search?"))
        assert ("?" in feed) is narrower, page
    for page in PAGES[-2:]:
        assert "feed.atom" not in reader.get(page).text, page


def test_every_link_of_every_page_leads_somewhere(reader: Visitor) -> None:
    seen: set[str] = set()
    for page in PAGES[:-2]:
        tree = html.fromstring(reader.get(page).text)
        seen.update(link.partition("#")[0] for link in tree.xpath("//a/@href | //link/@href") if link.startswith("/"))
    few = sorted(link for link in seen if not link.startswith("/stories/"))
    stories = sorted(seen - set(few))
    assert len(stories) > 60
    for link in [*few[::3], *stories[::8]]:
        assert reader.get(link).status_code == 200, link


def test_a_theme_counts_as_the_database_does(store: tuple[Database, Path], reader: Visitor) -> None:
    database, _ = store
    for theme in load_themes()[::4]:
        with database.read() as session:
            query = (
                select(func.count(func.distinct(col(Article.story_id))))
                .join(Tag, col(Tag.article_id) == Article.id)
                .where(Tag.theme == theme.id, Tag.state == "yes", Article.scope_state == "yes")
            )
            count = session.exec(query).one()
        page = html.fromstring(reader.get(f"/themes/{theme.id}").text)
        heading = page.xpath("string(//h2[@id='stories'])")
        assert heading.startswith(f"{count} stor"), theme.id
        rows = page.xpath("//details//td[@class='n']")
        numbers = [row.text_content().split()[0] for row in rows]
        assert len(numbers) == 24
        assert sum(int(number) for number in numbers if number != "–") == count
        for month in page.xpath("//details//td/a"):
            found = html.fromstring(reader.get(month.get("href")).text).xpath("string(//h2[@id='found'])")
            assert found.split()[0] == month.text, month.get("href")
        assert page.xpath("//*[name()='svg']/@role") == ["img"]


def test_an_edition_counts_as_the_database_does(store: tuple[Database, Path], reader: Visitor) -> None:
    at = func.coalesce(Article.published_at, Article.first_seen_at)
    stories = func.count(func.distinct(col(Article.story_id)))
    page = html.fromstring(reader.get("/2026-W47.html").text)
    with store[0].read() as session:
        sources, outlets = (func.count(func.distinct(col(one))) for one in (Article.source, Article.outlet))
        of_week = (at >= fakes.WEEK.start, at < fakes.WEEK.end)
        read = session.exec(select(func.count(), sources).where(*of_week)).one()
        told = session.exec(select(stories, outlets).where(*of_week, Article.scope_state == "yes")).one()
        by_week: list[dict[str, int]] = []
        for back in range(11, -1, -1):
            week = fakes.WEEK.plus(-back)
            query = select(Tag.theme, stories).join(Article, col(Article.id) == Tag.article_id).group_by(Tag.theme)
            shown = (at >= week.start, at < week.end, Article.scope_state == "yes", Tag.state == "yes")
            by_week.append(dict(session.exec(query.where(*shown)).all()))
    numbers = f"{told[0]} stories from {told[1]} outlets, out of {read[0]} articles collected from {read[1]} sources."
    assert numbers in page.xpath("string(//section[@id='brief'])")
    assert len(page.xpath("//article")) == told[0]
    for theme in load_themes():
        (row,) = page.xpath(f"//table[@class='trends']//tr[starts-with(normalize-space(th), '{theme.name}')]")
        bars = [bar.text_content().rpartition(" ")[2] for bar in row.xpath(".//li")]
        assert bars == [str(week.get(theme.id, 0)) if week else "–" for week in by_week], theme.id
        count = by_week[-1].get(theme.id, 0)
        words = row.xpath("string(.//span[@class='words'])")
        assert words.startswith(f"{count} stor" if count else "no stories"), theme.id
        for heading in page.xpath(f"//h2[@id='{theme.id}']"):
            assert words.split(";")[0].startswith(heading.xpath("string(span[last()])").split(";")[0]), theme.id


def test_a_page_is_kept_for_a_minute_and_made_anew_where_a_person_has_spoken(sqlite: Database, tmp_path: Path) -> None:
    now = fakes.MONDAY_7
    reader = Visitor(make_app(sqlite, fakes.REGISTRY, filled(sqlite, tmp_path, weeks=1), lambda: now))

    def first() -> tuple[int, str]:
        story = html.fromstring(reader.get("/themes/workforce").text).xpath("//article")[0]
        link = next(one for one in story.xpath(".//a/@href") if one.startswith("/stories/"))
        return int(link.rpartition("/")[2]), story.xpath("string(.//h4)").strip()

    number, title = first()
    with sqlite.write() as session:
        session.get_one(Article, number).title = "Another headline"
    assert first() == (number, title)
    now += timedelta(minutes=1)
    assert first() == (number, "Another headline")
    with sqlite.write() as session:
        decision = check_decision(reviewer="Ada", not_themes=["workforce"])
        reviews.record(session.get_one(Article, number), decision, now, session=session)
    assert first()[0] != number


def test_what_an_edition_tells_can_be_reached_from_its_page(store: tuple[Database, Path], reader: Visitor) -> None:
    database, _ = store
    with database.read() as session:
        kept = editions.edition_of(fakes.WEEK, session=session)
    assert kept is not None
    content = content_from_json(kept.content)
    page = reader.get("/2026-W47.html").text
    for story in content.stories:
        assert f'href="/stories/{story.id}"' in page
    for theme in content.themes:
        assert (f'href="/themes/{theme.id}"' in page) is bool(content.stories_on(theme.id))


def test_a_story_says_why_it_was_tagged_and_leads_to_its_reports(store: tuple[Database, Path], reader: Visitor) -> None:
    database, _ = store
    with database.read() as session:
        query = (
            select(Article, Tag)
            .join(Tag, col(Tag.article_id) == Article.id)
            .where(Article.text_status == "full", Tag.evidence != "", Tag.score > 0.9)
        )
        article, tag = session.exec(query.limit(1)).one()
    answer = reader.get(f"/stories/{article.id}")
    page = html.fromstring(answer.text).text_content()
    for words in (article.title, f"{tag.score * 100:.0f} in 100 (version v1)", article.outlet, "Is this wrong?"):
        assert words in page
    copy = reader.get(f"/stories/{_copy(database)}")
    assert copy.status_code == 308
    assert reader.get(copy.headers["location"]).status_code == 200


def _copy(database: Database) -> int:
    with database.read() as session:
        query = (
            select(Article.id)
            .join(Story, col(Story.id) == Article.story_id)
            .where(Story.lead_article_id != Article.id, Article.scope_state == "yes")
        )
        return session.exec(query.limit(1)).one() or 0


def test_an_organisation_has_its_stories_themes_and_neighbours(store: tuple[Database, Path], reader: Visitor) -> None:
    page = reader.get("/organisations/nhs-england").text
    with store[0].read() as session:
        named = select(func.count(func.distinct(col(Article.story_id)))).join(StoredMention)
        count = session.exec(named.where(StoredMention.organisation_id == "nhs-england")).one()
    assert f"{count} stories that name it" in page
    assert 'href="/organisations/care-quality-commission"' in page
    assert "/search?organisation=nhs-england&amp;theme=" in page
    assert "NHS England" in reader.get("/organisations").text


def test_the_recommendations_stand_by_quarter(reader: Visitor) -> None:
    page = html.fromstring(reader.get("/recommendations").text)
    assert [text.partition(":")[0] for text in page.xpath("//h2/text()")] == [
        f"Recommendation {n}" for n in range(1, 8)
    ]
    assert len(page.xpath("//tbody/tr")) == 7
    assert all(len(row.xpath("td")) == 8 for row in page.xpath("//tbody/tr"))
    assert "October to December 2026" in page.text_content()


def test_feed_api_and_spreadsheet_answer_the_same_question(reader: Visitor) -> None:
    question = "q=staff&theme=speaking-up&sort=newest"
    found = reader.get(f"/api/stories?{question}&size=50").json()
    assert found["found"] == len(found["stories"]) > 3
    listed = reader.get(f"/stories.csv?{question}").text.splitlines()
    assert listed[0].startswith("\ufeffweek,date,title")
    titles = [story["title"] for story in found["stories"]]
    feed = reader.get(f"/feed.atom?{question}")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    entries = etree.fromstring(feed.content).findall("{*}entry/{*}title")
    assert [entry.text for entry in entries] == titles
    first = reader.get("/api/stories?theme=speaking-up&size=2").json()
    second = reader.get(first["next"]).json()
    assert second["page"] == 2
    assert {story["id"] for story in first["stories"]}.isdisjoint({story["id"] for story in second["stories"]})


def test_without_anything_stored_every_page_says_so(sqlite: Database, tmp_path: Path) -> None:
    empty = visitor(sqlite, Settings(data=tmp_path))
    for page in PAGES:
        assert empty.get(page).status_code in {200, 404}, page
    assert "No edition yet" in empty.get("/").text
