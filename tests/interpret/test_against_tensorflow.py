"""What we say of tensors holds for the numbers that TensorFlow and NumPy compute: shapes, bounds and values."""

from __future__ import annotations

from tests.interpret.reference import compare, gated, generated
from tests.interpret.tensor_programs import tensors


@gated
def test_tensors_keep_their_promises():
    """No shape differs, no number lies outside of its bounds, and most shapes are known."""
    compared = compare(generated(tensors(), 1500))

    assert [] == compared.different, "\n\n".join(compared.different[:3])
    assert compared.said > 0.85, compared.unknown[:3]
