"""The sentence encoders whose published weights run in numpy here, told by their SHA-256."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from models.settings import MINILM, MPNET

WEIGHTS_FILE = "model.safetensors"
VOCABULARY_FILE = "vocab.txt"


@dataclass(frozen=True, slots=True)
class Published:
    """An encoder as it was published: the files' SHA-256, the network's measures, and what its file calls the parts."""

    said: str  # its name for people
    sha256: dict[str, str]  # of the two files (for the weights, the hub's own LFS id)
    megabytes: int
    dimensions: int
    layers: int
    first_place: int  # the position of a text's first token
    markers: tuple[str, str]  # before and after a text
    epsilon: float  # of the layer normalisation
    attention: tuple[str, str, str, str, str]  # query, key, value, mix, and the norm after them

    @property
    def largest(self) -> int:
        """Bytes beyond which a file is something else."""
        return self.megabytes * 1_300_000


PUBLISHED = {
    MINILM: Published(
        said="MiniLM",
        sha256={
            WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            VOCABULARY_FILE: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
        megabytes=91,
        dimensions=384,
        layers=6,
        first_place=0,
        markers=("[CLS]", "[SEP]"),
        epsilon=1e-12,
        attention=("self.query", "self.key", "self.value", "output.dense", "output.LayerNorm"),
    ),
    MPNET: Published(
        said="MPNet",
        sha256={
            WEIGHTS_FILE: "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            VOCABULARY_FILE: "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
        },
        megabytes=438,
        dimensions=768,
        layers=12,
        first_place=2,
        markers=("<s>", "</s>"),
        epsilon=1e-5,
        attention=("attn.q", "attn.k", "attn.v", "attn.o", "LayerNorm"),
    ),
}


class WeightsError(ValueError):
    """The encoder's files are missing or not the published ones; the message names the file."""


def has_published_weights(folder: Path, encoder: str = MINILM) -> bool:
    """Whether `folder` holds both files of the encoder, byte for byte as they were published."""
    return all(file_sha256(folder / name) == sha for name, sha in PUBLISHED[encoder].sha256.items())


def file_sha256(file: Path) -> str | None:
    """The file's SHA-256, or None if there is no such file."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
