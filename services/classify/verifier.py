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
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from services.classify.copypasta import wording
from services.classify.verifier_answer import (
    FORMS,
    Asked,
    NotACompletion,
    Opinion,
    completion_text,
    no_answer,
    read_opinion,
    request,
    retry_after_s,
)
from services.stream.logs import log

AT_ONCE = 4
BATCH_TIMEOUTS = 2
"""A batch takes at most this many times the time-limit of one answer."""

KEPT = 10_000
"""Opinions remembered; a digest and a sentence each."""

HOUR_S = 3600.0
MOST_FAILURES = 5
SILENT_S = 60.0
MAX_BODY_BYTES = 65_536

_URL, _MODEL, _KEY = (f"MYTHWATCH_CLASSIFY_VERIFIER_{name}" for name in ("URL", "MODEL", "KEY"))
_LOCAL = ("127.0.0.1", "localhost", "::1")


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
        _check(url, model)
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._timeout_s = timeout_s
        self._now = now
        self._budget = Budget(per_hour)
        self._patience = Patience()
        self._kept: OrderedDict[bytes, Opinion] = OrderedDict()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._form = 0
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity", **_authorization(key)},
            timeout=timeout_s,
            trust_env=urlsplit(url).hostname not in _LOCAL,
        )

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
        await self._client.aclose()

    async def _before(self, ends: float, key: bytes, asked: Asked) -> Opinion:
        """The opinion, unless the batch's time is over before; that is not held against the endpoint."""
        try:
            async with asyncio.timeout_at(ends), self._at_once:
                return await self._opinion(key, asked)
        except TimeoutError:
            return no_answer("no time left")

    async def _opinion(self, key: bytes, asked: Asked) -> Opinion:
        if self._patience.is_silent(self._now()):
            return no_answer("silent")
        nonce, fence = secrets.token_hex(6), secrets.token_hex(6)
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._sent(asked, nonce, fence)
            if body is None:
                return no_answer("budget spent")
            text = completion_text(body)
        except TimeoutError:
            self._failed("timeout")
            return no_answer("timeout")
        except _Refused as refused:
            self._failed(str(refused), refused.retry_after_s)
            return no_answer("endpoint failed")
        except (NotACompletion, httpx.HTTPError) as error:
            self._failed(type(error).__name__)  # its text could hold what we sent
            return no_answer("endpoint failed")
        self._patience.succeeded()
        opinion = read_opinion(text, nonce)
        self._remember(key, opinion)
        return opinion

    async def _sent(self, asked: Asked, nonce: str, fence: str) -> bytes | None:
        """Body of the answer, by the best form that the endpoint takes; None: the budget is spent. Raises _Refused."""
        for form in range(self._form, len(FORMS)):
            if not self._budget.take(self._now()):
                return None
            body = request(asked, self._model, nonce, fence, form)
            async with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code in (400, 422) and form + 1 < len(FORMS):
                    continue
                if response.status_code != 200:
                    wait_s = retry_after_s(response.headers.get("retry-after", ""), datetime.now(UTC))
                    raise _Refused(f"HTTP {response.status_code}", wait_s)
                answer = await _read(response)
            self._form = max(self._form, form)
            return answer
        raise AssertionError("the last form is answered one way or the other")

    def _failed(self, error: str, retry_after_s: float = 0.0) -> None:
        silent_s = self._patience.failed(self._now(), retry_after_s)
        log.warning("no second opinion", action="verifier_failed", error=error, silent_s=round(silent_s, 1))

    def _remembered(self, key: bytes) -> Opinion | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _remember(self, key: bytes, opinion: Opinion) -> None:
        """Whatever the model answered, so that a post that confuses it costs once; never what the endpoint failed to."""
        self._kept[key] = opinion
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


class Budget:
    """Requests in the last hour. Pure: told the time, seconds."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._taken: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Take one request; False when the hour's are spent."""
        while self._taken and now - self._taken[0] >= HOUR_S:
            self._taken.popleft()
        if len(self._taken) >= self._per_hour:
            return False
        self._taken.append(now)
        return True


class Patience:
    """Circuit breaker: after 5 failures in a row, or when asked to wait, nothing is sent for a while. Pure.

    After a silence one more failure begins the next; one success forgets them all.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._silent_until = float("-inf")

    def is_silent(self, now: float) -> bool:
        """Is nothing to be sent now; seconds."""
        return now < self._silent_until

    def succeeded(self) -> None:
        """The endpoint answered."""
        self._failures = 0

    def failed(self, now: float, retry_after_s: float = 0.0) -> float:
        """The endpoint failed, and perhaps asked to wait; seconds of silence that follow, 0 for none."""
        self._failures += 1
        silent_s = max(retry_after_s, SILENT_S if self._failures >= MOST_FAILURES else 0.0)
        self._silent_until = max(self._silent_until, now + silent_s)
        return silent_s


class _Refused(Exception):
    """The endpoint answered with another status than 200; the text is that status."""

    def __init__(self, status: str, retry_after_s: float = 0.0) -> None:
        super().__init__(status)
        self.retry_after_s = retry_after_s


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise NotACompletion("longer than any answer")
    return bytes(body)


def _check(url: str, model: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and url.isprintable() and not (parts.query or parts.fragment)
        secret = parts.username is not None or parts.password is not None
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        good, secret = False, False
    if secret:
        raise ValueError(f"{_URL}: holds a user or password; give a key in {_KEY}")
    if not good:
        raise ValueError(f"{_URL}: needs an address such as http://host/v1")
    if not model.strip() or not model.isprintable():
        raise ValueError(f"{_MODEL}: needs the name of a model at the endpoint")


def _authorization(key: SecretStr | None) -> dict[str, str]:
    plain = key.get_secret_value() if key else ""
    if not plain:
        return {}
    if not plain.isascii() or not plain.isprintable() or " " in plain:
        raise ValueError(f"{_KEY}: holds a space, a line break or another character that no key has")
    return {"Authorization": f"Bearer {plain}"}


def _digest(asked: Asked) -> bytes:
    """Of the post's wording and the claim; no text is kept."""
    both = json.dumps([wording(asked.post), asked.claim])
    return hashlib.blake2b(both.encode(), digest_size=16).digest()
