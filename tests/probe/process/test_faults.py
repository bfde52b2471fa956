"""Whatever happens to a worker, a probe ends in bounded time with one clear line, and nothing is left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.probe.process.helpers import Environment, experiment, pid_exists, processes_of, wait_for

from trainlint.probe import client, errors
from trainlint.probe.client import Limits, Worker
from trainlint.probe.errors import ProbeError
from trainlint.probe.processes import sweep


@contextlib.contextmanager
def fails(kind: str, *words: str, within: float = 10.0):
    """A probe fails with an error of a kind, whose message is one line with some words, and soon enough."""
    started = time.monotonic()
    with pytest.raises(ProbeError) as raised:
        yield raised
    assert kind == raised.value.kind, raised.value.message
    for word in words:
        assert word in raised.value.message
    assert "\n" not in raised.value.message
    assert within > time.monotonic() - started


def still_works(worker: Worker) -> None:
    """The caller is alive, and the next probe succeeds."""
    assert "cpu" == worker.run(experiment())["device"]["name"]


# What an experiment does to its worker --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stub", "words"),
    [
        ("exit", ["status 3", "during the probe"]),
        ("fork-and-exit", ["status 7"]),
        ("crash", ["SIGSEGV"]),
    ],
)
def test_a_worker_that_ends(worker, stub, words):
    """A worker that ends in the middle says how, and is replaced."""
    with fails(errors.DIED, "the worker died", *words):
        worker.run(experiment(stub))

    still_works(worker)


def test_a_crash_leaves_its_stack(worker):
    """The log tells where C code crashed."""
    with fails(errors.DIED, "SIGSEGV") as raised:
        worker.run(experiment("crash"))

    assert "_crash" in raised.value.log


def test_killed_in_the_middle(worker):
    """A worker that somebody kills says so."""
    worker.hello()
    timer = threading.Timer(0.2, lambda: os.kill(worker.pid, signal.SIGKILL))
    timer.start()

    with fails(errors.DIED, "SIGKILL", "memory ran out"):
        worker.run(experiment("sleep"))

    still_works(worker)


@pytest.mark.parametrize(
    ("stub", "kind", "words"),
    [
        ("raise", errors.WORKER, "the engine failed: ValueError: a word"),
        ("system-exit", errors.WORKER, "SystemExit: 4"),
        ("refuse", errors.REFUSED, "the node 'x' has no inputs"),
    ],
)
def test_an_engine_that_fails(worker, stub, kind, words):
    """An exception of the engine is one line, with its stack in the log; the worker stays."""
    pid = worker.hello()["pid"]

    with fails(kind, words) as raised:
        worker.run(experiment(stub))

    assert "" != raised.value.log
    assert pid == worker.run(experiment())["pid"]


def test_measurements_that_are_too_long(worker):
    """Measurements that no message can carry are a fault of the engine."""
    with fails(errors.WORKER, "the measurements cannot be sent: a message of 17 MB is larger than 16 MB"):
        worker.run(experiment("long"))

    still_works(worker)


def test_no_memory_in_the_engine(worker):
    """What Python could not allocate is a lack of memory, and the process starts anew."""
    with fails(errors.MEMORY, "does not fit into memory"):
        worker.run(experiment("no-memory"))

    still_works(worker)


def test_fills_the_memory(worker):
    """A worker that takes more than it may is ended, and the limit is named."""
    with fails(errors.MEMORY, "of memory and was ended; its limit is 300 MB"):
        worker.run(experiment("fill"), limits=Limits(memory=300 << 20))

    still_works(worker)


def test_children_count(worker):
    """What a worker's children take counts as well, and they end with it."""
    with fails(errors.MEMORY, "its limit is 300 MB"):
        worker.run(experiment("fork-and-fill"), limits=Limits(memory=300 << 20))

    still_works(worker)


@pytest.mark.parametrize("stub", ["sleep", "hold"])
def test_takes_too_long(worker, stub):
    """A worker that takes longer than it may is ended, also where it holds the interpreter's lock."""
    with fails(errors.TIME, "longer than 1 s", "during the probe"):
        worker.run(experiment(stub), limits=Limits(seconds=1))

    still_works(worker)


