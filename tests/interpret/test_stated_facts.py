"""Facts that comments state about what an assignment binds."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.dims import show
from trainlint.project import Project

START = """import numpy as np


class Data:
    pass


data = Data()
"""


def known(text, name, tmp_path):
    """The shape and range of a module variable."""
    path = str(tmp_path / "train.py")
    analysis = analyse(f"{START}import tensorflow as tf\n{text}\n".encode(), path, Project(tmp_path), Config())
    assert [] == list(analysis.notices)
    machine = analysis.interpretation.machine
    (frame,) = [each for each in machine.roots.values() if machine.values.get((each, name)) is not None]
    found = machine.resolve(machine.values[frame, name])
    return show(found.shape), found.low, found.high


@pytest.mark.parametrize(
    "text",
    [
        "x = np.load('x.npy')  # trainlint: x float32[n, 3] in [0, 255]",
        "data.x = np.load('x.npy')  # trainlint: data.x float32[n, 3] in [0, 255]\nx = data.x",
        "# trainlint: data.x float32[n, 3] in [0, 255]\ndata.x = np.load('x.npy')\nx = data.x",
        "data.x, y = np.load('x.npy')  # trainlint: data.x float32[n, 3] in [0, 255]\nx = data.x",
        "def read(self):\n"
        "    self.x = np.load('x.npy')  # trainlint: self.x float32[n, 3] in [0, 255]\n"
        "read(data)\nx = data.x",
        "data.inner = Data()\n"
        "data.inner.x = np.load('x.npy')  # trainlint: data.inner.x float32[n, 3] in [0, 255]\nx = data.inner.x",
    ],
)
def test_stated_facts_hold(text, tmp_path):
    """What is stated of a variable or an attribute is known wherever its value goes."""
    assert ("[n, 3]", 0, 255) == known(text, "x", tmp_path)
