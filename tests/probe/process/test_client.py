"""A worker runs experiments and stays for the next, whatever its environment looks like."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.probe.process.helpers import Environment, experiment, other_pythons, pid_exists, wait_for

from trainlint.probe import errors
from trainlint.probe.client import Limits, Worker
from trainlint.probe.errors import ProbeError


def test_runs_an_experiment(worker):
    """Measurements come back, with the device that was used and why."""
    seen = []

    measurements = worker.run(experiment(), seen.append)

    assert "cpu" == measurements["device"]["name"]
    assert "multiply-adds" in measurements["device"]["reason"]
    assert ["starting", "importing", "device", "training"] == [progress["stage"] for progress in seen]


def test_stays_warm(worker):
    """The next experiment finds the same process, and nothing is imported again."""
    seen = []

    first = worker.run(experiment())
    second = worker.run(experiment(), seen.append)

    assert first["pid"] == second["pid"] == worker.pid
    assert ["device", "training"] == [progress["stage"] for progress in seen]


def test_hello_imports_nothing(worker):
    """What is installed is known before anything of it is imported."""
    hello = worker.hello()

    assert {"name": "tensorflow", "version": "2.99.0", "distribution": "tensorflow"} == hello["backend"]
    assert "1.99.0" == hello["packages"]["numpy"]["version"]


def test_the_environment_is_neutral(worker, tmp_path, monkeypatch, environment):
    """Modules of the user in the current folder and on PYTHONPATH are never imported."""
    for name in ("random", "json", "numpy", "sitecustomize", "usercustomize", "devices", "protocol", "tensorflow"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the user was imported')\n")
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("TF_CONFIG", "{}")

    measurements = worker.run(experiment())

    assert not [path for path in measurements["path"] if path.startswith(str(tmp_path)) or not path]
    assert not [file for file in measurements["modules"].values() if Path(file).parent == tmp_path]
    assert str(environment.packages / "numpy" / "__init__.py") == measurements["modules"]["numpy"]
    assert not [name for name in measurements["environment"] if name.startswith(("PYTHON", "TF_CONFIG"))]
    assert "1" == measurements["environment"]["TF_NUM_INTRAOP_THREADS"]
    assert "-1" == measurements["environment"]["CUDA_VISIBLE_DEVICES"]
    assert "tensorflow" == measurements["environment"]["KERAS_BACKEND"]
    assert os.path.basename(measurements["folder"]).startswith("trainlint-probe-")


def test_modules_of_the_worker_hide_nothing(worker, environment):
    """The worker's own modules are not seen under their names: a library may have some called the same."""
    measurements = worker.run(experiment())

    assert not [path for path in measurements["path"] if path.endswith("worker")]


def test_prints_disturb_nothing(worker):
    """What the worker writes to its standard streams goes to the log."""
    assert 1 == worker.run(experiment("chatter"))["version"]
    wait_for(lambda: "hello from C" in worker.log())

    assert "hello from print" in worker.log()


def test_a_gigabyte_of_prints(worker):
    """Only the last of what a worker writes is kept."""
    assert 1 == worker.run(experiment("print"))["version"]
    wait_for(lambda: "the last line" in worker.log())

    assert 64 * 1024 >= len(worker.log())


def test_a_flood_of_progress(worker):
    """Reports come in order, however many."""
    seen = []

    worker.run(experiment("flood"), seen.append)

    assert "step 19999" == seen[-1]["message"]


def test_numbers_that_are_not_finite(worker):
    """JSON has no infinity: it arrives as nothing."""
    assert [1.0, None, None] == worker.run(experiment("odd"))["loss"]


def test_one_after_the_other(worker):
    """Two probes at once share one worker; the second is told that it waits."""
    seen: list[dict] = []
    pids = []
    other = threading.Thread(target=lambda: pids.append(worker.run(experiment("sleep", seconds=0.5))["slept"]))
    other.start()
    wait_for(lambda: worker.pid is not None)

    measurements = worker.run(experiment(), seen.append)
    other.join()

    assert {"stage": "waiting", "message": "waiting for another probe"} == seen[0]
    assert [True] == pids
    assert measurements["pid"] == worker.pid


