"""Objects that are changed after they were made: what they were made with does not hold any more."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

START = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
x = np.random.rand(100, 20)
"""
NETWORK = "model = keras.Sequential([keras.Input((20,)), layers.Dense(32, 'relu'), layers.Dense(1)])\n"
PICTURES = (
    "model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(1, 'sigmoid')])\n"
    "model.compile('adam', 'binary_crossentropy')\n"
)
ZEROS = (
    "hidden = layers.Dense(10, 'relu', kernel_initializer='zeros')\n"
    "model = keras.Sequential([keras.Input((20,)), hidden, layers.Dense(1)])\n"
    "{change}model.compile('adam', 'mse')\n"
    "model.fit(x, x[:, :1])\n"
)

PROGRAMS = {
    "slow-default-learning-rate": (
        NETWORK + "optimizer = keras.optimizers.Adadelta()\n{change}"
        "model.compile(optimizer, 'mse')\nmodel.fit(x, x[:, :1])\n",
        [
            "optimizer.learning_rate = 1.0\n",
            "optimizer.lr = 1.0\n",
            "optimizer.learning_rate.assign(1.0)\n",
            "keras.backend.set_value(optimizer.learning_rate, 1.0)\n",
        ],
    ),
    "logits-into-probability-loss": (
        "last = layers.Dense(10)\nloss = keras.losses.SparseCategoricalCrossentropy()\n"
        "{change}model = keras.Sequential([keras.Input((20,)), last])\n"
        "model.compile('adam', loss)\nmodel.fit(x, np.random.randint(0, 10, 100))\n",
        ["last.activation = tf.nn.softmax\n", "loss.from_logits = True\n"],
    ),
    "keep-prob-rate-confusion": (
        "drop = layers.Dropout(0.9)\n"
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(32, 'relu'), drop, layers.Dense(1)])\n"
        "{change}model.compile('adam', 'mse')\nmodel.fit(x, x[:, :1])\n",
        [
            "model.layers[1].rate = 0.2\n",
            "for layer in model.layers:\n    if hasattr(layer, 'rate'):\n        setattr(layer, 'rate', 0.2)\n",
            "for layer in find(model):\n    layer.rate = 0.2\n",
        ],
    ),
    "missing-nonlinearity": (
        "inputs = keras.Input((20,))\nhidden = layers.Dense(32)\n"
        "model = keras.Model(inputs, layers.Dense(1)(hidden(inputs)))\n"
        "{change}model.compile('adam', 'mse')\nmodel.fit(x, x[:, :1])\n",
        ["hidden.activation = tf.nn.relu\n", "model.layers[1].activation = keras.activations.get('relu')\n"],
    ),
    "frozen-random-weights": (
        "base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3))\n"
        "{change}base.trainable = False\n"
        "model = keras.Sequential([base, layers.GlobalAveragePooling2D(), layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\nmodel.fit(np.random.rand(10, 64, 64, 3), x[:10, :1])\n",
        ["for layer, other in zip(base.layers, read()):\n    layer.set_weights(other)\n"],
    ),
    "oversized-initial-weights": (
        ZEROS.replace("'zeros'", "keras.initializers.RandomNormal(stddev=1.0)"),
        ["model.load_weights('start.weights.h5')\n"],
    ),
    "callback-monitor-mismatch": (
        NETWORK + "{change}stop = keras.callbacks.EarlyStopping(monitor='val_size')\n"
        "model.compile('adam', 'mse')\nmodel.fit(x, x[:, :1], validation_split=0.1, callbacks=[stop])\n",
        ["model.add_metric(tf.reduce_mean(model.output), name='size')\n"],
    ),
    "unscaled-inputs": (
        "generator = keras.preprocessing.image.ImageDataGenerator()\n"
        "{change}images = generator.flow_from_directory('images', target_size=(32, 32), class_mode='binary')\n"
        + PICTURES + "model.fit(images)\n",
        ["generator.rescale = 1 / 255\n"],
    ),
    "shuffled-prediction-order": (
        "generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)\n"
        "images = generator.flow_from_directory('images', target_size=(32, 32), class_mode='binary')\n"
        "{change}" + PICTURES + "print(((model.predict(images).ravel() > 0.5) == images.classes).mean())\n",
        ["images.shuffle = False\n"],
    ),
    "symmetric-hidden-weights": (
        ZEROS,
        [
            "hidden.set_weights([np.random.randn(20, 10) * 0.1, np.zeros(10)])\n",
            "hidden.kernel.assign(np.random.randn(20, 10) * 0.1)\n",
            "model.load_weights('start.weights.h5')\n",
            "model.set_weights(read())\n",
            "for layer in model.layers:\n    if layer.get_weights():\n        layer.set_weights(read(layer))\n",
            "for layer in find(model):\n    layer.set_weights(read(layer))\n",
            "tf.train.Checkpoint(net=model).restore('start')\n",
            "whole = keras.Sequential([model])\nwhole.load_weights('start')\n",
        ],
    ),
}  # fmt: skip


def found(text, tmp_path):
    analysis = analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    return {finding.rule for finding in analysis.findings}


@pytest.mark.parametrize("rule", PROGRAMS)
def test_without_the_change_it_is_reported(rule, tmp_path):
    """The programs have the mistake that the change takes out."""
    assert rule in found(PROGRAMS[rule][0].format(change=""), tmp_path)


