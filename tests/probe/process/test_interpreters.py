"""Which interpreter runs the user's framework, and why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trainlint.probe import errors, interpreters
from trainlint.probe.errors import ProbeError
from trainlint.probe.interpreters import Interpreter, find_interpreter


def python_at(path: Path) -> str:
    """An executable that stands for Python; nothing of it is run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def environment_at(folder: Path) -> str:
    """A virtual environment; its interpreter is a link to one elsewhere, as usual."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / "bin" / "python").symlink_to(sys.executable)
    return str(folder / "bin" / "python")


@pytest.fixture
def file(tmp_path) -> Path:
    """A program in a folder of a project."""
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    path = project / "src" / "train.py"
    path.write_text("")
    return path


@pytest.fixture
def on_path(tmp_path, monkeypatch) -> dict[str, str]:
    """An environment in which python3 is all that there is."""
    monkeypatch.setattr(interpreters, "_has", lambda name: False)
    python_at(tmp_path / "system" / "python3")
    return {"PATH": str(tmp_path / "system")}


def test_the_path_comes_last(file, on_path, tmp_path):
    """Without anything else, it is python3."""
    assert Interpreter(str(tmp_path / "system" / "python3"), "python3 on the PATH") == find_interpreter(
        file, environment=on_path
    )


def test_the_command_line_comes_first(file, on_path, tmp_path):
    """What the command line names is taken, before the setting and an active environment."""
    named = python_at(tmp_path / "mine" / "python3.9")
    active = {**on_path, "VIRTUAL_ENV": str(Path(environment_at(tmp_path / "active")).parents[1])}

    found = find_interpreter(file, named=named, setting=sys.executable, environment=active)

    assert Interpreter(named, "named by --python") == found


def test_the_setting(file, on_path):
    """A setting wins over what is found."""
    found = find_interpreter(file, setting=sys.executable, environment=on_path)

    assert Interpreter(sys.executable, "named by the setting") == found


def test_named_by_its_environment(file, on_path, tmp_path):
    """The folder of an environment is as good as its interpreter, and a command on the PATH as well."""
    python = environment_at(tmp_path / "mine")

    assert python == find_interpreter(file, named=str(tmp_path / "mine"), environment=on_path).path
    assert str(tmp_path / "system" / "python3") == find_interpreter(file, named="python3", environment=on_path).path


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("{}/nothing/python", "does not exist"),
        ("{}/project", "has no Python"),
        ("{}/project/src/train.py", "cannot be executed"),
        ("no-such-python", "is not on the PATH"),
    ],
)
def test_what_is_named_must_be_there(file, on_path, tmp_path, named, words):
    """What is named and cannot be used is an error: another one would be a surprise."""
    with pytest.raises(ProbeError, match=words) as raised:
        find_interpreter(file, named=named.format(tmp_path), environment=on_path)
    assert errors.NO_INTERPRETER == raised.value.kind
    assert "--python" in raised.value.message


def test_an_active_environment(file, on_path, tmp_path):
    """An active environment wins over the project's; a virtual one over conda's."""
    environment_at(file.parents[1] / ".venv")
    active, conda = environment_at(tmp_path / "active"), environment_at(tmp_path / "conda")
    variables = {**on_path, "CONDA_PREFIX": str(tmp_path / "conda"), "CONDA_DEFAULT_ENV": "work"}

    assert Interpreter(conda, "the active conda environment") == find_interpreter(file, environment=variables)
    variables["VIRTUAL_ENV"] = str(tmp_path / "active")
    assert Interpreter(active, "the active virtual environment") == find_interpreter(file, environment=variables)
    variables["VIRTUAL_ENV"] = str(tmp_path / "gone")
    assert conda == find_interpreter(file, environment=variables).path


def test_an_environment_of_the_project(file, on_path, tmp_path):
    """An environment near the file is taken, but not one above its project; conda's base comes after it."""
    outer = environment_at(tmp_path / ".venv")
    base = environment_at(tmp_path / "base")
    variables = {**on_path, "CONDA_PREFIX": str(tmp_path / "base"), "CONDA_DEFAULT_ENV": "base"}

    assert Interpreter(base, "conda's base environment") == find_interpreter(file, environment=variables)
    inner = environment_at(file.parents[1] / "venv")
    assert Interpreter(inner, "the environment venv of the project") == find_interpreter(file, environment=variables)
    found = find_interpreter(file, environment=on_path, workspace=[tmp_path])
    assert inner == found.path != outer


def test_an_environment_of_the_workspace(file, on_path, tmp_path):
    """A workspace may reach further up than a project."""
    outer = environment_at(tmp_path / ".venv")

    assert outer == find_interpreter(file, environment=on_path, workspace=[tmp_path]).path


def test_a_folder_that_is_no_environment(file, on_path):
    """A folder that is only called like one is none."""
    python_at(file.parent / "venv" / "bin" / "python")

    assert "python3 on the PATH" == find_interpreter(file, environment=on_path).reason


def test_the_interpreter_that_runs_trainlint(file, on_path, monkeypatch):
    """Who installed trainlint beside TensorFlow means that environment."""
    monkeypatch.setattr(interpreters, "_has", lambda name: name == "tensorflow")

    found = find_interpreter(file, environment=on_path)

    assert Interpreter(sys.executable, "the interpreter that runs trainlint") == found


def test_nothing_inside_of_what_is_not_trusted(file, on_path, tmp_path):
    """In a workspace that is not trusted, nothing of it is started, however it was found."""
    project = file.parents[1]
    inside = environment_at(project / ".venv")
    link = tmp_path / "link"
    link.symlink_to(project / ".venv")
    python_at(project / "bin" / "python3")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(project / "bin" / "python3")
    elsewhere = on_path["PATH"]
    variables = {
        "VIRTUAL_ENV": str(project / ".venv"),
        "CONDA_PREFIX": str(link),
        "PATH": f"bin:{project / 'bin'}:{tmp_path / 'bin'}:{elsewhere}",
    }
    workspace = [project]

    found = find_interpreter(file, trusted=False, workspace=workspace, environment=variables)

    assert str(Path(elsewhere) / "python3") == found.path
    assert inside == find_interpreter(file, workspace=workspace, environment=variables).path
    assert found == find_interpreter(file, trusted=False, environment=variables)


def test_a_setting_inside_of_what_is_not_trusted(file, on_path):
    """A setting may come with the workspace, so it is refused there; who types a path may name any."""
    inside = environment_at(file.parents[1] / ".venv")

    with pytest.raises(ProbeError, match="not trusted"):
        find_interpreter(file, setting=inside, trusted=False, environment=on_path)
    assert inside == find_interpreter(file, named=inside, trusted=False, environment=on_path).path


def test_nothing_at_all(file, on_path, monkeypatch):
    """Without any interpreter, the message says how to name one, and what was not taken."""
    project = file.parents[1]
    environment_at(project / ".venv")

    with pytest.raises(ProbeError, match="no Python was found: name one with --python"):
        find_interpreter(file, environment={"PATH": str(project)}, trusted=False)
    with pytest.raises(ProbeError, match="lies in a workspace that is not trusted"):
        find_interpreter(
            file, environment={"PATH": "", "VIRTUAL_ENV": str(project / ".venv")}, trusted=False, workspace=[project]
        )
