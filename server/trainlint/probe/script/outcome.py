"""What was said of one run becomes its result."""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING, Any, Literal

from trainlint.probe.script.records import Curve, Outcome, Output, Run

if TYPE_CHECKING:
    from trainlint.probe.script.runner import Orders

_BACKENDS = ("tensorflow", "keras", "tf_keras", "jax", "torch")


class Printed:
    """The head and the tail of an output, in bounded memory."""

    def __init__(self, most: int) -> None:
        self._most = max(2, most) // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """Keeps what is needed of this piece."""
        room = self._most - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 4 * self._most:
            self._cut()

    def _cut(self) -> None:
        surplus = len(self._tail) - self._most
        if surplus > 0:
            self._dropped += surplus
            del self._tail[:surplus]

    def output(self) -> Output:
        """What was kept."""
        self._cut()
        if not self._dropped:
            return Output(head=(self._head + self._tail).decode("utf-8", "replace"))
        return Output(
            head=self._head.decode("utf-8", "replace"),
            tail=self._tail.decode("utf-8", "replace"),
            dropped=self._dropped,
        )


class Facts:
    """All that a run said and all that was seen of it."""

    def __init__(self, most_output: int) -> None:
        self.printed = Printed(most_output)
        self.seconds = 0.0
        self.cancelled = False
        self.guard: dict[str, Any] = {}
        self.started = False
        self.training_at: float | None = None
        self.reached_at: float | None = None
        self.last_step_at = 0.0
        self.ended: float | None = None
        self.status = 0
        self.error: dict[str, Any] | None = None
        self.environment: dict[str, Any] = {}
        self.versions: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.about: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.curves: dict[str, list[tuple[int, float | None]]] = {}
        self.metrics: dict[str, list[tuple[int, float | None]]] = {}
        self.steps = 0
        self.last_loss: float | None = None

    @property
    def reached(self) -> bool:
        """Whether all steps that were wanted were done."""
        return self.reached_at is not None

    @property
    def phase(self) -> Literal["starting", "importing", "training", "ending"]:
        """What the run is doing."""
        if self.reached or self.ended is not None:
            return "ending"
        if self.training_at is not None:
            return "training"
        return "importing" if self.started else "starting"

    @property
    def output(self) -> Output:
        """What the program printed."""
        return self.printed.output()

    def take(self, message: dict[str, Any], at: float) -> None:
        """Takes in one message of the protocol, which came this many seconds after the start."""
        kind = message.get("kind")
        if kind == "step":
            self.steps = max(self.steps, message["step"])
            self.last_step_at = at
            self.last_loss = message["loss"]
            self.curves.setdefault(message["series"], []).append((message["step"], message["loss"]))
            self._metrics(message["step"], message["metrics"])
            self._note(message["note"])
        elif kind == "metrics":
            self._metrics(message["step"], message["metrics"])
        elif kind == "started":
            self.started = True
            self.versions = message["versions"]
        elif kind == "training":
            self.training_at = at
            self.environment = message
            self.versions = message["versions"]
        elif kind == "about":
            self.about.setdefault(message["series"], {})[message["what"]] = message["value"]
        elif kind == "reached":
            self.reached_at = at
        elif kind == "error":
            self.error = message
        elif kind == "note":
            self._note(message["text"])
        elif kind == "isolated":
            self.refused = message["refused"]
        elif kind == "end":
            self.ended = at
            self.status = message["status"]

    def _metrics(self, step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.metrics.setdefault(name, []).append((step, value))

    def _note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)


