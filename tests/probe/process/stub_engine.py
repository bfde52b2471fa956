"""Stands in for the engine: does what the experiment's `stub` says, in the worker's process. Python 3.8."""

from __future__ import annotations

import ctypes
import os
import sys
import time


class Cancelled(Exception):
    """As the engine's."""


class OutOfDeviceMemory(MemoryError):
    """As the engine's."""


class GraphError(Exception):
    """As the engine's."""


def run(experiment, report, cancelled):
    """Measurements that tell what the worker gave."""
    behave = globals()["_" + experiment.get("stub", "measure").replace("-", "_")]
    return behave(experiment, report, cancelled)


def _measure(experiment, report, cancelled):
    report({"stage": "training", "message": "step 1 of 1"})
    modules = {name: getattr(sys.modules[name], "__file__", None) for name in ("random", "json", "numpy")}
    return {
        "version": 1,
        "device": {"name": experiment["device"], "reason": "?"},
        "pid": os.getpid(),
        "folder": os.getcwd(),
        "path": sys.path,
        "environment": dict(os.environ),
        "modules": modules,
    }


def _wait(experiment, report, cancelled):
    """Waits, and ends when it is cancelled."""
    report({"stage": "training", "message": "waits"})
    while not cancelled():
        time.sleep(0.01)
    raise Cancelled


def _sleep(experiment, report, cancelled):
    report({"stage": "training", "message": "sleeps"})
    time.sleep(experiment.get("seconds", 3600))
    return {"version": 1, "slept": True}


def _hold(experiment, report, cancelled):
    """Holds the interpreter's lock, as C code can: no other thread of the worker runs."""
    report({"stage": "training", "message": "holds"})
    ctypes.PyDLL(None).sleep(3600)


def _print(experiment, report, cancelled):
    """Writes a gigabyte."""
    block = b"x" * 1023 + b"\n"
    for _ in range(1024):
        os.write(1, block * 512)
        os.write(2, block * 512)
    os.write(2, b"the last line\n")
    return {"version": 1}


def _chatter(experiment, report, cancelled):
    """Writes to the standard streams in every way."""
    print("hello from print")
    sys.stderr.write("hello from stderr\n")
    ctypes.CDLL(None).puts(b"hello from C")
    ctypes.CDLL(None).fflush(None)
    sys.stdout.flush()
    return {"version": 1}


def _fill(experiment, report, cancelled):
    report({"stage": "training", "message": "fills"})
    held = []
    while True:
        held.append(bytearray(b"x" * (16 << 20)))


_kept = []


def _keep(experiment, report, cancelled):
    """Does not let go of 200 MB."""
    _kept.append(bytearray(b"x") * (200 << 20))
    return {"version": 1, "pid": os.getpid()}


def _fork_and_fill(experiment, report, cancelled):
    """A child of the worker takes the memory."""
    if os.fork() == 0:
        _fill(experiment, lambda progress: None, cancelled)
    time.sleep(3600)


def _fork_and_exit(experiment, report, cancelled):
    """A child of the worker stays and holds all of its pipes."""
    if os.fork() == 0:
        time.sleep(3600)
    os._exit(7)


def _exit(experiment, report, cancelled):
    os._exit(3)


def _system_exit(experiment, report, cancelled):
    sys.exit(4)


def _crash(experiment, report, cancelled):
    ctypes.string_at(0)


def _raise(experiment, report, cancelled):
    raise ValueError("a word\nand another")


def _refuse(experiment, report, cancelled):
    raise GraphError("the node 'x' has no inputs")


def _no_memory(experiment, report, cancelled):
    raise MemoryError


def _disturb(experiment, report, cancelled):
    """Writes to every descriptor there is."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"garbage\n")
        except OSError:
            continue
    time.sleep(3600)


def _long(experiment, report, cancelled):
    """More than a line can hold."""
    return {"version": 1, "text": "x" * (17 << 20)}


def _odd(experiment, report, cancelled):
    """Numbers that JSON does not know."""
    return {"version": 1, "loss": [1.0, float("nan"), float("inf")]}


def _device(experiment, report, cancelled):
    """A GPU without room."""
    if experiment["device"] == "gpu":
        raise OutOfDeviceMemory("no room")
    return {"version": 1, "computed": experiment["device"]}


def _flood(experiment, report, cancelled):
    """Reports faster than anybody listens."""
    for step in range(20000):
        report({"stage": "training", "message": "step {}".format(step)})
    return {"version": 1}
