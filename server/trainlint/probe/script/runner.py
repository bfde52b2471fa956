"""One run: a fresh process that is guarded, its record and its output."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from trainlint.probe.script import sandbox
from trainlint.probe.script.outcome import Facts, run_of
from trainlint.probe.script.records import Arm, Experiment, Isolation, Limits, Run

_HERE = Path(__file__).parent
_GUARD = _HERE / "guard.py"
START = _HERE.parent / "worker" / "recording" / "start.py"

_SECONDS_TO_NOTICE = 0.05
_SECONDS_TO_END = 4.0
_SECONDS_TO_EVALUATE = 60.0
# The smallest of the limits that Python, NumPy and TensorFlow have.
_MOST_SEED = 2**31 - 1
_LONGEST_LINE = 1 << 20
_SECONDS_BETWEEN_REPORTS = 0.1

# Ways from a sandbox to the desktop and to keys, and what changes how an interpreter starts.
_NOT_FOR_PROGRAMS = (
    "SSH_AUTH_SOCK",
    "GPG_AGENT_INFO",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
)

Report = Callable[[str, int, float | None], None]


class Orders:
    """What is the same in all runs of an experiment."""

    __slots__ = ("experiment", "isolation", "limits", "network", "python", "steps")

    def __init__(
        self, experiment: Experiment, python: str, steps: int, limits: Limits, network: bool, isolation: Isolation
    ) -> None:
        self.experiment = experiment
        self.python = python
        self.steps = steps
        self.limits = limits
        self.network = network
        self.isolation = isolation


def run_once(orders: Orders, arm: Arm, seed: int, own_seeds: bool, report: Report, cancelled: threading.Event) -> Run:
    """One arm with one seed, run to its end or to a limit; nothing of it is left."""
    experiment, kind = orders.experiment, orders.isolation
    entry = os.path.abspath(experiment.entry)
    home = os.path.dirname(entry)
    folder = os.path.abspath(experiment.folder or home)
    root = os.path.abspath(experiment.root or home)
    message: dict[str, Any] = {
        "entry": entry,
        "name": os.path.relpath(entry, folder) if home == folder else entry,
        "folder": folder,
        "root": root,
        "arguments": list(experiment.arguments),
        "files": {os.path.abspath(path): base64.b64encode(text).decode() for path, text in arm.files.items()},
        "seed": seed % _MOST_SEED,
        "own_seeds": own_seeds,
        "steps": orders.steps,
        "network": orders.network,
        "notebook": experiment.notebook,
        "layers": None,
    }
    shown = [folder, root, home]
    if kind.writes == "discarded":
        message["layers"] = {"folders": sandbox.writable(shown), "bytes": orders.limits.files}
    command = [orders.python, str(START)]
    environment = _environment(experiment.environment, seed % _MOST_SEED)
    process = GuardedProcess(message, command, environment, orders.limits, kind, shown, orders.network)
    process.watch(report, cancelled)
    return run_of(arm.name, seed, orders, process.facts)


def _environment(own: Mapping[str, str | None], seed: int) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_PROGRAMS}
    environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    environment["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    environment["PYTHONHASHSEED"] = str(seed)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment["MPLBACKEND"] = "Agg"
    for name, value in own.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


class GuardedProcess:
    """A process of the worker with its guard, its record and what it prints."""

    def __init__(
        self,
        message: dict[str, Any],
        command: list[str],
        environment: dict[str, str],
        limits: Limits,
        kind: Isolation,
        folders: list[str],
        network: bool,
    ) -> None:
        self.facts = Facts(limits.output)
        self._limits = limits
        self._word = secrets.token_hex(8)
        self._began = time.monotonic()
        self._scratch = ""
        opened: list[int] = []

        def pipe() -> tuple[int, int]:
            ends = os.pipe()
            opened.extend(ends)
            return ends

        with tempfile.TemporaryFile() as orders:
            try:
                self._record, channel = pipe()
                claim, claimable = pipe()
                guarded, self._control = pipe()
                self._status, status = pipe()
                os.write(claimable, b"1")
                os.set_blocking(claim, False)
                orders.write(json.dumps({**message, "channel": channel, "claim": claim, "word": self._word}).encode())
                orders.flush()
                command = [*command, str(orders.fileno())]
                if kind.kind == "bubblewrap":
                    command = sandbox.bubblewrap(command, kind, folders, network)
                else:
                    self._scratch = environment["TMPDIR"] = tempfile.mkdtemp(prefix="trainlint-")
                guard = {
                    "control": guarded,
                    "status": status,
                    "seconds": limits.seconds,
                    "memory": limits.memory,
                    "processes": limits.processes,
                    "file_size": limits.files,
                    "scratch": self._scratch,
                    "command": command,
                }
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_GUARD), json.dumps(guard)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    pass_fds=(channel, claim, orders.fileno(), guarded, status),
                    start_new_session=True,
                )
            except BaseException:
                for descriptor in opened:
                    os.close(descriptor)
                shutil.rmtree(self._scratch, ignore_errors=True)
                raise
        for descriptor in (channel, claim, claimable, guarded, status):
            os.close(descriptor)

    def watch(self, report: Report, cancelled: threading.Event) -> None:
        """Returns when the guard has ended; all that was said until then is in the facts."""
        try:
            self._watch(report, cancelled)
        finally:
            self._let_go()
            self.facts.seconds = time.monotonic() - self._began

    def _watch(self, report: Report, cancelled: threading.Event) -> None:
        facts = self.facts
        lines, status = _Lines(self._word), bytearray()
        assert self._guard.stdout is not None
        deadline = self._began + self._limits.seconds + _SECONDS_TO_END
        kill_at: float | None = None
        reported = 0.0
        report("starting", 0, None)
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._record, self._status, self._guard.stdout.fileno()):
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            while self._status in selector.get_map():
                for key, _ in selector.select(_SECONDS_TO_NOTICE):
                    data = _read(key.fd)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == self._record:
                        for message in lines.add(data):
                            facts.take(message, time.monotonic() - self._began)
                    elif key.fd == self._status:
                        status += data
                    else:
                        facts.printed.add(data)
                now = time.monotonic()
                if now - reported >= _SECONDS_BETWEEN_REPORTS:
                    reported = now
                    report(facts.phase, facts.steps, facts.last_loss)
                if kill_at is None and (cancelled.is_set() or self._is_enough(now)):
                    facts.cancelled = not facts.reached and cancelled.is_set()
                    os.close(self._control)
                    self._control = -1
                    kill_at = now + _SECONDS_TO_END
                if now > (kill_at or deadline):
                    # A guard that does not answer was stopped or killed by somebody; what it guards dies with it.
                    self._guard.kill()
                    break
            self._guard.wait()
            # What lies in the pipes was written before the guard had killed everything.
            for message in lines.add(_rest(self._record)):
                facts.take(message, time.monotonic() - self._began)
            facts.printed.add(_rest(self._guard.stdout.fileno()))
        for line in bytes(status).splitlines():
            facts.guard = {**json.loads(line), **facts.guard}

    def _is_enough(self, now: float) -> bool:
        """Whether the run has all that is wanted of it, and only does not end."""
        facts = self.facts
        if facts.ended is not None:
            return now - self._began > facts.ended + _SECONDS_TO_END / 4
        return facts.reached_at is not None and now - self._began > facts.reached_at + _SECONDS_TO_EVALUATE

    def _let_go(self) -> None:
        stream: IO[bytes] | None = self._guard.stdout
        if self._guard.poll() is None:
            self._guard.kill()
            self._guard.wait()
        if stream is not None:
            stream.close()
        for descriptor in (self._record, self._status, self._control):
            if descriptor >= 0:
                os.close(descriptor)
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b"\n"
    except OSError:
        return b""


def _rest(descriptor: int) -> bytes:
    """What can be read at once, up to what a pipe can hold."""
    found = bytearray()
    while len(found) < 1 << 21:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:
            break
        if not data:
            break
        found += data
    return bytes(found)


class _Lines:
    """Puts lines together and leaves out what is no message."""

    def __init__(self, word: str) -> None:
        self._word = word.encode()
        self._begun = b""

    def add(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete with this piece."""
        *complete, self._begun = (self._begun + data).split(b"\n")
        self._begun = self._begun[:_LONGEST_LINE]
        found = []
        for line in complete:
            if line.startswith(self._word):
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line[len(self._word) :]))
        return found
