"""The licence of every package that we depend on, as its own metadata states it. Run: writes the list in the governance folder.

python -m tests.support.licences
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PINS = PROJECT / "deployments" / "constraints.txt"
LIST = PROJECT / "deployments" / "governance" / "licences.md"
OURS = "nhs-culture-monitor"
# Permissive ones; and of the copyleft ones those that bind changes of the library alone, not the program that uses it unchanged.
ALLOWED = frozenset(
    """0BSD Apache-2.0 Artistic-1.0-Perl BSD-2-Clause BSD-3-Clause CC0-1.0 CNRI-Python ISC LGPL-2.1-or-later LGPL-3.0-only
    LGPL-3.0-or-later MIT MIT-0 MPL-2.0 PSF-2.0 Unlicense Zlib ZPL-2.1""".split()
)
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
}
# What a package's metadata does not say, or not in the words of SPDX: read in what it ships.
_READ = {
    "brotli": "MIT",
    "partd": "BSD-3-Clause",  # LICENSE.txt
    "mrml": "MIT",  # the bill of materials in its wheel
    "pyahocorasick": "BSD-3-Clause",  # LICENSE; parts are in the public domain
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",  # LICENSE
    "sniffio": "MIT OR Apache-2.0",  # LICENSE
    "text-unidecode": "Artistic-1.0-Perl OR GPL-2.0-or-later",  # LICENSE
    "tqdm": "MPL-2.0 AND MIT",
}
# Pinned for other machines than this one: Windows, PyPy, older Pythons.
_ELSEWHERE = {"async-timeout": "Apache-2.0", "brotlicffi": "MIT", "pywin32": "PSF-2.0"}


def normal(name: str) -> str:
    """A package's name as an index knows it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, str]:
    """{package: licence as an SPDX expression, empty where it is unknown} of all that is installed here, tools included."""
    found = {normal(one.metadata["Name"]): licence(one) for one in distributions()}
    return {name: stated for name, stated in found.items() if name != OURS}


def licence(found: Distribution) -> str:
    """The SPDX expression of a package; empty where neither its metadata nor we know one."""
    name = normal(found.metadata["Name"])
    if name in _READ:
        return _READ[name]
    for key in ("License-Expression", "License"):
        stated = next(iter(found.metadata.get_all(key) or ()), "")
        if stated in ALLOWED or (stated and key == "License-Expression"):
            return stated
    classifiers = found.metadata.get_all("Classifier") or []
    parts = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    known = [_CLASSIFIERS[part] for part in parts if part in _CLASSIFIERS]
    return known[0] if len(known) == len(parts) == 1 else ""


def is_allowed(expression: str) -> bool:
    """Whether all parts of an expression are allowed, of alternatives one; an empty one is not."""
    bare = expression.replace("(", "").replace(")", "")
    if " OR " in bare and " AND " in bare and "(" not in expression:
        return False  # which binds closer would have to be known
    return all(any(one.strip() in ALLOWED for one in part.split(" OR ")) for part in bare.split(" AND "))


def pinned() -> Iterator[tuple[str, str]]:
    """(package, version) of each pin, in order."""
    for line in PINS.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            yield normal(found[1]), found[2]


def document() -> str:
    """The list, as it stands in the governance folder."""
    here = installed() | _ELSEWHERE
    versions: dict[str, list[str]] = {}
    for name, version in pinned():
        versions.setdefault(name, []).append(version)
    rows = [f"| {name} | {' or '.join(found)} | {here.get(name, '')} |" for name, found in versions.items()]
    return "\n".join(
        [
            "# Bill of materials",
            "",
            f"The {len(versions)} packages of which an installation consists (`deployments/constraints.txt`), with the licence",
            "that each states. Written by `python -m tests.support.licences`; `tests/product/test_supply_chain.py` fails where",
            "a licence is unknown or not allowed, tools of the tests included. Some are for other platforms, or other Pythons.",
            "Copyleft licences here (LGPL, MPL) bind changes of those libraries, which are used unchanged.",
            "",
            "In the form CycloneDX, with licence texts, of what is installed where you are:",
            "`pip install cyclonedx-bom && cyclonedx-py environment --gather-license-texts -o sbom.json`. Known vulnerabilities:",
            "`pip install pip-audit && pip-audit -r deployments/constraints.txt --require-hashes --disable-pip` (asks PyPI).",
            "",
            "No licence is stated for the monitor itself: choosing one is its owner's. Until then all rights are theirs.",
            "",
            "| package | version | licence (SPDX) |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    LIST.write_text(document(), encoding="utf-8")