def test_waiting_for_the_backend(stub_folder, temporary, tmp_path):
    """A probe that comes while the backend is being loaded is told so."""
    environment = Environment(tmp_path / "environment")
    environment.install("tensorflow", "2.99.0", "import numpy, random, json, time; time.sleep(0.5)\n")
    environment.install("numpy", "1.99.0")
    seen: list[dict] = []
    with Worker(environment.python, folder=stub_folder) as worker:
        other = threading.Thread(target=worker.warm_up)
        other.start()
        wait_for(lambda: worker.pid is not None)
        worker.run(experiment(), seen.append)
        other.join()

    assert ["waiting for the backend, which is being loaded"] == [
        said["message"] for said in seen if said["stage"] == "waiting"
    ]


def test_a_waiting_probe_can_be_cancelled(worker):
    """Whoever waits for another probe need not."""
    first_ends = threading.Event()

    def first():
        with pytest.raises(ProbeError):
            worker.run(experiment("wait"), None, first_ends.is_set)

    other = threading.Thread(target=first)
    other.start()
    wait_for(lambda: worker.pid is not None)

    started = time.monotonic()
    with pytest.raises(ProbeError) as raised:
        worker.run(experiment(), None, lambda: time.monotonic() - started > 0.2)
    first_ends.set()
    other.join()

    assert errors.CANCELLED == raised.value.kind
    assert 1.0 > time.monotonic() - started


async def test_from_asyncio(worker):
    """A language server answers while a probe trains."""
    task = asyncio.create_task(asyncio.to_thread(worker.run, experiment("sleep", seconds=0.3)))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.01)
        ticks += 1

    assert (await task)["slept"]
    assert 5 < ticks


def test_an_idle_worker_ends_and_is_replaced(environment, stub_folder, temporary):
    """A worker that nobody asks ends by itself; the next request starts another."""
    with Worker(environment.python, folder=stub_folder, idle=0.3) as worker:
        first = worker.run(experiment())["pid"]
        wait_for(lambda: not pid_exists(first))

        assert first != worker.run(experiment())["pid"]


def test_asked_at_the_moment_of_its_end(environment, stub_folder, temporary):
    """A request that meets a worker on its way out is done by the next one."""
    with Worker(environment.python, folder=stub_folder, idle=0.05) as worker:
        for wait in range(40, 60, 2):
            assert 1 == worker.run(experiment())["version"]
            time.sleep(wait / 1000)


def test_replaced_when_it_holds_too_much(worker):
    """A warm worker that holds most of the memory that the next probe may take makes room for a fresh one."""
    first = worker.run(experiment("keep"), limits=Limits(memory=400 << 20))["pid"]

    assert first == worker.run(experiment())["pid"]
    assert first != worker.run(experiment(), limits=Limits(memory=200 << 20))["pid"]


def test_replaced_when_it_was_killed(worker):
    """A worker that was killed between two requests is replaced without a word."""
    first = worker.run(experiment())["pid"]
    os.kill(first, 9)
    wait_for(lambda: not pid_exists(first))

    assert first != worker.run(experiment())["pid"]


def test_closed_for_good(worker):
    """After it was closed, a worker starts nothing."""
    worker.close()

    with pytest.raises(ProbeError) as raised:
        worker.run(experiment())
    assert errors.CANCELLED == raised.value.kind


@pytest.mark.parametrize("python", other_pythons(), ids=lambda path: path.split("/bin/")[0])
def test_other_versions(python, stub_folder, temporary, tmp_path):
    """The folder of the worker runs on its own under Python 3.8 and newer."""
    environment = Environment(tmp_path / "environment", python)
    environment.install("tensorflow", "2.99.0", "import numpy, random, json\n")
    environment.install("numpy", "1.99.0")

    with Worker(environment.python, folder=stub_folder) as worker:
        assert "cpu" == worker.run(experiment())["device"]["name"]


def test_packages_of_the_user_are_seen(environment, stub_folder, temporary, monkeypatch, tmp_path):
    """What `pip install --user` installed is seen where the interpreter itself sees it."""
    system = subprocess.run(
        [environment.python, "-c", "import sys; print(sys._base_executable)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    site = subprocess.run(
        [system, "-m", "site", "--user-site"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    ).stdout.strip()
    package = Path(site) / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))

    with Worker(system, folder=stub_folder) as worker:
        assert "torch" in worker.hello()["packages"]
