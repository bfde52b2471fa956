"""Ctrl-C at any moment: status 130, one line, nothing that goes on, and a cache that holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from tests.probe.process.helpers import pid_exists

PROGRAM = """
from tensorflow import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""

ENDLESS = """
import os, time
import trainlint.analysis as analysis
def _analyse(*_):
    open(os.path.join("begun", str(os.getpid())), "w").close()
    while True:
        time.sleep(0.01)
analysis._analyse = _analyse
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files to check, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "project"
    (project / "begun").mkdir(parents=True)
    for number in range(6):
        (project / f"train{number}.py").write_text(PROGRAM)
    return project


def _heard():
    """Whoever runs the tests in the background may have interrupts ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(folder, code, *arguments):
    """A check in a process group of its own, after some code."""
    program = f"import sys\n{code}\nfrom trainlint.cli.main import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "check", *arguments], cwd=folder, text=True, preexec_fn=_heard,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def begun(folder, count):
    """The processes that check a file, as soon as there are so many."""
    deadline = time.monotonic() + 60
    while len(found := list((folder / "begun").iterdir())) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return [int(each.name) for each in found]


@pytest.mark.parametrize(("jobs", "times"), [("1", 1), ("1", 30), ("3", 1), ("3", 30)])
def test_ends_at_once(folder, jobs, times):
    """Nobody waits for the end of a file, and whoever is impatient leaves nothing behind."""
    check = started(folder, ENDLESS, "--jobs", jobs)
    pids = begun(folder, int(jobs))
    for _ in range(times):
        try:
            os.killpg(check.pid, signal.SIGINT)
        except ProcessLookupError:
            break
        time.sleep(0.002)
    try:
        output, errors = check.communicate(timeout=60)
    finally:
        check.kill()
    assert (check.returncode, output, errors.strip()) == (130, "", "trainlint: error: interrupted")
    assert [pid for pid in pids if pid_exists(pid)] == []


def test_process_that_is_just_starting(folder):
    """It has not yet learned to leave Ctrl-C to its caller."""
    slow = (
        "import os, signal, time\n"
        "def interrupt():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.2)\n"
        "os.register_at_fork(after_in_child=interrupt)\n"
    )
    check = started(folder, slow, "--jobs", "2", "--output-format", "concise")
    output, errors = check.communicate(timeout=60)
    assert (check.returncode, len(output.splitlines()), errors) == (1, 6, "")


def test_what_was_found_is_kept(folder):
    """A check that was interrupted does not begin from its beginning."""
    code = ENDLESS.replace(
        "def _analyse(*_):", "whole = analysis._analyse\ndef _analyse(data, path, *rest):\n"
        "    if not path.endswith('5.py'):\n        return whole(data, path, *rest)",
    )  # fmt: skip
    check = started(folder, code, "--jobs", "1")
    begun(folder, 1)
    os.killpg(check.pid, signal.SIGINT)
    check.communicate(timeout=60)
    code = ENDLESS.replace("while True", "while False")
    again = started(folder, code.replace("def _analyse(*_):", "def _analyse(data, path, *rest):\n    print(path)"))
    output, _ = again.communicate(timeout=60)
    assert [os.path.basename(line) for line in output.splitlines() if line.endswith(".py")] == ["train5.py"]


@pytest.mark.parametrize(("patience", "told"), [(0.0, ""), (3600.0, "cleared away\n")])
def test_end_that_does_not_come(patience, told):
    """What is done about the first Ctrl-C is not disturbed by the second, unless it takes too long."""
    program = textwrap.dedent(f"""
        import os, signal
        from trainlint.cli import interruption
        interruption.PATIENCE = {patience}
        waiting = interruption.Interruption()
        waiting.listen()
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGINT)
            print("cleared away")
        waiting.end(interruption.INTERRUPTED)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, preexec_fn=_heard,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, told, "")


def test_start_and_end_say_nothing(tmp_path):
    """Before there is something to interrupt, and after it, Ctrl-C just ends the process."""
    program = (
        "import signal, trainlint.__main__\n"
        "print(signal.getsignal(signal.SIGINT).name)\n"
        "import atexit, sys\n"
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT).name))\n"
        "sys.argv[1:] = ['--version']\n"
        "trainlint.__main__.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, preexec_fn=_heard,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1], done.stderr) == ("SIG_DFL", "SIG_DFL", "")


def test_who_runs_in_the_background_is_not_interrupted(folder):
    """A shell lets its background processes ignore Ctrl-C."""
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    check = started(folder, ignoring + ENDLESS.replace("while True", "while not os.path.exists('go')"), "-j", "1")
    begun(folder, 1)
    os.killpg(check.pid, signal.SIGINT)
    (folder / "go").write_text("")
    _, errors = check.communicate(timeout=60)
    assert "interrupted" not in errors
