"""Which variables a collection of TensorFlow 1 has, as far as the program says it."""

from __future__ import annotations

import pytest
from tests.interpret.machine import value

from trainlint.program.values import Const

VARIABLES = """
import tensorflow.compat.v1 as tf
step = tf.Variable(0, trainable=False)
with tf.variable_scope("generator"):
    w = tf.get_variable("w", [3, 4])
with tf.variable_scope("discriminator"):
    v = tf.get_variable("v", [4, 1])
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("tf.global_variables()", 3),
        ("tf.trainable_variables()", 2),
        ("tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)", 2),
        ("tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)", 3),
    ],
)
def test_all_that_are_trained(code, expected):
    """A collection has the variables made so far; one that is not trained is in no collection of trained ones."""
    assert Const(expected) == value(f"{VARIABLES}x = len({code})", "x")


@pytest.mark.parametrize(
    "code",
    [
        "tf.trainable_variables('generator')",
        "tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope='generator')",
        "tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, 'discriminator')",
        "tf.local_variables()",
        "tf.model_variables()",
    ],
)
def test_of_a_scope(code):
    """Which variables a scope has is not told: two networks that train against each other are not one."""
    assert not isinstance(value(f"{VARIABLES}x = len({code})", "x"), Const)
