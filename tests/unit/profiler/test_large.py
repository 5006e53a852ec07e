"""Large answers: made in steps and sent in pieces, a bounded number at once, while others are answered."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI

from hew.profiler.app import make_app
from hew.profiler.history import History
from hew.profiler.reader import PIECE, Reader
from hew.profiler.routes.large import PLACES, SMALL
from hew.profiler.security import Message
from tests.support.profiler_fakes import FakeCounters, FakeInspect, FakeProgram, many_actors

MANY = 9_999  # the most that the heap profile shows one by one, but one


def app_with(actors: int) -> FastAPI:
    reader = Reader(FakeCounters(), FakeInspect(many_actors(actors)), FakeProgram())
    return make_app(reader, History(), guarded=True)


class Client:
    """Asks the application without a server between, and keeps what is sent."""

    def __init__(self, app: FastAPI, path: str, query: str = "") -> None:
        self.app = app
        self.path = path
        self.query = query
        self.sent: list[Message] = []
        self.reads = asyncio.Event()  # cleared: what is sent to it must wait
        self.reads.set()
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        await self.reads.wait()

    async def ask(self) -> None:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": [],
            "client": None,
            "server": None,
        }
        await self.app(scope, self.receive, self.send)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def whole(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body") and len(self.sent) > 1


LARGE = (
    ("/api/actors", ""),
    ("/debug/pprof/profile", ""),
    ("/debug/pprof/heap", ""),
    ("/debug/pprof/actors", f"limit={MANY}"),
)


@pytest.mark.parametrize(("path", "query"), LARGE)
def test_others_are_answered_while_a_large_answer_is_made(path: str, query: str) -> None:
    async def both() -> None:
        app = app_with(MANY)
        large, small = Client(app, path, query), Client(app, "/healthz")
        asking = asyncio.create_task(large.ask())
        await small.ask()
        assert small.sent[0]["status"] == 200
        assert not large.whole
        await asking
        assert large.sent[0]["status"] == 200
        assert large.whole

    asyncio.run(both())


def test_only_so_many_are_under_way_at_once_and_the_next_ones_have_their_turn() -> None:
    async def many() -> None:
        app = app_with(3 * PIECE)
        clients = [Client(app, "/api/actors") for _ in range(PLACES + 2)]
        for client in clients:
            client.reads.clear()
        asking = [asyncio.create_task(client.ask()) for client in clients]
        small = Client(app, "/healthz")
        while sum(bool(client.sent) for client in clients) < PLACES:
            await small.ask()
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert [bool(client.sent) for client in clients] == [True] * PLACES + [False] * 2
        clients[0].left.set()  # one goes away, the others read on
        for client in clients:
            client.reads.set()
        await asyncio.gather(*asking)
        assert [client.whole for client in clients[1:]] == [True] * (len(clients) - 1)

    asyncio.run(many())


def test_a_client_that_leaves_is_sent_no_more() -> None:
    async def leaves() -> None:
        client = Client(app_with(100 * PIECE), "/api/actors")
        asking = asyncio.create_task(client.ask())
        while len(client.sent) < 3:
            await asyncio.sleep(0)
        client.left.set()
        await asking
        assert len(client.sent) < 10

    asyncio.run(leaves())


@pytest.mark.parametrize("count", [0, 1, 2, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_pieces_make_one_array(count: int) -> None:
    client = Client(app_with(count), "/api/actors", "sort=id&order=asc")
    asyncio.run(client.ask())
    assert [row["id"] for row in json.loads(client.body)] == list(range(1, count + 1))
    assert client.headers[b"x-total-count"] == b"%d" % count
    assert client.headers.get(b"content-length") == (b"%d" % len(client.body) if len(client.body) < SMALL else None)
