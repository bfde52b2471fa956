"""New expressions as text: when they need parentheses."""

from __future__ import annotations

import ast
import warnings

from trainlint.source import code

_ATOMS = (
    ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.JoinedStr, ast.Constant,
)  # fmt: skip

_FREE = (
    code.Assign, code.Augment, code.Return, code.Evaluate, code.Sequence, code.Mapping, code.Parameter, code.If,
    code.While,
)  # fmt: skip

# What needs parentheses even where any expression may stand: as an argument, an element or a value.
_LOOSE = (ast.Tuple, ast.GeneratorExp, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Starred)


def parsed(text: str, mode: str = "exec") -> ast.AST | None:
    """Python's own reading of a text, None if it is not valid here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_expression(text: str) -> bool:
    """Whether a text is one expression when it stands in brackets."""
    return parsed(f"({text}\n)", "eval") is not None


def atomic(text: str) -> bool:
    """Whether an expression keeps together next to any operator."""
    body = _body(text)
    if body is None:
        return False
    # A number with a dot behind it, as in `1.real`, is the one thing an atom cannot do; nobody asks for it.
    return isinstance(body, _ATOMS) or _in_parentheses(text, body)


def alone(text: str) -> str:
    """The expression fit to stand as an argument, an element or a value."""
    body = _body(text)
    if body is None:
        return f"({text})" if is_expression(text) else text
    return f"({text})" if isinstance(body, _LOOSE) and not _in_parentheses(text, body) else text


def operand(text: str) -> str:
    """The expression fit to stand next to any operator."""
    return text if atomic(text) else f"({text})"


def _body(text: str) -> ast.expr | None:
    tree = parsed(text.strip(), "eval")
    return tree.body if isinstance(tree, ast.Expression) else None


def _in_parentheses(text: str, body: ast.expr) -> bool:
    stripped = text.strip()
    if not stripped.startswith("("):
        return False
    if isinstance(body, (ast.Tuple, ast.GeneratorExp)):
        # `(a), (b)` starts and ends with a bracket as well, but what is between them does not stand alone.
        return stripped.endswith(")") and parsed(f"[{stripped[1:-1]}\n]", "eval") is not None
    return (body.lineno, body.col_offset) != (1, 0)


def free_of_context(parent: code.Node | None, node: code.Node) -> bool:
    """Whether any expression may take a node's place without parentheses."""
    if isinstance(parent, code.Argument):
        return parent.star == 0
    if isinstance(parent, code.Subscript):
        return parent.index is node
    return isinstance(parent, _FREE)
