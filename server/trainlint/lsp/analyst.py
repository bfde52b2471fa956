"""One thread that analyses: it has the stack that deep programs need, and the memory that fast answers rest on.

Everything that touches an analysis runs on it, so nothing of an analysis is ever seen half changed.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from trainlint import stacks
from trainlint.lsp.memory import give_back

T = TypeVar("T")

_REST = 1.0
"""Seconds without work after which garbage is collected: then nobody waits for it."""

_OFTEN = 32
"""Pieces of work after which free memory is given back: whoever types for an hour never rests for a second."""

_MANY = 400_000
"""New objects from which on garbage is collected between two pieces of work, before Python does it in one of them."""


class Analyst:
    """Does pieces of work one after the other; of those that wait under one key, the latest counts."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._urgent: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._waiting: dict[str, tuple[Future[Any], Callable[[], Any]]] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, key: str, work: Callable[[], T]) -> Future[T]:
        """Does some work when its turn comes; what waits under the same key is cancelled."""
        future: Future[T] = Future()
        with self._changed:
            before = self._waiting.pop(key, None)
            self._waiting[key] = future, work
            self._changed.notify()
        if before is not None:
            before[0].cancel()
        self._start()
        return future

    def waits(self, key: str) -> bool:
        """Whether something waits under a key: what is being done under it is out of date."""
        return key in self._waiting

    def ask(self, work: Callable[[], T]) -> Future[T]:
        """Does some short work before everything that waits."""
        future: Future[T] = Future()
        with self._changed:
            self._urgent.append((future, work))
            self._changed.notify()
        self._start()
        return future

    def close(self) -> None:
        """Ends the thread after what it is doing."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _start(self) -> None:
        if self._thread is not None:
            return
        self._thread = stacks.start(self._run, "trainlint analyst", daemon=True)

    def _run(self) -> None:
        done = total = 0
        while True:
            with self._changed:
                while not (self._urgent or self._waiting or self._closed):
                    if not self._changed.wait(_REST if done else None):
                        break
                if self._closed:
                    return
                is_idle = not (self._urgent or self._waiting)
                is_full = done > 0 and gc.get_count()[0] >= _MANY
                if not is_idle and not is_full:
                    future, work = self._next()
            if is_idle or is_full:
                gc.collect()
                give_back()
                done = 0
                continue
            done += 1
            total += 1
            if total % _OFTEN == 0:
                give_back()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

    def _next(self) -> tuple[Future[Any], Callable[[], Any]]:
        if self._urgent:
            return self._urgent.popleft()
        return self._waiting.pop(next(iter(self._waiting)))
