"""What the rule shape-contradiction leaves to the rules that know the cause, and what follows from one cause."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

START = """
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
import tensorflow.compat.v1 as tf
"""

PLACEHOLDERS = """
x = tf.placeholder(tf.float32, [None, 8])
scores = tf.layers.dense(x, {units})
"""

TRAIN = """
train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(train, {x: np.random.normal(size=(50, 8)), y: data})
"""

PROGRAMS = {
    "silent-loss-broadcast": PLACEHOLDERS.format(units=1)
    + "y = tf.placeholder(tf.float32)\n"
    + "loss = tf.losses.mean_squared_error(labels=y, predictions=scores)\n"
    + "data = np.random.normal(size=50)\n"
    + TRAIN,
    "label-encoding-mismatch": PLACEHOLDERS.format(units=4)
    + "y = tf.placeholder(tf.int64, [None, 4])\n"
    + "loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)\n"
    + "data = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
    + TRAIN,
    "loss-head-mismatch": """
x, y = np.random.normal(size=(500, 8)), keras.utils.to_categorical(np.random.randint(0, 7, size=500), 7)
model = keras.Sequential([keras.Input((8,)), layers.Dense(10, activation="softmax")])
model.compile("adam", loss="categorical_crossentropy")
model.fit(x, y)
""",
    "output-rank-not-reduced": """
x, y = np.random.normal(size=(500, 12, 8)), keras.utils.to_categorical(np.random.randint(0, 3, size=500), 3)
inputs = keras.Input((12, 8))
model = keras.Model(inputs, layers.Dense(3, "softmax")(layers.LSTM(16, return_sequences=True)(inputs)))
model.compile("adam", loss="categorical_crossentropy")
model.fit(x, y)
""",
    "loader-head-mismatch": """
