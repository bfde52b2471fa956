"""Where scores and probabilities come from and where they go."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program as program_in_2

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program import heads
from trainlint.project import Project

START = """
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 8])
y = tf.placeholder(tf.float32, [None, 4])
"""


def program_of(text, tmp_path):
    """The program of a module in TensorFlow 1."""
    return analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]


def only(program, kind):
    """The only operation of a kind."""
    (operation,) = program.of_kind(kind)
    return operation


def test_activation_is_found_behind_shapes_and_picking(tmp_path):
    """Casts, reshapes, slices and dropout hold the values of the activation that goes into them."""
    text = "answer = tf.argmax(tf.reshape(tf.nn.dropout(tf.sigmoid(x), 0.5)[:, :2], [-1]))\n"
    program = program_of(text, tmp_path)
    picked = only(program, "argmax").inputs[0]

    assert "sigmoid" == heads.activation_behind(program, picked).attributes["function"]


def test_arithmetic_hides_the_activation(tmp_path):
    """What is computed from an activation is no activation any more."""
    program = program_of("answer = tf.argmax(2.0 * tf.sigmoid(x))\n", tmp_path)

    assert heads.activation_behind(program, only(program, "argmax").inputs[0]) is None


def test_weights_are_found_behind_their_bias(tmp_path):
    """A bias is part of its layer; the sum of two layers is neither of them."""
    layer = "w = tf.get_variable('w', [8, 4])\nb = tf.Variable(tf.zeros([4]))\n"
    one = program_of(layer + "answer = tf.sigmoid(tf.matmul(x, w) + b)\n", tmp_path)
    two = program_of(layer + "answer = tf.sigmoid(tf.matmul(x, w) + tf.matmul(2.0 * x, w))\n", tmp_path)

    assert "matmul" == heads.weights_before(one, only(one, "activation").inputs[0]).kind
    assert heads.weights_before(two, only(two, "activation").inputs[0]) is None


def test_trained_is_what_a_minimized_loss_depends_on(tmp_path):
    """A loss that is only looked at trains nothing."""
    text = (
        "answer = tf.layers.dense(x, 4)\n"
        "seen = tf.losses.absolute_difference(y, answer)\n"
        "tf.train.AdamOptimizer().minimize(tf.losses.mean_squared_error(y, answer))\n"
    )
    program = program_of(text, tmp_path)
    functions = {loss.attributes["function"]: loss.id in heads.trained(program) for loss in program.of_kind("loss")}

    assert {"absolute-error": False, "squared-error": True} == functions


def test_adaptive_optimizer_has_a_name(tmp_path):
    """The optimizer of a loss is named if it adapts its rates; plain gradient descent does not."""
    text = "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 4))\ntf.train.{}(0.1).minimize(loss)\n"
    found = []
    for name in ("RMSPropOptimizer", "GradientDescentOptimizer"):
        program = program_of(text.format(name), tmp_path)
        found.append(heads.adaptive_optimizer(program, only(program, "loss")))

    assert ["RMSProp", None] == found


def test_a_fetched_result_does_not_only_feed_losses(tmp_path):
    """What a session is asked for is used beside the loss."""
    text = "answer = tf.sigmoid(tf.layers.dense(x, 4))\nloss = tf.losses.sigmoid_cross_entropy(y, answer)\n"
    fetch = "with tf.Session() as session:\n    session.run(answer, {x: [[0.0] * 8]})\n"
    silent, used = program_of(text, tmp_path), program_of(text + fetch, tmp_path)

    assert heads.only_feeds_losses(silent, only(silent, "activation"))
    assert not heads.only_feeds_losses(used, only(used, "activation"))


def test_targets_that_are_the_inputs_are_rebuilt(tmp_path):
    """An autoencoder compares its output with what it gets."""
    text = "loss = tf.losses.mean_squared_error({}, tf.layers.dense(x, 8))\n"
    found = []
    for target in ("x", "2.0 * y"):
        program = program_of(text.format(target), tmp_path)
        loss = only(program, "loss")
        found.append(heads.rebuilds(program, loss.attributes["labels"], loss.attributes["predictions"]))

    assert [True, False] == found


def test_attention_is_no_answer(tmp_path):
    """A softmax that weighs what it was computed from is no answer; one that is compared with targets is."""
    end = "tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(y - answer)))\n"
    weighing = program_of("answer = tf.layers.dense(tf.nn.softmax(x) * x, 4)\n" + end, tmp_path)
    answering = program_of("answer = tf.nn.softmax(tf.layers.dense(x, 4))\n" + end, tmp_path)

    assert not heads.is_answer(weighing, only(weighing, "activation"))
    assert heads.is_answer(answering, only(answering, "activation"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("model.fit(x, x)", True),
        ("model.fit(x.astype('float32'), x)", True),
        ("model.fit(x[10:], x[10:])", True),
        ("p = np.random.permutation(500)\nmodel.fit(x[p], x[p])", True),
        ("model.fit(tf.data.Dataset.from_tensor_slices((x, x)).batch(32))", True),
        ("model.fit(tf.data.Dataset.from_tensor_slices(x).map(lambda a: (a, a)).batch(32))", True),
        ("a, _, b, _ = train_test_split(x, x)\nmodel.fit(a, b)", True),
        ("model.fit(x[:-1], x[1:])", False),
        ("model.fit(x, np.repeat(x[:, :1], 8, axis=1))", False),
        ("model.fit(x, np.random.randint(0, 2, size=(500, 8)))", False),
    ],
)
def test_targets_that_are_what_the_network_gets(data, expected):
    """An autoencoder gets the same rows twice, in whatever form they come."""
    found = program_in_2(
        "import numpy as np\n"
        "import tensorflow as tf\n"
        "from sklearn.model_selection import train_test_split\n"
        "x = np.random.randint(0, 2, size=(500, 8))\n"
        "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(8, 'sigmoid')])\n"
        "model.compile('adam', 'mse')\n"
        f"{data}\n"
    )
    (loss,) = found.of_kind("loss")
    assert expected is heads.rebuilds(found, loss.attributes["labels"], loss.attributes["predictions"])
