"""Sequential models of which some layers are not known."""

from __future__ import annotations

import pytest
from tests.interpret.machine import run, value

from trainlint.program.values import Const

LOOP = """
from tensorflow import keras
from settings import depth

def build():
    model = keras.Sequential([keras.layers.Dense(8, input_shape=(4,))])
    for _ in range(depth):
        model.add(keras.layers.Dense(8))
    model.add(keras.layers.Dense(2))
    return model
"""


def test_each_model_has_a_gap_of_its_own():
    """Two models of one builder share no operation, although their layers are written once."""
    machine = run(LOOP + "a, b = build(), build()\nx = a.output\ny = b.output\n").machine

    gaps = [o for o in machine.made("opaque") if o.id.tag == "gap"]

    assert 2 == len({gap.inputs for gap in gaps})


@pytest.mark.parametrize("name", ["layers", "weights", "trainable_variables"])
def test_layers_and_weights_are_not_counted(name):
    """Nobody knows how many layers a model with a gap has."""
    code = LOOP + f"model = build()\nx = model.output\nn = len(model.{name})\n"

    assert not isinstance(value(code, "n"), Const)
