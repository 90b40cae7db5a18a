"""How often somebody may try to sign in: 5 times a minute from one address. Pure: the time is passed in."""

from __future__ import annotations

import math
from collections import OrderedDict, deque

TRIES = 5
WINDOW_S = 60.0
_MOST_ADDRESSES = 10_000


class SignInLimit:
    """Remembers the tries of the last minute, of a bounded number of addresses."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> int:
        """Counts a try: 0 when it may go on, else how many seconds to wait (this try is not counted then)."""
        tries = self._tries.setdefault(address, deque(maxlen=TRIES))
        self._tries.move_to_end(address)
        if len(self._tries) > _MOST_ADDRESSES:
            self._tries.popitem(last=False)
        if len(tries) == TRIES and now_s - tries[0] < WINDOW_S:
            return max(1, math.ceil(tries[0] + WINDOW_S - now_s))
        tries.append(now_s)
        return 0

    def forget(self, address: str) -> None:
        """Somebody signed in from there: their earlier mistakes don't count."""
        self._tries.pop(address, None)
