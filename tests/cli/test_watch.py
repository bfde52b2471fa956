"""`check --watch` in a terminal: a view that is drawn again when a file changes."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytest.importorskip("watchfiles")

SERVER = Path(__file__).parents[2] / "server"

BAD = """\
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="softmax")])
model.compile("adam", loss="binary_crossentropy")
"""

GOOD = BAD.replace("softmax", "sigmoid")

CLEAR = "\x1b[H\x1b[2J\x1b[3J"


def _interruptible():
    """Whoever runs the tests in the background may have interrupts ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Watching:
    """A watch on a terminal, and what it has shown."""

    def __init__(self, folder, *args):
        self.shown = ""
        self.screen, terminal = os.openpty()
        os.set_blocking(self.screen, False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trainlint", "check", "--watch", *(args or ("--output-format", "concise"))],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
            env={**os.environ, "PYTHONPATH": str(SERVER), "TERM": "xterm"}, preexec_fn=_interruptible,
        )  # fmt: skip
        os.close(terminal)

    def until(self, text, times=1):
        """Reads until a text was shown so often."""
        end = time.monotonic() + 30
        while self.shown.count(text) < times:
            assert time.monotonic() < end, f"{text!r} is not in {self.shown!r}"
            try:
                self.shown += os.read(self.screen, 65536).decode()
            except BlockingIOError:
                time.sleep(0.02)
        return self.shown

    def resize(self, columns):
        """Gives the terminal another width."""
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def close(self):
        """Interrupts it and gives its status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@pytest.fixture
def watching(tmp_path):
    """Starts watches that end with the test."""
    started = []

    def start(*args):
        started.append(Watching(tmp_path, *args))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        os.close(each.screen)


def test_a_view_that_stays(watching, tmp_path):
    """Each change draws the view anew from the top, and the status is that of the last check."""
    (tmp_path / "train.py").write_text(BAD)
    watch = watching()
    watch.until("watching for changes")
    time.sleep(0.5)
    (tmp_path / "train.py").write_text(GOOD)
    shown = watch.until("train.py changed; watching for changes")
    first, second = shown.split(CLEAR)[1:]

    assert "train.py:2:" in first
    assert "single-unit-softmax" in first
    assert "single-unit-softmax" not in second
    assert 0 == watch.close()


def test_what_is_no_code_is_not_waited_for(watching, tmp_path):
    """What a training writes beside the code draws nothing, nor what is installed there, nor the watch's reports."""
    (tmp_path / "train.py").write_text(BAD)
    watch = watching("--output-format", "concise,json=report.json")
    watch.until("watching for changes")
    time.sleep(0.5)
    for name in ("run.log", "metrics.csv", "history.json", "__pycache__/train.py", "venv/lib/module.py", ".x/y.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("epoch 1\n")
    time.sleep(1)
    (tmp_path / "other.py").write_text("import os\n")
    watch.until("other.py changed")
    time.sleep(1.2)
    (tmp_path / "another.py").write_text("import os\n")
    watch.until("another.py changed")

    assert 3 == watch.shown.count(CLEAR)
    assert 1 == watch.close()


def test_a_view_is_drawn_at_once(watching, tmp_path):
    """The screen is emptied and filled in one go, which terminals show as one: nothing flickers."""
    (tmp_path / "train.py").write_text(BAD)
    watch = watching()
    begin, end = "\x1b[?2026h" + CLEAR, "\x1b[?2026l"
    shown = watch.until(end)

    assert "single-unit-softmax" in shown[shown.index(begin) : shown.index(end)]
    assert 1 == shown.count(CLEAR)


def test_another_width(watching, tmp_path):
    """What was found is drawn as wide as the terminal is now; reports in files are not written again."""
    (tmp_path / "train.py").write_text(BAD)
    watch = watching("--output-format", "text,json=report.json")
    watch.resize(100)
    watch.until("watching for changes")
    time.sleep(0.8)
    before = os.stat(tmp_path / "report.json").st_mtime_ns
    drawn = watch.shown.count(CLEAR)
    watch.resize(50)
    shown = watch.until(CLEAR, drawn + 1)
    watch.until("ends it", drawn + 1)

    assert all(len(line) <= 50 for line in watch.shown[len(shown) :].splitlines() if "watching" not in line)
    assert before == os.stat(tmp_path / "report.json").st_mtime_ns


def test_what_lies_elsewhere(watching, tmp_path):
    """A module or a configuration outside of the watched folder counts as well."""
    model = "import tensorflow as tf\nfrom nets import last\n" + BAD.split("\n", 1)[1]
    (tmp_path / "nets.py").write_text("last = 'sigmoid'\n")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train.py").write_text(model.replace('"softmax"', "last"))
    (tmp_path / "pyproject.toml").write_text("[tool.trainlint]\n")
    watch = watching("--output-format", "concise", "work")
    watch.until("watching for changes")
    time.sleep(0.5)
    (tmp_path / "nets.py").write_text("last = 'softmax'\n")
    watch.until("nets.py changed")
    watch.until("single-unit-softmax")
    (tmp_path / "pyproject.toml").write_text('[tool.trainlint]\nignore = ["TL201"]\n')
    watch.until("pyproject.toml changed")

    assert 0 == watch.close()


def test_a_folder_that_is_another_one(watching, tmp_path):
    """A checkout may take a folder away and put it there again: it is watched as before."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train.py").write_text(BAD)
    watch = watching("--output-format", "concise", "work")
    watch.until("watching for changes")
    shutil.rmtree(tmp_path / "work")
    watch.until("error: work: No such file or directory")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train.py").write_text(BAD)
    watch.until("single-unit-softmax", 2)
    time.sleep(1)
    (tmp_path / "work" / "train.py").write_text(GOOD)
    watch.until("train.py changed")

    assert 0 == watch.close()


def test_what_is_wrong_is_shown_until_it_is_repaired(watching, tmp_path):
    """A configuration with a mistake does not end the watch."""
    (tmp_path / "train.py").write_text(GOOD)
    watch = watching("--output-format", "concise", "--baseline", "known.json")
    watch.until("error: the baseline known.json cannot be read")
    time.sleep(0.5)
    (tmp_path / "known.json").write_text('{"trainlint_baseline": 1, "files": {}}')
    watch.until("known.json changed; watching for changes")

    assert 0 == watch.close()


def test_paths_have_to_be_there(tmp_path):
    """Nothing is watched that is not there."""
    command = [sys.executable, "-m", "trainlint", "check", "--watch", "none.py"]
    environment = {**os.environ, "PYTHONPATH": str(SERVER)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (2, "trainlint: error: none.py: No such file or directory\n") == (done.returncode, done.stderr)
