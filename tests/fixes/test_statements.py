"""Statements: inserted and deleted."""

from __future__ import annotations

import pytest

from edited import Editing
from trainlint.fixes.actions import DeleteStatement, InsertStatement

AFTER = [
    ("x\n", "x\nnew()\n"),
    ("x", "x\nnew()"),
    ("x  # why\ny\n", "x  # why\nnew()\ny\n"),
    ("def f():\n    x\n    y\n", "def f():\n    x\n    new()\n    y\n"),
    ("if a:\n\tx\n", "if a:\n\tx\n\tnew()\n"),
    ("if a: x\n", "if a: x; new()\n"),
    ("x; y\n", "x; new(); y\n"),
    ("y; x\n", "y; x; new()\n"),
    ("x;\n", "x; new();\n"),
    ("f(1,\n  x)\ny\n", "f(1,\n  x)\nnew()\ny\n"),
    ("y = x + \\\n  1\n", "y = x + \\\n  1\nnew()\n"),
    ("if x:\n    a\nelse:\n    b\n", "if x:\n    a\nelse:\n    b\nnew()\n"),
    ("with x:\n    for i in a:\n        b  # c\n\nd\n", "with x:\n    for i in a:\n        b  # c\nnew()\n\nd\n"),
    ("if a:\n    b\nelif x:\n    c\n", None),
]


@pytest.mark.parametrize(("before", "after"), AFTER)
def test_inserts_after(before, after):
    """A new statement stands in the same block, on a line of its own where the other one does."""
    editing = Editing(before)

    assert after == editing.text(InsertStatement(editing.place("x", nth=-1), ("new()",)))


BEFORE = [
    ("x\n", "new()\nx\n"),
    ("def f():\n    x\n", "def f():\n    new()\n    x\n"),
    ("if a: x\n", "if a: new(); x\n"),
    ("y; x\n", "y; new(); x\n"),
    ("# about x\nx\n", "# about x\nnew()\nx\n"),
    ("@d\ndef f(a=x):\n    pass\n", "new()\n@d\ndef f(a=x):\n    pass\n"),
    ("try:\n    a\nexcept x:\n    b\n", None),
]


@pytest.mark.parametrize(("before", "after"), BEFORE)
def test_inserts_before(before, after):
    """A new statement stands above the other one, decorators included."""
    editing = Editing(before)

    assert after == editing.text(InsertStatement(editing.place("x", nth=-1), ("new()",), "before"))


def test_inserts_a_block_on_lines_of_its_own():
    """A compound statement is indented as a whole and never joins a line."""
    block = ("with a:\n    b()",)
    lines, joined = Editing("def f():\n    x\n"), Editing("if a: x\n")

    assert lines.text(InsertStatement(lines.place("x"), block)) == "def f():\n    x\n    with a:\n        b()\n"
    assert joined.text(InsertStatement(joined.place("x"), block)) is None


def test_what_is_no_statement_is_refused():
    """Text that Python does not read is not inserted."""
    editing = Editing("x\n")

    assert editing.text(InsertStatement(editing.place("x"), ("new(",))) is None


DELETED = [
    ("a\nx\nb\n", "a\nb\n"),
    ("a\nx  # why\nb\n", "a\nb\n"),
    ("x", ""),
    ("a\nx", "a\n"),
    ("def f():\n    x\n", "def f():\n    pass\n"),
    ("def f():\n    x  # why\n", "def f():\n    pass  # why\n"),
    ("def f():\n    a\n    x\n", "def f():\n    a\n"),
    ("if a: x\n", "if a: pass\n"),
    ("if a: x; b\n", "if a: b\n"),
    ("if a: b; x\n", "if a: b\n"),
    ("if a: b; x;  # why\n", "if a: b  # why\n"),
    ("if a:\n    b\nelse:\n    x\n", "if a:\n    b\nelse:\n    pass\n"),
    ("try:\n    a\nexcept E:\n    x\n", "try:\n    a\nexcept E:\n    pass\n"),
    ("x; b\n", "b\n"),
    ("x;\nb\n", "b\n"),
    ("a; x; b\n", "a; b\n"),
    ("f(x,\n  ')')\nb\n", "b\n"),
    ("if x:\n    a\n", None),
]


@pytest.mark.parametrize(("before", "after"), DELETED)
def test_deletes(before, after):
    """A statement goes with its line; an empty block gets `pass`; compound statements stay."""
    editing = Editing(before)

    assert after == editing.text(DeleteStatement(editing.place("x", nth=-1)))
