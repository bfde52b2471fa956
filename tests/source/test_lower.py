"""Lowering: what each piece of syntax becomes."""

from __future__ import annotations

from typing import Any

import pytest

from source.samples import SYNTAX, expression, nodes, statements
from trainlint.record import Record
from trainlint.source import code
from trainlint.source.document import read


def shape(value: Any) -> Any:
    """A code node without places: the name of the class and the fields that are not at their default."""
    if isinstance(value, code.Name):
        return value.id
    if isinstance(value, code.Block):
        return [shape(statement) for statement in statements(value)]
    if isinstance(value, tuple):
        return tuple(shape(item) for item in value)
    if isinstance(value, Record):
        fields = [field for field in type(value).__match_args__ if field != "place"]
        values = [getattr(value, field) for field in fields]
        while values and values[-1] in (None, (), 0, False):
            values.pop()
        return (type(value).__name__, *map(shape, values))
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x_ff", ("Constant", 255)),
        ("1_0.5e1", ("Constant", 105.0)),
        ("-3", ("Constant", -3)),
        ("-x", ("Operation", "-", ("x",))),
        ("2j", ("Constant", 2j)),
        ("...", ("Constant", ...)),
        ("'a' r'\\b' \"\\x41\\n\"", ("Constant", "a\\bA\n")),
        ("b'a' b'\\x00'", ("Constant", b"a\0")),
        ("'\\N{BULLET}\\q'", ("Constant", "\u2022\\q")),
        ("f'a{{{b}' 'c'", ("Formatted", ("a{", "b", "c"))),
        ("f'{a:>3}'", ("Formatted", (("Opaque",),))),
        ("a and b and c", ("Operation", "and", ("a", "b", "c"))),
        ("a + b + c", ("Operation", "+", (("Operation", "+", ("a", "b")), "c"))),
        ("a < b is not c", ("Comparison", ("<", "is not"), ("a", "b", "c"))),
        ("a if b else c", ("Conditional", "b", "a", "c")),
        ("a.b.c", ("Attribute", ("Attribute", "a", "b"), "c")),
        (
            "f(a, *b, c=d, **e)",
            ("Call", "f", (("Argument", "a"), ("Argument", "b", None, 1), ("Argument", "d", "c"),
                           ("Argument", "e", None, 2))),
        ),
        ("a[b]", ("Subscript", "a", "b")),
        ("a[b,]", ("Subscript", "a", ("Sequence", "tuple", ("b",)))),
        ("a[1:, ...]", ("Subscript", "a", ("Sequence", "tuple", (("Slice", ("Constant", 1)), ("Constant", ...))))),
        ("a[*b]", ("Subscript", "a", ("Sequence", "tuple", (("Starred", "b"),)))),
        ("(a, *b)", ("Sequence", "tuple", ("a", ("Starred", "b")))),
        ("{**a, b: c}", ("Mapping", ((None, "a"), ("b", "c")))),
        ("[a for a in b if c if d for e in f]",
         ("Comprehension", "list", "a", (("Clause", "a", "b", ("c", "d")), ("Clause", "e", "f")))),
        ("{a: b for a in c}", ("Comprehension", "dict", "b", (("Clause", "a", "c"),), "a")),
        ("(a for a in b)", ("Comprehension", "generator", "a", (("Clause", "a", "b"),))),
        ("lambda a, /, b=c, *, d: e",
         ("Lambda", (("Parameter", "a", None, "positional-only"), ("Parameter", "b", "c", "normal"),
                     ("Parameter", "d", None, "keyword-only")), "e")),
        ("(a := b)", ("Binding", "a", "b")),
    ],
)  # fmt: skip
def test_expressions(text: str, expected: Any):
    """
    Each kind of expression has its node.
    """
    assert expected == shape(expression(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b, c = d", ("Assign", ("a", ("Sequence", "tuple", ("b", "c"))), "d")),
        ("a: b", ("Assign", ("a",), None, "b")),
        ("a //= b", ("Augment", "a", "//", "b")),
        ("del a, b", ("Delete", ("a", "b"))),
        ("import a.b as c, d", ("Import", (("Imported", "a.b", "c"), ("Imported", "d")))),
        ("from ..a import b as c", ("ImportFrom", "a", 2, (("Imported", "b", "c"),))),
        ("from . import *", ("ImportFrom", "", 1, (("Imported", "*"),))),
        ("global a, b", ("Scope", "global", ("a", "b"))),
        ("raise a from b", ("Raise", "a")),
        ("with a as b, c: pass", ("With", (("WithItem", "a", "b"), ("WithItem", "c")), [("Jump", "pass")])),
        (
            "match a:\n    case [b, *c] if d: e\n    case {'k': f, **g}: pass",
            ("Match", "a", (("Case", ("b", "c"), "d", [("Evaluate", "e")]),
                            ("Case", ("f", "g"), None, [("Jump", "pass")]))),
        ),
        ("class A(B, c=D): 'x'",
         ("ClassDefine", "A", (("Argument", "B"), ("Argument", "D", "c")), [("Evaluate", ("Constant", "x"))], (), "x")),
        ("@a\nasync def f(b: c = 1) -> d: yield", (
            "Define", "f", (("Parameter", "b", ("Constant", 1), "normal", "c"),), [("Evaluate", ("Yield",))],
            ("a",), None, True,
        )),
        ("type A[T] = B", ("Assign", ("A",), ("Opaque",))),
    ],
)  # fmt: skip
def test_statements(text: str, expected: Any):
    """
    Each kind of statement has its node.
    """
    (statement,) = statements(read(text + "\n").body)

    assert expected == shape(statement)


def test_a_yield_of_an_inner_function_is_not_one_of_the_outer():
    """
    Only a `yield` of its own makes a function a generator.
    """
    document = read("def f():\n    def g():\n        yield\n    h = lambda: (yield)\n")
    outer, inner = nodes(document, code.Define)

    assert (False, True) == (outer.is_generator, inner.is_generator)


def test_places_are_numbered_in_one_run():
    """
    The places of a unit are numbered without gaps, and no two nodes share one, `else`-like blocks included.
    """
    document = read(SYNTAX)
    for unit in document.units:
        numbers = [node.place.number for node in nodes(document) if node.place.unit is unit]

        assert sorted(set(numbers)) == sorted(numbers)
