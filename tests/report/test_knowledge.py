"""What hovers and hints say holds whenever the line runs."""

from __future__ import annotations

import re

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project
from trainlint.report.knowledge import Knowledge

HEAD = "import tensorflow as tf\nfrom tensorflow import keras\n"


def known(text: str) -> tuple[Knowledge, str]:
    whole = HEAD + text
    return Knowledge(analyse(whole.encode(), "/project/train.py", Project("/project"), Config())), whole


def hover(text: str) -> list[str] | None:
    """What a hover says on the argument of `see(...)`; None where it is about something else or nothing."""
    knowledge, whole = known(text)
    match = re.search(r"see\((\w+)\)", whole)
    found = knowledge.at(match.start(1))
    return found[0].lines if found is not None and found[1:] == match.span(1) else None


@pytest.mark.parametrize(
    "text",
    [
        "x = tf.zeros([2])\ndef f(x):\n    see(x)\nf(tf.zeros([7]))\n",
        "x = tf.zeros([2])\nf = lambda x: see(x)\n",
        "x = tf.zeros([2])\ny = [see(x) for x in data]\n",
        "x = tf.zeros([2])\nfor x in data:\n    see(x)\n",
        "x = tf.zeros([2])\nx, y = tf.ones([5]), tf.ones([6])\nsee(x)\n",
        "x = tf.zeros([2])\n(y, [x, *z]) = make()\nsee(x)\n",
        "x = tf.zeros([2])\nx += tf.zeros([9, 2])\nsee(x)\n",
        "x = tf.zeros([2])\ndel x\nsee(x)\n",
        "x = tf.zeros([2])\nwith open('a') as x:\n    see(x)\n",
        "x = tf.zeros([2])\nif unknown():\n    x = tf.zeros([3])\nsee(x)\n",
        "x = tf.zeros([2])\nwhile unknown():\n    see(x)\n    x = tf.concat([x, x], 0)\n",
        "x = tf.zeros([2])\nimport y as x\nsee(x)\n",
        "x = tf.zeros([2])\ndef x():\n    pass\nsee(x)\n",
        "x = tf.zeros([2])\nclass x:\n    pass\nsee(x)\n",
        "try:\n    x = tf.zeros([2])\nexcept E as x:\n    pass\nsee(x)\n",
        "x = tf.zeros([2])\nif (x := make()) is None:\n    see(x)\n",
        "x = tf.zeros([2])\ndef f():\n    see(x)\nx = tf.zeros([3])\nf()\n",
        "x = tf.zeros([2])\ndef g():\n    global x\n    x = tf.zeros([3])\ng()\nsee(x)\n",
        "class A:\n    x = tf.zeros([8])\n    def f(self):\n        see(x)\n",
        "n = 5\nn = n + 1\nif unknown():\n    n = 2\nsee(n)\n",
    ],
)
def test_names_of_unclear_origin(text):
    """Of a name whose value depends on how the program runs, nothing is said."""
    assert hover(text) is None


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("x = tf.zeros([2])\nx = tf.zeros([3])\nsee(x)\n", "[3]"),
        ("x = tf.zeros([3])\nsee(x)\nx = tf.zeros([2])\n", "[3]"),
        ("x = tf.zeros([3])\ndef f():\n    see(x)\n", "[3]"),
        ("if unknown():\n    x = tf.zeros([3])\n    see(x)\n", "[3]"),
        ("x = tf.zeros([2])\nwith tf.device('a'):\n    x = tf.zeros([3])\nsee(x)\n", "[3]"),
        ("for i in range(4):\n    x = tf.zeros([3])\n    see(x)\n    x = tf.zeros([2])\n", "[3]"),
        ("y = tf.zeros([3])\nx = y\nsee(x)\n", "[3]"),
        ("x = tf.zeros([2])\ndef f():\n    x = tf.zeros([3])\n    return [see(x) for _ in data]\n", "[3]"),
        ("class A:\n    x = tf.zeros([8])\nx = tf.zeros([3])\nsee(x)\n", "[3]"),
    ],
)
def test_names_of_clear_origin(text, shape):
    """The last assignment in a block around a name counts, or the only one."""
    assert f"shape `{shape}` float32" in hover(text)


def test_layers_of_a_loop():
    """A line that makes another layer in each round has no one shape, and the hover lists them."""
    text = "h = keras.Input((10,))\nfor n in (16, 32):\n    h = keras.layers.Dense(n)(h)\n    see(h)\n"
    knowledge, whole = known(text)

    assert ["[batch, 10]"] == [fact.shape for _, fact in knowledge.shapes(0, len(whole))]
    assert "shape differs from run to run: `[batch, 16]`, `[batch, 32]`" in hover(text)


def test_layer_that_is_shared():
    """A layer that is called twice has the shape of each call there, and none of its own."""
    text = "d = keras.layers.Dense(5)\np = d(keras.Input((4,)))\nq = d(keras.Input((6, 4)))\nsee(d)\n"
    knowledge, whole = known(text)

    assert ["[batch, 5]", "[batch, 6, 5]"] == [
        fact.shape for _, fact in knowledge.shapes(0, len(whole)) if fact.name == "Dense"
    ]
    assert "layer `d`" == hover(text)[0]
    assert "25 parameters" in hover(text)


def test_function_that_is_called_twice():
    """A line of a function has a shape only where all calls agree."""
    text = "def f(t, n):\n    o = keras.layers.Dense(n)(t)\n    return o\n"
    twice = "f(keras.Input((3,)), 4)\nf(keras.Input((3,)), {})\n"

    def shapes(text):
        knowledge, whole = known(text)
        return [fact.shape for _, fact in knowledge.shapes(0, whole.index("return"))]

    assert [] == shapes(text + twice.format(8))
    assert ["[batch, 4]"] == shapes(text + twice.format(4))


def test_shared_weights_count_once():
    """A model with two outputs over one layer has that layer's weights once, as `trainlint model` counts them."""
    text = (
        "x = keras.Input((10,))\n"
        "h = keras.layers.Dense(8)(x)\n"
        "model = keras.Model(x, [keras.layers.Dense(1)(h), keras.layers.Dense(2)(h)])\n"
        "see(model)\n"
    )

    assert "115 parameters" in hover(text)  # 88 + 9 + 18
