"""A person edits the edition before it goes: what they do is in it, asks for approval anew, is undone, and judges nothing."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from deployments.cli import main
from flows.publishing import weekly
from flows.publishing.edition import compose_edition
from flows.publishing.exporting import stories_between
from models.edition.edits import EditError
from models.settings import Settings
from models.store import editions
from models.store.database import Database, open_database
from models.store.tables import Article, ArticleEdition, Review, StoredEdit
from models.weeks import Week, utc_now
from tests.support import fakes_edition as fakes
from tests.support.fakes_delivery import edition_settings, join, send, states
from tests.support.fakes_edits import NEXT, NEXT_MONDAY, add_news, edit, mail_port, mail_server, numbers, week_database
from tests.support.fakes_mail import Mailboxes

UNREAD = "https://elsewhere.example/leaders"
UNREAD_WORDS = {
    "sentence": "Worth reading beside the Ashcombe review.",
    "headline": "What leaders owe",
    "outlet": "Else",
}
__all__ = ["edition_settings", "mail_port", "mail_server", "week_database"]  # fixtures


def test_draft_edit_news_approval_second_edit_approval_sending(
    database: Database, settings: Settings, port: int, mailboxes: Mailboxes
) -> None:
    asking = settings.model_copy(update={"approval": True})
    draft = edit(database, asking).draft
    first, second, *_ = draft.content.stories
    edited = edit(database, asking, note="A **hard** week.", leave_out=(str(first.id),))
    assert len(edited.draft.files) == 5
    assert "A <strong>hard</strong> week." in (settings.outbox / "2026-W47.html").read_text()
    news = add_news(database, "Found an hour later")
    shown = send(database, asking, port)
    assert (shown.awaits_approval, states(database)) == (True, {})
    assert news in numbers(shown.content.stories)
    assert first.id not in numbers(shown.content.stories)

    with database.write() as session:
        assert editions.approve(fakes.WEEK, shown.content_hash, "Bo", session=session)
    again = edit(database, asking, "Cy", lead=second.url)
    assert again.approval_void
    assert "awaits approval anew" in again.summary
    asked = send(database, asking, port)
    assert (asked.awaits_approval, asked.content.editing.lead, states(database)) == (True, second.id, {})
    with database.write() as session:
        assert not editions.approve(fakes.WEEK, shown.content_hash, "Bo", session=session)
        assert editions.approve(fakes.WEEK, asked.content_hash, "Bo", session=session)
    add_news(database, "Found after the approval")
    sent = send(database, asking, port)
    assert (sent.sent, sent.content_hash) == (2, asked.content_hash)
    text = mailboxes.raw("reader0@trust0.example.org")[0].decode()
    assert "edited by Ada and Cy" in " ".join(text.split())
    assert "Found after the approval" not in text
    with pytest.raises(EditError, match="the edition of 2026-W47 has been sent: it can't be edited any more"):
        edit(database, asking, note="Too late.")
    with pytest.raises(EditError, match="has been sent"):
        edit(database, asking, undo=(1,))


def test_without_approval_it_goes_with_what_was_edited_by_then(
    database: Database, settings: Settings, port: int
) -> None:
    edit(database, settings, note="First.")
    edit(database, settings, "Bo", note="Second.")
    news = add_news(database, "Found an hour later")
    sent = send(database, settings, port)
    assert (sent.sent, sent.content.editing.note, sent.content.editing.by) == (2, "Second.", ("Bo",))
    assert news in numbers(sent.content.stories)


def test_an_edit_that_comes_while_the_digest_is_composed_goes_out_with_it(
    database: Database, settings: Settings, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = ["A note in the last second."]

    def meanwhile(*given: Any) -> Any:
        composed = compose_edition(*given)
        if left:
            edit(database, settings, note=left.pop())
            editions_of_before = composed.content
            with database.write() as session:  # as of a digest that gathered its stories before the edit
                kept = editions.edition_of(fakes.WEEK, session=session)
                assert kept is not None
                kept.content, kept.latest_edit = editions_of_before.to_json(), 0
                session.add(kept)
        return composed

    monkeypatch.setattr(weekly, "compose_edition", meanwhile)
    sent = send(database, settings, port)
    assert (sent.sent, sent.content.editing.note) == (2, "A note in the last second.")


def test_leaving_out_is_no_judgement_of_scope(database: Database, settings: Settings, port: int) -> None:
    lone = add_news(database, "The only one of its theme", themes=[("collaboration", "One team.", 0.9)])
    before = edit(database, settings).draft.content
    out = edit(database, settings, leave_out=(f"article {lone}",)).draft.content
    assert lone not in numbers(out.stories)
    assert len(out.stories) == len(before.stories) - 1
    assert out.trends == before.trends  # what the news says is not edited
    files = {file.suffix: file.read_text() for file in settings.outbox.iterdir()}
    assert "1 story left out" in files[".html"]
    assert send(database, settings, port).sent == 2
    add_news(database, "News of the week after", at=NEXT.start + timedelta(days=1))
    with database.read() as session:
        assert session.exec(select(Review)).all() == []
        assert session.get_one(ArticleEdition, lone).reason == "left out by editor Ada"
    later = send(database, settings, port, week=NEXT, now=NEXT_MONDAY)
    assert [story.title for story in later.content.stories] == ["News of the week after"]
    with database.read() as session:
        assert session.get_one(ArticleEdition, lone).reason == "left out by editor Ada"
    day = date(2026, 11, 22)
    exported = stories_between(database, fakes.REGISTRY, fakes.THEMES, first=day, last=day, now=NEXT_MONDAY)
    assert lone in {story.item.id for story in exported}


def test_what_a_draft_leaves_out_no_other_edition_tells_until_it_is_undone(
    database: Database, settings: Settings
) -> None:
    left = add_news(database, "Left out")
    edit(database, settings, now=fakes.MONDAY_7, leave_out=(str(left),))
    assert left not in numbers(send(database, settings, week=NEXT, now=NEXT_MONDAY, dry_run=True).content.stories)
    back = edit(database, settings, "Bo", now=fakes.MONDAY_7, undo=(1,))
    assert left in numbers(back.draft.content.stories)
    assert back.draft.content.editing.by == ()
    assert back.lines == ["1: “Left out” left out (Ada, Monday 07:00), undone by Bo"]
    edit(database, settings, now=fakes.MONDAY_7, leave_out=(str(left),))
    again = edit(database, settings, now=fakes.MONDAY_7, add=str(left), sentence="It matters after all.").draft.content
    assert next(one for one in again.stories if one.id == left).words == "It matters after all."
    assert again.editing.withheld == ()
    with pytest.raises(EditError, match="edit 1 is undone already"):
        edit(database, settings, undo=(1,))


def test_what_a_draft_left_out_that_was_never_sent_has_its_reason(
    database: Database, settings: Settings, port: int
) -> None:
    send(database, settings, port)
    late = add_news(database, "Found after its week was told")
    edit(database, settings, week=NEXT, now=NEXT_MONDAY, leave_out=(str(late),))
    send(database, settings, port, week=NEXT.plus(1), now=NEXT_MONDAY + timedelta(days=7))
    with database.read() as session:
        assert session.get_one(ArticleEdition, late).reason == "edition-not-sent"


def test_moving_is_a_review_and_undoing_it_too(database: Database, settings: Settings) -> None:
    story = next(one for one in edit(database, settings).draft.content.stories if one.primary == "speaking-up")
    moved = edit(database, settings, move=str(story.id), to="appraisal").draft.content
    there = next(one for one in moved.stories if one.id == story.id)
    assert there.primary == "appraisal"
    assert "speaking-up" not in {theme.theme for theme in there.themes}

    def reviews() -> list[tuple[str, bool, str]]:
        with database.read() as session:
            found = session.exec(select(Review).where(Review.article_id == story.id).order_by(col(Review.id)))
            return [(one.theme, one.verdict, one.reviewer) for one in found]

    assert reviews() == [("appraisal", True, "Ada"), ("speaking-up", False, "Ada")]
    back = edit(database, settings, "Bo", undo=(1,)).draft.content
    assert next(one for one in back.stories if one.id == story.id).primary == "speaking-up"
    assert reviews()[2:] == [("appraisal", False, "Bo"), ("speaking-up", True, "Bo")]


def test_a_stored_story_is_added_with_the_editors_words_and_told_once(
    database: Database, settings: Settings, port: int
) -> None:
    at = fakes.WEEK.plus(-30).start
    old = add_news(database, "From half a year ago", at=at, scope="no", themes=[])
    added = edit(database, settings, add=str(old), sentence="The start of it.", under="appraisal", lead=str(old)).draft
    story = added.content.stories[0]
    assert (story.id, story.added, story.words, story.primary) == (old, True, "The start of it.", "appraisal")
    assert added.subject.startswith("From half a year ago")
    assert "1 more was added by the editor" in (settings.outbox / "2026-W47.txt").read_text().replace("\n", " ")
    assert send(database, settings, port).sent == 2
    with database.read() as session:
        assert session.get_one(ArticleEdition, old).week == "2026-W47"
        assert session.exec(select(Review)).all() == []
    with pytest.raises(EditError, match="was told by the edition of 2026-W47"):
        edit(database, settings, week=NEXT, now=NEXT_MONDAY, add=str(old), sentence="Again.")


def test_a_story_is_left_out_once_so_that_undoing_brings_it_back(database: Database, settings: Settings) -> None:
    first = edit(database, settings).draft.content.stories[0]
    out = edit(database, settings, leave_out=(str(first.id), str(first.id)))
    assert len(out.done) == 1
    with pytest.raises(
        EditError, match=f"article {first.id} is left out of the edition of 2026-W47 already|is not in the edition"
    ):
        edit(database, settings, leave_out=(str(first.id),))
    back = edit(database, settings, undo=(1,))
    assert first.id in {story.id for story in back.draft.content.stories}


def test_an_added_address_names_no_user(database: Database, settings: Settings) -> None:
    spoofed = "https://user:pw@nhs.uk@elsewhere.example/leaders"
    added = edit(database, settings, add=spoofed, **UNREAD_WORDS).draft.content.stories[-1]
    assert added.url == UNREAD


def test_an_address_that_was_never_collected_is_told_once_too(
    database: Database, settings: Settings, port: int
) -> None:
    with pytest.raises(EditError, match="was never collected: give its headline and its outlet"):
        edit(database, settings, add=UNREAD, sentence="Words.")
    added = edit(database, settings, add=UNREAD, **UNREAD_WORDS).draft.content.stories[-1]
    assert (added.id, added.title, added.url, added.outlet) == (-1, "What leaders owe", UNREAD, "Else")
    assert send(database, settings, port).sent == 2
    late = add_news(database, "What leaders owe", url=UNREAD, at=NEXT.start + timedelta(hours=9))
    add_news(database, "Other news", at=NEXT.start + timedelta(hours=9))
    assert numbers(send(database, settings, port, week=NEXT, now=NEXT_MONDAY).content.stories) == [late + 1]
    with database.read() as session:
        assert session.get_one(ArticleEdition, late).week == "2026-W47"


def test_what_was_added_unread_and_is_collected_before_the_digest_is_one_story(
    database: Database, settings: Settings
) -> None:
    edit(database, settings, add=UNREAD, lead=UNREAD, **UNREAD_WORDS)
    number = add_news(database, "What leaders owe, now read", url=UNREAD)
    story = edit(database, settings).draft.content.stories[0]
    assert (story.id, story.title, story.added) == (number, "What leaders owe, now read", False)
    assert story.words == UNREAD_WORDS["sentence"]
    assert UNREAD not in {one.url for one in edit(database, settings, undo=(1, 2)).draft.content.stories if one.words}


def test_what_can_not_be_done_is_told_and_nothing_is_recorded(database: Database, settings: Settings) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"note": "x" * 601}, "the note has 601 letters; 600 are the most"),
        ({"editor": "", "note": "x"}, "needs the name of its editor"),
        ({"editor": "\u202e\u200b", "note": "x"}, "needs the name of its editor"),  # signs that nobody sees
        ({"undo": (10**20,)}, "there is no edit 100000000000000000000"),
        ({"add": UNREAD, **UNREAD_WORDS, "sentence": "\u200b\u200b"}, "'add' is given without 'sentence'"),
        ({"editor": "ada@trust.example.org", "note": "x"}, "give the editor's name and not an address"),
        ({"editor": "ada＠trust.example.org", "note": "x"}, "give the editor's name and not an address"),
        ({"editor": "ada﹫trust.example.org", "note": "x"}, "give the editor's name and not an address"),
        ({"note": "Write to **Reader0@trust0.example.org**."}, "holds the address of somebody on the list"),
        ({"note": "Ask <reader1＠trust1.example.org>"}, "holds the address of somebody on the list"),
        ({"week": Week(1990, 1), "note": "x"}, "nothing to edit in 1990-W01: no edition of it was made"),
        ({"week": Week(1990, 1)}, "nothing to edit in 1990-W01"),
        ({"leave_out": ("999999",)}, "'999999' is no stored article"),
        ({"leave_out": ("1",), "note": "x", "undo": (5,)}, "there is no edit 5 of the edition of 2026-W47"),
        ({"move": "1"}, "'move' is given without 'to'"),
        ({"add": "1"}, "'add' is given without 'sentence'"),
        ({"add": "javascript:alert(1)", "sentence": "x"}, "neither a stored article nor a web address"),
    ]
    for wanted, said in wrong:
        with pytest.raises(EditError, match=said):
            edit(database, settings, **wanted)
    with database.read() as session:
        assert session.exec(select(StoredEdit)).all() == []
        assert session.exec(select(Review)).all() == []
    assert not [*settings.data.rglob("1990*")]


def test_an_address_of_nobody_on_the_list_may_be_printed(database: Database, settings: Settings) -> None:
    note = "Write to office@trust0.example.org or areader0@trust0.example.org.uk."
    assert note in edit(database, settings, note=note).draft.content.editing.note


def test_the_command_shows_the_draft_edits_it_and_refuses_after_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path))
    monkeypatch.setenv("CULTURE_SMTP_URL", f"smtp://127.0.0.1:{port}")
    week = Week.of(utc_now()).plus(-1)
    with open_database(f"sqlite:///{tmp_path / 'culture.db'}") as database:
        fakes.fill(database, week=week, weeks=1)
        join(database, 1)
        with database.read() as session:
            number = session.exec(select(Article.id).where(Article.scope_state == "yes")).first()

    def command(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    code, said = command("edit")
    assert (code, f"Week {week}: nothing changed" in said, "The draft" in said) == (0, True, True)
    what = ("--leave-out", str(number), "--note", "Read *this*.")
    code, said = command("edit", "--by", "Zoë", *what, "--json")
    found = json.loads(said)
    assert (code, found["week"], len(found["recorded"])) == (0, str(week), 2)
    assert command("digest")[0] == 0
    code, said = command("edit", "--by", "Zoë", "--week", str(week), "--undo", "1")
    assert (code, f"the edition of {week} has been sent" in said) == (2, True)
    assert str(week.plus(1)) in command("edit")[1]  # the next to go
