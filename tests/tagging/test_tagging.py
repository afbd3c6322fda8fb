"""The tagger: what it says of articles, why, and of text that is no article."""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from models.tagging.classifier import Tagger
from models.tagging.decisions import Document, State
from models.tagging.steps import Extent
from models.tagging.training import sentences_of
from models.tagging.versions import load_tagger
from models.themes import theme_ids

SPEAKING_UP = Document(
    title="Nurses at hospital trust ‘too frightened to speak up’",
    text=(
        "Staff at a hospital trust in Norfolk are afraid to raise concerns because whistleblowers have been punished, "
        "a review has found.\n"
        "Nurses told the review that managers ignored warnings about patient safety and that those who spoke up were bullied.\n"
        "The chief executive of the NHS trust apologised and promised to protect whistleblowers. "
        "The trust's Freedom to Speak Up guardian will report to the board.\n"
        "The Care Quality Commission said that leaders must listen to staff."
    ),
)
FOOTBALL = Document(
    title="City beat United with late goal",
    text=(
        "The striker scored twice as City won 2-1 on Saturday. The manager praised his players. "
        "Fans sang until midnight. They play again on Tuesday."
    ),
)
POLICE = Document(
    title="Chief constable quits over bullying culture in police force",
    text=(
        "The chief constable has resigned after inspectors found a culture of bullying and misogyny among officers.\n"
        "Detectives who blew the whistle were ignored by senior leaders, the police inspectorate said.\n"
        "The crime commissioner will appoint a successor. The Home Office said that standards in policing must rise."
    ),
)
WELSH = Document(
    title="Bwrdd iechyd yn ymddiheuro",
    text=(
        "Mae bwrdd iechyd yn y gogledd wedi ymddiheuro i deuluoedd ar ôl adroddiad beirniadol am ofal cleifion oedrannus. "
        "Dywedodd y prif weithredwr fod yn rhaid i bethau newid ac y byddai'r bwrdd yn gwrando ar staff. "
        "Bydd arolygwyr yn dychwelyd i'r ysbyty yn y gwanwyn, yn ôl llefarydd ar ran y llywodraeth."
    ),
)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return load_tagger(tmp_path_factory.mktemp("models"), encoder="tfidf", weights_folder=None)[0]


def test_an_article_on_speaking_up_is_tagged_so(tagger: Tagger) -> None:
    (found,) = tagger.tag([SPEAKING_UP])
    assert found.scope_state is State.YES
    tag = next(tag for tag in found.tags if tag.theme == "speaking-up")
    assert tag.state is State.YES
    assert tag.evidence in sentences_of(SPEAKING_UP)
    assert tag.terms
    assert found.model_version == tagger.version


def test_tags_come_strongest_first_and_never_say_no(tagger: Tagger) -> None:
    (found,) = tagger.tag([SPEAKING_UP])
    assert [tag.score for tag in found.tags] == sorted((tag.score for tag in found.tags), reverse=True)
    assert all(tag.state is not State.NO for tag in found.tags)


@pytest.mark.parametrize("document", [FOOTBALL, POLICE], ids=["football", "police"])
def test_other_worlds_are_out_of_scope_and_carry_no_tag(tagger: Tagger, document: Document) -> None:
    (found,) = tagger.tag([document])
    assert found.scope_state is State.NO
    assert found.tags == ()


def test_the_same_text_gets_the_same_answer_alone_and_in_a_batch(tagger: Tagger) -> None:
    many = [SPEAKING_UP, FOOTBALL, POLICE] * 15
    together = tagger.tag(many)
    alone = [tagger.tag([one])[0] for one in many[:3]]
    for left, right in zip(together[:3], alone, strict=True):
        assert left.in_scope == pytest.approx(right.in_scope, abs=1e-6)
        assert [tag.theme for tag in left.tags] == [tag.theme for tag in right.tags]


def test_a_summary_stands_in_for_a_text_that_may_not_be_kept(tagger: Tagger) -> None:
    short = Document(title=SPEAKING_UP.title, text="", summary=SPEAKING_UP.text)
    assert tagger.tag([short])[0].scope_state is State.YES


