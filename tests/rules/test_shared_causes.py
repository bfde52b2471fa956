"""Optimizers and weights: one cause is reported once, by the rule that says most about it."""

from __future__ import annotations

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

UNSCALED = """
import numpy as np
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
loss = tf.reduce_mean(tf.square(tf.matmul(x, tf.get_variable("w", [3, 1])) - y))
train = tf.train.GradientDescentOptimizer({rate}).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(train, {{x: np.random.uniform(0, {top}, size=(64, 3)), y: np.random.uniform(size=(64, 1))}})
"""

ONES = """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 784])
y = tf.placeholder(tf.float32, [None, 10])
h = tf.nn.relu(tf.matmul(x, tf.Variable(tf.ones([784, 256]))))
loss = tf.losses.softmax_cross_entropy(y, tf.layers.dense(h, 10))
train = tf.train.AdamOptimizer().minimize(loss)
"""


def reported(text: str, tmp_path) -> list[str]:
    """The rules that report something in a program."""
    analysis = analyse(text.encode(), str(tmp_path / "program.py"), Project(str(tmp_path)), Config())
    return sorted({finding.rule for finding in analysis.findings})


def test_unscaled_inputs_explain_the_overshooting_rate(tmp_path):
    """Where the inputs are unscaled, the rate is not reported beside them."""
    assert ["unscaled-inputs"] == reported(UNSCALED.format(rate=0.1, top=255), tmp_path)


def test_rate_is_reported_for_scaled_inputs(tmp_path):
    """Inputs of ordinary size leave the rate as the cause."""
    assert ["learning-rate-out-of-range"] == reported(UNSCALED.format(rate=0.9, top=4), tmp_path)


def test_equal_weights_are_not_called_too_large(tmp_path):
    """Ones in a hidden layer are equal first of all; that they are large as well is not said."""
    assert ["symmetric-hidden-weights"] == reported(ONES, tmp_path)
