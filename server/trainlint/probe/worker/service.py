"""The worker's loop: one experiment after the other, while a second thread hears of cancellations and of the end."""

from __future__ import annotations

import faulthandler
import importlib
import os
import queue
import threading
import traceback
from typing import Any, Callable, Dict, Optional

from . import devices, environment, system, workload
from .protocol import EXPERIMENT_VERSION, RESTART, VERSION, Channel, Message, ProtocolError, decode, lines

PARENT_CHECK = 1.0
"""Seconds between looks at whether the client is there, in case a fork of it holds the pipe open."""


class Failed(Exception):
    """An experiment ended without measurements."""

    def __init__(self, kind: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.details = details


def serve(requests: int, answers: int, idle: float) -> None:
    """Answers requests until the client is gone, says so, or asks nothing for `idle` seconds."""
    system.settle(requests, answers)
    faulthandler.enable()
    Service(requests, Channel(answers), idle).serve()


class Service:
    """Holds the backend and the engine once they are loaded."""

    def __init__(self, requests: int, channel: Channel, idle: float) -> None:
        self._requests = requests
        self._channel = channel
        self._idle = idle
        self._inbox: "queue.Queue[Message]" = queue.Queue()
        self._cancelled: Dict[int, threading.Event] = {}
        self._lock = threading.Lock()
        self._hello: Dict[str, Any] = {}
        self._engine: Any = None
        self._device: Optional[devices.Choice] = None
        """What the backend was loaded for."""

    def serve(self) -> None:
        """Never returns."""
        self._hello = environment.describe()
        self._channel.send({"type": "hello", "protocol": VERSION, "pid": os.getpid(), **self._hello})
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
        while True:
            try:
                message = self._inbox.get(timeout=self._idle)
            except queue.Empty:
                system.leave()
            self._answer(message)

    def _listen(self) -> None:
        try:
            for line in lines(self._requests):
                message = decode(line)
                if message["type"] == "cancel":
                    self._event(message["id"]).set()
                elif message["type"] == "shutdown":
                    system.leave()
                else:
                    self._inbox.put(message)
        except (ProtocolError, KeyError) as error:
            os.write(2, "trainlint: a request cannot be read: {}\n".format(error).encode("utf-8", "replace"))
        system.end()

    def _event(self, number: int) -> threading.Event:
        """Set when a request is cancelled, which may happen before its turn comes."""
        with self._lock:
            return self._cancelled.setdefault(number, threading.Event())

    def _answer(self, message: Message) -> None:
        number = message["id"]
        cancelled = self._event(number).is_set
        self._channel.send({"type": "accepted", "id": number})

        def report(progress: Dict[str, Any]) -> None:
            self._channel.send({"type": "progress", "id": number, "progress": progress})

        try:
            if message["type"] == "warm-up":
                measurements: Any = self._warm_up(report, cancelled)
            else:
                measurements = self._run(message["experiment"], report, cancelled)
            answer = {"type": "result", "id": number, "measurements": measurements}
        except Failed as failure:
            answer = self._failure(number, failure.kind, str(failure), failure.details)
        except BaseException as error:  # the client waits for an answer
            answer = self._failure(number, *_kind_of(error))
        try:
            self._channel.send(answer)
        except Exception as error:  # measurements that are no JSON are the engine's fault
            self._channel.send(
                self._failure(number, "worker-error", "the measurements cannot be sent: {}".format(error))
            )
        with self._lock:
            self._cancelled.pop(number, None)

    @staticmethod
    def _failure(number: int, kind: str, message: str, details: str = "") -> Message:
        return {"type": "failed", "id": number, "kind": kind, "message": message[:2000], "details": details[-8000:]}

    # The work ---------------------------------------------------------------------------------------------------------

    def _warm_up(self, report: Callable[[Dict[str, Any]], None], cancelled: Callable[[], bool]) -> Dict[str, Any]:
        """Pays for the first traces of the backend before anybody waits."""
        return self._run(TINY, report, cancelled)

    def _run(
        self, experiment: Dict[str, Any], report: Callable[[Dict[str, Any]], None], cancelled: Callable[[], bool]
    ) -> Dict[str, Any]:
        """The measurements of an experiment, with the device that was used and why."""
        if not isinstance(experiment, dict) or experiment.get("version") != EXPERIMENT_VERSION:
            given = experiment.get("version") if isinstance(experiment, dict) else None
            raise Failed("refused", "the worker knows version {} of the experiment format, not {!r}".format(
                EXPERIMENT_VERSION, given))  # fmt: skip
        choice = self._load(experiment, report)
        report({"stage": "device", "message": "computing on the {} ({})".format(choice.kind.upper(), choice.reason)})
        _stop(cancelled)
        try:
            measurements = self._engine.run(self._placed(experiment, choice.kind), report, cancelled)
        except Exception as error:  # sorted by what it is
            if choice.kind != devices.GPU or not _is_of_device(error):
                raise
            reason = "the GPU failed ({})".format(_line(error))
            if "OutOfDeviceMemory" in _names(error):
                reason = "the GPU ran out of memory"
            choice = devices.Choice(devices.CPU, reason)
            report({"stage": "device", "message": reason + "; training again on the CPU"})
            measurements = self._engine.run(self._placed(experiment, devices.CPU), report, cancelled)
        if not isinstance(measurements, dict):
            raise Failed("worker-error", "the engine gave no measurements")
        return {**measurements, "device": choice.described()}

    def _placed(self, experiment: Dict[str, Any], kind: str) -> Dict[str, Any]:
        """An experiment that names its device and its backend."""
        return {**experiment, "device": kind, "backend": self._hello["backend"]["name"]}

    def _load(self, experiment: Dict[str, Any], report: Callable[[Dict[str, Any]], None]) -> devices.Choice:
        """Decides on the device, and imports the backend and the engine if this is the first time."""
        backend = self._hello["backend"]
        if backend is None:
            raise Failed("no-backend", "no backend is installed")
        name = backend["name"]
        choice = self._choose(experiment, name, backend)
        if self._engine is not None:
            return choice
        devices.prepare(choice, os.environ)
        os.environ["KERAS_BACKEND"] = name
        environment.hide_others(name)
        report({"stage": "importing", "message": "importing {} {}".format(name, backend["version"] or "")})
        try:
            module = importlib.import_module(name)
        except BaseException as error:  # broken installations raise anything, also SystemExit
            raise Failed(
                "backend-import",
                "{} cannot be imported in {}: {}".format(name, self._hello["executable"], _line(error)),
                traceback.format_exc(),
            ) from None
        self._device = choice = devices.confine(name, module, choice)
        self._engine = importlib.import_module(".engine", __package__)
        return choice

    def _choose(self, experiment: Dict[str, Any], name: str, backend: Dict[str, Any]) -> devices.Choice:
        wanted = experiment.get("device") or devices.AUTO
        if wanted not in (devices.CPU, devices.GPU, devices.AUTO):
            raise Failed("refused", "the device is auto, cpu or gpu, not {!r}".format(wanted))
        loaded = self._device
        if loaded is not None and loaded.kind == devices.GPU:
            # The card is held already, and what of it is taken is partly our own.
            held = [loaded.card._replace(free=None, busy=None)] if loaded.card is not None else []
            return devices.choose(wanted, workload.multiply_adds(experiment), {}, lambda: (held, ""), lambda: None)
        choice = devices.choose(
            wanted,
            workload.multiply_adds(experiment),
            _as_started,
            devices.cards,
            lambda: devices.cpu_only(name, backend),
        )
        if loaded is not None and choice.kind == devices.GPU:
            raise Failed(RESTART, "the backend was loaded for the CPU")
        return choice


_as_started = dict(os.environ)
"""The environment before anything was hidden."""

TINY: Dict[str, Any] = {
    "version": EXPERIMENT_VERSION,
    "arms": [
        {
            "name": "as written",
            "graph": {
                "nodes": {
                    "features": {"op": "source", "source": "features"},
                    "labels": {"op": "source", "source": "labels"},
                    "kernel": {
                        "op": "variable",
                        "shape": [2, 2],
                        "dtype": "float32",
                        "trainable": True,
                        "initial": {"distribution": "normal", "mean": 0, "stddev": 1},
                    },
                    "logits": {"op": "matmul", "inputs": ["features", "kernel"]},
                    "each": {
                        "op": "loss",
                        "function": "sparse-softmax-cross-entropy",
                        "from_logits": True,
                        "reduction": "mean",
                        "inputs": ["labels", "logits"],
                    },
                },
                "sources": {
                    "features": {
                        "role": "features",
                        "shape": ["N", 2],
                        "dtype": "float32",
                        "values": {"kind": "normal", "mean": 0, "rms": 1},
                    },
                    "labels": {"role": "labels", "shape": ["N"], "dtype": "int64", "encoding": "class-ids"},
                },
                "task": {"kind": "single-label", "classes": 2},
                "loss": "each",
                "penalties": [],
                "predictions": "logits",
                "head": "softmax-logits",
                "optimizer": {"name": "Adam", "learning_rate": 0.001, "form": "keras"},
            },
        }
    ],
    "tasks": ["teacher"],
    "seeds": [0],
    "steps": 2,
    "checkpoints": [2],
    "batch": 8,
    "rows": 16,
    "held_out": 16,
    "certificates": [],
    "device": "auto",
}
"""Learns nothing; what it computes is what every other experiment computes first."""


def _watch_parent(parent: int) -> None:
    """Ends the process when the client is gone, also if a fork of it still holds the pipe."""
    waiting = threading.Event()
    while not waiting.wait(PARENT_CHECK):
        if os.getppid() != parent:
            system.end()


def _stop(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Failed("cancelled", "the probe was cancelled")


def _kind_of(error: BaseException) -> "tuple[str, str, str]":
    """What the client is told of an exception: kind, one line, and where it came from."""
    names, details = _names(error), traceback.format_exc()
    if "Cancelled" in names:
        return "cancelled", "the probe was cancelled", ""
    if "GraphError" in names:
        return "refused", _line(error), details
    if "BackendMissing" in names:
        return "no-backend", _line(error), ""
    if isinstance(error, MemoryError):
        return "memory", "the experiment does not fit into memory: {}".format(_line(error)), details
    return "worker-error", "the engine failed: {}: {}".format(type(error).__name__, _line(error)), details


def _names(error: BaseException) -> "set[str]":
    """The engine's own exceptions are told by name: they belong to a module that may not be loaded."""
    return {kind.__name__ for kind in type(error).__mro__}


def _is_of_device(error: BaseException) -> bool:
    """Whether an exception is about the card and not about the experiment."""
    if "OutOfDeviceMemory" in _names(error):
        return True
    said = "{} {}".format(type(error).__name__, error).lower()
    return any(word in said for word in ("cuda", "cudnn", "cublas", "gpu", "resource_exhausted", "resource exhausted"))


def _line(error: BaseException) -> str:
    """The first line of what an exception says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:500]
