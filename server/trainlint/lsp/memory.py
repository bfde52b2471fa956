"""Memory that the process holds and does not use goes back to the system."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Returns what the C library keeps for later, where it can be told to; what an edit made and freed lies there."""
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    try:
        import ctypes

        library = ctypes.CDLL(None)
        # Threads with heaps of their own keep the memory of each peak once more.
        library.mallopt(_ARENA_MAX, 1)
        trim: Callable[[int], object] = library.malloc_trim
        return trim
    except (ImportError, OSError, AttributeError, TypeError):
        return lambda pad: None


_ARENA_MAX = -8
"""Of glibc's malloc.h."""
