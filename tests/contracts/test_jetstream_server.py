"""The local Jetstream keeps the wire's rules, as an ordinary client sees them."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.contracts.jetstream_server import Jetstream, account, jetstream, post

LIKE = {
    "did": "did:plc:aaa", "time_us": 2_500, "kind": "commit",
    "commit": {"rev": "1", "operation": "create", "collection": "app.bsky.feed.like", "rkey": "1", "record": {}},
}  # fmt: skip


async def receive(socket: ClientConnection, within_s: float = 0.3) -> list[int]:
    times = []
    try:
        while True:
            async with asyncio.timeout(within_s):
                times.append(json.loads(await socket.recv())["time_us"])
    except TimeoutError:
        return times


def url(server: Jetstream, **query: object) -> str:
    return f"{server.host}/subscribe?wantedCollections=app.bsky.feed.post" + "".join(
        f"&{k}={v}" for k, v in query.items()
    )


async def test_cursor_is_inclusive_replays_then_goes_live_and_filters_commits_only() -> None:
    async with jetstream() as server:
        await server.add(post(1_000, "a"), post(2_000, "b"), LIKE, account(3_000, "did:plc:zzz", "deleted"))
        async with connect(url(server, cursor=2_000)) as socket:
            assert await receive(socket) == [2_000, 3_000]
            await server.add(post(4_000, "c"))
            assert await receive(socket) == [4_000]


async def test_no_cursor_and_a_future_cursor_start_live_and_a_too_old_one_is_clamped() -> None:
    async with jetstream(oldest_us=2_000) as server:
        await server.add(post(1_000, "a"), post(2_000, "b"))
        for query, expected in (({}, []), ({"cursor": 9_000}, []), ({"cursor": 1}, [2_000])):
            async with connect(url(server, **query)) as socket:
                assert await receive(socket) == expected


async def test_it_drops_stalls_and_refuses() -> None:
    async with jetstream(drop_after=1) as server:
        await server.add(post(1_000, "a"), post(2_000, "b"))
        async with connect(url(server, cursor=1)) as socket:
            await socket.recv()
            with pytest.raises(ConnectionClosedError) as closed:
                await socket.recv()
            assert closed.value.rcvd is None  # 1006: no closing handshake
        server.stalled = True
        async with connect(url(server, cursor=1)) as socket:
            assert await receive(socket, within_s=1.2) == []
            assert socket.close_code is None  # open, and pings are answered
        with pytest.raises(InvalidStatus) as refused:
            await connect(url(server, cursor="yesterday"))
        assert refused.value.response.status_code == 400
        server.refuse = True
        with pytest.raises(InvalidStatus):
            await connect(url(server))
