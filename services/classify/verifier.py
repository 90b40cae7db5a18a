"""A second opinion on flagged posts from an OpenAI-compatible endpoint, within limits of time, cost and patience.

Optional: with it, wordings of flagged posts leave this machine (never their authors or ids). Whatever goes wrong is
NO_ANSWER and the classifier's verdict stands. Neither posts, reasons nor the key are logged or put into an error.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from services.classify.copypasta import wording
from services.classify.verifier_answer import FORMS, Asked, Opinion, messages, no_answer, read_opinion
from services.stream.completions import Completions, NoCompletion
from services.stream.logs import log

AT_ONCE = 4
BATCH_TIMEOUTS = 2
"""A batch takes at most this many times the time-limit of one answer."""

KEPT = 10_000
"""Opinions remembered; a digest and a sentence each."""


class Verifier:
    """Asks one model at one endpoint. For one event loop; `close` when done."""

    def __init__(
        self,
        url: str,
        model: str,
        key: SecretStr | None = None,
        timeout_s: float = 3.0,
        per_hour: int = 200,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` as in http://host/v1. Raises ValueError naming the setting that is wrong, never its value."""
        self._completions = Completions(
            "MYTHWATCH_CLASSIFY_VERIFIER", url, model, key, timeout_s, per_hour, FORMS, now=now
        )
        self._timeout_s = timeout_s
        self._kept: OrderedDict[bytes, Opinion] = OrderedDict()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def opinions(self, asked: Sequence[Asked]) -> list[Opinion]:
        """One opinion each, in order, within twice the time-limit of one. Copies of a post are asked about once."""
        keys = [_digest(one) for one in asked]
        found = {key: opinion for key in keys if (opinion := self._remembered(key))}
        new = {key: one for key, one in zip(keys, asked, strict=True) if key not in found}
        ends = asyncio.get_running_loop().time() + BATCH_TIMEOUTS * self._timeout_s
        async with asyncio.TaskGroup() as group:
            tasks = {key: group.create_task(self._before(ends, key, one)) for key, one in new.items()}
        found |= {key: task.result() for key, task in tasks.items()}
        return [found[key] for key in keys]

    async def close(self) -> None:
        """Close the connections."""
        await self._completions.close()

    async def _before(self, ends: float, key: bytes, asked: Asked) -> Opinion:
        """The opinion, unless the batch's time is over before; that is not held against the endpoint."""
        try:
            async with asyncio.timeout_at(ends), self._at_once:
                return await self._opinion(key, asked)
        except TimeoutError:
            return no_answer("no time left")

    async def _opinion(self, key: bytes, asked: Asked) -> Opinion:
        nonce, fence = secrets.token_hex(6), secrets.token_hex(6)
        try:
            text = await self._completions.ask(messages(asked, nonce, fence))
        except NoCompletion as none:
            if none.error:
                silent_s = round(none.silent_s, 1)
                log.warning("no second opinion", action="verifier_failed", error=none.error, silent_s=silent_s)
            return no_answer(none.why)
        opinion = read_opinion(text, nonce)
        self._remember(key, opinion)
        return opinion

    def _remembered(self, key: bytes) -> Opinion | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _remember(self, key: bytes, opinion: Opinion) -> None:
        """Whatever the model answered, so that a post that confuses it costs once; never what the endpoint failed to."""
        self._kept[key] = opinion
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _digest(asked: Asked) -> bytes:
    """Of the post's wording and the claim; no text is kept."""
    both = json.dumps([wording(asked.post), asked.claim])
    return hashlib.blake2b(both.encode(), digest_size=16).digest()
