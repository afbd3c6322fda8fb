"""The one door to the web: polite (robots.txt, a gap, one request at a time a host), bounded, and never raising.

Whatever a server does ends as a `Reply` with an outcome. Addresses are checked at the connection
(`flows.fetching.addresses`); redirects are followed here, each hop with its own host's robots.txt, gap and check.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Self
from urllib.parse import urldefrag, urlsplit

import httpx

from flows.fetching.addresses import PublicNetwork
from flows.fetching.robots import MAX_BYTES as ROBOTS_BYTES
from flows.fetching.robots import HostFacts, MiningRules, RobotsRules, Verdict, mining_rules, product_token
from flows.fetching.single_request import (
    RETRY_UNSTATED,
    Ask,
    Limits,
    is_for_good,
    redirect_target,
    refresh_target,
    send,
)
from flows.fetching.transport import new_client
from models.entries import MAX_PAGE_BYTES, Fetched, Reply
from models.urls import host_of, origin_of, without_credentials, without_user
from models.weeks import utc_now

__all__ = ["HostFacts", "Limits", "PoliteClient"]

_CLOSED = frozenset({Fetched.UNREACHABLE, Fetched.REFUSED})


@dataclass(slots=True)
class _Host:
    """What the client knows of a host while it runs."""

    facts: HostFacts
    turn: asyncio.Lock
    rules: RobotsRules | None = None
    mining: MiningRules | None = None  # of its tdmrep.json; asked for once in a run
    last_end: float | None = None  # monotonic
    closed: Reply | None = None  # why nothing more is asked of it in this run


class PoliteClient:
    """Use as `async with`; `get` may be called from many tasks at once."""

    def __init__(
        self,
        *,
        user_agent: str,
        allow_hosts: frozenset[str] = frozenset(),
        gap_seconds: float = 1.0,
        hosts: Mapping[str, HostFacts] | None = None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = utc_now,
        proxy: str | None = None,
    ) -> None:
        """`hosts` are the facts of earlier runs, by `host_of`; `allow_hosts` may be private, need no gap and no `proxy`."""
        self._product = product_token(user_agent)
        self._gap = gap_seconds
        self._limits = limits or Limits()
        self._clock = clock
        self._network = PublicNetwork(allow_hosts)
        self._user_agent, self._proxy = user_agent, proxy
        self._known = dict(hosts or {})
        self._hosts: dict[str, _Host] = {}
        self._robots_replies: list[Reply] = []

    async def __aenter__(self) -> Self:
        self._client = new_client(self._network, user_agent=self._user_agent, proxy=self._proxy)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    @property
    def hosts(self) -> dict[str, HostFacts]:
        """The facts of all hosts, those given and those learned, to be kept for the next run."""
        learned = {name: host.facts for name, host in self._hosts.items() if host.facts != HostFacts()}
        return self._known | learned

    @property
    def requests(self) -> tuple[Reply, ...]:
        """The requests for robots.txt and tdmrep.json that were made, for the log of requests."""
        return tuple(self._robots_replies)

    async def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        max_bytes: int = MAX_PAGE_BYTES,
        accept: str = "*/*",
        respect_robots: bool = True,
        for_mining: bool = False,
    ) -> Reply:
        """Ask for `url`, following redirects; a reply whatever happens, with at most `max_bytes` of body.

        Args:
            for_mining: whether the text is to be read by a program, which the host's tdmrep.json may reserve.
        """
        ask = Ask(urldefrag(without_user(url)).url, accept, max_bytes, etag, last_modified)
        started, clock, requests, spent = self._clock(), monotonic(), 0, 0.0
        moved, for_good = "", True
        for hop in range(self._limits.redirects + 1):
            left = replace(self._limits, total=max(self._limits.total - spent, 0.1))
            reply, seconds = await self._one_hop(ask, left, respect_robots, for_mining)
            requests += reply.requests
            spent += seconds
            target = redirect_target(reply) or refresh_target(reply)
            if target is None:
                break
            if hop == self._limits.redirects:
                cookies = ", though the cookies that they set were sent back" if len(ask.cookies) else ""
                reply = replace(reply, outcome=Fetched.FAILED, body=b"", detail=f"too many redirects{cookies}")
                break
            for_good = for_good and is_for_good(reply)
            moved = target if for_good and target != ask.url else moved
            ask = replace(ask, url=target)
        return replace(
            reply,
            url=without_credentials(url),
            started_at=started,
            seconds=monotonic() - clock,
            requests=requests,
            final_url=without_credentials(reply.final_url or ask.url),
            moved_to=without_credentials(moved) if reply.outcome is Fetched.OK else "",
        )

    async def _one_hop(
        self, ask: Ask, limits: Limits, respect_robots: bool, for_mining: bool = False
    ) -> tuple[Reply, float]:
        """One request in its host's turn; also the seconds that it took, waiting apart."""
        name = host_of(ask.url)
        if not _is_web_address(ask.url) or not name:
            return self._unsent(ask, Fetched.REFUSED, "not a well-formed http or https address"), 0.0
        host = self._host(name)
        async with host.turn:
            if (stopped := self._stopped(host, ask)) is not None:
                return stopped, 0.0
            if respect_robots:
                verdict = await self._robots_verdict(host, ask.url)
                if (stopped := self._stopped(host, ask)) is not None:
                    return stopped, 0.0
                if not verdict.allowed:
                    refused = Fetched.NO_ROBOTS if verdict.for_now else Fetched.DISALLOWED
                    return self._unsent(ask, refused, verdict.reason), 0.0
            if for_mining and (await self._mining_rules(host, ask.url)).reserve(ask.url):
                return self._unsent(ask, Fetched.DISALLOWED, "the site's tdmrep.json reserves it from text mining"), 0.0
            await self._wait_for_gap(host, ask.url)
            begin = monotonic()
            reply = await self._send(host, ask, limits)
            return reply, monotonic() - begin

    async def _send(self, host: _Host, ask: Ask, limits: Limits) -> Reply:
        try:
            reply = await send(self._client, ask, limits, self._clock())
        finally:
            host.last_end = monotonic()
        if reply.retry_after is not None or reply.status == 429:
            until = reply.retry_after or self._clock() + RETRY_UNSTATED
            host.facts = replace(host.facts, retry_after=until)
            reply = replace(reply, retry_after=until)
        if reply.outcome in _CLOSED:
            host.closed = reply
        return reply

    async def _robots_verdict(self, host: _Host, url: str) -> Verdict:
        if not host.facts.robots_are_fresh(self._clock()):
            await self._fetch_robots(host, f"{origin_of(url)}/robots.txt")
            host.rules = None
        if host.rules is None:
            host.rules = RobotsRules(host.facts, self._product)
        return host.rules.verdict(url)

    async def _fetch_robots(self, host: _Host, url: str) -> None:
        """Ask for robots.txt within the host's turn; redirects go to the same or another host's own turn."""
        await self._wait_for_gap(host, url)
        ask = Ask(url, "text/plain, */*;q=0.5", ROBOTS_BYTES, keep_cut=True)
        reply = await self._send(host, ask, self._limits)
        target = redirect_target(reply)
        for _ in range(self._limits.redirects):
            if target is None:
                break
            if host_of(target) == host_of(url):
                await self._wait_for_gap(host, url)
                reply = await self._send(host, replace(ask, url=target), self._limits)
            else:  # another host's turn can't be waited for here: two hosts might wait for each other
                other = _Host(HostFacts(), asyncio.Lock())
                reply = await self._send(other, replace(ask, url=target), self._limits)
            target = redirect_target(reply)
        self._robots_replies.append(replace(reply, url=url))
        if reply.status is None:  # not a word from the host: shut for this run (RFC 9309, 2.3.1.4)
            if reply.outcome not in _CLOSED:  # which speak of the host itself
                reply = replace(reply, detail=f"robots.txt: {reply.detail}")
            host.closed = reply
            return
        if target is not None:  # redirected without end: as if there were none (RFC 9309, 2.3.1.2)
            status, text = 404, None
        else:
            status = reply.status
            text = reply.body.decode("utf-8-sig", "replace").replace("\x00", "") if status < 300 else None
        host.facts = replace(host.facts, robots=text, robots_status=status, robots_fetched_at=self._clock())

    async def _mining_rules(self, host: _Host, url: str) -> MiningRules:
        """What the host reserves from text mining; nothing where it does not say. Within the host's turn."""
        if host.mining is None:
            place = f"{origin_of(url)}/.well-known/tdmrep.json"
            await self._wait_for_gap(host, place)
            reply = await self._send(host, Ask(place, "application/json, */*;q=0.5", ROBOTS_BYTES), self._limits)
            self._robots_replies.append(reply)
            host.mining = mining_rules(reply.body if reply.outcome is Fetched.OK else b"")
        return host.mining

    async def _wait_for_gap(self, host: _Host, url: str) -> None:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        gap = 0.0 if self._network.allows(parts.hostname or "", port) else self._gap
        if host.rules is not None:
            gap = max(gap, host.rules.delay_seconds)
        if host.last_end is not None and (wait := host.last_end + gap - monotonic()) > 0:
            await asyncio.sleep(wait)

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(self._known.get(name, HostFacts()), asyncio.Lock())
        return host

    def _stopped(self, host: _Host, ask: Ask) -> Reply | None:
        """Why nothing is asked of the host now, if so."""
        if host.closed is not None:
            return self._unsent(ask, host.closed.outcome, host.closed.detail)
        until = host.facts.retry_after
        if until is not None and self._clock() < until:
            detail = f"the host asked to be left alone until {until:%Y-%m-%d %H:%M} UTC"
            return replace(self._unsent(ask, Fetched.DEFERRED, detail), retry_after=until)
        return None

    def _unsent(self, ask: Ask, outcome: Fetched, detail: str) -> Reply:
        return Reply(ask.url, outcome, self._clock(), 0.0, detail=detail, requests=0)


def _is_web_address(url: str) -> bool:
    try:
        return httpx.URL(url).scheme in {"http", "https"}
    except (httpx.InvalidURL, ValueError):
        return False
