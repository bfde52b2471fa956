"""How large the values of a network start, against numbers that were measured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.sizes import activated, guessed, sizes
from trainlint.program.values import Tensor
from trainlint.project import Project

NETWORK = """\
import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 64])
y = tf.placeholder(tf.float32, [None, 6])
h = x
for _ in range(3):
    h = tf.nn.relu(tf.matmul(h, tf.Variable(tf.truncated_normal([64, 64], stddev={spread}))))
logits = tf.matmul(h, tf.Variable(tf.truncated_normal([64, 6], stddev={spread})))
train = tf.train.AdamOptimizer(1e-4).minimize(tf.losses.sigmoid_cross_entropy(y, logits))
with tf.Session() as session:
    session.run(train, {{x: np.random.uniform(-1, 1, size=(128, 64)), y: np.zeros((128, 6))}})
"""


def layers_of(source: str, folder: Path):
    """The layers of a program, in order."""
    analysis = analyse(source.encode(), str(folder / "train.py"), Project(folder), Config())
    return sizes(analysis.programs[0]).layers


@pytest.mark.parametrize(("spread", "expected"), [("1.0", 500), ("0.5", 31), ("0.3", 4.1), ("(2 / 64) ** 0.5", 0.5)])
def test_logits_are_as_large_as_the_formula_was_measured_with(spread, expected, tmp_path):
    """Three hidden ReLU layers of 64 units on uniform inputs: the numbers that the thresholds of the rule come from."""
    last = layers_of(NETWORK.format(spread=spread), tmp_path)[-1]

    assert not last.hidden
    assert expected == pytest.approx(last.size, rel=0.05)


def test_dropout_adds_its_factor(tmp_path):
    """What dropout keeps is scaled up, so the variance behind it grows by 1 / keep."""
    source = (
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 64])\n"
        "h = tf.nn.dropout(tf.nn.relu(tf.matmul(x, tf.get_variable('a', [64, 64]))), keep_prob=0.25)\n"
        "out = tf.matmul(h, tf.get_variable('b', [64, 64]))\n"
    )
    first, second = layers_of(source, tmp_path)

    assert (1.0, 0.25) == (first.keep, second.keep)
    assert math.sqrt(0.5 / 0.25) == pytest.approx(second.size)


def test_large_inputs_are_told_from_large_weights(tmp_path):
    """`size` knows that pixels go up to 255, `relative` leaves that out, `least` is what the weights are blamed for."""
    source = (
        "import numpy as np\n"
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 3])\n"
        "h = tf.sigmoid(tf.matmul(x, tf.Variable(tf.random_normal([3, 10]))))\n"
        "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n"
        "with tf.Session() as session:\n"
        "    session.run(train, {x: np.random.uniform(0, 255, size=(128, 3))})\n"
    )
    (layer,) = layers_of(source, tmp_path)

    assert 255 == pytest.approx(layer.size)
    assert math.sqrt(3) == pytest.approx(layer.least)


def test_unknown_width_counts_as_sixteen_and_says_so(tmp_path):
    """A fan-in from the command line is taken to be 16 or more."""
    source = (
        "import sys\n"
        "import tensorflow as tf\n"
        "n = int(sys.argv[1])\n"
        "x = tf.placeholder(tf.float32, [None, n])\n"
        "h = tf.matmul(x, tf.Variable(tf.random_normal([n, n])))\n"
    )
    (layer,) = layers_of(source, tmp_path)

    assert 16 == layer.fan_in
    assert "at least 16" in layer.assumed


@pytest.mark.parametrize(
    ("function", "size", "expected"), [("relu", 2.0, math.sqrt(2)), ("sigmoid", 0.0, 0.5), ("tanh", 0.0, 0.0)]
)
def test_activations_let_their_share_through(function, size, expected):
    """Half of the variance for ReLU, one half for a sigmoid of zero, nothing for a tanh of zero."""
    assert expected == pytest.approx(activated(function, size, Tensor()))


@pytest.mark.parametrize(
    ("function", "size", "share"),
    [("selu", 0.1, 1.881), ("selu", 1.0, 1.001), ("elu", 0.3, 0.819), ("elu", 3.0, 0.536), ("gelu", 1.0, 0.427)],
)
def test_curved_rectifiers_let_through_what_their_size_makes_of_them(function, size, share):
    """The shares of the variance were measured with 200,000 normal numbers."""
    assert share == pytest.approx((activated(function, size, Tensor()) or 0.0) ** 2 / size**2, rel=0.05)


def test_saturated_sigmoid_is_a_coin():
    """A sigmoid of huge values is 0 or 1: its rms is the root of one half."""
    assert math.sqrt(0.5) == pytest.approx(activated("sigmoid", 1e6, Tensor()), rel=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        "tf.nn.conv2d_transpose(x, tf.get_variable('w', [4, 4, 3, 8]), [2, 14, 14, 3], [1, 2, 2, 1])",
        "tf.layers.conv2d_transpose(x, 3, 4, 2)",
        "tf.keras.layers.Conv2DTranspose(3, 4, strides=2)(x)",
    ],
)
def test_transposed_convolution_sums_over_a_part_of_its_kernel(call, tmp_path):
    """With a stride of 2 in both directions, each output meets a quarter of the 4 x 4 taps."""
    source = f"import tensorflow as tf\nx = tf.placeholder(tf.float32, [2, 7, 7, 8])\ny = {call}\n"
    (layer,) = layers_of(source, tmp_path)

    assert 4 * 4 * 8 // 4 == layer.fan_in


def test_repaired_layers_leave_what_comes_from_the_others(tmp_path):
    """With the first layer at He's spread, the outputs are as large as the second one alone makes them."""
    source = (
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 400])\n"
        "h = tf.nn.relu(tf.matmul(x, tf.Variable(tf.random_normal([400, 64]))))\n"
        "out = tf.matmul(h, tf.Variable(tf.random_normal([64, 10], stddev=0.25)))\n"
    )
    analysis = analyse(source.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    found = sizes(analysis.programs[0])
    first, second = found.layers
    alone = found.repaired(frozenset({first.operation.id})).layer_of[second.operation.id]

    assert 20 * math.sqrt(0.5) * 2 == pytest.approx(second.size)
    assert 2 == pytest.approx(alone.size)


def test_size_that_inputs_are_taken_to_have_is_told(tmp_path):
    """Nothing is known of what is fed, so the outputs rest on inputs of about 1; known inputs need no assumption."""
    source = (
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 64])\n"
        "out = tf.matmul(x, tf.get_variable('w', [64, 10]))\n"
    )
    analysis = analyse(source.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    (program,) = analysis.programs
    (layer,) = sizes(program).layers

    assert ("the inputs have a size of about 1",) == guessed(program, layer)
