"""One Slack workspace in memory: channels, people, messages with their edit history. No network; the time is passed in."""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from services.command.local_slack.block_limits import MAX_ALL_TEXT, problems_of, text_length

TEAM_ID, TEAM_DOMAIN, TEAM_NAME = "T04HOSPITAL", "st-luke-hospital", "St Luke's Hospital"
BOT_USER, BOT_ID, APP_ID, APP_NAME = "U04MYTHBOT", "B04MYTHBOT", "A04MYTHWATCH", "Mythwatch"
CHANNELS = {"C0MYTHWATCH": "myth-alerts"}
PEOPLE = {"U04OFFICER1": "sanne.devries", "U04DOCTOR01": "dr.okafor"}
# The text field: https://docs.slack.dev/reference/methods/chat.postMessage and .../chat.update, error msg_too_long.
MAX_POST_TEXT, MAX_UPDATE_TEXT = 40_000, 4_000
# What Slack shows in notifications when blocks come without text.
NO_FALLBACK = "This content can't be displayed."


class SlackError(Exception):
    """Answered as {"ok": false, "error": <error>}, with `messages` in response_metadata."""

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []


@dataclass(frozen=True)
class Revision:
    """What a message said at one time: `at` in epoch seconds, `via` the method that wrote it."""

    at: float
    via: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None


@dataclass
class Message:
    """One message of a channel; `revisions[0]` is the post, the others its edits, the last is what stands there now."""

    channel: str
    ts: str
    user: str
    thread_ts: str | None
    broadcast: bool
    revisions: list[Revision]
    edited_ts: str | None = None
    deleted: bool = False
    ephemeral_for: str | None = None
    click_error: str | None = None

    @property
    def now(self) -> Revision:
        return self.revisions[-1]

    @property
    def text(self) -> str:
        return self.now.text

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return self.now.blocks

    @property
    def metadata(self) -> dict[str, Any] | None:
        return self.now.metadata

    @property
    def updates(self) -> int:
        """How often it was edited after it was posted."""
        return len(self.revisions) - 1

    def wire(self, *, with_metadata: bool = False) -> dict[str, Any]:
        """The message object as Slack's answers and payloads carry it."""
        wire: dict[str, Any] = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": TEAM_ID}
        if self.user == BOT_USER:
            wire |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": BOT_PROFILE}
        if self.blocks:
            wire["blocks"] = copy.deepcopy(self.blocks)
        if self.thread_ts:
            wire["thread_ts"] = self.thread_ts
        if self.broadcast:
            wire["subtype"] = "thread_broadcast"
        if self.edited_ts:
            wire["edited"] = {"user": BOT_ID if self.user == BOT_USER else self.user, "ts": self.edited_ts}
        if with_metadata and self.metadata:
            wire["metadata"] = copy.deepcopy(self.metadata)
        return wire


BOT_PROFILE = {
    "id": BOT_ID, "deleted": False, "name": APP_NAME, "updated": 1735689600, "app_id": APP_ID, "team_id": TEAM_ID,
    "icons": {f"image_{size}": f"https://a.slack-edge.com/80588/img/plugins/app/bot_{size}.png" for size in (36, 48, 72)},
}  # fmt: skip


