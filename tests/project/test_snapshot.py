"""A project that is sent elsewhere: what an import means there is what it means here, or it is seen not to be."""

from __future__ import annotations

import pickle

import pytest

from trainlint.project import Project, ReadError
from trainlint.project.snapshot import snapshot

FILES = ("train.py", "net/__init__.py", "net/layers.py", "tools/one.py", "left/out.py")


def tree(folder):
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"name = {name!r}\n")
    (folder / "requirements.txt").write_text("tensorflow==2.4\n")
    (folder / "data").mkdir()
    return Project(folder)


def sent(project):
    return pickle.loads(pickle.dumps(snapshot(project, {"left"}))).project()


def test_imports_mean_the_same(tmp_path):
    """With everything that was asked for, so that what is found there holds here."""
    here = tree(tmp_path)
    there = sent(here)
    importer = tmp_path / "train.py"
    for module in ("net", "net.layers", "tools.one", "tools", "nothing", "data.set"):
        assert there.resolve(module, 0, importer) == here.resolve(module, 0, importer)
    assert there.resolve("layers", 1, tmp_path / "net" / "__init__.py") == str(tmp_path / "net" / "layers.py")
    assert there.read(importer) == here.read(importer)
    assert there.pins == here.pins
    assert Project(tmp_path).is_still(there.dependencies())


def test_what_was_not_sent_is_noticed(tmp_path):
    """A module of a folder that was left out, and a file that is no program."""
    here = tree(tmp_path)
    for ask in (
        lambda project: project.resolve("left.out", 0, tmp_path / "train.py"),
        lambda project: project.peek("table.csv", tmp_path / "train.py"),
    ):
        (tmp_path / "table.csv").write_text("1,2\n")
        there = sent(here)
        assert ask(there) is None
        assert not Project(tmp_path).is_still(there.dependencies())


def test_the_disk_is_not_looked_at(tmp_path):
    """What came later is not there, and what was changed is as it was."""
    there = sent(tree(tmp_path))
    (tmp_path / "train.py").write_text("")
    (tmp_path / "new.py").write_text("")
    assert there.read(tmp_path / "train.py") != b""
    assert there.resolve("new", 0, tmp_path / "train.py") is None
    with pytest.raises(ReadError, match="No such file"):
        there.read(tmp_path / "new.py")


def test_file_beside_the_snapshot(tmp_path):
    """A notebook travels on its own, and what it asks for is its own too."""
    there = sent(tree(tmp_path))
    notebook = str(tmp_path / "train.ipynb")
    alone = there.with_file(notebook, b"{}")
    assert alone.read(notebook) == b"{}"
    assert alone.resolve("net", 0, notebook) == str(tmp_path / "net" / "__init__.py")
    assert notebook not in there.asked


def test_package_around_the_root(tmp_path):
    """A project in the middle of a package sees the whole of it."""
    tree(tmp_path)
    inner = Project(tmp_path / "net")
    assert snapshot(inner).files.keys() >= {str(tmp_path / "net" / "layers.py"), str(tmp_path / "train.py")}


def test_no_more_is_sent_than_there_is_room_for(tmp_path, monkeypatch):
    """One huge file does not count as none, and what comes behind it may still fit."""
    (tmp_path / "a.py").write_text("x" * 600)
    (tmp_path / "b.py").write_text("x" * 600)
    (tmp_path / "c.py").write_text("x" * 400)
    monkeypatch.setattr("trainlint.project.snapshot.LARGEST", 1000)
    assert [str(tmp_path / "a.py"), str(tmp_path / "c.py")] == list(snapshot(Project(tmp_path)).files)
