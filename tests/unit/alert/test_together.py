"""The parts of the alert service end together and in time."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.alert import __main__ as service


async def test_a_part_that_hangs_does_not_hold_up_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_STOP_WITHIN_S", 0.3)
    stopping = asyncio.Event()
    running = asyncio.create_task(
        service._together({"hangs": asyncio.sleep(60), "ends": asyncio.sleep(0)}, stopping)  # type: ignore[dict-item]
    )
    await asyncio.sleep(0.05)
    assert not running.done(), "a part that only ends leaves the others running"
    started = time.monotonic()
    stopping.set()
    await asyncio.wait_for(running, 5)
    assert time.monotonic() - started < 2


async def test_a_part_that_fails_stops_the_others_and_is_raised() -> None:
    stopping = asyncio.Event()

    async def fails() -> None:
        raise ZeroDivisionError("a bug")

    async def waits() -> None:
        await stopping.wait()

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(service._together({"waits": waits(), "fails": fails()}, stopping), 5)
    assert stopping.is_set()
