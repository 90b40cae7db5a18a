"""The local Slack server keeps Slack's contract, as the real client (slack_sdk) sees it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from services.command.local_slack import LocalSlack, local_slack

BUTTON = {
    "type": "button",
    "action_id": "acknowledge",
    "value": "case-1",
    "text": {"type": "plain_text", "text": "Acknowledge"},
}
BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*12 posts* say so"}},
    {"type": "actions", "block_id": "decide", "elements": [BUTTON]},
]


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with local_slack(posts_per_second=None) as server:
        yield server


def client(slack: LocalSlack, token: str | None = None, **more: Any) -> AsyncWebClient:
    return AsyncWebClient(
        token=token or slack.token, base_url=slack.base_url, retry_handlers=more.pop("retry_handlers", []), **more
    )


async def refused(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as error:
        await call
    data: dict[str, Any] = error.value.response.data
    return data


async def test_a_message_is_posted_once_edited_in_place_and_found_again(slack: LocalSlack) -> None:
    web_client = client(slack)
    who = await web_client.auth_test()
    assert who["bot_id"].startswith("B")
    assert who["user_id"].startswith("U")
    metadata = {"event_type": "mythwatch_case", "event_payload": {"case_id": "case-1"}}
    posted = await web_client.chat_postMessage(channel=slack.channel, text="12 posts", blocks=BLOCKS, metadata=metadata)
    assert re.fullmatch(r"\d{10}\.\d{6}", posted["ts"])
    assert posted["message"]["blocks"][0]["block_id"]
    assert posted["message"]["bot_id"] == who["bot_id"]
    edited = await web_client.chat_update(channel=posted["channel"], ts=posted["ts"], text="13 posts", blocks=BLOCKS)
    assert (edited["ts"], edited["text"]) == (posted["ts"], "13 posts")
    history = await web_client.conversations_history(channel=slack.channel, include_all_metadata=True)
    (found,) = history["messages"]
    assert found["text"] == "13 posts"
    assert found["metadata"] == metadata, "an edit without metadata keeps it"
    bare = await web_client.conversations_history(channel=slack.channel)
    assert "metadata" not in bare["messages"][0]
    (message,) = slack.messages
    assert [revision.text for revision in message.revisions] == ["12 posts", "13 posts"]


async def test_an_edit_follows_slacks_rules_for_text_blocks_and_the_edited_mark(slack: LocalSlack) -> None:
    web_client = client(slack)
    posted = await web_client.chat_postMessage(channel="#myth-alerts", text="first", blocks=BLOCKS)
    with_blocks = await web_client.chat_update(channel=posted["channel"], ts=posted["ts"], text="second", blocks=BLOCKS)
    assert "edited" not in with_blocks["message"]
    text_only = await web_client.chat_update(channel=posted["channel"], ts=posted["ts"], text="third")
    assert "blocks" not in text_only["message"]
    assert text_only["message"]["edited"]["user"] == posted["message"]["bot_id"]
    await web_client.chat_delete(channel=posted["channel"], ts=posted["ts"])
    assert (await web_client.conversations_history(channel=slack.channel))["messages"] == []
    assert (await refused(web_client.chat_update(channel=posted["channel"], ts=posted["ts"], text="x")))[
        "error"
    ] == "message_not_found"


async def test_a_thread_keeps_its_replies_out_of_the_channel(slack: LocalSlack) -> None:
    web_client = client(slack)
    parent = (await web_client.chat_postMessage(channel=slack.channel, text="narrative"))["ts"]
    for number in range(3):
        await web_client.chat_postMessage(channel=slack.channel, text=f"post {number}", thread_ts=parent)
    (shown,) = (await web_client.conversations_history(channel=slack.channel))["messages"]
    assert (shown["reply_count"], shown["thread_ts"]) == (3, parent)
    replies = (await web_client.conversations_replies(channel=slack.channel, ts=parent))["messages"]
    assert [reply["text"] for reply in replies] == ["narrative", "post 0", "post 1", "post 2"]
    assert (await refused(web_client.conversations_replies(channel=slack.channel, ts="1.000001")))[
        "error"
    ] == "thread_not_found"


async def test_history_is_paged_newest_first_within_its_bounds(slack: LocalSlack) -> None:
    web_client = client(slack)
    stamps = [(await web_client.chat_postMessage(channel=slack.channel, text=str(n)))["ts"] for n in range(7)]
    assert len(set(stamps)) == 7
    seen: list[str] = []
    async for page in await web_client.conversations_history(channel=slack.channel, limit=3):
        seen += [message["text"] for message in page["messages"]]
    assert seen == list("6543210")
    bounded = await web_client.conversations_history(channel=slack.channel, oldest=stamps[2], latest=stamps[5])
    assert [message["text"] for message in bounded["messages"]] == ["4", "3"]
    whole = await web_client.conversations_history(
        channel=slack.channel, oldest=stamps[2], latest=stamps[5], inclusive=True
    )
    assert [message["text"] for message in whole["messages"]] == ["5", "4", "3", "2"]
    assert (await refused(web_client.conversations_history(channel=slack.channel, cursor="???")))[
        "error"
    ] == "invalid_cursor"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0MYTHWATCH"}, "no_text"),
        ({"channel": "C0MYTHWATCH", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0MYTHWATCH", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": "C0MYTHWATCH", "text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_format"),
    ],
)
async def test_what_slack_refuses_is_refused_by_its_name(slack: LocalSlack, call: dict[str, Any], error: str) -> None:
    assert (await refused(client(slack).api_call("chat.postMessage", json=call)))["error"] == error
    assert slack.messages == []


async def test_another_persons_message_cannot_be_edited(slack: LocalSlack) -> None:
    async with aiohttp.ClientSession() as session:
        said = await (await session.post(f"{slack.interactions.root}/control/say", json={"text": "on it"})).json()
    answer = await refused(client(slack).chat_update(channel=slack.channel, ts=said["ts"], text="not mine"))
    assert answer["error"] == "cant_update_message"
    missing = await refused(client(slack).chat_update(channel=slack.channel, ts="1712345678.000100", text="x"))
    assert missing["error"] == "message_not_found"


async def test_invalid_blocks_are_named_as_slack_names_them(slack: LocalSlack) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    answer = await refused(client(slack).chat_postMessage(channel=slack.channel, text="t", blocks=blocks))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    wordy = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 5
    answer = await refused(client(slack).chat_postMessage(channel=slack.channel, text="t", blocks=wordy))
    assert answer["error"] == "msg_blocks_too_long"


async def test_the_token_is_checked(slack: LocalSlack) -> None:
    assert (await refused(client(slack, "xoxb-wrong").auth_test()))["error"] == "invalid_auth"
    assert (await refused(AsyncWebClient(base_url=slack.base_url).auth_test()))["error"] == "not_authed"
    slack.token_revoked = True
    assert (await refused(client(slack).auth_test()))["error"] == "token_revoked"
    assert slack.token not in json.dumps(slack.calls)


async def test_form_json_and_query_are_understood_and_bad_bodies_named(slack: LocalSlack) -> None:
    headers = {"Authorization": f"Bearer {slack.token}"}
    url = slack.base_url + "chat.postMessage"
    async with aiohttp.ClientSession(headers=headers) as session:
        form = await (
            await session.post(url, data={"channel": slack.channel, "text": "t", "blocks": json.dumps(BLOCKS)})
        ).json()
        assert form["ok"]
        assert form["message"]["blocks"][1]["block_id"] == "decide"
        bare = await session.post(
            url, data=b'{"channel": "C0MYTHWATCH", "text": "t"}', headers={"Content-Type": "application/json"}
        )
        assert (await bare.json())["warning"] == "missing_charset"
        for body, kind, error in (
            (b"{", "application/json", "invalid_json"),
            (b"[]", "application/json", "json_not_object"),
            (b"text", "text/plain", "invalid_post_type"),
        ):
            answer = await session.post(url, data=body, headers={"Content-Type": kind})
            assert (answer.status, (await answer.json())["error"]) == (200, error)
        assert (await (await session.post(slack.base_url + "chat.shout")).json())["error"] == "unknown_method"


async def test_more_than_one_message_a_second_and_channel_is_rate_limited_after_a_burst() -> None:
    async with local_slack(burst=2) as slack:
        web_client = client(slack)
        for _ in range(2):
            await web_client.chat_postMessage(channel=slack.channel, text="burst")
        with pytest.raises(SlackApiError) as error:
            await web_client.chat_postMessage(channel=slack.channel, text="one too many")
        assert error.value.response.status_code == 429
        assert error.value.response.headers["Retry-After"] == "1"
        assert error.value.response.data == {"ok": False, "error": "ratelimited"}
        patient = client(slack, retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)])
        await patient.chat_postMessage(channel=slack.channel, text="after the wait")
        assert [message.text for message in slack.messages] == ["burst", "burst", "after the wait"]


async def test_faults_come_as_asked_and_then_end(slack: LocalSlack) -> None:
    web_client = client(slack, timeout=1)

    async def post(text: str) -> Any:
        return await web_client.chat_postMessage(channel=slack.channel, text=text)

    slack.fail_next("ratelimited", retry_after=7, method="chat.postMessage")
    await web_client.auth_test()
    with pytest.raises(SlackApiError) as error:
        await post("limited")
    assert error.value.response.headers["Retry-After"] == "7"
    slack.fail_next("error500")
    with pytest.raises(SlackApiError):
        await post("500")
    slack.fail_next("html503")
    with pytest.raises(SlackApiError):
        await post("503")
    slack.fail_next("error", error="invalid_auth")
    assert (await refused(post("auth")))["error"] == "invalid_auth"
    slack.fail_next("disconnect")
    with pytest.raises(aiohttp.ClientError):
        await post("cut before")
    slack.fail_next("hang")
    with pytest.raises(asyncio.TimeoutError):
        await post("hangs")
    assert slack.messages == []
    slack.fail_next("drop_after")
    with pytest.raises(aiohttp.ClientError):
        await post("cut after")
    assert [message.text for message in slack.messages] == ["cut after"], "stored although the answer never came"
    await post("well again")
    assert len(slack.messages) == 2


async def test_faults_are_set_over_http_too_and_wrong_ones_named(slack: LocalSlack) -> None:
    url = f"{slack.interactions.root}/control/faults"
    async with aiohttp.ClientSession() as session:
        wrong = await session.post(url, json={"kind": "meteor"})
        assert wrong.status == 400
        assert "kind: one of ratelimited" in (await wrong.json())["error"]
        assert (await session.post(url, json={"kind": "error500", "count": 2})).status == 200
        assert (await session.delete(url)).status == 200
    await client(slack).auth_test()


class App:
    """An app's interactivity endpoint that keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status, self.delay = 200, 0.0

    async def endpoint(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay)
        return web.Response(status=self.status)


