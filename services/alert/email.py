"""E-mail over SMTP: a connection for each message, STARTTLS by default, retries are the outbox's."""

from __future__ import annotations

from email.message import EmailMessage

import aiosmtplib
from aiosmtplib import errors

from services.alert.cases import CaseView, Channel, Job
from services.alert.digest import Contents
from services.alert.digest_message import digest_message_id, mail_digest
from services.alert.digest_rows import DigestJob
from services.alert.email_message import compose, mail_notice, message_id
from services.alert.mail_links import MailLinks
from services.alert.outages import Notice
from services.alert.retry import Attempt, Ending

_LACKS = "the relay offers no STARTTLS or no sign-in; see MYTHWATCH_ALERT_SMTP_STARTTLS and MYTHWATCH_ALERT_SMTP_USER"


class EmailNotifier:
    """Sends case e-mails through one relay."""

    channel = Channel.EMAIL

    def __init__(
        self, host: str, port: int, sender: str, console: str, language: str, *, user: str = "",
        password: str = "", starttls: bool = True, timeout_s: float = 10.0, links: MailLinks | None = None,
    ) -> None:  # fmt: skip
        self._links = links
        self._host, self._port, self._sender = host, port, sender
        self._console, self._language = console, language
        self._user, self._password = user, password
        self._starttls, self._timeout_s = starttls, timeout_s

    async def send(self, job: Job, view: CaseView) -> Attempt:
        """Send the case's e-mail. Sent again after an attempt that may have arrived, it has the same Message-ID."""
        mail = compose(job, view, self._sender, self._console, self._language, self._links)
        return await self._hand_over(mail, job.recipient, message_id(job, self._sender))

    async def send_digest(self, job: DigestJob, contents: Contents) -> Attempt:
        """Send a digest; sent again, it has the same Message-ID."""
        mail = mail_digest(job, contents, self._sender, self._console)
        return await self._hand_over(mail, job.due.destination.recipient, digest_message_id(job, self._sender))

    async def send_notice(self, recipient: str, notice: Notice) -> Attempt:
        """Send that another channel fails or works again; sent again, it has the same Message-ID."""
        mail = mail_notice(notice, recipient, self._sender, self._console)
        return await self._hand_over(mail, recipient, mail["Message-ID"])

    async def _hand_over(self, mail: EmailMessage, recipient: str, external_id: str) -> Attempt:
        handed_over = False
        relay = aiosmtplib.SMTP(
            hostname=self._host, port=self._port, timeout=self._timeout_s, start_tls=self._starttls and self._port != 465,
            username=self._user or None, password=self._password or None, use_tls=self._port == 465,
        )  # fmt: skip
        try:
            async with relay:
                handed_over = True
                await relay.send_message(mail, sender=self._sender, recipients=[recipient])
            return Attempt(Ending.SENT, external_id)
        except errors.SMTPAuthenticationError as error:
            if error.code < 500:
                return _refused(error)
            return Attempt(Ending.BROKEN, error=f"the relay refuses our user name or password ({error.code})")
        except (errors.SMTPRecipientsRefused, errors.SMTPSenderRefused) as error:
            return _refused(error)
        except errors.SMTPResponseException as error:
            return _refused(error)
        except (errors.SMTPException, OSError, TimeoutError) as error:
            if isinstance(error, errors.SMTPNotSupported) or type(error) is errors.SMTPException:
                # So aiosmtplib says that the relay lacks what our settings ask for.
                return Attempt(Ending.BROKEN, error=_LACKS)
            # Only what broke off after the message was handed over may have arrived.
            ending = Ending.UNSURE if handed_over else Ending.REFUSED
            return Attempt(ending, error=f"the relay {self._host}:{self._port} did not answer ({type(error).__name__})")

    async def close(self) -> None:
        """Nothing stays open between messages."""


def _refused(error: errors.SMTPException) -> Attempt:
    """The relay answered no. Its words are not kept: they may quote the message."""
    codes = [error.code] if isinstance(error, errors.SMTPResponseException) else []
    if isinstance(error, errors.SMTPRecipientsRefused):
        codes = [one.code for one in error.recipients]
    code = max(codes, default=450)
    if code == 530:
        return Attempt(Ending.BROKEN, error="the relay asks for STARTTLS or sign-in (530)")
    if code >= 500:
        return Attempt(Ending.REJECTED, error=f"the relay refuses the message ({code})")
    return Attempt(Ending.REFUSED, error=f"the relay asks to try later ({code})")
