"""What some rounds of a loop over trainings have and others have not is compared, not overlooked."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

START = """
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
x, y = np.random.normal(size=(500, 8)), np.random.normal(size=(500, 1))
def train(rate=0.001, activation="relu", start="he_normal", drop=0.1):
    model = keras.Sequential([keras.Input((8,))])
    for units in (64, 32):
        model.add(layers.Dense(units, activation, kernel_initializer=start))
        model.add(layers.Dropout(drop))
    model.add(layers.Dense(1))
    model.compile(keras.optimizers.Adam(rate), "mse")
    model.fit(x, y)
"""

CHOICES = {
    "learning-rate-out-of-range": "rate={}",
    "missing-nonlinearity": "activation={}",
    "symmetric-hidden-weights": "start={}",
    "keep-prob-rate-confusion": "drop={}",
}
VALUES = {
    "learning-rate-out-of-range": ("10.0", "0.001"),
    "missing-nonlinearity": ("None", "'relu'"),
    "symmetric-hidden-weights": ("'zeros'", "'he_normal'"),
    "keep-prob-rate-confusion": ("0.9", "0.1"),
}


def reported(text: str) -> set[str]:
    return {f.rule for f in analyse((START + text).encode(), "compare.py", Project("."), Config()).findings}


@pytest.mark.parametrize("rule", CHOICES)
def test_choices_that_are_compared(rule):
    """One round of several is left alone, in loops within loops too; all rounds are not, nor is a single training."""
    call, (bad, good) = f"train({CHOICES[rule].format('value')})\n", VALUES[rule]

    assert rule not in reported(f"for value in ({good}, {bad}):\n    {call}")
    assert rule not in reported(f"for _ in range(2):\n    for value in ({good}, {bad}):\n        {call}")
    assert rule in reported(f"for value in ({bad}, {bad}):\n    {call}")
    assert rule in reported(f"value = {bad}\n{call}")
    assert rule in reported(f"for _ in range(2):\n    train()\n    value = {bad}\n    {call}")


def test_layers_of_one_network_are_not_compared():
    """A loop that builds a network tries nothing out."""
    text = (
        "model = keras.Sequential([keras.Input((8,))])\n"
        "for activation in ('relu', None, 'relu'):\n"
        "    model.add(layers.Dense(64, activation))\n"
        "model.add(layers.Dense(1))\n"
        "model.compile('adam', 'mse')\n"
    )

    assert "missing-nonlinearity" in reported(text)
