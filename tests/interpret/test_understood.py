"""Ordinary ways to build a Keras model that need no real Keras to be judged."""

from __future__ import annotations

import pytest
from tests.interpret.machine import shape

KERAS = "from tensorflow import keras\nfrom tensorflow.keras import layers\n"
APPLICATIONS = KERAS + "from tensorflow.keras.applications import ResNet50, VGG16, Xception\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = ResNet50(include_top=False, input_shape=(224, 224, 3)).output", "[batch, 7, 7, 2048]"),
        ("x = ResNet50(include_top=False, pooling='avg').output", "[batch, 2048]"),
        ("x = VGG16(weights=None, classes=12).output", "[batch, 12]"),
        ("x = Xception(include_top=False)(keras.Input((150, 150, 3)), training=False)", "[batch, ?, ?, 2048]"),
    ],
)
def test_backbones(code, expected):
    """A network of keras.applications has a known output, whatever its layers are."""
    assert expected == shape(APPLICATIONS + code)


def test_cell_of_the_user():
    """`RNN` over a cell class calls it for one step."""
    code = """
    from tensorflow import keras
    from tensorflow.keras import layers

    class Cell(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.state_size = units
            self.cell = layers.SimpleRNNCell(units)

        def call(self, inputs, states):
            outputs, _ = self.cell(inputs, states)
            return outputs, [outputs]

    model = keras.Sequential([keras.Input((9, 3)), layers.RNN(Cell(8), return_sequences=True), layers.RNN(Cell(5))])
    x = model.output
    """

    assert "[batch, 5]" == shape(code)


def test_sequential_in_sequential():
    """An inner model that starts a model says what comes in."""
    code = "inner = keras.Sequential([keras.Input((30,)), layers.Dense(4)])\n"
    code += "x = keras.Sequential([inner, layers.Dense(2)]).outputs[0]"

    assert "[batch, 2]" == shape(KERAS + code)


def test_matrix_product_of_scalars_is_no_error():
    """TensorFlow refuses it; the shape is just unknown."""
    assert "an unknown shape" == shape("import tensorflow as tf\nx = tf.matmul(tf.constant(1.0), tf.constant(2.0))")
