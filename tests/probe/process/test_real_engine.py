"""A worker with the real engine, in the interpreter that TRAINLINT_PROBE_PYTHON names."""

from __future__ import annotations

import copy
import os
import tempfile
import threading
import time

import pytest
from tests.probe.process.helpers import wait_for

from trainlint.probe import errors
from trainlint.probe.client import Limits, Worker
from trainlint.probe.errors import ProbeError
from trainlint.probe.results_cache import ResultsCache
from trainlint.probe.worker.service import TINY

PYTHON = os.environ.get("TRAINLINT_PROBE_PYTHON")

pytestmark = pytest.mark.skipif(PYTHON is None, reason="TRAINLINT_PROBE_PYTHON names no interpreter")

START = 120.0
"""Seconds that an import may take on a loaded machine."""


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """A worker that stays warm for all tests, started where the modules of a user are in the way."""
    folder = tmp_path_factory.mktemp("program")
    for name in ("random", "json", "numpy", "tensorflow", "jax", "torch", "keras"):
        (folder / f"{name}.py").write_text("raise SystemExit('a module of the user was imported')\n")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setenv("PYTHONPATH", str(folder))
    temporary = tmp_path_factory.mktemp("temporary")
    patch.setattr(tempfile, "tempdir", str(temporary))
    with Worker(PYTHON) as made:
        made.warm_up()
        yield made
    patch.undo()
    assert [] == list(temporary.iterdir())


def longer(steps: int = 20_000, seeds: int = 8) -> dict:
    """An experiment that takes a while."""
    given = copy.deepcopy(TINY)
    given.update(steps=steps, checkpoints=[steps], seeds=list(range(seeds)), rows=2000, held_out=500, batch=128)
    return given


def test_measures(worker):
    """The engine trains, in the process that is warm."""
    pid = worker.pid
    started = time.monotonic()

    measurements = worker.run(TINY)

    assert 10 > time.monotonic() - started
    assert pid == worker.pid
    assert "cpu" == measurements["device"]["name"]
    assert worker.hello()["backend"]["name"] == measurements["backend"]["name"]
    assert {"as written": 4} == measurements["parameters"]
    assert measurements["arms"][0]["error"] is None
    assert 1 == len(measurements["arms"][0]["skill"])


def test_the_same_again(worker):
    """The same experiment gives the same measurements."""
    first, second = worker.run(TINY), worker.run(TINY)

    assert first["arms"] == second["arms"]


def test_cancelled_while_it_trains(worker):
    """A training that is cancelled ends within a second, and its process stays warm."""
    pid = worker.pid
    trains = threading.Event()
    wished: list[float] = []

    def cancelled() -> bool:
        if trains.is_set() and not wished:
            wished.append(time.monotonic())
        return bool(wished)

    with pytest.raises(ProbeError) as raised:
        worker.run(longer(), lambda said: trains.set() if "arm" in said else None, cancelled)

    assert 1.5 > time.monotonic() - wished[0]
    assert errors.CANCELLED == raised.value.kind
    assert pid == worker.pid


def test_a_time_limit(worker):
    """A training that takes too long is ended, and the next one works."""
    with pytest.raises(ProbeError) as raised:
        worker.run(longer(), limits=Limits(seconds=0.5))

    assert errors.TIME == raised.value.kind
    assert "error" in worker.run(TINY, limits=Limits(seconds=START))["arms"][0]


def test_two_at_once(worker):
    """Two probes share the worker, and both get their own measurements."""
    found: list[dict] = []
    other = threading.Thread(target=lambda: found.append(worker.run({**TINY, "seeds": [0, 1, 2]})))
    other.start()

    mine = worker.run(TINY)
    other.join()

    assert (1, 3) == (len(mine["arms"][0]["skill"]), len(found[0]["arms"][0]["skill"]))


def test_a_broken_graph(worker):
    """What is wrong with a network is said in its arm; the worker stays."""
    pid = worker.pid
    broken = copy.deepcopy(TINY)
    broken["arms"][0]["graph"]["nodes"]["logits"]["op"] = "no-such-operation"

    assert "no-such-operation" in worker.run(broken)["arms"][0]["error"]
    assert pid == worker.pid


def test_killed_while_it_trains(worker):
    """A worker that is killed while it trains says so, and is replaced."""
    trains = threading.Event()

    def kill():
        trains.wait(START)
        os.kill(worker.pid, 9)

    threading.Thread(target=kill).start()
    with pytest.raises(ProbeError) as raised:
        worker.run(longer(), lambda said: trains.set() if "arm" in said else None)

    assert errors.DIED == raised.value.kind
    wait_for(lambda: worker.pid is None)
    assert worker.run(TINY, limits=Limits(seconds=START))["arms"]


def test_measured_before(tmp_path):
    """What was measured is known without loading the backend."""
    cache = ResultsCache(tmp_path)
    with Worker(PYTHON, cache=cache) as worker:
        first = worker.run(TINY, limits=Limits(seconds=START))
    started = time.monotonic()
    with Worker(PYTHON, cache=cache) as worker:
        again = worker.run(TINY)

    assert first == again
    assert 2 > time.monotonic() - started
