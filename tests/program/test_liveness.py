"""What can be said to be unused where a program has parts that are not followed."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.liveness import liveness
from trainlint.project import Project

START = """
import other
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 4])
hidden = tf.layers.dense(x, 8, activation=tf.nn.relu)
weights = tf.get_variable("weights", [8, 2])
adam = tf.train.AdamOptimizer()
def decode():
    return hidden
"""


def hidden_of(text, tmp_path):
    """What is known to be used, and the product of the hidden layer."""
    program = analyse(f"{START}{text}\n".encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]
    return liveness(program), next(iter(program.of_kind("matmul"))).id


@pytest.mark.parametrize(
    "expression",
    [
        "out",
        "tf.reshape(out, [-1, 8])",
        "tf.transpose(out)",
        "tf.squeeze(out)",
        "tf.cast(out, tf.float32)",
        "tf.identity(out)",
        "tf.nn.dropout(out, 0.5)",
        "tf.layers.batch_normalization(out)",
        "tf.concat([out, x, x], 1)",
        "tf.concat([other.run(decode) for _ in range(other.count)], 0)",
        "tf.stack([out, out])[0]",
        "tf.add_n([out, hidden_like])",
        "tf.keras.layers.concatenate([out, x, x])",
        "tf.keras.layers.Add()([out, hidden_like])",
        "tf.reduce_mean([out, hidden_like], 0)",
        "tf.nn.embedding_lookup(out, [1, 2])",
    ],
)
def test_nothing_is_proved_unused_where_what_is_learned_comes_from_an_unknown_call(expression, tmp_path):
    """An unknown call may return any tensor that the functions it is given can see, in whatever goes on with it."""
    text = (
        "out = other.run(decode)\nhidden_like = tf.zeros([1, 8])\n"
        f"train = adam.minimize(tf.reduce_mean(tf.matmul({expression}, weights)))"
    )
    found, _ = hidden_of(text, tmp_path)
    assert not found.reliable


@pytest.mark.parametrize("step", ["adam.minimize(other.run(decode))", "adam.compute_gradients(other.run(decode))"])
def test_nothing_is_proved_unused_where_the_loss_is_unknown(step, tmp_path):
    """An unknown loss may depend on anything."""
    found, _ = hidden_of(step, tmp_path)
    assert not found.reliable


def test_what_numpy_makes_of_unknown_data_is_no_part_of_a_graph(tmp_path):
    """Data that a file gives does not hide that a layer is unused."""
    text = (
        "import numpy as np\n"
        "data = np.reshape(other.read(), [-1, 8])\n"
        "inputs = tf.placeholder(tf.float32, [None, 8])\n"
        "train = adam.minimize(tf.reduce_mean(tf.matmul(inputs, weights)))\n"
        "with tf.Session() as session:\n"
        "    session.run(tf.global_variables_initializer())\n"
        "    session.run(train, {inputs: data})"
    )
    found, product = hidden_of(text, tmp_path)
    assert (found.reliable, found.is_used(product)) == (True, False)
