"""No text makes the analysis fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
TEXTS = [file.read_text(encoding="utf-8") for file in sorted(FIXTURES.rglob("*.py"))]

PIECES = st.sampled_from(
    (
        "import tensorflow as tf\n|import numpy as np\n|from tensorflow import keras\n|x = |y = x\n|tf.matmul(x, x)|"
        "keras.layers.Dense(x)(y)|np.zeros|(3, None)|[x, y]|{x: y}|x[y]|x.y|lambda a: a|for x in y:\n    |if x:\n    |"
        "def f(x=y):\n    return |class A(keras.Model):\n    |with x as y:\n    |f(x, *y, **x)|+|@|-1|1e400|"
        "'relu'|\n|\n    |"
        "tf.Session().run(x, {x: y})|tf.placeholder(x)|tf.Variable(y, x)|tf.nn.dropout(x, y)|keras.Sequential(x)|"
        ".fit(x, y)|"
        ".compile(x, y)|tf.reshape(x, y)|tf.reduce_mean(x, axis=y)|np.random.uniform(x, y)|~x|not x|x < y|yield x\n|"
        "import x\n|del x\n|global x\n|return\n|tf.losses.sigmoid_cross_entropy(x, y)|x, y = y\n|"
        "tf.train.AdamOptimizer(x).minimize(y)"
    ).split("|")
)


def check(text: str) -> None:
    analysis = analyse(text.encode("utf-8", "surrogatepass"), "program.py", Project("."), Config())
    internal = [notice.message for notice in analysis.notices if notice.kind == "internal"]

    assert [] == internal


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_any_mixture_of_code_is_analysed(pieces):
    """Nonsense in the vocabulary of training code."""
    check("import tensorflow as tf\n" + "".join(pieces))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_any_cut_of_a_program_is_analysed(text, data):
    """A program from which a stretch is missing, as after a delete key held down."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    check(text[:start] + text[end:])


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "x = a" + ".b()" * 5000,
        "import tensorflow as tf\nx = " + "+".join(["tf.zeros([2])"] * 400),
        "if x:\n pass\n" + "elif x:\n pass\n" * 1500,
        "def f():\n" + "    if a:\n        return 1\n" * 300 + "f()\n",
        "\0\0\0",
        "x = 1\f\ny = 2\n\tz = 3\n",
    ],
    ids=["brackets", "chain", "sum", "elif", "returns", "nul", "odd"],
)
def test_hostile_texts(text):
    """Deep nesting, long chains and odd characters cost a notice at most."""
    check(text)
