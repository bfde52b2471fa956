"""How the C library keeps memory, where it can be told: what an edit made and freed goes back to the system."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Returns the memory that is kept for later."""
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    try:
        import ctypes

        library = ctypes.CDLL(None)
        # Threads with heaps of their own keep the memory of each peak once more, and so do tables that are freed in
        # the middle of a heap.
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        trim: Callable[[int], object] = library.malloc_trim
        return trim
    except (ImportError, OSError, AttributeError, TypeError):
        return lambda pad: None


_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
"""Of glibc's malloc.h."""

_LARGE = 64 * 1024
"""Bytes from which on a block has pages of its own, which are free as soon as it is."""
