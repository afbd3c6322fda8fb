"""The audit sample: drawn once a week by chance and asked in the queue; nothing is claimed before enough is known."""

import random
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from flows.publishing.layout import view_edition
from flows.publishing.rendering import render_email, render_text, render_web
from flows.tagging.training import train
from models import audit as sample
from models.audit import QUESTIONS, Answer, Candidate, Stratum, estimate, tell_operators, tell_readers
from models.reviews import IN_SCOPE, QUEUE_DAYS, UncertainTag, check_decision, queue
from models.settings import load_settings
from models.store import audit, reviews
from models.store.database import Database
from models.store.reader_tables import AuditedStory
from models.store.tables import Article, Story
from models.store.tagging import store_taggings
from models.tagging.decisions import State, Tagging
from models.weeks import Week
from tests.conftest import NOW
from tests.support.fakes_composing import edition

WEEK = Week.of(NOW)
MONDAY = WEEK.end + timedelta(hours=7)
FAR, NEAR, DOUBTFUL, SHOWN = Stratum.FAR, Stratum.NEAR, Stratum.DOUBTFUL, Stratum.SHOWN


def add_week(database: Database, at: datetime = NOW, **counts: int) -> dict[str, list[int]]:
    """So many stories of each stratum, first seen at a moment; their leads."""
    states = {"shown": ("yes", 0.9), "doubtful": ("uncertain", 0.3), "near": ("no", 0.1), "far": ("no", 0.001)}
    found: dict[str, list[int]] = {}
    with database.write() as session:
        for stratum, count in counts.items():
            state, score = states[stratum]
            for number in range(count):
                story = Story(first_seen_at=at)
                session.add(story)
                session.flush()
                name = f"{stratum} {number} of {at:%d %B}"
                article = Article(
                    url=f"https://a.example/{name.replace(' ', '-')}", source="s", title=f"Story {name}",
                    text=f"Work on car park {name} begins on Monday, the council said. Drivers use the other gate.",
                    first_seen_at=at, text_status="full", outcome="new", in_scope=score, scope_state=state,
                    model_version="m1", story_id=story.id,
                )  # fmt: skip
                session.add(article)
                session.flush()
                story.lead_article_id = article.id
                found.setdefault(stratum, []).append(article.id or 0)
    return found


def draw(database: Database, now: datetime = MONDAY) -> int:
    with database.write() as session:
        return audit.draw_week(now, session=session)


def rows(database: Database) -> Sequence[AuditedStory]:
    with database.read() as session:
        return session.exec(select(AuditedStory).order_by(col(AuditedStory.id))).all()


def asked(database: Database, now: datetime = MONDAY) -> list[int]:
    with database.read() as session:
        return [one.article_id for one in audit.questions(now - timedelta(days=QUEUE_DAYS), session=session)]


def answer(database: Database, yes: Sequence[int], no: Sequence[int], now: datetime = MONDAY) -> None:
    with database.write() as session:
        for number in (*yes, *no):
            decision = check_decision(in_scope=number in yes, reviewer="Ada")
            reviews.record(session.get_one(Article, number), decision, now, session=session)


def test_a_week_is_drawn_once_with_the_chance_that_each_story_had(database: Database) -> None:
    stories = add_week(database, shown=3, doubtful=8, near=16, far=240)
    assert draw(database, NOW) == 0  # the week is not over
    assert draw(database) == 3 + 4 + 8 + 24
    first = rows(database)
    assert draw(database, MONDAY + timedelta(days=1)) == 0
    assert rows(database) == first
    chances = {row.stratum: (row.stratum_size, row.chance) for row in first}
    assert chances == {"shown": (3, 1.0), "doubtful": (8, 0.5), "near": (16, 0.5), "far": (240, 0.1)}
    assert {row.article_id for row in first if row.stratum == "far"} < set(stories["far"])
    assert asked(database) == [row.article_id for row in first]
    assert not asked(database, MONDAY + timedelta(days=QUEUE_DAYS + 1))  # asked of what is fresh


