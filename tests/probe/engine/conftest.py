"""Warm processes of interpreters that have a training framework.

TRAINLINT_PROBE_PYTHON names the first; TRAINLINT_PROBE_OTHER_PYTHONS may name more of them, so that one suite covers
several frameworks.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WORKER = HERE.parents[2] / "server" / "trainlint" / "probe" / "worker"


class Interpreter:
    """A process that runs checks one after the other."""

    def __init__(self, python: str) -> None:
        environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", PYTHONDONTWRITEBYTECODE="1")
        self.process = subprocess.Popen(
            [python, "-I", str(HERE / "inside.py"), str(WORKER), str(HERE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def run(self, module: str, function: str) -> tuple[str, str]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([module, function]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            return "failed", f"the interpreter ended with {self.process.wait()}"
        outcome, text = json.loads(line)
        return outcome, text

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="session")
def interpreter() -> Iterator[Callable[[str], Interpreter]]:
    """A function that gives the running process of an interpreter."""
    running: dict[str, Interpreter] = {}

    def start(python: str) -> Interpreter:
        if python not in running:
            running[python] = Interpreter(python)
        return running[python]

    yield start
    for process in running.values():
        process.close()
