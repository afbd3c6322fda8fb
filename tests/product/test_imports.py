"""The house rule: models <- flows <- deployments, and no circles; models know nothing of Prefect or the network."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "flows", "deployments")
FORBIDDEN = {
    "models": {"flows", "deployments", "tests", "prefect", "httpx", "smtplib"},
    "flows": {"deployments", "tests"},
    "deployments": {"tests"},
}
FLOWS_THAT_ARE_PLAIN = (
    "flows.running.jobs",
    "flows.running.sending",
    "flows.running.steps",
    "flows.tagging",
    "flows.fetching",
    "flows.reading",
    "flows.collecting",
    "flows.publishing",
)


def modules() -> dict[str, Path]:
    found = {}
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            parts = list(file.relative_to(ROOT).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = modules()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_rooms_before_its_own(module: str) -> None:
    room = module.split(".")[0]
    roots = {name.split(".")[0] for name in imports(MODULES[module])}
    assert not roots & FORBIDDEN[room]


@pytest.mark.parametrize(
    ("room", "later"),
    [
        ("flows.fetching", ("reading", "collecting", "past", "tagging", "publishing", "running")),
        ("flows.reading", ("collecting", "past", "tagging", "publishing", "running")),
    ],
)
def test_asking_knows_nothing_of_reading_nor_reading_of_storing(room: str, later: tuple[str, ...]) -> None:
    names = {name for module, file in MODULES.items() if module.startswith(room) for name in imports(file)}
    assert not {name for name in names if name.startswith(tuple(f"flows.{one}" for one in later))}


@pytest.mark.parametrize("module", sorted(m for m in MODULES if m.startswith(FLOWS_THAT_ARE_PLAIN)))
def test_the_jobs_run_without_prefect(module: str) -> None:
    assert "prefect" not in {name.split(".")[0] for name in imports(MODULES[module])}


def test_no_module_imports_itself_round_a_circle() -> None:
    graph = {module: {name for name in imports(file) if name in MODULES} for module, file in MODULES.items()}
    for module, needs in graph.items():
        needs.discard(module)
        needs -= {need for need in needs if module.startswith(f"{need}.")}  # a package of its own modules
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"circular import: {' -> '.join(error.args[1])}")


def test_no_module_of_flows_bears_the_name_of_a_standard_library_module() -> None:

    # A file entrypoint of Prefect puts flows/ first on sys.path: such a module would hide the library's.
    names = {file.stem for file in (ROOT / "flows").glob("*.py")} | {
        p.name for p in (ROOT / "flows").iterdir() if p.is_dir()
    }
    assert not names & set(sys.stdlib_module_names) - {"__init__"}