def test_writes_to_the_protocol(worker):
    """Whoever writes into the worker's pipe is found out."""
    with fails(errors.PROTOCOL, "garbage"):
        worker.run(experiment("disturb"))

    still_works(worker)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"version": 2}, "version 1 of the experiment format, not 2"),
        ({}, "not None"),
        ({"version": 1, "device": "tpu"}, "not 'tpu'"),
        ({"version": 1, "text": "x" * (17 << 20)}, "larger than 16 MB"),
        ({"version": 1, 2: {3}, (4,): 5}, "cannot be sent"),
    ],
)
def test_refused_experiments(worker, given, words):
    """An experiment that the worker cannot know is refused with the reason."""
    with fails(errors.REFUSED, words):
        worker.run(given)


# Cancelled ------------------------------------------------------------------------------------------------------------


def slow_start(stub_folder: Path, folder: Path) -> Path:
    """A worker that takes long to say hello."""
    shutil.copytree(stub_folder, folder)
    main = folder / "__main__.py"
    main.write_text(
        main.read_text().replace("    import importlib\n", "    import importlib, time\n    time.sleep(30)\n", 1)
    )
    return folder


def cancelled_after(stage: str):
    """A wish to end that comes a moment after a stage was reached: progress and the wish."""
    reached: list[float] = []

    def progress(said):
        if said["stage"] == stage:
            reached.append(time.monotonic())

    return progress, lambda: bool(reached) and time.monotonic() - reached[0] > 0.2, reached


def assert_soon(reached: list[float]) -> None:
    """A second after the wish, the caller goes on."""
    assert 1.2 > time.monotonic() - reached[0]


def test_cancelled_while_starting(environment, stub_folder, temporary, tmp_path):
    """A worker that does not say hello yet is ended."""
    with Worker(environment.python, folder=slow_start(stub_folder, tmp_path / "slow")) as worker:
        progress, cancelled, reached = cancelled_after("starting")
        with fails(errors.CANCELLED):
            worker.run(experiment(), progress, cancelled)
        assert_soon(reached)
        assert worker.pid is None
    assert [] == list(temporary.iterdir())


def test_cancelled_while_importing(stub_folder, temporary, tmp_path):
    """An import cannot be interrupted, so its process is ended."""
    environment = Environment(tmp_path / "environment")
    environment.install("tensorflow", "2.99.0", "import time; time.sleep(30)\n")
    with Worker(environment.python, folder=stub_folder) as worker:
        progress, cancelled, reached = cancelled_after("importing")
        with fails(errors.CANCELLED):
            worker.run(experiment(), progress, cancelled)
        assert_soon(reached)
        assert worker.pid is None


def test_cancelled_while_running(worker):
    """An experiment that listens ends by itself, and its process stays warm."""
    progress, cancelled, reached = cancelled_after("training")
    with fails(errors.CANCELLED):
        worker.run(experiment("wait"), progress, cancelled)
    assert_soon(reached)

    pid = worker.pid
    assert pid is not None
    assert pid == worker.run(experiment())["pid"]


@pytest.mark.parametrize("stub", ["sleep", "hold"])
def test_cancelled_without_listening(worker, stub):
    """An experiment that does not listen is ended with its process."""
    progress, cancelled, reached = cancelled_after("training")
    with fails(errors.CANCELLED):
        worker.run(experiment(stub), progress, cancelled)
    assert_soon(reached)

    still_works(worker)


def test_cancelled_while_finishing(worker):
    """A result that comes after the wish is dropped, and the process stays."""
    worker.run(experiment())
    pid = worker.pid
    reached: list[float] = []

    with fails(errors.CANCELLED):
        worker.run(experiment(), lambda said: reached.append(0), lambda: bool(reached))

    assert pid == worker.run(experiment())["pid"]


def test_cancelled_before_anything(worker):
    """A probe that nobody wants starts nothing."""
    with fails(errors.CANCELLED):
        worker.run(experiment(), None, lambda: True)

    assert worker.pid is None


def test_closed_in_the_middle(worker):
    """Closing ends what runs, from any thread."""
    threading.Timer(0.5, worker.close).start()

    with fails(errors.CANCELLED, "ended", within=3):
        worker.run(experiment("hold"))


