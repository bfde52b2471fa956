"""Positions of places."""

from __future__ import annotations

import libcst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from source.samples import SYNTAX, nodes, statements
from trainlint.source import code, spans
from trainlint.source.document import Document, read

# The value of a type alias is not lowered.
PLAIN = SYNTAX.replace("type Alias[T] = list[T]\n", "")
INDENTED = "class A:\n" + "".join(
    "    " + line + "\n" for line in PLAIN.splitlines() if "__future__" not in line and "import *" not in line
)


def ranges(text: str, *kinds: type) -> list[tuple[int, int, int, int]]:
    """What libcst's own provider says of the nodes of these kinds."""
    wrapper = MetadataWrapper(libcst.parse_module(text))
    return sorted(
        (place.start.line, place.start.column + 1, place.end.line, place.end.column + 1)
        for node, place in wrapper.resolve(PositionProvider).items()
        if isinstance(node, kinds)
    )


@pytest.mark.parametrize("text", [PLAIN, INDENTED], ids=["units", "split"])
@pytest.mark.parametrize(
    ("kind", "tree"),
    [
        (code.Call, libcst.Call),
        (code.Argument, libcst.Arg),
        (code.Attribute, libcst.Attribute),
        (code.Mapping, libcst.Dict),
        (code.Comparison, libcst.Comparison),
        (code.Conditional, libcst.IfExp),
        (code.Subscript, libcst.Subscript),
        (code.Lambda, libcst.Lambda),
        (code.Augment, libcst.AugAssign),
        (code.Return, libcst.Return),
        (code.Evaluate, libcst.Expr),
        (code.WithItem, libcst.WithItem),
        (code.Import, libcst.Import),
        (code.Await, libcst.Await),
        (code.Yield, libcst.Yield),
        (code.Binding, libcst.NamedExpr),
    ],
)
def test_spans_are_those_of_the_position_provider(text: str, kind: type, tree: type):
    """
    The position of a node is the one that libcst computes for the whole file, in split blocks too.
    """
    document = read(text)
    found = sorted(tuple(document.span(node.place)) for node in nodes(document, kind))
    # Module names of imports are strings in the code, attributes in the tree.
    expected = [span for span in ranges(text, tree) if kind is not code.Attribute or span in found]

    assert document.notices == ()
    assert len(document.units) > 20
    assert expected == found
    assert found


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("x = ( f(a) )", code.Call, "f(a)"),
        ("x = ((1, 2))", code.Sequence, "(1, 2)"),
        ("x = 1, 2  # c", code.Sequence, "1, 2"),
        ("f(a for a in b)", code.Comprehension, "a for a in b"),
        ("x = (a for a in b)", code.Comprehension, "(a for a in b)"),
        ("f( a = 1 , b=2)", code.Argument, "a = 1"),
        ("a[b, c:d]", code.Sequence, "b, c:d"),
        ("if a and (b):  # c\n    pass", code.If, "if a and (b):"),
        ("for a in b : pass", code.For, "for a in b :"),
        ("@a\nasync def f(b): pass", code.Define, "f"),
        ("class A(B): pass", code.ClassDefine, "A"),
        ("try:\n    a\nexcept B as c:\n    d", code.Handler, "except B as c:"),
        ("x = [a for b in c if d]", code.Clause, "for b in c if d"),
        ("x = 'é' ; y = f(1)", code.Call, "f(1)"),
        ("f(a, b", code.Argument, "a"),
        ("x = f(a, b", code.Call, "f(a, b"),
        ("print f(a)", code.Argument, "f(a)"),
        ("x = a.b.", code.Attribute, "a.b"),
        ("x = (a ? b)", code.Skipped, "x = (a ? b)"),
    ],
)
def test_the_text_of_a_place(text: str, kind: type, expected: str):
    """
    A place covers what a reader would underline, also in text that was repaired.
    """
    document = read(text + "\n")

    assert expected == document.source_of(nodes(document, kind)[0].place)


def test_places_move_with_their_unit():
    """
    A place taken before an edit above it is found where it stands after the edit.
    """
    old = read("x = 1\ny = f(2)\n")
    new = read("import a\n\nx = 1\ny = f(2)\n", previous=old)
    (call,) = nodes(old, code.Call)

    assert (2, 4) == (old.span(call.place).line, new.span(call.place).line)


def test_a_tree_too_deep_falls_back_to_the_line(monkeypatch: pytest.MonkeyPatch):
    """
    Where positions cannot be computed, a place is the first line of its unit.
    """

    def refuse(_module: object) -> None:
        raise RecursionError

    monkeypatch.setattr(spans, "Positions", refuse)
    document: Document = read("if a:\n    x = fallback(1)\n")
    (branch,) = statements(document.body)

    assert (0, 5) == document.offsets(branch.place)


def test_the_tables_are_bounded():
    """
    Asking for many units keeps only the last ones.
    """
    document = read("".join(f"x{number} = {number}\n" for number in range(2 * spans.MAX_TABLES)))
    for statement in statements(document.body):
        document.offsets(statement.place)

    assert spans.MAX_TABLES >= len(spans._tables)
