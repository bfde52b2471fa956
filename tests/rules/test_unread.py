"""What could not be read proves nothing: rules keep silent about what may stand in it."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

FED = """
import tensorflow as tf
inputs = tf.placeholder(tf.float32, (None, 28, 28, 1))
targets = tf.placeholder(tf.float32, (None, 28, 28, 1))
cost = tf.reduce_mean(tf.layers.dense(tf.ones([4, 8]), 1))
{statement}
step = tf.train.AdamOptimizer(0.001).minimize(cost)
session = tf.Session()
session.run(tf.global_variables_initializer())
session.run(step, feed_dict={{inputs: batch(), targets: batch()}})
"""

IN_A_CLASS = """
import tensorflow as tf
class Model:
{statement}
    def __init__(self):
        inputs = tf.placeholder(tf.float32, (None, 8))
        scores = tf.layers.dense(tf.ones([4, 8]), 1)
        self.step = tf.train.AdamOptimizer(0.001).minimize(tf.reduce_mean(scores))
"""


def found(text, tmp_path):
    analysis = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert not [notice for notice in analysis.notices if notice.kind == "internal"]
    return [finding.rule for finding in analysis.findings]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("shown = 3", ["unused-computation"] * 2),
        ("print 'ready'", ["unused-computation"] * 2),
        ("cost = ", []),
        ("cost = loss(inputs, targets", []),
    ],
)
def test_nothing_is_proved_unused(statement, expected, tmp_path):
    """A placeholder that nothing reads may be read in what could not be; Python 2 can be read."""
    assert expected == found(FED.format(statement=statement), tmp_path)


@pytest.mark.parametrize(("statement", "expected"), [("    size = 3", ["unused-computation"]), ("    size = = 3", [])])
def test_nothing_is_proved_unused_in_a_class(statement, expected, tmp_path):
    """The same where nothing makes an object of the class, so that it is run by itself."""
    assert expected == found(IN_A_CLASS.format(statement=statement), tmp_path)


def test_calls_that_are_not_closed_lack_nothing(tmp_path):
    """An argument that is missing may be what comes next."""
    start = "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 2])\n"

    assert ["missing-argument"] == found(start + "h = tf.matmul(x)\n", tmp_path)
    assert [] == found(start + "h = tf.matmul(x\n", tmp_path)
