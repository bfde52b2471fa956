"""A file that is checked where the project is not: its result is taken, unless something here is otherwise."""

from __future__ import annotations

import os
import pickle
import sys

import pytest

from trainlint.cli.checking import Checker, Settings, _elsewhere
from trainlint.cli.main import run

PROGRAM = """\
from net import units
from tensorflow import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "net.py").write_text("units = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def carried(checker, path):
    """The outcome of another machine, after both ways."""
    sent, shared = checker.sent(path), checker.snapshot(checker.root(path))
    work = _elsewhere(checker.folder, False, True)
    return pickle.loads(pickle.dumps(work(*pickle.loads(pickle.dumps((sent, shared)))))).checked


def test_result_is_taken(project, monkeypatch):
    """It is what is found here, and nothing is checked again."""
    checker = Checker(Settings())
    path = str(project / "train.py")
    here = checker.work(path)
    os.chdir("/")
    there = carried(checker, path)
    monkeypatch.setattr(checker, "work", None)
    assert checker._confirmed(path, there).entry == here.entry
    assert [each["rule"] for each in here.entry["findings"]] == ["single-unit-softmax"]


def test_result_for_another_state_is_not_taken(project):
    """A module that changed on this machine meanwhile is a reason to look again."""
    checker = Checker(Settings())
    path = str(project / "train.py")
    checker._read(path)
    there = carried(checker, path)
    (project / "net.py").write_text("units = 3\n")
    assert checker._confirmed(path, there).entry["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--address", "x:1", "."], "--address belongs to --engine ray"),
        (["check", "--engine", "ray", "--fix", "."], "--engine ray does not go with"),
        (["check", "--engine", "ray", "."], "pip install trainlint[ray]"),
        (["probe", "--engine", "ray", "train.py"], "--engine ray belongs to --all"),
        (["probe", "--all", "--gpu-share", "0.5", "train.py"], "belong to --engine ray"),
        (["probe", "--all", "--engine", "ray", "train.py"], "pip install trainlint[ray]"),
    ],
)
def test_what_cannot_be(project, monkeypatch, capsys, arguments, message):
    """It is one line that says what to do."""
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run([*arguments, "--no-cache"] if "check" in arguments else arguments) == 2
    assert message in capsys.readouterr().err
