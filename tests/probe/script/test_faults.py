"""Whatever a program does, its run ends with a clear result in bounded time, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trainlint.probe.script import Arm, Limits, run

from .conftest import PYTHON

FIT = "import keras\nkeras.Model().fit([1.0] * 99, [3.0] * 99)\n"


def test_a_program_that_hangs(runner):
    """The limit of time ends it, also where it ignores signals."""
    text = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here')\ntime.sleep(1000)"
    began = time.monotonic()
    run = runner.run(text, limits=Limits(seconds=1))

    assert ("timed-out", "here\n") == (run.outcome, run.output.text)
    assert "ended before its first training step: it took longer than 1 seconds" == run.message
    assert time.monotonic() - began < BUSY * 2


def test_a_program_that_hangs_while_it_trains(runner):
    """What was recorded until then is kept."""
    text = "import keras, time\nkeras.Model().fit([1.0] * 4, [3.0] * 4)\ntime.sleep(1000)"
    run = runner.run(text, limits=Limits(seconds=1))

    assert ("timed-out", 4, 4) == (run.outcome, run.steps, len(run.losses))


DAEMON = """
    import os, sys, time

    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in range(3):
                os.close(descriptor)
            time.sleep(1000)
        os._exit(0)
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(1000)
"""


@pytest.mark.parametrize("end", [FIT, "time.sleep(1000)", "sys.exit(1)", "os._exit(0)", "os.abort()"])
def test_children_and_daemons_end_with_the_run(runner, end):
    """Children, and grandchildren in sessions of their own, do not outlive a run, however it ends."""
    import textwrap

    run = runner.run(textwrap.dedent(DAEMON) + end, limits=Limits(seconds=2))

    assert run.outcome in ("finished", "timed-out", "no-training-step", "died")


def test_a_program_that_prints_a_gigabyte(runner):
    """The beginning and the end are kept, the rest is counted."""
    run = runner.run("import sys\nprint('first')\nfor _ in range(1024): sys.stdout.write('x' * 2**20)\nprint('last')")

    assert "no-training-step" == run.outcome
    assert run.output.text.startswith("first\nxxx")
    assert run.output.text.endswith("xxx" + "last\n")
    assert len(run.output.text) < 70_000
    assert 2**30 + len("first\nlast\n") == run.output.dropped + len(run.output.head) + len(run.output.tail)


def test_a_program_that_fills_memory(runner):
    """The limit is one of memory that is used, of all processes together."""
    text = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(b'x') * 2**24)\n    time.sleep(0.01)"
    run = runner.run(text, limits=Limits(seconds=30, memory=300 << 20))

    assert ("out-of-memory", True) == (run.outcome, run.peak_memory >= 300 << 20)
    assert "it took more than 0.3 GiB of memory" in run.message


def test_a_program_that_reserves_memory(runner):
    """Memory that is only reserved does not count: TensorFlow and CUDA reserve much."""
    text = "import mmap\nkept = mmap.mmap(-1, 2**36, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\n" + FIT
    run = runner.run(text, limits=Limits(seconds=30, memory=300 << 20))

    assert "finished" == run.outcome


def test_a_program_that_starts_too_many_processes(runner):
    """The number of processes is limited, and a bomb of forks ends."""
    run = runner.run("import os\nfor _ in range(12): os.fork()\nimport time; time.sleep(5)", limits=Limits(seconds=20))

    assert "too-many-processes" == run.outcome


def test_a_program_that_writes_too_much(runner):
    """Files have a limit as well."""
    text = "with open('big', 'wb') as stream:\n    for _ in range(64): stream.write(bytes(2**20))"
    run = runner.run(text, limits=Limits(seconds=30, files=8 << 20))
    (runner.folder / "big").unlink(missing_ok=True)

    assert "error" == run.outcome
    assert "File too large" in run.message or "No space left" in run.message


@pytest.mark.parametrize(
    ("text", "outcome", "words"),
    [
        ("raise ValueError('no\\ndata')", "error", "ValueError: no (before its first training step)"),
        ("import broken", "error", "RuntimeError: at import"),
        ("raise KeyboardInterrupt", "error", "KeyboardInterrupt"),
        ("import sys; sys.exit()", "no-training-step", "the program ended, and no training step was seen"),
        ("import sys; sys.exit(3)", "no-training-step", "the program ended with status 3"),
        ("import sys; sys.exit('no data')", "no-training-step", "the program ended with status 1"),
        ("import os; os._exit(4)", "died", "the process ended itself with status 4 before its first"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "died", "ended by SIGSEGV before its first"),
        ("import os; os.closerange(3, 4096)\n" + FIT, "died", "the process ended itself with status 70"),
        ("import sys; sys.setrecursionlimit(100)\ndef f(): f()\nf()", "error", "RecursionError"),
        ("", "no-training-step", "the program ended, and no training step was seen"),
    ],
)
def test_ends_of_programs(runner, text, outcome, words):
    """Each way to end has a result of its own."""
    runner.write("broken.py", "raise RuntimeError('at import')")
    run = runner.run(text)

    assert outcome == run.outcome
    assert words in run.message


def test_a_killed_process(runner):
    """A process that is killed from outside, such as by the system for its memory, is told as that."""
    if runner.sandboxed:
        pytest.skip("the first process of a sandbox can't kill itself")
    run = runner.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    assert "died" == run.outcome
    assert "ended by SIGKILL, probably because the machine had no memory left" in run.message


def test_input_fails_clearly(runner):
    """Nobody can answer, and the message says so."""
    run = runner.run("name = input('Epochs? ')")

    assert "error" == run.outcome
    assert "NoInput: the program asks for input ('Epochs? '), and nobody can answer while it is probed" in run.message


@pytest.mark.parametrize(
    "text",
    [
        "import urllib.request; urllib.request.urlopen('http://data.invalid/mnist.npz')",
        "import socket; socket.create_connection(('data.invalid', 80))",
        "import socket; socket.socket().connect(('192.0.2.1', 80))",
    ],
)
def test_downloads_fail_clearly(runner, text):
    """The network is off, and the message says so."""
    run = runner.run(text)

    assert "error" == run.outcome
    assert "and downloads are not allowed while it is probed" in run.message


def test_this_machine_is_no_network(runner):
    """Connections to the machine itself work, and allowed downloads are tried."""
    local = """
        import socket, threading
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname()).close()
        print("connected")
    """
    allowed = runner.run("import socket; socket.getaddrinfo('data.invalid', 80)", allow_downloads=True)

    assert "connected\n" == runner.run(local).output.text
    assert "downloads are not allowed" not in allowed.message


@pytest.mark.parametrize(
    "noise",
    [
        "os.write(1, b'noise')",
        "print('noise', flush=True)",
        '[os.write(fd, b\'noise {"kind": "step"}\\n\') for fd in range(3, 1000) if can_write(fd)]',
    ],
)
def test_noise_does_not_disturb_the_record(runner, noise):
    """What the program writes to its output, or to a descriptor that it does not know, is no message."""
    text = f"""
