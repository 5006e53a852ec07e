"""/debug/pprof/: profiles in the formats of other tools, at the paths that Go's tool knows."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from hew.actors import ActorQuery, State
from hew.profiler.cpu import DEFAULT_HZ, GLANCE_HZ, GLANCE_SECONDS, MAX_HZ, Stack
from hew.profiler.exports import cpu, dump, flat, pprof
from hew.profiler.reader import MAX_ROWS
from hew.profiler.routes.common import DIGITS, Served, Source, also, problem, sends, text_response, wait_or_leave
from hew.profiler.routes.large import LargeResponse, Pieces, in_turns
from hew.profiler.security import MAX_PROFILE_SECONDS

router = APIRouter()

PROFILE: Final = "application/octet-stream"
PLAIN: Final = "text/plain; charset=utf-8"
TEXT: Final = sends("text/plain", plain_errors=True)

PROFILE_OR_TEXT: Final = also(
    sends(PROFILE, "text/plain", plain_errors=True), 503, "The program's memory cannot be written to: no samples"
)
DEFAULT_SECONDS: Final = 30

Hz = Annotated[int, Query(ge=1, le=MAX_HZ), DIGITS]
Seconds = Annotated[int | None, Query(ge=1, le=MAX_PROFILE_SECONDS), DIGITS]

INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>/debug/pprof/</title></head><body>
<h1>/debug/pprof/</h1>
<p>Profiles of this program, for <code>go tool pprof</code> and for people.</p>
<ul>
<li><a href="heap">heap</a>: messages and bytes by actor (<a href="heap?debug=1">as text</a>); also <a
href="heap?by=type">by type</a>, and <code>?seconds=N</code> for what changes in N seconds</li>
<li><a href="allocs">allocs</a>: the same as heap</li>
<li><a href="profile">profile</a>: the flat profile, time by actor (<a href="profile?types=1">with types</a>)</li>
<li><a href="cpu?seconds=10">cpu</a>: what the workers execute, by line of the program, for <code>?seconds=N</code>
(30) at <code>?hz=</code> (100) samples a second; also <code>profile?seconds=N</code>, and <a
href="cpu?seconds=10&amp;debug=1">as text</a></li>
<li><a href="actors?debug=2">actors</a>: what each actor does or waits for, and where in the program</li>
<li><a href="cmdline">cmdline</a>: the program's name</li>
</ul></body></html>
"""


@router.get("/debug/pprof", include_in_schema=False)
@router.get("/debug/pprof/", openapi_extra=sends("text/html", plain_errors=True))
async def index() -> Response:
    """What there is."""
    return text_response(INDEX, media_type="text/html; charset=utf-8")


@router.get("/debug/pprof/heap", openapi_extra=sends(PROFILE, "text/plain", plain_errors=True))
@router.get("/debug/pprof/allocs", openapi_extra=sends(PROFILE, "text/plain", plain_errors=True))
async def heap(
    request: Request,
    source: Source,
    seconds: Seconds = None,
    debug: Annotated[int, Query(ge=0, le=2), DIGITS] = 0,
    by: Literal["actor", "type"] = "actor",
) -> Response:
    """Messages and bytes by actor, as gzip'd profile.proto; the difference over `seconds`; text with `debug`."""
    kept = pprof.TOP_BY_TYPE if by == "type" else None
    async with source.profiles.place() if seconds is not None else contextlib.nullcontext():
        async with source.large:
            taken = await in_turns(pprof.take(source.reader, keep=kept))
        if seconds is not None:
            await wait_or_leave(request, seconds)
            async with source.large:
                taken = pprof.difference(await in_turns(pprof.take(source.reader, keep=kept)), taken)
    if debug:
        return text_response(pprof.as_text(taken))
    async with source.large:
        data = await in_turns(pprof.encode(taken, source.reader.program, duration_ns=(seconds or 0) * 1_000_000_000))
    headers = {"content-disposition": 'attachment; filename="heap.pb.gz"'}
    return Response(data, headers=headers, media_type=PROFILE)


