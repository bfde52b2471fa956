"""`check --watch` in a terminal: a view that is drawn again when a file changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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
            [sys.executable, "-m", "trainlint", "check", "--watch", "--output-format", "concise", *args],
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
    """Logs and caches that a training writes beside the code draw nothing."""
    (tmp_path / "train.py").write_text(BAD)
    watch = watching()
    watch.until("watching for changes")
    time.sleep(0.5)
    (tmp_path / "run.log").write_text("epoch 1\n")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "train.py").write_text("x")
    time.sleep(1)
    (tmp_path / "other.py").write_text("import os\n")
    watch.until("other.py changed")

    assert 2 == watch.shown.count(CLEAR)
    assert 1 == watch.close()


def test_what_is_wrong_is_shown_until_it_is_repaired(watching, tmp_path):
    """A configuration with a mistake does not end the watch."""
    (tmp_path / "train.py").write_text(GOOD)
    watch = watching("--baseline", "known.json")
    watch.until("error: the baseline known.json cannot be read")
    time.sleep(0.5)
    (tmp_path / "known.json").write_text('{"trainlint_baseline": 1, "files": {}}')
    (tmp_path / "train.py").write_text(GOOD + "\n")
    watch.until("changed; watching for changes")

    assert 0 == watch.close()


def test_paths_have_to_be_there(tmp_path):
    """Nothing is watched that is not there."""
    command = [sys.executable, "-m", "trainlint", "check", "--watch", "none.py"]
    environment = {**os.environ, "PYTHONPATH": str(SERVER)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (2, "trainlint: error: none.py: No such file or directory\n") == (done.returncode, done.stderr)
