"""What we say of Keras models is what Keras says: shapes and parameters of random architectures."""

from __future__ import annotations

import pytest
from tests.interpret import keras_programs
from tests.interpret.reference import compare, gated, generated

COUNT = 220
"""Programs of each kind: all of them take about a minute."""


@gated
@pytest.mark.parametrize("kind", ["sequential", "functional", "embedded", "branched", "subclassed"])
def test_shapes_and_parameters(kind):
    """No shape and no number of parameters differs from Keras', and nearly all of them are known."""
    compared = compare(generated(getattr(keras_programs, kind)(), COUNT))

    assert [] == compared.different, "\n\n".join(compared.different[:3])
    assert compared.same > 100
    assert compared.said > 0.99, compared.unknown[:3]
