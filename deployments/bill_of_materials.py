"""The software bill of materials: what is installed with the monitor, as CycloneDX 1.5. `python -m deployments.bill_of_materials`"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any
from uuid import UUID, uuid5

from packaging.requirements import Requirement

from flows.jobs import DISTRIBUTION

_SERIAL_SPACE = UUID("6f0c2f0e-3f67-5b58-9d3e-0e7a6a2b1c55")  # any fixed one: the same packages give the same number


def bill_of_materials() -> dict[str, Any]:
    """Every package that the installed monitor needs, however far down, with version, licence and what needs it.

    Raises:
        PackageNotFoundError: the monitor is not installed.
    """
    root = distribution(DISTRIBUTION)
    found = {_key(root): root, **dict(_needed_by(root))}
    components = [_component(package) for key, package in sorted(found.items()) if package is not root]
    serial = uuid5(_SERIAL_SPACE, " ".join(component["purl"] for component in components))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {**_component(root), "type": "application"}},
        "components": components,
        "dependencies": [
            {
                "ref": _purl(package),
                "dependsOn": sorted({_purl(found[name]) for name in _names_needed(package) if name in found}),
            }
            for _, package in sorted(found.items())
        ],
    }


def _needed_by(root: Distribution) -> Iterator[tuple[str, Distribution]]:
    seen, queue = {_key(root)}, list(_names_needed(root))
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or Python, or an extra that nobody asked for
        yield name, package
        queue.extend(_names_needed(package))


def _names_needed(package: Distribution) -> Iterator[str]:
    """The packages that it asks for here; the extras of others count where they are installed."""
    for line in package.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _normal(requirement.name)


def _component(package: Distribution) -> dict[str, Any]:
    facts: Any = package.metadata
    found = {
        "type": "library",
        "name": str(facts["Name"]),
        "version": package.version,
        "purl": _purl(package),
        "bom-ref": _purl(package),
    }
    licence = _licence(facts)
    return {**found, "licenses": [{"license": {"name": licence}}]} if licence else found


def _licence(facts: Any) -> str:
    if stated := facts.get("License-Expression"):
        return str(stated)
    classes = [line for line in facts.get_all("Classifier") or [] if line.startswith("License ::")]
    if classes:
        return str(classes[0].rpartition(" :: ")[2])
    return str(facts.get("License") or "").strip().partition("\n")[0][:100]


def _purl(package: Distribution) -> str:
    return f"pkg:pypi/{_key(package)}@{package.version}"


def _key(package: Distribution) -> str:
    return _normal(str(package.metadata["Name"]))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill_of_materials(), indent=2) + "\n")
