"""Repair of single statements."""

from __future__ import annotations

import pytest
from hypothesis import given

from source.test_scanner import texts
from trainlint.source.repair import MAX_CANDIDATES, assigned_names, candidates, close, translate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(a, [b", "f(a, [b])"),
        ("f(a  # (", "f(a)  # ("),
        ("f(a))", "f(a) "),
        ("f([a)", "f([a])"),
        ("x = 'abc", "x = 'abc'"),
        ("f('abc)", "f('abc')"),
        ('x = """abc\ndef', 'x = """abc\ndef"""'),
        ("f(a)", "f(a)"),
    ],
)
def test_close(text: str, expected: str):
    """
    Open quotes and brackets are closed at the end of the code, closing ones without partner are blanked.
    """
    assert expected == close(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = a.", "x = a"),
        ("f(a, b=", "f(a, b)"),
        ("x = a + (b *", "x = a + (b)"),
        ("x = a if", "x = a"),
        ("f(a.", "f(a)"),
    ],
)
def test_trim(text: str, expected: str):
    """
    What waits for an operand is dropped.
    """
    assert expected == close(text, trim=True)


@pytest.mark.parametrize(
    ("text", "expected", "construct"),
    [
        ("print a, b", "print(a, b)", "print statement"),
        ('print "a" % b  # c', 'print("a" % b)  # c', "print statement"),
        ("exec a in b", "exec(a in b)", "exec statement"),
        ("if a: print b", "if a: print(b)", "print statement"),
        ("raise A, 'b'", "raise A     ", "raise statement"),
        ("x = 0777", "x =  511", "octal number"),
        ("x = 10L", "x = 10 ", "long integer"),
        ("x = a <> b", "x = a != b", "<> operator"),
        ('x = ur"a"', 'x =  r"a"', 'ur"" string'),
        ("def f(a, (b, c)):", "def f(a, _0    ):", "tuple parameter"),
        ("x = lambda (a, b): a", "x = lambda  _    : a", "tuple parameter"),
        ("f(async=1)", "f(_sync=1)", "async as a name"),
        ("x = `a`", "x = `a`", "backtick"),
        ("x = 'print 0777 <>'", "x = 'print 0777 <>'", None),
        ("print(a)", "print(a)", None),
        ("async def f(): pass", "async def f(): pass", None),
    ],
)
def test_python_2(text: str, expected: str, construct: str | None):
    """
    Statements of Python 2 become Python 3 in the same columns.
    """
    assert (expected, construct) == translate(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b = $", ("a", "b")),
        ("a.b, (c, d) = $", ("c", "d")),
        ("x += $", ("x",)),
        ("def f($", ("f",)),
        ("for a, b in $", ("a", "b")),
        ("import a as b, $", ("b", "a", "as")),
        ("f(a=$", ()),
        ("a == $", ()),
    ],
)
def test_assigned_names(text: str, expected: tuple[str, ...]):
    """
    The names on the left of an assignment, and those that definitions, loops and imports bind, are found.
    """
    assert set(expected) == set(assigned_names(text))


@given(texts)
def test_repair_keeps_the_lines(text: str):
    """
    Any text has at most MAX_CANDIDATES candidates, all with its number of lines.
    """
    found = [candidate for kind in ("statement", "if", "def") for candidate in candidates(text, kind, kind == "if")]

    assert 3 * MAX_CANDIDATES >= len(found)
    assert {text.count("\n")} >= {candidate.count("\n") for candidate in found}
