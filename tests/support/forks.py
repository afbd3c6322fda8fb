"""Programs run in forks of one process that has imported what they need.

Most of what a short command or a flow run costs is its imports: one to three seconds of CPU. Each fork is a process of its
own, with the settings, folder, umask and output that a program started afresh would have.
"""

import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Forks:
    """The process that has imported these modules, started with this environment."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forks"],
                # What is set besides how Python works comes by its input: processes of the product are known by their settings.
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
                | {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LC_", "LANG"))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                bufsize=1,
            )
        self._say({"environment": dict(environment), "modules": [*modules]})

    def run(
        self, module: str, *words: str, folder: Path, environment: Mapping[str, str], umask: int = 0o022
    ) -> "subprocess.CompletedProcess[bytes]":
        """As `python -m module words`, with this environment on top of the process's own."""
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place) / "out", Path(place) / "err"
            self._say(
                {
                    "module": module, "words": words, "folder": str(folder), "environment": dict(environment),
                    "umask": umask, "out": str(out), "err": str(err),
                }
            )  # fmt: skip
            assert self._process.stdout is not None
            code = self._process.stdout.readline()
            assert code, "the process that forks has ended"
            return subprocess.CompletedProcess([module, *words], int(code), out.read_bytes(), err.read_bytes())

    def end(self) -> None:
        """End the process."""
        self._process.communicate()

    def _say(self, what: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        print(json.dumps(what), file=self._process.stdin)


def _run(asked: Mapping[str, Any]) -> int:
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.chdir(asked["folder"])
        os.umask(asked["umask"])
        os.environ.update(asked["environment"])
        sys.argv[1:] = asked["words"]
        sys.modules.pop(asked["module"], None)
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - what a program does not catch is told as Python does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Run what is asked for until the input ends."""
    given = json.loads(sys.stdin.readline())
    os.environ.clear()
    os.environ.update(given["environment"])
    for name in given["modules"]:
        import_module(name)
    while line := sys.stdin.readline():
        print(_run(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
