"""The flows as people start them from the Prefect UI: names, outcomes, artifacts, and corrections that count at once."""

import json
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import pytest
from sqlmodel import col, select

from flows.train import theme_figure
from models.reviews import check_decision
from models.store import recipients, reviews
from models.store.tables import Article, SourceState
from models.weeks import Week, utc_now
from tests.support.fakes_mail import Mailboxes, smtp_server
from tests.support.prefect_server import Product, ask

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def monitored(product: Product) -> Product:
    """A product that has collected and tagged the demo site."""
    run = product.run("monitor", {"all_due": True})
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    return product


def test_a_run_is_named_and_says_in_one_line_what_it_did(monitored: Product) -> None:
    run = next(run for run in monitored.runs("monitor") if run["state_type"] == "COMPLETED")
    assert run["name"].startswith("monitor 20")
    assert "entries from 8 sources" in run["state"]["message"]
    assert "main job" in run["tags"]


def test_its_tasks_say_what_they_do(monitored: Product) -> None:
    ends = time.monotonic() + 10.0  # Prefect notes the last tasks of a run a moment after its end
    names: set[str] = set()
    while "tag new articles" not in names and time.monotonic() < ends:
        tasks = monitored.call("POST", "/task_runs/filter", {"limit": 200})
        names = {task["name"] for task in tasks}
        time.sleep(0.2)
    assert "poll The National Courier" in names
    assert "tag new articles" in names
    assert any(name.startswith("read ") and name.endswith(" pages") for name in names)
    assert {"poll", "tag"} <= {tag for task in tasks for tag in task["tags"]}


def test_its_artifacts_say_what_was_found_and_how_each_source_fares(monitored: Product) -> None:
    summary = monitored.artifact("run-summary")["data"]
    assert "What became of every entry" in summary
    assert "Speaking up" in summary
    health = monitored.artifact("source-health")["data"]
    assert "The National Courier" in health
    assert monitored.artifact("run-summary")["flow_run_id"]


@pytest.mark.parametrize(
    ("deployment", "parameters"),
    [
        ("monitor", {"sources": ["no-such-source"]}),
        ("monitor", {"max_pages": -1}),
        ("digest", {"week": "some day"}),
        ("digest", {"named_week": "2026-99"}),
        ("review", {"article": "1", "reviewer": "Ada", "themes": ["No such theme"]}),
        ("review", {"article": "1"}),
        ("recipients", {"address": "a@example.org", "action": "burn"}),
        ("recipients", {"address": "a@example.org", "sectors": ["navy"]}),
    ],
)
def test_wrong_input_is_refused_before_a_run_exists(
    product: Product, deployment: str, parameters: dict[str, Any]
) -> None:
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    address = f"{product.api}/deployments/{product.deployment(deployment)['id']}/create_flow_run"
    answer = ask("POST", address, json=body)
    assert answer.status_code in {409, 422}, answer.text


def test_the_queue_asks_about_the_most_uncertain_and_a_review_counts_in_the_next_digest(monitored: Product) -> None:
    # No test sends that week, and on a Monday morning this one has no story yet.
    a_week = {"week": "three weeks ago", "dry_run": True}
    run = monitored.run("digest", a_week)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    before = monitored.artifact("edition")["data"]
    assert "## In brief" in before
    assert "<html" not in before
    assert "](data:image/svg+xml;base64," in monitored.artifact("theme-trends")["data"]

    queue = monitored.run("review-queue")
    assert queue["state_type"] == "COMPLETED", queue["state"]["message"]
    assert f"{monitored.ui}/deployments/deployment/" in monitored.artifact("review-list")["data"]

    article, title = _a_story_of(before)
    answer = {"article": str(article), "in_scope": "no", "reviewer": "Ada", "note": "about something else"}
    review = monitored.run("review", answer)
    assert review["state_type"] == "COMPLETED", review["state"]["message"]
    assert "**changed**" in monitored.artifact("review")["data"]
    monitored.run("digest", a_week)
    after = monitored.artifact("edition")["data"]
    assert f"article {article}" in before
    assert f"article {article}\n" not in after + "\n", title

    back = {"article": str(article), "in_scope": "yes", "themes": ["Appraisal"], "reviewer": "Ada", "note": "=1+1"}
    assert monitored.run("review", back)["state_type"] == "COMPLETED"
    with closing(sqlite3.connect(monitored.data / "culture.db")) as database:
        rows = database.execute(
            "SELECT theme, verdict FROM review WHERE article_id = ? ORDER BY at, id", (article,)
        ).fetchall()
    assert dict(rows) == {"in-scope": 1, "appraisal": 1}  # what was said, and of no other theme


