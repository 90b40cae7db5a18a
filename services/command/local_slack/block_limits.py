"""Block Kit's limits, checked as Slack checks them: every problem is named with a JSON pointer.

Limits: https://docs.slack.dev/reference/block-kit/blocks and .../block-elements, .../composition-objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_BLOCKS = 50
MAX_SECTION_TEXT = 3_000
MAX_FIELDS, MAX_FIELD_TEXT = 10, 2_000
MAX_HEADER_TEXT = 150
MAX_ACTIONS_ELEMENTS, MAX_CONTEXT_ELEMENTS = 25, 10
MAX_ID = 255
MAX_BUTTON_TEXT, MAX_BUTTON_VALUE, MAX_URL = 75, 2_000, 3_000
MAX_OPTIONS, MAX_OPTION_TEXT, MAX_OPTION_VALUE = 100, 75, 150
# Undocumented; measured by users of the API (slackapi/bolt-js issues 2509 and 2867).
MAX_ALL_TEXT = 13_200

# Blocks that messages may hold but that Mythwatch doesn't send: only their type and id are checked.
OTHER_BLOCKS = {
    "rich_text",
    "markdown",
    "video",
    "table",
    "file",
    "input",
    "context_actions",
    "plan",
    "task_card",
    "alert",
    "card",
}
OTHER_ELEMENTS = {
    "channels_select", "checkboxes", "conversations_select", "datepicker", "datetimepicker", "external_select", "multi_static_select",
    "multi_users_select", "plain_text_input", "radio_buttons", "timepicker", "users_select", "workflow_button",
}  # fmt: skip

Blocks = list[dict[str, Any]]


class _Problems:
    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, problem: str, pointer: str) -> None:
        self.found.append(f"[ERROR] {problem} [json-pointer:{pointer}]")

    def text(self, value: Any, pointer: str, limit: int, *, plain_only: bool = False) -> None:
        """A text object (mrkdwn or plain_text) of 1 to `limit` characters."""
        kinds = ("plain_text",) if plain_only else ("mrkdwn", "plain_text")
        if not isinstance(value, dict):
            self.add("must provide an object", pointer)
        elif value.get("type") not in kinds:
            self.add(f"unsupported type: {value.get('type')}", f"{pointer}/type")
        elif not isinstance(value.get("text"), str):
            self.add("missing required field: text", pointer)
        else:
            self.string(value["text"], f"{pointer}/text", limit)

    def string(self, value: Any, pointer: str, limit: int) -> None:
        if not isinstance(value, str):
            self.add("must provide a string", pointer)
        elif not value:
            self.add("must be more than 0 characters", pointer)
        elif len(value) > limit:
            self.add(f"must be less than {limit + 1} characters", pointer)

    def optional(self, holder: dict[str, Any], name: str, pointer: str, limit: int) -> None:
        if holder.get(name) is not None:
            self.string(holder[name], f"{pointer}/{name}", limit)

    def items(self, holder: dict[str, Any], name: str, pointer: str, limit: int) -> list[Any]:
        value = holder.get(name)
        if not isinstance(value, list):
            self.add(f"missing required field: {name}", pointer)
            return []
        if not value:
            self.add("no fewer than 1 items allowed", f"{pointer}/{name}")
        if len(value) > limit:
            self.add(f"no more than {limit} items allowed", f"{pointer}/{name}")
        return value


def problems_of(blocks: Any) -> list[str]:
    """Every problem of `blocks` as Slack words it in `response_metadata.messages`; empty when Slack would take them."""
    problems = _Problems()
    if not isinstance(blocks, list):
        problems.add("must provide an array", "/blocks")
        return problems.found
    if len(blocks) > MAX_BLOCKS:
        problems.add(f"no more than {MAX_BLOCKS} items allowed", "/blocks")
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        pointer = f"/blocks/{number}"
        if not isinstance(block, dict):
            problems.add("must provide an object", pointer)
            continue
        problems.optional(block, "block_id", pointer, MAX_ID)
        block_id = block.get("block_id")
        if isinstance(block_id, str) and block_id in seen:
            problems.add(f'`block_id` "{block_id}" already exists', f"{pointer}/block_id")
        seen.add(str(block_id))
        kind = block.get("type")
        if isinstance(kind, str) and kind in CHECKS:
            CHECKS[kind](block, pointer, problems)
        elif kind not in OTHER_BLOCKS:
            problems.add(f"unsupported type: {kind}", f"{pointer}/type")
    return problems.found


def text_length(blocks: Any) -> int:
    """Characters of all text in `blocks`, for Slack's limit on the whole message (`msg_blocks_too_long`)."""
    if isinstance(blocks, dict):
        return sum(len(v) if k == "text" and isinstance(v, str) else text_length(v) for k, v in blocks.items())
    return sum(map(text_length, blocks)) if isinstance(blocks, list) else 0