@pytest.mark.parametrize(
    "document",
    [
        Document("Trust board resigns after report on bullying of nurses", ""),
        Document(
            "Hospital chief executive suspended over whistleblowing claims", "", "Staff had raised concerns for years."
        ),
    ],
    ids=["headline", "summary"],
)
def test_little_text_can_be_enough(tagger: Tagger, document: Document) -> None:
    assert tagger.tag([document])[0].scope_state is State.YES


def test_no_short_text_is_in_scope_because_of_one_word(tagger: Tagger) -> None:
    vocabulary = tomllib.loads((files("seeds") / "vocabulary.toml").read_text(encoding="utf-8"))["group"]
    terms = [term for group in vocabulary if "role" in group for term in group["terms"] if " " not in term][::2]
    titles = [Document(f"What {term.removesuffix('*')} meant to us on Monday", "") for term in terms]
    found = tagger.tag(titles)
    assert [one.title for one, said in zip(titles, found, strict=True) if said.scope_state is State.YES] == []


def test_a_headline_that_names_nobody_of_the_field_is_not_believed(tagger: Tagger) -> None:
    (found,) = tagger.tag([Document("Boss resigns after bullying inquiry into toxic culture", "")])
    assert found.scope_state is State.NO


def test_what_is_in_doubt_is_read_for_themes_however_low_the_threshold(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = [SPEAKING_UP, FOOTBALL, *(Document(f"The board of the hospital met, part {n}", "") for n in range(8))]
    monkeypatch.setattr(tagger.scope, "thresholds", np.full(len(Extent), 1e-6))
    scores = tagger.score(weak, themes_of_all=False)
    looked = [one is not None for one in scores.read]
    assert looked == [state is not State.NO for state in tagger.scope_states(scores)]
    assert sum(looked) > 1


def test_welsh_is_flagged_and_not_tagged(tagger: Tagger) -> None:
    (found,) = tagger.tag([WELSH])
    assert (found.scope_state, found.tags) == (State.NO, ())
    assert tagger.explain(WELSH).note == "not in English"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0",
        "NHS",
        "<p></p>",
        "<b>NHS</b> &amp; <script>",
        "word " * 200_000,
        "no end " * 3000,
        "。" * 500,
        "\ud800 lone",
        "1" * 1_000_000,
    ],
    ids=[
        "empty",
        "blank",
        "null",
        "one word",
        "markup",
        "tags",
        "a megabyte",
        "no end",
        "Chinese stops",
        "surrogate",
        "digits",
    ],
)
def test_odd_text_gets_an_answer(tagger: Tagger, text: str) -> None:
    for document in (Document(title="", text=text), Document(title=text[:5000], text=text)):
        (found,) = tagger.tag([document])
        assert 0 <= found.in_scope <= 1
        assert tagger.explain(document).encoder == "tfidf"


def test_nothing_in_nothing_out(tagger: Tagger) -> None:
    assert tagger.tag([]) == []


def test_an_explanation_shows_every_theme_with_its_threshold(tagger: Tagger) -> None:
    why = tagger.explain(SPEAKING_UP)
    assert {reason.theme for reason in why.themes} == set(theme_ids())
    assert all(0 < reason.threshold < 1 for reason in why.themes)
    assert why.scope_state is State.YES
    assert why.scope_reasons
    assert why.model_version == tagger.version


def test_an_explanation_says_why_nobody_looked(tagger: Tagger) -> None:
    why = tagger.explain(FOOTBALL)
    assert "no sign" in why.note
    assert why.themes == ()


class CountingEncoder:
    """Counts what it is asked to encode; its vectors hold the length of the text alone."""

    name = "counting"

    def __init__(self) -> None:
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
        self.texts += len(texts)
        angles = np.array([len(text) % 7 for text in texts], np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_the_encoder_is_not_spent_on_what_the_first_stage_turns_away(tmp_path: Path) -> None:
    from models.tagging.encoders import Choice
    from models.tagging.fitting import train_tagger
    from models.tagging.theme_model import ENCODED_SENTENCES
    from models.tagging.training import load_training_data

    encoder = CountingEncoder()
    tagger = train_tagger(load_training_data(), Choice(encoder, ""), None, "test")
    encoder.texts = 0
    tagger.tag([FOOTBALL] * 20)
    assert encoder.texts == 0
    long = Document(title=SPEAKING_UP.title, text="\n".join([SPEAKING_UP.text] * 30))
    tagger.tag([long])
    assert 0 < encoder.texts <= ENCODED_SENTENCES + 1
