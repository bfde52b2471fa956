"""The split of a text into units."""

from __future__ import annotations

import pytest

from source.samples import SYNTAX, dump, statements
from trainlint.source import code
from trainlint.source.document import read
from trainlint.source.units import FINE, MAX_LINES


def long_body(indent: str, count: int = MAX_LINES) -> str:
    """Statements that make the block around them too long for one unit."""
    return "".join(f"{indent}x{number} = {number}\n" for number in range(count))


def test_a_short_statement_is_one_unit():
    """
    A simple statement and a short compound statement are one unit each.
    """
    document = read("x = 1\nif x:\n    y = 2\nelse:\n    z = 3\n\n# comment\n")

    assert ["x = 1", "if x:\n    y = 2\nelse:\n    z = 3"] == [unit.text for unit in document.units]


@pytest.mark.parametrize(
    "head",
    ["def f(a):", "class A(B):", "with a as b:", "if a:", "for a in b:", "while a:", "async def f():", "try:"],
)
def test_a_long_statement_is_split(head: str):
    """
    A long compound statement becomes its header and the units of its body.
    """
    tail = "finally:\n    y = 1\n" if head == "try:" else ""
    document = read(f"{head}\n{long_body('    ')}{tail}")

    assert head == document.units[0].text
    assert MAX_LINES + 1 + (2 if tail else 0) == len(document.units)
    assert () == document.notices


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f():\n        a = 1\n    b = 2\n", 3),
        ("try:\n    a = 1\nb = 2\n", 1),
        ("if a:\n    b\nelse:\n    c\nelse:\n    d\n", 5),
        ("for a in b:\n    c\nelse:\n    d\nelse:\n    e\n", 5),
        ("try:\n    a\nfinally:\n    b\nexcept C:\n    d\n", 5),
        ("try:\n    a\nelse:\n    b\nfinally:\n    c\n", 3),
        ("class A:\n    def f(self):\n        try:\n            a\n\n    def g(self):\n        b\n", 3),
    ],
)
def test_what_does_not_go_together_is_told_however_a_text_is_split(text: str, line: int):
    """
    Clauses and indents that the parser would refuse are found where each piece parses alone.
    """
    whole, fine = read(text), read(text, most_lines=FINE)

    assert [("syntax-skipped", line)] == [(notice.kind, notice.line) for notice in fine.notices]
    assert whole.notices == fine.notices


@pytest.mark.parametrize(
    "text",
    [
        "if a:\n    b\nelif c:\n    d\nelif e:\n    f\nelse:\n    g\n",
        "try:\n    a\nexcept B:\n    c\nexcept D:\n    e\nelse:\n    f\nfinally:\n    g\n",
        "while a:\n    b\nelse:\n    c\ntry:\n    d\nfinally:\n    e\n",
        "def f():\n  # a comment\n        a\n        b\n# another\n        c\n",
    ],
)
def test_nothing_is_told_of_what_is_right(text: str):
    """
    Clauses in their order and bodies of one indent are fine.
    """
    assert () == read(text, most_lines=FINE).notices


def test_the_code_does_not_depend_on_the_split():
    """
    A block means the same whether it is one unit or many.
    """
    body = "    x = 1\n    if a:\n        b = 2\n    elif c:\n        yield d\n    else: e = 3\n"
    body += "    try:\n        f()\n    except E as g:\n        h()\n    else:\n        i()\n    finally: j()\n"
    short = f'@a.b\ndef f(x=1):\n    "doc"\n{body}'
    long = "".join(line if line.strip() != "x = 1" else long_body("    ") for line in short.splitlines(True))
    (one,) = statements(read(short).body)
    (many,) = statements(read(long).body)
    assert isinstance(one, code.Define)
    assert isinstance(many, code.Define)

    assert (one.name, one.docstring, one.is_generator) == (many.name, many.docstring, many.is_generator)
    assert ("f", "doc", True) == (many.name, many.docstring, many.is_generator)
    assert [type(node) for node in statements(one.body)] == [
        type(node) for node in [*statements(many.body)[:1], *statements(many.body)[MAX_LINES:]]
    ]


def test_split_clauses_are_put_together():
    """
    `elif`, `else`, `except` and `finally` of a split statement are in their places.
    """
    body = long_body("    ")
    text = f"if a:\n{body}elif b:\n    c\nelif d: e\nelse:\n    f\n"
    text += f"try:\n{body}except A as b:\n    c\nexcept: d\nelse:\n    e\nfinally:\n    f\n"
    branch, attempt = statements(read(text).body)
    assert isinstance(branch, code.If)
    assert isinstance(attempt, code.Try)
    (second,) = statements(branch.orelse)
    assert isinstance(second, code.If)
    (third,) = statements(second.orelse)
    assert isinstance(third, code.If)

    assert [1, 1, 1] == [len(statements(block)) for block in (second.body, third.body, third.orelse)]
    assert ["b", None] == [handler.name for handler in attempt.handlers]
    assert [1, 1] == [len(statements(handler.body)) for handler in attempt.handlers]
    assert [1, 1] == [len(statements(attempt.orelse)), len(statements(attempt.final))]


def test_units_keep_their_identity():
    """
    After an edit only the units of the edited statement are new, and parts without a new unit are the same objects.
    """
    text = f"import a\n\nclass A:\n{long_body('    ')}\nwith b:\n{long_body('    ')}x = 1\n"
    old = read(text)
    new = read(text.replace("x7 = 7", "x7 = 8", 1).replace("import a\n", "import a\n\n\n"), previous=old)

    assert {"    x7 = 8"} == {unit.text for unit in new.units} - {unit.text for unit in old.units}
    assert 1 == len(set(new.units) - set(old.units))
    same = [one is other for one, other in zip(old.body.parts, new.body.parts, strict=True)]
    assert [True, False, True, True] == same


def test_equal_statements_keep_their_order():
    """
    When one of several equal statements is deleted, the others stay who they are.
    """
    text = "a()\nd()\nb()\nd()\nc()\nd()\n"
    old = read(text)
    new = read("a()\nb()\nd()\nc()\nd()\n", previous=old)

    assert [old.units[index] for index in (0, 2, 3, 4, 5)] == list(new.units)


def test_reading_again_gives_the_same_units():
    """
    The same text read again has the same units and the same parts.
    """
    old = read(SYNTAX)
    new = read(SYNTAX, previous=old)

    assert old.units == new.units
    assert old.body.parts == new.body.parts
    assert dump(old) == dump(new)
