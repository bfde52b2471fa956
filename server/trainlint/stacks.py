"""Threads with room for deep recursion: programs that nest deeply nest the analysis as deeply, and so does libcst."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

STACK = 256 * 1024 * 1024
"""Bytes of a thread's stack; libcst's parser alone needs 8 MB."""

RECURSION = 20_000
"""Calls into each other that such a stack has room for."""

_ROOM = 100_000
"""Slots for local variables and operands that are reserved at once, 800 kB: some ten thousand calls into each other."""


def start(run: Callable[[], None], name: str, daemon: bool = False) -> threading.Thread:
    """Runs a function on a new thread with a large stack. Whatever it calls may recurse up to RECURSION."""

    def body() -> None:
        threading.current_thread().has_large_stack = True  # type: ignore[attr-defined]
        with _raised_limit():
            _in_wide_frame(run)

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=body, name=name, daemon=daemon)
        thread.start()
    finally:
        threading.stack_size(before)
    return thread


def call(run: Callable[[], T]) -> T:
    """The result of a function that recurses deeply: called here if there is room, otherwise on a thread of its own."""
    if getattr(threading.current_thread(), "has_large_stack", False):
        return run()
    result: list[Any] = []

    def body() -> None:
        try:
            result.append((run(), None))
        except BaseException as error:
            result.append((None, error))

    start(body, "trainlint analysis").join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


_lock = threading.Lock()
_running = 0
_limit_before = 0


@contextmanager
def _raised_limit() -> Iterator[None]:
    """Room for RECURSION calls until the last of the threads that need it has left.

    The limit is one for all threads, and the others have small stacks.
    """
    global _running, _limit_before
    with _lock:
        if _running == 0:
            _limit_before = sys.getrecursionlimit()
            sys.setrecursionlimit(max(_limit_before, RECURSION))
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0:
                sys.setrecursionlimit(_limit_before)


def _in_wide_frame(run: Callable[[], None]) -> None:
    run()


# Since 3.11 Python takes the memory of frames from the system in pieces of 16 kB, and gives each back as soon as it is
# left: a loop whose calls cross the border of two pieces maps and unmaps memory in every round. That was a seventh of a
# check. A frame that is wider than a piece gets one in which there is room for all that it calls.
_in_wide_frame.__code__ = _in_wide_frame.__code__.replace(co_stacksize=_ROOM)