def test_a_callback_that_fails(worker):
    """An exception of the caller's own comes through, and the worker is fit for the next request."""
    with pytest.raises(ZeroDivisionError):
        worker.run(experiment("sleep"), lambda said: 1 / 0)

    still_works(worker)


# Interpreters that are none -------------------------------------------------------------------------------------------


def script(path: Path, text: str) -> str:
    """An executable file."""
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_no_such_interpreter(tmp_path, temporary):
    """A path that leads nowhere is named."""
    with Worker(str(tmp_path / "python")) as worker, fails(errors.NO_INTERPRETER, "No such file", str(tmp_path)):
        worker.run(experiment())
    assert [] == list(temporary.iterdir())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not a program at all", "cannot be started: Exec format error"),
        ("#!/bin/sh\nexit 0\n", "did not start as Python: it ended with status 0"),
        ("#!/bin/sh\necho 'no such thing' >&2; exit 3\n", "status 3, saying: no such thing"),
        ("#!/bin/sh\necho hello > /dev/fd/$4\n", "no JSON"),
        ("#!/bin/sh\nkill -9 $$\n", "SIGKILL"),
    ],
)
def test_not_python(tmp_path, temporary, text, words):
    """Something that is no Python is said to be none."""
    with Worker(script(tmp_path / "python", text)) as worker:
        with pytest.raises(ProbeError) as raised:
            worker.run(experiment())
        assert raised.value.kind in (errors.NO_INTERPRETER, errors.PROTOCOL)
        assert words in raised.value.message
    assert [] == list(temporary.iterdir())


def test_something_that_hangs(tmp_path, temporary, monkeypatch):
    """What says nothing within the time for a start is ended."""
    monkeypatch.setattr(client, "START", 0.5)
    path = script(tmp_path / "python", "#!/bin/sh\nexec sleep 1000\n")

    with Worker(path) as worker, fails(errors.NO_INTERPRETER, "did not start as Python within", within=3):
        worker.run(experiment())
    assert [] == list(temporary.iterdir())


def test_too_old(environment, stub_folder, temporary, tmp_path):
    """A Python that is too old says its version."""
    folder = tmp_path / "worker"
    shutil.copytree(stub_folder, folder)
    main = folder / "__main__.py"
    main.write_text(main.read_text().replace("OLDEST = (3, 8)", "OLDEST = (99, 1)"))

    with Worker(environment.python, folder=folder) as worker, fails(errors.TOO_OLD, "99.1 or newer"):
        worker.run(experiment())


@pytest.mark.parametrize(
    ("installer", "command"),
    [
        ("pip", "/e/bin/python -m pip install tensorflow"),
        ("uv", "uv pip install --python /e/bin/python tensorflow"),
        ("managed", "/e/bin/python -m venv .venv && .venv/bin/python -m pip install tensorflow"),
        ("none", "/e/bin/python -m ensurepip && /e/bin/python -m pip install tensorflow"),
    ],
)
def test_the_command_that_installs_a_backend(installer, command):
    """Each kind of environment has its own command."""
    assert (
        f"the environment of /e/bin/python has neither TensorFlow nor JAX nor torch; install one with: {command}"
        == (client.missing_backend("/e/bin/python", {"installer": installer}, {"PATH": "/bin"}))
    )
    assert "(folders of PYTHONPATH are not searched)" in (
        client.missing_backend("/e/bin/python", {"installer": installer}, {"PYTHONPATH": "/modules"})
    )


