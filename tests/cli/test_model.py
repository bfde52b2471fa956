"""`trainlint model`, on real programs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from trainlint.cli.model import command

PROGRAM = """\
import tensorflow as tf
(x, y), _ = tf.keras.datasets.mnist.load_data()
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(10)])
model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x / 255, y)
"""


def notebook(*sources):
    """A notebook with these code cells."""
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Shows the networks of a text, on standard input or in a file of a name."""
    monkeypatch.chdir(tmp_path)

    def model(text, name=None):
        if name is None:
            return CliRunner().invoke(command, ["-"], input=text, standalone_mode=False)
        (tmp_path / name).write_text(text, "utf-8")
        return CliRunner().invoke(command, [name], standalone_mode=False)

    return model


def test_standard_input(model):
    """`-` is a program or a notebook on standard input."""
    assert 0 == model(PROGRAM).return_value
    assert "The network behind the loss of line 4\n" in model(PROGRAM).stdout
    assert "1 model: understood\n" in model(notebook(PROGRAM)).stdout


def test_places_in_a_notebook(model):
    """Lines of a notebook are those of a cell."""
    lines = PROGRAM.splitlines(keepends=True)
    shown = model(notebook("".join(lines[:2]), "".join(lines[2:])), "train.ipynb").stdout

    assert "The network behind the loss of cell 2, line 2\n" in shown
    assert "  cell 2:1  Dense" in shown


def test_what_was_skipped_is_told(model):
    """A statement that could not be read is a note, and the status stays 0."""
    result = model(PROGRAM + "x = = 1\n", "train.py")

    assert "note: train.py:6: " in result.stdout
    assert 0 == result.return_value


def test_a_notebook_that_cannot_be_read(model):
    """A notebook that is none is an error, and nothing is shown that was not read."""
    result = model('{"cells": [', "train.ipynb")

    assert (2, "") == (result.return_value, result.stdout)
    assert "trainlint: error: train.ipynb: not a notebook: line 1 is not JSON (Expecting value)\n" == result.stderr
