"""What we say of tensors holds for the numbers that TensorFlow and NumPy compute: shapes, bounds and values."""

from __future__ import annotations

import pytest
from tests.interpret.reference import calls, compare, gated, generated
from tests.interpret.tensor_programs import tensors


@gated
def test_tensors_keep_their_promises():
    """No shape differs, no number lies outside of its bounds, and most shapes are known."""
    compared = compare(generated(tensors(), 1500))

    assert [] == compared.different, "\n\n".join(compared.different[:3])
    assert compared.said > 0.85, compared.unknown[:3]


@gated
@pytest.mark.parametrize(
    "name",
    [
        "numpy",
        "tensorflow",
        "compat",
        "keras",
        "random",
        "tables",
        "datasets",
        "layers",
        "models",
        "arrays",
        "python",
        "applications",
        "steps",
    ],
)
def test_calls_keep_their_promises(name):
    """What is said of the result of each call holds: shape, type, bounds and values."""
    compared = compare(calls(name))

    assert [] == compared.different, "\n\n".join(compared.different[:20])
    assert compared.same > 20


@gated
@pytest.mark.parametrize("name", ["graph", "session", "layers", "models"])
def test_calls_of_tensorflow_1_keep_their_promises(name):
    """The same of graphs with placeholders, and of layers that only Keras 2 has."""
    compared = compare(calls(name), legacy=True)

    assert [] == compared.different, "\n\n".join(compared.different[:20])
    assert compared.same > 60
