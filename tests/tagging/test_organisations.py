"""The list of organisations: what ships is whole and sound; what a person gets wrong is told with the way to fix it."""

import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from deployments.commands.organisations import add_own
from models.mentions import Recogniser
from models.organisations import Organisation, Organisations, load_organisations, version_of
from models.seeds import DataFileError


@pytest.fixture(scope="module")
def shipped() -> Organisations:
    return load_organisations()


def current(organisations: Organisations, *kinds: str, nation: str = "") -> int:
    chosen = [one for one in organisations.values() if one.kind in kinds and nation in {"", one.nation}]
    return sum(one.is_current for one in chosen)


def test_every_trust_board_and_icb_of_the_four_nations_ships(shipped: Organisations) -> None:
    trusts = ("foundation-trust", "nhs-trust", "mental-health-trust", "ambulance-trust")
    assert len(shipped) >= 450
    assert current(shipped, *trusts, nation="england") >= 200
    assert current(shipped, "icb") == 36
    assert current(shipped, "health-board", nation="scotland") == 14
    assert current(shipped, "health-board", nation="wales") == 7
    assert current(shipped, "hsc-trust", nation="northern-ireland") == 6
    assert current(shipped, "nhs-trust", "ambulance-trust", nation="wales") == 3
    assert current(shipped, "special-health-board") == 8
    for nation in ("england", "scotland", "wales", "northern-ireland"):
        assert current(shipped, "department", nation=nation) >= 1


def test_every_one_has_its_source_and_every_english_trust_its_code_and_region(shipped: Organisations) -> None:
    assert all(one.source for one in shipped.values())
    for one in shipped.values():
        if one.nation == "england" and one.kind.endswith("trust") and one.is_current:
            assert one.ods, one.id
            assert one.region, one.id
    codes = Counter(one.ods for one in shipped.values() if one.ods)
    assert max(codes.values()) == 1


def test_whoever_is_gone_leads_to_somebody_of_today_or_was_simply_closed(shipped: Organisations) -> None:
    gone = [one for one in shipped.values() if not one.is_current]
    assert len(gone) > 80
    for one in gone:
        heirs = shipped.heirs(one.id)
        assert all(heir.is_current for heir in heirs)
        assert heirs or one.closed


def test_every_name_that_counts_alone_is_found_and_leads_to_its_organisation(shipped: Organisations) -> None:
    recogniser = Recogniser(shipped)
    wrong = []
    for one in shipped.values():
        for name in (one.name, *one.aliases, *one.former):
            if name in one.context or name[0].islower():
                continue
            text = f"At the hospital {name} was discussed."
            if [found.organisation_id for found in recogniser.every_mention(text=text)] != [one.id]:
                wrong.append((one.id, name))
    assert wrong == []


def write(folder: Path, text: str) -> Path:
    file = folder / "organisations.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[england.care-provider]\nmeadow = { name = 'Meadow Homes'", "is not valid TOML"),
        (
            "[englnd.care-provider]\nmeadow = { name = 'Meadow Homes' }",
            r"unknown table \[englnd\]; did you mean 'england'",
        ),
        ("[england.care-providers]\nmeadow = { name = 'Meadow Homes' }", "unknown kind .*did you mean 'care-provider'"),
        ("[england.care-provider]\nmeadow = { nam = 'Meadow Homes' }", "meadow: name: is missing; add it"),
        (
            "[england.care-provider]\nmeadow = { name = 'Meadow', alias = ['M'] }",
            "unknown key 'alias'; did you mean 'aliases'",
        ),
        ("[england.care-provider]\nmeadow = { name = 'Meadow', aliases = 'M' }", "aliases: must be a list of names"),
        ("[england.care-provider]\nmeadow = { name = '' }", "name: must be text that is not empty"),
        ("[england.care-provider]\nmeadow = { name = '…' }", "is no name: use letters"),
        ("[england.care-provider]\nMeadow = { name = 'Meadow Homes' }", "an id is made of small letters"),
        ("[england.care-provider]\nmeadow = 'Meadow Homes'", "meadow: is not a table"),
        ("[england]\ncare-provider = 'Meadow Homes'", "england.care-provider: is not a table"),
        ("england = 3", r"england: is not a table; write \[england.kind\]"),
        (
            "[england.care-provider]\nmeadow = { name = 'Meadow', ods = 'r1h' }",
            "ods: must be two to six capitals and digits",
        ),
        (
            "[england.care-provider]\nmeadow = { name = 'Meadow', closed = 'May' }",
            "closed: must be a year, month or day",
        ),
        (
            "[england.care-provider]\nbarts-health-nhs-trust = { name = 'Meadow' }",
            "is the id of Barts Health NHS Trust already",
        ),
        (
            "[england.care-provider]\nmeadow = { name = 'BARTS' }",
            "'barts' is a name of Barts Health NHS Trust .*leave that name out",
        ),
        (
            "[england.care-provider]\nmeadow = { name = 'Meadow', ods = 'R1H' }",
            "R1H is the code of Barts Health NHS Trust",
        ),
        ("[england.charity]\na = { name = 'Aa' }\n[wales.charity]\na = { name = 'Bb' }", "a: is listed twice"),
        ("[england.charity]\na = { name = 'Aa' }\nb = { name = 'Bb', aliases = ['aa'] }", "'aa' is a name of Aa"),
        (
            "[england.charity]\na = { name = 'Aa', successors = ['barts-health'] }",
            "successors: 'barts-health' is unknown; did you mean",
        ),
        (
            "[england.charity]\na = { name = 'Aa', successors = ['b'] }\nb = { name = 'Bb', successors = ['a'] }",
            "lead round a circle: a -> b -> a; remove one",
        ),
        ("[england.charity]\na = { name = 'Aa', successors = ['a'] }", "lead round a circle: a -> a"),
    ],
)
def test_a_bad_file_is_told_with_the_way_to_fix_it(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(DataFileError, match=message) as error:
        load_organisations(file)
    assert str(file) in str(error.value)


def test_a_file_that_is_missing_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="no such file"):
        load_organisations(tmp_path / "none.toml")
    file = tmp_path / "organisations.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(DataFileError, match="is not UTF-8 text"):
        load_organisations(file)


