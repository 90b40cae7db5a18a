"""The contract: generated code is current, examples decode, and nothing that was released has changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, json_format

from services.stream import events_pb2 as events
from services.stream.topics import TOPICS

PROJECT = Path(__file__).resolve().parents[2]
PROTO = PROJECT / "proto"
MESSAGES = ["SocialPost", "ClaimVerdict", "MythCase", "Notification", "Feedback", "Myth", "DeadLetter"]


def protoc(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", *arguments, "events.proto"], check=True)


def test_generated_code_is_what_the_proto_file_gives(tmp_path: Path) -> None:
    protoc(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}")
    for name in ("events_pb2.py", "events_pb2.pyi"):
        assert (tmp_path / name).read_text() == (PROJECT / "services/stream" / name).read_text(), "run `make proto`"


@pytest.mark.parametrize("name", MESSAGES)
def test_example_decodes_and_survives_the_wire(name: str) -> None:
    text = (PROTO / "examples" / f"{name}.json").read_text()
    message = json_format.Parse(text, getattr(events, name)())
    assert message.ByteSize() > 0
    assert getattr(events, name).FromString(message.SerializeToString()) == message


def test_every_topic_carries_a_message_of_the_contract() -> None:
    assert {topic.message.DESCRIPTOR.name for topic in TOPICS.values()} == set(MESSAGES)


def released() -> list[Path]:
    return sorted((PROTO / "released").glob("*.binpb"))


def incompatibilities(old: descriptor_pb2.FileDescriptorProto, new: descriptor_pb2.FileDescriptorProto) -> list[str]:
    """What a reader or writer of `old` would trip over in `new`."""
    found = []
    now = {message.name: message for message in new.message_type}
    for message in old.message_type:
        if message.name not in now:
            found.append(f"message {message.name} is gone")
            continue
        fields = {field.name: field for field in now[message.name].field}
        for field in message.field:
            current = fields.get(field.name)
            if current is None:
                found.append(f"{message.name}.{field.name} was removed or renamed")
            elif current.number != field.number:
                found.append(f"{message.name}.{field.name} was renumbered")
            elif (current.type, current.type_name, current.label) != (field.type, field.type_name, field.label):
                found.append(f"{message.name}.{field.name} was retyped")
    values = {enum.name: {value.name: value.number for value in enum.value} for enum in new.enum_type}
    for enum in old.enum_type:
        for value in enum.value:
            if values.get(enum.name, {}).get(value.name) != value.number:
                found.append(f"{enum.name}.{value.name} was removed or renumbered")
    return found


def descriptor(path: Path) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file[-1]


def test_nothing_released_has_changed(tmp_path: Path) -> None:
    protoc(f"--descriptor_set_out={tmp_path / 'now.binpb'}", "--include_imports")
    assert released()
    for path in released():
        assert incompatibilities(descriptor(path), descriptor(tmp_path / "now.binpb")) == []


def test_the_check_sees_a_removed_a_renumbered_and_a_retyped_field() -> None:
    old = descriptor(released()[-1])
    new = descriptor_pb2.FileDescriptorProto.FromString(old.SerializeToString())
    post = new.message_type[0]
    post.field[0].number = 99
    post.field[3].type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    del post.field[5]
    assert incompatibilities(old, new) == [
        "SocialPost.id was renumbered",
        "SocialPost.text was retyped",
        "SocialPost.author was removed or renamed",
    ]


def test_every_field_says_its_meaning_and_every_enum_starts_unspecified() -> None:
    lines = (PROTO / "events.proto").read_text().splitlines()
    bare = [line for line in lines if line.startswith("  ") and "=" in line and "//" not in line and "_" not in line]
    assert bare == []
    for enum in events.DESCRIPTOR.enum_types_by_name.values():
        assert enum.values_by_number[0].name.endswith("_UNSPECIFIED")
