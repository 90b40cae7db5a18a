"""The local SMTP server, as a real SMTP client meets it."""

from __future__ import annotations

from email.message import EmailMessage

import aiosmtplib
import pytest

from services.command.local_mail import LocalMail, local_mail


def mail(subject: str, message_id: str, *references: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "mythwatch@hospital.example",
        "officer@hospital.example",
        subject,
    )
    message["Message-ID"] = message_id
    if references:
        message["References"] = " ".join(references)
    message.set_content("Brontë says: 12 posts — naïve\n")
    message.add_alternative("<p>Brontë says: <b>12 posts</b></p>", subtype="html")
    return message


async def send(server: LocalMail, message: EmailMessage, **more: str) -> None:
    await aiosmtplib.send(message, hostname=server.host, port=server.port, timeout=5, **more)


async def test_a_mail_is_kept_with_its_envelope_and_both_parts() -> None:
    async with local_mail() as server:
        await send(server, mail("Narrative: café ☕", "<a@x>"))
        (kept,) = server.mails
        assert kept.recipients == ("officer@hospital.example",)
        assert kept.subject == "Narrative: café ☕"
        assert kept.text.strip() == "Brontë says: 12 posts — naïve"
        assert "<b>12 posts</b>" in kept.html


async def test_mails_of_one_case_form_one_thread_and_duplicates_stay_visible() -> None:
    async with local_mail() as server:
        await send(server, mail("one", "<1@x>"))
        await send(server, mail("other", "<2@x>"))
        await send(server, mail("Re: one", "<3@x>", "<1@x>"))
        await send(server, mail("Re: one", "<3@x>", "<1@x>"))
        assert [[m.message_id for m in thread] for thread in server.threads()] == [
            ["<1@x>", "<3@x>", "<3@x>"],
            ["<2@x>"],
        ]
        assert {key: len(found) for key, found in server.by_message_id().items()} == {
            "<1@x>": 1,
            "<2@x>": 1,
            "<3@x>": 2,
        }


async def test_refusals_reach_the_client_with_their_code_and_end() -> None:
    async with local_mail() as server:
        server.fail_next("refuse")
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as error:
            await send(server, mail("x", "<1@x>"))
        assert error.value.recipients[0].code == 450
        server.fail_next("refuse_data", reply="554 5.7.1 Rejected as spam")
        with pytest.raises(aiosmtplib.SMTPDataError) as rejected:
            await send(server, mail("x", "<1@x>"))
        assert rejected.value.code == 554
        await send(server, mail("x", "<1@x>"))
        assert len(server.mails) == 1


async def test_a_cut_connection_before_or_after_the_mail_is_kept() -> None:
    async with local_mail() as server:
        server.fail_next("disconnect")
        with pytest.raises(aiosmtplib.SMTPException):
            await send(server, mail("x", "<1@x>"))
        assert server.mails == []
        server.fail_next("drop_after")
        with pytest.raises(aiosmtplib.SMTPException):
            await send(server, mail("x", "<1@x>"))
        assert len(server.mails) == 1, "kept although the answer never came"


async def test_with_a_user_only_the_right_password_gets_in() -> None:
    async with local_mail(user="mythwatch", password="right") as server:
        with pytest.raises(aiosmtplib.SMTPException):
            await send(server, mail("x", "<1@x>"))
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(server, mail("x", "<1@x>"), username="mythwatch", password="wrong")
        await send(server, mail("x", "<1@x>"), username="mythwatch", password="right")
        assert len(server.mails) == 1


def test_a_mail_with_a_wrong_charset_is_still_shown() -> None:
    inbox = LocalMail()
    kept = inbox.keep(
        "a@x", ("b@x",), b"Subject: s\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nhello \xff\r\n"
    )
    assert kept.text.startswith("hello")
    assert kept.html == ""