@pytest.mark.parametrize(
    ("rule", "change"), [(rule, change) for rule, (_, changes) in PROGRAMS.items() for change in changes]
)
def test_a_changed_object_is_not_what_it_was_made_as(rule, change, tmp_path):
    """Setting an attribute, or assigning to one, hides what the constructor was told."""
    assert rule not in found(PROGRAMS[rule][0].format(change=change), tmp_path)


WATCHED = """
class Size(layers.Layer):
    def __init__(self):
        super().__init__()
        self.size = {metric}
    def call(self, x):
        {call}
        return x
inputs = keras.Input((20,))
model = keras.Model(inputs, layers.Dense(1)(Size()(inputs)))
model.compile('adam', 'mse')
stop = keras.callbacks.EarlyStopping(monitor='val_size', mode='min')
model.fit(x, x[:, :1], validation_split=0.1, callbacks=[stop])
"""


@pytest.mark.parametrize(
    ("metric", "call", "logged"),
    [
        ("0", "pass", False),
        ("0", "self.add_metric(tf.reduce_mean(x), name='size')", True),
        ("keras.metrics.Mean(name='size')", "self.size.update_state(tf.reduce_mean(x))", True),
    ],
)
def test_metrics_of_a_layer_are_logged(metric, call, logged, tmp_path):
    """What a layer adds, and the metrics that it holds, stand beside those of the model."""
    assert (found(WATCHED.format(metric=metric, call=call), tmp_path) == {"callback-monitor-mismatch"}) is not logged


OWN = """
class Network(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = layers.Dense(10, 'relu', kernel_initializer='zeros')
        self.last = layers.Dense(1)
    def call(self, x):
        return self.last(self.layer(x))
model = Network()
{change}model.compile('adam', 'mse')
model.fit(x, x[:, :1])
"""


def test_weights_of_a_model_of_the_user_are_loaded(tmp_path):
    """The layers that an object of a user's class holds get the weights that it loads."""
    assert "symmetric-hidden-weights" in found(OWN.format(change=""), tmp_path)
    assert "symmetric-hidden-weights" not in found(OWN.format(change="model.load_weights('start.h5')\n"), tmp_path)


def test_weights_that_are_loaded_after_the_training(tmp_path):
    """The best weights of a training do not change what it started with."""
    text = ZEROS.format(change="") + "model.load_weights('best.weights.h5')\nmodel.evaluate(x, x[:, :1])\n"

    assert "symmetric-hidden-weights" in found(text, tmp_path)


SESSION = """
import tensorflow.compat.v1 as tf1
inputs, targets = tf1.placeholder(tf.float32, [None, 20]), tf1.placeholder(tf.float32, [None, 1])
hidden = tf.nn.relu(tf.matmul(inputs, tf1.Variable(tf1.zeros([20, 30]))))
step = tf1.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(tf1.layers.dense(hidden, 1) - targets)))
saver = tf1.train.Saver()
with tf1.Session() as session:
    session.run(tf1.global_variables_initializer())
    {before}
    session.run(step, {{inputs: x, targets: x[:, :1]}})
    {after}
"""
RESTORE = "saver.restore(session, 'start.ckpt')"


@pytest.mark.parametrize(
    ("before", "after", "is_found"),
    [
        ("pass", "pass", True),
        (RESTORE, "pass", False),
        ("pass", RESTORE, True),
        (f"if find(): {RESTORE}", "pass", True),
    ],
)
def test_variables_that_a_session_restores(before, after, is_found, tmp_path):
    """What is restored in any case, before the first step, is what the training starts with."""
    rules = found(SESSION.format(before=before, after=after), tmp_path)

    assert ("symmetric-hidden-weights" in rules) is is_found


CLONED = """
model = keras.Sequential([keras.Input((20,)), layers.Dense(10)])
model = keras.models.clone_model(model{how})
model.compile('adam', 'sparse_categorical_crossentropy')
model.fit(x, np.random.randint(0, 10, 100))
"""


def test_a_clone_by_a_function_of_the_user_may_be_another_network(tmp_path):
    """The function makes a layer of each layer, and may make another one."""
    assert "logits-into-probability-loss" in found(CLONED.format(how=""), tmp_path)
    assert "logits-into-probability-loss" not in found(CLONED.format(how=", clone_function=change"), tmp_path)


CALLED = """
class Own(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        {change}
model = keras.Sequential([keras.Input((20,)), layers.Dense(32, 'relu'), layers.Dropout(0.9), layers.Dense(1)])
model.compile(keras.optimizers.Adam(100.0), 'mse')
model.fit(x, x[:, :1], callbacks=[{callback}])
"""


@pytest.mark.parametrize(
    ("change", "callback", "expected"),
    [
        ("self.rate = self.lr = 1", "Own()", {"learning-rate-out-of-range", "keep-prob-rate-confusion"}),
        ("self.model.optimizer.lr = 0.001", "Own()", {"keep-prob-rate-confusion"}),
        ("self.model.optimizer.learning_rate.assign(0.001)", "Own()", {"keep-prob-rate-confusion"}),
        ("keras.backend.set_value(self.model.optimizer.lr, 0.001)", "Own()", {"keep-prob-rate-confusion"}),
        ("for layer in self.model.layers: layer.rate = 0.1", "Own()", {"learning-rate-out-of-range"}),
        (
            "pass",
            "keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, l: setattr(model.optimizer, 'lr', 0.1))",
            {"keep-prob-rate-confusion"},
        ),
    ],
)
def test_callbacks_that_set_what_a_model_was_made_with(change, callback, expected, tmp_path):
    """A callback of the user may set the rate before the first step, and parameters of layers."""
    assert expected == found(CALLED.format(change=change, callback=callback), tmp_path)
