"""`/api/v1`: who may, what comes back, that nothing happens twice, and what a mistake is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from services.alert.cases import Status
from services.alert.grouping import case_id
from services.alert.people import MAY, Act, Role, token_hash
from services.alert.routes import parse_routes
from services.command.main import app as command
from services.stream import events_pb2 as events
from tests.unit.alert.console_app import Console, console
from tests.unit.alert.examples import DELETE, MYTH, NOW, OTHER, myth_record, wave

ROUTES = """
people: {anna: {name: Anna, email: anna@hospital.example}}
rotas: {skin: {people: [anna], first: 2026-01-05}}
places: {desk: {slack: C11}}
rules: [{name: sun, when: {topic: sun}, tell: [on call skin, desk]}]
"""
FORGOTTEN: list[events.SocialPost] = []
CASE, SECOND = case_id(MYTH), case_id(OTHER)
BASE = f"/api/v1/cases/{CASE}"
ANSWER = {"language": "en", "place": "bluesky", "text": "Sunscreen does not cause cancer."}
WRITES: dict[str, tuple[Act, dict[str, Any]]] = {
    "decisions": (Act.DECIDE, {"action": "acknowledge"}),
    "answers": (Act.PROPOSE, ANSWER),
    "split": (Act.ARRANGE, {"posts": [f"bluesky:{MYTH}-1"]}),
    "unmerge": (Act.ARRANGE, {}),
    "merge": (Act.ARRANGE, {"into": SECOND}),
    f"answers/{CASE}/approve": (Act.APPROVE, {}),
    f"answers/{CASE}/withdraw": (Act.APPROVE, {}),
}


def token(name: str) -> str:
    return f"mw_{name}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    people = {name: {"role": role, "token": token_hash(token(name))} for name, role in
              {**{role.value: role.value for role in Role}, "berta": "clinician"}.items()}  # fmt: skip
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump(people), encoding="utf-8")

    async def forget(event: events.SocialPost) -> None:
        FORGOTTEN.append(event)

    FORGOTTEN.clear()
    async with console(
        tmp_path, people=path, console_password=None, forget=forget, review_publishers="good checker"
    ) as opened:
        await opened.store.set_myths([myth_record(), myth_record(OTHER)], NOW)
        await opened.store.take([*wave(4), *wave(5, myth=OTHER)], NOW + 100)
        yield opened


def by(name: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(name)}", **more}


async def post(desk: Console, path: str, body: object, who: str = "admin", **headers: str) -> httpx.Response:
    return await desk.client.post(path, json=body, headers=by(who, **headers))


async def test_without_a_token_there_is_nothing(desk: Console) -> None:
    document = (await desk.get("/api/v1/openapi.json")).json()
    tried = 0
    for path, methods in document["paths"].items():
        filled = "/api/v1" + path.replace("{case_id}", CASE).replace("{answer_id}", CASE)
        for method in methods:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {token('admin')}"}):
                answer = await desk.client.request(method, filled, headers=headers, json={})
                assert answer.status_code in (400, 401), (method, path)
                assert "Sunscreen" not in answer.text
                tried += 1
    assert tried >= 30
    assert (await desk.get("/api/v1/cases")).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_what_it_may_in_the_console(desk: Console, role: Role) -> None:
    assert (await desk.get("/api/v1/cases", headers=by(role.value))).status_code == 200
    for path, (act, body) in WRITES.items():
        answer = await post(desk, f"{BASE}/{path}", body, role.value)
        assert (answer.status_code == 403) == (act not in MAY[role]), path
        if answer.status_code == 403:
            assert role.value in answer.json()["error"]


async def test_the_inbox_and_a_case(desk: Console) -> None:
    found = (await desk.get("/api/v1/cases?status=open&limit=1", headers=by("viewer"))).json()
    assert found["total"] == 2
    assert len(found["cases"]) == 1
    one = (await desk.get(BASE, headers=by("viewer"))).json()
    assert (one["claim"], one["posts"], one["status"]) == ("Sunscreen causes cancer.", 4, "open")
    assert one["myth"]["topic"] == "sun"
    assert sum(one["hours"]) == 4
    posts = (await desk.get(f"{BASE}/posts?limit=2", headers=by("viewer"))).json()
    assert len(posts) == 2
    assert posts[0]["text"].startswith("they lie about sunscreen")


async def test_a_decision_is_recorded_once_with_the_person_and_the_way(desk: Console) -> None:
    for _ in range(2):
        answer = await post(
            desk, f"{BASE}/decisions", {"action": "acknowledge"}, "officer", **{"Idempotency-Key": "once"}
        )
        assert answer.json()["status"] == "acknowledged"
    history = (await desk.get(f"{BASE}/history", headers=by("viewer"))).json()
    assert [(one["who"], one["via"]) for one in history if "cknowledged" in one["what"]] == [("officer", "api")]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"action": "explode"}, "action"),
        ({}, "action"),
        ({"action": "not_a_myth", "note": " "}, "note"),
        ({"action": "assign"}, "assignee"),
        ({"action": "assign", "assignee": "a\nb"}, "assignee"),
        ({"action": "answered", "answer_url": "javascript:alert(1)"}, "answer_url"),
        ({"action": "mute", "mute_hours": 5}, "mute_hours"),
        ({"action": "mute", "note": "x" * 1_001}, "note"),
        ({"action": "acknowledge", "extra": 1}, "extra"),
        ([], "body"),
    ],
)
async def test_a_mistake_names_its_field_and_changes_nothing(desk: Console, body: object, told: str) -> None:
    answer = await post(desk, f"{BASE}/decisions", body)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    found = await desk.store.view(CASE, desk.clock.now_ms)
    assert found is not None
    assert found.case.status is Status.OPEN


async def test_merging_undoing_and_splitting(desk: Console) -> None:
    merged = await post(desk, f"{BASE}/merge", {"into": SECOND, "why": "the same"})
    assert merged.json()["posts"] == 9
    assert (await post(desk, f"{BASE}/merge", {"into": CASE})).status_code == 409
    assert (await post(desk, f"{BASE}/unmerge", {})).json()["posts"] == 4
    split = await post(desk, f"{BASE}/split", {"posts": [f"bluesky:{MYTH}-1"]})
    assert split.json()["posts"] == 1
    assert (await post(desk, f"/api/v1/cases/{'f' * 32}/merge", {"into": CASE})).status_code == 409


async def test_an_answer_needs_a_second_person(desk: Console) -> None:
    proposed = await post(desk, f"{BASE}/answers", ANSWER, "clinician")
    assert proposed.status_code == 201
    path = f"{BASE}/answers/{proposed.json()['id']}/approve"
    assert (await post(desk, path, {}, "clinician")).status_code == 403
    assert (await post(desk, path, {}, "berta")).json()[0]["state"] == "approved"
    too_long = await post(desk, f"{BASE}/answers", {**ANSWER, "text": "x" * 5_000})
    assert too_long.status_code == 409
    assert "long" in too_long.json()["error"] or "characters" in too_long.json()["error"]


async def test_insight_counts_what_the_page_counts(desk: Console) -> None:
    await post(desk, f"{BASE}/decisions", {"action": "not_a_myth", "note": "a film"})
    found = (await desk.get("/api/v1/insight?days=7", headers=by("viewer"))).json()
    assert found["topics"] == [{"topic": "sun", "cases": 2, "respond": 0, "posts": 9, "not_a_myth": 1}]


async def test_what_is_not_there_is_said_so(desk: Console) -> None:
    missing = await desk.get(f"/api/v1/cases/{'f' * 32}", headers=by("viewer"))
    assert (missing.status_code, missing.json()["error"]) == (404, f"there is no case {'f' * 32}")
    assert (await desk.get("/api/v1/nothing", headers=by("viewer"))).status_code == 404
    assert (await desk.get("/api/v1/cases?limit=0", headers=by("viewer"))).status_code == 400
    assert (await desk.get("/api/v1/cases/..%2f..", headers=by("viewer"))).status_code in (400, 404)


def test_the_command_makes_a_token_and_its_hash() -> None:
    said = CliRunner().invoke(command, ["people", "token"]).output
    made, kept = (line.split()[1] for line in said.strip().splitlines())
    assert kept == token_hash(made)
    assert len(made) > 40


NEW_MYTH: dict[str, Any] = {
    "claim": {"en": "Cold showers cure depression."}, "fact": {"en": "No trial shows that."},
    "said_as": ["one cold shower a day and no more pills"], "topic": "mental-health", "specialty": "psychiatry",
    "why_misleading": "Feeling fresh is not being well.", "harm": "high", "harm_reason": "People stop their medicine.",
    "sources": [{"organisation": "WHO", "title": "Depression", "url": "https://www.who.int/depression"}],
}  # fmt: skip


async def test_a_myth_is_proposed_by_one_and_approved_by_another(desk: Console) -> None:
    made = (await post(desk, "/api/v1/myths", NEW_MYTH, who="clinician", **{"Idempotency-Key": "one"})).json()
    again = (await post(desk, "/api/v1/myths", NEW_MYTH, who="clinician", **{"Idempotency-Key": "one"})).json()
    assert made == again
    assert (made["state"], made["author"]) == ("proposed", "clinician")
    myth = made["myth"]["id"]
    assert (await desk.get(f"/api/v1/myths/{myth}", headers=by("viewer"))).status_code == 404
    settle = f"/api/v1/myths/{myth}/versions/{made['id']}"
    assert (await post(desk, f"{settle}/approve", {}, who="clinician")).status_code == 403
    (approved,) = (await post(desk, f"{settle}/approve", {}, who="berta")).json()
    assert (approved["state"], approved["approver"]) == ("approved", "berta")
    whole = (await desk.get(f"/api/v1/myths/{myth}", headers=by("viewer"))).json()
    assert {name: whole[name] for name in NEW_MYTH} == NEW_MYTH
    listed = (await desk.get("/api/v1/myths", headers=by("viewer"))).json()
    assert myth in {one["id"] for one in listed}
    assert (await post(desk, f"{settle}/withdraw", {}, who="berta")).status_code == 409
    assert (await post(desk, "/api/v1/myths", NEW_MYTH, who="officer")).status_code == 409
    changed = await post(desk, f"/api/v1/myths/{myth}/versions", {**NEW_MYTH, "harm": "low"}, who="officer")
    assert (changed.status_code, changed.json()["myth"]["harm"]) == (201, "low")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"claim": {}}, "claim in English"),
        ({"claim": {"en": "x", "xx": "y"}}, "no language xx"),
        ({"harm": "huge"}, "harm"),
        ({"sources": []}, "sources"),
        ({"sources": [{"organisation": "A", "url": "javascript://x"}]}, "not a web address"),
        ({"said_as": "no list"}, "said_as"),
    ],
)
async def test_a_wrong_myth_is_refused_by_its_field(desk: Console, change: dict[str, Any], told: str) -> None:
    answer = await post(desk, "/api/v1/myths", NEW_MYTH | change, who="officer")
    assert (answer.status_code, told in answer.json()["error"]) == (400, True)


async def test_a_topic_is_muted_and_heard_again(desk: Console) -> None:
    wish = {"scope": "topic", "value": "sun", "hours": 2, "why": "we know"}
    assert (await post(desk, "/api/v1/mutes", wish, who="viewer")).status_code == 403
    made = await post(desk, "/api/v1/mutes", wish, who="officer")
    assert made.status_code == 201
    assert [one["value"] for one in (await desk.get("/api/v1/mutes", headers=by("viewer"))).json()] == ["sun"]
    assert (await post(desk, f"/api/v1/mutes/{made.json()['id']}/end", {}, who="officer")).json() == []
    assert (await post(desk, "/api/v1/mutes", wish | {"value": "moon"}, who="officer")).status_code == 404
    assert (await post(desk, "/api/v1/mutes", wish | {"hours": 10_000}, who="officer")).status_code == 400


async def test_an_answer_is_not_approved_by_its_author_by_way_of_another_case(desk: Console) -> None:
    made = (await post(desk, f"{BASE}/answers", ANSWER, who="clinician")).json()
    for case in (CASE, SECOND):
        answer = await post(desk, f"/api/v1/cases/{case}/answers/{made['id']}/approve", {}, who="clinician")
        assert answer.status_code in (403, 409)
    # Somebody else, but under a case that it isn't for.
    stray = await post(desk, f"/api/v1/cases/{SECOND}/answers/{made['id']}/approve", {}, who="berta")
    assert stray.status_code == 409
    (still,) = (await desk.get(f"{BASE}/answers", headers=by("viewer"))).json()
    assert still["state"] == "proposed"


async def test_what_is_held_is_shown_to_the_admin_and_forgotten_everywhere(desk: Console) -> None:
    of = {"post_id": f"bluesky:{MYTH}-1"}
    for who in ("viewer", "officer", "clinician"):
        for path in ("held", "erase"):
            assert (await post(desk, f"/api/v1/privacy/{path}", of, who)).status_code == 403
    held = (await post(desk, "/api/v1/privacy/held", of)).json()
    assert [one["id"] for one in held["posts"]] == [of["post_id"]]
    assert (await post(desk, "/api/v1/privacy/erase", of)).status_code == 202
    (event,) = FORGOTTEN
    assert (event.id, event.action) == (of["post_id"], DELETE)
    for wrong in ({}, {"author": "a", "post_id": "b"}, {"author": " "}):
        answer = await post(desk, "/api/v1/privacy/erase", wrong)
        assert (answer.status_code, "either author or post_id" in answer.json()["error"]) == (400, True)
    assert len(FORGOTTEN) == 1


async def test_who_is_told_and_who_was(desk: Console) -> None:
    assert (await desk.client.get("/api/v1/team", headers=by("viewer"))).json()["rules"] == []
    await desk.store.use_routes(parse_routes(ROUTES), NOW + 200)
    team = (await desk.client.get("/api/v1/team", headers=by("viewer"))).json()
    assert (team["rules"][0]["when"], team["rules"][0]["tell"]) == ("topic sun", "on call skin, desk")
    assert team["on_call"] == {"skin": "Anna"}
    (told,) = (await desk.client.get(f"{BASE}/tellings", headers=by("viewer"))).json()[:1]
    assert (told["channel"], told["state"]) in {("slack", "pending"), ("email", "pending")}
    assert (await desk.client.get(f"/api/v1/cases/{'0' * 32}/tellings", headers=by("viewer"))).status_code == 404


async def test_reviews_are_read_from_publishers_on_the_list_only(desk: Console) -> None:
    found = [
        {"@type": "ClaimReview", "claimReviewed": f"Onion in sock {n} cures fever.", "author": {"name": name},
         "url": f"https://checker.example/{n}", "reviewBody": "No study shows it.", "inLanguage": "en"}
        for n, name in enumerate(("Good Checker", "Somebody else"))
    ]  # fmt: skip
    wish = {"text": json.dumps(found)}
    assert (await post(desk, "/api/v1/reviews", wish, "viewer")).status_code == 403
    answer = (await post(desk, "/api/v1/reviews", wish, "officer")).json()
    assert [(one["claim"], one["fact"]) for one in answer["reviews"]] == [
        ("Onion in sock 0 cures fever.", "No study shows it.")
    ]
    assert answer["refused"] == {"Somebody else": 1}
    wrong = await post(desk, "/api/v1/reviews", {"text": "{"}, "officer")
    assert (wrong.status_code, "text" in wrong.json()["error"]) == (400, True)
