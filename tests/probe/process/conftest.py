"""Workers for the tests of the process: no training framework takes part."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from tests.probe.process.helpers import Environment, processes_of, wait_for

from trainlint.probe.client import Worker
from trainlint.probe.processes import WORKER_FOLDER

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> Environment:
    """An environment with a TensorFlow and a NumPy that do nothing."""
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.install("tensorflow", "2.99.0", "import numpy, random, json\n")
    made.install("numpy", "1.99.0")
    return made


@pytest.fixture(scope="session")
def stub_folder(tmp_path_factory) -> Path:
    """A copy of the worker alone, with the stand-in for the engine."""
    folder = tmp_path_factory.mktemp("copied") / "worker"
    shutil.copytree(WORKER_FOLDER, folder, ignore=shutil.ignore_patterns("engine", "__pycache__"))
    (folder / "engine").mkdir()
    shutil.copy(HERE / "stub_engine.py", folder / "engine" / "__init__.py")
    return folder


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder of temporary files, of which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def worker(environment, stub_folder, temporary):
    """A worker with the stand-in for the engine; nothing of it may be left."""
    with Worker(environment.python, folder=stub_folder) as made:
        yield made
    assert [] == list(temporary.iterdir())
    assert [] == processes_of(stub_folder)
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("trainlint-probe")])
