"""What the client and the worker say to each other: a JSON object in each line, on two pipes of their own.

| from | `type` | further keys |
|---|---|---|
| worker | `hello` | what `environment.describe` returns; sent once, before anything heavy is imported |
| client | `warm-up` | `id`: load the backend and run a tiny experiment |
| client | `run` | `id`, `experiment` |
| client | `cancel` | `id` |
| client | `shutdown` | |
| worker | `accepted` | `id`: from here on, the request is not repeated on another worker |
| worker | `progress` | `id`, `progress`: an object with `stage` and `message`, or what the engine reports |
| worker | `result` | `id`, `measurements` |
| worker | `failed` | `id`, `kind` (one of `errors.py` of the client, or `restart`), `message`, `details` |

The standard streams of the worker take no part in this: libraries and C++ code write there as they like.
"""

from __future__ import annotations

import json
import math
import os
import threading
from typing import Any, Dict, Iterator

VERSION = 1
"""Of the messages, not of the experiment."""

EXPERIMENT_VERSION = 1

LONGEST = 16 * 1024 * 1024
"""Bytes in a line; an experiment of a large network has some hundred kilobytes."""

RESTART = "restart"
"""The kind of a failure that a fresh worker does not have: the loaded backend cannot see the device that is needed."""

Message = Dict[str, Any]


class ProtocolError(Exception):
    """What came is no message."""


def encode(message: Message) -> bytes:
    """The line that carries a message; numbers that are not finite become null."""
    try:
        text = json.dumps(message, allow_nan=False, separators=(",", ":"), default=_plain)
    except ValueError:
        text = json.dumps(_finite(message), allow_nan=False, separators=(",", ":"), default=_plain)
    data = text.encode("ascii") + b"\n"
    if len(data) > LONGEST:
        raise ProtocolError("a message of {} MB is larger than {} MB".format(len(data) >> 20, LONGEST >> 20))
    return data


def decode(line: bytes) -> Message:
    """The message in a line."""
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ProtocolError("no JSON: {!r}".format(line[:80])) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("no message: {!r}".format(line[:80]))
    return message


def lines(descriptor: int) -> Iterator[bytes]:
    """The lines that come through a pipe, until its other end is closed."""
    rest = bytearray()
    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:
            return
        if not data:
            return
        # Only what is new can hold the end of a line: a long one is not searched again with each piece.
        *ended, last = data.split(b"\n")
        for piece in ended:
            yield bytes(rest) + piece
            rest.clear()
        rest += last
        if len(rest) > LONGEST:
            raise ProtocolError("a line of more than {} MB".format(LONGEST >> 20))


class Channel:
    """Sends the worker's messages, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Sends one message; whoever does not listen any more is told nothing."""
        data = memoryview(encode(message))
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                # The reading thread sees the same end, and ends the process.
                return


def _plain(value: Any) -> Any:
    """What NumPy's numbers and arrays are in JSON."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)


def _finite(value: Any) -> Any:
    """The same without numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    plain = _plain(value) if hasattr(value, "tolist") or hasattr(value, "item") else value
    return plain if plain is value else _finite(plain)
