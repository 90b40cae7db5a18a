"""Reviews of fact-checkers in the console: only from publishers on the list, escaped, and no myth before people made it one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.alert.review_import import MOST_SHOWN, offers
from services.stream.claim_review import parse_reviews
from tests.unit.alert.console_app import Console, console, field
from tests.unit.alert.examples import NOW, myth_record


def review(claim: str, publisher: str = "Good Checker", **more: Any) -> dict[str, Any]:
    return {
        "@type": "ClaimReview", "claimReviewed": claim, "author": {"@type": "Organization", "name": publisher},
        "url": f"https://good.example/{abs(hash(claim))}", "reviewBody": "No study shows it.", "inLanguage": "en", **more,
    }  # fmt: skip


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path, review_publishers="good checker, factcheck.example") as opened:
        await opened.store.set_myths([myth_record()], NOW)
        await opened.sign_in()
        yield opened


async def upload(desk: Console, content: bytes | str) -> httpx.Response:
    token = field(await desk.get("/myths/import"), "csrf")
    raw = content.encode() if isinstance(content, str) else content
    return await desk.client.post("/myths/import", data={"csrf": token}, files={"file": ("reviews.json", raw)})


async def test_a_review_becomes_the_start_of_a_myth(desk: Console) -> None:
    page = await upload(desk, json.dumps([review("Onion in a sock cures fever."), review("Other.", "Somebody else")]))
    assert page.status_code == 200
    assert "Onion in a sock cures fever." in page.text
    assert "Somebody else (1)" in page.text
    assert "Other." not in page.text
    begin = {name: field(page, name) for name in ("csrf", "claim_en", "fact_en", "sources")}
    form = await desk.client.post("/myths/new", data=begin)
    assert "Onion in a sock cures fever.</textarea>" in form.text
    assert "No study shows it.</textarea>" in form.text
    assert "Good Checker" in form.text
    assert [line.myth.id for line in await desk.store.myth_desk.lines()] != []
    assert await desk.store.myth_desk.waiting() == [], "nothing is kept before somebody proposes it"


async def test_pasted_text_serves_as_well(desk: Console) -> None:
    token = field(await desk.get("/myths/import"), "csrf")
    form = {"csrf": token, "text": json.dumps(review("Pasted claim."))}
    assert "Pasted claim." in (await desk.client.post("/myths/import", data=form)).text


async def test_markup_in_a_review_stays_text(desk: Console) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    page = await upload(desk, json.dumps([review(evil, title=evil, reviewBody=evil, url="javascript:alert(3)")]))
    assert "&lt;script&gt;" in page.text
    for bad in ("<script>alert", "<img src=x", 'href="javascript'):
        assert bad not in page.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no myths"),
        ("{nonsense", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([{"claimReviewed": ""}]), "claimReviewed"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
)
async def test_a_file_that_is_none_is_refused_in_words(desk: Console, content: bytes | str, words: str) -> None:
    answer = await upload(desk, content)
    assert (answer.status_code, words in answer.text) == (400, True)


async def test_too_large_a_file_is_refused_unread(desk: Console) -> None:
    assert (await upload(desk, b" " * 1_100_000)).status_code == 413


async def test_without_publishers_nothing_is_imported(tmp_path: Path) -> None:
    async with console(tmp_path) as opened:
        await opened.sign_in()
        page = await opened.get("/myths/import")
        assert "MYTHWATCH_ALERT_REVIEW_PUBLISHERS" in page.text
        assert 'type="file"' not in page.text
        sent = await opened.client.post(
            "/myths/import", data={"csrf": field(await opened.get("/"), "csrf"), "text": json.dumps(review("x"))}
        )
        assert sent.status_code == 404


def test_publishers_are_known_by_name_or_host_and_large_files_are_cut() -> None:
    some = [
        review("By name", "GOOD CHECKER"), review("By host", "Another", url="https://www.factcheck.example/1"),
        review("By neither", "Another", url="https://factcheck.example.evil.example/1"), {"id": "x", "text": "Nobody's"},
    ]  # fmt: skip
    found = offers(parse_reviews(json.dumps(some)), ["Good Checker", "factcheck.example"])
    assert [offer.review.claim for offer in found.offers] == ["By name", "By host"]
    assert found.refused == {"Another": 1, "no publisher named": 1}
    many = offers(parse_reviews(json.dumps([review(f"Claim {n}") for n in range(MOST_SHOWN + 5)])), ["good checker"])
    assert (len(many.offers), many.left_out) == (MOST_SHOWN, 5)
