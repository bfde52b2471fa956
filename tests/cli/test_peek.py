"""The option that lets data files be read."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """import numpy as np
from tensorflow import keras
data = np.loadtxt("x.csv", delimiter=",")
model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(data[:, :1], data[:, 1:])
"""


def test_command_line_wins_over_the_configuration(tmp_path):
    """`--peek` and `peek = true` open data files, `--no-peek` leaves them closed, and so does saying nothing."""
    (tmp_path / "x.csv").write_text("".join(f"{i % 256},{i % 3}\n" for i in range(300)))
    (tmp_path / "train.py").write_text(PROGRAM)
    statuses = []
    for line, options in (("", ()), ("", ("--peek",)), ("peek = true\n", ()), ("peek = true\n", ("--no-peek",))):
        (tmp_path / "pyproject.toml").write_text(f"[tool.trainlint]\n{line}")
        command = [sys.executable, "-m", "trainlint", "check", "train.py", *options]
        statuses.append(subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode)

    assert [0, 1, 1, 0] == statuses


def test_scan_asks_the_editor_alone(tmp_path):
    """What the language server has scanned opens data files only for its own option: a folder may be a stranger's."""
    (tmp_path / "x.csv").write_text("".join(f"{i % 256},{i % 3}\n" for i in range(300)))
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "pyproject.toml").write_text("[tool.trainlint]\npeek = true\n")
    rules = []
    for options in ((), ("--peek",)):
        command = [sys.executable, "-m", "trainlint", "scan", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        rules.append({finding["rule"] for finding in json.loads(done.stdout)["findings"]})

    assert "unscaled-inputs" not in rules[0]
    assert "unscaled-inputs" in rules[1]
