"""Pasted code without the lines that made its model."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program, shape

ADDED = """
model.add(Conv2D(8, (3, 3), input_shape=(28, 28, 1)))
model.add(Flatten())
model.add(Dense(10))
model.compile('adam', 'mse')
x = model.output
"""


def test_a_name_that_gets_layers_is_a_sequential_model():
    """The first layer says what the model is given, so all shapes follow."""
    assert "[batch, 10]" == shape(ADDED)


def test_layers_before_the_first_line_are_not_known():
    """Without an input shape, other layers may come first: nothing is known of what the dense layer gets."""
    found = program("model.add(Dense(10))\nmodel.add(Dense(3))\nmodel.compile('adam', 'mse')\n")

    assert ["gap"] == [o.id.tag for o in found.of_kind("opaque")]
    assert 2 == len([o for o in found.of_kind("matmul") if o.name == "keras.layers.Dense"])


@pytest.mark.parametrize(
    "code", ["model.add(3)\n", "model.add(Dense)\n", "model.add(Dense(3), 1)\n", "self.model.add(Dense(3))\n"]
)
def test_other_calls_are_unknown(code):
    """What gets anything but one layer may be a set, a queue or a graph."""
    assert [] == [record for _, record in program(code).objects if record.kind == "model"]


def test_a_parameter_is_no_missing_name():
    """A function that is given a model does not know what it has already."""
    found = program("def grow(model):\n    model.add(Dense(10, input_dim=4))\n")

    assert [] == list(found.of_kind("matmul"))