class Workspace:
    """The messages of the workspace; raises SlackError with Slack's own error names."""

    def __init__(self, channels: dict[str, str] | None = None, people: dict[str, str] | None = None) -> None:
        self.channels = dict(channels or CHANNELS)
        self.people = dict(people or PEOPLE)
        self.messages: list[Message] = []
        self.ephemeral: list[Message] = []
        self.views: list[dict[str, Any]] = []
        self.homes: dict[str, dict[str, Any]] = {}  # App Home by person
        self._last_ts = (0, 0)

    def next_ts(self, now: float) -> str:
        """Slack's message id: epoch seconds, a dot and six digits; unique and growing."""
        second, number = self._last_ts
        self._last_ts = (int(now), 100) if int(now) > second else (second, number + 100)
        return f"{self._last_ts[0]}.{self._last_ts[1]:06d}"

    def channel_id(self, named: Any, *, names_too: bool = False) -> str:
        """The id of the channel; chat.postMessage also takes its name, the other methods don't."""
        if named in self.channels:
            return str(named)
        if names_too and isinstance(named, str):
            for channel, name in self.channels.items():
                if named.removeprefix("#") == name:
                    return channel
        raise SlackError("channel_not_found")

    def direct_channel(self, user: str) -> str:
        """The id of the direct message channel with `user`, made when it is first asked for."""
        if not re.fullmatch(r"[UW][A-Z0-9]{2,20}", user):
            raise SlackError("user_not_found" if user else "users_list_not_supplied")
        channel = f"D{user[1:]}"
        self.channels.setdefault(channel, f"direct message to {self.people.get(user, user)}")
        return channel

    def find(self, channel: str, ts: Any) -> Message:
        for message in self.messages:
            if message.channel == channel and message.ts == ts and not message.deleted:
                return message
        raise SlackError("message_not_found")

    def post(self, args: dict[str, Any], now: float, *, user: str = BOT_USER, via: str = "chat.postMessage") -> Message:
        channel = self.channel_id(args.get("channel"), names_too=True)
        text, blocks = content_of(args, MAX_POST_TEXT)
        if text is None and blocks is None:
            raise SlackError("no_text")
        thread_ts = args.get("thread_ts")
        if thread_ts is not None:
            parent = self.find_thread(channel, thread_ts)
            thread_ts = parent.ts
        revision = Revision(now, via, NO_FALLBACK if text is None else text, blocks or [], metadata_of(args) or None)
        broadcast = truth(args.get("reply_broadcast")) and thread_ts is not None
        message = Message(channel, self.next_ts(now), user, thread_ts, broadcast, [revision])
        self.messages.append(message)
        return message

    def update(self, args: dict[str, Any], now: float, *, via: str = "chat.update") -> Message:
        """Text without blocks removes the blocks; metadata is kept unless given; only the app's own messages."""
        message = self.find(self.channel_id(args.get("channel")), args.get("ts"))
        if message.user != BOT_USER:
            raise SlackError("cant_update_message")
        text, blocks = content_of(args, MAX_UPDATE_TEXT)
        metadata = metadata_of(args)
        if text is None and blocks is None and metadata is None:
            raise SlackError("no_text")
        if text is None and blocks is None:
            text, blocks = message.text, message.blocks
        elif text is None:
            text = message.text
        # "If blocks are used and a message is being updated, the edited flag will not be displayed."
        message.edited_ts = None if blocks else f"{int(now)}.000000"
        kept = message.metadata if metadata is None else metadata or None
        message.revisions.append(Revision(now, via, text or NO_FALLBACK, blocks or [], kept))
        message.click_error = None
        return message

    def delete(self, args: dict[str, Any]) -> Message:
        message = self.find(self.channel_id(args.get("channel")), args.get("ts"))
        if message.user != BOT_USER:
            raise SlackError("cant_delete_message")
        message.deleted = True
        return message

    def post_ephemeral(self, args: dict[str, Any], now: float) -> Message:
        channel = self.channel_id(args.get("channel"))
        if args.get("user") not in self.people:
            raise SlackError("user_not_in_channel")
        text, blocks = content_of(args, MAX_POST_TEXT)
        if text is None and blocks is None:
            raise SlackError("no_text")
        revision = Revision(now, "chat.postEphemeral", NO_FALLBACK if text is None else text, blocks or [], None)
        message = Message(
            channel, self.next_ts(now), BOT_USER, args.get("thread_ts"), False, [revision], ephemeral_for=args["user"]
        )
        self.ephemeral.append(message)
        return message

    def find_thread(self, channel: str, ts: Any) -> Message:
        """The parent of the thread that `ts` (parent or reply) belongs to."""
        try:
            found = self.find(channel, ts)
            return self.find(channel, found.thread_ts) if found.thread_ts else found
        except SlackError:
            raise SlackError("thread_not_found") from None

    def replies_to(self, parent: Message) -> list[Message]:
        return [m for m in self.messages if m.thread_ts == parent.ts and m.channel == parent.channel and not m.deleted]

    def in_channel(self, channel: str) -> list[Message]:
        """What the channel shows, oldest first: all but deleted ones and replies that stay in their thread."""
        shown = [m for m in self.messages if m.channel == channel and not m.deleted]
        return [m for m in shown if m.thread_ts is None or m.broadcast]

    def wire_with_thread(self, message: Message, *, with_metadata: bool = False) -> dict[str, Any]:
        wire = message.wire(with_metadata=with_metadata)
        replies = self.replies_to(message)
        if replies:
            users = list(dict.fromkeys(reply.user for reply in replies))
            wire |= {"thread_ts": message.ts, "reply_count": len(replies), "reply_users_count": len(users), "reply_users": users,
                     "latest_reply": replies[-1].ts, "is_locked": False, "subscribed": True}  # fmt: skip
        return wire


def content_of(args: dict[str, Any], longest: int) -> tuple[str | None, list[dict[str, Any]] | None]:
    """(text, blocks) of a call, checked, with what Slack fills in; None for what was not given."""
    text, blocks = args.get("text"), args.get("blocks")
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError:
            raise SlackError("invalid_blocks_format") from None
    if text is not None and len(str(text)) > longest:
        raise SlackError("msg_too_long")
    if blocks is not None:
        if problems := problems_of(blocks):
            raise SlackError("invalid_blocks", problems)
        if text_length(blocks) > MAX_ALL_TEXT:
            raise SlackError("msg_blocks_too_long")
        blocks = [_filled_in(block) for block in blocks]
    return (str(text) if text else None), (blocks if blocks or text else None)


def metadata_of(args: dict[str, Any]) -> dict[str, Any] | None:
    """The metadata of a call: None when not given, {} to remove it."""
    metadata = args.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            raise SlackError("invalid_metadata_format") from None
    if metadata is None or metadata == {}:
        return metadata
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


def truth(value: Any) -> bool:
    """A flag as JSON, form or query sends it."""
    return value is True or str(value).lower() in ("1", "true")


def cursor_for(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def offset_of(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except ValueError:
        raise SlackError("invalid_cursor") from None


def _filled_in(block: dict[str, Any]) -> dict[str, Any]:
    """The block as Slack keeps it: with a block_id, `verbatim` and `emoji` spelt out."""
    block = copy.deepcopy(block)
    block.setdefault("block_id", secrets.token_urlsafe(4)[:5])

    def fill(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") == "mrkdwn":
                value.setdefault("verbatim", False)
            elif value.get("type") == "plain_text":
                value.setdefault("emoji", True)
            elif value.get("type") == "button":
                value.setdefault("action_id", secrets.token_urlsafe(4)[:5])
            for inner in value.values():
                fill(inner)
        elif isinstance(value, list):
            for inner in value:
                fill(inner)

    fill(block)
    return block
