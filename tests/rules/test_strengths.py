"""Rules on the strength of dropout and penalties leave the word to those that name the cause."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

PROGRAMS = {
    "keep-prob-rate-confusion": """
from tensorflow import keras
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64, "relu"), keras.layers.Dropout(0.9)])
model.add(keras.layers.Dense(1))
model.compile("adam", "mse")
""",
    "positional-dropout-flip": """
import tensorflow as tf
keep_prob = 0.9
inputs = tf.keras.Input((8,))
h = tf.nn.dropout(tf.keras.layers.Dense(32, "relu")(inputs), keep_prob)
model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(h))
model.compile("adam", "mse")
""",
    "dropout-never-active": """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 8])
y = tf.placeholder(tf.float32, [None, 1])
drop_rate = 0.9
h = tf.layers.dropout(tf.layers.dense(x, 64, tf.nn.relu), drop_rate)
step = tf.train.AdamOptimizer().minimize(tf.losses.mean_squared_error(y, tf.layers.dense(h, 1)))
""",
    "regularizer-not-in-loss": """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 100])
y = tf.placeholder(tf.float32, [None, 1])
h = tf.layers.dense(x, 256, tf.nn.relu, kernel_regularizer=tf.contrib.layers.l2_regularizer(0.5))
step = tf.train.AdamOptimizer().minimize(tf.losses.mean_squared_error(y, tf.layers.dense(h, 1)))
""",
}
"""A program for each rule that explains what another sees too."""


@pytest.mark.parametrize("rule", PROGRAMS)
def test_strength_is_not_reported_beside_its_cause(rule, tmp_path):
    """A dropout or penalty that another rule explains is reported once."""
    analysis = analyse(PROGRAMS[rule].encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())

    assert [rule] == [finding.rule for finding in analysis.findings if finding.severity != "info"]