def test_no_backend(stub_folder, temporary, tmp_path):
    """An environment without a backend gets the command that installs one."""
    environment = Environment(tmp_path / "an environment")
    python = environment.python

    with Worker(python, folder=stub_folder) as worker:
        with fails(
            errors.NO_BACKEND, f"the environment of {python} has neither TensorFlow nor JAX nor torch", f"'{python}'"
        ):
            worker.run(experiment())

        # A folder without a module is what an uninstallation leaves over.
        (environment.packages / "tensorflow").mkdir()
        with fails(errors.NO_BACKEND, "neither TensorFlow"):
            worker.run(experiment())

        (environment.packages / "tensorflow").rmdir()
        marker = Path(python).parents[1] / "pyvenv.cfg"
        marker.write_text(marker.read_text() + "uv = 0.4.0\n")
        with fails(errors.NO_BACKEND, f"install one with: uv pip install --python '{python}' tensorflow"):
            worker.run(experiment())

        environment.install("pip", "23")
        with fails(errors.NO_BACKEND, f"install one with: '{python}' -m pip install tensorflow"):
            worker.run(experiment())

        environment.install("tensorflow", "2.3.1")
        with fails(errors.NO_BACKEND, "tensorflow 2.3.1 is older than 2.4", "install --upgrade tensorflow"):
            worker.run(experiment())

        # What was installed in the meantime is found.
        environment.install("torch", "2.0.0")
        environment.install("numpy", "1.99.0")
        (environment.packages / "torch" / "__init__.py").write_text("import numpy, random, json\n")
        still_works(worker)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_module_of_cuda\n", "No module named 'no_such_module_of_cuda'"),
        ("raise SystemExit(1)\n", "cannot be imported"),
        ("raise RuntimeError('module compiled against ABI version 1')\n", "ABI version 1"),
    ],
)
def test_a_backend_that_cannot_be_imported(stub_folder, temporary, tmp_path, code, words):
    """What the import of the backend raises is said."""
    environment = Environment(tmp_path / "environment")
    environment.install("tensorflow", "2.99.0", code)

    with Worker(environment.python, folder=stub_folder) as worker:
        with fails(errors.BACKEND_IMPORT, "tensorflow cannot be imported in", words) as raised:
            worker.run(experiment())
        assert "Traceback" in raised.value.log


def test_a_backend_that_crashes_at_its_import(stub_folder, temporary, tmp_path):
    """A build for another processor dies while it is imported."""
    environment = Environment(tmp_path / "environment")
    environment.install("tensorflow", "2.99.0", "import os, signal; os.kill(os.getpid(), signal.SIGILL)\n")

    with (
        Worker(environment.python, folder=stub_folder) as worker,
        fails(errors.DIED, "SIGILL", "while importing tensorflow"),
    ):
        worker.run(experiment())


# The client's own end -------------------------------------------------------------------------------------------------

CLIENT = """
import signal, sys, threading, tempfile
# Whoever runs the tests in the background may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
tempfile.tempdir = sys.argv[4]
from pathlib import Path
from trainlint.probe.client import Worker
worker = Worker(sys.argv[1], folder=Path(sys.argv[2]))
worker.hello()
print(worker.pid, flush=True)
if sys.argv[3] == "exit":
    raise SystemExit
def tell(said):
    if said["stage"] == "training":
        print("runs", flush=True)
worker.run({"version": 1, "stub": sys.argv[3]}, tell)
"""


def start_client(environment, stub_folder, temporary, stub):
    """A process that runs an experiment on a worker, and the worker's number."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, environment.python, str(stub_folder), stub, str(temporary)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(client.__file__).parents[2])},
        text=True,
    )
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("stub", ["sleep", "wait", "hold"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_worker_does_not_outlive_its_client(environment, stub_folder, temporary, stub, how):
    """However the client ends, its worker ends as well."""
    process, pid = start_client(environment, stub_folder, temporary, stub)
    with process:
        assert "runs\n" == process.stdout.readline()
        process.send_signal(how)
        wait_for(lambda: not pid_exists(pid), 5)
    assert [] == processes_of(stub_folder)


def test_a_client_that_forgets_its_worker(environment, stub_folder, temporary):
    """A client that ends without closing its worker leaves neither process nor file."""
    process, pid = start_client(environment, stub_folder, temporary, "exit")
    with process:
        assert 0 == process.wait(10)
    wait_for(lambda: not pid_exists(pid), 5)
    assert [] == list(temporary.iterdir())


def test_folders_that_were_left_over(environment, stub_folder, temporary):
    """What a killed client left is removed by the next one; what is in use stays."""
    process, pid = start_client(environment, stub_folder, temporary, "sleep")
    [folder] = temporary.iterdir()
    os.utime(folder, (0, 0))
    with process:
        with Worker(environment.python, folder=stub_folder) as worker:
            worker.hello()
            assert folder.exists()
        process.kill()
        wait_for(lambda: not pid_exists(pid), 5)

    def swept() -> bool:
        sweep()
        return not folder.exists()

    # The last thread of the worker takes its files along, which is a moment after the process is gone.
    wait_for(swept)
    assert [] == list(temporary.iterdir())
