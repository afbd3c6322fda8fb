"""What the README files say is so: links lead somewhere, commands, files and names exist, and the tables are complete."""

import importlib.util
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel
from typer import Context
from typer.main import get_command

import models.store.recognition_tables
import models.store.tables  # noqa: F401  the tables register themselves
from deployments.cli import app
from deployments.schedules import catalogue
from flows.running.artifacts import KEYS
from models.kinds import Kind
from models.organisations import KINDS, NATIONS
from models.outcomes import Outcome, PollOutcome
from models.rights import Rights
from models.settings import PREFIX, Settings
from models.sources import Source, load_registry
from models.themes import load_themes

ROOT = Path(__file__).parents[2]
ROOMS = ("deployments", "flows", "models", "seeds", "tests")
GOVERNANCE = tuple(f"deployments/governance/{file.name}" for file in (ROOT / "deployments/governance").glob("*.md"))
PAGES = ("README.md", *(f"{room}/README.md" for room in ROOMS), *sorted(GOVERNANCE))
CHANGELOG = "deployments/CHANGELOG.md"
LONGEST = 180  # lines of the first page
PICTURES = {"digest.png", "run.png", "archive.png"}

every_page = pytest.mark.parametrize("page", PAGES)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def spans(page: str) -> Iterator[str]:
    """What is set as code: in a line, or a line of a block."""
    prose = text_of(page)
    for block in re.findall(r"```\w*\n(.*?)```", prose, re.DOTALL):
        yield from block.splitlines()
    for span in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", prose, flags=re.DOTALL)):
        yield " ".join(span.replace(r"\|", "|").split())


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(page: str) -> set[str]:
    return {line for line in text_of(page).splitlines() if line.startswith("|")}


def commands(group: Any) -> dict[str, Any]:
    context = Context(group)
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


@pytest.fixture(scope="module")
def every_command() -> dict[str, Any]:
    """By their words: run, model train, …"""
    found: dict[str, Any] = {}
    for name, command in commands(get_command(app)).items():
        if hasattr(command, "list_commands"):
            found |= {f"{name} {sub}": one for sub, one in commands(command).items()}
        else:
            found[name] = command
    return found


def test_the_first_page_is_short_and_every_room_has_one_of_its_own() -> None:
    assert len(text_of("README.md").splitlines()) <= LONGEST
    assert all((ROOT / page).is_file() for page in PAGES)
    linked = set(PAGES[1:]) - set(GOVERNANCE) | {"deployments/governance/README.md", CHANGELOG}
    assert all(page in text_of("README.md") for page in linked)
    assert all(Path(page).name in text_of("deployments/governance/README.md") for page in {*GOVERNANCE} - linked)
    assert "## Unreleased" in text_of(CHANGELOG)


def test_the_pictures_are_few() -> None:
    assert {file.name for file in (ROOT / ".pictures").iterdir()} <= PICTURES


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG])
def test_every_link_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(str(target.relative_to(ROOT.resolve()))), link


@every_page
def test_every_row_of_a_table_has_the_columns_of_its_head(page: str) -> None:
    columns = 0
    for line in text_of(page).splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        columns = columns or count
        assert count == columns, line


@every_page
def test_every_command_in_it_exists_with_its_options(page: str, every_command: dict[str, Any]) -> None:
    anywhere = {name for one in every_command.values() for option in one.params for name in option.opts}
    anywhere |= {name for option in get_command(app).params for name in option.opts} | {"--help"}
    for span in spans(page):
        for part in re.split(r"&&|(?<!\S)#.*", span):
            words = shlex.split(part) if part.strip().startswith("culture-monitor ") else []
            words = [word for word in words if word != "--log-json"]  # an option of them all
            if words:
                name = next((name for name in (" ".join(words[1:3]), words[1]) if name in every_command), None)
                assert name, f"{part}: no such command"
                known = {one for option in every_command[name].params for one in (*option.opts, *option.secondary_opts)}
                given = {word.partition("=")[0] for word in words if word.startswith("--")}
                assert given <= known, part
        if page != "tests/README.md" and re.fullmatch(r"--[a-z-]+( [A-Z_]+)?", span):
            assert span.split()[0] in anywhere, span


@every_page
def test_every_module_file_and_name_in_it_exists(page: str) -> None:
    inside = re.compile(rf"(?:{'|'.join(ROOMS)}|\.ci)/[\w./-]*")
    for span in spans(page):
        for module in re.findall(r"python -m ((?:tests|deployments)[\w.]*)", span):
            assert importlib.util.find_spec(module), span
        for path in [word for word in span.split() if inside.fullmatch(word)]:
            assert (ROOT / path).exists(), span
    for path, names in re.findall(r"`([\w/]+\.py)`\s+\(((?:`\w+`(?:, )?)+)\)", text_of(page)):
        for name in re.findall(r"\w+", names):
            assert re.search(rf"\b{name}\b", text_of(path)), f"{path} has no {name}"


@every_page
def test_every_setting_in_it_exists(page: str) -> None:
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", text_of(page))) <= {
        f"{PREFIX}{name.upper()}" for name in Settings.model_fields
    }


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_row(name: str) -> None:
    field = Settings.model_fields[name]
    computed = {"workers": "processors, at most 8", "sources": "", "channels": ""}
    default = f"`{field.default}`" if field.default not in (None, "", frozenset()) else ""
    default = computed.get(name, default)
    assert f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |" in rows("deployments/README.md")


