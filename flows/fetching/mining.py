"""What a site reserves from text and data mining by its /.well-known/tdmrep.json (TDM reservation protocol). Pure.

Its patterns of paths are those of robots.txt, and the longest that fits decides, so Protego judges both.
"""

from flows.fetching.robots import MAX_BYTES, MAX_RULES, HostFacts, RobotsRules
from flows.reading.sources.json_feed import load_json

_ANY = "tdm"


class MiningRules:
    """The reservations of one host; none reserve nothing."""

    def __init__(self, rules: RobotsRules | None = None) -> None:
        self._rules = rules

    def reserve(self, url: str) -> bool:
        """Whether the text at `url` is reserved."""
        return self._rules is not None and not self._rules.verdict(url).allowed


def rules_in(body: bytes) -> MiningRules:
    """The rules in a tdmrep.json; none where it is not of that form."""
    found = load_json(body[:MAX_BYTES]) if body else None
    lines = []
    for rule in found[:MAX_RULES] if isinstance(found, list) else []:
        location = rule.get("location") if isinstance(rule, dict) else None
        if not isinstance(location, str) or not location.strip():
            continue
        path = "".join(location.split())
        reserved = str(rule.get("tdm-reservation", "")).strip() == "1"
        lines.append(f"{'Disallow' if reserved else 'Allow'}: {path if path.startswith(('/', '*')) else '/' + path}")
    if not lines:
        return MiningRules()
    robots = "\n".join(["User-agent: *", *lines])
    return MiningRules(RobotsRules(HostFacts(robots=robots, robots_status=200), _ANY))
