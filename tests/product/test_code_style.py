"""The code is formatted, linted and typed; run here so that a laptop and CI check the same."""

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
