"""`check --fix`, `--diff` and the fixes of the JSON document, from the command line to the file and back."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from trainlint.cli import main

BEFORE = """import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 3])
w = tf.get_variable('w', [3, 1], initializer=tf.zeros_initializer())  # \xe9
loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
train = tf.train.AdadeltaOptimizer(
    0.001,
    name='slow',
).minimize(loss)
"""
RULE = ("--select", "slow-default-learning-rate", "--isolated")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        @main.click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
        @main.click.argument("args", nargs=-1, type=main.click.UNPROCESSED)
        def command(args):
            sys.exit(main.run(args))

        return CliRunner().invoke(command, args)

    return run


def test_fix_of_a_file(run, tmp_path):
    """What changes the training is written only when asked for, byte for byte."""
    data = b"# coding: latin-1\r\n" + BEFORE.replace("\n", "\r\n").encode("latin-1")
    file = tmp_path / "train.py"
    file.write_bytes(data)
    safe = run("check", "--fix", *RULE, "train.py")
    after_safe = file.read_bytes()
    unsafe = run("check", "--fix", "--unsafe-fixes", *RULE, "train.py")

    assert (1, data) == (safe.exit_code, after_safe)
    assert (0, data.replace(b"0.001", b"1.0")) == (unsafe.exit_code, file.read_bytes())
    assert "Repaired 1 finding in 1 file.\n" in unsafe.stdout


def test_diff_of_a_file(run, tmp_path):
    """The diff shows what would be written and the file stays."""
    (tmp_path / "train.py").write_text(BEFORE)
    result = run("check", "--diff", "--unsafe-fixes", *RULE, "train.py")

    assert ["-    0.001,", "+    1.0,"] == result.stdout.splitlines()[6:8]
    assert BEFORE == (tmp_path / "train.py").read_text()


def test_fixes_in_json(run, tmp_path):
    """An edit is a place from 1, in code points, and a text."""
    (tmp_path / "train.py").write_text(BEFORE)
    document = json.loads(run("check", "--output-format", "json", *RULE, "train.py").stdout)
    (fix,) = document["findings"][0]["fixes"]

    place = {"file": "train.py", "cell": None, "line": 7, "column": 5, "end_line": 7, "end_column": 10}

    assert fix["edits"] == [{**place, "text": "1.0"}]
