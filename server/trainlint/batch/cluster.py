"""Work on the machines of a Ray cluster: results in order as they come, and a machine that is lost costs no result.

What a task needs travels with it: the nodes share no files with this machine. What many tasks need, the snapshot of
a project, is put into the object store once, and a process of a node keeps what it used last.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
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

_LOOK = 1
"""Seconds after which the nodes are counted again."""

_ALONE = 60
"""Seconds without any node that could work; a node that is started again is back by then."""


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
        # Ray tries for ever what was ended because a node had no memory left; it reads this when it is imported.
        os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))
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
        self._places, self._counted, self._had_places = 0, 0.0, 0.0

    def __enter__(self) -> Cluster:
        _knock(self._address or os.environ.get("RAY_ADDRESS"))
        try:
            self._ray.init(
                address=self._address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterError(f"--engine ray: {_one_line(error)}") from None
        try:
            if not self._count():
                raise ClusterError(f"--engine ray: no node of the cluster has {self._wanted()}")
        except BaseException:
            self._ray.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._shared.clear()
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
                for reference in self._done(flying):
                    tasks = flying.pop(reference)
                    answers = self._answers(reference, tasks)
                    if answers is None:
                        again.extend(tasks)
                    else:
                        results.update(answers)
        finally:
            for reference in flying:
                self._ray.cancel(reference, force=True)

    def _done(self, flying: Iterable[Any]) -> list[Any]:
        """What is done of what is on its way, as soon as there is something."""
        while True:
            done, _ = self._ray.wait(list(flying), num_returns=1, timeout=_LOOK)
            if done:
                return done
            self._count()
            if time.monotonic() - self._had_places > _ALONE:
                raise ClusterError(f"--engine ray: for {_ALONE} s no node of the cluster has {self._wanted()}")

    def _room(self) -> int:
        """How many chunks may be on their way."""
        return max(2, _ROUNDS * self._count())

    def _count(self) -> int:
        """How many chunks the nodes can work on at a time; nodes come and go."""
        now = time.monotonic()
        if now > self._counted:
            alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._places = sum(
                min(int(has.get(kind, 0) / amount) for kind, amount in self._needs.items() if amount) for has in alive
            )
            self._counted = now + _LOOK
            if self._places:
                self._had_places = now
        return self._places

    def _wanted(self) -> str:
        return " and ".join(f"{amount:g} {kind}" for kind, amount in self._needs.items() if amount)

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
            cause = str(error.cause).partition("traceback: ")[0]
            raise ClusterError(f"--engine ray: on a node: {_one_line(cause)}") from None
        except errors.RayError as error:
            if len(tasks) > 1:
                return None
            answers = [(False, type(error).__name__)]
        return {number: value if fine else Died(value) for (number, _), (fine, value) in zip(tasks, answers)}


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]


_works: dict[bytes, Callable[[Any, Any], Any]] = {}
_kept: OrderedDict[tuple[str, str], Any] = OrderedDict()


def serve(version: str, make: bytes, name: str, shared: list[Any], values: list[Any]) -> list[tuple[bool, Any]]:
    """What a node does with a chunk: for each value whether it went well, and the result or why not."""
    import ray

    if version != __version__:
        raise RuntimeError(f"trainlint is {__version__} there and {version} where it was started")
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
