"""The authored posts and the public rows that the models learn from, and what is held out of training."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.classify import knowledge_base
from services.classify.claim_review import read_myths
from services.classify.knowledge_base import Myth

SEED = 7
"""Of every draw in training."""

POSTS = Path(__file__).with_name("posts")
CLAIMS = Path(__file__).parent
HELD_OUT = Path(__file__).with_name("held_out.yaml")
ORDINARY = "ordinary"

STANCE_OF_ROLE = {
    "endorse_blunt": "endorse",
    "endorse_subtle": "endorse",
    "debunk": "refute",
    "correct": "refute",
    "sarcasm_refute": "refute",
    "question": "discuss",
    "experience": "discuss",
    "comfort": "discuss",
    "news": "discuss",
    "near_miss": "none",
    "same_words": "none",
}
ORDINARY_ROLES = ("chatter", "satire", "health_claim", "question", "experience", "support", "comfort", "news", "debunk")


@dataclass(frozen=True)
class AuthoredPost:
    """A post written for this project: `myth` is empty for ordinary posts."""

    text: str
    language: str
    role: str
    myth: str = ""
    topic: str = ""

    @property
    def stance(self) -> str:
        """Towards its myth; none for ordinary posts."""
        return STANCE_OF_ROLE.get(self.role, "none") if self.myth else "none"


@dataclass(frozen=True)
class Row:
    """A public row of `shared/data`."""

    text: str
    label: str
    source: str
    split: str


def training_myths() -> list[Myth]:
    """The knowledge base, then claims that are only trained and measured on (`claims-*.jsonl`: id and English claim)."""
    listed = knowledge_base.load()
    known = {myth.id for myth in listed}
    for path in sorted(CLAIMS.glob("claims-*.jsonl")):
        listed += [myth for myth in read_myths(path) if myth.id not in known]
        known = {myth.id for myth in listed}
    # Their language isn't given in the file; the claims are English.
    return [myth if "und" not in myth.claim else Myth(id=myth.id, claim={"en": myth.claim["und"]}) for myth in listed]


def authored_posts(myths: list[Myth], folder: Path = POSTS) -> list[AuthoredPost]:
    """All authored posts. Raises ValueError naming the file and line of the first mistake."""
    topics = {myth.id: myth.topic for myth in myths}
    posts = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if line.strip():
                posts.append(_authored(line, f"{path.name} line {number}", topics))
    return posts


def _authored(line: str, where: str, topics: dict[str, str]) -> AuthoredPost:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: not JSON ({error.msg})") from None
    text, language, role, myth = row.get("text"), row.get("language"), row.get("role"), row.get("myth") or ""
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where}: text is missing")
    if not isinstance(language, str) or len(language) != 2:
        raise ValueError(f"{where}: language must be an ISO 639-1 code such as en")
    if myth and myth not in topics:
        raise ValueError(f"{where}: no myth {myth!r} in the knowledge base")
    if role not in (STANCE_OF_ROLE if myth else ORDINARY_ROLES):
        raise ValueError(f"{where}: unknown role {role!r}")
    return AuthoredPost(text.strip(), language, role, myth, topics.get(myth, ORDINARY))


@dataclass(frozen=True)
class HeldOut:
    """What no model is trained on. `calibration` myths set thresholds; the rest are for the figures."""

    topics: frozenset[str]
    myths: frozenset[str]
    calibration: frozenset[str]

    def split(self, myth: Myth) -> str:
        """train, calibration or dev."""
        if myth.id in self.calibration:
            return "calibration"
        return "dev" if myth.topic in self.topics or myth.id in self.myths else "train"


def held_out(path: Path = HELD_OUT) -> HeldOut:
    """The committed list."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return HeldOut(frozenset(raw["topics"]), frozenset(raw["myths"]), frozenset(raw["calibration"]))


def ordinary_split(text: str) -> str:
    """Ordinary posts have no myth to hold out: 60% train, 15% calibration, 25% dev, by a hash of the text."""
    place = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100
    return "train" if place < 60 else "calibration" if place < 75 else "dev"


ORDINARY_PUBLIC = {
    "tweeteval": 600,
    "redhot": 350,
    "rhmd": 450,
    "vira": 250,
    "claff": 350,
}
"""Public posts that nobody wrote to spread a myth, and how many of each source are used as such."""
_NOT_ORDINARY = {("redhot", "health_claim"), ("redhot", "experience_based_claim")}


def ordinary_public(data: Path, part: str) -> list[str]:
    """Texts of ordinary public posts, chatter and health; `part` is train or calibration, which share none."""
    found: dict[str, list[str]] = {source: [] for source in ORDINARY_PUBLIC}
    for row in rows(data, "claim_kind"):
        if row.split == "train" and row.source in found and (row.source, row.label) not in _NOT_ORDINARY:
            in_calibration = int(hashlib.sha256(row.text.encode()).hexdigest()[:8], 16) % 4 == 0
            if in_calibration == (part == "calibration"):
                found[row.source].append(row.text)
    draw = random.Random(7)
    return [
        text for source, texts in found.items() for text in draw.sample(texts, min(ORDINARY_PUBLIC[source], len(texts)))
    ]


def vaccine_rows(data: Path) -> list[Row]:
    """Real posts on vaccines, for or against."""
    found = rows(data, "misinformation")
    return [row for row in found if row.source in ("caves", "yuan") and row.split == "train"]


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Objects of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def rows(data: Path, name: str) -> list[Row]:
    """Rows of `data/name.jsonl`. Raises FileNotFoundError naming the path."""
    path = data / f"{name}.jsonl"
    with path.open(encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in lines]


def _row(raw: dict[str, Any]) -> Row:
    return Row(raw["text"], str(raw["label"]), raw["source"], raw.get("split", "train"))
