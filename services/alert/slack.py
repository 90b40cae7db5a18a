"""Slack: one message a case, edited in place. Retries are the outbox's, so none are hidden in the client."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from services.alert.cases import CaseView, Channel, Job
from services.alert.digest import Contents
from services.alert.digest_message import slack_digest
from services.alert.digest_rows import DigestJob
from services.alert.outages import Notice
from services.alert.retry import Attempt, Ending
from services.alert.slack_blocks import fitting, message, rise
from services.stream.logs import log

EVENT_TYPE = "mythwatch_case"
# Our credentials or rights are refused: people have to mend it.
BROKEN = frozenset(
    (
        "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "no_permission",
        "missing_scope", "not_in_channel", "channel_not_found", "is_archived", "org_login_required",
        "ekm_access_denied", "access_denied", "restricted_action",
    )
)  # fmt: skip
GONE = frozenset(("message_not_found", "cant_update_message", "edit_window_closed"))
# ok:false after which the call may still have been carried out.
UNSURE = frozenset(("internal_error", "fatal_error", "service_unavailable", "request_timeout"))
# Clocks of Slack and of this machine may differ by this much.
SKEW_S = 120
_PAGES = 20


class SlackNotifier:
    """Posts and edits case messages in one workspace."""

    channel = Channel.SLACK

    def __init__(
        self, token: str, base_url: str, console: str, language: str, *, buttons: bool, timeout_s: float = 10.0
    ) -> None:
        quiet = logging.getLogger("mythwatch.slack_sdk")
        quiet.setLevel("CRITICAL")
        self._session: aiohttp.ClientSession | None = None
        self._direct: dict[str, str] = {}  # channel id by person
        self._timeout_s = timeout_s
        self._client = AsyncWebClient(
            token=token, base_url=base_url, timeout=int(timeout_s) or 1, retry_handlers=[], logger=quiet
        )
        if urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1"):
            self._client.proxy = None
        self._console, self._language, self._buttons = console, language, buttons

    async def send(self, job: Job, view: CaseView) -> Attempt:
        """Post or edit the case's message; after an attempt that may have arrived, look for it first."""
        text, blocks = message(view, self._console, self._language, self._buttons)
        payload = {"notification_id": job.id, "case_id": job.case_id}
        edited = "" if job.action == "post" else job.external_id
        attempt = await self._tell(job.recipient, text, blocks, payload, job.first_ms, job.unsure, edited)
        if job.action != "rise" or attempt.ending is not Ending.SENT:
            return attempt
        words = rise(view, job.reason)
        section = {"type": "section", "text": {"type": "mrkdwn", "text": words, "verbatim": True}}
        told = await self._tell(
            job.recipient, words, [section], {**payload, "notification_id": f"{job.id}-rise"}, job.first_ms, job.unsure,
            thread=attempt.external_id,
        )  # fmt: skip
        return Attempt(Ending.SENT, attempt.external_id) if told.ending is Ending.SENT else told

    async def send_digest(self, job: DigestJob, contents: Contents) -> Attempt:
        """Post a digest; after an attempt that may have arrived, look for it first."""
        text, blocks = slack_digest(job, contents, self._console)
        payload = {"notification_id": job.id}
        return await self._tell(job.due.destination.recipient, text, blocks, payload, job.first_ms, job.unsure)

    async def send_notice(self, recipient: str, notice: Notice) -> Attempt:
        """Post that another channel fails or works again."""
        words = f"*{fitting(notice.title, 200)}*\n{fitting(notice.text, 2_500)}"
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": words, "verbatim": True}}]
        payload = {"notification_id": notice.id}
        return await self._tell(recipient, notice.title, blocks, payload, notice.since_ms, unsure=False)

    async def _tell(
        self, recipient: str, text: str, blocks: list[dict[str, Any]], payload: dict[str, str], first_ms: int, unsure: bool,
        edited: str = "", thread: str = "",
    ) -> Attempt:  # fmt: skip
        """Edit the message `edited`, or post, in a thread that the channel sees too; `payload` marks it, so that it can be found."""
        self._opened()
        try:
            channel = await self._channel(recipient)
            content: dict[str, Any] = {"channel": channel, "text": text, "blocks": blocks}
            if edited:
                await self._client.chat_update(ts=edited, **content)
                return Attempt(Ending.SENT, edited)
            if unsure and (found := await self._find(payload["notification_id"], first_ms, channel, thread)):
                # It shows an older state, and the outbox edits it when that matters: bring it up to date at once.
                await self._client.chat_update(ts=found, **content)
                return Attempt(Ending.SENT, found)
            if thread:
                content |= {"thread_ts": thread, "reply_broadcast": True}
            posted = await self._client.chat_postMessage(
                **content, unfurl_links=False, unfurl_media=False,
                metadata={"event_type": EVENT_TYPE, "event_payload": payload},
            )  # fmt: skip
            return Attempt(Ending.SENT, str(posted["ts"]))
        except SlackApiError as error:
            return ending(error)
        except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorDNSError) as error:
            return Attempt(Ending.REFUSED, error=f"Slack cannot be reached ({type(error).__name__})")
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
            return Attempt(Ending.UNSURE, error=f"Slack did not answer ({type(error).__name__})")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _channel(self, recipient: str) -> str:
        """The channel's id; of a person, the channel between them and the app, which edits need."""
        if recipient[:1] not in ("U", "W"):
            return recipient
        if recipient not in self._direct:
            opened = await self._client.conversations_open(users=recipient)
            self._direct[recipient] = str(opened["channel"]["id"])
        return self._direct[recipient]

    async def _find(self, notification_id: str, first_ms: int, channel: str, thread: str = "") -> str:
        """ts of the message of this very notification, by its metadata; empty when it is not in the channel or thread."""
        cursor: str | None = None
        look: Any = self._client.conversations_replies if thread else self._client.conversations_history
        where = {"channel": channel, "ts": thread} if thread else {"channel": channel}
        for _ in range(_PAGES):
            try:
                page = await look(
                    **where, oldest=str(first_ms / 1000 - SKEW_S), limit=200,
                    include_all_metadata=True, cursor=cursor,
                )  # fmt: skip
            except SlackApiError as error:
                if error.response.get("error") != "missing_scope":
                    raise
                # Losing an alert is worse than repeating one: without the scope it is posted again.
                log.error(
                    "Slack token has no channels:history (or groups:history): a message may be repeated after a restart",
                    action="slack_scope_missing",
                )  # fmt: skip
                return ""
            for found in page.get("messages") or []:
                metadata = found.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                if metadata.get("event_type") == EVENT_TYPE and payload.get("notification_id") == notification_id:
                    return str(found["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if not cursor:
                return ""
        return ""

    def _opened(self) -> None:
        """One session for all calls, made on the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
            self._client.session = self._session


class SlackForms:
    """Shows forms and the App Home to people; each call has what is left of Slack's 3 seconds."""

    def __init__(self, token: str, base_url: str) -> None:
        quiet = logging.getLogger("mythwatch.slack_sdk")
        quiet.setLevel("CRITICAL")
        self._client = AsyncWebClient(token=token, base_url=base_url, timeout=2, retry_handlers=[], logger=quiet)
        if urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1"):
            self._client.proxy = None

    async def open(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Show `view` to whoever clicked; what goes wrong is logged, and a second click tries again."""
        await self._shown(self._client.views_open(trigger_id=trigger_id, view=view))

    async def publish(self, person: str, view: dict[str, Any]) -> None:
        """Show `view` as the App Home of `person`; what goes wrong is logged, and opening it again tries again."""
        await self._shown(self._client.views_publish(user_id=person, view=view))

    async def _shown(self, call: Awaitable[object]) -> None:
        try:
            await call
        except SlackApiError as error:
            log.warning("form not shown", action="slack_form_refused", error=ending(error).error)
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
            log.warning("form not shown", action="slack_form_refused", error=type(error).__name__)


def ending(error: SlackApiError) -> Attempt:
    """How a call that Slack refused ended."""
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    if status == 429:
        headers = {name.lower(): value for name, value in dict(response.headers).items()}
        wait = str(headers.get("retry-after", "1"))
        return Attempt(Ending.REFUSED, error="429 from Slack", retry_after_s=float(wait) if wait.isdigit() else 1.0)
    code = ""
    if isinstance(getattr(response, "data", None), dict):
        code = str(response.data.get("error", ""))[:100]
    if status >= 500 or code in UNSURE or not code:
        return Attempt(Ending.UNSURE, error=f"{status} from Slack" + (f" ({code})" if code else ""))
    if code == "ratelimited":
        return Attempt(Ending.REFUSED, error="Slack asks to slow down", retry_after_s=30.0)
    if code in GONE:
        return Attempt(Ending.GONE, error=code)
    if code in BROKEN:
        return Attempt(Ending.BROKEN, error=f"Slack refuses: {code}")
    return Attempt(Ending.REJECTED, error=f"Slack refuses the message: {code}")
