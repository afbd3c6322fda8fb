"""Whom a text names: each rule of the names with an example that counts and one that does not."""

import pytest

from models.mentions import Recogniser
from models.organisations import load_organisations

RECOGNISER = Recogniser(load_organisations())
BARTS = "barts-health-nhs-trust"
BOLTON = "bolton-nhs-foundation-trust"
LEICESTER = "university-hospitals-of-leicester-nhs-trust"
GUYS = "guys-and-st-thomas-nhs-foundation-trust"
UNITE = "unite-the-union"
LOTHIAN = "nhs-lothian"
DHSC = "department-of-health-and-social-care"
DOH_NI = "department-of-health-northern-ireland"


def named(text: str, *, title: str = "") -> list[str]:
    """The organisations that a text names, in its order, each time."""
    return [mention.organisation_id for mention in RECOGNISER.every_mention(title=title, text=text)]


def surfaces(text: str) -> list[str]:
    return [mention.surface for mention in RECOGNISER.every_mention(text=text)]


@pytest.mark.parametrize(
    "written",
    [
        "Bolton NHS Foundation Trust",
        "Bolton NHS FT",
        "Bolton NHS Trust",
        "Bolton Foundation Trust",
        "Bolton Hospitals Trust",
        "Bolton NHS\nFoundation Trust",
        "BOLTON NHS FOUNDATION TRUST",
        "Bolton NHS trust",
        "Royal Bolton Hospital",
    ],
)
def test_a_trust_is_known_by_every_form_of_its_name(written: str) -> None:
    assert named(f"Two wards of {written} have closed.") == [BOLTON]


@pytest.mark.parametrize(
    "text",
    [
        "Bolton is a town near Manchester.",
        "A hospital in Bolton has closed two wards.",
        "Bolton. NHS Foundation Trust leaders met elsewhere.",
        "Boltons NHS Foundation Trust",
        "bolton nhs foundation trust",
        "The nurse from Bolton, NHS trusts say, was right.",
    ],
)
def test_a_place_is_not_its_hospital(text: str) -> None:
    assert named(text) == []


@pytest.mark.parametrize(
    "written",
    [
        "Guy’s and St Thomas’ NHS Foundation Trust",
        "Guy's & St Thomas' NHS Foundation Trust",
        "Guys and St Thomas NHS FT",
        "Guy's and St. Thomas' Trust",
        "Guy’s\nand St Thomas’",
    ],
)
def test_apostrophes_ampersands_and_full_stops_may_differ(written: str) -> None:
    assert named(f"The chair of {written} resigned.") == [GUYS]


def test_hyphens_and_commas_may_be_left_out() -> None:
    assert named("Staffordshire and Stoke on Trent ICB") == named("Staffordshire and Stoke-on-Trent ICB") != []
    barking = "barking-havering-and-redbridge-university-hospitals-nhs-trust"
    assert named("Barking Havering and Redbridge University Hospitals NHS Trust said no.") == [barking]
    assert named("He left Chelsea, and Westminster Hospital took over.") == []


def test_a_possessive_is_not_part_of_the_surface() -> None:
    assert surfaces("NHS Lothian’s medical director and the CQC's inspectors met.") == ["NHS Lothian", "CQC"]
    assert surfaces("Alder Hey Children's NHS Foundation Trust's plan") == ["Alder Hey Children's NHS Foundation Trust"]
    assert surfaces("Guy’s Hospital") == ["Guy’s Hospital"]


def test_the_longest_name_wins() -> None:
    assert named("The Royal College of Surgeons of Edinburgh agreed.") == ["royal-college-of-surgeons-of-edinburgh"]
    assert named("The Royal College of Surgeons agreed.") == ["royal-college-of-surgeons-of-england"]
    assert named("BMA Scotland balloted hospital doctors.") == ["bma-scotland"]
    assert named("NHS England and NHS Improvement cut jobs.")[0] == "nhs-england"


def test_university_hospitals_alone_is_nobody() -> None:
    assert named("University Hospitals face cuts; so do teaching hospitals.") == []
    assert named("University Hospitals Leicester faces cuts.") == [LEICESTER]


def test_a_well_known_short_name_counts() -> None:
    assert named("Barts has named a new chair.") == [BARTS]
    assert named("Bart Simpson has named a new chair.") == []


def test_unite_is_a_union_only_where_the_text_says_so() -> None:
    assert named("The union Unite will ballot nurses.") == [UNITE]
    assert named("Unite the Union balloted. On Friday Unite said that nurses would strike.") == [UNITE, UNITE]
    assert named("Unite to save our hospital! Nurses unite. Let us Unite for the NHS.") == []
    assert named("Porters walked out, said Unite the Union.", title="Health Leaders Unite Against Cuts") == [UNITE]
    assert named("Unite the Union met. Unite behind it, she urged.") == [UNITE]


def test_a_common_word_is_a_charity_beside_the_word_charity() -> None:
    assert named("The charity Mind wrote to ministers.") == ["mind"]
    assert named("Mind the gap. Mind how you go, said the nurse; never you Mind.") == []
    assert named("Nice was pleasant in May, said the nurse from Nice.") == []
    assert named("A medicine approved by Nice for the NHS") == ["national-institute-for-health-and-care-excellence"]


