"""How far behind the end of its topic a consumer is, as a metric."""

from __future__ import annotations

import asyncio

import faust
from faust.exceptions import ConsumerNotStarted

from services.stream import metrics


async def report_lag(service: str, topic: str, app: faust.App) -> None:
    """Set the lag (records not yet acknowledged in the partitions that are ours) every second, until cancelled."""
    while True:
        await asyncio.sleep(1)
        consumer = app.consumer
        try:
            assigned = list(consumer.assignment())
        except ConsumerNotStarted:
            continue
        lag = 0
        for partition in assigned:
            end = consumer.highwater(partition)
            done = consumer._committed_offset.get(partition)
            if end is not None and done is not None:
                lag += max(0, end - done)
        metrics.LAG.labels(service, topic).set(lag)
