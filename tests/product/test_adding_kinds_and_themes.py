"""A kind of source and a theme, added from scratch as flows/README.md says: one module and one line; one entry of a file."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.fakes_framework import run_command, write_framework
from tests.support.fakes_web import Answer, FakeWeb

ROOT = Path(__file__).parents[2]
MODULE = '''"""A plain list: one line per entry, with address, day and headline, tab-separated."""

from flows.reading.sources.listing import Listing, RequestSpec, Window
from models.dates import parse_date
from models.entries import Entry, Reply


def request_for(source, window: Window) -> RequestSpec:
    return RequestSpec(source.url, "text/tab-separated-values")


def with_key(spec, key):
    assert key is None, "the key of another kind's API"
    return spec


def read(reply: Reply, window: Window) -> Listing:
    rows = [line.split("\\t") for line in reply.body.decode().splitlines()]
    return Listing(entries=tuple(Entry(url=url, title=title, published_at=parse_date(day)) for url, day, title in rows))
'''
LINE = '    PLAIN_LIST = "plain-list", Traits()\n'
THEME = """
[[theme]]
id = "sheds"
name = "Sheds and greenhouses"
group = "promises"
definition = "Sheds and greenhouses on allotments: what may be built, and what becomes of it."
examples = [
  "Sheds on the allotments must be no taller than two metres, the new rules say.",
  "A greenhouse was smashed in the storm and its owner told to clear the glass.",
  "The council ordered a tenant to take down a shed that he had built without asking.",
  "Thieves broke into thirty sheds at the allotments and took tools and a rotavator.",
  "Plot holders may now put up a greenhouse if their neighbours agree.",
  "A shed burned down on the site, and the association bought its owner another.",
  "Old windows make the cheapest greenhouses, members were shown on Saturday.",
  "Padlocks were cut and shed doors kicked in, the second raid of the month.",
  "The parish wants every shed to be painted green by summer.",
  "Greenhouses are banned on the new site because of broken glass.",
]
"""
TITLE = "Sheds at the allotments must come down"
BODY = (
    "The council ordered tenants to take down every shed and greenhouse on the allotments that is over two metres.",
    "The association said that sheds had stood there for forty years, and that thieves broke into three of them in May.",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, with the kind and the theme added to it and to a framework."""
    folder = tmp_path_factory.mktemp("added")
    for room in ("models", "flows", "deployments", "seeds"):
        shutil.copytree(ROOT / room, folder / "code" / room, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "code/flows/reading/sources/plain_list.py").write_text(MODULE, encoding="utf-8")
    kinds = folder / "code/models/kinds.py"
    kinds.write_text(kinds.read_text(encoding="utf-8") + LINE, encoding="utf-8")
    with (write_framework(folder / "charter") / "themes.toml").open("a", encoding="utf-8") as file:
        file.write(THEME)
    return folder


def test_a_source_of_the_new_kind_is_collected_and_its_story_told_under_the_new_theme(checkout: Path) -> None:
    given = {"CULTURE_FRAMEWORK": "charter", "CULTURE_GUARDIAN_API_KEY": "for the Guardian alone"}

    def command(*words: str) -> str:
        ran = run_command(checkout, *words, **given, PYTHONPATH=str(checkout / "code"))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    day = datetime.now(UTC) - timedelta(minutes=10)
    with FakeWeb() as web:
        text = "".join(f"<p>{line}</p>" for line in BODY * 2)
        page = f'<html lang="en-GB"><title>{TITLE}</title><body><article><h1>{TITLE}</h1>{text}</article></body></html>'
        web.pages["/sheds"] = Answer(page.encode())
        web.pages["/list"] = Answer(f"{web.url('/sheds')}\t{day.isoformat()}\t{TITLE}\n".encode())
        row = f'[[source]]\nid = "plots"\nname = "The Plot"\nkind = "plain-list"\nurl = "{web.url("/list")}"\nrights = "open"\n'
        (checkout / "sources.toml").write_text(row, encoding="utf-8")
        command("run", "--sources", "sources.toml")
    command("export", "stories.json", "--format", "json", "--from", f"{day - timedelta(days=1):%Y-%m-%d}")
    (story,) = json.loads((checkout / "stories.json").read_text(encoding="utf-8"))["stories"]
    assert story["title"] == TITLE
    assert "sheds" in [theme["theme"] for theme in story["themes"]]
    assert "plain-list" in command("sources", "list", "--sources", "sources.toml", "--json")
