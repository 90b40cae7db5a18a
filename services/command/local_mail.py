"""A local SMTP server (aiosmtpd) that keeps what it receives, for the demo and the tests; it delivers nothing.

Speaks real SMTP: EHLO, AUTH, SMTPUTF8, STARTTLS when given a context; refuses or cuts the connection when asked to.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any, Literal, get_args

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

MailFaultKind = Literal[
    "refuse",  # RCPT is answered with `reply`, e.g. 550 (for good) or 450 (try again)
    "refuse_data",  # the whole message is read, then answered with `reply`
    "disconnect",  # cut when the message is about to begin: nothing kept
    "drop_after",  # the message is kept, the connection is cut before the answer
]
# RFC 5321 asks servers to take at least 64 KB; Mythwatch's mails are far below.
LARGEST_MAIL = 10 * 1024 * 1024


@dataclass
class MailFault:
    kind: MailFaultKind
    count: int = 1
    reply: str = "450 4.2.1 Mailbox busy, try again later"

    def __post_init__(self) -> None:
        if self.kind not in get_args(MailFaultKind):
            raise ValueError(f"kind: one of {', '.join(get_args(MailFaultKind))}")


@dataclass(frozen=True)
class ReceivedMail:
    """One delivery: `number` counts from 1, `at` is epoch seconds, sender and recipients are the envelope's."""

    number: int
    at: float
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    raw: bytes

    def header(self, name: str) -> str:
        return str(self.message.get(name, "")).strip()

    @property
    def message_id(self) -> str:
        return self.header("Message-ID")

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def references(self) -> tuple[str, ...]:
        """Message-IDs of the thread, oldest first (RFC 5322)."""
        return tuple(self.header("References").split() or self.header("In-Reply-To").split())

    @property
    def thread(self) -> str:
        """The Message-ID of the mail that began the thread."""
        return self.references[0] if self.references else self.message_id

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        if part is None:
            return ""
        try:
            return str(part.get_content())
        except (LookupError, UnicodeError):
            # An unknown or wrong charset is shown as well as it can be.
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


class LocalMail:
    """The inbox; `mails` holds every delivery in order of arrival, duplicates too."""

    def __init__(self, user: str | None = None, password: str | None = None) -> None:
        self.user, self.password = user, password
        self.mails: list[ReceivedMail] = []
        self.faults: list[MailFault] = []
        self.host, self.port = "", 0

    def by_message_id(self) -> dict[str, list[ReceivedMail]]:
        """Deliveries by Message-ID; more than one is a mail that somebody got twice."""
        found: dict[str, list[ReceivedMail]] = {}
        for mail in self.mails:
            found.setdefault(mail.message_id, []).append(mail)
        return found

    def threads(self) -> list[list[ReceivedMail]]:
        """Mails by thread, each oldest first, the thread with the latest mail first."""
        found: dict[str, list[ReceivedMail]] = {}
        for mail in self.mails:
            found.setdefault(mail.thread, []).append(mail)
        return sorted(found.values(), key=lambda thread: thread[-1].number, reverse=True)

    def fail_next(
        self, kind: MailFaultKind, count: int = 1, reply: str = "450 4.2.1 Mailbox busy, try again later"
    ) -> None:
        self.faults.append(MailFault(kind, count, reply))

    def _take(self, *kinds: MailFaultKind) -> MailFault | None:
        for fault in self.faults:
            if fault.kind in kinds:
                fault.count -= 1
                if fault.count <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    # --- aiosmtpd calls these by name ---

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if fault := self._take("refuse"):
            return fault.reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        fault = self._take("refuse_data", "disconnect", "drop_after")
        if fault and fault.kind == "refuse_data":
            return fault.reply
        if not fault or fault.kind == "drop_after":
            self.keep(envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.original_content or b"")
        if fault:
            server.transport.abort()
        return "250 OK"

    def keep(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> ReceivedMail:
        message = message_from_bytes(raw, policy=policy.default)
        mail = ReceivedMail(len(self.mails) + 1, time.time(), sender, recipients, message, raw)
        self.mails.append(mail)
        return mail

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        right = (
            isinstance(given, LoginPassword)
            and hmac.compare_digest(given.login, (self.user or "").encode())
            and hmac.compare_digest(given.password, (self.password or "").encode())
        )
        return AuthResult(success=right, handled=False)

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: SSLContext | None = None) -> None:
        """Listen on `host`:`port` (0: any free port) of the running loop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(
                self,
                loop=loop,
                hostname="localhost",
                ident="Mythwatch local mail",
                enable_SMTPUTF8=True,
                data_size_limit=LARGEST_MAIL,
                tls_context=tls,
                auth_required=self.user is not None,
                auth_require_tls=tls is not None,
                authenticator=self.authenticate if self.user is not None else None,
            ),
            host,
            port,
        )
        self.host, self.port = host, self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        if hasattr(self._server, "close_clients"):  # Python 3.13
            self._server.close_clients()
        with suppress(TimeoutError):
            # From Python 3.12 on this waits for clients that stay connected, for ever if they do nothing.
            await asyncio.wait_for(self._server.wait_closed(), 1.0)


@asynccontextmanager
async def local_mail(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str | None = None,
    password: str | None = None,
    tls: SSLContext | None = None,
) -> AsyncIterator[LocalMail]:
    """A running SMTP server with an empty inbox; with a user, AUTH is required."""
    mail = LocalMail(user, password)
    await mail.start(host, port, tls)
    try:
        yield mail
    finally:
        await mail.stop()
