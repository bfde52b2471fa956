"""What a start costs: modules that must not be loaded. And what only a real process shows."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = (
    "import sys; from trainlint.cli.main import run; status = run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
)


def modules(*args, cwd):
    """The modules that a command line loads in a process of its own."""
    result = subprocess.run([sys.executable, "-c", LOADED, *args], cwd=cwd, capture_output=True, text=True, check=True)
    return set(result.stderr.split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_nothing_but_the_command_line(option, tmp_path):
    """Help and version come without the parser, the rules and the interpreter."""
    loaded = modules(option, cwd=tmp_path)

    assert set() == {"libcst", "pathspec", "json", "trainlint.analysis", "trainlint.rules", "sqlite3"} & loaded


def test_files_without_tensorflow_need_no_parser(tmp_path):
    """Files that name neither TensorFlow nor Keras are checked without libcst, the rules and the interpreter."""
    (tmp_path / "app.py").write_text("import os\n", "utf-8")
    loaded = modules("check", ".", cwd=tmp_path)

    heavy = {"libcst", "trainlint.analysis", "trainlint.interpret.machine", "trainlint.rules.registry"}
    assert set() == heavy & loaded


def test_reviews_cost_who_has_none_nothing(tmp_path):
    """A plain check loads no format but its own, asks no git, and knows of no baseline, probe or watch."""
    (tmp_path / "train.py").write_text("import tensorflow as tf\n", "utf-8")
    loaded = modules("check", ".", cwd=tmp_path)
    formats = {f"trainlint.report.{name}" for name in "jsonl sarif github gitlab rdjson junit markdown html".split()}
    others = {"places", "markup", "statistics", "html_fragment"}
    rooms = {"trainlint.review", "trainlint.magic", "trainlint.probe", "trainlint.project.repository"}
    commands = {f"trainlint.cli.{name}" for name in "selecting measuring watching baseline write".split()}
    libraries = {"subprocess", "xml", "difflib", "watchfiles", "IPython", "tempfile", "random"}

    assert set() == loaded & {*formats, *rooms, *commands, *libraries, *(f"trainlint.report.{name}" for name in others)}


def test_a_closed_pipe_is_no_error(tmp_path):
    """Who reads only the beginning of the output ends the command without a complaint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trainlint.cli.main", "rules"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate()

    assert b"" == errors


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal(encoding, tmp_path):
    """A stream that cannot show a character gets an escape, never an exception."""
    environment = {"PYTHONIOENCODING": encoding, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-m", "trainlint.cli.main", "check", "训练.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=False)

    assert 2 == result.returncode
    assert result.stderr.startswith(b"trainlint: error: ")
    assert result.stderr.endswith(b": No such file or directory\n")
