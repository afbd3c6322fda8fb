"""Everything that is written is its owner's alone, whatever the umask and whatever lay there before."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from deployments.processes import Child
from models import private_files
from models.private_files import in_turn, tighten, write_whole
from tests.support.forks import Forks

OTHERS = stat.S_IRWXG | stat.S_IRWXO
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")


def in_the_open(commands: Forks, folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Run the command as somebody whose umask lets everyone read and write; its exit code, and what it printed."""
    given = {"CULTURE_ENCODER": "tfidf", **environment}
    ran = commands.run("deployments.cli", *words, folder=folder, environment=given, umask=0)
    return ran.returncode, (ran.stdout + ran.stderr).decode()


Command = Callable[..., str]


@pytest.fixture(scope="module")
def command(commands: Forks, small_seeds_folder: Path) -> Command:
    """Run a command that succeeds, quickly trained; what it printed."""

    def run(folder: Path, *words: str) -> str:
        code, said = in_the_open(commands, folder, *words, CULTURE_FRAMEWORK=str(small_seeds_folder))
        assert code == 0, said
        return said

    return run


def loose(folder: Path) -> list[str]:
    """What others may read or write, the folder itself included."""
    return [str(path) for path in (folder, *folder.rglob("*")) if path.stat().st_mode & OTHERS]


