"""What pages say of themselves to machines, as content systems really write it: date, author and length of the article."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.entries import Page
from models.outcomes import TextStatus
from tests.support.fakes_pages import NINE, SENTENCES, page, read, story

OTHER = {
    "@type": "NewsArticle",
    "headline": "Another story altogether",
    "datePublished": "2019-05-05T05:05:05Z",
    "author": {"name": "Wrong Person"},
    "url": "https://www.news.example.org/another",
}
RIGHT: dict[str, Any] = {
    "@type": "NewsArticle",
    "headline": "Trust board quits",
    "datePublished": "2026-11-20T09:00:00Z",
    "author": {"@type": "Person", "name": "Dee Right"},
}


def blocks(*data: Any) -> Page:
    """A page with these blocks of JSON-LD."""
    return read(page("".join(f"<script type='application/ld+json'>{json.dumps(block)}</script>" for block in data)))


@pytest.mark.parametrize(
    "data",
    [
        [[OTHER, RIGHT]],
        [OTHER, RIGHT],
        [{"@graph": [OTHER, RIGHT]}],
        [OTHER, RIGHT | {"headline": "Trust&#32;board &quot;quits&quot;"}],
        [OTHER, RIGHT | {"headline": "Trust board \u2018quits\u2019"}],
        [OTHER, RIGHT | {"headline": "TRUST BOARD QUITS"}],
        [OTHER, RIGHT | {"headline": "Trust board quits: live updates"}],
        [OTHER, RIGHT | {"headline": "Trust board quits | Daily News"}],
        [OTHER, RIGHT | {"headline": "Whole board of trust quits at once"}],
        [
            OTHER,
            RIGHT
            | {"headline": "Shake-up", "mainEntityOfPage": {"@id": "https://www.news.example.org/health/board-quits"}},
        ],
        [OTHER, RIGHT | {"headline": "Shake-up", "url": "/health/board-quits"}],
        [{"@type": "ItemList", "itemListElement": [OTHER]}, RIGHT],
        [OTHER, RIGHT | {"author": [[{"@type": "Person", "name": "Dee Right"}]]}],
        [OTHER, RIGHT | {"author": [[["Dee Right"]]]}],
        [OTHER, RIGHT | {"@type": ["NewsArticle", "Article"]}],
        [OTHER, RIGHT | {"@type": "https://schema.org/NewsArticle"}],
        [OTHER, RIGHT | {"@type": "OpinionNewsArticle"}],
    ],
)
def test_the_article_of_the_page_is_told_from_those_that_it_links_to(data: list[Any]) -> None:
    found = blocks(*data)
    assert (found.published_at, found.author) == (NINE, "Dee Right")


@pytest.mark.parametrize(
    "wrapper", ["{}", "<!-- {} -->", "//<![CDATA[\n{}\n//]]>", "/*<![CDATA[*/ {} /*]]>*/", "<![CDATA[{}]]>", "{};"]
)
def test_data_in_the_wrappers_of_old_content_systems_is_read(wrapper: str) -> None:
    text = wrapper.replace("{}", json.dumps(RIGHT))
    assert read(page(f"<script type='application/ld+json'>{text}</script>")).author == "Dee Right"


def live_blog(updates: int, **more: Any) -> dict[str, Any]:
    update = {
        "@type": "BlogPosting",
        "headline": "Update",
        "datePublished": "2026-11-20T20:00:00Z",
        "articleBody": SENTENCES[0] * 20,
    }
    return (
        RIGHT
        | {"@type": "LiveBlogPosting", "liveBlogUpdate": [update] * updates, "dateModified": "2026-11-20T21:00:00Z"}
        | more
    )


@pytest.mark.parametrize("updates", [3, 600])
def test_a_live_blog_is_dated_by_its_beginning_however_long_it_is(updates: int) -> None:
    blog = live_blog(updates)
    assert (len(json.dumps(blog)) > 600_000) is (updates == 600)
    head = "<meta property='article:modified_time' content='2026-11-20T21:00:00Z'>"
    found = read(page(f"{head}<script type='application/ld+json'>{json.dumps(blog)}</script>"))
    assert (found.published_at, found.author, found.live) == (NINE, "Dee Right", True)


def test_a_live_blog_that_has_ended_grows_no_more() -> None:
    assert blocks(live_blog(1, coverageEndTime="2026-11-20T22:00:00Z")).live is False
    assert blocks(RIGHT).live is False


@pytest.mark.parametrize("name", ["author", "article:author", "dc.creator", "citation_author", "parsely-author"])
def test_every_author_of_several_meta_tags_is_named(name: str) -> None:
    people = ("Ann Example", "Bo Sample", "Cy Other")
    tags = "".join(f"<meta name='{name}' content='{person}'>" for person in people)
    assert read(page(tags)).author == ", ".join(people)


def test_tags_that_name_nobody_give_way_to_those_that_do() -> None:
    tags = "<meta name='author' content='admin'><meta name='article:author' content='https://social.example/us'>"
    assert (
        read(page(tags + "<meta name='dc.creator' content='Bo Sample'><meta name='dc.creator' content='admin'>")).author
        == "Bo Sample"
    )


def with_count(count: object, paragraphs: int) -> TextStatus:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in story(paragraphs))
    head = f"<script type='application/ld+json'>{json.dumps(RIGHT | {'wordCount': count})}</script>"
    return read(page(head, f"<article><h1>Trust board quits</h1>{text}</article>")).text_status


@pytest.mark.parametrize("slip", [1.0, 0.85, 1.2])
def test_a_count_of_letters_is_no_count_of_words(slip: float) -> None:
    letters = len(" ".join(story(14)))
    assert with_count(round(letters * slip), 14) is TextStatus.FULL
    assert with_count(f"{round(letters * slip):,}", 14) is TextStatus.FULL
    assert with_count(f"{letters} characters", 14) is TextStatus.FULL


@pytest.mark.parametrize(
    ("count", "paragraphs", "status"),
    [
        ("900 words", 3, TextStatus.TEASER),
        ("1,400", 14, TextStatus.TEASER),
        (
            len(" ".join(story(3))),
            3,
            TextStatus.TEASER,
        ),  # the sixth part of an article has as many letters as it has words
        ("", 14, TextStatus.FULL),
        ("none", 14, TextStatus.FULL),
        (-5, 14, TextStatus.FULL),
        (None, 14, TextStatus.FULL),
    ],
)
def test_a_count_of_words_still_tells_an_opening_from_the_whole(
    count: object, paragraphs: int, status: TextStatus
) -> None:
    assert with_count(count, paragraphs) is status


def test_data_as_long_as_the_page_may_be_costs_no_more_than_that() -> None:
    nested = "[" * 100_000 + "]" * 100_000
    for text in (nested, json.dumps([RIGHT] * 9000), " " * 200_000 + json.dumps(RIGHT) + ";" * 200_000, "{" * 50_000):
        found = read(page(f"<script type='application/ld+json'>{text}</script>"))
        assert found.published_at in {None, NINE, datetime(2026, 11, 20, 12, tzinfo=UTC)}
