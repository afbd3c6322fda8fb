"""The README is true: every setting, command, outcome, theme and table is named there, and nothing that is not."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel
from typer import Context
from typer.main import get_command

import models.store.tables  # noqa: F401  the tables register themselves
from deployments.cli import app
from models.outcomes import Outcome, PollOutcome
from models.settings import PREFIX, Settings
from models.themes import load_themes

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


def test_every_setting_is_named_and_no_other(readme: str) -> None:
    named = set(re.findall(rf"`({PREFIX}[A-Z_]+)", readme))
    assert named == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def commands(group: Any) -> dict[str, Any]:
    context = Context(group)
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


def test_every_command_is_named(readme: str) -> None:
    names: list[str] = []
    for name, command in commands(get_command(app)).items():
        names += [f"{name} {sub}" for sub in commands(command)] if hasattr(command, "list_commands") else [name]
    assert len(names) > 20
    assert [name for name in names if f"`culture-monitor {name}" not in readme] == []


def test_every_command_in_the_readme_exists(readme: str) -> None:
    assert set(re.findall(r"culture-monitor ([a-z][a-z-]*)", readme)) <= commands(get_command(app)).keys()


@pytest.mark.parametrize("outcome", [*Outcome, *PollOutcome])
def test_every_outcome_is_named(readme: str, outcome: Outcome | PollOutcome) -> None:
    assert f"`{outcome}`" in readme


def test_every_theme_is_named(readme: str) -> None:
    for theme in load_themes():
        assert f"`{theme.id}`" in readme
        assert theme.name in readme


def test_every_table_of_the_database_is_named(readme: str) -> None:
    for table in SQLModel.metadata.tables:
        assert f"`{table}`" in readme


def test_every_picture_and_file_that_it_links_exists(readme: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", readme):
        if not link.startswith(("http://", "https://", "mailto:")):
            assert (README.parent / link).exists(), link
