"""The FastAPI application: routers, and errors in the API's own shape. Imported in the profiler process only."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

import hew
from hew.profiler.history import History
from hew.profiler.models import ErrorBody
from hew.profiler.reader import Reader
from hew.profiler.routes import actors, debug, docs, findings, handlers, health, memory, metrics, page, prometheus
from hew.profiler.routes import history as history_routes
from hew.profiler.routes.common import ProfileLimit, Served
from hew.profiler.security import MAX_ECHO, error_response
from hew.profiler.watch import Board

# Each route describes its own refusals; this keeps FastAPI from describing its own shape of them.
REFUSED: Final[dict[int | str, dict[str, Any]]] = {"4XX": {"description": "Refused"}}


def make_app(reader: Reader, history: History, *, guarded: bool, board: Board | None = None) -> FastAPI:
    """All routes over one reader. `guarded`: a token or a unix socket keeps strangers out. `board`: of findings."""
    app = FastAPI(
        title="hew profiler",
        version=hew.__version__,
        docs_url=None,  # FastAPI's pages load scripts from other hosts; ours is in routes/docs.py
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: _http_error,
            RequestValidationError: _invalid_parameter,
        },
    )
    app.state.served = Served(reader, history, guarded, ProfileLimit(), board or Board())
    for module in (page, metrics, history_routes, actors, handlers, memory, findings, health, prometheus, debug, docs):
        app.include_router(module.router, default_response_class=Response, responses=REFUSED)
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = error.detail if isinstance(error.detail, ErrorBody) else ErrorBody(_sentence(error))
    return _answer(request, error.status_code, body, error.headers or {})


def _sentence(error: HTTPException) -> str:
    return "there is nothing at this path" if error.status_code == 404 else str(error.detail)


async def _invalid_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    body = ErrorBody(
        "bad value of a parameter",
        parameter=str(first["loc"][-1]),
        value=str(first.get("input"))[:MAX_ECHO],
        allowed=_allowed(first),
    )
    return _answer(request, 422, body, {})


def _allowed(problem: dict[str, Any]) -> str | list[str]:
    """What pydantic expected: the words of a choice, or its sentence."""
    expected = problem.get("ctx", {}).get("expected")
    if isinstance(expected, str) and "'" in expected:
        return _words(expected.split("'")[1::2])
    return str(problem["msg"])


def _words(words: Sequence[str]) -> list[str]:
    return list(words)


def _answer(request: Request, status: int, body: ErrorBody, headers: Any) -> Response:
    raw, data = error_response(request.url.path, body)
    response = Response(data, status_code=status, headers=dict(headers))
    for name, value in raw:
        response.headers[name.decode()] = value.decode()
    return response
