"""Which values data is proved to take."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.reach import reach
from trainlint.project import Project

START = """
import numpy as np
import tensorflow as tf
from sklearn.preprocessing import MinMaxScaler, StandardScaler

ids = np.random.randint(0, 10, size=500)
noise = np.random.normal(size=(500, 4))
"""


def reach_of(expression, tmp_path, before=""):
    """What is proved of the values of an expression."""
    text = f"{START}{before}\ntf.print(tf.identity({expression}))\n"
    program = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]
    (operation,) = [o for o in program.of_kind("identity") if o.name == "tf.identity"]
    return reach(program, operation.inputs[0])


def range_of(expression, tmp_path, before=""):
    """The range that an expression is proved to reach."""
    found = reach_of(expression, tmp_path, before)
    return None if found is None else (found.low, found.high)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ids", (0, 9)),
        ("ids[:100] - 4", (-4, 5)),
        ("2 * np.random.randint(0, 2, size=50) - 1", (-1, 1)),
        ("noise", (-3, 3)),
        ("noise[:, 0] + np.random.uniform(10, 20, size=500)", (7, 23)),
        ("np.array([[1.0], [5.0]])", (1, 5)),
        ("np.where(noise[:, 0] > 0, 1, -1)", (-1, 1)),
        ("np.linspace(-10, 10, 200) ** 2", (0, 100)),
        ("np.exp(0 * np.random.uniform(size=5))", (1, 1)),
        ("MinMaxScaler().fit_transform(noise)", (0, 1)),
        ("StandardScaler().fit_transform(np.load('y.npy'))", (-1.5, 1.5)),
        ("tf.keras.datasets.mnist.load_data()[0][0]", (0, 255)),
    ],
)
def test_values_that_do_occur(expression, expected, tmp_path):
    """Draws, tables, scalers and arithmetic with constants reach their bounds."""
    assert expected == range_of(expression, tmp_path)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ids", (0, 9)),
        ("noise", (-1.5, 1.5)),
        ("5 - 2 * noise", (2, 8)),
        ("noise ** 2", (0, 2.25)),
        ("np.sin(np.random.uniform(-9, 9, size=500)) + 2 * noise[:, 0]", (-(10**0.5), 10**0.5)),
        ("np.random.uniform(0, 8, size=500) - 2 * noise[:, 0]", (-1, 9)),
    ],
)
def test_values_that_are_not_rare(expression, expected, tmp_path):
    """The tails of normal noise are left out, and parts of a sum are seldom far out together."""
    assert expected == pytest.approx(reach_of(expression, tmp_path).usual)


@pytest.mark.parametrize(
    "expression",
    [
        "noise - noise.mean()",
        "(ids - ids.min()) / (ids.max() - ids.min())",
        "ids[ids < 5]",
        "np.load('y.npy')",
        "np.sin(0.01 * noise)",
        "tf.keras.datasets.boston_housing.load_data()[0][0][:, 3]",
    ],
)
def test_bounds_that_merely_hold(expression, tmp_path):
    """What depends on itself, on a mask, or on one column of a table reaches nothing for sure."""
    assert range_of(expression, tmp_path) is None


def test_an_array_changed_in_place_reaches_nothing_for_sure(tmp_path):
    """After an assignment to some of its items an array may have lost its highest values."""
    assert range_of("ids", tmp_path, before="ids[ids > 5] = 1") is None
