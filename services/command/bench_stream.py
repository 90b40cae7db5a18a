"""The stream benchmark: latency at a steady rate, then throughput, then memory; and the plain pipeline on the same posts."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from services.command.bench_pipeline import yardstick
from services.command.bench_posts import firehose_posts
from services.command.demo import SAMPLE
from services.command.demo_processes import DemoProcesses
from services.command.demo_settings import DemoSettings
from services.command.demo_watch import SERVICES, DemoWatch, Seen
from services.command.machine import machine
from services.stream import events_pb2 as events

RATE = 50.0  # posts a second, for the latency figures
FIRST_PORT = 28_100
LINES_A_REQUEST = 250


def bench_stream(quick: bool) -> dict[str, Any]:
    """Every figure; the pipeline runs before the services start, so that neither disturbs the other."""
    latency_posts = sample_posts(300 if quick else 1_200)
    many = many_posts(600 if quick else 2_800)
    pipeline = yardstick([post["text"] for post in many][:: 8 if quick else 7])
    with tempfile.TemporaryDirectory() as folder:
        names = [name for name in DemoSettings.model_fields if name.endswith("_port")]
        ports = {name: FIRST_PORT + 2 * place for place, name in enumerate(names)}
        processes = DemoProcesses(DemoSettings(**ports), Path(folder) / "bench", live=False)
        processes.start_kafka()
        try:
            measured = asyncio.run(_measure(processes, latency_posts, many))
        finally:
            processes.stop()
    one_by_one, batched = pipeline["one_by_one"], pipeline["batches_of_32"]
    through = measured["throughput"]["posts_per_second"]
    return {
        "machine": machine(),
        **measured,
        "pipeline": {"posts_per_second_one_by_one": one_by_one, "posts_per_second_batches_of_32": batched},
        "ratios": {
            "stream_vs_pipeline_one_by_one": round(through / one_by_one, 2),
            "stream_vs_pipeline_batches_of_32": round(through / batched, 2),
        },
    }


async def _measure(processes: DemoProcesses, steady: list[Any], many: list[Any]) -> dict[str, Any]:
    from services.command.publish_myths import publish_built_in_myths
    from services.command.read_topics import read_to_end
    from services.stream.topic_admin import create_topics

    await create_topics(processes.kafka.bootstrap, 1)
    await publish_built_in_myths(processes.kafka.bootstrap)
    processes.start_services()
    watch = DemoWatch(processes)
    async with httpx.AsyncClient(timeout=60) as client:
        await _until(lambda: watch.all_ready, watch, client, 120)
        await _post(processes, client, steady, RATE)
        await _drained(watch, client, len(steady))
        verdicts = [
            events.ClaimVerdict.FromString(value)
            for value in await read_to_end(processes.kafka.bootstrap, ["verdicts"])
        ]
        to_verdict = [verdict.classified_ms - verdict.post.received_ms for verdict in verdicts if verdict.flag]
        to_alert = _histogram(watch.seen, "alert", "mythwatch_alert_seconds")
        memory = _memory()
        started = time.perf_counter()
        await _post(processes, client, many, 0)
        accepted = time.perf_counter() - started
        await _drained(watch, client, len(steady) + len(many))
        took = time.perf_counter() - started
        peak = {name: max(memory[name], now) for name, now in _memory().items()}
    return {
        "throughput": {
            "posts": len(many),
            "posts_per_second": round(len(many) / took, 1),
            "posts_per_second_into_kafka": round(len(many) / accepted, 1),
        },
        "latency_at_50_posts_per_second": {
            "posts": len(steady),
            "flagged": len(to_verdict),
            "post_to_verdict_p50_ms": percentile(to_verdict, 50),
            "post_to_verdict_p99_ms": percentile(to_verdict, 99),
            "alerts": int(to_alert[-1][1]) if to_alert else 0,
            "post_to_alert_p50_s": quantile(to_alert, 0.50),
            "post_to_alert_p99_s": quantile(to_alert, 0.99),
        },
        "memory": {f"{name}_mb": value for name, value in peak.items()},
    }


async def _post(processes: DemoProcesses, client: httpx.AsyncClient, posts: list[Any], rate: float) -> None:
    """Send posts through the HTTP door; at `rate` posts a second, or as fast as they are taken when it is 0."""
    url = f"http://127.0.0.1:{processes.settings.ingest_port}/v1/posts"
    headers = {"Authorization": f"Bearer {processes.api_key}", "Content-Type": "application/x-ndjson"}
    size = max(1, int(rate / 10)) if rate else LINES_A_REQUEST
    started = time.perf_counter()
    for place in range(0, len(posts), size):
        if rate:
            await asyncio.sleep(max(0.0, started + place / rate - time.perf_counter()))
        body = "\n".join(json.dumps(post) for post in posts[place : place + size])
        while (answer := await client.post(url, content=body.encode(), headers=headers)).status_code in (429, 503):
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
        answer.raise_for_status()


async def _drained(watch: DemoWatch, client: httpx.AsyncClient, posts: int) -> None:
    """Until every post is classified and every verdict is in a case."""

    def done() -> bool:
        seen = watch.seen
        flagged = seen.total("classify", "mythwatch_records_written_total", topic="verdicts")
        classified = seen.total("classify", "mythwatch_records_consumed_total")
        return classified >= posts and seen.total("alert", "mythwatch_records_consumed_total") >= flagged

    await _until(done, watch, client, 600)


async def _until(condition: Any, watch: DemoWatch, client: httpx.AsyncClient, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the services did not get there")
        await watch.look(client)
        await asyncio.sleep(0.05)


def _memory() -> dict[str, int]:
    """Resident megabytes of each service."""
    found = {name: 0 for name in SERVICES}
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        for name in SERVICES:
            if f"services.{name}" in command and "-m" in command and "sh" not in command[0].rsplit("/", 1)[-1]:
                found[name] = max(found[name], process.memory_info().rss // 1_000_000)
    return found


def _histogram(seen: Seen, service: str, name: str) -> list[tuple[float, float]]:
    """(upper bound in seconds, cumulative count), summed over the labels, by rising bound."""
    buckets: dict[float, float] = {}
    for series, value in seen.metrics.get(service, {}).items():
        if series.startswith(f"{name}_bucket{{"):
            bound = float(series.partition('le="')[2].partition('"')[0])
            buckets[bound] = buckets.get(bound, 0) + value
    return sorted(buckets.items())


def quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    """Seconds beneath which `share` of a histogram lies, linear within a bucket (as Prometheus' histogram_quantile)."""
    if not buckets or not buckets[-1][1]:
        return None
    rank, lower, below = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            return (
                lower if bound == float("inf") else round(lower + (bound - lower) * (rank - below) / (count - below), 3)
            )
        lower, below = bound, count
    return None


def percentile(values: list[int], percent: int) -> int | None:
    """The smallest value with `percent` of all at or beneath it (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


def sample_posts(count: int) -> list[dict[str, Any]]:
    """The demo's posts (no edits, no deletes), repeated under new ids up to `count`."""
    lines = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    posts = [line for line in lines if line.get("action", "create") == "create"]
    return [
        {**posts[n % len(posts)], "id": f"steady-{n}", "author": f"{posts[n % len(posts)]['author']}-{n // len(posts)}"}
        for n in range(count)
    ]


def many_posts(count: int) -> list[dict[str, Any]]:
    """Up to `count` different posts as a public firehose has them: 97% have nothing to do with health."""
    return [
        {"id": f"many-{place}", "author": f"author-{place}", "text": text}
        for place, text in enumerate(firehose_posts(count))
    ]
