"""Signing in with the hospital's account: only whom the provider names, freshly and for us, and whom the people file knows."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from services.alert.people import PeopleError, hashed, read_people
from tests.contracts.oidc_provider import CLIENT, SECRET, OidcProvider, oidc_provider
from tests.unit.alert.console_app import Console, console

PEOPLE = {
    "anna": {"role": "clinician", "account": "Anna@hospital.example"},
    "bert": {"role": "officer", "password": hashed("a long password")},
}


@pytest.fixture
async def provider() -> AsyncIterator[OidcProvider]:
    async with oidc_provider() as running:
        yield running


@pytest.fixture
async def desk(tmp_path: Path, provider: OidcProvider) -> AsyncIterator[Console]:
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump(PEOPLE))
    settings = {
        "people": path, "console_password": None, "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT,
        "oidc_client_secret": SecretStr(SECRET), "console_url": "http://console.test",
    }  # fmt: skip
    async with console(tmp_path, **settings) as opened:
        opened.clock.now_s = time.time()
        yield opened


async def there(desk: Console, next_path: str = "/") -> str:
    """The address that the provider sends the browser back to."""
    begun = await desk.get(f"/sign-in/account?next={next_path}")
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(begun.headers["location"])
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"]).removeprefix("http://console.test")


async def signed_in(desk: Console) -> bool:
    return (await desk.get("/insight")).status_code == 200


async def test_somebody_of_the_people_file_comes_in_and_goes_where_they_wanted(desk: Console) -> None:
    assert "Sign in with your hospital account" in (await desk.get("/sign-in")).text
    answer = await desk.get(await there(desk, "/insight"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/insight")
    page = await desk.get("/insight")
    assert "Signed in as <strong>anna</strong>" in page.text


async def test_somebody_else_stays_outside(desk: Console, provider: OidcProvider) -> None:
    provider.claims["email"] = "eve@hospital.example"
    answer = await desk.get(await there(desk))
    assert answer.status_code == 403
    assert "eve@hospital.example is not in the people file" in answer.text
    assert not await signed_in(desk)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another application"}, {"iss": "https://evil.example"}, {"nonce": "another"}, {"nonce": None},
        {"exp": 1}, {"exp": None}, {"iat": None}, {"sub": None}, {"email": None}, {"email": ["anna@hospital.example"]},
        {"email_verified": False}, {"aud": [CLIENT, "another"]}, {"aud": [CLIENT, "another"], "azp": "another"}, {"iat": 2**34},
    ],
)  # fmt: skip
async def test_a_token_that_is_not_fresh_or_not_for_us_opens_nothing(
    desk: Console, provider: OidcProvider, change: dict[str, Any]
) -> None:
    provider.change = change
    answer = await desk.get(await there(desk))
    assert answer.status_code == 403
    assert not await signed_in(desk)


async def test_a_token_signed_by_another_key_opens_nothing_and_new_keys_are_taken_up(
    desk: Console, provider: OidcProvider
) -> None:
    assert (await desk.get(await there(desk))).status_code == 303
    desk.client.cookies.clear()
    provider.key = provider.new_key()
    assert (await desk.get(await there(desk))).status_code == 403
    assert not await signed_in(desk)
    provider.shown_key = provider.key
    await desk.get(await there(desk))
    desk.client.cookies.clear()
    assert (await desk.get(await there(desk))).status_code == 303


async def test_the_way_back_must_have_begun_here_and_a_while_ago_at_most(desk: Console) -> None:
    back = await there(desk)
    mine = dict(desk.client.cookies)
    desk.client.cookies.clear()
    assert (await desk.get(back)).status_code == 403, "somebody else's browser"
    desk.client.cookies.update(mine)
    assert (await desk.get(back.replace("state=", "state=x"))).status_code == 403
    desk.clock.now_s += 601
    assert (await desk.get(back)).status_code == 403
    assert not await signed_in(desk)


async def test_a_refusal_and_a_code_used_twice_say_what_to_do(desk: Console, provider: OidcProvider) -> None:
    back = await there(desk)
    assert (await desk.get(back)).status_code == 303
    desk.client.cookies.clear()
    assert (await desk.get(back)).status_code == 403
    provider.refuses = "access_denied"
    answer = await desk.get(await there(desk))
    assert (answer.status_code, "the provider says no" in answer.text) == (403, True)


async def test_a_provider_that_is_away_is_said_so_and_passwords_still_work(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump(PEOPLE))
    settings = {"people": path, "console_password": None, "oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": CLIENT}
    async with console(tmp_path, **settings) as opened:
        answer = await opened.get("/sign-in/account")
        assert answer.status_code == 403
        assert "cannot be asked" in answer.text
        assert (await opened.try_sign_in("bert")).status_code == 303


async def test_where_to_go_next_is_never_another_site(desk: Console) -> None:
    answer = await desk.get(await there(desk, "//evil.example/"))
    assert answer.headers["location"] == "/"


def test_two_people_cannot_share_an_account(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump({name: {"role": "viewer", "account": "A@x.example"} for name in ("a", "b")}))
    with pytest.raises(PeopleError, match="the same account"):
        read_people(path)
