"""Programs for tests of the probe, and what is planned for them."""

from __future__ import annotations

from textwrap import dedent

from trainlint.analysis import Analysis, analyse
from trainlint.config import Config
from trainlint.probe.networks import networks
from trainlint.probe.replica import Replica, replica
from trainlint.project import Project


def analysed(text: str, name: str = "train.py") -> Analysis:
    """The analysis of a program that is in no file."""
    return analyse(dedent(text).encode(), f"/nowhere/{name}", Project("/nowhere"), Config())


def rebuilt(text: str, number: int = 0) -> Replica:
    """The replica of a network of a program."""
    network = list(networks(analysed(text)))[number]
    return replica(network.program, network.event)


KERAS = """
    from tensorflow import keras
    import numpy as np

    x = np.random.uniform(0, 255, size=(2000, 12))
    y = np.random.randint(0, 4, size=(2000,))
    model = keras.Sequential([
        keras.layers.Dense(32, activation="relu", input_shape=(12,)),
        keras.layers.Dropout(0.25),
        keras.layers.Dense(4, activation="softmax"),
    ])
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=64, epochs=5)
"""
