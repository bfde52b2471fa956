"""Work in several processes of one machine: results in order as they come, and a process that dies costs only its task.

Each process has a pipe of its own, so what it was doing is known when it ends. `concurrent.futures` gives up all that
waits when one process dies, and does not say whose task it was.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from trainlint.batch.tasks import Died, Ready, Work

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

AHEAD = 16
"""Tasks for each process that are taken before the results of earlier ones are wanted."""


class _Worker:
    """A process with a pipe, and the number of the task that it works on."""

    def __init__(self, make: Callable[[], Work], others: Iterable[_Worker]) -> None:
        forks = can_fork()
        context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self.pipe, theirs = context.Pipe()
        # A forked process has the ends of its siblings too, and would keep them open when this one is gone.
        inherited = [each.pipe for each in others] + [self.pipe] if forks else []
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, make, inherited), daemon=True)
        try:
            with _no_interruption():
                self.process.start()
        except OSError:
            self.pipe.close()
            raise
        finally:
            theirs.close()
        self.task: int | None = None

    def send(self, number: int, item: Any) -> None:
        self.task = number
        self.pipe.send(item)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()

    def end(self) -> str:
        """Waits for a process that ended, and says how."""
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        if code < 0:
            try:
                return f"killed by {signal.Signals(-code).name}"
            except ValueError:
                return f"killed by signal {-code}"
        return f"ended with status {code}"


@contextmanager
def _no_interruption() -> Iterator[None]:
    """Keeps Ctrl-C for later, and from a process that starts: it could only complain."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def can_fork() -> bool:
    """Whether this process can be forked: that is cheap, and safe as long as nothing else runs in it."""
    import threading

    return hasattr(os, "fork") and threading.active_count() == 1


def _serve(pipe: Connection, make: Callable[[], Work], inherited: Iterable[Connection]) -> None:
    """What a process does: task after task, until nobody asks any more."""
    for each in inherited:
        each.close()
    # Who presses Ctrl-C ends the caller, and that ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work = None
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            break
        try:
            work = work or make()
            answer = pickle.dumps((True, work(item)))
        except BaseException as error:
            answer = pickle.dumps((False, " ".join(f"{type(error).__name__}: {error}".split())))
        try:
            pipe.send_bytes(answer)
        except OSError:
            break
    # What was forked with this process, open files and locks, is not its own to close.
    os._exit(0)


class Pool:
    """Processes that are started as there is work for them, and killed at the end.

    Where the system gives none, all is done `here`.
    """

    def __init__(self, make: Callable[[], Work], here: Work, jobs: int) -> None:
        self._make = make
        self._here = here
        self._jobs = jobs
        self._most = jobs
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.kill()

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        """The results in order; items are taken as there is room for them."""
        results: dict[int, Any] = {}
        queue: deque[tuple[int, Any]] = deque()
        tasks: dict[int, Any] = {}
        suspects: deque[int] = deque()
        taken, wanted, exhausted = 0, 0, False
        while True:
            while not exhausted and taken - wanted < self._jobs * AHEAD:
                try:
                    item = next(items)
                except StopIteration:
                    exhausted = True
                    break
                if isinstance(item, Ready):
                    results[taken] = item.value
                else:
                    queue.append((taken, item))
                    tasks[taken] = item
                taken += 1
            while wanted in results:
                yield results.pop(wanted)
                wanted += 1
                tasks.pop(wanted - 1, None)
            if exhausted and wanted == taken:
                return
            if taken - wanted < self._jobs * AHEAD and not exhausted:
                continue
            self._hand_out(queue)
            if queue and not self._workers:
                number, item = queue.popleft()
                results[number] = self._here(item)
                continue
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy and suspects:
                number = suspects.popleft()
                results[number] = self._alone(tasks[number])
                continue
            for pipe in wait([worker.pipe for worker in busy]):
                worker = next(each for each in busy if each.pipe is pipe)
                number = worker.task if worker.task is not None else -1
                try:
                    fine, value = worker.pipe.recv()
                except (EOFError, OSError):
                    worker.end()
                    self._workers.remove(worker)
                    suspects.append(number)
                    continue
                worker.task = None
                results[number] = value if fine else Died(value)

    def _hand_out(self, queue: deque[tuple[int, Any]]) -> None:
        """A task for each process that has none; as many processes as there is work for."""
        idle = [worker for worker in self._workers if worker.task is None]
        while queue:
            if idle:
                worker = idle.pop()
            elif len(self._workers) >= self._most:
                return
            else:
                try:
                    worker = _Worker(self._make, self._workers)
                except OSError:
                    # No memory, processes or descriptors for another one: those that run have to do.
                    self._most = len(self._workers)
                    return
                self._workers.append(worker)
            number, item = queue.popleft()
            try:
                worker.send(number, item)
            except (BrokenPipeError, OSError):
                # It died while it was idle; its end is seen where results are waited for, and the task is tried again.
                continue

    def _alone(self, item: Any) -> Any:
        """The result of a task that a process died over, with a process of its own and nothing beside it."""
        try:
            worker = _Worker(self._make, self._workers)
        except OSError as error:
            return Died(f"and no other could be started: {error.strerror}")
        try:
            worker.send(0, item)
            fine, value = worker.pipe.recv()
        except (EOFError, OSError):
            return Died(worker.end())
        worker.kill()
        return value if fine else Died(value)
