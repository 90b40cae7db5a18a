"""Verdicts of posts read lately, so that copies of a post (copypasta) cost nothing. Pure but for its memory."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

KEPT = 10_000
"""Texts remembered, a few kilobytes each."""

_NOISE = re.compile(r"@\w[\w.-]*|HTTPURL|EMAIL|PHONE|https?://\S+")
_SPACES = re.compile(r"\s+")

V = TypeVar("V")


def wording(text: str) -> str:
    """What copies of a post have in common: its words, without case, mentions, addresses and spacing."""
    return _SPACES.sub(" ", _NOISE.sub(" ", text)).casefold().strip()


class RecentVerdicts(Generic[V]):
    """The last `KEPT` wordings with their verdict."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, V] = OrderedDict()

    def get(self, text: str) -> V | None:
        """The verdict on a text of the same wording."""
        key = wording(text)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, verdicts: Iterable[tuple[str, V]]) -> None:
        """Remember the verdicts on these texts; the oldest are forgotten."""
        for text, verdict in verdicts:
            self._kept[wording(text)] = verdict
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