def run_of(arm: str, seed: int, orders: Orders, facts: Facts) -> Run:
    """The result of one run."""
    outcome, message = _outcome(orders, facts)
    about = facts.about.get("loss", {})
    weights = about.get("weights")
    notes = list(facts.notes)
    for folder, reason in facts.refused.items():
        if outcome in ("error", "died") or os.path.abspath(orders.experiment.entry).startswith(folder + "/"):
            notes.append(f"{folder} could not be made writable in the sandbox ({reason})")
    left = facts.guard.get("left", 0)
    # The sandbox has a process of its own.
    if left and orders.isolation.kind == "none" and outcome in ("finished", "ended-early", "no-training-step"):
        notes.append(f"{left} processes that it had started were ended")
    if len(facts.curves) > 1:
        notes.append(f"it trains {len(facts.curves)} networks or losses; the first one is compared")
    place = (facts.error or {}).get("place")
    training = facts.last_step_at - facts.training_at if facts.training_at is not None else 0.0
    return Run(
        arm=arm,
        seed=seed,
        outcome=outcome,
        message=message,
        steps=facts.steps,
        losses=tuple(facts.curves.get("loss", ())),
        other_losses={name: tuple(curve) for name, curve in facts.curves.items() if name != "loss"},
        metrics={name: _last_of_each_step(curve) for name, curve in facts.metrics.items()},
        place=(place[0], place[1], place[2]) if place else None,
        loss=about.get("loss"),
        optimizer=about.get("optimizer"),
        weights=tuple((tuple(shape), checksum) for shape, checksum in weights) if weights else None,
        device=", ".join(facts.environment.get("devices", ())) or ("CPU" if facts.environment else ""),
        backend=facts.environment.get("backend", ""),
        versions=facts.versions,
        seconds=facts.seconds,
        training_seconds=training,
        peak_memory=facts.guard.get("peak", 0),
        output=facts.output,
        notes=tuple(notes),
    )


def _last_of_each_step(curve: list[tuple[int, float | None]]) -> Curve:
    return tuple(dict(curve).items())


def _outcome(orders: Orders, facts: Facts) -> tuple[Outcome, str]:
    limits, steps = orders.limits, facts.steps
    why = facts.guard.get("why")
    after = _after(facts)
    if facts.reached:
        return "finished", f"trained for {_steps(steps)}"
    if facts.cancelled or (why == "cancelled" and facts.ended is None):
        return "cancelled", f"cancelled {after}"
    if facts.error is not None:
        return _error(orders, facts, after)
    if facts.ended is not None:
        status = f" with status {facts.status}" if facts.status else ""
        if not steps:
            return "no-training-step", f"the program ended{status}, and no training step was seen"
        return "ended-early", f"the program ended{status} {after}"
    if why == "seconds":
        return "timed-out", f"ended {after}: it took longer than {limits.seconds:g} seconds"
    if why == "memory":
        return "out-of-memory", f"ended {after}: it took more than {limits.memory / 2**30:.1f} GiB of memory"
    if why == "processes":
        return "too-many-processes", f"ended {after}: it started more than {limits.processes} processes"
    if why == "not-started":
        return "not-started", f"{orders.python} could not be started: {facts.guard.get('message', '')}"
    if not facts.started:
        lines = facts.output.text.strip().splitlines()
        return "not-started", f"{orders.python} could not run a program: {lines[-1][:300] if lines else 'it ended'}"
    return "died", _died(orders, facts, after)


def _error(orders: Orders, facts: Facts, after: str) -> tuple[Outcome, str]:
    assert facts.error is not None
    missing = str(facts.error.get("missing") or "").partition(".")[0]
    if facts.error["type"] == "ModuleNotFoundError" and missing in _BACKENDS:
        python = shlex.quote(orders.python)
        return (
            "backend-missing",
            f"{orders.python} has no {missing}; install it with: {python} -m pip install {missing.replace('_', '-')}",
        )
    return "error", f"{facts.error['message']} ({after})"


def _died(orders: Orders, facts: Facts, after: str) -> str:
    status = facts.guard.get("status")
    if status is None:
        return f"the process was lost {after}"
    # A shell's way to tell of signals, which the sandbox has as well.
    number = -status if status < 0 else status - 128 if status > 128 and orders.isolation.kind != "none" else 0
    if number:
        guess = ", probably because the machine had no memory left" if number == signal.SIGKILL else ""
        return f"the process was ended by {_signal_name(number)}{guess} {after}"
    return f"the process ended itself with status {status} {after}"


def _after(facts: Facts) -> str:
    if facts.steps:
        return f"after {_steps(facts.steps)}"
    return "before its first training step" if facts.started else "before it began"


def _steps(number: int) -> str:
    return f"{number} training step" if number == 1 else f"{number} training steps"


def _signal_name(number: int) -> str:
    """The name of a signal, such as SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
