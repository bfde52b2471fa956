"""A check on several machines finds what one on this machine does, also when a machine is lost in the middle.

TRAINLINT_RAY_PYTHON names an interpreter with Ray and what trainlint needs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[1] / "fixtures"
PYTHON = os.environ.get("TRAINLINT_RAY_PYTHON", "")

pytestmark = pytest.mark.skipif(not PYTHON, reason="TRAINLINT_RAY_PYTHON names no interpreter with Ray")

PROGRAM = """\
from parts.net import units
from tensorflow import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
number = {number}
"""

# Every process of a node is slowed down, one tells that it has begun, and a certain text ends it.
SITE = """
import os, sys
if any("default_worker" in each for each in sys.argv) or "ray::" in " ".join(sys.argv) or os.environ.get("RAY_JOB_ID"):
    import time
    import trainlint.analysis as analysis
    whole = analysis.analyse
    def analyse(data, *rest, **options):
        open(os.environ["TRAINLINT_TEST_STARTED"], "w").close()
        if b"number = 13\\n" in data:
            os._exit(9)
        time.sleep(0.1)
        return whole(data, *rest, **options)
    analysis.analyse = analyse
"""


@pytest.fixture
def project(tmp_path):
    """A project of many programs and a module that they share, and fixtures with all kinds of findings."""
    folder = tmp_path / "project"
    (folder / "parts").mkdir(parents=True)
    (folder / "setup.py").touch()
    (folder / "parts" / "__init__.py").touch()
    (folder / "parts" / "net.py").write_text("units = 1\n")
    for number in range(40):
        (folder / f"train{number:02}.py").write_text(PROGRAM.format(number=number + 100))
    shutil.copytree(FIXTURES / "seeds", folder / "seeds")
    shutil.copytree(FIXTURES / "notebooks", folder / "notebooks")
    return folder


def checked(project, tmp_path, *how):
    """Status, document and errors of a check; `how` says where."""
    site = tmp_path / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(SITE)
    arguments = ["check", "--output-format", "json", "--no-cache", "."]
    if how:
        return ran(project, tmp_path, [PYTHON, str(HERE / "cluster_run.py"), str(project), *how, *arguments], site)
    return ran(project, tmp_path, [sys.executable, "-m", "trainlint", *arguments])


def ran(project, tmp_path, command, *site):
    """Status, document and errors of a command."""
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=300,
        env={
            **os.environ, "PYTHONPATH": os.pathsep.join([*map(str, site), *sys.path]),
            "TRAINLINT_TEST_STARTED": str(tmp_path / "started"), "RAY_AUTH_MODE": "disabled",
        },
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def test_same_findings_with_a_node_that_is_killed(project, tmp_path):
    """Nothing is lost, and the report is that of one machine, byte by byte."""
    status, document, errors = checked(project, tmp_path, "kill")
    assert "3 nodes" in errors
    assert "a node was killed" in errors
    assert (status, document) == checked(project, tmp_path)[:2]


def test_text_that_ends_processes_costs_its_file(project, tmp_path):
    """The others are checked."""
    (project / "train07.py").write_text(PROGRAM.format(number=13))
    status, document, errors = checked(project, tmp_path, "keep")
    assert status == 2
    assert "train07.py: the process that checked this file was lost" in errors
    (project / "train07.py").write_text("")
    assert checked(project, tmp_path)[1]["findings"] == document["findings"]


def test_lost_cluster_is_one_line(project, tmp_path):
    """And the status is that of what could not be done: Ray's own says that something was found."""
    status, document, errors = checked(project, tmp_path, "behead")
    assert (2, None) == (status, document)
    assert "trainlint: error: --engine ray: the connection to the cluster was lost\n" in errors


def test_file_that_no_node_has_memory_for_is_reported(tmp_path, monkeypatch):
    """Ray itself tries again for ever."""
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.001")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").write_text("from tensorflow import keras\n")
    status, _, errors = checked(tmp_path / "project", tmp_path, "keep")
    assert status == 2
    assert "train.py: the process that checked this file was lost (OutOfMemoryError)" in errors


def test_nothing_of_the_user_is_run_on_a_node(project, tmp_path):
    """Ray has its processes import from the working folder first."""
    (project / "click.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w').close()\n")
    status, document, errors = checked(project, tmp_path, "keep")
    assert (1, False) == (status, (tmp_path / "run").exists()), errors
    assert document["findings"]


@pytest.mark.skipif("TRAINLINT_PROBE_PYTHON" not in os.environ, reason="TRAINLINT_PROBE_PYTHON is not set")
def test_probes_share_the_accelerators_of_the_nodes(tmp_path):
    """Two at a time on each; the verdicts are those of one machine."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "net.py").write_text("units = 1\n")
    for number in range(3):
        (project / f"train{number}.py").write_text(TRAINED)
    arguments = [
        "probe", "--all", "--quick", "--seeds", "2", "--steps", "25", "--device", "cpu", "--no-cache",
        "--python", os.environ["TRAINLINT_PROBE_PYTHON"], "--output-format", "json", ".",
    ]  # fmt: skip
    here = ran(project, tmp_path, [sys.executable, "-m", "trainlint", *arguments])
    script = [PYTHON, str(HERE / "cluster_run.py"), str(project), "keep", *arguments, "--gpu-share", "0.5"]
    there = ran(project, tmp_path, script)
    assert (here[0], verdicts(here[1])) == (there[0], verdicts(there[1])), there[2]
    assert [verdict is not None for _, _, verdict in verdicts(there[1])] == [True] * 3


TRAINED = """\
import numpy as np
from net import units
from tensorflow import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, "softmax")])
model.compile("adam", "binary_crossentropy")
model.fit(np.random.rand(500, 4), np.random.randint(0, 2, (500, 1)))
"""


def verdicts(document):
    return [
        (each["file"], each["rule"], (each["evidence"]["result"] or {}).get("verdict"))
        for each in document["findings"]
        if each["rule"] == "single-unit-softmax"
    ]
