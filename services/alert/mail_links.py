"""Signed links in e-mails: one act on one case, by the person who got the mail, until the link expires. Pure.

Opening one changes nothing, because mail scanners open links: the page that it leads to asks, and its button acts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from services.alert.cases import DAY_MS, Action
from services.alert.texts import Said, later

LIFETIME_S = 7 * DAY_MS // 1000
ACTS = Said({
    Action.ACKNOWLEDGE: later("Acknowledge"), Action.MUTE: later("Mute for 24 hours"), Action.NOT_A_MYTH: later("Not a myth…"),
})  # fmt: skip
"""What a mail offers, in order."""
_MOST = 1_000


@dataclass(frozen=True)
class MailAct:
    """What a link asks for; `expires_s` is seconds since 1970, UTC."""

    case_id: str
    action: Action
    person: str
    expires_s: int


class MailLinks:
    """Makes and reads the links with a key of the console's; `console` is its address."""

    def __init__(self, key: bytes, console: str) -> None:
        self._key = hmac.new(key, b"mail links", hashlib.sha256).digest()
        self._console = console

    def offered(self, case_id: str, person: str, now_ms: int) -> list[tuple[str, str]]:
        """(words, address) of each act. Equal in and equal out: a mail that is sent again has the same links."""
        expires_s = now_ms // 1000 + LIFETIME_S
        return [
            (words, f"{self._console}/act/{self.seal(MailAct(case_id, action, person, expires_s))}")
            for action, words in ACTS.items()
        ]

    def seal(self, act: MailAct) -> str:
        """The last part of the address."""
        body = json.dumps([act.case_id, act.action.value, act.person, act.expires_s], separators=(",", ":"))
        payload = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
        return f"{payload}.{self._sign(payload)}"

    def open(self, token: str, now_s: float) -> MailAct | None:
        """What a link asks for; None when it is forged, broken or expired."""
        payload, _, signature = token.partition(".")
        if len(token) > _MOST or not hmac.compare_digest(signature.encode(), self._sign(payload).encode()):
            return None
        try:
            case_id, action, person, expires_s = json.loads(
                base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            )
        except (ValueError, binascii.Error):
            return None
        return MailAct(case_id, Action(action), person, expires_s) if now_s < expires_s else None

    def _sign(self, payload: str) -> str:
        return hmac.new(self._key, payload.encode(), hashlib.sha256).hexdigest()
