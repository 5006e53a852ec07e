"""Answers that may be large: made in steps and sent in pieces, so that other requests are answered in between.

At most PLACES of them are under way at once; the next ones wait for a place until their time is over. So the memory
that they take is bounded: a list of the core's rows each, and a piece of the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hew.steps import Run, Steps

PLACES: Final = 4
SMALL: Final = 16 * 1024  # bytes; an answer of fewer is sent in one go, with its length

T = TypeVar("T")


async def in_turns(steps: Steps[T]) -> T:
    """The result; other requests have their turn between the steps."""
    run = Run(steps)
    for _ in run:
        await asyncio.sleep(0)
    return run.result


@dataclass(slots=True)
class Pieces:
    """An answer in the making: what is known of it at once, and its body."""

    body: Iterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class LargeResponse(Response):
    """Prepared and sent while it holds a place. A small one has its length in its head, others are chunked."""

    def __init__(self, places: asyncio.Semaphore, prepare: Callable[[], Awaitable[Pieces]]) -> None:
        super().__init__()
        self._places = places
        self._prepare = prepare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            async with self._places:
                if not gone.done():
                    await self._send(await self._prepare(), send, gone)
        finally:
            gone.cancel()

    async def _send(self, pieces: Pieces, send: Send, gone: "asyncio.Future[None]") -> None:
        begun = bytearray()
        for piece in pieces.body:
            begun += piece
            if len(begun) >= SMALL:
                break
        whole = len(begun) < SMALL
        headers = {**pieces.headers, "content-type": pieces.media_type}
        if whole:
            headers["content-length"] = str(len(begun))
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": bytes(begun), "more_body": not whole})
        if whole:
            return
        for piece in pieces.body:
            await asyncio.sleep(0)
            if gone.done():
                break
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def disconnected(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        continue
