"""The guard before the parser."""

from __future__ import annotations

import pytest

from trainlint.source.parser import MAX_CHAIN, MAX_DEPTH, MAX_LENGTH, SyntaxFailure, guard, parse


@pytest.mark.parametrize(
    "text",
    [
        "(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1),
        "a" + ".b" * (MAX_CHAIN + 1),
        "a" + " + a" * (MAX_CHAIN + 1),
        "a" + "[0]" * (MAX_CHAIN + 1),
        "lambda: " * (MAX_CHAIN + 1) + "a",
        "[" + "1," * MAX_LENGTH + "]",
    ],
)
def test_dangerous_texts_are_refused(text: str):
    """
    Too deep, too long a chain, or too much text: the guard says why.
    """
    assert guard(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "(" * MAX_DEPTH + ")" * MAX_DEPTH,
        "[" + "a.b + c(d),\n" * 1000 + "]",
        "a = b.c + d\n" * 1000,
        "x = " + repr("(" * 5000),
        "x = 1  # " + "(" * 5000,
    ],
)
def test_ordinary_texts_pass(text: str):
    """
    Long tables and texts with brackets in strings and comments are no danger.
    """
    assert guard(text) is None


@pytest.mark.parametrize("text", ["x = (\n", "'a' b'b'\n", "'\ud800'\n", "a\0\n", "if 1:\nx\n"])
def test_every_failure_is_a_syntax_failure(text: str):
    """
    Whatever libcst raises arrives as one exception.
    """
    with pytest.raises(SyntaxFailure):
        parse(text)
