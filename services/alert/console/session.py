"""Who is signed in: a signed cookie that says so until it expires, and the token that every form must carry back.

Nothing is stored but the sessions that were signed out; the key comes from the passwords (people.signing_key), so that sessions
outlive a restart and end when one changes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

LIFETIME_S = 8 * 3600
_MOST_COOKIE = 1_000


@dataclass(frozen=True)
class Session:
    """One visit; `user` is empty until somebody signs in. `expires_s` is seconds since 1970, UTC."""

    id: str
    user: str
    expires_s: int


class Sessions:
    """Opens and seals sessions with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._ended: dict[str, int] = {}

    def begin(self, user: str, now_s: float) -> Session:
        """A new session, with a new id: what was known of an earlier one is worth nothing."""
        return Session(secrets.token_urlsafe(18), user, int(now_s) + LIFETIME_S)

    def seal(self, session: Session) -> str:
        """The cookie's value."""
        body = json.dumps([session.id, session.user, session.expires_s], separators=(",", ":"))
        payload = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
        return f"{payload}.{self._sign('session', payload)}"

    def open(self, cookie: str, now_s: float) -> Session | None:
        """The session in a cookie; None when it is forged, broken, expired or ended."""
        payload, _, signature = cookie.partition(".")
        if len(cookie) > _MOST_COOKIE or not self._same(signature, self._sign("session", payload)):
            return None
        try:
            session_id, user, expires_s = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (ValueError, binascii.Error):
            return None
        if now_s >= expires_s or session_id in self._ended:
            return None
        return Session(session_id, user, expires_s)

    def end(self, session: Session, now_s: float) -> None:
        """A copy of its cookie is worth nothing from now on (in this process)."""
        self._ended = {known: expires for known, expires in self._ended.items() if expires > now_s}
        self._ended[session.id] = session.expires_s

    def csrf_token(self, session: Session) -> str:
        """What every form of this session carries."""
        return self._sign("csrf", session.id)

    def is_csrf_token(self, session: Session, given: str) -> bool:
        """Did the form come from a page of this session?"""
        return self._same(given, self.csrf_token(session))

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _same(given: str, right: str) -> bool:
        return hmac.compare_digest(given.encode(), right.encode())
