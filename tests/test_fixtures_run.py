"""The seeds are programs that run: a few steps of each twin in compat/ with a real TensorFlow.

Left out unless `TRAINLINT_TENSORFLOW` names a Python interpreter that has TensorFlow 2 and tf_keras.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

COMPAT = Path(__file__).resolve().parent.parent / "fixtures" / "compat"
INTERPRETER = os.environ.get("TRAINLINT_TENSORFLOW")

pytestmark = pytest.mark.skipif(not INTERPRETER, reason="TRAINLINT_TENSORFLOW names no interpreter with TensorFlow")


@pytest.mark.parametrize("program", sorted(COMPAT.glob("*.py")), ids=lambda path: path.stem)
def test_seed_runs_a_few_steps(program):
    """Three steps and the evaluation end without an error and print an accuracy."""
    environment = os.environ | {"STEPS": "3", "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(INTERPRETER), "-W", "ignore", str(program), "64", "6"]
    done = subprocess.run(command, env=environment, input="", capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, "accuracy" in done.stdout) == (0, True), done.stderr[-2000:]
