"""Layers put in front of others and behind them."""

from __future__ import annotations

import pytest

from edited import Editing
from trainlint.fixes.actions import InsertLayer, RemoveArgument, Source
from trainlint.source import code

BEFORE = [
    ("m = S([a, X(3), b])\n", "m = S([a, N(), X(3), b])\n"),
    ("m = S([X(3)])\n", "m = S([N(), X(3)])\n"),
    ("m = S((\n    a,  # why\n    X(3),\n))\n", "m = S((\n    a,  # why\n    N(),\n    X(3),\n))\n"),
    ("m = S([X(3),\n       b])\n", "m = S([N(), X(3),\n       b])\n"),
    ("m = S([\n  X(\n    3\n  ), # x\n  b])\n", "m = S([\n  N(),\n  X(\n    3\n  ), # x\n  b])\n"),
    ("m.add(X(3))  # one\n", "m.add(N())\nm.add(X(3))  # one\n"),
    ("def f():\n    self.m.add(X(3)); g()\n", "def f():\n    self.m.add(N()); self.m.add(X(3)); g()\n"),
    ("m.add(\n    X(3)\n)\n", "m.add(N())\nm.add(\n    X(3)\n)\n"),
    ("y = X(3)(x)\n", "y = X(3)(N()(x))\n"),
    ("y = X(3)(\n    f(x), training=True)\n", "y = X(3)(\n    N()(f(x)), training=True)\n"),
    ("y = X(3)(*x)\n", None),
    ("y = X(3)(inputs=x)\n", None),
    ("y = X(3)()\n", None),
    ("y = X(3)\n", None),
    ("m = S([(X(3))])\n", None),
    ("m.add(X(3), 1)\n", None),
    ("m.append(X(3))\n", None),
    ("m = m.add(X(3))\n", None),
    ("m.add(T(X(3)))\n", None),
]


@pytest.mark.parametrize(("before", "after"), BEFORE)
def test_inserts_before(before, after):
    """A layer is put in front of another one as that is put into its model."""
    editing = Editing(before)

    assert after == editing.text(InsertLayer(editing.call("X"), ("N()",)))


AFTER = [
    ("m = S([a, X(3), b])\n", "m = S([a, X(3), N(), b])\n"),
    ("m = S([X(3)])\n", "m = S([X(3), N()])\n"),
    ("m = S([X(3),])\n", "m = S([X(3), N(),])\n"),
    ("m = S([\n    X(3),\n    b,\n])\n", "m = S([\n    X(3),\n    N(),\n    b,\n])\n"),
    ("m = S([\n    X(3)\n])\n", "m = S([\n    X(3),\n    N()\n])\n"),
    ("m.add(X(3))  # one\nb\n", "m.add(X(3))  # one\nm.add(N())\nb\n"),
    ("y = X(3)(x)\n", None),
]


@pytest.mark.parametrize(("before", "after"), AFTER)
def test_inserts_after(before, after):
    """A layer is put behind another one in a list or by another `add`."""
    editing = Editing(before)

    assert after == editing.text(InsertLayer(editing.call("X"), ("N()",), "after"))


def test_takes_an_argument_along():
    """What the first layer says of its input goes to the one in front of it."""
    editing = Editing("m.add(X(3, shape=(n,)))\n")
    shape = editing.place("(n,)", code.Sequence)
    call = editing.call("X")
    new = editing.text(InsertLayer(call, ("N(shape=", Source(shape), ")")), RemoveArgument(call, shape))

    assert "m.add(N(shape=(n,)))\nm.add(X(3))\n" == new
