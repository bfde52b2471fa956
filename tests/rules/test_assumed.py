"""What findings take for granted."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

HEAD = """import argparse
import tensorflow as tf
from tensorflow.keras import layers
parser = argparse.ArgumentParser()
parser.add_argument("--choice", default={default})
args = parser.parse_args()
"""
ASSUMED = [
    (
        "activated-logits",
        "'relu'",
        "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(8, 'relu'), layers.Dense(3, args.choice)])\n"
        "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n",
    ),
    (
        "logits-into-probability-loss",
        "'sparse_categorical_crossentropy'",
        "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(3)])\nmodel.compile('adam', args.choice)\n",
    ),
    (
        "probabilities-into-logits-loss",
        "'softmax'",
        "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(3, activation=args.choice)])\n"
        "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n",
    ),
    (
        "single-unit-softmax",
        "1",
        "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(args.choice, activation='softmax')])\n"
        "model.compile('adam', 'mse')\n",
    ),
    (
        "saturating-hidden-stack",
        "'sigmoid'",
        "model = tf.keras.Sequential([tf.keras.Input((4,))] + [layers.Dense(8, args.choice) for i in range(6)])\n"
        "model.add(layers.Dense(1))\nmodel.compile('adam', 'mse')\n",
    ),
    (
        "keep-prob-rate-confusion",
        "0.9",
        "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dropout(args.choice), layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\n",
    ),
    (
        "regularizer-not-in-loss",
        "0.1",
        "model = tf.keras.Sequential([tf.keras.Input((4,))])\n"
        "model.add(layers.Dense(1, kernel_regularizer=tf.keras.regularizers.l2(args.choice)))\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean(tf.square(model(x)))\n"
        "gradients = tape.gradient(loss, model.trainable_variables)\n"
        "tf.keras.optimizers.Adam().apply_gradients(zip(gradients, model.trainable_variables))\n",
    ),
]


@pytest.mark.parametrize(("rule", "default", "program"), ASSUMED, ids=[case[0] for case in ASSUMED])
def test_the_default_of_an_option_is_assumed(rule, default, program, tmp_path):
    """A finding that rests on the default of an option says so."""
    text = HEAD.format(default=default) + program
    found = analyse(text.encode(), str(tmp_path / "train.py"), Project(str(tmp_path)), Config()).findings

    assert [("--choice has its default",)] == [finding.assumed for finding in found if finding.rule == rule]


@pytest.mark.parametrize(("rule", "default", "program"), ASSUMED, ids=[case[0] for case in ASSUMED])
def test_what_is_written_is_not_assumed(rule, default, program, tmp_path):
    """A finding that rests on what is written takes nothing for granted."""
    text = HEAD.format(default=default) + program.replace("args.choice", default)
    found = analyse(text.encode(), str(tmp_path / "train.py"), Project(str(tmp_path)), Config()).findings

    assert [()] == [finding.assumed for finding in found if finding.rule == rule]
