"""Counts training steps, records what is reported at each, and ends the program after the last one wanted."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import zlib
from typing import Any, Callable, Dict, List, Optional

from .channel import Channel

_MOST_BYTES_OF_WEIGHTS = 400_000_000
_MOST_METRICS = 40


class Recorder:
    """What the hooks report to."""

    def __init__(self, channel: Channel, wanted: int) -> None:
        self.channel = channel
        self.wanted = wanted
        self.finishing: List[Callable[[], Dict[str, Any]]] = []
        self._counts: Dict[str, int] = {}
        self._names: Dict[Any, str] = {}
        self._described: Dict[Any, Any] = {}
        self._quiet = threading.local()
        self._lock = threading.RLock()

    @property
    def quiet(self) -> bool:
        """Whether somebody further out counts the steps of this thread."""
        return bool(getattr(self._quiet, "depth", 0))

    def __enter__(self) -> None:
        """Silences the hooks of this thread while one of them counts."""
        self._quiet.depth = getattr(self._quiet, "depth", 0) + 1

    def __exit__(self, *_: object) -> None:
        self._quiet.depth -= 1

    @property
    def steps(self) -> int:
        """The steps of the network that was trained most."""
        return max(self._counts.values()) if self._counts else 0

    def series(self, key: Any) -> str:
        """A name for what is trained together: an optimizer, a model or a loss, in order of their first step."""
        if key not in self._names:
            number = len(self._names) + 1
            self._names[key] = "loss" if number == 1 else "loss {}".format(number)
        return self._names[key]

    def step(
        self, key: Any, loss: Any, metrics: Optional[Dict[str, Any]] = None, span: int = 1, note: str = ""
    ) -> None:
        """Records that one step was done, or `span` at once, with the loss that it had before its update."""
        if not self.channel.owns_training():
            return
        with self._lock:
            if not self._counts:
                self.channel.send("training", **facts())
            series = self.series(key)
            count = self._counts.get(series, 0) + span
            self._counts[series] = count
            self.channel.send(
                "step", series=series, step=count, loss=number_of(loss), metrics=numbers_of(metrics), note=note
            )
            if count >= self.wanted:
                self.finish()

    def metrics(self, metrics: Dict[str, Any]) -> None:
        """Records what the program reports between two steps."""
        found = numbers_of(metrics)
        if found and self.channel.owns_training():
            self.channel.send("metrics", step=self.steps, metrics=found)

    def describe(self, key: Any, what: str, value: Any) -> None:
        """Tells something about a series once: which loss it has, which weights it begins with."""
        if value is None or (key, what) in self._described or not self.channel.owns_training():
            return
        self._described[key, what] = value
        self.channel.send("about", series=self.series(key), what=what, value=value)

    def described(self, key: Any, what: str) -> bool:
        """Whether that was told already."""
        return (key, what) in self._described

    def finish(self) -> None:
        """Ends the program: its own cleaning up, its threads and its children could hang or write files."""
        self.channel.send("reached")
        for last in self.finishing:
            with self:
                try:
                    self.metrics(last())
                except Exception as problem:
                    self.channel.send("note", text="no final evaluation: {}".format(_short(problem)))
        leave(self.channel, 0)


def leave(channel: Channel, status: int) -> None:
    """Flushes what was printed and ends the process at once; the end of a fork is not the end of the run."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if channel.in_main_process or channel.trained_here:
        channel.send("end", status=status)
        os._exit(0)
    os._exit(status & 0xFF)


def facts() -> Dict[str, Any]:
    """The versions and the devices of this process, as far as they are loaded."""
    versions = {"python": "{}.{}.{}".format(*sys.version_info[:3])}
    for name in ("tensorflow", "keras", "tf_keras", "numpy", "jax", "torch"):
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None) if module is not None else None
        if isinstance(version, str):
            versions[name] = version
    return {"versions": versions, "backend": _backend(), "devices": _devices()}


def _backend() -> str:
    keras = sys.modules.get("keras.src.backend.config")
    try:
        return str(keras.backend()) if keras is not None else "tensorflow"
    except Exception:
        return "tensorflow"


def _devices() -> List[str]:
    """The accelerators that the backend sees; none means the processor."""
    try:
        if "tensorflow" in sys.modules and _backend() == "tensorflow":
            config = sys.modules["tensorflow"].config
            return [device.name.replace("/physical_device:", "") for device in config.list_physical_devices("GPU")]
        if "jax" in sys.modules and _backend() == "jax":
            return [str(device) for device in sys.modules["jax"].devices() if device.platform != "cpu"]
        if "torch" in sys.modules and _backend() == "torch":
            cuda = sys.modules["torch"].cuda
            return [cuda.get_device_name(0)] if cuda.is_available() else []
    except Exception:
        pass
    return []


def number_of(value: Any) -> Optional[float]:
    """The value as a float, the mean of several, or None where it is no number."""
    if value is None:
        return None
    try:
        return float(value)
    except Exception:
        pass
    try:
        if hasattr(value, "numpy"):
            value = value.numpy()
        return float(value.mean())
    except Exception:
        return None


def numbers_of(metrics: Optional[Dict[str, Any]]) -> Dict[str, float]:
    """The metrics that are numbers."""
    found = {}
    for name, value in list((metrics or {}).items())[:_MOST_METRICS]:
        number = number_of(value)
        if number is not None:
            found[str(name)[:100]] = number
    return found


def weights_of(arrays: Any) -> Optional[List[List[Any]]]:
    """Shape and checksum of each array; None where that would take long or can't be read."""
    found: List[List[Any]] = []
    total = 0
    try:
        for array in arrays:
            if hasattr(array, "numpy"):
                array = array.numpy()
            total += array.nbytes
            if total > _MOST_BYTES_OF_WEIGHTS or len(found) >= 400:
                return None
            found.append([list(array.shape), zlib.crc32(array.tobytes())])
    except Exception:
        return None
    return found or None


def _short(problem: BaseException) -> str:
    text = str(problem).strip()
    return "{}: {}".format(type(problem).__name__, text.splitlines()[0][:300] if text else "")
