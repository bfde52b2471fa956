"""Layers of a model by their place or name, and what goes into them and comes out."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program, shape

STACK = (
    "from tensorflow import keras\n"
    "from tensorflow.keras import layers\n"
    "model = keras.Sequential([keras.Input((4,)), layers.Dense(8, name='first'), layers.Dense(3)])\n"
)
GRAPH = (
    "from tensorflow import keras\n"
    "from tensorflow.keras import layers\n"
    "inputs = keras.Input((4,))\n"
    "middle = layers.Dense(8, 'relu', name='first')\n"
    "model = keras.Model(inputs, layers.Dense(3)(middle(inputs)))\n"
)
BASE = (
    "from tensorflow import keras\n"
    "from tensorflow.keras import layers\n"
    "model = keras.applications.{name}(input_shape=(224, 224, 3), include_top={top})\n"
)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (STACK + "x = model.layers[0].output", "[batch, 8]"),
        (STACK + "x = model.layers[-1].input", "[batch, 8]"),
        (STACK + "x = model.get_layer('first').output", "[batch, 8]"),
        (STACK + "x = model.get_layer(index=1).output", "[batch, 3]"),
        (STACK + "x = keras.Model(model.input, model.layers[-2].output)(keras.Input((4,)))", "[batch, 8]"),
        (STACK + "model.pop()\nmodel.add(layers.Dense(7))\nx = model.output", "[batch, 7]"),
        (GRAPH + "x = model.layers[1].output", "[batch, 8]"),
        (GRAPH + "x = model.layers[-2].output", "[batch, 8]"),
        (GRAPH + "x = model.get_layer('first').output", "[batch, 8]"),
        (GRAPH + "x = middle.output", "[batch, 8]"),
        (GRAPH + "outputs = [layer.output for layer in model.layers[1:]]\nx = outputs[1]", "[batch, 3]"),
        (BASE.format(name="VGG16", top=False) + "x = layers.Flatten()(model.output)", "[batch, 25088]"),
        (BASE.format(name="VGG16", top=True) + "x = model.get_layer('fc2').output", "[batch, 4096]"),
        (BASE.format(name="ResNet50", top=True) + "x = model.layers[-2].output", "[batch, 2048]"),
        (BASE.format(name="ResNet50", top=True) + "x = model.layers[-1].output", "[batch, 1000]"),
        (BASE.format(name="ResNet50", top=True) + "x = model.layers[-3].output", "an unknown shape"),
        (BASE.format(name="MobileNet", top=True) + "x = model.layers[-2].output", "an unknown shape"),
        (BASE.format(name="VGG16", top=False) + "x = model.get_layer('block4_pool').output", "an unknown shape"),
    ],
)
def test_outputs_of_layers(code, expected):
    """The layers of a stack and of a chain are in the order of Keras; of a pretrained network few are known."""
    assert expected == shape(code)


def test_layers_that_branch_have_no_order():
    """Which of two parallel layers comes first is not known, their names are."""
    text = GRAPH + (
        "other = layers.Dense(5, name='other')(inputs)\n"
        "model = keras.Model(inputs, layers.Concatenate()([middle.output, other]))\n"
        "x = model.get_layer('other').output\n"
        "y = layers.Dense(2)(model.layers[2].output)\n"
    )

    assert "[batch, 5]" == shape(text)
    assert "[batch, 2]" != shape(text, "y")


def test_frozen_layers_leave_the_model_as_it_is():
    """A loop over the layers of a pretrained network changes nothing that is known of it."""
    text = BASE.format(name="VGG16", top=False) + (
        "for layer in model.layers[:-4]:\n    layer.trainable = False\n"
        "x = layers.Dense(2)(layers.GlobalAveragePooling2D()(model.output))\n"
    )

    assert "[batch, 2]" == shape(text)
    assert program(text).operations


@pytest.mark.parametrize(
    "layer",
    [
        "layers.Dense(3, activation=lambda t: tf.nn.relu(t))",
        "layers.Activation(bent)",
        "layers.Lambda(lambda t: tf.nn.relu(t))",
        "keras.Sequential([layers.Lambda(bent), layers.Lambda(bent)])",
        "keras.Sequential([layers.Dense(3, activation=bent), layers.Dense(3, activation=bent)])",
    ],
)
def test_two_calls_of_a_layer_with_a_function_give_two_results(layer):
    """The function of a layer stands in one place, but what it makes of two tensors are two."""
    code = (
        "import tensorflow as tf\n"
        "from tensorflow import keras\n"
        "from tensorflow.keras import layers\n"
        "def bent(t):\n"
        "    return 2.0 * tf.nn.relu(t)\n"
        f"layer = {layer}\n"
        "difference = layer(tf.zeros([4, 8])) - layer(tf.ones([4, 8]))\n"
    )
    assert 2 == len(program(code).operations[-1].sources)
