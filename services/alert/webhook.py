"""Webhooks: every telling as signed JSON, for machines. Follows Standard Webhooks (https://www.standardwebhooks.com).

An address that begins with alertmanager+ gets it in Alertmanager's form, with the same signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from services.alert.alertmanager import PREFIX, case_alert, notice_alert
from services.alert.api.shapes import CaseOut
from services.alert.cases import CaseView, Channel, Job
from services.alert.digest import Contents, title
from services.alert.digest_rows import DigestJob
from services.alert.outages import Notice
from services.alert.retry import Attempt, Ending

MOST_WAIT_S = 3_600


class WebhookNotifier:
    """`addresses` by the name that routes call them. Posts are not sent: they are read over the API, where deleted ones are gone."""

    channel = Channel.WEBHOOK

    def __init__(self, addresses: Mapping[str, str], secret: str, console: str, timeout_s: float = 10.0) -> None:
        self._addresses, self._secret, self._console = addresses, secret, console
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, trust_env=False)

    async def send(self, job: Job, view: CaseView) -> Attempt:
        if self._is_alertmanager(job.recipient):
            return await self._deliver(job.recipient, job.id, case_alert(job, view, self._console))
        kind = {"post": "case.told", "rise": "case.rose"}.get(job.action, "case.changed")
        case = CaseOut.of(view.case).model_dump(mode="json")
        data = {"reason": job.reason, "url": f"{self._console}/cases/{view.case.id}", "case": case}
        return await self._deliver(job.recipient, job.id, _telling(kind, data))

    async def send_digest(self, job: DigestJob, contents: Contents) -> Attempt:
        if self._is_alertmanager(job.due.destination.recipient):
            return Attempt(Ending.SENT, job.id)  # a summary is no alert, and nothing there would ever resolve it
        data = {"title": title(job.due.weekly, contents), "since_ms": job.due.since_ms, "until_ms": job.due.until_ms}
        return await self._deliver(job.due.destination.recipient, job.id, _telling("digest", data))

    async def send_notice(self, recipient: str, notice: Notice) -> Attempt:
        if self._is_alertmanager(recipient):
            alert = notice_alert(recipient, notice, self._console, int(time.time() * 1000))
            return await self._deliver(recipient, notice.id, alert)
        data = {"channel": notice.channel.value, "since_ms": notice.since_ms, "text": notice.text}
        return await self._deliver(recipient, notice.id, _telling("outage.over" if notice.over else "outage", data))

    async def close(self) -> None:
        await self._client.aclose()

    def _is_alertmanager(self, name: str) -> bool:
        return self._addresses.get(name, "").startswith(PREFIX)

    async def _deliver(self, name: str, delivery: str, said: Mapping[str, Any]) -> Attempt:
        """One request; the same `delivery` id on every try, so that the other side can tell a repeated one."""
        address = self._addresses.get(name)
        if address is None:
            return Attempt(Ending.BROKEN, error=f"MYTHWATCH_ALERT_WEBHOOKS has no {name!r}, which the routes name")
        at = int(time.time())
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {
            "content-type": "application/json", "webhook-id": delivery, "webhook-timestamp": str(at),
            "webhook-signature": signature(self._secret, delivery, at, body),
        }  # fmt: skip
        try:
            answer = await self._client.post(address.removeprefix(PREFIX), content=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Attempt(Ending.REFUSED, error=f"webhook {name} cannot be reached ({type(error).__name__})")
        except httpx.HTTPError as error:
            return Attempt(Ending.UNSURE, error=f"webhook {name} did not answer ({type(error).__name__})")
        return _ending(name, delivery, answer)


def _telling(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind, "timestamp": int(time.time()), "data": data}


def signature(secret: str, delivery: str, at_s: int, body: bytes) -> str:
    """The header: HMAC-SHA256 of id, time and body; a secret that begins with whsec_ is base64, as the specification has it."""
    coded = secret.removeprefix("whsec_")
    key = base64.b64decode(coded) if coded != secret else secret.encode()
    signed = hmac.new(key, f"{delivery}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _ending(name: str, delivery: str, answer: httpx.Response) -> Attempt:
    code = answer.status_code
    said = f"webhook {name} answers {code}"
    if answer.is_success:
        return Attempt(Ending.SENT, delivery)
    if code == 429 or code == 503:
        wait = answer.headers.get("retry-after", "")
        return Attempt(
            Ending.REFUSED,
            error=said,
            retry_after_s=float(min(MOST_WAIT_S, int(wait))) if wait.isascii() and wait.isdigit() else 0.0,
        )
    if code in (401, 403, 404, 410) or answer.is_redirect:
        return Attempt(Ending.BROKEN, error=said)
    return Attempt(Ending.UNSURE if code >= 500 else Ending.REJECTED, error=said)
