"""Block Kit's limits: at the limit is taken, one over is named by its pointer."""

from __future__ import annotations

from typing import Any

import pytest

from services.command.local_slack.block_limits import problems_of


def mrkdwn(length: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": "x" * length}


def plain(length: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * length}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(5), "action_id": "a", **fields}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


LIMITS = [
    (lambda n: [{"type": "divider"}] * n, 50, "/blocks"),
    (lambda n: [{"type": "section", "text": mrkdwn(n)}], 3000, "/blocks/0/text/text"),
    (lambda n: [{"type": "section", "fields": [mrkdwn(n)]}], 2000, "/blocks/0/fields/0/text"),
    (lambda n: [{"type": "section", "fields": [mrkdwn(1)] * n}], 10, "/blocks/0/fields"),
    (lambda n: [{"type": "header", "text": plain(n)}], 150, "/blocks/0/text/text"),
    (lambda n: [{"type": "context", "elements": [mrkdwn(1)] * n}], 10, "/blocks/0/elements"),
    (lambda n: [actions(*(button(action_id=f"a{i}") for i in range(n)))], 25, "/blocks/0/elements"),
    (lambda n: [actions(button(text=plain(n)))], 75, "/blocks/0/elements/0/text/text"),
    (lambda n: [actions(button(value="x" * n))], 2000, "/blocks/0/elements/0/value"),
    (lambda n: [actions(button(url="x" * n))], 3000, "/blocks/0/elements/0/url"),
    (lambda n: [actions(button(action_id="x" * n))], 255, "/blocks/0/elements/0/action_id"),
    (lambda n: [{"type": "divider", "block_id": "x" * n}], 255, "/blocks/0/block_id"),
]


@pytest.mark.parametrize(("make", "limit", "pointer"), LIMITS, ids=[f"{p} {n}" for _, n, p in LIMITS])
def test_at_the_limit_passes_and_one_over_is_named(make: Any, limit: int, pointer: str) -> None:
    assert problems_of(make(limit)) == []
    (problem,) = problems_of(make(limit + 1))
    assert problem.startswith("[ERROR] ")
    assert problem.endswith(f"[json-pointer:{pointer}]")


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ("text", "must provide an array"),
        ([7], "must provide an object"),
        ([{"type": "carousel of wonders"}], "unsupported type"),
        ([{"type": "section"}], "missing required field: text"),
        ([{"type": "section", "text": mrkdwn(0)}], "must be more than 0 characters"),
        ([{"type": "header", "text": mrkdwn(3)}], "unsupported type: mrkdwn"),
        ([{"type": "actions", "elements": []}], "no fewer than 1 items"),
        ([actions(button(), button())], "already exists"),
        ([actions(button(style="loud"))], "invalid style"),
        ([{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}], "already exists"),
        ([{"type": "image", "image_url": "https://x/y.png"}], "missing required field: alt_text"),
        ([actions(button(confirm={"title": plain(3)}))], "must provide an object"),
    ],
)
def test_what_slack_would_not_take_is_named(blocks: Any, said: str) -> None:
    problems = problems_of(blocks)
    assert any(said in problem for problem in problems), problems
