"""Runs experiments on a worker: starts it, keeps it warm, ends it when it must be, says clearly what went wrong.

`Worker.run` blocks and may be called from any thread; asyncio code awaits `asyncio.to_thread(worker.run, ...)` and
ends it through `cancelled` or `close`.
"""

from __future__ import annotations

import atexit
import itertools
import os
import queue
import shlex
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trainlint.probe import errors
from trainlint.probe.errors import ProbeError
from trainlint.probe.interpreters import Interpreter
from trainlint.probe.processes import WORKER_FOLDER, WorkerProcess, signal_name, total_memory
from trainlint.probe.results_cache import ResultsCache
from trainlint.probe.worker.protocol import RESTART, VERSION, Message, ProtocolError, encode
from trainlint.record import Record

Progress = Callable[[dict[str, Any]], None]

START = 30.0
"""Seconds until a worker says hello; Python starts in 0.1, on a loaded machine with a network's file system in ten."""

GRACE = 0.5
"""Seconds that a cancelled experiment has to end by itself."""

TICK = 0.05
"""Seconds between looks at the clock, at the memory and at whether the caller has changed its mind."""


_FULL = 0.75
"""Share of the limit on memory that a warm worker may hold before it is asked again: traces and caches pile up."""


class Limits(Record):
    """What a probe may take: seconds of wall time, with the start of the worker, and bytes of memory of its group."""

    seconds: float = 300.0
    memory: int = 0
    """0: half of what the machine has, at most 8 GB."""

    def bytes(self) -> int:
        """The limit on memory as a number."""
        return self.memory or min(8 << 30, total_memory() // 2)


class _Ticket:
    """A request in the queue of a worker."""

    def __init__(self, what: str) -> None:
        self.what = what


class _Gone(Exception):
    """A worker ended before it took a request: idle for too long, or killed between two."""


class _Restart(Exception):
    """A request needs a worker that was started anew."""


class Worker:
    """Runs experiments in the user's interpreter, one after the other, and keeps its process for the next.

    With a `cache`, what was measured before is not measured again.
    A process that died, or had to be ended, is replaced at the next request.
    """

    def __init__(
        self,
        python: Interpreter | str,
        *,
        idle: float = 600.0,
        cache: ResultsCache | None = None,
        folder: Path = WORKER_FOLDER,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.python = python if isinstance(python, Interpreter) else Interpreter(python, "named")
        self._idle = idle
        self._cache = cache
        self._folder = folder
        self._environment = environment
        self._numbers = itertools.count(1)
        self._turns: deque[_Ticket] = deque()
        self._turn = threading.Condition()
        self._process: WorkerProcess | None = None
        self._hello: dict[str, Any] | None = None
        self._closed = False
        _open.add(self)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it was ended for good."""
        return self._closed

    @property
    def pid(self) -> int | None:
        """The worker's process, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.runs() else None

    # Requests ---------------------------------------------------------------------------------------------------------

    def hello(self, cancelled: Callable[[], bool] | None = None, limits: Limits | None = None) -> dict[str, Any]:
        """What the interpreter has: `python`, `packages`, `backend` with `name` and `version`; starts a worker."""
        watch = _Watch(self, None, cancelled, limits)
        with self._its_turn(watch, "its start"):
            self._started(watch)
            assert self._hello is not None
            return self._hello

    def warm_up(
        self,
        on_progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Loads the backend, so that the next experiment starts at once."""
        watch = _Watch(self, on_progress, cancelled, limits)
        self._request({"type": "warm-up"}, watch, "the backend, which is being loaded")

    def run(
        self,
        experiment: Mapping[str, Any],
        on_progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        limits: Limits | None = None,
    ) -> dict[str, Any]:
        """The measurements of an experiment; ProbeError says why there are none.

        `on_progress` is called in this thread, with an object that has a `stage` ("waiting", "starting", "importing",
        "device" or what the engine says) and mostly a `message`.
        """
        try:
            encode({"experiment": dict(experiment)})
        except (ProtocolError, TypeError, ValueError, RecursionError) as error:
            raise ProbeError(errors.REFUSED, f"the experiment cannot be sent: {error}") from None
        message = {"type": "run", "experiment": dict(experiment)}
        return self._request(message, _Watch(self, on_progress, cancelled, limits), "another probe")

    def close(self) -> None:
        """Leaves no process and no file; a probe that runs ends as cancelled."""
        self._closed = True
        _open.discard(self)
        process = self._process
        if process is not None:
            process.end()
        with self._turn:
            self._turn.notify_all()

    def _request(self, message: Message, watch: _Watch, what: str) -> dict[str, Any]:
        with self._its_turn(watch, what):
            for _ in range(3):
                process = self._started(watch)
                try:
                    return self._measured(process, message, watch)
                except _Gone:
                    self._end()
                except _Restart:
                    watch.report({"stage": "starting", "message": "starting the backend anew for another device"})
                    self._end()
                except ProbeError as error:
                    if error.kind in _FATAL and not isinstance(error, _Stopped):
                        self._end()
                    raise
                except BaseException:
                    self._end()
                    raise
            raise ProbeError(errors.DIED, f"the worker of {self.python.path} ends whenever it is asked", self.log())

    def _measured(self, process: WorkerProcess, message: Message, watch: _Watch) -> dict[str, Any]:
        """The answer to a request, out of the cache if it is there."""
        experiment, cache, hello = message.get("experiment"), self._cache, self._hello
        if experiment is None or cache is None or hello is None:
            return self._ask(process, message, watch)
        known = cache.get(experiment, hello, self._folder)
        if known is not None:
            watch.report({"stage": "known", "message": "measured before"})
            return known
        measurements = self._ask(process, message, watch)
        cache.put(experiment, hello, measurements, self._folder)
        return measurements

    @contextmanager
    def _its_turn(self, watch: _Watch, what: str) -> Iterator[None]:
        """Waits until all earlier requests are done; `what` is what later ones wait for."""
        ticket = _Ticket(what)
        with self._turn:
            self._turns.append(ticket)
            first = self._turns[0]
        try:
            if first is not ticket:
                watch.report({"stage": "waiting", "message": f"waiting for {first.what}"})
            with self._turn:
                while self._turns[0] is not ticket:
                    self._turn.wait(TICK)
                    watch.check(None)
            watch.start()
            yield
        finally:
            with self._turn:
                self._turns.remove(ticket)
                self._turn.notify_all()

    # The process ------------------------------------------------------------------------------------------------------

    def _started(self, watch: _Watch) -> WorkerProcess:
        """A worker that said hello and has a backend."""
        if os.name == "nt":
            raise ProbeError(errors.UNSUPPORTED, "a probe runs on Linux and macOS, not on Windows")
        watch.check(None)
        process = self._process
        if process is not None:
            if process.runs() and process.exit_status is None and process.memory() < watch.memory * _FULL:
                return process
            self._end()
        watch.report({"stage": "starting", "message": f"starting {self.python.path}"})
        try:
            process = WorkerProcess(self.python.path, self._folder, self._idle, self._environment)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ProbeError(
                errors.NO_INTERPRETER, f"{self.python.path} ({self.python.reason}) cannot be started: {reason}"
            ) from None
        self._process = process
        if self._closed:
            self._end()
            watch.check(None)
        try:
            self._hello = self._greet(process, watch)
        except BaseException:
            self._end()
            raise
        return process

    def _greet(self, process: WorkerProcess, watch: _Watch) -> dict[str, Any]:
        """What a new worker says of itself, if it is one that can be used."""
        limit = time.monotonic() + START
        hello: Message | ProtocolError | None = None
        while True:
            try:
                hello = process.messages.get(timeout=TICK)
                break
            except queue.Empty:
                watch.check(process)
                if not process.runs():
                    # What it said before it ended is on its way.
                    with suppress(queue.Empty):
                        hello = process.messages.get(timeout=GRACE)
                    break
                if time.monotonic() > limit:
                    raise ProbeError(
                        errors.NO_INTERPRETER,
                        f"{self.python.path} ({self.python.reason}) did not start as Python within {START:.0f} s",
                        process.log(),
                    ) from None
        watch.check(process)
        path = self.python.path
        if hello is None:
            status = process.end(GRACE)
            said = _last_line(process.log())
            raise ProbeError(
                errors.NO_INTERPRETER,
                f"{path} ({self.python.reason}) did not start as Python: it ended with {signal_name(status)}"
                + (f", saying: {said}" if said else ""),
                process.log(),
            )
        if isinstance(hello, ProtocolError) or hello.get("type") != "hello":
            raise ProbeError(errors.PROTOCOL, f"{path} did not start as a worker: {hello}", process.log())
        version = ".".join(map(str, hello.get("python", ())))
        if "too_old" in hello:
            needed = ".".join(map(str, hello["too_old"]))
            raise ProbeError(
                errors.TOO_OLD, f"{path} ({self.python.reason}) is Python {version}; a probe needs {needed} or newer"
            )
        if hello.get("protocol") != VERSION:
            raise ProbeError(errors.PROTOCOL, f"the worker speaks version {hello.get('protocol')}, not {VERSION}")
        if hello.get("backend") is None:
            raise ProbeError(errors.NO_BACKEND, missing_backend(path, hello, self._environment))
        return hello

    def _ask(self, process: WorkerProcess, message: Message, watch: _Watch) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        number = next(self._numbers)
        if not process.send({**message, "id": number}, lambda: watch.check(process)):
            raise _Gone
        accepted = False
        while True:
            try:
                answer = process.messages.get(timeout=TICK)
            except queue.Empty:
                if process.runs():
                    self._check(process, number, watch)
                    continue
                # What it said before it ended is on its way; the end of the pipe may be held up by a fork of it.
                try:
                    answer = process.messages.get(timeout=GRACE)
                except queue.Empty:
                    answer = None
            if isinstance(answer, ProtocolError):
                raise ProbeError(errors.PROTOCOL, f"the worker's answers were disturbed: {answer}", process.log())
            if answer is None:
                watch.check(process)
                if not accepted:
                    raise _Gone
                raise self._death(process, watch)
            if answer.get("id") != number:
                continue
            match answer["type"]:
                case "accepted":
                    accepted = True
                case "progress":
                    watch.report(answer["progress"])
                    self._check(process, number, watch)
                case "result":
                    watch.check_wish(_Stopped)
                    return answer["measurements"] or {}
                case "failed":
                    watch.check_wish(_Stopped)
                    raise self._failure(answer)

    def _check(self, process: WorkerProcess, number: int, watch: _Watch) -> None:
        """Ends what has become too large, too long or unwanted: politely at first if it is only unwanted."""
        try:
            watch.check(process)
        except ProbeError as error:
            if error.kind == errors.CANCELLED and not self._closed and self._stops(process, number):
                raise _Stopped(error.kind, error.message) from None
            raise

    def _stops(self, process: WorkerProcess, number: int) -> bool:
        """Whether a cancelled experiment ended by itself, so that its process can stay."""
        limit = time.monotonic() + GRACE
        if not process.send({"type": "cancel", "id": number}, lambda: None):
            return False
        while (left := limit - time.monotonic()) > 0:
            try:
                answer = process.messages.get(timeout=left)
            except queue.Empty:
                return False
            if answer is None or isinstance(answer, ProtocolError):
                return False
            if answer.get("id") == number and answer["type"] in ("result", "failed"):
                return True
        return False

    def _death(self, process: WorkerProcess, watch: _Watch) -> ProbeError:
        status = process.end(GRACE)
        what = f"the worker died ({signal_name(status)}) {watch.doing()}"
        if signal_name(status) == "SIGKILL":
            what += "; somebody killed it, most often the system because memory ran out"
        said = _last_line(process.log())
        return ProbeError(errors.DIED, what + (f"; it said last: {said}" if said else ""), process.log())

    def _failure(self, answer: Message) -> Exception:
        kind, message = str(answer.get("kind")), str(answer.get("message"))
        if kind == RESTART:
            return _Restart()
        if kind == errors.NO_BACKEND and self._hello is not None:
            message = missing_backend(self.python.path, self._hello, self._environment)
        return ProbeError(kind, message, str(answer.get("details") or "") or self.log())

    def log(self) -> str:
        """The last that the worker printed, also when it has ended."""
        return "" if self._process is None else self._process.log()

    def _end(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._process.end()


class _Stopped(ProbeError):
    """A cancelled experiment that ended by itself: its process can stay."""


_FATAL = {errors.MEMORY, errors.TIME, errors.PROTOCOL, errors.DIED, errors.CANCELLED, errors.BACKEND_IMPORT}
"""After these, a process is not used again."""


class _Watch:
    """Looks after one request: the caller's wish, the clock and the memory."""

    def __init__(
        self,
        worker: Worker,
        on_progress: Progress | None,
        cancelled: Callable[[], bool] | None,
        limits: Limits | None,
    ) -> None:
        self._worker = worker
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._limits = limits or Limits()
        self.memory = self._limits.bytes()
        self._end: float | None = None
        self._next_look = 0.0
        self._stage = ""

    def start(self) -> None:
        """From here on the time counts: waiting for others does not."""
        self._end = time.monotonic() + self._limits.seconds

    def report(self, progress: dict[str, Any]) -> None:
        """Tells the caller what happens."""
        self._stage = str(progress.get("message") or progress.get("stage") or "")
        if self._on_progress is not None:
            self._on_progress(progress)

    def doing(self) -> str:
        """What the worker was doing when it was last heard of."""
        return f"while {self._stage}" if self._stage.startswith(("importing", "starting")) else "during the probe"

    def check(self, process: WorkerProcess | None) -> None:
        """Raises ProbeError if the request has to end."""
        self.check_wish(ProbeError)
        now = time.monotonic()
        if self._end is not None and now > self._end:
            raise ProbeError(
                errors.TIME, f"the probe took longer than {self._limits.seconds:g} s and was ended {self.doing()}"
            )
        if process is not None and now >= self._next_look:
            self._next_look = now + TICK
            used = process.memory()
            if used > self.memory:
                raise ProbeError(
                    errors.MEMORY,
                    f"the probe took {_size(used)} of memory and was ended; its limit is {_size(self.memory)}",
                )

    def check_wish(self, kind: type[ProbeError]) -> None:
        """Raises ProbeError if nobody wants the result any more."""
        if self._worker.closed:
            raise kind(errors.CANCELLED, "the probe was ended")
        if self._cancelled is not None and self._cancelled():
            raise kind(errors.CANCELLED, "the probe was cancelled")


def missing_backend(path: str, hello: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> str:
    """What to tell a user whose interpreter has no backend: what is missing, and the command that installs it."""
    unusable = hello.get("unusable") or ()
    python = shlex.quote(path)
    install = {
        "pip": f"{python} -m pip install {'--upgrade ' if unusable else ''}tensorflow",
        "uv": f"uv pip install --python {python} {'--upgrade ' if unusable else ''}tensorflow",
        # The system's own Python does not let pip in, and many have none: an environment has.
        "managed": f"{python} -m venv .venv && .venv/bin/python -m pip install tensorflow",
        "none": f"{python} -m ensurepip && {python} -m pip install tensorflow",
    }[str(hello.get("installer"))]
    # Clusters put modules there.
    hint = " (folders of PYTHONPATH are not searched)" if (environment or os.environ).get("PYTHONPATH") else ""
    if unusable:
        why = "; ".join(unusable)
        return f"the environment of {path} has no backend that a probe can use: {why}{hint}; try: {install}"
    return f"the environment of {path} has neither TensorFlow nor JAX nor torch{hint}; install one with: {install}"


def _size(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MB"


def _last_line(log: str) -> str:
    """The last line of a log that says something; Python's own crash report ends in a list of modules."""
    lines = [line.strip() for line in log.splitlines()]
    lines = [
        line for line in lines if line and not line.startswith(("File ", "Thread 0x", "Current thread", "Extension"))
    ]
    return lines[-1][:200] if lines else ""


_open: set[Worker] = set()
_owner = os.getpid()


@atexit.register
def _close_all() -> None:
    """Ends every worker with this process, but not with a fork of it."""
    if os.getpid() == _owner:
        for worker in list(_open):
            worker.close()
