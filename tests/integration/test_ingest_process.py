"""Ingest as a process: how it starts, stops, refuses to start, and what it weighs."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.contracts.jetstream_server import jetstream, post
from tests.integration.ingest_running import API_KEY, AUTHOR_KEY, environment, start_process, until_open, written

HEADERS = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/x-ndjson"}


def lines(name: str, count: int) -> bytes:
    texts = (
        f"Bel 06-12345678 of mail jan@x.nl: knoflook nummer {i} geneest kanker, volgens @piet" for i in range(count)
    )
    return b"\n".join(
        json.dumps({"id": f"{name}{i}", "text": text, "author": f"jan{i}"}).encode() for i, text in enumerate(texts)
    )


async def test_it_works_within_300_mb_and_stops_within_10_s_with_nothing_lost(kafka: str, tmp_path: Path) -> None:
    async with jetstream() as server:
        variables = environment(kafka, tmp_path, sources="http,jetstream", jetstream_hosts=server.host)
        async with written(kafka) as seen, httpx.AsyncClient(timeout=60, headers=HEADERS) as http:
            process = await start_process(variables)
            url = f"http://127.0.0.1:{variables['MYTHWATCH_INGEST_HTTP_PORT']}/v1/posts"
            watch = f"http://127.0.0.1:{variables['MYTHWATCH_INGEST_METRICS_PORT']}"
            try:
                await until_open(int(variables["MYTHWATCH_INGEST_HTTP_PORT"]))
                deadline = time.monotonic() + 20
                while (await http.get(f"{watch}/readyz")).status_code != 200:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.1)
                answer = await http.post(url, content=lines("big", 12_000))
                assert answer.json()["accepted"] == 12_000
                weight = psutil.Process(process.pid).memory_info().rss / 1e6
                assert weight < 300, f"{weight:.0f} MB"
                metrics = (await http.get(f"{watch}/metrics")).text
                assert 'mythwatch_source_events_total{outcome="accepted",source="http"} 12000.0' in metrics
                assert 'mythwatch_source_connected{source="jetstream"} 1.0' in metrics
                assert 'mythwatch_ingest_http_requests_total{status="202"} 1.0' in metrics
                in_flight = [asyncio.create_task(http.post(url, content=lines(f"last{i}x", 500))) for i in range(4)]
                await server.add(*[post(time.time_ns() // 1000, f"process{i}{time.time_ns()}") for i in range(300)])
                await asyncio.sleep(0.15)
                started = time.monotonic()
                process.send_signal(signal.SIGTERM)
                out, err = await asyncio.wait_for(process.communicate(), 10)
                assert time.monotonic() - started < 10
            finally:
                if process.returncode is None:
                    process.kill()
            assert process.returncode == 0, err.decode()
            answered = [
                f"http:last{i}x{n}" for i, task in enumerate(in_flight) if not (await _failed(task)) for n in range(500)
            ]
            # Whatever was answered with 202 is on Kafka.
            await seen.until(lambda s: set(answered) <= set(s.ids) and len(set(s.ids)) >= 12_000 + len(answered), 30)
    said = (out + err).decode()
    for secret in (API_KEY, AUTHOR_KEY, "knoflook", "jan1"):
        assert secret not in said
    assert all(json.loads(line)["action"] for line in err.decode().splitlines())


async def _failed(task: asyncio.Task[httpx.Response]) -> bool:
    try:
        return (await task).status_code != 202
    except httpx.TransportError:
        return True


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"MYTHWATCH_INGEST_AUTHOR_KEY": None}, "MYTHWATCH_INGEST_AUTHOR_KEY"),
        ({"MYTHWATCH_INGEST_API_KEY": None}, "MYTHWATCH_INGEST_API_KEY"),
        ({"MYTHWATCH_INGEST_SOURCES": "file"}, "MYTHWATCH_INGEST_FILE_PATH"),
        ({"MYTHWATCH_INGEST_LANGUAGES": "en,tlh"}, "MYTHWATCH_INGEST_LANGUAGES"),
        ({"MYTHWATCH_INGEST_SOURCE": "http"}, "did you mean MYTHWATCH_INGEST_SOURCES"),
    ],
)
async def test_a_wrong_setting_is_one_error_and_exit_2(
    kafka: str, tmp_path: Path, changes: dict[str, str | None], says: str
) -> None:
    variables = {**environment(kafka, tmp_path), **changes}
    process = await start_process({name: value for name, value in variables.items() if value is not None})
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert says in err.decode()
    assert "Traceback" not in err.decode()


async def test_a_taken_port_names_its_setting(kafka: str, tmp_path: Path) -> None:
    variables = environment(kafka, tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(variables["MYTHWATCH_INGEST_HTTP_PORT"])))
        taken.listen()
        process = await start_process(variables)
        _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert "MYTHWATCH_INGEST_HTTP_PORT" in err.decode()
    assert "Traceback" not in err.decode()


async def test_a_source_that_fails_does_not_stop_the_others(kafka: str, tmp_path: Path) -> None:
    variables = environment(kafka, tmp_path, sources="file,http", file_path=str(tmp_path / "none.ndjson"))
    process = await start_process(variables)
    try:
        await until_open(int(variables["MYTHWATCH_INGEST_HTTP_PORT"]))
        url = f"http://127.0.0.1:{variables['MYTHWATCH_INGEST_HTTP_PORT']}/v1/posts"
        async with httpx.AsyncClient(headers=HEADERS) as http:
            deadline = time.monotonic() + 20
            while (await http.post(url, content=lines("beside", 1))).status_code != 202:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)
            ready = await http.get(f"http://127.0.0.1:{variables['MYTHWATCH_INGEST_METRICS_PORT']}/readyz")
        assert "none.ndjson is not there" in ready.json()["waiting_for"]["source_file"]
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0


async def test_a_file_alone_is_read_and_then_the_service_ends(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "all.ndjson"
    name = f"alone{time.time_ns()}x"
    path.write_bytes(lines(name, 300))
    async with written(kafka) as seen:
        process = await start_process(environment(kafka, tmp_path, sources="file", file_path=str(path)))
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()
        await seen.until(lambda s: {f"file:{name}{i}" for i in range(300)} <= set(s.ids), 10)
