"""An argument that is not known is not its default: what is said of the result holds for any value of it."""

from __future__ import annotations

import pytest
from tests.interpret.machine import value

from trainlint.interpret.joins import as_number
from trainlint.program.values import Const, Tensor, Tuple

HEADER = (
    "import numpy as np\n"
    "import pandas as pd\n"
    "import tensorflow as tf\n"
    "from sklearn.model_selection import train_test_split\n"
    "from settings import SETTING\n"
    "a = tf.constant([[0.5, -1.25, 2.5], [3.25, 0.0, -0.75]])\n"
    "n = np.array([[10.0, 200.0, 255.0], [30.0, 1.0, 2.0]])\n"
    "numbers = [2, 3, 5]\n"
    "table = pd.DataFrame({'p': [1.0, 2.0], 'q': [3.0, 4.0], 'r': [5.0, 6.0]})\n"
)

CALLS = [
    ("tf.zeros([2, 3], {})", "tf.int32"),
    ("np.ones((2, 3), dtype={})", "int"),
    ("tf.constant(5, {})", "tf.int64"),
    ("tf.Variable(1, dtype={})", "tf.float32"),
    ("tf.compat.v1.get_variable('v', initializer={})", "tf.constant([1, 2])"),
    ("tf.compat.v1.placeholder({}, [None])", "tf.int64"),
    ("tf.keras.Input((4,), dtype={})", "'int32'"),
    ("tf.random.normal([2], dtype={})", "tf.float64"),
    ("tf.random.uniform([9], 0, 3, dtype={})", "tf.int32"),
    ("np.full((2,), 0.5, {})", "'float32'"),
    ("tf.cast(a, {})", "tf.int32"),
    ("np.random.poisson({})", "[1.0, 2.0]"),
    ("np.clip(n, 0, {})", "1"),
    ("tf.clip_by_value(n, 0, {})", "2"),
    ("tf.where({}, 1.0, 0.0)", "a > 0"),
    ("tf.matmul(a, a, transpose_b={})", "True"),
    ("tf.matmul({}, a, transpose_b=True)", "a"),
    ("np.dot({}, n.T)", "n"),
    ("np.dot({}, 2)", "n"),
    ("np.square(abs({}))", "n"),
    ("tf.keras.layers.Rescaling(2.0, offset={})(a)", "-10"),
    ("tf.keras.losses.MeanSquaredError(reduction={})(a, a)", "'none'"),
    ("tf.keras.initializers.VarianceScaling({})([3, 3])", "0.1"),
    ("train_test_split(np.zeros((100, 2)), test_size={})", "0.1"),
    ("train_test_split(np.zeros((100, 2)), train_size={})", "0.1"),
    ("table.drop(['p', 'q'], axis={}).values", "1"),
    ("pd.concat([table, table], axis={}).values", "1"),
    ("list(enumerate(numbers, {}))[0][0]", "1"),
    ("np.ones(numbers.pop({}))", "0"),
]


@pytest.mark.parametrize(("call", "argument"), CALLS)
def test_unknown_argument_allows_what_a_known_one_gives(call, argument):
    """Shape, type and numbers with a known argument are among those that the unknown one leaves open."""
    for one, other in pairs(result(call.format("SETTING")), result(call.format(argument))):
        assert isinstance(other, Tensor)
        if isinstance(one, Tensor):
            assert contradictions(one, other) == []


def test_rows_or_columns_may_be_gone_where_the_axis_is_unknown():
    """Without rows that lack a value there are as many columns, without such columns as many rows."""
    assert result("table.dropna(axis=0).values").shape[1] == 3
    assert not isinstance(result("table.dropna(axis=SETTING).values").shape[1], int)


def result(call: str):
    return value(f"{HEADER}x = {call}\n", "x")


def pairs(one, other):
    """The items of two tuples side by side, or the two values alone; numbers as tensors."""
    if isinstance(one, Tuple) and isinstance(other, Tuple):
        return list(zip(one.items, other.items))
    return [tuple(as_number(each) if isinstance(each, Const) else each for each in (one, other))]


def contradictions(claimed: Tensor, actual: Tensor) -> list[str]:
    """The facts of one tensor that are not so in the other."""
    found = []
    if claimed.shape is not None and actual.shape is not None:
        sizes = [(a, b) for a, b in zip(claimed.shape, actual.shape) if isinstance(a, int) and isinstance(b, int)]
        if len(claimed.shape) != len(actual.shape) or any(a != b for a, b in sizes):
            found.append("shape")
    if claimed.dtype not in (None, actual.dtype):
        found.append("dtype")
    if claimed.low is not None and (actual.low is None or claimed.low > actual.low):
        found.append("low")
    if claimed.high is not None and (actual.high is None or claimed.high < actual.high):
        found.append("high")
    if claimed.values is not None and not set(actual.values or (None,)) <= set(claimed.values):
        found.append("values")
    if "matmul" not in str(claimed.op) and claimed.rms is not None and claimed.rms > (actual.rms or 0) + 1e-6:
        found.append("rms")
    return found