def test_a_retagging_is_recorded_once_what_it_changes_was_shown_and_confirmed(monitored: Product) -> None:
    with closing(sqlite3.connect(monitored.data / "culture.db")) as database:
        ((article,),) = database.execute(
            "SELECT article_id FROM tag WHERE state = 'yes' AND article_id NOT IN (SELECT article_id FROM review)"
            " ORDER BY article_id DESC LIMIT 1"
        ).fetchall()
    answer = {"article": str(article), "themes": ["Appraisal"], "retag": True, "reviewer": "Ada"}

    def said() -> int:
        with closing(sqlite3.connect(monitored.data / "culture.db")) as database:
            return int(database.execute("SELECT count(*) FROM review WHERE article_id = ?", (article,)).fetchone()[0])

    asked = monitored.run("review", answer)
    assert "Nothing is recorded yet" in asked["state"]["message"]
    assert said() == 0
    page = monitored.artifact("review")["data"]
    assert "**changed**" in page
    confirmed = json.loads(unquote(page.partition("?parameters=")[2].partition(")")[0]))
    done = monitored.run("review", confirmed)
    assert done["state"]["message"].startswith(f"Recorded for article {article}")
    assert said() == 16


def test_a_review_of_an_unknown_article_fails_with_a_mend(product: Product) -> None:
    run = product.run("review", {"article": "99999999", "in_scope": "no", "reviewer": "Ada"})
    assert run["state_type"] == "FAILED"
    # In one sentence, where Prefect would put "Flow run encountered an exception" and a traceback.
    assert run["state"]["message"].startswith("'99999999' is no stored article: give its number")


def test_parameters_are_flat_so_prefects_own_command_sets_them(product: Product) -> None:
    before = {run["id"] for run in product.runs("monitor")}
    given = [sys.executable, "-m", "prefect", "deployment", "run", "monitor/monitor", "-p", "max_pages=50"]
    subprocess.run(given, env={**product.environment, "PREFECT_API_URL": product.api}, check=True, capture_output=True)
    (run,) = [run for run in product.runs("monitor") if run["id"] not in before and not run["auto_scheduled"]]
    assert run["parameters"]["max_pages"] == 50
    assert product.ended(run["id"])["state_type"] == "COMPLETED"
    form = product.deployment("monitor")["parameter_openapi_schema"]["properties"]
    assert form["max_pages"]["description"].startswith("Pages to read at most")
    assert product.deployment("digest")["parameter_openapi_schema"]["properties"]["week"]["enum"]


def test_recipients_are_added_from_a_form_and_the_run_does_not_name_them(product: Product) -> None:
    change = {"address": "canary@example.org", "themes": ["Speaking up"]}
    run = product.run("recipients", change)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert "canary" not in run["name"] + run["state"]["message"]
    with closing(sqlite3.connect(product.data / "culture.db")) as database:
        (themes,) = database.execute("SELECT themes FROM recipient WHERE address = 'canary@example.org'").fetchone()
    assert themes == '["speaking-up"]'
    # What is left empty stays as it is.
    offered = product.deployment("recipients")["parameter_openapi_schema"]["properties"]["watch"]["items"]["enum"]
    assert len(offered) > 400
    watched = "Care Quality Commission"
    assert watched in offered
    change = {"address": "canary@example.org", "action": "change", "nations": ["wales"], "watch": [watched]}
    changed = product.run("recipients", change)
    assert "changed; receives themes: speaking-up; nations: wales; sectors: all" in changed["state"]["message"]
    assert "first of all what is about: care-quality-commission" in changed["state"]["message"]
    shown = product.run("recipients", {"address": "canary@example.org", "action": "show"})
    assert "themes: speaking-up; nations: wales" in shown["state"]["message"]
    back = {"address": "canary@example.org", "action": "change", "all_again": ["nations"], "how_often": "daily and weekly",
            "alerts": ["Organisations that they watch", "Speaking up"]}  # fmt: skip
    told = product.run("recipients", back)["state"]["message"]
    assert "themes: speaking-up; nations: all" in told
    assert "how often: daily and weekly; alerts: organisations that they watch, speaking-up" in told
    gone = product.run("recipients", {"address": "canary@example.org", "action": "erase at once"})
    assert gone["state_type"] == "COMPLETED"


def test_a_named_week_can_be_sent_and_its_check_then_passes(monitored: Product) -> None:
    monitored.run("recipients", {"address": "chair@example.org"})
    last_week = str(Week.of(utc_now()).plus(-1))
    named = {"week": "named below", "named_week": last_week}
    assert "preview" in monitored.run("digest", named)["state"]["message"]
    assert monitored.run("digest-check")["state_type"] == "COMPLETED"  # nobody is told where no server is set
    before = _last_polled(monitored)
    with monitored.settings(SMTP_URL="foo"):
        wrong = monitored.run("monitor", {"all_due": True})
    assert (wrong["state_type"], "CULTURE_SMTP_URL" in wrong["state"]["message"]) == ("FAILED", True)
    assert _last_polled(monitored) > before  # the news does not wait until somebody has mended how it is sent
    mailboxes = Mailboxes()
    with smtp_server(mailboxes) as port, monitored.settings(SMTP_URL="secret:smtp-url"):
        missing = monitored.run("digest-check")["state"]["message"]
        assert missing.startswith("CULTURE_SMTP_URL: there is no Secret block 'smtp-url'")
        _make_secret(monitored, "smtp-url", f"smtp://127.0.0.1:{port}")
        sent = monitored.run("monitor", {"max_pages": 1})
        assert "1 sent" in sent["state"]["message"]
        assert "1 sent by an earlier run" in monitored.run("digest")["state"]["message"]
        assert "1 email went out" in monitored.run("digest-check")["state"]["message"]
    with monitored.database() as database, database.write() as session:  # the next test's emails are not for them
        recipients.erase("chair@example.org", utc_now(), session=session)
    assert mailboxes.counts() == {"chair@example.org": 1}


