"""A client of one OpenAI-compatible chat-completions endpoint, within limits of time, cost and patience.

Neither what is sent nor what is answered nor the key is logged or put into an error; whoever asks says in the log how it went.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from services.stream.completion_wire import NotACompletion, completion_text, retry_after_s

HOUR_S = 3600.0
MOST_FAILURES = 5
SILENT_S = 60.0
MAX_BODY_BYTES = 65_536

_LOCAL = ("127.0.0.1", "localhost", "::1")

Messages = Sequence[Mapping[str, str]]


class NoCompletion(Exception):
    """There is no answer: "silent", "budget spent", "timeout" or "endpoint failed".

    `error` is a status or a kind of error where the endpoint failed, else empty; `silent_s` how long nothing is sent from now on.
    """

    def __init__(self, why: str, error: str = "", silent_s: float = 0.0) -> None:
        super().__init__(why)
        self.why, self.error, self.silent_s = why, error, silent_s


class Completions:
    """Asks one model at one endpoint. For one event loop; `close` when done."""

    def __init__(
        self,
        setting: str,
        url: str,
        model: str,
        key: SecretStr | None,
        timeout_s: float,
        per_hour: int,
        forms: Sequence[Mapping[str, Any]],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` as in http://host/v1; `setting` is how the settings' names begin. Raises ValueError naming the wrong one, never its value.

        `forms` are fields of the request beside model and messages, best first: what the endpoint refuses with 400 or 422 is
        asked by the next, and that one is remembered.
        """
        _check(setting, url, model)
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._timeout_s = timeout_s
        self._forms = forms
        self._form = 0
        self._now = now
        self._budget = Budget(per_hour)
        self._patience = Patience()
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity", **_authorization(setting, key)},
            timeout=timeout_s,
            trust_env=urlsplit(url).hostname not in _LOCAL,
        )

    async def ask(self, messages: Messages) -> str:
        """What the model wrote, empty when it refused. Raises NoCompletion, after the time-limit at the latest."""
        if self._patience.is_silent(self._now()):
            raise NoCompletion("silent")
        try:
            async with asyncio.timeout(self._timeout_s):
                text = completion_text(await self._sent(messages))
        except TimeoutError:
            raise self._failed("timeout", "timeout") from None
        except _Refused as refused:
            raise self._failed("endpoint failed", str(refused), refused.retry_after_s) from None
        except (NotACompletion, httpx.HTTPError) as error:
            # Only its kind: its text could hold what we sent.
            raise self._failed("endpoint failed", type(error).__name__) from None
        self._patience.succeeded()
        return text

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _sent(self, messages: Messages) -> bytes:
        """Body of the answer, by the best form that the endpoint takes. Raises _Refused, or NoCompletion when the budget is spent."""
        for form in range(self._form, len(self._forms)):
            if not self._budget.take(self._now()):
                raise NoCompletion("budget spent")
            body = {"model": self._model, "messages": messages, **self._forms[form]}
            async with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code in (400, 422) and form + 1 < len(self._forms):
                    continue
                if response.status_code != 200:
                    wait_s = retry_after_s(response.headers.get("retry-after", ""), datetime.now(UTC))
                    raise _Refused(f"HTTP {response.status_code}", wait_s)
                answer = await _read(response)
            self._form = max(self._form, form)
            return answer
        raise AssertionError("the last form is answered one way or the other")

    def _failed(self, why: str, error: str, retry_after_s: float = 0.0) -> NoCompletion:
        return NoCompletion(why, error, self._patience.failed(self._now(), retry_after_s))


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


def _check(setting: str, url: str, model: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and url.isprintable() and not (parts.query or parts.fragment)
        secret = parts.username is not None or parts.password is not None
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        good, secret = False, False
    if secret:
        raise ValueError(f"{setting}_URL: holds a user or password; give a key in {setting}_KEY")
    if not good:
        raise ValueError(f"{setting}_URL: needs an address such as http://host/v1")
    if not model.strip() or not model.isprintable():
        raise ValueError(f"{setting}_MODEL: needs the name of a model at the endpoint")


def _authorization(setting: str, key: SecretStr | None) -> dict[str, str]:
    plain = key.get_secret_value() if key else ""
    if not plain:
        return {}
    if not plain.isascii() or not plain.isprintable() or " " in plain:
        raise ValueError(f"{setting}_KEY: holds a space, a line break or another character that no key has")
    return {"Authorization": f"Bearer {plain}"}
