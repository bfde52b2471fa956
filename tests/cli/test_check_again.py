"""What a second `trainlint check` costs and what makes it look again; several processes find what one does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
PROGRAM = """\
from net import units
from tensorflow import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""

PEEKS = (
    "import numpy as np\nfrom tensorflow import keras\n"
    "data = np.loadtxt('x.csv', delimiter=',')\n"
    "model = keras.Sequential([keras.layers.Dense(8, 'relu'), keras.layers.Dense(1)])\n"
    "model.compile('adam', 'mse')\nmodel.fit(data[:, :1], data[:, 1:])\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project of two files, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text(PROGRAM)
    (project / "net.py").write_text("units = 1\n")
    return project


def check(folder, *arguments, code=""):
    """Status, output and errors of a process that checks a folder, after some code."""
    program = f"import sys\n{code}\nfrom trainlint.cli.main import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "check", *map(str, arguments)], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def rules(folder, *arguments, code=""):
    status, output, errors = check(folder, "--output-format", "json", *arguments, code=code)
    assert status in (0, 1), errors
    return [each["rule"] for each in json.loads(output)["findings"]]


NO_ANALYSIS = "sys.modules['trainlint.analysis'] = None"
"""Whoever reads a program fails."""


def test_second_check_parses_nothing(folder):
    """All is known, word by word; with another text, or without the cache, it is not."""
    first = check(folder)
    assert "single-unit-softmax" in first[1]
    assert check(folder, code=NO_ANALYSIS) == first
    assert check(folder, "--no-cache", code=NO_ANALYSIS)[0] == 2
    (folder / "train.py").write_text(PROGRAM + "\n")
    assert check(folder, code=NO_ANALYSIS)[0] == 2


def test_what_another_file_says_counts(folder):
    """A module that was imported is part of what was found."""
    assert rules(folder) == ["single-unit-softmax"]
    (folder / "net.py").write_text("units = 3\n")
    assert rules(folder) == []
    (folder / "net.py").write_text("units = 1\n")
    assert rules(folder) == ["single-unit-softmax"]


def test_new_file_in_front_of_a_module_counts(folder):
    """A package that was not there before is what the import means now."""
    assert rules(folder) == ["single-unit-softmax"]
    (folder / "net").mkdir()
    (folder / "net" / "__init__.py").write_text("units = 3\n")
    assert rules(folder) == []


def test_configuration_and_pins_count(folder):
    """As do rules that are chosen by hand."""
    assert rules(folder) == ["single-unit-softmax"]
    assert rules(folder, "--select", "speed") == []
    (folder / "pyproject.toml").write_text('[tool.trainlint]\nselect = ["speed"]\n')
    assert rules(folder) == []
    (folder / "pyproject.toml").unlink()
    assert rules(folder) == ["single-unit-softmax"]


def test_data_file_that_was_peeked_into_counts(folder):
    """Its beginning and its size, where a program's data are read."""
    (folder / "train.py").write_text(PEEKS)
    table = folder / "x.csv"
    table.write_text("".join(f"{row % 7 / 7},{row % 3}\n" for row in range(300)))
    assert "unscaled-inputs" not in rules(folder, "--peek")
    table.write_text("".join(f"{row % 256},{row % 3}\n" for row in range(300)))
    assert "unscaled-inputs" in rules(folder, "--peek")


def test_folder_that_is_another_place(folder, tmp_path):
    """Names are shown relative to where the check is started."""
    _, output, _ = check(folder)
    _, above, _ = check(tmp_path, "project")
    assert "train.py:3" in output
    assert "project/train.py:3" in above


def test_processes_find_what_one_does(tmp_path, monkeypatch):
    """The same report from one process, from three, and from the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(FIXTURES / "seeds", tmp_path / "seeds")
    one = check(tmp_path, "--output-format", "json", "--jobs", "1", "--no-cache", "seeds")
    assert check(tmp_path, "--output-format", "json", "--jobs", "3", "seeds") == one
    assert check(tmp_path, "--output-format", "json", "--jobs", "3", "seeds", code=NO_ANALYSIS) == one


def test_process_that_dies_is_reported_with_its_file(tmp_path, monkeypatch):
    """What kills a process twice costs one file, and the others are checked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(6):
        (tmp_path / f"train{number}.py").write_text(PROGRAM.replace("from net import units", f"units = 1  # {number}"))
    deadly = (
        "import os, trainlint.analysis as analysis\n"
        "whole = analysis.analyse\n"
        "def analyse(data, *rest, **options):\n"
        "    os._exit(9) if b'# 3' in data else None\n"
        "    return whole(data, *rest, **options)\n"
        "analysis.analyse = analyse"
    )
    status, output, errors = check(tmp_path, "--jobs", "2", "--output-format", "concise", code=deadly)
    assert status == 2
    assert errors.count("error:") == 1
    assert "train3.py: the process that checked this file was lost (ended with status 9)" in errors
    assert [f"train{number}.py" in output for number in range(6)] == [True, True, True, False, True, True]


def test_file_that_changes_while_it_is_checked(folder):
    """What was found in the new text is not kept for the old one."""
    changes = (
        "import trainlint.analysis as analysis\n"
        "from trainlint.project import Project\n"
        "whole, reads = Project.read, []\n"
        "def read(project, path):\n"
        "    data = whole(project, path)\n"
        "    if str(path).endswith('train.py') and not reads:\n"
        "        reads.append(path)\n"
        "        open(path, 'wb').write(data.replace(b'Dense(units', b'Dense(3'))\n"
        "    return data\n"
        "Project.read = read"
    )
    assert rules(folder, code=changes) == []
    (folder / "train.py").write_text(PROGRAM)
    assert rules(folder) == ["single-unit-softmax"]


@pytest.mark.parametrize("options", [(), ("--no-cache",), ("--jobs", "2", "--no-cache")])
def test_wrong_configuration_is_told_by_whoever_checks(tmp_path, monkeypatch, options):
    """Files that are named, so that no folder was looked through before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "pyproject.toml").write_text("[tool.trainlint]\nnonsense = 1\n")
    names = [f"train{number}.py" for number in range(6)]
    for name in names:
        (tmp_path / name).write_text(PROGRAM.replace("from net import units", f"units = 1  # {name}"))
    status, _, errors = check(tmp_path, *options, *names)
    assert (status, errors.count("nonsense: unknown key")) == (2, 1)


def test_python_without_sqlite(folder):
    """Nothing is kept, and nobody is told."""
    assert rules(folder, code="sys.modules['sqlite3'] = None") == ["single-unit-softmax"]


def test_user_without_a_home(folder):
    """As in many containers: there is nowhere to keep anything."""
    homeless = (
        "import os, pathlib\n"
        "os.environ.pop('XDG_CACHE_HOME')\n"
        "def home(): raise RuntimeError('Could not determine home directory.')\n"
        "pathlib.Path.home = home"
    )
    assert rules(folder, code=homeless) == ["single-unit-softmax"]


def test_trace_of_an_error_in_a_process(folder):
    """It is shown when it is asked for, however many files there are."""
    for number in range(6):
        (folder / f"train{number}.py").write_text(PROGRAM)
    failing = (
        "import os, trainlint.analysis as analysis\n"
        "os.environ['TRAINLINT_TRACEBACK'] = '1'\n"
        "def analyse(*_, **options): raise ValueError('this is what went wrong')\n"
        "analysis.analyse = analyse"
    )
    assert "Traceback" in check(folder, "--jobs", "2", code=failing)[2]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_start_of_processes(tmp_path, monkeypatch, method):
    """Where processes cannot be forked they are started anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(5):
        (tmp_path / f"train{number}.py").write_text(PROGRAM.replace("from net import units", f"units = 1  # {number}"))
    code = f"import trainlint.batch.pool as pool\npool._can_fork = lambda: {method == 'fork'}"
    assert len(rules(tmp_path, "--jobs", "2", code=code)) == 5


def test_failure_is_not_kept(folder):
    """What failed for want of memory may succeed another time."""
    failing = (
        "import trainlint.interpret.run as run\n"
        "def interpret(*_, **options): raise MemoryError\n"
        "run.interpret = interpret"
    )  # fmt: skip
    assert check(folder, "--output-format", "json", code=failing)[0] == 2
    assert rules(folder) == ["single-unit-softmax"]


def test_configuration_that_changes_while_files_are_checked(tmp_path, folder):
    """What was found with another one is not kept under the first; such a change may be undone."""
    for number in range(6):
        (folder / f"train{number}.py").write_text(PROGRAM + f"# {number}\n")
    other = tmp_path / "pyproject.toml"
    changes = (
        "import trainlint.cli.checking as checking\n"
        "whole = checking._worker\n"
        "def _worker(*rest):\n"
        f"    open({str(other)!r}, 'w').write('[tool.trainlint]\\nselect = [\"speed\"]\\n')\n"
        "    return whole(*rest)\n"
        "checking._worker = _worker"
    )
    check(folder, "--jobs", "2", code=changes)
    other.unlink()
    assert check(folder) == check(folder, "--no-cache")
    # With something kept that is true, in the end.
    assert check(folder, code=NO_ANALYSIS) == check(folder)


def test_data_file_that_comes_into_the_project_counts(folder, tmp_path):
    """A link to a file elsewhere is not followed, and may become a file."""
    (folder / "requirements.txt").write_text("")
    (folder / "train.py").write_text(PEEKS)
    elsewhere = tmp_path / "x.csv"
    elsewhere.write_text("".join(f"{row % 256},{row % 3}\n" for row in range(300)))
    (folder / "x.csv").symlink_to(elsewhere)
    assert "unscaled-inputs" not in rules(folder, "--peek")
    (folder / "x.csv").unlink()
    shutil.copy(elsewhere, folder / "x.csv")
    assert "unscaled-inputs" in rules(folder, "--peek")
    (folder / "x.csv").unlink()
    (folder / "x.csv").symlink_to(elsewhere)
    assert "unscaled-inputs" not in rules(folder, "--peek")


@pytest.mark.parametrize(("variable", "other"), [("XDG_CACHE_HOME", None), ("HOME", "XDG_CACHE_HOME")])
def test_cache_folder_that_is_relative(folder, monkeypatch, tmp_path, variable, other):
    """It would be another one in every folder, and among the user's files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if other:
        monkeypatch.delenv(other)
    monkeypatch.setenv(variable, "somewhere")
    assert rules(folder) == ["single-unit-softmax"]
    assert sorted(os.listdir(folder)) == ["net.py", "train.py"]
    assert (tmp_path / ".cache" / "trainlint").exists() is (variable != "HOME")


def test_scan_without_sqlite(folder):
    """The language server's checks do without it too."""
    program = "import sys\nsys.modules['sqlite3'] = None\nfrom trainlint.cli.main import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, "scan"], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, "single-unit-softmax" in done.stdout) == (0, True), done.stderr