def test_upkeep_and_the_halves_of_the_job_run_alone(monitored: Product) -> None:
    for name in ("upkeep", "collect", "tag", "alert", "daily"):
        run = monitored.run(name)
        assert run["state_type"] == "COMPLETED", run["state"]["message"]


def test_training_learns_from_new_reviews_shows_its_card_and_without_any_ends_at_once(monitored: Product) -> None:
    with monitored.database() as database, database.write() as session:
        decision = check_decision(in_scope=True, reviewer="Ada")
        for article in session.exec(select(Article).where(col(Article.in_scope) > 0.95).limit(4)):
            reviews.record(article, decision, utc_now(), session=session)
    trained = monitored.run("train")
    assert trained["state_type"] == "COMPLETED", trained["state"]["message"]
    version = re.match(r"Version ([0-9a-f]{12}) (tags from now on, with|is rejected)", trained["state"]["message"])
    assert version, trained["state"]["message"]
    shown = monitored.artifact("model-card")
    assert shown["flow_run_id"] == trained["id"]
    assert f"## Model {version[1]}" in shown["data"]
    for words in (
        r"\| Scope: F1 \| 0\.\d{3} \| 0\.\d{3} \|",
        r"\| theme \| F1 before \| F1 now \|",
        "Measured on .* articles",
    ):
        assert re.search(words, shown["data"]), words
    idle = monitored.run("train")
    assert re.match(r"Nothing was trained: no (new reviews|reviews since)", idle["state"]["message"])
    assert monitored.artifact("model-card")["id"] == shown["id"]


def test_a_theme_with_too_few_examples_has_no_figure() -> None:
    assert theme_figure({"f1": 0.0, "support": 1}) == "– (1)"
    assert theme_figure({"f1": 0.0, "support": 5}) == "0.00"


def _last_polled(product: Product) -> datetime:
    with product.database() as database, database.read() as session:
        return max(state.last_polled_at for state in session.exec(select(SourceState)) if state.last_polled_at)


def _make_secret(product: Product, name: str, value: str) -> None:
    """A block of Prefect's type Secret, as the UI makes it."""
    kind = product.call("GET", "/block_types/slug/secret")["id"]
    (schema,) = product.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
    document = {"name": name, "data": {"value": value}, "block_type_id": kind, "block_schema_id": schema["id"]}
    product.call("POST", "/block_documents/", document)


def _a_story_of(edition: str) -> tuple[int, str]:
    """The number of the first story of an edition, and the line with its title."""
    lines = edition.splitlines()
    place = next(place for place, line in enumerate(lines) if line.strip().startswith("article "))
    title = next(line for line in reversed(lines[:place]) if line.startswith("- **"))
    return int(lines[place].split()[-1]), title


def test_a_run_with_something_to_do_leaves_a_full_progress_bar(product: Product) -> None:
    ended = product.run("monitor", {"all_due": True})
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    assert product.artifact("monitor-progress")["data"] == 100.0


def test_the_form_edits_the_edition_shows_it_and_the_draft_is_told(monitored: Product) -> None:
    monitored.forget_news()  # and with it that last week's digest was sent
    week = str(Week.of(utc_now()))
    edits = {"editor": "Ada", "note": "Read *this* <b>first</b>.", "named_week": week}
    run = monitored.run("edit-edition", edits)
    assert re.search(rf"{week}: 1 recorded; .*, content [0-9a-f]{{12}}", run["state"]["message"])
    shown = monitored.artifact("edition")["data"]
    assert "## Editor’s note\n\nRead *this* &lt;b&gt;first&lt;/b&gt;." in shown
    assert re.search(r"- 1: note at the top: .* \(Ada, \w+ \d\d:\d\d\)", shown.replace("\\", ""))
    form = monitored.deployment("edit-edition")
    assert f"{monitored.ui}/deployments/deployment/{form['id']}/run" in shown
    assert set(form["parameter_openapi_schema"]["properties"]) >= {"note", "leave_out", "lead", "move", "add", "undo"}
    mailboxes = Mailboxes()
    with (
        smtp_server(mailboxes) as port,
        monitored.settings(EDITOR_TO="ada@example.org", SMTP_URL=f"smtp://127.0.0.1:{port}"),
    ):
        drafted = monitored.run("draft-edition")
    assert drafted["state"]["message"].endswith("told"), drafted["state"]["message"]
    (mail,) = mailboxes.raw("ada@example.org")
    assert b"can be edited" in mail
    assert form["id"].encode() in mail
