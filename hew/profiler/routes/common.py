"""What the routes share: the reader behind them, JSON answers, the limit of long profiles."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException

from hew.profiler.cpu import Recorder
from hew.profiler.history import History
from hew.profiler.models import ErrorBody
from hew.profiler.reader import Reader, Rows
from hew.profiler.routes.large import PLACES, disconnected
from hew.profiler.watch import Board

MAX_PROFILES: Final = 4  # that take time, at once

_encoder: Final = msgspec.json.Encoder()


def _digits(text: object) -> object:
    """Only what the contract calls a number: no blanks, `+1`, `1_0` or `1.0`, which pydantic would read."""
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,17}", text):
        raise PydanticCustomError("digits", "an integer in decimal digits")
    return text


DIGITS: Final = BeforeValidator(_digits)  # stands behind the bounds, which the description of the API shows


@dataclass(slots=True)
class ProfileLimit:
    """Counts the profiles that wait."""

    running: int = 0

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the places, or a refusal."""
        if self.running >= MAX_PROFILES:
            raise problem(429, f"{MAX_PROFILES} profiles are being taken; try again when one has ended")
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


@dataclass(frozen=True, slots=True)
class Served:
    """What the application serves from."""

    reader: Reader
    history: History
    guarded: bool
    profiles: ProfileLimit = field(default_factory=ProfileLimit)
    board: Board = field(default_factory=Board)
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PLACES))
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recorder", Recorder(self.reader.samples))


async def _served(request: Request) -> Served:
    served = request.app.state.served
    assert isinstance(served, Served)
    return served


# Dependencies are async: FastAPI would run plain functions on a pool of threads.
Source = Annotated[Served, Depends(_served)]


def json_response(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Encoded by msgspec: a thousand rows in under a millisecond."""
    return Response(_encoder.encode(value), status, dict(headers or {}), "application/json")


def json_rows(rows: Rows) -> Iterator[bytes]:
    """An array, piece by piece."""
    before = b"["
    for piece in rows.pieces():
        yield before + _encoder.encode(piece)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"


def text_response(text: str, *, media_type: str = "text/plain; charset=utf-8") -> Response:
    """UTF-8 text, of exactly that media type."""
    response = Response(text.encode("utf-8", "replace"))
    response.headers["content-type"] = media_type
    return response


def problem(status: int, text: str) -> HTTPException:
    """An error to raise, with a sentence."""
    error = HTTPException(status)
    error.detail = ErrorBody(text)  # type: ignore[assignment]
    return error


def answers(model: Any) -> dict[str, Any]:
    """The OpenAPI description of an answer, made from the msgspec shape."""
    schema = _inlined(msgspec.json.schema(model))
    return _described({"application/json": {"schema": schema}}, _error_in_json())


def sends(*media_types: str, plain_errors: bool = False) -> dict[str, Any]:
    """The OpenAPI description of an answer that is no JSON. `plain_errors`: as below /debug/pprof/."""
    content = {each: {"schema": {"type": "string"}} for each in media_types}
    return _described(content, {"text/plain": {"schema": {"type": "string"}}} if plain_errors else _error_in_json())


def _described(content: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    responses = {
        "200": {"description": "OK", "content": content},
        "4XX": {"description": "Refused", "content": error},
    }
    return {"responses": responses}


def also(description: dict[str, Any], status: int, text: str, *, like: str = "4XX") -> dict[str, Any]:
    """`description` with one more status, of the shape of the status `like`."""
    responses = description["responses"]
    return {"responses": {**responses, str(status): {"description": text, "content": responses[like]["content"]}}}


def _error_in_json() -> dict[str, Any]:
    return {"application/json": {"schema": _inlined(msgspec.json.schema(ErrorBody))}}


def _inlined(schema: dict[str, Any]) -> Any:
    """Without $ref: every shape here is one level deep."""
    definitions = schema.pop("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return walk(definitions[node["$ref"].rpartition("/")[2]])
            return {key: walk(value) for key, value in node.items()}
        return [walk(value) for value in node] if isinstance(node, list) else node

    return walk(schema)


async def wait_or_leave(request: Request, seconds: int) -> None:
    """Wait, but not for a client that has gone."""
    gone = asyncio.ensure_future(disconnected(request.receive))
    try:
        await asyncio.wait_for(asyncio.shield(gone), seconds)
    except TimeoutError:
        return
    finally:
        gone.cancel()
    raise problem(499, "the client has gone")
