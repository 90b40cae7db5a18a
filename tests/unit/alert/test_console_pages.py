"""What the console's pages show, in which order, and that nothing from outside comes alive in them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from services.alert.cases import DAY_MS, HOUR_MS, Action, Decision, Status
from services.alert.console.spread import bars, span_for
from services.alert.console.words import ago, exact, percent, web_link
from services.alert.grouping import case_id
from services.alert.myth_rows import MythRecord
from services.stream import events_pb2 as events
from tests.unit.alert.console_app import Console, console
from tests.unit.alert.examples import DELETE, MYTH, NOW, OTHER, myth_event, myth_record, verdict, wave

CASE = case_id(MYTH)
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}</blockquote>"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path) as opened:
        await opened.sign_in()
        yield opened


class Tags(HTMLParser):
    """Elements of a page with their attributes, and its text."""

    def __init__(self, page: httpx.Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_an_empty_inbox_says_that_all_is_calm(desk: Console) -> None:
    assert "No narrative needs you right now." in (await desk.get("/")).text
    assert "There are no cases yet." in (await desk.get("/?status=all")).text
    assert "No claim matches “garlic”." in (await desk.get("/?q=garlic")).text


async def test_cases_come_by_urgency_then_rate(desk: Console) -> None:
    harms = {
        "a-niche": events.HARM_LOW,
        "b-watched": events.HARM_MODERATE,
        "c-slow": events.HARM_HIGH,
        "d-fast": events.HARM_HIGH,
    }
    records = [MythRecord(name, myth_event(name, harm).SerializeToString()) for name, harm in harms.items()]
    await desk.store.set_myths(records, NOW)
    await desk.store.take(wave(4, myth="c-slow", at_ms=NOW - 3 * HOUR_MS), NOW)
    await desk.store.take(wave(4, myth="d-fast") + wave(1, myth="a-niche") + wave(4, myth="b-watched"), NOW + 100)
    page = (await desk.get("/")).text
    order = [page.index(f"/cases/{case_id(name)}") for name in ("d-fast", "c-slow", "b-watched", "a-niche")]
    assert order == sorted(order)
    titles = [page.index(f'id="title-{name}"') for name in ("respond", "monitor", "ignore")]
    assert titles == sorted(titles)


async def test_a_row_shows_claim_advice_spread_and_times(desk: Console) -> None:
    await desk.store.set_myths([myth_record()], NOW)
    await desk.store.take(
        [*wave(4), verdict("bluesky:nl", "van zonnebrand krijg je kanker", author="x", language="nl")], NOW + 100
    )
    found = Tags(await desk.get("/"))
    for words in (
        "Sunscreen causes cancer.",
        "Monitor",
        "posted it 5 times",
        "English 4, Dutch 1",
        "Moderate harm",
        "Open",
        "1 min ago",
    ):
        assert words in found.text
    picture = next(attributes for tag, attributes in found.tags if tag == "svg" and attributes.get("role") == "img")
    assert "5 in all" in str(picture["aria-label"])
    times = [attributes for tag, attributes in found.tags if tag == "time"]
    assert {str(NOW - 1_000), str(NOW - 996)} <= {attributes["data-at"] for attributes in times}
    assert exact(NOW - 1_000) in {attributes["title"] for attributes in times}


async def test_the_inbox_is_filtered_by_status_advice_and_search(desk: Console) -> None:
    await desk.store.set_myths([myth_record(), MythRecord(OTHER, myth_event(OTHER).SerializeToString())], NOW)
    await desk.store.take(wave(4) + wave(1, myth=OTHER), NOW + 100)
    await desk.store.decide(Decision(CASE, Action.ACKNOWLEDGE, "officer", "console", "a"), NOW + 200)
    both = {CASE, case_id(OTHER)}

    async def shown(query: str) -> set[str]:
        page = (await desk.get(f"/{query}")).text
        return {found for found in both if f"/cases/{found}" in page}

    assert await shown("") == {case_id(OTHER)}
    assert await shown("?status=acknowledged") == {CASE}
    assert await shown("?status=all") == both
    assert await shown("?status=all&triage=monitor") == {CASE}
    assert await shown("?status=all&q=SUNSCREEN%20cancer") == both
    assert await shown("?status=all&q=garlic") == {case_id(OTHER)}
    assert await shown("?status=all&q=100%25") == set()
    for wrong in ("?status=nonsense&triage=x&most=-1", "?most=99999999999999999999", "?q=%00'%22;--"):
        assert (await desk.get(f"/{wrong}")).status_code == 200


async def test_an_unchanged_page_is_not_sent_again(desk: Console) -> None:
    await desk.store.take(wave(4), NOW + 100)
    for page, change in (("/", wave(1, start=8)), (f"/cases/{CASE}", wave(1, start=9))):
        found = Tags(await desk.get(page))
        address = next(str(attributes["hx-get"]) for _, attributes in found.tags if "data-live" in attributes)
        assert (await desk.get(address)).status_code == 204
        await desk.store.take(change, NOW + 300)
        answer = await desk.get(address)
        assert answer.status_code == 200
        assert "<html" not in answer.text


async def test_a_case_shows_all_that_speaks_for_it(desk: Console) -> None:
    await desk.store.set_myths([myth_record()], NOW)
    await desk.store.take(
        [*wave(4), verdict("bluesky:9", "zonnebrand is gif", author="ab" * 16, language="nl", reposts=3)], NOW + 100
    )
    found = Tags(await desk.get(f"/cases/{CASE}"))
    for words in (
        "Sunscreen causes cancer.", "Advice: monitor.", "Sunscreen lowers the risk of skin cancer.", "WHO", "Sun protection",
        "they are in the sun more", "People stop protecting their skin.", "Dermatology", "zonnebrand is gif", "Dutch", "Bluesky",
        "abababab", "3 reposts", "90% sure.", "repeats the myth.", "5 posts by 5 authors", "on its way", "Opened",
    ):  # fmt: skip
        assert words in found.text, words
    assert "ab" * 16 not in found.text
    links = {str(attributes["href"]): attributes for tag, attributes in found.tags if tag == "a"}
    for address in ("https://www.who.int/sun", "https://bsky.app/post/9"):
        assert links[address]["rel"] == "noopener noreferrer nofollow"
    assert ("blockquote", {"lang": "nl", "dir": "auto"}) in found.tags


async def test_markup_in_every_field_stays_text(desk: Console) -> None:
    myth = events.Myth(
        id=MYTH, topic=EVIL, claim={"en": EVIL}, fact={"en": EVIL}, why_misleading=EVIL, harm=events.HARM_HIGH,
        harm_reason=EVIL, specialty=EVIL, reviewed=EVIL,
        sources=[events.Source(organisation=EVIL, title=EVIL, url="https://x.example/" + EVIL), events.Source(organisation=EVIL, url=EVIL)],
    )  # fmt: skip
    await desk.store.set_myths([MythRecord(MYTH, myth.SerializeToString())], NOW)
    taken = []
    for number in range(3):
        item = verdict(
            f"bluesky:{number}{EVIL}",
            EVIL * (1 if number else 30),
            author=f"{number}{EVIL}",
            language=EVIL,
            url=f"https://x.example/{EVIL}",
        )
        item.verdict.post.platform = EVIL
        item.verdict.id = EVIL
        item.verdict.reasons[:] = [EVIL]
        taken.append(item)
    await desk.store.take(taken, NOW + 100)
    await desk.store.decide(Decision(CASE, Action.MUTE, EVIL, EVIL, "a", EVIL), NOW + 200)
    for path in (
        f"/cases/{CASE}",
        "/?status=all",
        f"/?status=all&q={EVIL}",
        f"/live/cases/{CASE}",
        f"/live/inbox?q={EVIL}",
    ):
        answer = await desk.get(path)
        assert answer.status_code == 200
        found = Tags(answer)
        assert "{{ 7*7 }}" in found.text
        for tag, attributes in found.tags:
            assert tag not in ("img", "iframe", "style")
            assert tag != "script" or str(attributes["src"]).startswith("/static/")
            assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
            assert not str(attributes.get("href", "")).startswith("https://x.example"), (
                "an address with markup is not linked"
            )
    for wrong in (f"/cases/{EVIL}", f"/{EVIL}", f"/sign-in?next={EVIL}"):
        assert "<img" not in (await desk.get(wrong)).text


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "//evil.example",
     "/relative", "http://", "https://[broken", "vbscript:x", "file:///etc/passwd", "https:\\\\evil.example", "https://a.example/\x00", ""],
)  # fmt: skip
async def test_only_web_addresses_become_links(desk: Console, url: str) -> None:
    assert web_link(url) == ""
    if "\x00" not in url:
        await desk.store.take([verdict("bluesky:1", "text", url=url)], NOW + 100)
        found = Tags(await desk.get(f"/cases/{CASE}"))
        assert not [attributes for tag, attributes in found.tags if tag == "a" and attributes.get("target") == "_blank"]


def test_ordinary_web_addresses_are_kept_as_they_are() -> None:
    for url in (
        "https://bsky.app/profile/did:plc:x/post/3l2?a=1&b=2#c",
        "http://example.org/é",
        "HTTPS://EXAMPLE.ORG/",
    ):
        assert web_link(url) == url


async def test_every_answer_forbids_inline_script_framing_and_keeping(desk: Console) -> None:
    await desk.store.take(wave(3), NOW + 100)
    for path in ("/", f"/cases/{CASE}", "/live/inbox", "/nowhere", "/static/console.js", "/static/../routes.py"):
        answer = await desk.get(path)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        if "static" not in path:
            assert answer.headers["cache-control"] == "no-store"
    page = (await desk.get(f"/cases/{CASE}")).text
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:", page)
    assert not re.search(r'(src|href)="(https?:)?//(?!bsky\.app)', page), "nothing is fetched from elsewhere"


async def test_decisions_change_the_case_once_and_are_in_its_history(desk: Console) -> None:
    await desk.store.take(wave(4), NOW + 100)
    page = await desk.get(f"/cases/{CASE}")
    form = {name: re.search(rf'name="{name}" value="([^"]*)"', page.text)[1] for name in ("csrf", "act")}  # type: ignore[index]
    for _ in range(2):
        answer = await desk.client.post(f"/cases/{CASE}/decisions", data={**form, "action": "acknowledge"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{CASE}")
    assert [entry.what for entry in await desk.store.history(CASE)].count("acknowledged") == 1
    found = Tags(await desk.get(f"/cases/{CASE}"))
    assert "Acknowledged by officer" in found.text
    for action, more, status in (
        ("mute", {"mute": "7d"}, Status.MUTED),
        ("reopen", {}, Status.OPEN),
        ("not_a_myth", {"note": "It is a film's title."}, Status.DISMISSED),
    ):
        assert (await desk.decide(CASE, action, **more)).status_code == 303
        view = await desk.store.view(CASE, desk.clock.now_ms)
        assert view is not None
        assert (view.case.status, view.case.decided_by, view.case.decided_via) == (status, "officer", "console")
        if status is Status.MUTED:
            assert view.case.muted_until_ms == desk.clock.now_ms + 7 * DAY_MS
    assert "It is a film&#39;s title." in (await desk.get(f"/cases/{CASE}")).text


async def test_the_page_s_script_gets_the_case_and_what_came_of_it(desk: Console) -> None:
    await desk.store.take(wave(4), NOW + 100)
    page = await desk.get(f"/cases/{CASE}")
    token = re.search(r'"X-CSRF-Token": "([0-9a-f]+)"', page.text)
    assert token is not None
    form = {"act": "x", "action": "mute", "mute": "1h"}
    headers = {"HX-Request": "true", "X-CSRF-Token": token[1]}
    answer = await desk.client.post(f"/cases/{CASE}/decisions", data=form, headers=headers)
    assert answer.status_code == 200
    found = Tags(answer)
    assert "Muted. Nobody is told" in found.text
    assert any(attributes.get("id") == "outcome" and attributes.get("hx-swap-oob") for _, attributes in found.tags)


@pytest.mark.parametrize(
    "wish",
    [{"action": "not_a_myth", "note": "  "}, {"action": "mute"}, {"action": "mute", "mute": "99d"}, {"action": "delete"}, {"action": ""},
     {"action": "acknowledge", "act": ""}, {"action": "acknowledge", "act": "x" * 65}, {"action": "not_a_myth", "note": "x" * 1_001}],
)  # fmt: skip
async def test_a_decision_that_makes_no_sense_changes_nothing_and_says_why(desk: Console, wish: dict[str, str]) -> None:
    await desk.store.take(wave(4), NOW + 100)
    answer = await desk.decide(CASE, wish.pop("action"), **wish)
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    view = await desk.store.view(CASE, NOW)
    assert view is not None
    assert view.case.status is Status.OPEN


async def test_unknown_cases_pages_and_large_requests_are_refused_in_words(desk: Console) -> None:
    for path in (f"/cases/{'0' * 32}", "/cases/%00", "/cases/x'--", "/live/cases/zz"):
        answer = await desk.get(path)
        assert answer.status_code == 404
        assert "There is no such case." in answer.text
    token = await desk.token("/")
    answer = await desk.client.post(
        f"/cases/{'0' * 32}/decisions", data={"csrf": token, "act": "a", "action": "reopen"}
    )
    assert answer.status_code == 404
    assert (await desk.client.post("/sign-in", data={"user": "x" * 70_000})).status_code == 413
    assert (await desk.client.put("/")).status_code == 405

    async def endless() -> AsyncIterator[bytes]:
        yield b"user=x"

    assert (await desk.client.post("/sign-in", content=endless())).status_code == 411
    # Both headers: the body is as long as it likes, whatever the length says.
    both = {"Content-Length": "6", "Transfer-Encoding": "chunked"}
    assert (await desk.client.post("/sign-in", content=endless(), headers=both)).status_code == 411


async def test_a_store_that_is_away_is_a_page_that_says_so(desk: Console, tmp_path: Path) -> None:
    await desk.store.database.close()
    gone = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-gone"))
    answer = await desk.get("/")
    assert answer.status_code == 503
    assert "Nothing is lost" in answer.text
    assert answer.headers["retry-after"]
    answer = await desk.get("/live/inbox", headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/plain")
    gone.rename(tmp_path)
    assert (await desk.get("/")).status_code == 200


async def test_a_deleted_post_is_on_no_page(desk: Console) -> None:
    await desk.store.take([*wave(3), verdict("bluesky:secret", "my own secret words", author="z")], NOW + 100)
    assert "my own secret words" in (await desk.get(f"/cases/{CASE}")).text
    await desk.store.take([verdict("bluesky:secret", action=DELETE, author="z", at_ms=NOW + 5_000)], NOW + 6_000)
    for path in (f"/cases/{CASE}", "/?status=all", f"/live/cases/{CASE}"):
        assert "my own secret words" not in (await desk.get(path)).text


def test_times_and_shares_are_said_as_people_say_them() -> None:
    said = {
        0: "just now",
        59_999: "just now",
        60_000: "1 min ago",
        3 * HOUR_MS: "3 h ago",
        DAY_MS: "1 day ago",
        3 * DAY_MS: "3 days ago",
    }
    assert {gone: ago(NOW - gone, NOW) for gone in said} == said
    assert ago(NOW + 23 * HOUR_MS, NOW) == "in 23 h"
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]{2} \d{4}", ago(NOW - 30 * DAY_MS, NOW))
    assert ago(0, NOW) == ""
    assert ago(10**18, NOW) == exact(10**18).split(",")[0] == "31 Dec 9999"
    assert [percent(share) for share in (0.914, 0.999, 1.0, 0.0)] == ["91%", "99%", "100%", "0%"]


@pytest.mark.parametrize(
    "age", [0, 1, HOUR_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS, 40 * DAY_MS, 100 * DAY_MS, 340 * DAY_MS]
)
def test_a_chart_reaches_back_to_the_first_post(age: int) -> None:
    span = span_for(NOW - age, NOW)
    assert age <= span.total_ms <= max(HOUR_MS, 7 * age)
    assert 12 <= span.steps <= 52


def test_bars_stand_on_the_ground_inside_the_picture_and_one_post_is_seen() -> None:
    drawn = bars([0, 1, 1000, 0], 100, 50)
    assert [bar.height for bar in drawn] == [0, 3, 50, 0]
    assert all(bar.y + bar.height == 50 and bar.x >= 0 and bar.x + bar.width <= 100 for bar in drawn)
    assert [bar.ago for bar in drawn] == [3, 2, 1, 0]
