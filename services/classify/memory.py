"""Memory that loading needed and running does not."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Returns freed memory to the system where the C library has a way to (glibc): loading frees hundreds of megabytes."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
