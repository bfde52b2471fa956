"""Items and their results, in order: some known before, some computed here or in several processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

FEW = 4
"""Below so many tasks a process costs more than it saves: it has to load the parser."""

Work = Callable[[Any], Any]


class Died:
    """In place of a result: the process ended twice over this task, the second time with nothing beside it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Ready:
    """An item whose result is known already."""

    def __init__(self, value: Any) -> None:
        self.value = value


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def in_order(items: Iterable[Any], here: Work, make: Callable[[], Work], jobs: int) -> Iterator[Any]:
    """The results of items in their order: of a `Ready` one its value, of another what the work makes of it.

    With one job, or few tasks, all is done `here`; `make`, which must be picklable, gives the work to a process.
    """
    waiting: deque[Any] = deque()
    tasks = 0
    remaining = iter(items)
    if jobs > 1:
        for item in remaining:
            if isinstance(item, Ready) and not waiting:
                yield item.value
                continue
            waiting.append(item)
            tasks += not isinstance(item, Ready)
            if tasks >= FEW:
                break
    if tasks < FEW:
        for item in _chained(waiting, remaining):
            yield item.value if isinstance(item, Ready) else here(item)
        return
    # Most calls check a file or two, and do without what processes take.
    from trainlint.batch.pool import Pool

    with Pool(make, here, jobs) as pool:
        yield from pool.run(_chained(waiting, remaining))


def _chained(first: deque[Any], rest: Iterator[Any]) -> Iterator[Any]:
    while first:
        yield first.popleft()
    yield from rest
