"""What is read again of a flagged post: the post below what it answers, and sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.classify.carrying_words import quoted, sentences
from services.classify.context import together
from services.classify.encoder import Encoder
from services.classify.matching import MythIndex
from services.classify.policy import Policy
from services.classify.stance import STANCES, StanceModel
from services.classify.verdict import PostIn, Verdict


class SecondLook:
    """Few posts are flagged, so each may cost more."""

    def __init__(self, encoder: Encoder, index: MythIndex, stance: StanceModel, policy: Policy) -> None:
        self._encoder, self._index, self._stance, self._policy = encoder, index, stance, policy

    def in_context(self, posts: Sequence[PostIn], verdicts: list[Verdict]) -> list[Verdict]:
        """The verdicts; a flagged reply that doesn't spread the myth below what it answers passes."""
        replies = [place for place, verdict in enumerate(verdicts) if verdict.flag and posts[place].parent]
        texts = [together(posts[place].parent, posts[place].text) for place in replies]
        begun = self._encoder.begin(self._encoder.tokenise(texts))
        keys = [(self._index.place(verdicts[place].myth_id), verdicts[place].language) for place in replies]
        states = self._index.states(keys)
        stances, roles = self._stance([(one.tokens, states[key]) for one, key in zip(begun, keys, strict=True)])
        for place, stance, role in zip(replies, np.exp(stances).tolist(), np.exp(roles).tolist(), strict=True):
            post, candidates = verdicts[place].evidence
            own = next(one for one in candidates if one.myth_id == verdicts[place].myth_id)
            read = replace(own, stances=tuple(stance), roles=tuple(role))
            score = self._policy.flag_score(post, read)
            if score < self._policy.threshold_for(own):
                reason = f"Below the post it answers, it doesn't spread the myth ({score:.0%})."
                verdicts[place] = replace(
                    verdicts[place], flag=False, flag_score=round(score, 4), unexplained=None, reasons=(reason,),
                    stance=STANCES[int(np.argmax(stance))], stance_score=round(max(stance), 4),
                )  # fmt: skip
        return verdicts

    def quoting(self, posts: Sequence[PostIn], verdicts: list[Verdict]) -> list[Verdict]:
        """The verdicts; flagged ones with the words that carried the decision among the reasons."""
        flagged = [place for place, verdict in enumerate(verdicts) if verdict.flag]
        parts = {place: sentences(posts[place].text) or [posts[place].text] for place in flagged}
        several = [(place, part) for place in flagged for part in parts[place] if len(parts[place]) > 1]
        begun = self._encoder.begin(self._encoder.tokenise([part for _, part in several]))
        keys = [(self._index.place(verdicts[place].myth_id), verdicts[place].language) for place, _ in several]
        states = self._index.states(keys)
        logs, _ = self._stance([(one.tokens, states[key]) for one, key in zip(begun, keys, strict=True)])
        sure: dict[int, list[float]] = {}
        for (place, _), row in zip(several, logs, strict=True):
            sure.setdefault(place, []).append(float(row[0]))
        for place in flagged:
            first, *rest = verdicts[place].reasons
            reason = quoted(parts[place], sure.get(place, [0.0]))
            verdicts[place] = replace(verdicts[place], reasons=(first, reason, *rest))
        return verdicts