def _section(block: dict[str, Any], pointer: str, problems: _Problems) -> None:
    if block.get("text") is None and block.get("fields") is None:
        problems.add("missing required field: text", pointer)
    if block.get("text") is not None:
        problems.text(block["text"], f"{pointer}/text", MAX_SECTION_TEXT)
    if block.get("fields") is not None:
        for number, field in enumerate(problems.items(block, "fields", pointer, MAX_FIELDS)):
            problems.text(field, f"{pointer}/fields/{number}", MAX_FIELD_TEXT)
    if block.get("accessory") is not None:
        _element(block["accessory"], f"{pointer}/accessory", problems)


def _header(block: dict[str, Any], pointer: str, problems: _Problems) -> None:
    problems.text(block.get("text"), f"{pointer}/text", MAX_HEADER_TEXT, plain_only=True)


def _context(block: dict[str, Any], pointer: str, problems: _Problems) -> None:
    for number, element in enumerate(problems.items(block, "elements", pointer, MAX_CONTEXT_ELEMENTS)):
        where = f"{pointer}/elements/{number}"
        if isinstance(element, dict) and element.get("type") == "image":
            _image(element, where, problems)
        else:
            problems.text(element, where, MAX_SECTION_TEXT)


def _actions(block: dict[str, Any], pointer: str, problems: _Problems) -> None:
    seen: set[str] = set()
    for number, element in enumerate(problems.items(block, "elements", pointer, MAX_ACTIONS_ELEMENTS)):
        where = f"{pointer}/elements/{number}"
        _element(element, where, problems)
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if action_id is not None and action_id in seen:
            problems.add(f'`action_id` "{action_id}" already exists for another element', f"{where}/action_id")
        seen.add(str(action_id))


def _image(block: dict[str, Any], pointer: str, problems: _Problems) -> None:
    if block.get("image_url") is None and block.get("slack_file") is None:
        problems.add("missing required field: image_url", pointer)
    problems.optional(block, "image_url", pointer, MAX_URL)
    if not isinstance(block.get("alt_text"), str):
        problems.add("missing required field: alt_text", pointer)
    problems.optional(block, "alt_text", pointer, 2_000)


def _element(element: Any, pointer: str, problems: _Problems) -> None:
    if not isinstance(element, dict):
        problems.add("must provide an object", pointer)
        return
    kind = element.get("type")
    problems.optional(element, "action_id", pointer, MAX_ID)
    if element.get("confirm") is not None:
        _confirm(element["confirm"], f"{pointer}/confirm", problems)
    if kind == "button":
        problems.text(element.get("text"), f"{pointer}/text", MAX_BUTTON_TEXT, plain_only=True)
        problems.optional(element, "value", pointer, MAX_BUTTON_VALUE)
        problems.optional(element, "url", pointer, MAX_URL)
        problems.optional(element, "accessibility_label", pointer, 75)
        if element.get("style") not in (None, "primary", "danger"):
            problems.add("invalid style", f"{pointer}/style")
    elif kind in ("overflow", "static_select"):
        limit = 5 if kind == "overflow" else MAX_OPTIONS
        for number, option in enumerate(problems.items(element, "options", pointer, limit)):
            where = f"{pointer}/options/{number}"
            if not isinstance(option, dict):
                problems.add("must provide an object", where)
                continue
            problems.text(option.get("text"), f"{where}/text", MAX_OPTION_TEXT)
            problems.string(option.get("value"), f"{where}/value", MAX_OPTION_VALUE)
    elif kind == "image":
        _image(element, pointer, problems)
    elif kind not in OTHER_ELEMENTS:
        problems.add(f"unsupported type: {kind}", f"{pointer}/type")


def _confirm(confirm: Any, pointer: str, problems: _Problems) -> None:
    if not isinstance(confirm, dict):
        problems.add("must provide an object", pointer)
        return
    for name, limit, plain in (("title", 100, True), ("text", 300, False), ("confirm", 30, True), ("deny", 30, True)):
        problems.text(confirm.get(name), f"{pointer}/{name}", limit, plain_only=plain)


def _divider(block: dict[str, Any], pointer: str, problems: _Problems) -> None:
    """A divider has nothing to check."""


CHECKS: dict[str, Callable[[dict[str, Any], str, _Problems], None]] = {
    "section": _section, "header": _header, "context": _context, "actions": _actions, "image": _image, "divider": _divider,
}  # fmt: skip
