"""A file that is checked where the project is not: its result is taken, unless something here is otherwise."""

from __future__ import annotations

import gc
import os
import pickle
import sys

import pytest

from trainlint.cli.checking import Checker, Settings, _elsewhere
from trainlint.cli.main import run
from trainlint.project.snapshot import Snapshot

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
    task = checker.task(path)
    sent, shared = pickle.loads(pickle.dumps((task.value, checker.snapshot(task.shared))))
    work = _elsewhere(checker.folder, False, True)
    return pickle.loads(pickle.dumps(work(sent, shared))).checked


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


def test_file_that_no_import_can_mean_travels_too(project, monkeypatch):
    """Its folder is left out of what is sent of the project; it need not be checked here for that."""
    path = project / "build" / "train.py"
    path.parent.mkdir()
    path.write_text(PROGRAM.replace("from net import units", "units = 1"))
    checker = Checker(Settings())
    there = carried(checker, str(path))
    monkeypatch.setattr(checker, "work", None)
    assert ["single-unit-softmax"] == [each["rule"] for each in checker._confirmed(str(path), there).entry["findings"]]


def test_file_that_goes_before_it_is_sent_is_told(project):
    """It was there when it was looked at; the others are checked."""
    checker = Checker(Settings())
    path = str(project / "train.py")
    assert path == checker._read(path)
    os.remove(path)
    assert ["No such file or directory"] == [notice.message for notice in checker.task(path).value.notices]


def test_process_of_a_node_keeps_one_project(project):
    """It meets any number of them, and each may have hundreds of megabytes."""
    checker, there = Checker(Settings()), Checker(Settings())
    for name in ("one", "two", "three"):
        (project / name).mkdir()
        (project / name / "setup.py").touch()
        (project / name / "train.py").write_text(PROGRAM)
        task = checker.task(str(project / name / "train.py"))
        assert there.received(task.value, checker.snapshot(task.shared)).checked.entry is not None
    gc.collect()
    kept = [each.root for each in gc.get_objects() if isinstance(each, Snapshot)]
    assert [str(project / "three")] == [root for root in kept if root.startswith(str(project))]


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
