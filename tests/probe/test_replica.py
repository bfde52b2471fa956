"""The replica is the network of the program: same layers, same numbers, same data, same steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.probe.programs import KERAS, analysed, rebuilt

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.probe.networks import networks
from trainlint.probe.refusal import NotCarried
from trainlint.probe.replica import replica
from trainlint.program.tables import parameters
from trainlint.project import Project, find_root

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def ops(graph):
    return [node["op"] for node in graph["nodes"].values()]


def test_keras_network():
    """Layers become operations; weights, optimizer, batch and data are those of the program."""
    made = rebuilt(KERAS)
    assert ops(made.graph) == [
        "source", "source", "variable", "matmul", "variable", "add", "activation", "dropout", "variable", "matmul",
        "variable", "add", "activation", "loss",
    ]  # fmt: skip
    assert (made.parameters, made.batch) == (12 * 32 + 32 + 32 * 4 + 4, 64)
    assert made.graph["optimizer"] == {
        "name": "SGD", "form": "keras", "momentum": 0.9, "nesterov": False, "learning_rate": 0.05
    }  # fmt: skip
    assert made.graph["task"] == {"kind": "single-label", "classes": 4}
    assert made.graph["head"] == "probabilities"
    features = next(s for s in made.graph["sources"].values() if s["role"] == "features")
    assert features == {
        "role": "features", "shape": ["N", 12], "dtype": "float32",
        "values": {"kind": "interval", "low": 0.0, "high": 255.0},
    }  # fmt: skip
    dropout = next(node for node in made.graph["nodes"].values() if node["op"] == "dropout")
    assert (dropout["rate"], dropout["active"], dropout["scaled"]) == (0.25, "training", True)


def test_usual_initializer_has_its_numbers():
    """A scheme with a fan is written as the distribution that it comes to."""
    made = rebuilt(KERAS)
    kernel = made.graph["nodes"]["variable-1"]["initial"]
    limit = (6 / (12 + 32)) ** 0.5
    assert kernel == {"distribution": "uniform", "low": pytest.approx(-limit), "high": pytest.approx(limit)}


def test_scaled_noise_as_initial_value():
    """`random * 0.01` starts with a hundredth of the noise."""
    made = rebuilt("""
        import tensorflow.compat.v1 as tf
        import numpy as np
        x = tf.placeholder(tf.float32, [None, 8])
        y = tf.placeholder(tf.float32, [None, 1])
        w = tf.Variable(tf.random_normal([8, 1]) * 0.01)
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(step, {x: np.random.normal(size=(50, 8)), y: np.random.normal(size=(50, 1))})
    """)
    assert made.graph["nodes"]["variable-1"]["initial"] == {"distribution": "normal", "mean": 0.0, "stddev": 0.01}
    assert (made.batch, made.graph["task"], made.graph["head"]) == (50, {"kind": "regression"}, "values")


def test_fed_share_is_a_number_in_training_and_evaluation():
    """A placeholder for the share that is kept has the value of each mode."""
    made = rebuilt("""
        import tensorflow.compat.v1 as tf
        import numpy as np
        x = tf.placeholder(tf.float32, [None, 8])
        y = tf.placeholder(tf.int32, [None])
        keep = tf.placeholder(tf.float32)
        h = tf.nn.dropout(tf.layers.dense(x, 16, tf.nn.relu), keep)
        loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 3))
        step = tf.train.AdamOptimizer().minimize(loss)
        data, labels = np.random.normal(size=(50, 8)), np.random.randint(0, 3, 50)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(step, {x: data, y: labels, keep: 0.7})
            session.run(loss, {x: data, y: labels, keep: 1.0})
    """)
    constant = next(s for s in made.graph["sources"].values() if s["role"] == "constant")
    assert constant["values"] == {"kind": "constant", "training": 0.7, "evaluation": 1.0}
    kept = next(node for node in made.graph["nodes"].values() if node["op"] == "subtract")
    assert kept["inputs"][0] == 1.0


def test_convolution_has_its_windows():
    """Strides, padding and layout are those of the layer."""
    made = rebuilt("""
        from tensorflow import keras
        (x, y), _ = keras.datasets.mnist.load_data()
        model = keras.Sequential([
            keras.layers.Reshape((28, 28, 1), input_shape=(28, 28)),
            keras.layers.Conv2D(8, (5, 3), strides=2, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x / 255.0, y)
    """)
    nodes = made.graph["nodes"]
    convolution = nodes["convolution-1"]
    assert (convolution["rank"], convolution["strides"], convolution["padding"]) == (2, [2, 2], "same")
    assert (convolution["form"], convolution["data_format"], convolution["dilation"]) == ("plain", "last", [1, 1])
    assert (nodes["pool-1"]["how"], nodes["pool-1"]["size"], nodes["pool-1"]["strides"]) == ("max", [2, 2], [2, 2])
    assert made.graph["head"] == "softmax-logits"


def test_recurrent_layer_of_both_directions():
    """A bidirectional LSTM carries the weights of both directions, in Keras' order."""
    made = rebuilt("""
        from tensorflow import keras
        import numpy as np
        x = np.random.randint(0, 500, size=(1000, 20))
        y = np.random.randint(0, 2, size=(1000,))
        model = keras.Sequential([
            keras.Input((20,)),
            keras.layers.Embedding(500, 8),
            keras.layers.Bidirectional(keras.layers.LSTM(6)),
            keras.layers.Dense(1, activation="sigmoid"),
        ])
        model.compile("adam", "binary_crossentropy")
        model.fit(x, y)
    """)
    recurrent = made.graph["nodes"]["recurrent-1"]
    assert (recurrent["cell"], recurrent["units"], recurrent["bidirectional"]) == ("lstm", 6, True)
    assert len(recurrent["inputs"]) == 7
    source = next(s for s in made.graph["sources"].values() if s["role"] == "features")
    assert source["values"] == {"kind": "integers", "low": 0, "high": 499}


def test_regularizer_is_a_penalty():
    """Keras adds the regularizers of a compiled model to its loss by itself."""
    made = rebuilt(KERAS.replace('activation="softmax"', 'activation="softmax", kernel_regularizer="l2"'))
    (penalty,) = made.graph["penalties"]
    assert made.graph["nodes"][penalty] == {"op": "l1-l2", "inputs": ["variable-3"], "l1": 0.0, "l2": 0.01}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('loss="sparse_categorical_crossentropy"', "loss=find_loss()"), "unknown"),
        (("keras.optimizers.SGD(0.05, momentum=0.9)", "find_optimizer()"), "the optimizer is unknown"),
        (("keras.layers.Dropout(0.25)", "find_layer()"), "a size is unknown"),
    ],
)
def test_what_is_unknown_is_not_guessed(change, reason):
    """A network with a part that nobody knows is not rebuilt, and the reason says which."""
    text = "from somewhere import find_loss, find_optimizer, find_layer\n" + KERAS.replace(*change).replace(
        "\n    ", "\n"
    )
    found = list(networks(analysed(text)))
    with pytest.raises(NotCarried, match=reason):
        replica(found[0].program, found[0].event)


@pytest.mark.parametrize("path", sorted((FIXTURES / "good").glob("*.py")), ids=lambda path: path.stem)
def test_parameters_are_those_of_the_model(path):
    """Each replica of the sound programs has as many parameters as `trainlint model` counts."""
    analysis = analyse(path.read_bytes(), str(path), Project(find_root(path)), Config())
    for network in networks(analysis):
        try:
            made = replica(network.program, network.event)
        except NotCarried:
            continue
        assert made.parameters == parameters(network.program, network.event.loss)
