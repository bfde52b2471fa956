"""Which way the terms of a loss are driven."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.signs import terms
from trainlint.project import Project

START = """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 8])
y = tf.placeholder(tf.float32, [None, 3])
w = tf.get_variable("w", [8, 3])
z = tf.matmul(x, w)
p = tf.nn.softmax(z)
error = tf.losses.softmax_cross_entropy(y, z)
"""

LOSSES = {
    "error": [False],
    "-error": [True],
    "3.0 - error": [True],
    "-(-error)": [False],
    "error * -0.5": [True],
    "error + 0.01 * tf.nn.l2_loss(w)": [False],
    "error - tf.reduce_mean(tf.square(y - z))": [False, True],
    "tf.reduce_mean(tf.reduce_sum(y * tf.log(p), 1))": [True],
    "-tf.reduce_mean(tf.reduce_sum(y * tf.log(p), 1))": [False],
}

UNKNOWN = ["error * x", "tf.reduce_max(error)", "tf.reduce_mean(p * tf.log(p))", "error + other(z)"]


def found(loss, tmp_path):
    text = f"{START}step = tf.train.AdamOptimizer().minimize({loss})\n"
    analysis = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    program = analysis.interpretation.programs[0]
    return terms(program, next(iter(program.minimized)))


@pytest.mark.parametrize("loss", LOSSES)
def test_terms_have_signs(loss, tmp_path):
    """Each error in a sum is told with whether minimising the sum makes it larger."""
    assert LOSSES[loss] == [term.flipped for term in found(loss, tmp_path)]


@pytest.mark.parametrize("loss", UNKNOWN)
def test_sums_with_unknown_parts_say_nothing(loss, tmp_path):
    """One part that is not understood leaves the whole sum open."""
    assert found(loss, tmp_path) is None
