"""An OpenID Connect provider true to the wire: discovery, code flow with PKCE, signed ID tokens, client sign-in (Core 1.0, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "mythwatch console", "a client secret"


class OidcProvider:
    """`claims` are said of whoever comes by; `change` alters an ID token before it is signed; `key` signs, `shown_key` is published."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = self.shown_key = self.new_key()
        self.claims: dict[str, Any] = {"sub": "42", "email": "anna@hospital.example", "email_verified": True}
        self.change: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.refuses = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.problems: list[str] = []

    @staticmethod
    def new_key() -> RSAKey:
        return RSAKey.generate_key(2048, parameters={"kid": secrets.token_hex(4), "use": "sig"}, private=True)

    async def describe(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint": f"{self.issuer}/token", "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            }
        )  # fmt: skip

    async def keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.shown_key.as_dict(private=False)]})

    async def authorize(self, request: web.Request) -> web.Response:
        """Somebody who is signed in there already and agrees, or (`refuses`) doesn't."""
        asked = dict(request.query)
        wrong = (
            asked.get("response_type") != "code"
            or "openid" not in asked.get("scope", "")
            or asked.get("client_id") != CLIENT
        )
        if wrong or asked.get("code_challenge_method") != "S256" or not asked.get("nonce"):
            self.problems.append(f"authorize: {asked}")
            return web.Response(status=400, text="invalid_request")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"error": self.refuses} if self.refuses else {"code": code}
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked['state']})}")

    async def token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        asked = self.codes.pop(str(form.get("code")), None)
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        client = base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
        if (unquote(client[0].replace("+", " ")), unquote(client[2].replace("+", " "))) != (CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if (
            asked is None
            or challenge.decode().rstrip("=") != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        claims = {name: value for name, value in {**claims, **self.change}.items() if value is not None}
        signed = jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, self.key)
        return web.json_response({"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": signed})


@asynccontextmanager
async def oidc_provider() -> AsyncIterator[OidcProvider]:
    """A running provider on a free port."""
    provider = OidcProvider()
    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", provider.describe), web.get("/keys", provider.keys),
            web.get("/authorize", provider.authorize), web.post("/token", provider.token),
        ]
    )  # fmt: skip
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield provider
    finally:
        await runner.cleanup()
