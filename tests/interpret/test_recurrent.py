"""Cells of TensorFlow 1 and what runs them over a sequence; Keras cells."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program, shape, value

TF = "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 20, 5])\n"
KERAS = "import tensorflow as tf\nfrom tensorflow.keras import layers\ns = tf.keras.Input((20, 5))\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(8), x, dtype=tf.float32)", "[batch, 20, 8]"),
        ("_, x = tf.nn.dynamic_rnn(tf.contrib.rnn.GRUCell(8), x, dtype=tf.float32)", "[batch, 8]"),
        ("_, s = tf.nn.dynamic_rnn(tf.contrib.rnn.BasicLSTMCell(8), x, dtype=tf.float32)\nx = s.h", "[batch, 8]"),
        ("_, (c, x) = tf.nn.dynamic_rnn(tf.contrib.rnn.LSTMCell(8), x, dtype=tf.float32)", "[batch, 8]"),
        ("x, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(8, num_proj=3), x, dtype=tf.float32)", "[batch, 20, 3]"),
        (
            "cells = [tf.nn.rnn_cell.BasicLSTMCell(n) for n in (8, 6)]\n"
            "x, s = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), x, dtype=tf.float32)\nx = s[-1][1]",
            "[batch, 6]",
        ),
        (
            "cells = [tf.nn.rnn_cell.LSTMCell(n, state_is_tuple=False) for n in (8, 6)]\n"
            "cell = tf.nn.rnn_cell.MultiRNNCell(cells, state_is_tuple=False)\n"
            "_, x = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)",
            "[batch, 28]",
        ),
        (
            "cell = tf.nn.rnn_cell.GRUCell(8)\n"
            "o, s = tf.nn.bidirectional_dynamic_rnn(cell, tf.nn.rnn_cell.GRUCell(8), x, dtype=tf.float32)\n"
            "x = tf.concat(o, 2)",
            "[batch, 20, 16]",
        ),
        ("o, s = tf.contrib.rnn.static_rnn(tf.nn.rnn_cell.GRUCell(8), tf.unstack(x, 20, 1))\nx = o[-1]", "[batch, 8]"),
        (
            "steps = tf.split(0, 20, tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, 5]))\n"
            "o, s = tf.nn.rnn(tf.nn.rnn_cell.BasicLSTMCell(8), steps, dtype=tf.float32)\nx = s[1]",
            "[batch, 8]",
        ),
        (
            "a, b = tf.contrib.rnn.GRUCell(8), tf.contrib.rnn.GRUCell(4)\n"
            "o, _, _ = tf.nn.static_bidirectional_rnn(a, b, tf.unstack(x, 20, 1), dtype=tf.float32)\nx = o[-1]",
            "[batch, 12]",
        ),
        ("cell = tf.nn.rnn_cell.GRUCell(8)\nx, _ = cell(x[:, 0], cell.zero_state(4, tf.float32))", "[batch, 8]"),
        ("x = tf.nn.rnn_cell.BasicLSTMCell(8).zero_state(4, tf.float32)[0]", "[4, 8]"),
        ("x = tf.nn.rnn_cell.BasicLSTMCell(8, state_is_tuple=False).zero_state(4, tf.float32)", "[4, 16]"),
    ],
)
def test_shapes(code, expected):
    """What cells give for each step, and the state they end in."""
    assert expected == shape(TF + code, generation="1.x")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("BasicLSTMCell(8)", ("tanh", 1.0)),
        ("BasicRNNCell(8, activation=tf.nn.relu)", ("relu", float("inf"))),
        ("LSTMCell(8, num_proj=3)", (None, None)),
    ],
)
def test_activation(cell, expected):
    """A state has gone through the activation of its cell, unless a projection follows."""
    found = value(TF + f"o, s = tf.nn.dynamic_rnn(tf.nn.rnn_cell.{cell}, x, dtype=tf.float32)", "o", "1.x")
    assert expected == (found.activation, found.high)


def test_dropout_wrapper_is_a_dropout():
    """A wrapper drops what its cell gives, and only where a probability is given."""
    code = (
        "keep = tf.placeholder(tf.float32)\n"
        "cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(8), output_keep_prob=keep)\n"
        "o, s = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)\n"
    )
    kinds = [operation.kind for operation in program(TF + code, "1.x").operations]
    assert 1 == kinds.count("dropout")
    assert kinds.index("recurrent") < kinds.index("dropout")


def test_layers_of_a_stack_have_weights_of_their_own():
    """`[cell] * 2` is a stack of two layers."""
    code = (
        "many = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(8)] * 2)\n"
        "o, s = tf.nn.dynamic_rnn(many, x, dtype=tf.float32)\n"
    )
    variables = program(TF + code, "1.x").of_kind("variable")
    kernels = [variable.output.shape for variable in variables if len(variable.output.shape) == 2]
    assert [(13, 32), (16, 32)] == kernels


def test_unknown_cell_is_not_modelled():
    """A cell of the user's own gives something unknown, and the graph keeps what goes in."""
    code = "class Cell(tf.nn.rnn_cell.RNNCell):\n    pass\nresult = tf.nn.dynamic_rnn(Cell(), x, dtype=tf.float32)\n"
    assert ["placeholder", "opaque"] == [operation.kind for operation in program(TF + code, "1.x").operations]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = layers.RNN(layers.LSTMCell(8))(s)", "[batch, 8]"),
        ("x = layers.RNN([layers.GRUCell(8), layers.GRUCell(4)], return_sequences=True)(s)", "[batch, 20, 4]"),
        ("x, h, c = layers.RNN(layers.LSTMCell(8), return_state=True)(s)", "[batch, 8]"),
        ("x = layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(6)]))(s)", "[batch, 6]"),
    ],
)
def test_keras_cells(code, expected):
    """`RNN` runs a cell, a list of cells or a stack."""
    assert expected == shape(KERAS + code)