def test_only_what_the_tagger_was_asked_in_time_may_be_drawn(sqlite: Database) -> None:
    stories = add_week(sqlite, far=4)["far"]
    with sqlite.write() as session:
        session.get_one(Article, stories[0]).language = "cy"
        session.get_one(Article, stories[1]).backfilled = True
        session.get_one(Article, stories[2]).model_version = None
    assert draw(sqlite) == 0  # one still waits for its tags
    with sqlite.write() as session:
        session.get_one(Article, stories[2]).model_version = "m1"
    assert draw(sqlite) == 2
    assert {row.article_id for row in rows(sqlite)} == set(stories[2:])


def test_what_was_said_before_it_was_drawn_stays_learned(sqlite: Database) -> None:
    first, second = add_week(sqlite, near=2)["near"]
    answer(sqlite, [], [first], MONDAY - timedelta(days=2))
    assert draw(sqlite) == 2
    answer(sqlite, [], [second], MONDAY + timedelta(hours=1))
    with sqlite.read() as session:
        assert [one.key for one in reviews.reviewed_articles(session=session)] == [str(first)]


def test_what_later_days_bring_changes_neither_the_draw_nor_its_answers(
    sqlite: Database, small_seeds: Path, tmp_path: Path
) -> None:
    settings = load_settings(data=tmp_path / "d", encoder="tfidf")
    first_version = train(sqlite, settings, now=MONDAY).champion
    stories = add_week(sqlite, shown=4, doubtful=4, near=8, far=24)
    draw(sqlite)
    before = rows(sqlite)
    missed, still_open = stories["near"][0], stories["far"][5]
    found = [*stories["shown"], missed]
    answer(sqlite, found, [one for one in asked(sqlite) if one not in {*found, still_open}])
    with sqlite.read() as session:
        was = audit.recall(WEEK, session=session)
    assert was is not None
    assert (was.checked, was.drawn, was.share) == (39, 40, 4 / 5)

    with sqlite.read() as session:  # what agrees with a "no" teaches nothing
        taught = {int(one.key): one.in_scope for one in reviews.reviewed_articles(session=session)}
    assert taught == dict.fromkeys(found, True) | dict.fromkeys(stories["doubtful"], False)
    learned = train(sqlite, settings, now=MONDAY)
    assert learned.challenger not in {"", first_version}
    assert "Of the stories in scope 80% were shown" in learned.missed
    with sqlite.write() as session:  # tagged anew: what was a "no" is a "yes", answered or not; and texts are purged
        for number in (missed, still_open):
            store_taggings([(number, Tagging(0.9, State.YES, (), "m2"))], session=session)
        for article in session.exec(select(Article)):
            article.text = None
    assert asked(sqlite) == [still_open]  # though it is sure of it now
    with sqlite.read() as session:
        assert audit.recall(WEEK, session=session) == was
    later = MONDAY + timedelta(days=7)
    add_week(sqlite, NOW + timedelta(days=7), shown=2, far=30)
    assert draw(sqlite, later) == 26
    assert rows(sqlite)[:40] == before
    assert asked(sqlite, later)[-1] == still_open  # the newest week first
    with sqlite.read() as session:
        assert audit.recall(WEEK.plus(1), session=session) == was  # nobody has answered of that week
    answer(sqlite, [still_open], [missed], later)  # the last word counts
    with sqlite.read() as session:
        now_known = audit.recall(WEEK.plus(1), session=session)
    assert now_known is not None
    assert (now_known.checked, now_known.share) == (40, 0.8)
    assert not now_known.is_claimed  # all of one small week is no certainty


def test_an_edition_says_what_is_missed_once_it_is_known(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "QUESTIONS", dict.fromkeys(Stratum, 90))
    stories = add_week(sqlite, shown=48, doubtful=8, near=20, far=60)
    draw(sqlite)
    assert edition(sqlite, MONDAY, WEEK).model.recall == ""
    answer(sqlite, [*stories["shown"], *stories["doubtful"], *stories["near"][:4]], [])
    assert edition(sqlite, MONDAY, WEEK).model.recall == ""  # nobody has looked at the rest
    answer(sqlite, [], asked(sqlite))
    said = edition(sqlite, MONDAY, WEEK).model.recall
    assert re.fullmatch(
        r"Of ten stories like these the monitor finds about eight \(7\d% to 8\d% at 95% confidence\): .+ 136\.", said
    )
    view = view_edition(edition(sqlite, MONDAY, WEEK))
    email = render_email(view)
    for form in (render_text(view), email.text, email.html, render_web(view)):
        assert said in " ".join(form.split())


