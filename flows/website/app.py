"""The web edition as an application: its addresses, and what an error looks like."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from flows.publishing.erasure import ForgetRuns
from flows.website import calendars, editions, leaving_and_suggesting, operators, pages, preferences, searching
from flows.website.guard import Guard, Limit
from flows.website.site import Site
from models.settings import Settings
from models.sources import Registry
from models.store.database import Database

PAGES_AT_ONCE = 8  # each with a connection of its own to the database
_WORDS = {
    404: ("There is nothing here", "The address is wrong, or what it led to has gone."),
    405: ("That is not possible", "Go back and use the page itself."),
}


def make_app(
    database: Database,
    registry: Registry,
    settings: Settings,
    now: Callable[[], datetime],
    forget_runs: ForgetRuns | None = None,
) -> ASGIApp:
    """The application on an open database; `forget_runs` deletes Prefect's runs that hold the address of who is erased."""
    own = settings.base_url or f"http://{settings.web_host}:{settings.web_port}"
    site = Site(database, registry, now, urlsplit(settings.base_url).path.rstrip("/"), own)
    app = Starlette(
        routes=[
            Route("/", editions.latest),
            Route("/index.html", editions.weeks),
            Route("/{week}.html", editions.one_week),
            Route("/themes", pages.themes),
            Route("/themes/{theme}", pages.theme),
            Route("/recommendations", pages.recommendations),
            Route("/organisations", pages.organisations),
            Route("/organisations/{organisation}", pages.organisation),
            Route("/stories/{story:int}", pages.story),
            Route("/stories/{story:int}/suggestion", leaving_and_suggesting.suggest, methods=["POST"]),
            Route("/search", searching.search),
            Route("/feed.atom", searching.feed),
            Route("/dates.ics", calendars.calendar),
            Route("/api/stories", searching.stories),
            Route("/stories.csv", searching.spreadsheet),
            Route("/sources", editions.sources),
            Route("/about", editions.about),
            Route("/unsubscribe/{token:path}", leaving_and_suggesting.unsubscribe, methods=["GET", "POST"]),
            Route("/preferences", preferences.no_token),
            Route("/preferences/{token:path}", preferences.preferences, methods=["GET", "POST"]),
            Route("/healthz", operators.healthz),
            Route("/metrics", operators.metrics),
            Route("/robots.txt", robots),
        ],
        exception_handlers={HTTPException: refused, Exception: broken},
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.site = site
    app.state.settings = settings
    app.state.forget_runs = forget_runs
    app.state.suggestions = Limit(leaving_and_suggesting.SUGGESTIONS_PER_HOUR, 3600)

    def error_page(scope: Scope, status: int, words: str) -> ASGIApp:
        return _error(Request({**scope, "app": app}), status, words)

    return Guard(app, settings, error_page)


def robots(request: Request) -> Response:
    """What search engines are asked: to leave it all alone."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def refused(request: Request, error: Exception) -> Response:
    """The page of an error that is the visitor's."""
    assert isinstance(error, HTTPException)
    told = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    answer = _error(request, error.status_code, told)
    answer.headers.update(error.headers or {})
    return answer


def broken(request: Request, error: Exception) -> Response:
    """The page of an error that is ours; the guard logs it."""
    if isinstance(error, SQLAlchemyError):
        return _error(request, 503, "This is not possible just now. Try again in some minutes.")
    return _error(request, 500, "Something is wrong here, and it is in the log.")


def _error(request: Request, status: int, words: str) -> Response:
    title, text = _WORDS.get(status, ("That is not possible", "Go back and try it another way."))
    site: Site = request.app.state.site
    return site.page(request, "empty.html", status=status, title=title, text=words or text, at="")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = PAGES_AT_ONCE
    yield
