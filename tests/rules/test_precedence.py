"""Which rule speaks when several see one root cause."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

START = """
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

x = np.random.normal(size=(500, 8))
y = np.random.randint(0, 2, size=500)
"""

END = """
model.fit(x, y)
"""

PROGRAMS = {
    "single-unit-softmax": """
model = keras.Sequential([keras.Input((8,)), layers.Dense(1, activation="softmax")])
model.compile("adam", loss="categorical_crossentropy")
""",
    "loss-head-mismatch": """
model = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
model.compile("adam", loss="categorical_crossentropy")
""",
    "loader-head-mismatch": """
x = keras.utils.image_dataset_from_directory("photos", image_size=(64, 64))
y = None
model = keras.Sequential([keras.Input((64, 64, 3)), layers.Rescaling(1 / 255), layers.Flatten()])
model.add(layers.Dense(5, "softmax"))
model.compile("adam", loss="categorical_crossentropy")
""",
    "output-rank-not-reduced": """
x = np.random.normal(size=(500, 12, 8))
y = keras.utils.to_categorical(y, 2)
inputs = keras.Input((12, 8))
model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.LSTM(16, return_sequences=True)(inputs)))
model.compile("adam", loss="categorical_crossentropy")
""",
    "activated-logits": """
model = keras.Sequential([keras.Input((8,)), layers.Dense(2, activation="relu"), layers.Activation("softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy")
""",
}
"""A program for each rule that explains what others see too."""


@pytest.mark.parametrize("rule", PROGRAMS)
def test_one_cause_is_said_once(rule, tmp_path):
    """Of all rules that see the mistake, the one that names its cause speaks."""
    text = START + PROGRAMS[rule] + END
    analysis = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())

    assert [rule] == [finding.rule for finding in analysis.findings if finding.severity != "info"]
