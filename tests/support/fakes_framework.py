"""A framework of three themes, ten examples each, on a subject far from health: allotments and how they are run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

EXAMPLES: dict[str, tuple[str, ...]] = {
    "water": (
        "The hosepipe ban left plot holders on Marlow Lane carrying water from the brook in buckets.",
        "A leaking standpipe flooded four plots before the council turned the water off.",
        "Rainwater butts are now free for every plot on the site, the association said.",
        "The allotment's well ran dry in July for the first time since it was dug.",
        "Plot holders were told to stop using sprinklers while the drought lasts.",
        "Pipes laid in 1962 lose a third of the water that the site pays for.",
        "A new borehole will water ninety plots without touching the mains supply.",
        "Members complained that the tap at the far gate had been dry for a month.",
        "The water bill of the allotments has doubled since meters were fitted.",
        "Volunteers dug a pond that catches the run-off from the allotment sheds.",
    ),
    "rents": (
        "Rents for allotment plots will rise by forty per cent from April, the council decided.",
        "Pensioners on the site pay half the rent, a discount that the parish wants to end.",
        "The allotment association refused to collect the higher rent from its members.",
        "A tenant was given notice to quit after she fell behind with the rent of her plot.",
        "The fee for a key to the gates was scrapped when tenants protested against the charge.",
        "The district charges more for a plot than any other council in the county.",
        "Tenants won a tribunal over the rent that the landlord had set for their plots.",
        "The annual charge now includes insurance, and comes to £96 for a full plot.",
        "A petition against the rent increase was signed by every tenant on the site.",
        "Councillors froze the rent of allotments for two years after the vote.",
    ),
    "waiting-lists": (
        "The waiting list for a plot in the borough has grown to eleven years.",
        "More than nine hundred people are waiting for an allotment in the city.",
        "Half plots are offered to newcomers to shorten the queue for the allotments.",
        "She had been on the list for so long that she moved house before her turn came.",
        "The council closed its waiting list because no plot had come free since spring.",
        "Applicants are asked every year whether they still want a plot, or lose their place in the queue.",
        "A second site would halve the list of people who are waiting, officers say.",
        "Neglected plots are handed to the next applicant on the list after one warning.",
        "The queue for plots is shorter in the villages, where a newcomer waits some months.",
        "Residents of new flats jump the waiting list under an agreement with the builder.",
    ),
}
_NAMES = {"water": "Water on the site", "rents": "Rents and charges", "waiting-lists": "Waiting lists"}
_OUTSIDE = (
    "The band played for two hours and ended with the song that everybody had come to hear.",
    "The striker scored twice in the second half and was carried from the pitch on shoulders.",
    "Shares in the airline fell after it warned that fuel would cost more this winter.",
    "A satellite was launched from the Highlands to measure the ice at the pole.",
    "The film tells of two sisters who inherit a cinema by the sea.",
    "Trains between the two cities were late because of a fallen tree on the line.",
    "The minister resigned after a vote on the budget was lost by three votes.",
    "The museum has bought a painting of a storm that was thought to be lost.",
    "A recipe for lemon cake won the prize at the county fair on Saturday.",
    "The court heard that the car had been stolen from a garage in the night.",
)
_VOCABULARY = """
[[group]]
id = "allotment"
role = "field"
terms = ["allotment*", "plot", "plots", "plot holder*"]

[[group]]
id = "running"
role = "subject"
terms = ["council", "association", "rent*", "waiting list", "queue", "water", "tenant*"]

[[group]]
id = "elsewhere"
terms = ["film", "striker", "shares", "trains", "minister"]
"""


def write_framework(folder: Path) -> Path:
    """The files that a framework needs, and no other."""
    folder.mkdir()
    themes = ['[framework]\nname = "the allotments charter"\nsubject = "how allotments are run"\n']
    for theme, examples in EXAMPLES.items():
        row = {"id": theme, "name": _NAMES[theme], "group": "promises", "definition": f"{_NAMES[theme]} of allotments."}
        themes.append("[[theme]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in row.items()))
        themes.append(f"examples = {json.dumps(examples, ensure_ascii=False)}\n")
    (folder / "themes.toml").write_text("\n".join(themes), encoding="utf-8")
    passages = []
    for theme, examples in EXAMPLES.items():
        pairs = zip(examples[::2], examples[1::2], strict=True)
        passages += [_passage(f"Allotment news {theme} {place}", pair, [theme]) for place, pair in enumerate(pairs)]
    for number in range(len(_OUTSIDE)):
        other = _OUTSIDE[(number + 3) % len(_OUTSIDE)]
        passages.append(_passage(f"Other news {number}", (_OUTSIDE[number], other), None))
    (folder / "passages.toml").write_text("\n".join(passages), encoding="utf-8")
    (folder / "vocabulary.toml").write_text(_VOCABULARY, encoding="utf-8")
    return folder


def _passage(title: str, lines: tuple[str, ...], themes: list[str] | None) -> str:
    scope = f"in_scope = true\nthemes = {json.dumps(themes)}" if themes else "in_scope = false"
    text = json.dumps("\n".join(["A short report.", *lines]), ensure_ascii=False)
    return f"[[passage]]\ntitle = {json.dumps(title)}\n{scope}\ntext = {text}\n"


def run_command(folder: Path, *words: str, **environment: str) -> "CompletedProcess[str]":
    """The command in a process of its own, since a framework holds for a whole process."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CULTURE_")}
    settings = {"CULTURE_ENCODER": "tfidf", "CULTURE_WORKERS": "1", "CULTURE_ALLOW_HOSTS": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, "-m", "deployments.cli", *words],
        cwd=folder,
        env={**kept, **settings, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
