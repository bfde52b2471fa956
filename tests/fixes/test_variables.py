"""Results kept in variables, and terms added to them."""

from __future__ import annotations

import pytest

from edited import Editing
from trainlint.fixes.actions import AddTerm, KeepResult, Spelled
from trainlint.source import code

KEPT = [
    ("d = 1\nd.X()\n", "d = 1\nd = d.X()\n"),
    ("d = 1\nd.a(2).X()  # why\n", "d = 1\nd = d.a(2).X()  # why\n"),
    ("d = 1\nd.a; d.X(\n  3)\n", "d = 1\nd.a; d = d.X(\n  3)\n"),
    ("def f(d):\n    if d: d.X()\n", "def f(d):\n    if d: d = d.X()\n"),
    ("def f(self):\n    self.d.X()\n", "def f(self):\n    self.d = self.d.X()\n"),
    ("d = 1\ndef f():\n    d.X()\n", None),
    ("d.X()\n", None),
    ("import d\nd.X()\n", None),
    ("import d\nd.e.X()\n", None),
    ("d = 1\nd[0].X()\n", None),
    ("d = 1\ne = d.X()\n", None),
    ("d = 1\nf(d.X())\n", None),
]


@pytest.mark.parametrize(("before", "after"), KEPT)
def test_keeps_a_result(before, after):
    """The result goes to the variable that the call is made on, where an assignment means that variable."""
    editing = Editing(before)
    name = next(name for name in ("d.a(2).X", "self.d.X", "d.e.X", "d[0].X", "d.X") if name in before)

    assert after == editing.text(KeepResult(editing.call(name)))


def test_keeps_a_result_in_a_variable():
    """The variable may be an argument."""
    editing = Editing("def f(h):\n    relu(h)\n")

    assert "def f(h):\n    h = relu(h)\n" == editing.text(
        KeepResult(editing.call("relu"), editing.place("h", code.Name))
    )


def test_keeps_the_result_of_a_layer_in_what_it_is_called_on():
    """The call of a layer is made on no variable of the data: the first argument is."""
    editing = Editing("def call(self, h):\n    self.drop(h)\n")

    assert "def call(self, h):\n    h = self.drop(h)\n" == editing.text(
        KeepResult(editing.call("self.drop"), argument=True)
    )


TERMS = [
    ("l = f()\ng(l)\n", "l = f()\nl += sum(m.p)\ng(l)\n"),
    ("with t:\n    l = f()  # why\ng(l)\n", "with t:\n    l = f()  # why\n    l += sum(m.p)\ng(l)\n"),
    ("with t:\n    l = 0\n    l += f()\ng(l)\n", "with t:\n    l = 0\n    l += f()\n    l += sum(m.p)\ng(l)\n"),
    ("with t: l = f()\ng(l)\n", "with t: l = f(); l += sum(m.p)\ng(l)\n"),
    ("a, l = f()\ng(l)\n", "a, l = f()\nl += sum(m.p)\ng(l)\n"),
    ("def h():\n    l = f()\n    return g(l)\n", "def h():\n    l = f()\n    l += sum(m.p)\n    return g(l)\n"),
    ("if a:\n    l = f()\nelse:\n    l = h()\ng(l)\n", None),
    ("for a in b:\n    l = f()\ng(l)\n", None),
    ("l = f()\ndef h():\n    g(l)\n", None),
    ("def h(l):\n    g(l)\n", None),
    ("g(l)\nl = f()\n", None),
    ("g(f())\n", None),
]


@pytest.mark.parametrize(("before", "after"), TERMS)
def test_adds_a_term(before, after):
    """A term is added behind the one statement from which a variable has its value."""
    editing = Editing(before)
    argument = editing.place("l" if "g(l)" in before else "f()", code.Argument)

    assert after == editing.text(AddTerm(argument, ("sum(", Spelled("m.p", argument), ")")))


def test_a_spelling_has_to_mean_the_same():
    """A name that is another one at the new place is not written there."""
    editing = Editing("def h(m):\n    k(m)\nl = 1\ng(l)\n")
    inside = editing.call("k")

    assert editing.text(AddTerm(editing.place("l", code.Argument), (Spelled("m.p", inside),))) is None
