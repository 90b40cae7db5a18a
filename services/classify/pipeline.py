"""From posts to verdicts: gate, encoder, heads, myth matching, stance, policy. Reads top to bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from services.classify import engine, knowledge_base, model_files, wordings
from services.classify.copypasta import RecentVerdicts
from services.classify.e5_file import E5File
from services.classify.encoder import Encoded, Encoder, lower_layers
from services.classify.gate import Gate, worth_reading
from services.classify.heads import KINDS, Heads, HeadScores, features
from services.classify.knowledge_base import Myth
from services.classify.language import UNDETERMINED, detect
from services.classify.lessons import Lessons
from services.classify.live_knowledge import Lesson
from services.classify.matching import Match, MythIndex, load_matching
from services.classify.memory import give_back_memory
from services.classify.policy import CandidateEvidence, Decision, Policy, PostEvidence, decide, is_unexplained
from services.classify.second_look import SecondLook
from services.classify.settings import ClassifySettings
from services.classify.stance import StanceModel
from services.classify.verdict import GATED, PostIn, Reading, Verdict

FloatArray = npt.NDArray[np.float32]

STANCE_READS = 3
"""Candidates that the stance model reads for one post, where they are plausible; each costs as much as half an encoding."""


class Classifier:
    """Classifies posts against a list of myths. For one thread at a time."""

    def __init__(
        self,
        encoder: Encoder,
        gate: Gate,
        heads: Heads,
        index: MythIndex,
        stance: StanceModel,
        policy: Policy,
        version: str,
        lessons: Lessons | None = None,
    ) -> None:
        self._lessons = lessons or Lessons({}, index.vectors_of)
        self._encoder = encoder
        self._gate = gate
        self._heads = heads
        self._index = index
        self._stance = stance
        self._policy = policy
        self._recent = RecentVerdicts[Verdict]()
        self._again = SecondLook(encoder, index, stance, policy)
        self.version = version

    @classmethod
    def load(cls, settings: ClassifySettings, knowledge: Sequence[Myth] | None = None) -> Classifier:
        """Loads the models and indexes `knowledge` (none: the built-in knowledge base).

        Raises ModelFilesError, KnowledgeError, or FileNotFoundError naming the missing package.
        """
        files = model_files.check(settings.weights)
        built_in = knowledge_base.load(settings.knowledge)
        base = E5File()
        try:
            chosen = engine.choose(
                settings.engine, settings.threads, files["int8.safetensors"], lambda: lower_layers(base)
            )
            policy = Policy.load(files["policy.json"])
            centring, adapter = load_matching(files["matching.safetensors"])
            encoder = Encoder(chosen, base, adapter)
            stance = StanceModel(files["stance.safetensors"], chosen, base)
        except (ValueError, KeyError) as error:
            raise model_files.ModelFilesError(str(error)) from None
        if settings.threshold is not None:
            policy = replace(policy, threshold=settings.threshold, by_harm={}, bare_relief=0.0)
        myths = built_in if knowledge is None else knowledge
        known = wordings.known(files["wordings.safetensors"], built_in)
        index = MythIndex(myths, encoder, centring, background=built_in, known=known)
        gate, heads = Gate(files["gate.safetensors"], encoder), Heads(files["heads.safetensors"])
        give_back_memory()
        return cls(encoder, gate, heads, index, stance, policy, files.version)

    def with_myths(self, myths: Sequence[Myth], lessons: Mapping[str, Lesson] | None = None) -> Classifier:
        """The same models over another list of myths, and with what people's decisions teach; both share their memory."""
        index = self._index.over(myths)
        return Classifier(
            self._encoder, self._gate, self._heads, index, self._stance, self._policy, self.version,
            Lessons(lessons or {}, index.vectors_of),
        )  # fmt: skip

    @property
    def engine(self) -> str:
        """What runs the encoder (engine.ENGINES)."""
        return self._encoder.engine.name

    @property
    def myths(self) -> list[Myth]:
        """What posts are matched against."""
        return list(self._index.myths)

    @property
    def threshold(self) -> float:
        """Flag score from which a post is flagged; of myths whose harm isn't known, told as fully as the built-in ones."""
        return self._policy.threshold

    def threshold_of(self, verdict: Verdict) -> float:
        """Flag score from which that very verdict would be a flag. Needs a verdict of its own."""
        listed = [myth for myth, _ in verdict.candidates[:1]]
        best = [one for one in verdict.evidence[1] if one.myth_id in listed]
        return self._policy.threshold_for(best[0]) if best else self._policy.threshold

    def embed(self, texts: list[str]) -> FloatArray:
        """Unit vectors [texts, 384] by which posts are alike."""
        return self._index.vectors_of(texts)

    def passes(self, texts: Sequence[str]) -> list[tuple[bool, bool, bool]]:
        """For each text: does it get past the words, the first layers, and the lower half; for measuring the gate."""
        rows = self._encoder.tokenise(list(texts))
        words = self._gate.may_matter(rows) & np.array([worth_reading(text) for text in texts], dtype=bool)
        glanced = self._encoder.glance(rows)
        hopeful, on = self._gate.is_hopeful(glanced), self._gate.goes_on(self._encoder.go_on(glanced))
        return list(zip(words.tolist(), hopeful.tolist(), on.tolist(), strict=True))

    def would_read_on(self, verdict: Verdict) -> bool:
        """Would the stance model read this post in a stream; for measuring the gate. Needs a verdict of its own."""
        post, candidates = verdict.evidence
        found = sorted(((one.match, one.cosine) for one in candidates), reverse=True)
        return self._policy.may_spread(post, found)

    def classify(self, posts: Sequence[PostIn], gate: bool = True) -> list[Verdict]:
        """One verdict a post, in order.

        In a stream (`gate`), posts that can't be flagged are not read further: neither texts that state nothing nor
        chatter, nor, by the later stages, posts that are unlikely to spread a myth; and copies of a post reuse its
        verdict. With `gate=False` every post gets every stage.
        """
        languages = [_language(post) for post in posts]
        if not gate:
            return self._read(posts, languages, gate)
        # What a reply means depends on what it answers, so its verdict serves no other post.
        known = [None if post.parent else self._recent.get(post.text) for post in posts]
        new = {
            (p.text, p.parent): place
            for place, (p, verdict) in enumerate(zip(posts, known, strict=True))
            if not verdict
        }
        places = sorted(new.values())
        fresh = self._read([posts[place] for place in places], [languages[place] for place in places], gate)
        found = {(posts[place].text, posts[place].parent): one for place, one in zip(places, fresh, strict=True)}
        # Not those that the gate removed: reading them again costs no more than remembering them.
        self._recent.keep([(text, one) for (text, parent), one in found.items() if one.candidates and not parent])
        return [
            replace(verdict or found[post.text, post.parent], id=post.id, language=language)
            for post, verdict, language in zip(posts, known, languages, strict=True)
        ]

    def _read(self, posts: Sequence[PostIn], languages: Sequence[str], gate: bool) -> list[Verdict]:
        verdicts = [self._verdict(post, language, GATED, []) for post, language in zip(posts, languages, strict=True)]
        places, begun = self._begin([post.text for post in posts], gate)
        if not places:
            return verdicts
        texts = [posts[place].text for place in places]
        encoded = self._encoder.finish(begun)
        heads = self._heads(features(encoded))
        matches = self._index.search(texts, encoded)
        seen = [_post_evidence(heads, row) for row in range(len(places))]
        candidates = self._with_stances(encoded, seen, matches, [languages[place] for place in places], gate)
        for row, place in enumerate(places):
            verdict = self._verdict(posts[place], languages[place], seen[row], candidates[row])
            if is_unexplained(seen[row], verdict):
                verdict = replace(verdict, unexplained=self._index.vectors([encoded[row]])[0])
            verdicts[place] = self._heeded(verdict, encoded[row])
        return self._again.quoting(posts, self._again.in_context(posts, verdicts))

    def _begin(self, texts: list[str], gate: bool) -> tuple[list[int], list[Encoded]]:
        """Places of the texts that are read to the end, and their lower halves."""
        rows = self._encoder.tokenise(texts)
        places = list(range(len(texts)))
        if gate:
            places = [place for place in places if worth_reading(texts[place])]
            kept = self._gate.may_matter([rows[place] for place in places])
            places = [place for place, keep in zip(places, kept, strict=True) if keep]
        glanced = self._encoder.glance([rows[place] for place in places])
        if not gate:
            return places, self._encoder.go_on(glanced)
        places, glanced = _kept(places, glanced, self._gate.is_hopeful(glanced))
        begun = self._encoder.go_on(glanced)
        return _kept(places, begun, self._gate.goes_on(begun))

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
        first = self._stances(encoded, matches, [pair for pair in asked if pair[1] == 0], languages)
        settled = {
            row
            for row, rank in first
            if self._policy.is_settled(self._all_evidence(matches[row], languages[row], [first[row, rank]]))
        }
        later = [pair for pair in asked if pair[1] > 0 and pair[0] not in settled]
        stances = first | self._stances(encoded, matches, later, languages)
        return [
            self._all_evidence(found, languages[row], [stances.get((row, rank)) for rank in range(len(found))])
            for row, found in enumerate(matches)
        ]

    def _stances(
        self,
        encoded: list[Encoded],
        matches: list[list[Match]],
        asked: list[tuple[int, int]],
        languages: list[str],
    ) -> dict[tuple[int, int], Reading]:
        """What the stance model read, by (row, rank) of post and candidate."""
        keys = [(matches[row][rank].place, languages[row]) for row, rank in asked]
        states = self._index.states(keys)
        stances, roles = self._stance(
            [(encoded[row].tokens, states[key]) for (row, _), key in zip(asked, keys, strict=True)]
        )
        read = zip(np.exp(stances).tolist(), np.exp(roles).tolist(), strict=True)
        return {pair: Reading(tuple(one), tuple(other)) for pair, (one, other) in zip(asked, read, strict=True)}

    def _all_evidence(
        self, found: Sequence[Match], language: str, readings: Sequence[Reading | None]
    ) -> list[CandidateEvidence]:
        """Of candidates, best first; those past the end of `readings` weren't read."""
        pairs = zip_longest(found, readings[: len(found)])
        return [self._evidence(match, language, reading) for match, reading in pairs]

    def _evidence(self, match: Match, language: str, reading: Reading | None) -> CandidateEvidence:
        myth = self._index.myths[match.place]
        stances, roles = (reading.stances, reading.roles) if reading else (None, None)
        return CandidateEvidence(
            myth.id, myth.title(language), match.score, match.cosine, stances, roles, myth.harm, match.told
        )

    def _heeded(self, verdict: Verdict, encoded: Encoded) -> Verdict:
        """The verdict as people's decisions on such posts would have it."""
        if not verdict.flag:
            return verdict
        (vector,) = self._index.vectors([encoded])
        needed = self.threshold_of(verdict)
        objection = self._lessons.objection(verdict.myth_id, vector, verdict.flag_score, needed)
        if not objection:
            return verdict
        return replace(verdict, flag=False, unexplained=None, reasons=(objection, *verdict.reasons))

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


def _kept(places: list[int], encoded: list[Encoded], keep: npt.NDArray[np.bool_]) -> tuple[list[int], list[Encoded]]:
    return [p for p, one in zip(places, keep, strict=True) if one], [
        e for e, one in zip(encoded, keep, strict=True) if one
    ]


def _post_evidence(scores: HeadScores, row: int) -> PostEvidence:
    kinds = dict(zip(KINDS, map(float, scores.kind[row]), strict=True))
    return PostEvidence(float(scores.health[row]), float(scores.claim[row]), float(scores.misinformation[row]), kinds)


def _language(post: PostIn) -> str:
    given = post.language.strip().lower()
    return detect(post.text) if given in ("", UNDETERMINED) else given.replace("_", "-").split("-")[0]
