"""Work on the machines of a Ray cluster: results in order as they come, and a machine that is lost costs no result.

What a task needs travels with it: the nodes share no files with this machine. What many tasks need, the snapshot of
a project, is put into the object store once, and a process of a node keeps what it used last.
"""

from __future__ import annotations

import logging
import pickle
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

from trainlint import __version__
from trainlint.batch.tasks import Died, Ready

CHUNK = 8
"""Tasks that travel together: to send some takes a few milliseconds, to check a file some ten."""

RETRIES = 4
"""How often tasks are given to other processes when theirs, or their machine, is lost."""

_ROUNDS = 3
"""So many chunks for each core are on their way: one is worked on, the others are there when it is done."""

_KEPT = 8
"""Shared values that a process keeps, and that this machine keeps in the store."""


_PATIENCE = 5
"""Seconds in which the port of a cluster has to answer; Ray itself tries for minutes."""


class Task:
    """A value to work on, and the name of what it shares with others."""

    def __init__(self, value: Any, shared: str) -> None:
        self.value, self.shared = value, shared


class ClusterError(Exception):
    """The cluster cannot be used; the text is one line."""


def _knock(address: str | None) -> None:
    """Raises ClusterError if nothing answers at an address with a port; other addresses are Ray's to judge."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ClusterError(f"--engine ray: nothing answers at {host}:{port} ({reason})") from None


class Cluster:
    """Work for tasks, on the nodes of the cluster at an address, or on a new one that consists of this machine."""

    def __init__(
        self, address: str | None, make: Callable[[], Callable[[Any, Any], Any]], share: Callable[[str], Any],
        chunk: int = CHUNK, cpus: float = 1, gpus: float = 0,
    ) -> None:  # fmt: skip
        """`make`, which is pickled, gives the work of a value and what it shares; `share` makes that of a name."""
        try:
            import ray
        except ImportError:
            raise ClusterError("--engine ray needs Ray: pip install trainlint[ray]") from None
        self._ray = ray
        self._address = address
        self._make = pickle.dumps(make)
        self._share = share
        self._chunk = chunk
        self._needs = {"CPU": cpus, "GPU": gpus}
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": RETRIES}
        self._remote = ray.remote(**options)(serve)
        self._shared: OrderedDict[str, Any] = OrderedDict()
        self._most, self._counted = 0, 0.0
        self._ours = False

    def __enter__(self) -> Cluster:
        if not self._ray.is_initialized():
            _knock(self._address)
            try:
                self._ray.init(
                    address=self._address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ClusterError(f"--engine ray: {' '.join(str(error).split())[:300]}") from None
            self._ours = True
        total = self._ray.cluster_resources()
        for kind, amount in self._needs.items():
            if total.get(kind, 0) < amount:
                raise ClusterError(f"--engine ray: no node of the cluster has a {kind}")
        return self

    def __exit__(self, *_: object) -> None:
        self._shared.clear()
        if self._ours:
            self._ray.shutdown()

    def run(self, items: Iterator[Task | Ready]) -> Iterator[Any]:
        """The results in order; items are taken as there is room for them."""
        results: dict[int, Any] = {}
        flying: dict[Any, list[tuple[int, Task]]] = {}
        gathered: list[tuple[int, Task]] = []
        again: deque[tuple[int, Task]] = deque()
        taken, wanted, exhausted = 0, 0, False
        try:
            while True:
                while not exhausted and len(flying) < self._room() and taken - wanted < self._room() * self._chunk * 2:
                    item = next(items, None)
                    if item is None:
                        exhausted = True
                        break
                    if isinstance(item, Ready):
                        results[taken] = item.value
                    else:
                        if gathered and gathered[0][1].shared != item.shared:
                            self._send(gathered, flying)
                            gathered = []
                        gathered.append((taken, item))
                        if len(gathered) == self._chunk:
                            self._send(gathered, flying)
                            gathered = []
                    taken += 1
                while again:
                    self._send([again.popleft()], flying)
                if wanted in results:
                    while wanted in results:
                        yield results.pop(wanted)
                        wanted += 1
                    continue
                if exhausted and wanted == taken:
                    return
                if gathered:
                    self._send(gathered, flying)
                    gathered = []
                done, _ = self._ray.wait(list(flying), num_returns=1)
                for reference in done:
                    tasks = flying.pop(reference)
                    answers = self._answers(reference, tasks)
                    if answers is None:
                        again.extend(tasks)
                    else:
                        results.update(answers)
        finally:
            for reference in flying:
                self._ray.cancel(reference, force=True)

    def _room(self) -> int:
        """How many chunks may be on their way; nodes come and go."""
        now = time.monotonic()
        if now > self._counted:
            total = self._ray.cluster_resources()
            places = min(int(total.get(kind, 0) / amount) for kind, amount in self._needs.items() if amount)
            self._most, self._counted = max(2, _ROUNDS * places), now + 1.0
        return self._most

    def _send(self, tasks: list[tuple[int, Task]], flying: dict[Any, list[tuple[int, Task]]]) -> None:
        name = tasks[0][1].shared
        if name not in self._shared:
            self._shared[name] = self._ray.put(self._share(name))
            if len(self._shared) > _KEPT:
                self._shared.popitem(last=False)
        self._shared.move_to_end(name)
        # In a list, so that it is fetched by those who do not have it yet.
        shared = [self._shared[name]]
        values = [task.value for _, task in tasks]
        flying[self._remote.remote(__version__, self._make, name, shared, values)] = list(tasks)

    def _answers(self, reference: Any, tasks: list[tuple[int, Task]]) -> dict[int, Any] | None:
        """The results of tasks; None if they are to be tried one by one, because one of them ends its process."""
        errors = self._ray.exceptions
        try:
            answers = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise ClusterError(f"--engine ray: {error.cause}") from None
        except errors.RayError as error:
            if len(tasks) > 1:
                return None
            answers = [(False, type(error).__name__)]
        return {number: value if fine else Died(value) for (number, _), (fine, value) in zip(tasks, answers)}


_works: dict[bytes, Callable[[Any, Any], Any]] = {}
_kept: OrderedDict[tuple[str, str], Any] = OrderedDict()


def serve(version: str, make: bytes, name: str, shared: list[Any], values: list[Any]) -> list[tuple[bool, Any]]:
    """What a node does with a chunk: for each value whether it went well, and the result or why not."""
    import ray

    if version != __version__:
        raise RuntimeError(f"trainlint is {__version__} on a node and {version} where it was started")
    key = (name, shared[0].hex())
    if key not in _kept:
        _kept[key] = ray.get(shared[0])
        if len(_kept) > _KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    if make not in _works:
        _works[make] = pickle.loads(make)()
    answers: list[tuple[bool, Any]] = []
    for value in values:
        try:
            answers.append((True, _works[make](value, _kept[key])))
        except Exception as error:
            answers.append((False, f"{type(error).__name__}: {error}"))
    return answers
