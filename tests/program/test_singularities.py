"""Where a trained value can be exactly 0, and how steep a squared error is."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.curvature import steepness
from trainlint.program.singularities import zero_of
from trainlint.project import Project

NETWORK = """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 8])
y = tf.placeholder(tf.float32, [None, 3])
z = tf.layers.dense(x, 3)
p = tf.nn.softmax(z)
"""

LINE = """
import numpy as np
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 1])
y = tf.placeholder(tf.float32, [None, 1])
w = tf.Variable(tf.zeros([1, 1]))
error = tf.matmul(x, w) - y
train = tf.train.GradientDescentOptimizer(0.1).minimize({loss})
data = np.linspace(-3, 3, 50).reshape(-1, 1)
with tf.Session() as session:
    session.run(train, {{x: data, y: data}})
"""


def program_of(text, tmp_path):
    """The only program of a text."""
    analysis = analyse(text.encode(), str(tmp_path / "program.py"), Project(str(tmp_path)), Config())
    return analysis.interpretation.programs[0]


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("p", "probability"),
        ("1 - p", "complement"),
        ("tf.reduce_sum(y * p, axis=1)", "probability"),
        ("tf.nn.relu(z)", "rectifier"),
        ("tf.maximum(z, 0.0)", "bound"),
        ("tf.clip_by_value(p, 0.0, 1.0)", "bound"),
        ("tf.exp(z) / tf.reduce_sum(tf.exp(z), axis=1, keepdims=True)", "probability"),
        ("p + 1e-8", None),
        ("tf.maximum(p, 1e-8)", None),
        ("tf.clip_by_value(p, 1e-8, 1.0)", None),
        ("tf.reduce_sum(p, axis=1)", None),
        ("tf.nn.softplus(z)", None),
        ("tf.nn.softmax(x)", None),
        ("tf.where(p > 0, p, tf.ones_like(p))", None),
    ],
)
def test_zero_is_found_where_it_can_be(expression, kind, tmp_path):
    """A value is said to reach 0 only if nothing keeps it away from there."""
    program = program_of(f"{NETWORK}e = tf.log({expression})\n", tmp_path)
    logarithm = next(program.of_kind("log"))
    zero = zero_of(program, logarithm.inputs[0])

    assert kind == (None if zero is None else zero.kind)


@pytest.mark.parametrize(
    ("loss", "factor"),
    [
        ("tf.reduce_mean(tf.square(error))", 2.0),
        ("tf.reduce_sum(tf.pow(error, 2)) / (2 * 50)", 1.0),
        ("0.5 * tf.reduce_mean(tf.square(error))", 1.0),
        ("tf.losses.mean_squared_error(y, tf.matmul(x, w))", 2.0),
        ("tf.reduce_mean(tf.abs(error))", None),
    ],
)
def test_curvature_of_a_line(loss, factor, tmp_path):
    """The curvature of h/2 (y - wx)^2 is h times the mean square of x."""
    program = program_of(LINE.format(loss=loss), tmp_path)
    steep = steepness(program, next(program.minimized))

    if factor is None:
        assert steep is None
    else:
        assert steep is not None
        assert pytest.approx(factor * 3.0, rel=0.01) == steep.value
