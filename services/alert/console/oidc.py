"""Signing in with the hospital's own accounts: OpenID Connect, authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636).

The provider says who somebody is; the people file says what they may do (its field `account`). Nothing is stored: what has to survive
the way to the provider and back is in a signed cookie of ten minutes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.alert.texts import _

with warnings.catch_warnings():
    # Authlib asks for httpx2, which the rest of the house does not use yet.
    warnings.simplefilter("ignore")
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

WAY_S = 600
KNOWN_FOR_S = 3_600
LEEWAY_S = 60
# Signed by the provider's private key. Not "none", and no shared secret: a confused key must not open the door.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class CannotSignIn(Exception):
    """The message says what went wrong, without a secret."""


@dataclass(frozen=True)
class OnTheWay:
    """What comes back with somebody from the provider; `next_path` is where they wanted to go."""

    state: str
    nonce: str
    verifier: str
    next_path: str
    expires_s: int


class Provider:
    """One OpenID Connect provider. `claim`: what of the ID token names the person in the people file."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, claim: str, back: str, key: bytes) -> None:
        self._issuer, self._client_id, self._client_secret = issuer.rstrip("/"), client_id, client_secret
        self._claim, self._back = claim, back
        self._key = hmac.new(key, b"oidc", hashlib.sha256).digest()
        self._known: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._until_s = 0.0

    async def begin(self, next_path: str, now_s: float) -> tuple[str, str]:
        """(the provider's address to go to, the cookie's value). Raises CannotSignIn."""
        known = await self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        way = OnTheWay(state, nonce, verifier, next_path, int(now_s) + WAY_S)
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                known["authorization_endpoint"], state=way.state, code_verifier=way.verifier, nonce=way.nonce
            )
        return str(url), self._seal(way)

    async def end(self, cookie: str, state: str, code: str, now_s: float) -> tuple[str, str]:
        """(who it is by the claim, where they wanted to go). Raises CannotSignIn."""
        way = self._open(cookie, now_s)
        if way is None or not hmac.compare_digest(way.state.encode(), state.encode()):
            raise CannotSignIn(_("the way there and back took too long, or began elsewhere; try again"))
        known = await self._discovered()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    known["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=way.verifier
                )
        except (OAuthError, httpx.HTTPError, ValueError, KeyError) as error:
            raise CannotSignIn(
                _("the provider did not confirm it ({error})").format(error=type(error).__name__)
            ) from None
        return self._who(str(token.get("id_token", "")), way.nonce, now_s), way.next_path

    def _who(self, id_token: str, nonce: str, now_s: float) -> str:
        rules = jwt.JWTClaimsRegistry(
            now=int(now_s), leeway=LEEWAY_S, iss={"essential": True, "value": self._known["issuer"]},
            aud={"essential": True, "value": self._client_id}, nonce={"essential": True, "value": nonce},
            exp={"essential": True}, iat={"essential": True}, sub={"essential": True},
        )  # fmt: skip
        try:
            assert self._keys is not None
            claims = jwt.decode(id_token, self._keys, algorithms=ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            self._until_s = 0.0  # its keys may have changed: asked again next time
            raise CannotSignIn(
                _("the provider's answer is not valid ({error})").format(error=type(error).__name__)
            ) from None
        if len(_listed(claims["aud"])) > 1 and claims.get("azp") != self._client_id:
            raise CannotSignIn(_("the provider's answer is for another application"))
        if self._claim == "email" and claims.get("email_verified") in (False, "false", "False"):
            raise CannotSignIn(_("the provider has not verified the e-mail address"))
        who = claims.get(self._claim)
        if not isinstance(who, str) or not who:
            raise CannotSignIn(
                _("the provider says nothing of {claim}; see MYTHWATCH_ALERT_OIDC_CLAIM").format(
                    claim=repr(self._claim)
                )
            )
        return who

    async def _discovered(self) -> dict[str, Any]:
        """The provider's description and keys, asked at most once an hour."""
        if time.monotonic() < self._until_s:
            return self._known
        try:
            async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
                found = (await client.get(f"{self._issuer}/.well-known/openid-configuration")).raise_for_status().json()
                if str(found["issuer"]).rstrip("/") != self._issuer:
                    raise CannotSignIn(_("the provider calls itself otherwise; see MYTHWATCH_ALERT_OIDC_ISSUER"))
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not is_safe(str(found[name])):
                        raise CannotSignIn(_("the provider's {name} is not https").format(name=name))
                keys = (await client.get(found["jwks_uri"])).raise_for_status().json()
            self._keys = KeySet.import_key_set(keys)
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            raise CannotSignIn(_("the provider cannot be asked ({error})").format(error=type(error).__name__)) from None
        self._known, self._until_s = found, time.monotonic() + KNOWN_FOR_S
        return self._known

    def _client(self) -> Any:
        return AsyncOAuth2Client(
            self._client_id, self._client_secret, scope="openid email profile", redirect_uri=self._back,
            code_challenge_method="S256", timeout=10, trust_env=False,
        )  # fmt: skip

    def _seal(self, way: OnTheWay) -> str:
        body = json.dumps([way.state, way.nonce, way.verifier, way.next_path, way.expires_s])
        payload = base64.urlsafe_b64encode(body.encode()).decode()
        return f"{payload}.{self._sign(payload)}"

    def _open(self, cookie: str, now_s: float) -> OnTheWay | None:
        payload, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(payload).encode()):
            return None
        try:
            way = OnTheWay(*json.loads(base64.urlsafe_b64decode(payload)))
        except (ValueError, TypeError, binascii.Error):
            return None
        return way if now_s < way.expires_s else None

    def _sign(self, payload: str) -> str:
        return hmac.new(self._key, payload.encode(), hashlib.sha256).hexdigest()


def is_safe(url: str) -> bool:
    """https, or this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
