"""The README is true: every setting, command, outcome, theme and table is named there, and nothing that is not."""

import re
from pathlib import Path

import pytest
from sqlmodel import SQLModel
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


def test_every_command_is_named(readme: str) -> None:
    root = get_command(app)
    names: list[str] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        names += [f"{name} {sub}" for sub in below] if below else [name]
    missing = [name for name in names if f"`culture-monitor {name}" not in readme]
    assert not missing


def test_every_command_in_the_readme_exists(readme: str) -> None:
    root = get_command(app)
    for line in re.findall(r"culture-monitor ([a-z][a-z-]*)", readme):
        assert line in root.commands, line  # type: ignore[attr-defined]


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
