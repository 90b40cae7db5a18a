"""Teams, Mattermost, Matrix, SMS and the like, through Apprise: one message a telling, none is edited afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import apprise

from services.alert.cases import CaseView, Channel, Job
from services.alert.chat_message import case_text, digest_text
from services.alert.digest import Contents
from services.alert.digest_rows import DigestJob
from services.alert.outages import Notice
from services.alert.retry import Attempt, Ending


class ChatNotifier:
    """`addresses`: Apprise addresses by the name that routes call them; they hold secrets and are never shown."""

    channel = Channel.CHAT

    def __init__(self, addresses: Mapping[str, str], console: str, language: str) -> None:
        # It logs addresses and what it sends.
        logging.getLogger("apprise").setLevel("CRITICAL")
        self._addresses, self._console, self._language = addresses, console, language

    async def send(self, job: Job, view: CaseView) -> Attempt:
        """Sent again after an attempt that may have arrived, it is there twice: Apprise can't look."""
        return await self._tell(job.recipient, *case_text(job, view, self._console, self._language))

    async def send_digest(self, job: DigestJob, contents: Contents) -> Attempt:
        return await self._tell(job.due.destination.recipient, *digest_text(job, contents, self._console))

    async def send_notice(self, recipient: str, notice: Notice) -> Attempt:
        return await self._tell(recipient, notice.title, notice.text)

    async def close(self) -> None:
        """Nothing stays open between messages."""

    async def _tell(self, name: str, title: str, text: str) -> Attempt:
        address = self._addresses.get(name)
        if address is None:
            return Attempt(Ending.BROKEN, error=f"MYTHWATCH_ALERT_CHATS has no {name!r}, which the routes name")
        try:
            taken = await asyncio.to_thread(_notify, address, title, text)
        except Exception as error:  # a plug-in may raise anything, and its words may hold the address
            return Attempt(Ending.UNSURE, error=f"{name} failed ({type(error).__name__})")
        return (
            Attempt(Ending.SENT, name) if taken else Attempt(Ending.REFUSED, error=f"{name} did not take the message")
        )


def trouble_with(address: str) -> str:
    """Why an address can't be used; empty when it can."""
    logging.getLogger("apprise").setLevel("CRITICAL")
    found = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if found is None:
        return "not an address that Apprise knows"
    # Apprise doesn't say which of several targets failed, so those that did not would be told again and again.
    return "several targets in one address; give each a name of its own" if len(found) > 1 else ""


def _notify(address: str, title: str, text: str) -> bool:
    services = apprise.Apprise()
    services.add(address)
    return bool(services.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT))
