"""Edits of real files: encodings, line ends, notebooks, and what hypothesis thinks of."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edited import Editing, cell_sources, notebook
from trainlint.fixes.actions import (
    ApiName,
    DeleteStatement,
    InsertStatement,
    RemoveArgument,
    ReplaceValue,
    SetArgument,
    Wrap,
)
from trainlint.fixes.code_index import index_of
from trainlint.fixes.refusal import Refused
from trainlint.source import code

FILES = [
    (b"f(a)\r\nb\r\n", b"f(a, n=1)\r\nnew()\r\nb\r\n"),
    (b"f(a)\rb\r", b"f(a, n=1)\rnew()\rb\r"),
    (b"\xef\xbb\xbff(a)\n", b"\xef\xbb\xbff(a, n=1)\nnew()\n"),
    (b"# coding: latin-1\nf('\xe9')\n", b"# coding: latin-1\nf('\xe9', n=1)\nnew()\n"),
    (b"a\r\nf(a)\nb\r\n", b"a\r\nf(a, n=1)\r\nnew()\nb\r\n"),
    ("f('é𝄞')\n".encode(), "f('é𝄞', n=1)\nnew()\n".encode()),
    (b"if a:\n\tf(a)\x0c\n", b"if a:\n\tf(a, n=1)\x0c\n\tnew()\n"),
]


@pytest.mark.parametrize(("before", "after"), FILES)
def test_bytes_of_a_file(before, after):
    """Encoding, byte order mark and line ends stay; new lines end as the others do."""
    editing = Editing(before)
    call = editing.call("f")

    assert after == editing.apply(SetArgument(call, "n", ("1",)), InsertStatement(call, ("new()",)))


def test_what_the_encoding_cannot_hold_is_refused():
    """A file in Latin-1 gets no character that it cannot hold."""
    editing = Editing(b"# coding: latin-1\nf('\xe9')\n")

    with pytest.raises(Refused):
        editing.apply(SetArgument(editing.call("f"), "n", ("'€'",)))


def test_a_cell_of_a_notebook():
    """An edit changes its own cell, an import goes to the cell with the imports."""
    editing = Editing(notebook("%matplotlib inline\nimport os\n", "f(a)", "b"), "train.ipynb")
    call = editing.call("f")
    data = editing.apply(SetArgument(call, "n", (ApiName("numpy.pi", call),)), InsertStatement(call, ("new()",)))

    expected = ["%matplotlib inline\nimport os\nimport numpy as np\n", "f(a, n=np.pi)\nnew()", "b"]

    assert expected == cell_sources(data)


def test_magics_are_left_alone():
    """A magic stays the first line of its cell, and an edit of what IPython reads in its own way is refused."""
    editing = Editing(notebook("%%time\nf(a)\n", "%time f(b)\nc\n"), "train.ipynb")
    new = InsertStatement(editing.call("f"), ("new()",), "before")

    assert cell_sources(editing.apply(new))[0] == "%%time\nnew()\nf(a)\n"
    with pytest.raises(Refused):
        editing.apply(InsertStatement(editing.call("f", 1), ("new()",), "before"))


def test_edits_that_meet_are_refused():
    """A remedy whose actions overlap is no fix."""
    editing = Editing("f(a + b)\n")
    whole, part = editing.place("a + b", code.Operation), editing.place("a", code.Name)

    with pytest.raises(Refused):
        editing.apply(ReplaceValue(whole, ("1",)), ReplaceValue(part, ("2",)))


# Programs in every layout that the grammar of these pieces allows.
NAMES = st.sampled_from(["a", "x1", "é"])
BLANK = st.sampled_from(["", " ", "\n  ", "  # c, )\n  ", "\\\n "])
ATOMS = st.one_of(
    NAMES, st.sampled_from(["1", "-2.5", "'#)'", '"""\n,"""', "f'{a}'", "(u for u in v)", "[1, 2]", "()"])
)


@st.composite
def expressions(draw, depth=2):
    """An expression as text, with calls in many layouts."""
    if depth == 0:
        return draw(ATOMS)
    kind = draw(st.sampled_from(["atom", "call", "call", "sum", "parens", "chain", "lambda"]))
    inner = expressions(depth=depth - 1)
    if kind == "atom":
        return draw(ATOMS)
    if kind == "sum":
        return f"{draw(inner)} {draw(st.sampled_from(['+', '*', 'if a else', 'and', '==']))} {draw(inner)}"
    if kind == "parens":
        return f"({draw(BLANK)}{draw(inner)}{draw(BLANK)})"
    if kind == "chain":
        return f"({draw(inner)}).real"
    if kind == "lambda":
        return f"(lambda a: {draw(inner)})"
    values = draw(st.lists(inner, max_size=3))
    n_bare = draw(st.integers(0, len(values)))
    given = [value if i < n_bare else f"k{i}={value}" for i, value in enumerate(values)]
    comma = draw(st.sampled_from(["", ","])) if given else ""
    blanks = [draw(BLANK) for _ in range(len(given) + 1)]
    body = ",".join(f"{blank}{value}" for blank, value in zip(blanks, given))
    return f"g({body}{comma}{blanks[-1]})"


STATEMENTS = ["y = {}\n", "if a:\n    y = {}\nelse: return_({}); b\n", "def f(a={}):\n\treturn [{}]  # c\n"]


@st.composite
def programs(draw):
    """A program that Python reads."""
    text = draw(st.sampled_from(["", "import numpy as np\n", '"""Doc."""\n']))
    for _ in range(draw(st.integers(1, 2))):
        statement = draw(st.sampled_from(STATEMENTS))
        holes = [draw(expressions()) for _ in range(statement.count("{}"))]
        text += statement.format(*[f"({hole})" for hole in holes])
    return text


def _reads(text):
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _actions(draw, editing):
    """One action on a place of the program."""
    index = index_of(editing.document)
    nodes = sorted(index.nodes.values(), key=lambda node: (editing.document.offsets(node.place), node.place.number))
    calls = [node for node in nodes if isinstance(node, code.Call)]
    values = [node for node in nodes if isinstance(node, (code.Argument, code.Operation, code.Call, code.Constant))]
    kind = draw(st.sampled_from(["set", "remove", "replace", "wrap", "insert", "delete"]))
    if kind in ("set", "remove") and calls:
        call = draw(st.sampled_from(calls))
        if kind == "remove" and call.arguments:
            return RemoveArgument(call.place, draw(st.sampled_from(call.arguments)).place)
        return SetArgument(call.place, draw(st.sampled_from(["n", "k0", "k1"])), (ApiName("numpy.pi", call.place),))
    if kind == "delete" or not values:
        return DeleteStatement(draw(st.sampled_from(nodes)).place)
    place = draw(st.sampled_from(values)).place
    if kind == "replace":
        return ReplaceValue(place, (draw(st.sampled_from(["1", "a + b", "u, v", "q(1)", "a if b else c"])),))
    if kind == "wrap":
        before, after = draw(st.sampled_from([("h(", ", 1)"), ("1 - ", ""), ("", " / 2"), ("not ", "")]))
        return Wrap(place, (before,), (after,))
    return InsertStatement(place, ("new()",), draw(st.sampled_from(["before", "after"])))


@given(st.data())
def test_any_action_on_any_program(data):
    """A program that Python reads is read after any action, and keeps its text outside of the edits."""
    text = data.draw(programs())
    if not _reads(text):
        return
    editing = Editing(text)
    action = _actions(data.draw, editing)
    try:
        after = editing.apply(action).decode()
    except Refused:
        return

    assert _reads(after), (text, action, after)
    for comment in ("# c, )", "'#)'"):
        if not isinstance(action, (RemoveArgument, ReplaceValue, SetArgument, DeleteStatement)):
            assert text.count(comment) == after.count(comment)


@given(st.data(), st.text(st.sampled_from("fx(),=#'\"\n :;\\ i[]"), max_size=60))
def test_any_text(data, text):
    """No text makes an action fail in another way than by refusing."""
    editing = Editing(text)
    if not index_of(editing.document).nodes:
        return
    action = _actions(data.draw, editing)
    try:
        after = editing.apply(action)
    except Refused:
        return

    assert isinstance(after, bytes)
