"""The code is formatted, linted and typed, and test files are kept together; run here so that a laptop and CI check the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "check",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy", "--no-error-summary"]],
    ids=["lint", "format", "types"],
)
def test_the_code_is_clean(check: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-m", *check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]


def test_a_file_of_tests_is_run_by_one_process(request: pytest.FixtureRequest) -> None:
    """Else each process starts the product, and some stop it while others use it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@tests/product/test_code_style.py"), (
            "the groups of conftest.py are not in force"
        )
