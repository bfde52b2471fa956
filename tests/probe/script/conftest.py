"""Runs programs in script mode, by default against stand-ins for Keras, NumPy and TensorFlow.

`TRAINLINT_PROBE_STUB_PYTHON` names another interpreter to run them with, such as a Python 3.8.
`TRAINLINT_PROBE_PYTHON` names one that has TensorFlow; without it the tests that need one are left out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from trainlint.probe.script import Arm, Experiment, Limits, isolation, run
from trainlint.probe.script.guard import descendants

STAND_INS = Path(__file__).parent / "stand_in"
PYTHON = os.environ.get("TRAINLINT_PROBE_STUB_PYTHON", sys.executable)


class Runner:
    """Writes programs into a folder and runs them."""

    def __init__(self, folder, sandboxed):
        self.folder = folder
        self.sandboxed = sandboxed

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
        return str(path)

    def result(self, text, *arms, name="train.py", seeds=(0,), steps=10, python=PYTHON, stand_ins=True, **options):
        """What `run` gives for a program and its arms."""
        known = {"limits": options.pop("limits", Limits(seconds=60)), "sandboxed": self.sandboxed}
        for option in ("allow_downloads", "progress", "cancelled"):
            if option in options:
                known[option] = options.pop(option)
        entry = self.write(name, text)
        environment = {"PYTHONPATH": str(STAND_INS) if stand_ins else None, **options.pop("environment", {})}
        experiment = Experiment(entry, (Arm("as written"), *arms), environment=environment, **options)
        return run(experiment, python=python, seeds=seeds, steps=steps, **known)

    def run(self, text, **options):
        """The only run of a program as it is written."""
        return self.result(text, **options).runs[0]


@pytest.fixture(params=["isolated", "not isolated"])
def runner(request, tmp_path, monkeypatch):
    """Runs programs in a sandbox and without one; no process and no temporary file may be left of it."""
    sandboxed = request.param == "isolated"
    if sandboxed and isolation().kind == "none":
        pytest.skip(isolation().sentence)
    folder = tmp_path / "été"
    folder.mkdir()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    # What another test left is not this one's.
    others = set(descendants(os.getpid()))
    yield Runner(folder, sandboxed)

    end = time.monotonic() + 2
    while (left := set(descendants(os.getpid())) - others) and time.monotonic() < end:
        time.sleep(0.01)
    assert set() == left
    assert [] == os.listdir(temporary)