@pytest.fixture
async def app(slack: LocalSlack) -> AsyncIterator[App]:
    listening = App()
    application = web.Application()
    application.add_routes([web.post("/slack/actions", listening.endpoint)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.set_interactivity_url(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/actions")
    yield listening
    await runner.cleanup()


async def test_a_click_is_a_signed_block_actions_payload(slack: LocalSlack, app: App) -> None:
    posted = await client(slack).chat_postMessage(channel=slack.channel, text="12 posts", blocks=BLOCKS)
    async with aiohttp.ClientSession() as session:
        wish = {"ts": posted["ts"], "action_id": "acknowledge", "user": "U04OFFICER1"}
        outcome = await (await session.post(f"{slack.interactions.root}/control/click", json=wish)).json()
        assert outcome["ok"]
        assert outcome["status"] == 200
        headers, body = app.requests[0]
        assert SignatureVerifier(slack.signing_secret).is_valid_request(body, headers)
        assert not SignatureVerifier("another secret").is_valid_request(body, headers)
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        assert payload["type"] == "block_actions"
        assert payload["container"] == {
            "type": "message", "message_ts": posted["ts"], "channel_id": slack.channel, "is_ephemeral": False,
        }  # fmt: skip
        (action,) = payload["actions"]
        assert (action["action_id"], action["block_id"], action["value"]) == ("acknowledge", "decide", "case-1")
        assert {
            "user",
            "api_app_id",
            "token",
            "trigger_id",
            "team",
            "channel",
            "message",
            "response_url",
        } <= payload.keys()
        assert payload["message"]["blocks"] == posted["message"]["blocks"]

        replaced = await session.post(payload["response_url"], json={"replace_original": True, "text": "Acknowledged"})
        assert (replaced.status, await replaced.text()) == (200, "ok")
        await session.post(payload["response_url"], json={"text": "Only you see this", "response_type": "ephemeral"})
        assert (await session.post(f"{slack.interactions.root}/actions/T1/unknown", json={"text": "x"})).status == 404
    (message,) = slack.messages
    assert (message.text, message.updates) == ("Acknowledged", 1)
    (ephemeral,) = slack.workspace.ephemeral
    assert ephemeral.ephemeral_for == "U04OFFICER1"

    view = {"type": "modal", "title": {"type": "plain_text", "text": "Why?"}, "blocks": []}
    opened = await client(slack).views_open(trigger_id=payload["trigger_id"], view=view)
    assert opened["view"]["id"].startswith("V")
    again = await refused(client(slack).views_open(trigger_id=payload["trigger_id"], view=view))
    assert again["error"] == "exchanged_trigger_id"


async def test_a_click_that_the_app_does_not_answer_shows_why(slack: LocalSlack, app: App) -> None:
    posted = await client(slack).chat_postMessage(channel=slack.channel, text="t", blocks=BLOCKS)
    app.status = 500
    outcome = await slack.click(posted["ts"], "acknowledge")
    assert not outcome["ok"]
    assert "500" in outcome["error"]
    assert slack.messages[0].click_error == outcome["error"]
    app.status, app.delay = 200, 3.5
    outcome = await slack.click(posted["ts"], "acknowledge")
    assert not outcome["ok"]
    assert "3 seconds" in outcome["error"]
    assert len(app.requests) == 2, "Slack does not send a click again"


async def test_control_lists_messages_with_their_edits_and_the_calls(slack: LocalSlack) -> None:
    posted = await client(slack).chat_postMessage(channel=slack.channel, text="one")
    await client(slack).chat_update(channel=slack.channel, ts=posted["ts"], text="two")
    async with aiohttp.ClientSession() as session:
        listed = (await (await session.get(f"{slack.interactions.root}/control/messages")).json())["messages"]
        calls = (await (await session.get(f"{slack.interactions.root}/control/calls")).json())["calls"]
    assert [(m["posts"], m["updates"], [r["text"] for r in m["revisions"]]) for m in listed] == [(1, 1, ["one", "two"])]
    assert [(call["method"], call["ts"], call["status"]) for call in calls] == [
        ("chat.postMessage", posted["ts"], 200),
        ("chat.update", posted["ts"], 200),
    ]
