"""One daemon thread for the model, so that the event loop keeps answering Kafka and /healthz."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class InferenceThread:
    """Runs calls one after the other. A daemon: a stopping service doesn't wait for a model that is still loading."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="inference", daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """Waits for `call()` in the thread; raises what it raises."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
