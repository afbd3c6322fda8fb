"""What we depend on and what we load: bounded, pinned with hashes; nothing from disk is run as code."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from models.tagging import versions
from models.tagging.identity import build_version
from models.tagging.published_encoders import PUBLISHED
from tests.support import licences

PROJECT = Path(__file__).parents[2]
PINS = PROJECT / "deployments" / "constraints.txt"
LOADS_CODE = {"pickle", "cPickle", "_pickle", "joblib", "marshal", "shelve", "dill", "cloudpickle", "torch"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
NO_UPPER_BOUND = {"tzdata", "distributed"}  # numbered by date: a newer one is better


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for room in ("models", "flows", "deployments", "seeds"):
        for file in (PROJECT / room).rglob("*.py"):
            yield file, ast.parse(file.read_text(encoding="utf-8"))


def test_no_module_loads_pickles_or_runs_text() -> None:
    wrong = []
    for file, tree in modules():
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [f"{file}: {name}" for name in names if name.partition(".")[0] in LOADS_CODE]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNS_TEXT:
                wrong.append(f"{file}:{node.lineno}: {node.func.id}()")
    assert wrong == []


def test_arrays_are_loaded_without_objects_and_programs_started_without_a_shell() -> None:
    wrong, loads = [], 0
    for file, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            words = {word.arg: word.value for word in node.keywords}
            name = ast.unparse(node.func)
            if name in {"np.load", "numpy.load"}:
                loads += 1
                allowed = words.get("allow_pickle")
                if not (isinstance(allowed, ast.Constant) and allowed.value is False):
                    wrong.append(f"{file}:{node.lineno}: np.load without allow_pickle=False")
            for key in ("shell", "verify"):
                value = words.get(key)
                if isinstance(value, ast.Constant) and value.value is (key == "shell"):
                    wrong.append(f"{file}:{node.lineno}: {key}={value.value}")
    assert wrong == []
    assert loads


def test_a_model_file_that_was_changed_is_not_opened(tmp_path: Path) -> None:
    home = tmp_path / "v"
    home.mkdir()
    file = home / "model.npz"
    np.savez(file, weights=np.arange(5.0))
    facts = {"code_version": build_version(), "encoder": "tfidf", "file_sha256": versions._sha256(file)}
    (home / "model.json").write_text(json.dumps(facts))
    assert versions._problem(home) is None
    content = bytearray(file.read_bytes())
    content[60] ^= 1
    file.write_bytes(bytes(content))
    assert "does not match the recorded SHA-256" in str(versions._problem(home))
    recorded = str(facts["file_sha256"])
    assert versions.load_version(tmp_path, "v", file_sha256=recorded, encoder="tfidf", weights_folder=None) is None
    # The facts were changed with it: the database still knows the right hash.
    (home / "model.json").write_text(json.dumps({**facts, "file_sha256": versions._sha256(file)}))
    assert versions._problem(home) is None
    assert versions.load_version(tmp_path, "v", file_sha256=recorded, encoder="tfidf", weights_folder=None) is None


@pytest.mark.parametrize(
    "damaged",
    [
        "[" * 100_000,
        '{"themes": 5}',
        '{"themes": [], "reviews": "many"}',
        '{"encoder": ["tfidf"]}',
        "[]",
        "\udcff",
        "1" * 5000,
    ],
    ids=lambda text: text[:20],
)
def test_a_models_facts_that_are_damaged_are_as_a_wrong_hash(damaged: str, tmp_path: Path) -> None:
    home = tmp_path / "v"
    home.mkdir()
    file = home / "model.npz"
    np.savez(file, weights=np.arange(5.0))
    sha = versions._sha256(file)
    named = damaged.replace("{", f'{{"file_sha256": "{sha}", "code_version": "{build_version()}", ')
    (home / "model.json").write_bytes(named.encode(errors="surrogateescape"))
    assert "does not match the recorded SHA-256" in str(versions._problem(home))
    assert not versions.is_whole(tmp_path, "v", sha)
    assert versions.load_version(tmp_path, "v", file_sha256=sha, encoder="tfidf", weights_folder=None) is None


def test_an_object_in_a_model_file_is_refused_by_the_loader(tmp_path: Path) -> None:
    file = tmp_path / "model.npz"
    np.savez(file, weights=np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    with np.load(file, allow_pickle=False) as loaded, pytest.raises(ValueError, match="allow_pickle=False"):
        loaded["weights"]


def test_the_encoders_published_hashes_are_whole() -> None:
    assert PUBLISHED
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha) for one in PUBLISHED.values() for sha in one.sha256.values())


def requirements(*extras: str) -> list[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", requirements("test"), ids=str)
def test_every_dependency_is_bounded_and_installed_within_its_bounds(requirement: Requirement) -> None:
    kinds = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in kinds
    assert kinds & {"<", "<="} or requirement.name in NO_UPPER_BOUND
    assert requirement.specifier.contains(version(requirement.name), prereleases=True)


def pins() -> dict[str, tuple[Version, int]]:
    """{name: (version, number of hashes)}"""
    found: dict[str, tuple[Version, int]] = {}
    joined = PINS.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in joined.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        requirement = Requirement(line.partition("--hash=")[0].strip())
        (exact,) = list(requirement.specifier)
        assert exact.operator == "==", line[:80]
        hashes = [word for word in words if re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word)]
        found[requirement.name.lower().replace("_", "-")] = (Version(exact.version), len(hashes))
    return found


def test_the_deployments_pins_have_hashes_and_fit_the_bounds() -> None:
    pinned = pins()
    assert all(hashes for _, hashes in pinned.values())
    for requirement in requirements():
        number, _ = pinned[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(number), requirement
    assert "://" not in PINS.read_text(encoding="utf-8")


def test_every_dependency_has_a_known_and_allowed_licence() -> None:
    wrong = {name: stated for name, stated in licences.installed().items() if not licences.is_allowed(stated)}
    assert wrong == {}, "unknown or not allowed: see tests/support/licences.py"


@pytest.mark.parametrize(
    "stated", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-only", "SSPL-1.0", "A OR MIT AND B", "Proprietary"]
)
def test_a_licence_that_is_unknown_or_not_allowed_fails(stated: str) -> None:
    assert not licences.is_allowed(stated)


def test_the_bill_of_materials_lists_every_pin_with_its_licence() -> None:
    assert licences.LIST.read_text(encoding="utf-8") == licences.document(), "run python -m tests.support.licences"
    rows = [line for line in licences.LIST.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(pins())
    assert all(licences.is_allowed(row.split(" | ")[-1].removesuffix(" |")) for row in rows)
