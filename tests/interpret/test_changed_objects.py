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