@pytest.mark.parametrize(
    ("acronym", "organisation"),
    [
        ("CQC", "care-quality-commission"),
        ("NHSE", "nhs-england"),
        ("GMC", "general-medical-council"),
        ("HEE", "health-education-england"),
        ("RCN", "royal-college-of-nursing"),
    ],
)
def test_a_well_known_acronym_counts_in_a_text_about_health(acronym: str, organisation: str) -> None:
    assert named(f"The {acronym} wrote to every hospital.") == [organisation]
    assert named(f"The {acronym} pick-up truck won the rally.") == []
    assert named(f"The hospital of {acronym.lower()} and {acronym}X") == []


def test_an_acronym_that_the_text_spells_out_otherwise_is_not_ours() -> None:
    assert named("Radio Capital News (RCN) reports from the hospital. RCN said so.") == []
    assert named("The Royal College of Nursing (RCN) wrote. RCN said so.") == ["royal-college-of-nursing"] * 3


def test_a_shared_acronym_counts_once_its_organisation_is_named() -> None:
    assert named("UHL nurses met at the hospital.") == []
    assert named("University Hospitals of Leicester NHS Trust has a plan. UHL nurses agree.") == [LEICESTER, LEICESTER]
    assert named("The ICB has met. An ICB said no, as did other ICBs and NHS trusts.") == []
    assert named("Devon ICB has met.") == ["nhs-devon-integrated-care-board"]


def test_an_abbreviation_that_the_article_introduces_counts() -> None:
    vale = "cardiff-and-vale-university-health-board"
    assert named("Cardiff and Vale University Health Board (CVUHB) has a chief. CVUHB’s chair agreed.") == [vale] * 3
    assert named("CVUHB’s chair agreed.") == []


@pytest.mark.parametrize(
    ("text", "organisation"),
    [
        ("Stormont’s Department of Health has cut pay in Northern Ireland.", DOH_NI),
        ("The Department of Health has cut pay, the minister told hospitals in Belfast.", DOH_NI),
        ("The Department of Health has cut pay, the minister told hospitals in Kent.", DHSC),
        ("The Southern Trust said that Northern Ireland’s waits were long.", "southern-health-and-social-care-trust"),
        ("The Public Health Agency in Belfast", "public-health-agency-northern-ireland"),
        ("The Queen Elizabeth Hospital in Gateshead", "gateshead-health-nhs-foundation-trust"),
        ("Birmingham's Queen Elizabeth Hospital", "university-hospitals-birmingham-nhs-foundation-trust"),
    ],
)
def test_a_shared_name_is_decided_by_nation_or_place(text: str, organisation: str) -> None:
    assert named(text) == [organisation]


@pytest.mark.parametrize(
    "text",
    [
        "The Queen Elizabeth Hospital has opened a ward.",
        "He leads the FedEx Cup after the Northern Trust.",
        "Australia's Department of Health said so in Canberra.",
        "The Philippines’ Department of Health said so.",
        "The Irish Department of Health said so in Dublin.",
        "The Department of Health and Human Services said so.",
        "The Public Health Agency of Canada said so.",
    ],
)
def test_a_shared_name_that_nothing_decides_is_left_out(text: str) -> None:
    assert named(text) == []


def test_a_longer_name_of_somebody_else_is_not_ours() -> None:
    assert named("The RCN Foundation gave nurses a grant.") == []
    assert named("The Pennine Care Compact met.") == []
    assert named("Pennine Care has a new chief.") == ["pennine-care-nhs-foundation-trust"]
    assert named("A cream of Skin Care UK") == []
    assert named("Care UK runs homes.") == ["care-uk"]


def test_former_names_lead_to_the_organisation_and_merged_ones_stay_themselves() -> None:
    organisations = load_organisations()
    assert named("United Lincolnshire Hospitals NHS Trust was fined.") == [
        "united-lincolnshire-teaching-hospitals-nhs-trust"
    ]
    (merged,) = named("Heart of England NHS Foundation Trust was fined.")
    assert [heir.id for heir in organisations.heirs(merged)] == ["university-hospitals-birmingham-nhs-foundation-trust"]
    (older,) = named("Public Health England was abolished.")
    assert len(organisations.heirs(older)) == 2


def test_a_hospital_is_of_the_trust_that_runs_it_today() -> None:
    assert named("Bedford Hospital has a new ward.") == ["bedfordshire-hospitals-nhs-foundation-trust"]
    assert named("Bedford Hospital NHS Trust was fined in 2015.") == ["bedford-hospital-nhs-trust"]


def test_a_hospitals_name_that_tells_no_place_counts_where_the_text_tells_it() -> None:
    belfast = "belfast-health-and-social-care-trust"
    assert named("The Royal Victoria Hospital in Belfast is full.") == [belfast]
    assert named("The Royal Victoria Hospital is full.") == []
    assert named("St James's Hospital in Dublin is full.") == []
    assert named("St James's Hospital in Leeds is full.") == ["leeds-teaching-hospitals-nhs-trust"]


def test_a_committee_is_of_the_parliament_of_which_the_text_speaks() -> None:
    assert named("The Senedd heard the Health and Social Care Committee on Wales.") == [
        "senedd-health-and-social-care-committee"
    ]
    assert named("MPs of the Health and Social Care Committee agreed.") == [
        "house-of-commons-health-and-social-care-committee"
    ]


def test_an_acronym_of_an_organisation_that_is_named_counts_in_any_text() -> None:
    fiscal = "institute-for-fiscal-studies"
    assert named("The Institute for Fiscal Studies warned of tax rises. The IFS said so.") == [fiscal, fiscal]
    assert named("The IFS said so.") == []
