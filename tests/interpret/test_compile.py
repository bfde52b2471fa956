"""What the arguments of `compile` stand for, which Keras 3 takes in another order."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program

from trainlint.program.events import Compile

MODEL = """
from tensorflow import keras
inputs = keras.Input((4,))
model = keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)])
"""


@pytest.mark.parametrize(
    ("third", "generation", "name"),
    [
        ("['mae']", "2.11", "metrics"),
        ("['mae']", "2.16", "metrics"),
        ("[1.0, 0.5]", "2.16", "loss_weights"),
        ("{'a': 1.0, 'b': 0.5}", "2.16", "loss_weights"),
        ("chosen", "2.16", "metrics"),
    ],
)
def test_third_argument(third, generation, name):
    """It holds the metrics, and in Keras 3 the weights of the losses; names of metrics are no weights."""
    (compiled,) = program(f"{MODEL}model.compile('adam', 'mse', {third})", generation).events_of(Compile)
    given = [known for known in ("metrics", "loss_weights") if known in compiled.arguments]

    assert [name] == given
