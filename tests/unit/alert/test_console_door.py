"""Who gets into the console, how long, how often it may be tried, and what a form must carry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.alert.cases import Status
from services.alert.console.session import LIFETIME_S, Sessions
from services.alert.console.sign_in_limit import TRIES, SignInLimit
from services.alert.grouping import case_id
from tests.unit.alert.console_app import PASSWORD, Console, console, field
from tests.unit.alert.examples import MYTH, NOW, wave

CASE = case_id(MYTH)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path) as opened:
        await opened.store.take(wave(5), NOW + 1_000)
        yield opened


async def test_nothing_is_shown_before_signing_in_and_signing_in_leads_back(desk: Console) -> None:
    for path in ("/", f"/cases/{CASE}"):
        answer = await desk.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == ("/sign-in" if path == "/" else f"/sign-in?next=/cases/{CASE}")
    for path in ("/live/inbox", f"/live/cases/{CASE}"):
        answer = await desk.get(path, headers={"HX-Request": "true"})
        assert answer.status_code == 401
        assert answer.headers["hx-redirect"].startswith("/sign-in")
        assert "sunscreen" not in answer.text.lower()
    answer = await desk.try_sign_in(next=f"/cases/{CASE}")
    assert answer.headers["location"] == f"/cases/{CASE}"
    assert "they lie about sunscreen 5" in (await desk.get(f"/cases/{CASE}")).text


async def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(tmp_path: Path) -> None:
    async with console(tmp_path, console_url="https://mythwatch.hospital.example") as desk:
        cookie = (await desk.try_sign_in()).headers["set-cookie"]
        assert cookie.startswith("__Host-mythwatch=")
        for part in ("HttpOnly", "SameSite=lax", "Secure", "Path=/", f"Max-Age={8 * 3600}"):
            assert part in cookie
        assert "max-age" in (await desk.get("/")).headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("user", "password"), [("officer", "guess-1"), ("Officer", PASSWORD), ("", ""), ("officer", "")]
)
async def test_a_wrong_name_or_password_is_answered_alike_and_lets_nobody_in(
    desk: Console, user: str, password: str
) -> None:
    answer = await desk.try_sign_in(user, password)
    assert answer.status_code == 401
    assert "The name or the password is not right." in answer.text
    assert password not in answer.text or not password
    assert (await desk.get("/")).status_code == 303


async def test_the_sixth_try_within_a_minute_is_refused_even_with_the_right_password(desk: Console) -> None:
    for _ in range(5):
        assert (await desk.try_sign_in(password="wrong")).status_code == 401
        desk.clock.now_s += 2
    answer = await desk.try_sign_in()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "50"
    assert "Wait 50 seconds" in answer.text
    desk.clock.now_s += 50
    assert (await desk.try_sign_in()).status_code == 303


def test_tries_of_one_address_do_not_lock_out_another() -> None:
    limit = SignInLimit()
    assert [limit.wait_s("10.0.0.1", 100.0 + n) for n in range(TRIES + 1)] == [0] * TRIES + [55]
    assert limit.wait_s("10.0.0.2", 105.0) == 0


async def test_a_session_ends_after_eight_hours(desk: Console) -> None:
    await desk.sign_in()
    desk.clock.now_s += LIFETIME_S - 1
    assert (await desk.get("/")).status_code == 200
    desk.clock.now_s += 1
    assert (await desk.get("/")).headers["location"] == "/sign-in"


async def test_signing_out_ends_copies_of_the_cookie_too(desk: Console) -> None:
    await desk.sign_in()
    stolen = desk.client.cookies["mythwatch"]
    answer = await desk.client.post("/sign-out", data={"csrf": field(await desk.get("/"), "csrf")})
    assert answer.headers["location"] == "/sign-in"
    assert "mythwatch" not in desk.client.cookies
    desk.client.cookies.set("mythwatch", stolen)
    assert (await desk.get("/")).status_code == 303


def test_a_forged_broken_or_foreign_cookie_opens_nothing() -> None:
    sessions, others = Sessions(b"k" * 32), Sessions(b"o" * 32)
    session = sessions.begin("officer", 0)
    sealed = sessions.seal(session)
    assert sessions.open(sealed, 1) == session
    payload, signature = sealed.split(".")
    admin = others.seal(others.begin("admin", 0)).split(".")[0]
    for forged in (
        "", ".", sealed[:-1], payload, f"{payload}.", f"{admin}.{signature}", others.seal(session), "é." + signature,
        sealed + "0", "x" * 5_000,
    ):  # fmt: skip
        assert sessions.open(forged, 1) is None


async def test_sessions_outlive_a_restart_and_end_with_the_password(tmp_path: Path) -> None:
    async with console(tmp_path) as desk:
        await desk.sign_in()
        cookie = desk.client.cookies["mythwatch"]
    for password, code in ((PASSWORD, 200), ("another password", 303)):
        async with console(tmp_path, console_password=SecretStr(password)) as desk:
            desk.client.cookies.set("mythwatch", cookie)
            assert (await desk.get("/")).status_code == code


async def test_without_a_password_no_case_is_served_and_the_setting_is_named(tmp_path: Path) -> None:
    for missing in (None, SecretStr("")):
        async with console(tmp_path, console_password=missing) as desk:
            for path in ("/", "/sign-in", f"/cases/{CASE}", "/live/inbox"):
                answer = await desk.get(path)
                assert answer.status_code == 503
                assert "MYTHWATCH_ALERT_CONSOLE_PASSWORD" in answer.text
            assert (await desk.client.post("/sign-in", data={"user": "officer", "password": ""})).status_code == 503


async def test_a_form_without_the_session_s_token_changes_nothing(desk: Console) -> None:
    await desk.sign_in()
    page = await desk.get(f"/cases/{CASE}")
    form = {"act": field(page, "act"), "action": "acknowledge"}
    others = Sessions(b"o" * 32)
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": others.csrf_token(others.begin("officer", 0))}):
        answer = await desk.client.post(f"/cases/{CASE}/decisions", data={**form, **token})
        assert answer.status_code == 403
        answer = await desk.client.post(
            f"/cases/{CASE}/decisions", data=form, headers={"HX-Request": "true", "X-CSRF-Token": token.get("csrf", "")}
        )
        assert answer.status_code == 403
    assert (await desk.client.post("/sign-out")).status_code == 403
    assert (await desk.client.post("/sign-in", data={"user": "officer", "password": PASSWORD})).status_code == 403
    view = await desk.store.view(CASE, NOW)
    assert view is not None
    assert view.case.status is Status.OPEN
    assert (await desk.get("/")).status_code == 200


async def test_the_token_of_the_sign_in_page_is_worth_nothing_afterwards(desk: Console) -> None:
    before = await desk.token("/sign-in")
    await desk.sign_in()
    form = {"csrf": before, "act": "a1", "action": "acknowledge"}
    assert (await desk.client.post(f"/cases/{CASE}/decisions", data=form)).status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/cases/../x", "javascript:alert(1)", "/\n/evil"],
)
async def test_signing_in_never_leads_to_another_site(desk: Console, elsewhere: str) -> None:
    assert (await desk.try_sign_in(next=elsewhere)).headers["location"] == "/"


async def test_no_secret_is_in_a_page_or_a_log(desk: Console, capfd: pytest.CaptureFixture[str]) -> None:
    await desk.try_sign_in(password="almost the password")
    await desk.sign_in()
    page = await desk.get("/")
    written = "".join(capfd.readouterr())
    for secret in (PASSWORD, "almost the password", desk.client.cookies["mythwatch"]):
        assert secret not in page.text
        assert secret not in written
