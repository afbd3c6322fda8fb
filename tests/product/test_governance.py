"""What the governance pages state of the code is so: retention, rights, figures, ports; and the drill of a restore works."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from sqlmodel import SQLModel

import models.store.tables  # noqa: F401  the tables register themselves
from models.settings import PREFIX, Settings
from models.sources import load_registry
from models.store.recipients import ERASE_AFTER
from models.store.upkeep import LOG_DAYS
from tests.product.test_commands import command

FOLDER = Path(__file__).parents[2] / "deployments" / "governance"


def text_of(page: str) -> str:
    return (FOLDER / page).read_text(encoding="utf-8")


def rows(page: str) -> set[str]:
    return {line for line in text_of(page).splitlines() if line.startswith("|")}


def kept(days: int) -> str:
    return f"{days} days" if days else "not kept"


def test_retention_and_rights_are_those_of_the_code() -> None:
    rights = load_registry(None).rights
    terms = {f"| text of articles, rights class `{one.id}` | {kept(one.store_text_days)} |" for one in rights.values()}
    stated = {row for row in rows("privacy.md") if row.startswith("| text of articles")}
    assert stated == terms
    assert f"| log of requests to sources | {LOG_DAYS} days |" in rows("privacy.md")
    left = f"| address, name and choices of a recipient who left | {ERASE_AFTER.days} days |"
    assert left in rows("privacy.md")
    classes = [row.split(" | ") for row in rows("copyright.md") if row.startswith("| `")]
    assert {row[0].strip("| `") for row in classes} == set(rights)
    for name, _, pages, text, words in classes:
        one = rights[name.strip("| `")]
        assert (pages == "yes") is one.fetch_pages
        assert text == kept(one.store_text_days)
        assert int(words.strip("| ")) == one.quotation_words


def test_the_figures_of_the_model_card_are_those_that_were_measured() -> None:
    measured = json.loads(files("seeds").joinpath("measured.json").read_text(encoding="utf-8"))
    for version, found in measured.items():
        scope, themes = found["in_scope"], found["themes"]
        figures = (*(scope[key] for key in ("precision", "recall", "f1")), themes["micro_f1"], themes["macro_f1"])
        row = " | ".join([f"`{version}`", found["encoder"], *(f"{figure:.3f}" for figure in figures)])
        assert f"| {row} |" in rows("algorithm.md")
        assert f"on {found['n']} real articles" in text_of("algorithm.md")


def test_the_accessibility_statement_names_the_tests_and_the_rules_that_they_run() -> None:
    stated = text_of("dtac.md").partition("**Standard:**")[2]
    named = re.findall(r"`(tests/[a-z_/.]+)`", stated)
    assert named == ["tests/edition/test_digest_in_browser.py", "tests/website/test_walk.py"]
    for test in named:
        (rules,) = re.findall(
            r"^RULES = (\[.+\])$", (FOLDER.parents[1] / test).read_text(encoding="utf-8"), re.MULTILINE
        )
        assert json.loads(rules) == re.findall(r"`(wcag[a-z0-9]+|best-practice)`", stated)


def test_ports_and_hosts_are_the_settings_defaults() -> None:
    page = text_of("operations.md")
    for name in ("prefect", "web"):
        port, host = (Settings.model_fields[f"{name}_{what}"].default for what in ("port", "host"))
        setting = f"`{PREFIX}{name.upper()}"
        assert re.search(rf"\| {port} \| [^|]+ \| {setting}_PORT`, on {setting}_HOST` \(`{host}`\) \|", page)


def test_all_fourteen_principles_are_answered_and_every_table_named_exists() -> None:
    principles = [row.split()[1] for row in text_of("security.md").splitlines() if re.match(r"\| \d\.\d ", row)]
    assert principles == [
        "1.1",
        "1.2",
        "1.3",
        "1.4",
        "2.1",
        "2.2",
        "3.1",
        "3.2",
        "3.3",
        "3.4",
        "3.5",
        "4.1",
        "4.2",
        "4.3",
    ]
    tables = re.findall(r"\(tables? ([^)]+)\)", text_of("privacy.md"))
    assert {name for named in tables for name in re.findall(r"`(\w+)`", named)} <= set(SQLModel.metadata.tables)


def test_the_drill_a_backup_restored_elsewhere_is_in_order_and_whole(tmp_path: Path) -> None:
    assert command(tmp_path, "recipients", "add", "chair@example.org").returncode == 0
    assert command(tmp_path, "backup", "whole.backup").returncode == 0
    restored = command(tmp_path, "restore", "whole.backup", "--data", "elsewhere")
    assert restored.returncode == 0, restored.stderr
    shown = command(tmp_path, "recipients", "list", "--data", "elsewhere", "--json")
    assert [one["address"] for one in json.loads(shown.stdout)] == ["chair@example.org"]
    found = {
        one["what"]: one for one in json.loads(command(tmp_path, "doctor", "--data", "elsewhere", "--json").stdout)
    }
    assert found["database"]["health"] != "wrong", found["database"]


@pytest.mark.parametrize("page", ["../../README.md", "README.md", "licences.md"])
def test_that_no_licence_is_stated_is_said_where_a_reader_looks(page: str) -> None:
    assert re.search(r"[Ll]icence.*\bowner", text_of(page).replace("\n", " "))
