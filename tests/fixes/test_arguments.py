"""Arguments of calls: set, removed and renamed in every layout."""

from __future__ import annotations

import pytest

from edited import Editing
from trainlint.fixes.actions import RemoveArgument, RenameArgument, ReplaceValue, SetArgument

ADDED = [
    ("f()\n", "f(n=1)\n"),
    ("f( )\n", "f(n=1)\n"),
    ("f(\n)\n", "f(\nn=1)\n"),
    ("f(  # why\n)\n", "f(  # why\nn=1)\n"),
    ("f(a)\n", "f(a, n=1)\n"),
    ("f(a,)\n", "f(a, n=1)\n"),
    ("f(a, )\n", "f(a, n=1 )\n"),
    ("f((a))\n", "f((a), n=1)\n"),
    ("f(k=(a))\n", "f(k=(a), n=1)\n"),
    ("f(')', '#')\n", "f(')', '#', n=1)\n"),
    ("f(g(a, b), [1, 2])\n", "f(g(a, b), [1, 2], n=1)\n"),
    ("(f)(a)\n", "(f)(a, n=1)\n"),
    ("f(\n    a,\n    b\n)\n", "f(\n    a,\n    b,\n    n=1\n)\n"),
    ("f(\n    a,\n    b,\n)\n", "f(\n    a,\n    b,\n    n=1,\n)\n"),
    ("f(\n    a,\n    b,  # why\n)\n", "f(\n    a,\n    b,  # why\n    n=1,\n)\n"),
    ("f(\n    a,\n    b  # why, (\n)\n", "f(\n    a,\n    b,  # why, (\n    n=1\n)\n"),
    ("f(a,\n  b)\n", "f(a,\n  b,\n  n=1)\n"),
    ("f(a,\n  b, c)\n", "f(a,\n  b, c, n=1)\n"),
    ("f(\n\ta,\n)\n", "f(\n\ta,\n\tn=1,\n)\n"),
    ("f(\n    a\n    # more\n)\n", "f(\n    a,\n    n=1\n    # more\n)\n"),
    ("f(a, # why\n)\n", "f(a, n=1, # why\n)\n"),
    ("x = f \\\n  (a)\n", "x = f \\\n  (a, n=1)\n"),
    ("f(*a)\n", None),
    ("f(**k)\n", None),
    ("f(u for u in v)\n", None),
    ("f((u, w) for u in (v))\n", None),
    ("f((u for u in v))\n", "f((u for u in v), n=1)\n"),
]


@pytest.mark.parametrize(("before", "after"), ADDED)
def test_adds_an_argument(before, after):
    """A new argument stands behind the others, laid out as they are."""
    editing = Editing(before)

    assert after == editing.text(SetArgument(editing.call("f"), "n", ("1",)))


def test_adds_several_arguments():
    """Arguments that are added together have commas between them."""
    editing = Editing("f()\ng(\n    a,\n)\n")
    f, g = editing.call("f"), editing.call("g")

    new = [SetArgument(place, name, ("1",)) for place in (f, g) for name in ("n", "m")]

    assert editing.text(*new) == "f(n=1, m=1)\ng(\n    a,\n    n=1,\n    m=1,\n)\n"


REPLACED = [
    ("f(n=2)\n", "f(n=1)\n"),
    ("f(a, n = 2 )\n", "f(a, n = 1 )\n"),
    ("f(n=(2), b=3)\n", "f(n=(1), b=3)\n"),
    ("f(n=  # why\n  2)\n", "f(n=  # why\n  1)\n"),
    ("f(n=g(n=3))\n", "f(n=1)\n"),
    ("f(n=lambda n=2: n)\n", "f(n=1)\n"),
]


@pytest.mark.parametrize(("before", "after"), REPLACED)
def test_replaces_the_value_of_an_argument(before, after):
    """A value that is there is replaced; comments and blanks around it stay."""
    editing = Editing(before)

    assert after == editing.text(SetArgument(editing.call("f"), "n", ("1",)))


