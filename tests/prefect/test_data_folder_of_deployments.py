"""A deployment's run writes nothing below the folder in which it happens to start, which may be gone after it."""

from pathlib import Path

import pytest

from flows.running.prefect_steps import run_context
from models.settings import SettingsError


@pytest.fixture
def _of_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Prefect documents for tests: what a run would learn of its deployment."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "11111111-1111-1111-1111-111111111111")


@pytest.mark.usefixtures("_of_a_deployment")
@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({}, "CULTURE_DATA"),
        ({"CULTURE_DATA": "here"}, "CULTURE_DATA"),
        ({"CULTURE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x"}, "CULTURE_DATA"),
        ({"CULTURE_DATA": "/nowhere", "CULTURE_DATABASE_URL": "sqlite:///own.db"}, "CULTURE_DATABASE_URL"),
    ],
)
def test_a_place_that_passes_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], setting: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^{setting}: .* is not an absolute path") as refused, run_context():
        pass
    assert "nobody" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_of_a_deployment")
def test_a_place_that_stays_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURE_DATA", str(tmp_path / "stays"))
    with run_context():
        assert (tmp_path / "stays" / "culture.db").exists()


def test_a_flow_that_a_person_calls_writes_where_they_are(tmp_path: Path) -> None:
    with run_context():
        assert (tmp_path / "data" / "culture.db").exists()
