"""Rights classes: what a source lets us fetch, keep and show. The only place that cuts quotations."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.seeds import DataFileError, read_toml, seed_file

DEFAULT_RIGHTS = "headline"
_SENTENCE_ENDS = (".", "!", "?", "…", "”", "’", '"', "'")


class Rights(BaseModel):
    """One class of `seeds/rights.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    description: str
    fetch_pages: bool
    store_text_days: int = Field(ge=0, description="days for which full text may be kept; 0: never after tagging")
    quotation_words: int = Field(ge=0, description="words that an edition may quote of one article")
    credit: str = Field(description="the credit line; {name} stands for the source's name")


@dataclass(frozen=True, slots=True)
class Quotation:
    """What an edition may show of an article's text."""

    text: str
    cut: bool  # whether it is shorter than the sentence


def load_rights() -> dict[str, Rights]:
    """The classes of `seeds/rights.toml` by id.

    Raises:
        DataFileError: a bad row, named with its key, or no default class.
    """
    classes: dict[str, Rights] = {}
    for number, row in enumerate(read_toml(seed_file("rights.toml")).get("rights", []), start=1):
        try:
            rights = Rights.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataFileError(f"seeds/rights.toml: row {number}: {first['loc']}: {first['msg']}") from error
        classes[rights.id] = rights
    if DEFAULT_RIGHTS not in classes:
        raise DataFileError(f"seeds/rights.toml: lacks the class {DEFAULT_RIGHTS!r}, which sources have by default")
    return classes


def quotation(sentence: str, rights: Rights) -> Quotation:
    """As much of `sentence` as the class lets an edition quote, cut at a word and marked with an ellipsis."""
    words = sentence.split()
    if len(words) <= rights.quotation_words:
        return Quotation(" ".join(words), cut=False)
    if rights.quotation_words == 0:
        return Quotation("", cut=True)
    kept = " ".join(words[: rights.quotation_words]).rstrip(",;:–—-")
    return Quotation(kept if kept.endswith(_SENTENCE_ENDS) else f"{kept} …", cut=True)


def strictest(first: Rights, *others: Rights) -> Rights:
    """Only what every class allows, with the credit line of the first: that of the class it was stored under."""
    every = (first, *others)
    return first.model_copy(
        update={
            "fetch_pages": all(rights.fetch_pages for rights in every),
            "store_text_days": min(rights.store_text_days for rights in every),
            "quotation_words": min(rights.quotation_words for rights in every),
        }
    )


def credit(rights: Rights, source_name: str) -> str:
    """The credit line for a source of this class."""
    return rights.credit.replace("{name}", source_name)
