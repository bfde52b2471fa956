"""Whole programs of each kind: the planted mistake is confirmed, the planted harmless choice is not."""

from __future__ import annotations

import os
from textwrap import dedent

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.probe.arms import concerning
from trainlint.probe.client import Limits, Worker
from trainlint.probe.service import Wishes, probe_findings
from trainlint.project import Project

BACKEND = os.environ.get("TRAINLINT_PROBE_PYTHON")
pytestmark = pytest.mark.skipif(not BACKEND, reason="TRAINLINT_PROBE_PYTHON names no interpreter with a backend")


@pytest.fixture(scope="module")
def worker():
    """One warm worker for all programs."""
    with Worker(str(BACKEND)) as started:
        yield started


def verdicts(worker: Worker, text: str) -> dict[str, str]:
    """The verdict of each rule that found something."""
    project = Project("/nowhere")
    analysis = analyse(dedent(text).encode(), "/nowhere/train.py", project, Config())

    def run(experiment):
        return worker.run(experiment, limits=Limits(seconds=300.0))

    probed = probe_findings(
        analysis, project, Config(), concerning(analysis, None), run, Wishes(device="cpu", thorough=False)
    )
    assert probed.unplanned == ()
    return {result.finding.rule: result.verdict for outcome in probed.outcomes for result in outcome.results}


long = pytest.mark.skipif(not os.environ.get("TRAINLINT_PROBE_LONG"), reason="takes minutes; run by `make nightly`")


@long
def test_convolutional_classifier(worker):
    """Scores in a loss that wants probabilities; biases that start with some noise harm nobody."""
    found = verdicts(worker, """
        from tensorflow import keras
        (x, y), _ = keras.datasets.mnist.load_data()
        noise = keras.initializers.RandomNormal(stddev=0.5)
        model = keras.Sequential([
            keras.layers.Reshape((28, 28, 1), input_shape=(28, 28)),
            keras.layers.Conv2D(8, 5, strides=2, activation="relu", bias_initializer=noise),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x / 255.0, y, batch_size=64, epochs=2)
    """)  # fmt: skip
    assert found["logits-into-probability-loss"] == "confirmed"
    assert found["random-bias"] == "not-reproduced"


@long
def test_recurrent_classifier(worker):
    """A rate at which nothing moves, in front of a squared error that does little harm with Adam."""
    found = verdicts(worker, """
        import numpy as np
        from tensorflow import keras
        x = np.random.normal(size=(4000, 12, 4)).astype("float32")
        y = np.random.randint(0, 2, size=(4000,))
        model = keras.Sequential([
            keras.Input((12, 4)),
            keras.layers.GRU(24),
            keras.layers.Dense(1, activation="sigmoid"),
        ])
        model.compile(keras.optimizers.Adam(1e-7), "mse", metrics=["accuracy"])
        model.fit(x, y, batch_size=64, epochs=5)
    """)  # fmt: skip
    assert found["learning-rate-out-of-range"] == "confirmed"
    assert found["squared-error-classifier"] != "confirmed"


def test_multi_label_classifier(worker):
    """Weights of size 1 in a network of several labels."""
    found = verdicts(worker, """
        import numpy as np
        import tensorflow.compat.v1 as tf
        tf.disable_v2_behavior()
        data = np.random.normal(size=(5000, 40)).astype("float32")
        tags = (np.random.uniform(size=(5000, 5)) > 0.5).astype("float32")
        x = tf.placeholder(tf.float32, [None, 40])
        y = tf.placeholder(tf.float32, [None, 5])
        w1 = tf.Variable(tf.random_normal([40, 64], stddev=1.0))
        b1 = tf.Variable(tf.random_normal([64], stddev=0.01))
        w2 = tf.Variable(tf.random_normal([64, 5], stddev=1.0))
        b2 = tf.Variable(tf.zeros([5]))
        logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
        step = tf.train.AdamOptimizer(0.001).minimize(loss)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for i in range(1000):
                rows = np.random.randint(0, 5000, 64)
                session.run(step, {x: data[rows], y: tags[rows]})
    """)  # fmt: skip
    assert found["oversized-initial-weights"] == "confirmed"
    assert found.get("random-bias", "not-reproduced") == "not-reproduced"


def test_regression(worker):
    """Labels of one axis against predictions of two broadcast in a loss of one's own; the rest is sound."""
    found = verdicts(worker, """
        import numpy as np
        import tensorflow as tf
        x = np.random.normal(size=(4000, 10)).astype("float32")
        y = x.sum(axis=1).astype("float32")
        model = tf.keras.Sequential([
            tf.keras.Input((10,)), tf.keras.layers.Dense(32, activation="relu"), tf.keras.layers.Dense(1)])
        optimizer = tf.keras.optimizers.Adam(0.001)
        for epoch in range(10):
            for features, target in tf.data.Dataset.from_tensor_slices((x, y)).batch(64):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.square(target - model(features)))
                optimizer.apply_gradients(zip(
                    tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    """)  # fmt: skip
    assert found == {"silent-loss-broadcast": "confirmed"}


def test_autoencoder(worker):
    """Weights of size 1 in the first layer of an autoencoder of values between 0 and 1."""
    found = verdicts(worker, """
        import numpy as np
        from tensorflow import keras
        x = np.random.uniform(size=(4000, 64)).astype("float32")
        large = keras.initializers.RandomNormal(stddev=1.0)
        model = keras.Sequential([
            keras.Input((64,)),
            keras.layers.Dense(48, activation="relu", kernel_initializer=large),
            keras.layers.Dense(24, activation="relu", kernel_initializer=large),
            keras.layers.Dense(48, activation="relu", bias_initializer=keras.initializers.RandomNormal(stddev=0.05)),
            keras.layers.Dense(64),
        ])
        model.compile("adam", "mse")
        model.fit(x, x, batch_size=64, epochs=5)
    """)  # fmt: skip
    assert found["oversized-initial-weights"] == "confirmed"
    assert found.get("random-bias", "not-reproduced") == "not-reproduced"
