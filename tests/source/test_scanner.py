"""Logical lines and comments."""

from __future__ import annotations

import io
import tokenize
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source.samples import SYNTAX
from trainlint.source.document import common_ends
from trainlint.source.scanner import rescan, scan

FRAGMENTS = ["(", ")", "[", "]", "{", "}", '"', "'", '"""', "'''", "\\", "#", "\n", "\t", "\f", "  ", "\0", "\u2028"]
FRAGMENTS += ["f'{", 'f"', "x", " = ", ":", "def f(", "return", "import a", "@", "else", "async for", ",", "é"]
texts = st.lists(st.sampled_from(FRAGMENTS)).map("".join) | st.text()


def shown(text: str) -> list[str]:
    """The logical lines as text."""
    return [text[line.body : line.end] for line in scan(text).lines]


def test_lines_and_comments_are_those_of_the_tokenizer():
    """
    On correct code each logical line starts where Python's tokenizer says, and the comments are the same.
    """
    # The tokenizer of older Pythons does not know nested quotes; the sample has none.
    tokens = list(tokenize.generate_tokens(io.StringIO(SYNTAX).readline))
    skipped = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT)
    code = [token for token in tokens if token.type not in skipped]
    starts = [code[0].start] + [after.start for token, after in pairwise(code) if token.type == tokenize.NEWLINE]
    comments = [(token.start, token.string) for token in tokens if token.type == tokenize.COMMENT]
    result = scan(SYNTAX)

    def position(offset: int) -> tuple[int, int]:
        return SYNTAX.count("\n", 0, offset) + 1, offset - SYNTAX.rfind("\n", 0, offset) - 1

    assert starts == [position(line.body) for line in result.lines]
    assert comments == [(position(offset), text) for offset, text in result.comments]
    assert not any(line.broken for line in result.lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = (1,\n  2)\ny\n", ["x = (1,\n  2)", "y"]),
        ("x = 1 + \\\n  2\ny", ["x = 1 + \\\n  2", "y"]),
        ('x = """a\n(\n"""\ny', ['x = """a\n(\n"""', "y"]),
        ("# a\n\n  # (\nx  # )\n", ["x  # )"]),
        ('f"{", ".join(x)}"\ny', ['f"{", ".join(x)}"', "y"]),
        ('f"{d["#"]}"  # c\ny', ['f"{d["#"]}"  # c', "y"]),
        ("a\u2028b\nc", ["a\u2028b", "c"]),
        ("\f\nx\n\f\n\fy", ["x", "y"]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_logical_lines(text: str, expected: list[str]):
    """
    Strings, brackets, comments, continuations and form feeds do not end a logical line, newlines do.
    """
    assert expected == shown(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = f(1,\ny = 2\n", ["x = f(1,", "y = 2"]),
        ("x = f(1,\n      2\nfor a in b:\n    c\n", ["x = f(1,\n      2", "for a in b:", "c"]),
        ("x = f(\n    a = 1,\n    return 3\ny", ["x = f(\n    a = 1,", "return 3", "y"]),
        ("def f(a, b\n    x = 1\n    return x\n", ["def f(a, b", "x = 1", "return x"]),
        ("x = 'abc\ny = 2", ["x = 'abc", "y = 2"]),
        ("x = )\ny", ["x = )", "y"]),
        ("x = [1)\ny = 2", ["x = [1)", "y = 2"]),
        ('x = """abc\ny = 1\ndef f():\n    """Doc."""\n', ['x = """abc', "y = 1", "def f():", '"""Doc."""']),
        ('"""Doc.\n\nimport a\n"""\nx = """abc\ny = 1\n', ['"""Doc.\n\nimport a\n"""', 'x = """abc', "y = 1"]),
    ],
)
def test_an_open_bracket_or_quote_ends_where_code_goes_on(text: str, expected: list[str]):
    """
    Damage stays within the statement: the next line that looks like code starts a logical line again.
    """
    assert expected == shown(text)
    assert any(line.broken for line in scan(text).lines)


def test_nothing_reaches_over_the_boundary_of_a_cell():
    """
    A bracket that is open at the end of a cell is closed there.
    """
    text = "x = f(\n1, 2)\n"

    assert 1 == len(scan(text).lines)
    assert ["x = f(", "1, 2)"] == [text[line.body : line.end] for line in scan(text, (0, 7)).lines]


@given(texts)
def test_any_text_is_scanned(text: str):
    """
    Whatever the text, the logical lines are in order, do not overlap, and hold every comment.
    """
    result = scan(text)
    end = 0
    for line in result.lines:
        assert end <= line.start <= line.body < line.end <= len(text)
        end = line.end
    for offset, comment in result.comments:
        assert text[offset : offset + len(comment)] == comment
    assert sorted(result.comments) == result.comments


@given(st.integers(0, len(SYNTAX)), st.integers(0, 60), st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join))
def test_scanning_on_gives_the_same(start: int, length: int, inserted: str):
    """
    The scan that goes on from an earlier text equals the one from the beginning.
    """
    text = SYNTAX[:start] + inserted + SYNTAX[start + length :]

    assert scan(text) == rescan(text, SYNTAX, scan(SYNTAX), *common_ends(text, SYNTAX))
    assert scan(SYNTAX) == rescan(SYNTAX, text, scan(text), *common_ends(SYNTAX, text))
