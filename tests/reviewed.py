"""An old file full of findings, and a branch that adds one."""

from __future__ import annotations

OLD = """\
import numpy as np
import tensorflow as tf


def colours():
    return np.random.uniform(0, 255, size=(10000, 3))


x = colours()
y = (x.mean(axis=1) < 127).astype("float32")

first = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu"), tf.keras.layers.Dense(1)])
first.compile("adam", loss="binary_crossentropy")
first.fit(x, y)

second = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])
second.compile("adam", loss="binary_crossentropy")
second.fit(x, y)
"""

BUG = """
layers = [tf.keras.layers.Dense(4, activation="relu"), tf.keras.layers.Dense(1, activation="softmax")]
third = tf.keras.Sequential(layers)
third.compile("adam", loss="binary_crossentropy")
third.fit(x / 255, y)
"""

REPAIRED = BUG.replace("softmax", "sigmoid")

LINE = OLD.count("\n") + 2


class Result:
    """What a command line did."""

    def __init__(self, status: int, out: str, errors: str) -> None:
        self.status, self.out, self.errors = status, out, errors
