from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from services.classify import knowledge_base
from services.classify.knowledge_base import KnowledgeError, load, read


def test_the_built_in_knowledge_base_is_right_and_wide() -> None:
    myths, problems = read()
    assert problems == []
    assert len(myths) >= 60
    assert len({myth.topic for myth in myths}) >= 15
    assert {language for myth in myths for language in myth.claim} == {"en", "nl", "de", "es", "fr"}
    assert {myth.harm for myth in myths} == {"low", "moderate", "high"}


def entry() -> dict[str, object]:
    return {
        "id": "water-is-dry",
        "claim": {language: "Water is dry." for language in knowledge_base.LANGUAGES},
        "said_as": [f"water is dry, said {n} times" for n in range(6)],
        "near_misses": ["Dry ice holds no water."],
        "fact": {language: "Water is wet." for language in knowledge_base.LANGUAGES},
        "why_misleading": "It is the other way round.",
        "harm": {"level": "low", "reason": "Somebody would go thirsty."},
        "specialty": "nephrology",
        "sources": [{"organisation": "A society", "title": "On water"}],
        "reviewed": "2026-11-21",
    }


def write(folder: Path, *entries: object, topic: str = "water", name: str = "water.yaml") -> None:
    (folder / name).write_text(yaml.safe_dump({"topic": topic, "myths": list(entries)}, allow_unicode=True))


def test_a_right_myth_is_read_whole(tmp_path: Path) -> None:
    write(tmp_path, entry())
    (myth,) = load(tmp_path)
    assert (myth.id, myth.topic, myth.harm, myth.title("fr")) == ("water-is-dry", "water", "low", "Water is dry.")
    assert len(myth.wordings()) == 7


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", "Water Is Dry", "id: must be kebab-case"),
        ("claim", {"en": "Water is dry."}, "claim.nl: missing"),
        ("claim", "Water is dry.", "claim: must give a text for each of"),
        ("fact", {**dict.fromkeys(knowledge_base.LANGUAGES, "x"), "xx": "y"}, "fact.xx: unknown language"),
        ("said_as", ["once"], "said_as: must list at least 5"),
        ("said_as", ["a", "b", {"c": "d"}, "e", "f"], "said_as[3]: must be text; quote it"),
        ("near_misses", None, "near_misses: must list at least 1"),
        ("why_misleading", " ", "why_misleading:"),
        ("harm", {"level": "grave", "reason": "x"}, "harm.level: must be one of low, moderate, high"),
        ("harm", {"level": "high"}, "harm.reason:"),
        ("specialty", "astrology", "specialty: 'astrology' is unknown"),
        ("sources", [], "sources: must list at least one"),
        (
            "sources",
            [{"organisation": "A", "title": "B", "url": "javascript:x"}],
            "sources[1].url: must start with https://",
        ),
        ("reviewed", "yesterday", "reviewed: must be a date"),
    ],
)
def test_a_mistake_names_file_myth_and_field(tmp_path: Path, field: str, value: object, said: str) -> None:
    write(tmp_path, {**entry(), field: value})
    with pytest.raises(KnowledgeError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith("water.yaml: myth ")
    assert said in str(raised.value)


def test_an_id_used_twice_names_both_files(tmp_path: Path) -> None:
    write(tmp_path, entry())
    write(tmp_path, entry(), topic="wine", name="wine.yaml")
    with pytest.raises(KnowledgeError, match=r"wine.yaml: myth water-is-dry: id is used in water.yaml too"):
        load(tmp_path)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "water.yaml").write_text("topic: water\nmyths:\n  - id: a: b\n")
    with pytest.raises(KnowledgeError, match=r"water.yaml line 3: not YAML"):
        load(tmp_path)


def test_a_file_under_another_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, entry(), topic="wine")
    with pytest.raises(KnowledgeError, match="topic must be 'water'"):
        load(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no knowledge files"):
        load(tmp_path)