def test_one_of_the_users_own_is_found_beside_the_others(tmp_path: Path) -> None:
    own = write(tmp_path, "[england.care-provider]\nmeadow-homes = { name = 'Meadow Homes', context = ['MH'] }")
    organisations = load_organisations(own)
    found = Recogniser(organisations).every_mention(text="Meadow Homes and Barts Health met. MH agreed.")
    assert [one.organisation_id for one in found] == ["meadow-homes", "barts-health-nhs-trust", "meadow-homes"]
    assert organisations["meadow-homes"].source == "own"


def test_a_name_that_only_counts_in_context_may_be_shared(tmp_path: Path) -> None:
    own = write(tmp_path, "[england.care-provider]\nmeadow-homes = { name = 'Meadow Homes', context = ['Unite'] }")
    assert "meadow-homes" in load_organisations(own)


def letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def charity(name: str, *successors: str) -> str:
    return f"[england.charity.{name}]\nname = 'Charity {name}'\nsuccessors = {list(successors)}\n"


def test_one_whose_successors_have_a_thousand_successors_is_followed_to_the_end(tmp_path: Path) -> None:
    long = "".join(charity(f"c-{letters(n)}", *([f"c-{letters(n + 1)}"] if n < 1500 else [])) for n in range(1501))
    organisations = load_organisations(write(tmp_path, long))
    assert [heir.id for heir in organisations.heirs("c-a")] == [f"c-{letters(1500)}"]


def test_heirs_that_merge_and_part_again_and_again_are_each_looked_at_once(tmp_path: Path) -> None:
    both = [(f"a-{letters(n)}", f"b-{letters(n)}") for n in range(41)]
    rows = [charity(one, *after) for pair, after in pairwise(both) for one in pair] + [charity(one) for one in both[-1]]
    organisations = load_organisations(write(tmp_path, "".join(rows)))
    begun = time.process_time()
    assert tuple(heir.id for heir in organisations.heirs("a-a")) == both[-1]
    assert time.process_time() - begun < 1  # 2 to the power of 40 would take weeks


def test_adding_one_keeps_what_a_person_wrote_and_refuses_a_conflict(tmp_path: Path) -> None:
    file = write(tmp_path, "# Ours.\n[england.care-provider]\nmeadow-homes = { name = 'Meadow Homes' }\n")
    add_own(Organisation("hill-homes", "care-provider", "england", 'Hill "Top" Homes', aliases=("Höhe",)), file)
    assert file.read_text(encoding="utf-8").startswith("# Ours.")
    organisations = load_organisations(file)
    assert organisations["hill-homes"].name == 'Hill "Top" Homes'
    assert organisations["hill-homes"].aliases == ("Höhe",)
    before = file.read_bytes()
    with pytest.raises(DataFileError, match="hill-homes: is the id of Hill"):
        add_own(Organisation("hill-homes", "care-provider", "england", "Other Homes"), file)
    with pytest.raises(DataFileError, match="is a name of Barts Health NHS Trust"):
        add_own(Organisation("other", "care-provider", "england", "Barts"), file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_the_version_changes_with_either_file(tmp_path: Path) -> None:
    own = write(tmp_path, "[england.charity]\na = { name = 'Aa' }")
    first = version_of(own)
    assert first != version_of() == version_of()
    assert load_organisations(own).version == first
    write(tmp_path, "[england.charity]\na = { name = 'Bb' }")
    assert version_of(own) != first
