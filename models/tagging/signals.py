"""What a document says about itself through the vocabulary: who is spoken of, what happened, where, and how close together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.tagging.vocabulary import Vocabulary
from models.text import split_words_as_written

Floats = NDArray[np.float64]

# News says what it is about at once: the first sentences after the title are looked at by themselves.
LEAD_SENTENCES = 3


def signal_names(vocabulary: Vocabulary) -> list[str]:
    """The names of the columns of `signals`."""
    names = [f"{part}:{group}" for part in ("title", "lead", "density", "spread") for group in vocabulary.groups]
    fields = [*vocabulary.field[:1], "field"] if vocabulary.field else []
    pairs = [f"{field}+{subject}" for field in fields for subject in (*vocabulary.subject, "any")]
    return [*names, *(f"together:{pair}" for pair in pairs), *(f"both:{pair}" for pair in pairs)]


def signals(sentences: Sequence[str], vocabulary: Vocabulary) -> Floats:
    """One row of numbers for a document given as its sentences, the title first.

    For each group of the vocabulary: how often it is named in the title, in the lead and per 100 words, and the share of
    sentences that name it; for groups of the field and of the subject: the share of sentences that name both, and the lesser
    density. The first group of the field is looked at by itself too.
    """
    if not sentences:
        return np.zeros(len(signal_names(vocabulary)))
    words = [split_words_as_written(sentence) for sentence in sentences]
    counts = np.array([vocabulary.counts(one) for one in words], float)
    length = max(sum(len(one) for one in words), 30)
    density = counts.sum(0) * 100 / length
    named = counts > 0
    spread = named.mean(0)
    column = {group: number for number, group in enumerate(vocabulary.groups)}
    field = [column[group] for group in vocabulary.field]
    subject = [column[group] for group in vocabulary.subject]
    lefts, rights = ([field[:1], field] if field else []), [*([one] for one in subject), subject]
    named_left = np.array([named[:, left].any(1) for left in lefts], bool).reshape(len(lefts), len(sentences)).T
    named_right = np.array([named[:, right].any(1) for right in rights], bool).T
    together = (named_left[:, :, None] & named_right[:, None, :]).mean(0).ravel()
    lesser = np.minimum.outer([density[left].sum() for left in lefts], [density[right].sum() for right in rights])
    parts = [
        np.log1p(counts[0]),
        np.log1p(counts[1 : 1 + LEAD_SENTENCES].sum(0)),
        np.log1p(density),
        spread,
        np.sqrt(together),
        np.log1p(lesser).ravel(),
    ]
    return np.concatenate(parts)