def test_replaces_a_positional_value():
    """An argument that is given by position stays one."""
    editing = Editing("f(a, 2)\n")
    action = SetArgument(editing.call("f"), "n", ("1",), existing=editing.place("2"))

    assert editing.text(action) == "f(a, 1)\n"


def test_an_argument_from_elsewhere_is_refused():
    """A value that stands in no argument of the call cannot be set there."""
    editing = Editing("n = 2\nf(**k)\n")

    assert editing.text(SetArgument(editing.call("f"), "n", ("1",), existing=editing.place("2"))) is None


def test_a_print_statement_is_no_call_to_edit():
    """What was read with a repair is not edited by the repaired text."""
    editing = Editing('print "a", f(1)\n')

    assert editing.text(SetArgument(editing.call("f"), "n", ("1",))) is None


REMOVED = [
    ("f(x)\n", "f()\n"),
    ("f( x, )\n", "f()\n"),
    ("f(x)(b)\n", "f()(b)\n"),
    ("f(x, b)\n", "f(b)\n"),
    ("f(a, x)\n", "f(a)\n"),
    ("f(a, x, b)\n", "f(a, b)\n"),
    ("f(a, x,)\n", "f(a)\n"),
    ("f(a, k=(x), b=2)\n", "f(a, b=2)\n"),
    ("f(a, k=[x])\n", None),
    ("f(\n    a,\n    x,\n    b,\n)\n", "f(\n    a,\n    b,\n)\n"),
    ("f(\n    x,\n    b,\n)\n", "f(\n    b,\n)\n"),
    ("f(\n    a,\n    x\n)\n", "f(\n    a,\n)\n"),
    ("f(\n    a,\n    x,  # why\n    b,\n)\n", "f(\n    a,\n    # why\n    b,\n)\n"),
    ("f(a,\n  x)\n", "f(a)\n"),
    ("f(a,  # one\n  x)\n", "f(a,  # one\n  )\n"),
    ("f(x,\n  b)\n", "f(b)\n"),
    ("f(x,  # one\n  b)\n", "f(  # one\n  b)\n"),
    ("f(a, x,\n  b)\n", "f(a,\n  b)\n"),
    ("f(  # first\n  x)\n", "f(  # first\n  )\n"),
    ("f(*x)\n", None),
]


@pytest.mark.parametrize(("before", "after"), REMOVED)
def test_removes_an_argument(before, after):
    """An argument goes with its keyword, its comma and, where it had one, its line."""
    editing = Editing(before)

    assert after == editing.text(RemoveArgument(editing.call("f"), editing.place("x")))


RENAMED = [
    ("f(a, x)\n", "f(a, n=x)\n"),
    ("f(a, k=x, b=2)\n", "f(a, n=x, b=2)\n"),
    ("f(a, k = (x))\n", "f(a, n = (x))\n"),
    ("f(\n    (x),\n)\n", "f(\n    n=(x),\n)\n"),
    ("f(x, b)\n", None),
    ("f(x, *b)\n", None),
    ("f(x, **b)\n", "f(n=x, **b)\n"),
    ("f(x, n=2)\n", None),
    ("f(n=x)\n", None),
]


@pytest.mark.parametrize(("before", "after"), RENAMED)
def test_renames_an_argument(before, after):
    """An argument gets another keyword, or its first one where none without a keyword follows."""
    editing = Editing(before)

    assert after == editing.text(RenameArgument(editing.call("f"), editing.place("x", nth=0), "n"))


def test_renames_several_arguments_together():
    """Arguments without a keyword may follow if they get one as well; their values can change too."""
    editing = Editing("f(x, y)\n")
    call, x, y = editing.call("f"), editing.place("x"), editing.place("y")

    actions = [RenameArgument(call, x, "a"), RenameArgument(call, y, "b"), ReplaceValue(y, ("2",))]

    assert editing.text(*actions) == "f(a=x, b=2)\n"