images = keras.utils.image_dataset_from_directory("photos", image_size=(128, 128))
model = keras.Sequential([keras.Input((64, 64, 3)), layers.Rescaling(1 / 255), layers.Flatten()])
model.add(layers.Dense(5, "softmax"))
model.compile("adam", loss="sparse_categorical_crossentropy")
model.fit(images)
""",
}
"""A program for each rule that names the cause of shapes that do not fit."""


def found(text, tmp_path):
    analysis = analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    return [(finding.rule, analysis.location(finding.place).line) for finding in analysis.findings
            if finding.severity != "info"]  # fmt: skip


@pytest.mark.parametrize("rule", PROGRAMS)
def test_rule_that_names_the_cause_speaks(rule, tmp_path):
    """Where another rule says what is wrong with labels and predictions, their shapes are not reported again."""
    assert [rule] == [name for name, _ in found(PROGRAMS[rule], tmp_path)]


def test_only_the_first_contradiction_is_reported(tmp_path):
    """What is computed from an impossible result is not reported."""
    text = "a = tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))\nb = tf.matmul(a, tf.ones([7, 7])) + tf.ones([9])\n"

    assert [("shape-contradiction", 6)] == found(text, tmp_path)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.ones([4, 3]) + tf.ones([4, 2])",
        "tf.concat([tf.ones([4, 3]), tf.ones([5, 3])], 1)",
        "tf.stack([tf.ones([3]), tf.ones([4])])",
        "tf.reshape(tf.ones([4, 3]), [5, 2])",
        "tf.reshape(tf.ones([4, 3]), [5, -1])",
        "tf.squeeze(tf.ones([4, 3]), axis=[1])",
        "tf.reduce_sum(tf.ones([4, 3]), axis=2)",
        "tf.argmax(tf.ones([4]), 1)",
        "tf.matmul(tf.ones([4, 3]), tf.ones([3]))",
        "tf.matmul(tf.ones([4, 3]), tf.ones([3, 4]), transpose_b=True)",
        "tf.nn.conv2d(tf.ones([1, 8, 8, 2]), tf.ones([3, 3, 3, 4]), [1, 1, 1, 1], 'SAME')",
        "tf.nn.conv2d(tf.ones([1, 2, 2, 3]), tf.ones([3, 3, 3, 4]), [1, 1, 1, 1], 'VALID')",
        "tf.nn.max_pool(tf.ones([1, 2, 2, 3]), [1, 3, 3, 1], [1, 1, 1, 1], 'VALID')",
        "layers.Conv2D(3, 3)(keras.Input((8, 8)))",
        "layers.MaxPooling2D(2)(keras.Input((8, 8)))",
        "layers.Reshape((5, 5))(keras.Input((24,)))",
        "layers.Add()([keras.Input((8,)), keras.Input((9,))])",
    ],
)
def test_impossible_operation_is_reported(expression, tmp_path):
    """Each kind of operation is checked."""
    assert [("shape-contradiction", 6)] == found(f"result = {expression}\n", tmp_path)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.ones([4, 3]) + tf.ones([4, 1])",
        "tf.ones([4, 3]) == tf.ones([4, 2])",
        "tf.concat([tf.ones([4, 3]), tf.ones([5, 3])], 0)",
        "tf.reshape(tf.ones([4, 3]), [2, -1])",
        "tf.squeeze(tf.ones([4, 1]), axis=[1])",
        "tf.matmul(tf.ones([4, 3]), tf.ones([4, 3]), transpose_b=True)",
        "tf.matmul(tf.ones([2, 4, 3]), tf.ones([3, 5]))",
        "np.dot(np.ones([4, 3]), np.ones(3))",
        "tf.nn.conv2d(tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 2, 4]), [1, 1, 1, 1], 'SAME')",
        "tf.nn.conv2d(tf.ones([1, 3, 8, 8]), tf.ones([3, 3, 3, 4]), [1, 1, 1, 1], 'SAME', data_format='NCHW')",
        "tf.nn.bias_add(tf.ones([1, 3, 8, 8]), tf.ones([3]), data_format='NCHW')",
        "tf.nn.max_pool(tf.ones([1, 2, 2, 3]), [1, 3, 3, 1], [1, 1, 1, 1], 'SAME')",
        "layers.Conv2D(3, 3, data_format='channels_first')(keras.Input((3, 8, 8)))",
        "layers.Reshape((5, -1))(keras.Input((25,)))",
    ],
)
def test_possible_operation_is_not_reported(expression, tmp_path):
    """Broadcasting, groups of channels, other layouts of the channels and transposed operands are right."""
    assert [] == found(f"result = {expression}\n", tmp_path)


def test_input_is_reported_once(tmp_path):
    """A placeholder that is fed what does not fit in several places has one finding, which names the others."""
    text = (
        "x = tf.placeholder(tf.float32, [None, 8])\n"
        "scores = tf.layers.dense(x, 4)\n"
        "with tf.Session() as session:\n"
        "    session.run(tf.global_variables_initializer())\n"
        "    session.run(scores, {x: np.ones([50, 9])})\n"
        "    session.run(scores, {x: np.ones([20, 9])})\n"
    )
    analysis = analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())

    (finding,) = analysis.findings
    assert ["the placeholder is declared here", "here it gets [20, 9] too"] == [s.message for s in finding.trace]


def test_names_of_a_comprehension_are_its_own(tmp_path):
    """The variable of a comprehension does not replace the one of the function around it."""
    text = (
        "def build(rates):\n"
        "    x = keras.Input((8, 8, 3))\n"
        "    shares = [float(x) for x in rates]\n"
        "    return layers.Conv2D(4, 3)(x), shares\n"
        "build([0.1, 0.2])\n"
    )

    assert [] == found(text, tmp_path)


@pytest.mark.parametrize("manager", ["self.assertRaises(ValueError)", "pytest.raises(ValueError)"])
def test_expected_errors_are_not_reported(manager, tmp_path):
    """A test that wants the error is right."""
    text = (
        "class MatmulTest(tf.test.TestCase):\n"
        "    def test_shapes(self):\n"
        f"        with {manager}:\n"
        "            tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))\n"
    )

    assert [] == found(text, tmp_path)


@pytest.mark.parametrize(
    ("layer", "shape", "fed", "expected"),
    [
        ("layers.Conv2D(4, 3), layers.GlobalMaxPooling2D()", (32, 32, 3), (10, 64, 64, 3), False),
        ("layers.Conv2D(4, 3)", (32, 32, 3), (10, 32, 32, 1), True),
        ("layers.Flatten()", (28, 28), (10, 28, 28, 1), False),
        ("layers.Flatten()", (28, 28), (10, 784), True),
        ("layers.Flatten()", (28, 28), (10, 32, 32), True),
        ("layers.Dense(4)", (784,), (10, 700), True),
        ("layers.Embedding(50, 8)", (12,), (10, 15), False),
    ],
)
def test_fed_data_are_compared_with_what_the_layers_count(layer, shape, fed, expected, tmp_path):
    """Keras compares the ranks; sizes matter where a layer has weights for them."""
    text = (
        f"model = keras.Sequential([keras.Input({shape}), {layer}, layers.Flatten(), layers.Dense(1)])\n"
        f"model.predict(np.zeros({fed}))\n"
    )

    assert expected == any(name == "shape-contradiction" for name, _ in found(text, tmp_path))