def test_half_of_the_queue_is_for_the_audit_and_no_score_sways_its_answers() -> None:
    doubts = [UncertainTag(n, f"t{n}", "u", "o", IN_SCOPE, 0.4, "") for n in range(10)]
    both = UncertainTag(3, "t3", "u", "o", "workforce", 0.6, "It is so.")
    drawn = [UncertainTag(n, f"t{n}", "u", "o", IN_SCOPE, 0.5, "", drawn=True) for n in (30, 3, 20)]
    items = queue([*doubts, both, *drawn], {}, 4)
    assert [item.article_id for item in items] == [0, 1, 30, 3]
    assert [item.score for item in items] == [0.4, 0.4, None, None]
    assert items[3].asked == (IN_SCOPE, "workforce")
    assert [item.article_id for item in queue([*doubts, *drawn], {}, 20)][-3:] == [30, 3, 20]


def test_the_sample_is_fair() -> None:
    population = [Candidate(n, FAR, 0.0, "m") for n in range(300)]
    weeks = [sample.draw(f"2026-W{n:02d}", population) for n in range(400)]
    assert sample.draw("2026-W07", population[::-1]) == weeks[7]
    totals = [sum(1 / one.chance for one in week if one.candidate.article_id < 15) for week in weeks]
    assert sum(totals) / len(totals) == pytest.approx(15, abs=1.9)  # three standard errors


def test_where_nothing_was_shown_and_next_to_nothing_missed_there_is_still_an_interval() -> None:
    answers = [Answer("2026-W47", DOUBTFUL, 1, True), Answer("2026-W48", DOUBTFUL, 300, False)]
    known = estimate(answers)
    assert known is not None
    assert (known.share, known.low, known.high) == (0.0, 0.0, 1.0)
    assert "95% interval 0% to 100%" in tell_operators(known, 0)


def test_none_found_among_a_few_is_no_certainty() -> None:
    def answers(weeks: int, far: int) -> list[Answer]:
        found = []
        for week in range(weeks):
            for stratum, size, yes in ((SHOWN, 20, 4), (DOUBTFUL, 4, 0), (NEAR, 8, 0), (FAR, far, 0)):
                count = min(size, QUESTIONS[stratum])
                found += [Answer(f"2026-W{week:02d}", stratum, size, number < yes) for number in range(count)]
        return found

    few = estimate(answers(1, 1400))
    assert few is not None
    assert (few.share, few.high) == (1.0, 1.0)
    assert few.low < 0.35
    assert tell_readers(few) == ""
    assert "too wide to tell readers. About " in tell_operators(few, 3)
    many = estimate(answers(20, 300))
    assert many is not None
    assert 0.85 < many.low < 0.98
    assert tell_readers(many).startswith("Of ten stories like these the monitor finds nearly all (")
    assert estimate([Answer("2026-W01", FAR, 1400, None)]) is None
    assert "3 questions of it wait" in tell_operators(None, 3)
    nobody_asked = [one for one in answers(20, 300) if one.stratum is not FAR]
    unanswered = [Answer(f"2026-W{week:02d}", FAR, 300, None) for week in range(20)]
    assert tell_readers(estimate([*nobody_asked, *unanswered])) == ""


def test_the_interval_holds_the_truth_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_RUNS", 2000)
    chance = random.Random(5)
    rates = {SHOWN: (30, 0.7), DOUBTFUL: (10, 0.5), NEAR: (30, 0.07), FAR: (250, 0.004)}
    held = 0
    for _ in range(120):
        answers, inside = [], dict.fromkeys(Stratum, 0.0)
        for week in range(6):
            for stratum, (usual, rate) in rates.items():
                size = chance.randint(usual // 2, usual * 3 // 2)
                truth = [chance.random() < rate for _ in range(size)]
                inside[stratum] += size * rate
                answers += [
                    Answer(f"2026-W{week:02d}", stratum, size, verdict if chance.random() < 0.8 else None)
                    for verdict in truth[: QUESTIONS[stratum]]
                ]
        found = estimate(answers)
        held += found is not None and found.low <= inside[SHOWN] / sum(inside.values()) <= found.high
    assert held >= 0.92 * 120  # 95% less two standard errors of 120 tries is 91%
