"""Finds out once whether a sandbox works on this machine."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
import threading

from trainlint.probe.script import sandbox
from trainlint.probe.script.records import Isolation, Limits
from trainlint.probe.script.runner import START, GuardedProcess

_SECONDS = 15.0


@functools.cache
def isolation() -> Isolation:
    """What a program of the user will be kept from on this machine; tried once by starting something harmless."""
    if sys.platform != "linux":
        return sandbox.without("bubblewrap exists for Linux only")
    found = shutil.which("bwrap")
    if found is None:
        return sandbox.without("bubblewrap, `bwrap`, is not installed")
    problem = ""
    for candidate in (sandbox.DISCARDED, sandbox.REFUSED):
        problem = _trial(candidate)
        if not problem:
            return candidate
    return sandbox.without(f"bubblewrap does not work here: {problem}")


def _trial(kind: Isolation) -> str:
    """Why this kind of isolation does not work here; empty where it does."""
    folder = tempfile.mkdtemp(prefix="trainlint-")
    try:
        layers = {"folders": sandbox.writable([folder]), "bytes": 1 << 20} if kind.writes == "discarded" else None
        message = {"trial": True, "files": {}, "layers": layers}
        command = [sys.executable, str(START)]
        limits = Limits(seconds=_SECONDS)
        process = GuardedProcess(message, command, dict(os.environ), limits, kind, [folder], network=False)
        process.watch(lambda *_: None, threading.Event())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    facts = process.facts
    if facts.ended is None:
        lines = facts.output.text.strip().splitlines()
        return lines[-1][:200] if lines else facts.guard.get("message") or "it does not start"
    # A layer over other folders, such as a home folder with a network drive in it, may be impossible.
    return facts.refused.get(os.path.realpath(folder), "")
