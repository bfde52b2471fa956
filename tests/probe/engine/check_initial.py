"""Initial values have the moments that they name, and arms share their noise."""

import numpy as np
from engine.initial import initial_value, normal_share


def drawn(distribution, shape=(200, 150), seed=0, name="kernel", **given):
    node = {"op": "variable", "shape": list(shape), "initial": dict({"distribution": distribution}, **given)}
    return initial_value(name, node, seed)


def check_moments():
    """
    Mean, spread and bounds.
    """
    normal = drawn("normal", mean=1.0, stddev=2.0)
    assert abs(normal.mean() - 1.0) < 0.05 and abs(normal.std() - 2.0) < 0.05
    cut = drawn("truncated", mean=0.0, stddev=1.0)
    # The spread of a normal distribution that is cut at two.
    assert abs(cut.std() - 0.8796) < 0.01 and np.abs(cut).max() <= 2.0
    even = drawn("uniform", low=-1.0, high=3.0)
    assert even.min() >= -1.0 and even.max() <= 3.0
    assert abs(even.mean() - 1.0) < 0.05 and abs(even.std() - 4 / np.sqrt(12)) < 0.02
    assert np.all(drawn("constant", value=0.1) == np.float32(0.1))
    assert np.array_equal(2.0 * np.eye(3), drawn("identity", (3, 3), gain=2.0))
    assert np.array_equal([[1.0, 2.0]], drawn("values", (1, 2), values=[[1.0, 2.0]]))


def check_orthogonal():
    """
    Rows or columns of length one at right angles.
    """
    for shape in ((30, 20), (20, 30), (3, 3, 4, 8)):
        flat = drawn("orthogonal", shape, gain=1.0).reshape(-1, shape[-1])
        product = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
        assert np.allclose(np.eye(len(product)), product, atol=1e-5)


def check_arms_share_noise():
    """
    Distributions of one variable and seed are the same numbers in other clothes; seeds and names are not.
    """
    wide, narrow = drawn("normal", stddev=1.0), drawn("normal", stddev=0.1)
    assert np.allclose(wide, 10 * narrow, atol=1e-5)
    even, cut = drawn("uniform", low=-1.0, high=1.0), drawn("truncated", stddev=1.0)
    assert np.corrcoef(wide.ravel(), even.ravel())[0, 1] > 0.9
    assert (wide == cut).mean() > 0.9
    assert abs(np.corrcoef(wide.ravel(), drawn("normal", seed=1).ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(wide.ravel(), drawn("normal", name="other").ravel())[0, 1]) < 0.05


def check_distribution_function():
    """
    Known values of the standard normal distribution.
    """
    assert np.allclose([0.5, 0.8413447, 0.0227501], normal_share(np.array([0.0, 1.0, -2.0])), atol=1e-6)
