"""Runs the user's program as if it was started from its own folder, with the texts of one arm."""

from __future__ import annotations

import base64
import os
import sys
import threading
import traceback
import types
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from . import boundary, hooks, imports, mounts, seeds
from .channel import Channel
from .steps import Recorder, facts, leave

_MOST_OF_A_MESSAGE = 600


def record(orders: Dict[str, Any], loaded_by_python: FrozenSet[str]) -> None:
    """Follows the orders of one run to the end of the process."""
    channel = Channel(orders["channel"], orders["claim"], orders["word"])
    files = {path: base64.b64decode(text) for path, text in orders["files"].items()}
    layers = orders.get("layers")
    if layers is not None:
        channel.send("isolated", **mounts.discard_writes(layers["folders"], layers["bytes"], files))
    if orders.get("trial"):
        leave(channel, 0)
    try:
        os.chdir(orders["folder"])
    except OSError as problem:
        channel.send("error", type="OSError", message=str(problem), place=None)
        leave(channel, 1)
    recorder = Recorder(channel, orders["steps"])
    sow = seeds.Seeds(orders["seed"], orders["own_seeds"])
    sow.python()
    imports.install(imports.in_memory(files), hooks.wanted(recorder, sow))
    boundary.refuse_input()
    if not orders["network"]:
        boundary.refuse_network()
    channel.send("started", python=sys.executable, versions=facts()["versions"])
    status = _run(orders, files, channel, loaded_by_python)
    _wait_for_threads()
    leave(channel, status)


def _run(orders: Dict[str, Any], files: Dict[str, bytes], channel: Channel, loaded_by_python: FrozenSet[str]) -> int:
    """The exit status that the program would have."""
    entry = orders["entry"]
    main = _main_module(entry, orders)
    try:
        text = files[entry] if entry in files else _read(entry)
        for path, changed in files.items():
            imports.remember_lines(path, _decoded(changed))
        # No flags of this file, which has annotations from the future.
        code = compile(text, entry, "exec", dont_inherit=True)
        main.__dict__["__loader__"] = imports.MemoryLoader("__main__", entry, text)
        _as_if_started(main, orders, loaded_by_python)
        exec(code, main.__dict__)
    except SystemExit as ended:
        return _status(ended, channel)
    except BaseException as problem:
        if channel.in_main_process:
            _report(problem, entry, orders, channel)
        return 1
    return 0


def _main_module(entry: str, orders: Dict[str, Any]) -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=entry, __builtins__=__builtins__, __package__=None, __spec__=None, __cached__=None)
    if orders.get("notebook"):
        main.__dict__.update(display=lambda *_, **__: None, get_ipython=lambda: None)
    return main


def _as_if_started(main: types.ModuleType, orders: Dict[str, Any], loaded_by_python: FrozenSet[str]) -> None:
    folder = os.path.dirname(orders["entry"])
    sys.argv[:] = [orders["name"]] + list(orders["arguments"])
    sys.path.insert(0, folder)
    sys.modules["__main__"] = main
    # A module of the user's folder that has the name of one that only we imported would not be found any more.
    for name in set(sys.modules) - loaded_by_python:
        if "." not in name and os.path.exists(os.path.join(folder, name + ".py")):
            del sys.modules[name]
    for stream in (sys.stdout, sys.stderr):
        # What was printed before a run is killed is worth having.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _decoded(text: bytes) -> str:
    import io
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text).readline)
        return io.TextIOWrapper(io.BytesIO(text), encoding).read()
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return text.decode("utf-8", "replace")


def _status(ended: SystemExit, channel: Channel) -> int:
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        return ended.code
    if channel.in_main_process:
        sys.stderr.write("{}\n".format(ended.code))
    return 1


def _report(problem: BaseException, entry: str, orders: Dict[str, Any], channel: Channel) -> None:
    """Sends the last line of the traceback and the place in the user's files that it comes from."""
    own = os.path.dirname(os.path.abspath(__file__))
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if not frame.filename.startswith(own)]
    place = _place(problem, frames, entry, orders)
    missing = problem.name if isinstance(problem, ImportError) else None
    message = "".join(traceback.format_exception_only(type(problem), problem)).strip()
    try:
        sys.stderr.write("Traceback (most recent call last):\n")
        sys.stderr.write("".join(traceback.format_list(frames[-30:])))
        sys.stderr.write(message + "\n")
    except Exception:
        pass
    channel.send(
        "error",
        type=type(problem).__name__,
        message=_one_line(problem, message)[:_MOST_OF_A_MESSAGE],
        place=place,
        missing=missing,
    )


def _one_line(problem: BaseException, message: str) -> str:
    """The type and the first line of the message; TensorFlow's own go on for pages."""
    name = type(problem).__name__
    if isinstance(problem, SyntaxError):
        return "{}: {}".format(name, problem.msg)
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return "{}: {}".format(name, lines[0]) if lines else name if not message else message.splitlines()[-1]


def _place(
    problem: BaseException, frames: List[Any], entry: str, orders: Dict[str, Any]
) -> Optional[Tuple[str, int, str]]:
    if isinstance(problem, SyntaxError) and problem.filename:
        return problem.filename, problem.lineno or 1, ""
    root = orders["root"].rstrip("/") + "/"
    for frame in reversed(frames):
        path = frame.filename
        if path == entry or (path.startswith(root) and "/site-packages/" not in path):
            return path, frame.lineno or 1, "" if frame.name == "<module>" else frame.name
    return None


def _wait_for_threads() -> None:
    """Python itself waits for them at the end of a program, and some programs train in one."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
