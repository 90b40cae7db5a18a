"""What the demo shows: each service's own metrics, the cases topic, and the messages as their servers received them."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live

from services.command.demo_processes import DemoProcesses
from services.stream import events_pb2 as events
from services.stream.topics import CASES

SERVICES = ("ingest", "classify", "alert")


@dataclass
class Seen:
    """All that the view is drawn from."""

    metrics: dict[str, dict[str, float]] = field(default_factory=dict)  # by service: "name{label=value,...}" -> value
    ready: dict[str, str] = field(default_factory=dict)  # by service: "ready" or what is awaited
    cases: dict[str, events.MythCase] = field(default_factory=dict)
    slack: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)

    def total(self, service: str, name: str, **labels: str) -> float:
        """Sum of a metric over its series that have `labels`."""
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(
            value
            for series, value in self.metrics.get(service, {}).items()
            if series.split("{")[0] == name and wanted <= set(series.rstrip("}").partition("{")[2].split(","))
        )


class DemoWatch:
    """Polls and draws until cancelled: a live view on a terminal, a line now and then elsewhere."""

    def __init__(self, processes: DemoProcesses) -> None:
        self._processes = processes
        self.seen = Seen()
        self._changed = time.monotonic()
        self._started = time.monotonic()
        self._addresses = {name: getattr(processes.settings, f"{name}_metrics_port") for name in SERVICES}

    @property
    def all_ready(self) -> bool:
        return all(self.seen.ready.get(name) == "ready" for name in SERVICES)

    async def settled(self, quiet_s: float) -> None:
        """Return when everything is read and nothing has changed for `quiet_s` seconds."""
        self._changed = time.monotonic()
        while time.monotonic() - self._changed < quiet_s:
            await asyncio.sleep(0.2)
            if self._behind():
                self._changed = time.monotonic()

    def _behind(self) -> bool:
        posts = self.seen.total("ingest", "mythwatch_records_written_total", topic="posts")
        verdicts = self.seen.total("classify", "mythwatch_records_written_total", topic="verdicts")
        read = "mythwatch_records_consumed_total"
        return self.seen.total("classify", read) < posts or self.seen.total("alert", read) < verdicts

    async def run(self) -> None:
        cases = asyncio.create_task(self._follow_cases())
        try:
            async with httpx.AsyncClient(timeout=2) as client:
                if sys.stdout.isatty():
                    await self._live(client)
                else:
                    await self._lines(client)
        finally:
            cases.cancel()
            await asyncio.gather(cases, return_exceptions=True)

    async def _live(self, client: httpx.AsyncClient) -> None:
        from services.command.demo_view import draw

        with Live(console=Console(), refresh_per_second=4, screen=False, vertical_overflow="crop") as view:
            while True:
                await self.look(client)
                view.update(draw(self.seen, self._processes.settings, time.monotonic() - self._started))
                await asyncio.sleep(0.5)

    async def _lines(self, client: httpx.AsyncClient) -> None:
        from services.command.demo_view import addresses, one_line

        said = ""
        for line in addresses(self._processes.settings):
            print(line, flush=True)
        while True:
            await self.look(client)
            line = one_line(self.seen)
            if line != said:
                print(f"{time.monotonic() - self._started:6.1f} s  {line}", flush=True)
                said = line
            await asyncio.sleep(2)

    async def look(self, client: httpx.AsyncClient) -> None:
        before = (len(self.seen.slack), len(self.seen.mails), sum(case.version for case in self.seen.cases.values()))
        for name in SERVICES:
            address = f"http://127.0.0.1:{self._addresses[name]}"
            try:
                answer = (await client.get(f"{address}/readyz")).json()
                self.seen.ready[name] = (
                    "ready" if answer["ready"] else "waiting for " + ", ".join(answer["waiting_for"])
                )
                self.seen.metrics[name] = _samples((await client.get(f"{address}/metrics")).text)
            except (httpx.HTTPError, ValueError, KeyError):
                self.seen.ready[name] = "starting"
        try:
            messages = f"http://127.0.0.1:{self._processes.settings.messages_port}/api/received"
            received = (await client.get(messages)).json()
            self.seen.slack, self.seen.mails = received["slack"], received["mails"]
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        after = (len(self.seen.slack), len(self.seen.mails), sum(case.version for case in self.seen.cases.values()))
        if after != before:
            self._changed = time.monotonic()

    async def _follow_cases(self) -> None:
        consumer = AIOKafkaConsumer(
            CASES.name, bootstrap_servers=self._processes.kafka.bootstrap, auto_offset_reset="earliest", group_id=None
        )
        await consumer.start()
        try:
            async for record in consumer:
                if record.value:
                    case = events.MythCase.FromString(record.value)
                    self.seen.cases[case.id] = case
        finally:
            await consumer.stop()


def _samples(text: str) -> dict[str, float]:
    return {
        sample.name + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items())) + "}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