import os, stat, keras

def can_write(fd):
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False

class Noise(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        try:
            {noise}
        except OSError:
            pass

keras.Model().fit([1.0] * 99, [3.0] * 99, callbacks=[Noise()])
"""
    run = runner.run(text)

    assert ("finished", 10, 10) == (run.outcome, run.steps, len(run.losses))


def test_a_missing_backend_comes_with_the_command_to_install_it(runner):
    """The environment of the user is named, and what to type."""
    result = runner.result("import tensorflow as tf", Arm("repaired"), seeds=(0, 1), stand_ins=False)
    if "finished" in {run.outcome for run in result.runs} or result.runs[0].outcome == "no-training-step":
        pytest.skip("this interpreter has TensorFlow")

    # No other run could do better.
    assert ["backend-missing"] == [run.outcome for run in result.runs]
    assert f"{PYTHON} has no tensorflow; install it with: {PYTHON} -m pip install tensorflow" == result.runs[0].message


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
def test_an_interpreter_that_is_none(runner, python):
    """It can't be started, and nothing is tried a second time."""
    result = runner.result("", seeds=(0, 1), python=python)

    assert ["not-started"] == [run.outcome for run in result.runs]
    assert python in result.runs[0].message


# A second is promised; a machine that does much else at the same time may take longer.
BUSY = 3.0

WORKER = str(Path("recording") / "start.py")

CANCELS = {
    "before the start": (None, ""),
    "while it starts": ("starting", FIT),
    "while it imports": ("importing", "import time\ntime.sleep(1000)"),
    "while it trains": ("training", "import keras\nkeras.Model(pause=0.05).fit([1.0] * 999, [3.0] * 999)"),
    "while it hangs after training": (
        "training",
        "import keras, time\nkeras.Model().train_on_batch(1.0, 3.0)\ntime.sleep(999)",
    ),
}


@pytest.mark.parametrize("stage", CANCELS)
def test_cancelled_within_a_second(runner, stage):
    """A cancel at any stage ends everything within a second and keeps what was recorded."""
    phase, text = CANCELS[stage]
    cancelled = threading.Event()
    at = []

    def progress(now):
        if phase is not None and now.phase == phase and not at:
            cancelled.set()
            at.append(time.monotonic())

    if phase is None:
        cancelled.set()
        at.append(time.monotonic())
    result = runner.result(text, Arm("repaired"), seeds=(0, 1), steps=900, progress=progress, cancelled=cancelled)

    assert time.monotonic() - at[0] < BUSY
    assert result.cancelled
    assert ([] if phase is None else ["cancelled"]) == [run.outcome for run in result.runs]
    if phase == "training":
        assert result.runs[0].steps >= 1


def test_two_experiments_at_once(runner):
    """Each has processes of its own."""
    results = {}

    def one(name):
        results[name] = runner.run(FIT, name=name)

    threads = [threading.Thread(target=one, args=(f"train{number}.py",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["finished"] * 3 == [results[name].outcome for name in sorted(results)]


def test_the_run_ends_with_the_one_that_started_it(tmp_path, runner):
    """Nothing runs on when the caller is killed."""
    marker = tmp_path / "alive"
    marker.touch()
    entry = runner.write("train.py", f"import os, time\nwhile os.path.exists({str(marker)!r}): time.sleep(0.05)")
    code = (
        "import sys\nfrom trainlint.probe.script import *\n"
        f"run(Experiment({entry!r}, (Arm('a'),)), python={PYTHON!r}, seeds=(0,), sandboxed={runner.sandboxed})"
    )
    package = str(Path(sys.modules[run.__module__].__file__).parents[3])
    caller = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": package})
    end = time.monotonic() + 20
    while not _running(WORKER) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)

    assert _running(WORKER)
    caller.kill()
    caller.wait()
    end = time.monotonic() + 5
    while _running(WORKER) and time.monotonic() < end:
        time.sleep(0.05)
    marker.unlink()

    assert [] == _running(WORKER)


def _running(text):
    """The command lines of processes that hold a text."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                line = Path("/proc", name, "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if text in line:
                found.append(line)
    return found
