"""From posts to verdicts: gate, encoder, heads, myth matching, stance, policy. Reads top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from services.classify import knowledge_base, model_files
from services.classify.e5_file import E5File
from services.classify.encoder import Encoded, Encoder, choose_precision, use_threads
from services.classify.gate import worth_reading
from services.classify.heads import KINDS, Heads, HeadScores, features
from services.classify.knowledge_base import Myth
from services.classify.language import UNDETERMINED, detect
from services.classify.matching import Match, MythIndex, load_centring
from services.classify.policy import CandidateEvidence, Decision, Policy, PostEvidence, decide
from services.classify.settings import ClassifySettings
from services.classify.stance import StanceModel

STANCE_READS = 3
"""Candidates that the stance model reads for one post, where they are plausible; each costs as much as half an encoding."""

GATED = PostEvidence(0.0, 0.0, 0.0, {kind: float(kind == "chatter") for kind in KINDS})


@dataclass(frozen=True)
class PostIn:
    """A post to classify; `language` empty or "und": detect it."""

    id: str
    text: str
    language: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer on one post; scores are 0-1, `candidates` are (myth id, score), best first, at most 5."""

    id: str
    language: str
    health: float
    kind: str
    claim: float
    misinformation: float
    candidates: tuple[tuple[str, float], ...]
    stance: str
    stance_score: float
    flag: bool
    flag_score: float
    reasons: tuple[str, ...]
    model_version: str
    evidence: tuple[PostEvidence, tuple[CandidateEvidence, ...]] = field(repr=False, compare=False, default=(GATED, ()))

    @property
    def myth_id(self) -> str:
        """The myth it is counted under; empty when not flagged."""
        return self.candidates[0][0] if self.flag and self.candidates else ""


class Classifier:
    """Classifies posts against a list of myths. For one thread at a time."""

    def __init__(
        self, encoder: Encoder, heads: Heads, index: MythIndex, stance: StanceModel, policy: Policy, version: str
    ) -> None:
        self._encoder = encoder
        self._heads = heads
        self._index = index
        self._stance = stance
        self._policy = policy
        self.version = version

    @classmethod
    def load(cls, settings: ClassifySettings, knowledge: Sequence[Myth] | None = None) -> Classifier:
        """Loads the models and indexes `knowledge` (none: the built-in knowledge base).

        Raises ModelFilesError, KnowledgeError, or FileNotFoundError naming the missing package.
        """
        files = model_files.check(settings.weights)
        built_in = knowledge_base.load(settings.knowledge)
        use_threads(settings.threads)
        precision = choose_precision(settings.precision)
        base = E5File()
        encoder = Encoder(precision, base)
        try:
            policy = Policy.load(files["policy.json"])
        except (ValueError, KeyError) as error:
            raise model_files.ModelFilesError(str(error)) from None
        if settings.threshold is not None:
            policy = replace(policy, threshold=settings.threshold)
        myths = built_in if knowledge is None else knowledge
        index = MythIndex(myths, encoder, load_centring(files["matching.safetensors"]), background=built_in)
        stance = StanceModel(files["stance.safetensors"], precision, base)
        return cls(encoder, Heads(files["heads.safetensors"]), index, stance, policy, files.version)

    def with_myths(self, myths: Sequence[Myth]) -> Classifier:
        """The same models over another list of myths; both share their memory."""
        index = self._index.over(myths)
        return Classifier(self._encoder, self._heads, index, self._stance, self._policy, self.version)

    @property
    def precision(self) -> str:
        """Of the encoder: bf16 or fp32."""
        return "bf16" if self._encoder.precision == torch.bfloat16 else "fp32"

    @property
    def myths_known(self) -> int:
        """How many myths posts are matched against."""
        return len(self._index.myths)

    def would_read_on(self, verdict: Verdict) -> bool:
        """Would the stance model read this post in a stream; for measuring the gate. Needs a verdict of its own."""
        post, candidates = verdict.evidence
        found = sorted(((one.match, one.cosine) for one in candidates), reverse=True)
        return self._policy.may_spread(post, found)

    def classify(self, posts: Sequence[PostIn], gate: bool = True) -> list[Verdict]:
        """One verdict a post, in order.

        In a stream (`gate`), posts that can't be flagged are not read further: neither texts that state nothing nor, by
        the stance model, posts that are unlikely to spread a myth. With `gate=False` every post gets every stage.
        """
        read = [place for place, post in enumerate(posts) if not gate or worth_reading(post.text)]
        texts = [posts[place].text for place in read]
        encoded = self._encoder.encode(texts)
        heads = self._heads(features(encoded)) if encoded else None
        matches = self._index.search(texts, encoded)
        languages = [_language(post) for post in posts]
        seen = [_post_evidence(heads, row) for row in range(len(read))] if heads else []
        candidates = self._with_stances(encoded, seen, matches, [languages[place] for place in read], gate)
        verdicts = [self._verdict(post, languages[place], GATED, []) for place, post in enumerate(posts)]
        for row, place in enumerate(read):
            verdicts[place] = self._verdict(posts[place], languages[place], seen[row], candidates[row])
        return verdicts

    def _with_stances(
        self,
        encoded: list[Encoded],
        seen: list[PostEvidence],
        matches: list[list[Match]],
        languages: list[str],
        gate: bool,
    ) -> list[list[CandidateEvidence]]:
        """Reads post and myth together for the candidates that are plausible at all."""
        hopeful = [
            not gate or self._policy.may_spread(post, [(match.score, match.cosine) for match in found])
            for post, found in zip(seen, matches, strict=True)
        ]
        asked = [
            (row, rank)
            for row, found in enumerate(matches)
            for rank, match in enumerate(found[:STANCE_READS])
            if hopeful[row] and self._policy.is_plausible(seen[row], match.score, match.cosine)
        ]
        keys = [(matches[row][rank].place, languages[row]) for row, rank in asked]
        states = self._index.states(keys)
        logs = self._stance([(encoded[row].tokens, states[key]) for (row, _), key in zip(asked, keys, strict=True)])
        stances = {pair: tuple(map(float, row)) for pair, row in zip(asked, np.exp(logs), strict=True)}
        return [
            [
                CandidateEvidence(
                    self._index.myths[match.place].id,
                    self._index.myths[match.place].title(languages[row]),
                    match.score,
                    match.cosine,
                    stances.get((row, rank)),
                )
                for rank, match in enumerate(found)
            ]
            for row, found in enumerate(matches)
        ]

    def _verdict(
        self, post: PostIn, language: str, evidence: PostEvidence, candidates: list[CandidateEvidence]
    ) -> Verdict:
        decision: Decision = decide(evidence, candidates, self._policy)
        return Verdict(
            id=post.id,
            language=language,
            health=round(evidence.health, 4),
            kind=evidence.kind,
            claim=round(evidence.claim, 4),
            misinformation=round(evidence.misinformation, 4),
            candidates=decision.candidates,
            stance=decision.stance,
            stance_score=decision.stance_score,
            flag=decision.flag,
            flag_score=decision.flag_score,
            reasons=decision.reasons,
            model_version=self.version,
            evidence=(evidence, tuple(candidates)),
        )


def _post_evidence(scores: HeadScores, row: int) -> PostEvidence:
    kinds = dict(zip(KINDS, map(float, scores.kind[row]), strict=True))
    return PostEvidence(float(scores.health[row]), float(scores.claim[row]), float(scores.misinformation[row]), kinds)


def _language(post: PostIn) -> str:
    given = post.language.strip().lower()
    return detect(post.text) if given in ("", UNDETERMINED) else given.replace("_", "-").split("-")[0]
