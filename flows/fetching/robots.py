"""What a host lets the monitor do: its robots.txt (RFC 9309), and what it reserves in tdmrep.json; both judged by Protego."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from protego import Protego

from flows.fetching.decoding import load_json

MAX_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 kibibytes are read, the rest may be left
FRESH = timedelta(hours=24)  # RFC 9309, 2.4
FRESH_AFTER_ERROR = timedelta(hours=1)  # a server's bad hour must not close its site for a day
CLOCK_SLACK = timedelta(hours=1)  # a file "of the future" by more was fetched by a clock that was wrong
MAX_DELAY_SECONDS = 30.0  # a longer crawl-delay would let no run end; such a site gets fewer pages instead
# Rules past this are left: no honest file has as many for one name, and each is matched against every address.
MAX_RULES = 3_000

_MAX_NAMES = 20  # of one group that may mean us: the same name over and over
_SITE_FIELDS = frozenset({"sitemap", "host"})  # which belong to no group
_AGENT_FIELDS = frozenset({"user-agent", "user agent", "useragent"})
_MINER = "tdm"  # the name under which reservations are judged


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What is remembered of a host between runs; the columns of `host_state`."""

    robots: str | None = None
    robots_status: int | None = None
    robots_fetched_at: datetime | None = None
    retry_after: datetime | None = None

    def robots_are_fresh(self, now: datetime) -> bool:
        """Whether robots.txt need not be asked for again."""
        if self.robots_fetched_at is None or self.robots_status is None:
            return False
        lasting = FRESH if self.robots_status < 500 and self.robots_status != 429 else FRESH_AFTER_ERROR
        return -CLOCK_SLACK <= now - self.robots_fetched_at < lasting


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address may be fetched, and why not."""

    allowed: bool
    reason: str = ""
    for_now: bool = False  # there are no rules to go by: to be asked again


class RobotsRules:
    """The rules of one host for one product token; parsed once."""

    def __init__(self, facts: HostFacts, product: str) -> None:
        self._product = product
        self._status = facts.robots_status
        self._rules: Protego | None = None
        if facts.robots and self._status is not None and self._status < 300:
            self._rules = Protego.parse(_our_groups(facts.robots[:MAX_BYTES], product))

    def verdict(self, url: str) -> Verdict:
        """Whether `url` may be fetched: 4xx allows everything, 5xx and 429 nothing for now."""
        if self._status is not None and (self._status >= 500 or self._status == 429):
            return Verdict(False, f"robots.txt answers {self._status}: nothing may be fetched for now", for_now=True)
        if self._rules is None or self._rules.can_fetch(url, self._product):
            return Verdict(True)
        return Verdict(False, "robots.txt disallows it")

    @property
    def delay_seconds(self) -> float:
        """The crawl-delay, capped; 0 where there is none."""
        delay = self._rules.crawl_delay(self._product) if self._rules is not None else None
        return min(delay or 0.0, MAX_DELAY_SECONDS)


def product_token(user_agent: str) -> str:
    """The name that robots.txt files mean: "nhs-culture-monitor" of "nhs-culture-monitor/1.0 (+https://…)"."""
    return user_agent.partition("/")[0].strip() or "nhs-culture-monitor"


def _our_groups(text: str, product: str) -> str:
    """The groups that are for our name or for all, which Protego then reads.

    It files every rule under every name of its group: nine thousand names before nine thousand rules, a file of
    300 kB, would take it minutes.
    """
    name = product.lower()
    kept: list[str] = []
    agents: list[str] = []  # the group's names that concern us
    in_names = False
    for line in text.splitlines():
        field, _, value = line.partition("#")[0].partition(":")
        field, value = field.strip().lower(), value.strip().lower()
        if field in _AGENT_FIELDS:
            if not in_names:
                agents = []
            in_names = True
            agent = value.partition("/")[0].strip()  # some write a version behind the name
            if agent and (agent == "*" or agent.replace("*", "") in name) and len(agents) < _MAX_NAMES:
                agents.append(agent)
                kept.append(f"User-agent: {agent}")
        elif field and field not in _SITE_FIELDS:
            in_names = False
            if agents and value:
                kept.append(line)
        if len(kept) >= MAX_RULES:
            break
    return "\n".join(kept)


class MiningRules:
    """The reservations of one host; none reserve nothing."""

    def __init__(self, rules: RobotsRules | None = None) -> None:
        self._rules = rules

    def reserve(self, url: str) -> bool:
        """Whether the text at `url` is reserved."""
        return self._rules is not None and not self._rules.verdict(url).allowed


def mining_rules(body: bytes) -> MiningRules:
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
    return MiningRules(RobotsRules(HostFacts(robots=robots, robots_status=200), _MINER))