@router.get("/debug/pprof/profile", openapi_extra=PROFILE_OR_TEXT)
async def profile(
    request: Request, source: Source, seconds: Seconds = None, hz: Hz = DEFAULT_HZ, types: Literal["0", "1"] = "0"
) -> Response:
    """The flat profile: time by actor, most first, then the mailboxes. With `seconds`, a CPU profile."""
    if seconds is not None:
        return await _cpu(request, source, seconds, hz)
    return LargeResponse(source.large, partial(_flat, source, types == "1"))


async def _flat(source: Served, types: bool) -> Pieces:
    return _text(flat.render(await in_turns(source.reader.snapshot(sort="time_ns")), types=types))


def _text(pieces: Iterator[str]) -> Pieces:
    return Pieces((piece.encode("utf-8", "replace") for piece in pieces), PLAIN)


@router.get("/debug/pprof/cpu", openapi_extra=PROFILE_OR_TEXT)
async def cpu_profile(
    request: Request,
    source: Source,
    seconds: Seconds = None,
    hz: Hz = DEFAULT_HZ,
    debug: Annotated[int, Query(ge=0, le=2), DIGITS] = 0,
) -> Response:
    """What the workers execute for `seconds` (30), as gzip'd profile.proto; folded stacks with `debug`."""
    return await _cpu(request, source, seconds or DEFAULT_SECONDS, hz, text=bool(debug))


async def _cpu(request: Request, source: Served, seconds: int, hz: int, *, text: bool = False) -> Response:
    started = time.monotonic_ns()
    try:
        async with source.profiles.place():
            with source.recorder.record(hz) as recording:
                await wait_or_leave(request, seconds)
    except OSError as error:
        raise problem(503, f"the program cannot be asked for samples: {error.strerror}") from error
    duration_ns = time.monotonic_ns() - started
    symbolizer = source.reader.symbolizer()
    if text:
        return text_response(await in_turns(cpu.as_text(recording, symbolizer)))
    data = await in_turns(cpu.encode(recording, source.reader.program, symbolizer, duration_ns=duration_ns))
    headers = {"content-disposition": 'attachment; filename="cpu.pb.gz"'}
    return Response(data, headers=headers, media_type=PROFILE)


class DumpParameters(BaseModel):
    """The query string; what is not named here is ignored."""

    debug: Annotated[int, Field(ge=1, le=2), DIGITS] = 2
    limit: Annotated[int, Field(ge=0, le=MAX_ROWS), DIGITS] = 10_000
    type: Annotated[str | None, Field(max_length=1000)] = None
    state: State | None = None


@router.get("/debug/pprof/actors", openapi_extra=TEXT)
async def actors(source: Source, parameters: Annotated[DumpParameters, Query()]) -> Response:
    """Every actor, `main` first: its state, what it waits for and since when, and where in the program it is."""
    query = ActorQuery(
        sort="id",
        descending=False,
        limit=parameters.limit,
        type_name=parameters.type,
        state=parameters.state,
        include_main=True,
    )
    return LargeResponse(source.large, partial(_dump, source, query))


async def _dump(source: Served, query: ActorQuery) -> Pieces:
    reader = source.reader
    running: Mapping[int, Stack] = {}
    if reader.metrics().active_workers:
        with contextlib.suppress(OSError), source.recorder.record(GLANCE_HZ) as recording:
            await asyncio.sleep(GLANCE_SECONDS)
            running = recording.last
    found, total = await in_turns(reader.whereabouts(query))
    return _text(dump.render(found, total, reader.where, reader.program, reader.symbolizer(), running))


@router.get("/debug/pprof/cmdline", openapi_extra=TEXT)
async def cmdline(source: Source) -> Response:
    """The program's base name; never its arguments."""
    return text_response(source.reader.program.name)


@router.get("/debug/pprof/symbol", openapi_extra=TEXT)
@router.post("/debug/pprof/symbol", openapi_extra=TEXT)
async def symbol() -> Response:
    """Go's tool asks whether addresses can be named here: profiles carry their names already."""
    return text_response("num_symbols: 0\n")