@pytest.fixture(scope="module")
def folder(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo was run."""
    place = tmp_path_factory.mktemp("private")
    command(place, "demo")
    return place


def test_all_that_a_run_makes_is_its_owners_alone(folder: Path) -> None:
    made = {path.suffix for path in (folder / "data").rglob("*")}
    assert {".db", ".html", ".eml", ".txt", ".npz", ".json", ".lock"} <= made
    assert loose(folder / "data") == []


def test_a_file_left_half_written_for_all_to_read_lends_its_rights_to_none(command: Command, folder: Path) -> None:
    data = folder / "data"
    # All but the demo's pages, which the demo alone writes.
    finished = [
        path
        for path in data.rglob("*")
        if path.is_file()
        and path.suffix != ".lock"
        and data / "site" not in path.parents
        and not path.stem.endswith("-watching")
    ]
    leftovers = [path.with_name(name) for path in finished for name in (f".{path.name}.part", f"{path.name}.part")]
    leftovers += [data / ".copy.db.part", data / ".own.toml.part"]
    for left in leftovers:
        left.touch()
        left.chmod(0o666)
    for model in data.rglob("model.npz"):
        model.unlink()
    week = next(path.stem for path in (data / "outbox").glob("????-W??.html"))
    command(folder, "model", "train")  # trains the lost one anew
    command(folder, "digest", "--week", week)
    command(folder, "backup", "data/copy.db")
    written = {path for path in finished if path.suffix in {".npz", ".html", ".eml", ".txt", ".json"}}
    assert all(path.exists() for path in written)
    assert set(loose(data)) <= set(map(str, leftovers))
    gone = {path for path in leftovers if not path.exists()}
    assert {data / ".copy.db.part", *(data.rglob("model.npz.part"))}.isdisjoint(set(leftovers) - gone)
    assert {path.with_name(f".{path.name}.part") for path in written if path.suffix in {".html", ".eml"}} <= gone


def test_doctor_tells_of_files_that_others_may_read_and_makes_them_private_on_wish(
    command: Command, folder: Path
) -> None:
    data = folder / "data"
    for path in (data, data / "culture.db", data / "outbox"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o044)
    said = command(folder, "doctor")
    assert "others on this machine may read or change" in said
    assert "culture-monitor doctor --fix" in said
    assert loose(data)  # looking changes nothing
    assert "is its owner's alone" in command(folder, "doctor", "--fix")
    assert loose(data) == []


def test_doctor_looks_at_the_files_with_passwords_beside_the_data_folder_too(command: Command, tmp_path: Path) -> None:
    settings, channels = tmp_path / ".env", tmp_path / "mine.toml"
    settings.write_text("CULTURE_CHANNELS=mine.toml\n")
    channels.write_text('[[channel]]\nname = "team"\naddress = "jsons://team.example.org/a-token"\n')
    for path in (settings, channels):
        path.chmod(0o644)
    said = command(tmp_path, "doctor")
    assert "may read or change .env, mine.toml" in said
    assert "is its owner's alone" in command(tmp_path, "doctor", "--fix")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (settings, channels)] == [0o600, 0o600]


def test_doctor_follows_links_that_a_person_set_and_no_others(command: Command, tmp_path: Path) -> None:
    real, env, channels = tmp_path / "real", tmp_path / "real.env", tmp_path / "real.toml"
    database, others = tmp_path / "other-disk.db", tmp_path / "others"
    real.mkdir()
    for file in (env, channels, database, others):
        file.touch()
    for path in (real, env, channels, database, others):
        path.chmod(0o777)
    (tmp_path / "data").symlink_to(real)
    (tmp_path / ".env").symlink_to(env)
    (real / "channels.toml").symlink_to(channels)
    (real / "culture.db").symlink_to(database)
    (real / "planted").symlink_to(others)
    assert "others on this machine may read or change" in command(tmp_path, "doctor")
    assert "is its owner's alone" in command(tmp_path, "doctor", "--fix")
    assert [path for path in (real, env, channels, database) if path.stat().st_mode & OTHERS] == []
    assert stat.S_IMODE(others.stat().st_mode) == 0o777


def test_one_file_that_cannot_be_changed_stops_no_other(tmp_path: Path) -> None:
    mine, gone = tmp_path / "mine", tmp_path / "gone"
    mine.touch()
    mine.chmod(0o666)
    changed, left = tighten([Path("/proc/sys/kernel/ostype"), gone, mine])  # of the kernel, which lets nobody change it
    assert (changed, stat.S_IMODE(mine.stat().st_mode), gone.exists()) == (1, 0o600, False)
    assert [one.partition(" ")[0] for one in left] == ["/proc/sys/kernel/ostype"]


def write_often(file: Path, letter: str) -> None:
    for _ in range(400):
        write_whole(file, letter.encode() * 300_000)


def test_two_that_write_one_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    writers = [get_context("spawn").Process(target=write_often, args=(page, letter)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert list(tmp_path.iterdir()) == [page]


def test_a_folder_that_somebody_holds_is_not_waited_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "_TURN_SECONDS", 0.1)
    with in_turn(tmp_path):
        write_whole(tmp_path / "page.html", b"news")
    assert (tmp_path / "page.html").read_bytes() == b"news"


def test_two_that_add_an_organisation_at_once_both_add_theirs(tmp_path: Path) -> None:
    names = [f"Meadow {letter * 3}" for letter in "abcdef"]
    begin = [sys.executable, "-m", "deployments.cli", "organisations", "add", "--kind", "charity", "--nation", "uk"]
    adding = [subprocess.Popen([*begin, "--data", str(tmp_path), name], stdout=subprocess.DEVNULL) for name in names]
    assert [one.wait() for one in adding] == [0] * len(names)
    written = (tmp_path / "organisations.toml").read_text(encoding="utf-8")
    assert [name for name in names if name not in written] == []


def test_nothing_takes_the_place_of_a_pipe_or_a_device(commands: Forks, tmp_path: Path) -> None:
    code, said = in_the_open(commands, tmp_path, "upkeep")
    assert code == 0, said
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for words in (("export", "--format", "csv"), ("backup",)):
        for name in ("pipe", "link"):
            code, said = in_the_open(commands, tmp_path, *words, name)
            assert code == 2, said
            assert f"{name}: is a pipe or a device" in " ".join(said.split())
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_link_in_a_files_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in ("page.html", ".page.html.part"):
        (tmp_path / name).symlink_to(precious)
    write_whole(tmp_path / "page.html", b"news")
    assert (tmp_path / "page.html").read_bytes() == b"news"
    assert precious.read_text() == "mine"


def test_a_folder_in_a_files_place_is_named(commands: Forks, folder: Path) -> None:
    page = next((folder / "data" / "archive").glob("2*.html"))
    page.unlink()
    page.mkdir()
    try:
        code, said = in_the_open(commands, folder, "digest", "--week", page.stem)
        assert code == 2
        assert f"data/archive/{page.name}: is a folder where a file is to be written; move it away" in said
    finally:
        page.rmdir()


def test_links_beside_the_data_are_not_written_through_by_any_command(
    commands: Forks, command: Command, tmp_path: Path
) -> None:
    """Locks, logs and marks too: a lock that was followed would empty what it leads to."""
    precious, data = tmp_path / "precious", tmp_path / "data"
    precious.write_text("mine")
    names = ("demo-sources.toml", "prefect/start.lock", "culture.db.model.lock")
    for name in names:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).symlink_to(precious)
    (data / "demo.json").symlink_to(tmp_path / "made")
    command(tmp_path, "demo")
    nowhere = "postgresql://nobody@127.0.0.1:9/none"
    assert in_the_open(commands, tmp_path, "start", CULTURE_DATABASE_URL=nowhere)[0] == 2
    assert precious.read_text() == "mine"
    assert not (tmp_path / "made").exists()
    assert not [name for name in (*names, "demo.json") if (data / name).is_symlink()]


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    precious, log = tmp_path / "precious", tmp_path / "logs" / "runner.log"
    precious.write_text("mine")
    log.parent.mkdir()
    log.symlink_to(precious)
    child = Child("runner", [sys.executable, "-c", "print('words')"], os.environ, log)
    child.stop(signal.SIGTERM, 30)
    assert precious.read_text() == "mine"
    assert not log.is_symlink()