def test_every_command_has_its_row(every_command: dict[str, Any]) -> None:
    assert len(every_command) > 20
    page = rows("deployments/README.md")
    for name, command in every_command.items():
        said = inspect.getdoc(command.callback) or ""
        row = re.compile(rf"\| `culture-monitor {name}( [^a-z`]\S*)*` \| {re.escape(said.splitlines()[0])} \|")
        assert any(row.fullmatch(line) for line in page), f"{name}: {said}"


def test_every_deployment_and_artifact_is_named() -> None:
    named = set(re.findall(r"`([a-z-]+)`", text_of("deployments/README.md")))
    assert {one.name for one in catalogue(Settings())} <= named
    assert set(KEYS) - {"review"} <= named


def test_every_outcome_has_its_row() -> None:
    assert {f"| `{outcome}` | {outcome.meaning} |" for outcome in Outcome} <= rows("flows/README.md")
    assert all(f"`{outcome}`" in text_of("flows/README.md") for outcome in PollOutcome)


def test_every_theme_has_its_row() -> None:
    page = rows("models/README.md")
    for theme in load_themes():
        assert any(line.startswith(f"| `{theme.id}` | {theme.name} | ") and theme.source in line for line in page)


def test_every_table_of_the_database_has_its_row() -> None:
    named = {row.split("`")[1] for row in rows("models/README.md") if re.match(r"\| `[a-z_]+` \| [^|]+ \|$", row)}
    assert set(SQLModel.metadata.tables) == named


def test_every_seed_file_and_its_form_is_described() -> None:
    page = text_of("seeds/README.md")
    for file in (ROOT / "seeds").iterdir():
        if file.name not in {"README.md", "__init__.py", "__pycache__"}:
            assert f"[`{file.name}{'/' if file.is_dir() else ''}`]" in page
    for key in (*Source.model_fields, *Rights.model_fields, *Kind, *KINDS, *NATIONS):
        assert f"`{key}`" in page


def test_the_numbers_of_the_seeds_are_right() -> None:
    def rows_of(name: str, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tomllib.loads(text_of(f"seeds/{name}.toml"))[table]
        return found

    def text_of_all(folder: str) -> str:
        return "".join(file.read_text(encoding="utf-8") for file in (ROOT / folder).iterdir())

    sources = load_registry()
    on = f"{len(sources.enabled())} are switched on"
    organisations = tomllib.loads(text_of("seeds/organisations.toml"))
    page = text_of("seeds/README.md")
    for said in (
        f"{sum(len(theme['examples']) for theme in rows_of('themes', 'theme')):,} example sentences",
        f"{sum(len(one['sentences']) for one in rows_of('background', 'background')):,} sentences that carry no theme",
        f"{len(rows_of('passages', 'passage'))} short articles",
        f"{text_of_all('seeds/retold').count('[[passage]]')} real reports retold",
        f"{len(text_of('seeds/held_out.jsonl').splitlines())} labelled articles",
        f"{len(sources.sources)}, of which {on}",
        f"{sum(len(kind) for nation in NATIONS for kind in organisations[nation].values()):,} organisations",
    ):
        assert said in page
    assert on in text_of("README.md")


def test_the_scores_on_real_articles_are_those_that_were_measured() -> None:
    page = text_of("models/README.md")
    names = {"tfidf": "TF-IDF alone", "minilm": "**MiniLM and TF-IDF (default)**"}
    names["mpnet"] = "MPNet and TF-IDF (`CULTURE_ENCODER=mpnet`)"
    for version, scores in json.loads(text_of("seeds/measured.json")).items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {names[scores['encoder']]} |"))
        scope = scores["in_scope"]
        assert f"{scope['average_precision']:.3f} / {scope['f1']:.3f}" in row
        assert f"{scores['themes']['micro_f1']:.3f} / " in row
        assert f"`{version}`" in page
        if scores["encoder"] == "minilm":
            assert f"F1 of {scope['f1']:.2f} on real articles" in text_of("README.md")
        if scores["encoder"] == "mpnet":
            assert f"A larger encoder gets {scope['f1']:.2f}" in text_of("README.md")


def test_the_readme_states_the_speed_that_the_benchmark_table_states() -> None:
    def cost_of(row: str) -> int:
        found = re.search(rf"^\| {re.escape(row)} \| \**([\d.]+)\** \|", text_of("tests/README.md"), re.MULTILINE)
        assert found, row
        return round(float(found[1]))

    alone = cost_of("floor: trafilatura alone")
    plain = cost_of("**the monitor, feed to stored tags, TF-IDF**")
    encoded = cost_of("the monitor, sentence encoder")
    said = f"{plain} ms of CPU per article without the sentence encoder, where text extraction alone takes {alone}; {encoded} with it"
    assert said in text_of("README.md")
    assert f"With {plain} ms of CPU per article ({encoded} with the encoder)" in text_of("tests/README.md")


def test_the_two_commands_of_the_start_are_those_that_ci_runs() -> None:
    start = re.search(r"## Start\n.*?```sh\n(.*?)```", text_of("README.md"), re.DOTALL)
    assert start
    wanted = [line.partition("#")[0].strip() for line in start[1].splitlines()]
    ran = text_of(".ci/run").replace(" -q", "").replace(' --data "$environment/data"', "").splitlines()
    assert len(wanted) == 2
    assert [line for line in ran if line in wanted] == wanted
