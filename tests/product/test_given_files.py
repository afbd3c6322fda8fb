"""Files that a person names, and `.env`: pipes are not waited for, and what has no end is not read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product.test_commands import Ran, command
from tests.product.test_error_messages import check


@pytest.mark.parametrize("kind", ["device", "huge"])
@pytest.mark.parametrize(
    "words",
    [
        ("sources", "list", "--sources", "given"),
        ("sources", "check", "--write", "--sources", "given"),
        ("sources", "import", "given"),
        ("organisations", "add", "A Trust", "--kind", "charity", "--nation", "uk"),
        ("organisations", "list"),
        ("digest",),  # its channels
        ("evaluate", "given"),
        ("explain", "given"),
        ("compare", "given"),
        ("review", "import", "given"),
        ("demo",),  # .env
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_files_that_are_none_or_have_no_end_are_not_read(tmp_path: Path, words: tuple[str, ...], kind: str) -> None:
    given = tmp_path / (".env" if words == ("demo",) else "given")
    if kind == "device":
        given.symlink_to("/dev/zero")
    else:
        with given.open("wb") as file:  # all of it a hole
            file.truncate(300_000_000)
    settings = {"organisations": "CULTURE_ORGANISATIONS", "digest": "CULTURE_CHANNELS"}
    environment = {settings[words[0]]: "given"} if words[0] in settings else {}
    said = "is a pipe or a device" if kind == "device" else "is larger than"
    check(command(tmp_path, *words, **environment), given.name, said)


def test_an_env_file_that_a_container_hides_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(os.devnull)
    assert command(tmp_path, "sources", "list").returncode == 0


@pytest.mark.parametrize(("name", "words"), [(".env", ()), ("given", ("--sources", "given")), ("given", ("restore",))])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / name)
    asked = ["restore", "given"] if words == ("restore",) else ["sources", "list", *words]
    program = [sys.executable, "-m", "deployments.cli", *asked]
    ran = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    check(Ran(ran.returncode, ran.stdout, ran.stderr), name, "is a pipe or a device")
