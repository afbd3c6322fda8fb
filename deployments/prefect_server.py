"""The Prefect server behind a filter that keeps web pages of other sites away from it.

Prefect answers every origin, asks no password by default and checks no Host header: any page that a person has open
could start runs, change deployments and so run commands. `culture-monitor start` and `compose.yaml` therefore serve
Prefect's application through `RequestFilter`, as `python -m deployments.prefect_server`.
"""

import argparse
import base64
import json
import re
from collections.abc import Iterable
from typing import Any

import uvicorn
from prefect.server.api.collections import KNOWN_VIEWS
from prefect.server.api.server import create_app
from prefect.utilities.schema_tools.hydration import (
    HydrationContext,
    HydrationError,
    InvalidJinja,
    InvalidJSON,
    handler,
    jinja_handler,
    json_handler,
)
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.prefect_environment import names_of, origins_of
from models.private_files import keep_private
from models.settings import load_settings

_READS = ("GET", "HEAD", "OPTIONS")
MAX_BODY = 20_000_000  # bytes; Prefect's own clients send logs in parts of 4 MB
# Levels of nesting that may stand around a text of JSON within a body, so that both together can be listed.
LEVELS_ABOVE = 150
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/?#@\[\]\\,]+))(?::(\d{0,5}))?", re.IGNORECASE)
_ANY_JSON: TypeAdapter[Any] = TypeAdapter(Any)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def content_security_policy(origins: Iterable[str]) -> str:
    """What pages of the UI may load and call: this server alone, under each of its names. No word to third parties.

    The UI sets styles in its markup and keeps some icons and fonts as data.
    """
    called = " ".join(sorted({*origins, *(origin.replace("http", "ws", 1) for origin in origins)}))
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src 'self' {called}".strip(),
            "script-src 'self' 'wasm-unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class RequestFilter:
    """Lets through what this server's own pages, and programs that are no web page, ask of it.

    - Host must be one of the server's names, else a name that is made to lead here could read and change everything.
    - Origin must be absent (a program) or one of the server's origins, for reading too: no other site is answered.
    - What changes something must be JSON: pages of other sites can send that only after asking, and are refused then.
    - That JSON must be such as can be written again: Prefect stores half a letter or endless nesting, fails from then on
      whenever it lists what holds it, and no run starts any more.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(names)
        self._origins = frozenset(origins)
        self._policy = content_security_policy(self._origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is None and scope["type"] == "http" and scope["method"] not in _READS:
            body = await _whole(receive)
            problem, receive = _problem_of(body), _again(body, receive)
        if problem is None:
            await self._app(scope, receive, self._with_headers(send) if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem[1]})
        else:
            status, reason = problem
            await PlainTextResponse(reason + "\n", status)(scope, receive, self._with_headers(send))

    def _problem(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason with which a request is refused; None where it is let through."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or _name_of(hosts[0]) not in self._names:
            return 421, "This server does not answer under that name. CULTURE_PREFECT_ADDRESSES lists further ones."
        if any(origin.lower() not in self._origins for origin in origins):
            return 403, "Pages of other sites may not call this server. CULTURE_PREFECT_ADDRESSES lists those that may."
        if scope["type"] == "http" and scope["method"] not in _READS and not _is_json(headers):
            return 415, "Send JSON, with the header 'Content-Type: application/json'."
        if not all(map(_may_be_login, headers.getlist("authorization"))):
            return 401, "That is no login."
        return None

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = self._policy
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        return send_with_headers


def _name_of(host: str) -> str | None:
    """The name in a Host header, without its port; None where there is none that is well formed."""
    found = _HOST.fullmatch(host)
    if found is None or int(found[3] or 0) > 65535:
        return None
    return (found[1] or found[2]).lower()


def _is_json(headers: Headers) -> bool:
    """Whether a body is JSON; without a body no type is needed, but another one is refused even then."""
    kinds = headers.getlist("content-type")
    if not kinds:
        return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return len(kinds) == 1 and kinds[0].partition(";")[0].strip().lower() == "application/json"


def _may_be_login(header: str) -> bool:
    """Whether a login is in ASCII, as every one that is set: over another Prefect fails, with a traceback in its log."""
    scheme, _, given = header.partition(" ")
    try:
        return scheme.lower() != "basic" or base64.b64decode(given).isascii()
    except ValueError:
        return False


async def _whole(receive: Receive) -> bytes:
    """The body of a request, without its end where that is too long or the caller hung up.

    Whoever asked has not signed in so far.
    """
    body = bytearray()
    while len(body) <= MAX_BODY and (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then what comes."""
    held: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return held.pop() if held else await receive()

    return receive_again


def _problem_of(body: bytes) -> tuple[int, str] | None:
    """The status and the reason with which a body is refused; None where there is none, or it can be written again."""
    if len(body) > MAX_BODY:
        return 413, f"That is longer than {MAX_BODY:,} bytes."
    try:
        if body:
            _ANY_JSON.validate_json(body)
    except ValidationError as error:
        return 400, f"That is no JSON that can be kept: {error.errors(include_input=False)[0]['msg']}."
    return None


@handler("json")
def _read_json(given: dict[str, Any], context: HydrationContext) -> Any:
    """What a field of a form is whose value was written as JSON: a text within the body, read by Prefect after the filter."""
    return _kept(json_handler(given, context), InvalidJSON)


@handler("jinja")
def _read_template(given: dict[str, Any], context: HydrationContext) -> Any:
    """The same of a field whose value is a template."""
    return _kept(jinja_handler(given, context), InvalidJinja)


def _kept(value: Any, error: type[HydrationError]) -> Any:
    """A value that can be written again, or an error with the reason."""
    try:
        written = json.dumps(value)
    except TypeError:  # an error or a mark of Prefect's own
        return value
    except RecursionError:
        return error(detail="too many levels")
    problem = _problem_of(f"{'[' * LEVELS_ABOVE}{written}{']' * LEVELS_ABOVE}".encode())
    return value if problem is None else error(detail=problem[1])


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m deployments.prefect_server", description=__doc__)
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", required=True, type=int, help="port to listen on")
    parser.add_argument("--no-services", action="store_true", help="without the background services")
    given = parser.parse_args()
    keep_private()
    settings = load_settings(prefect_host=given.host)
    # Kinds of workers and blocks: Prefect asks GitHub for the newest list, and takes its own where it gets none.
    KNOWN_VIEWS.update(dict.fromkeys(KNOWN_VIEWS, "none"))
    app = RequestFilter(
        create_app(final=True, webserver_only=given.no_services), names_of(settings), origins_of(settings, given.port)
    )
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
