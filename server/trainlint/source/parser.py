"""The contact with libcst's parser and code generator, which are not public: libcst is pinned to a minor version.

The native parser recurses on the C stack and kills the process when a text nests too deep, so `guard` comes first.
`parse` has to run on the main thread or on one with a stack of at least 8 MB: on 512 KB even depth 100 is fatal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

# Native stack use was measured: nesting of 1 000 is fine on 8 MB, 1 500 is fatal; chains take quadratic time.
MAX_DEPTH = 100
MAX_CHAIN = 300

# A statement of this length is a table of data; its tree would take some 75 times its text in memory, and a second.
MAX_LENGTH = 100_000

_PIECE = re.compile(
    r"\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|(#[^\n]*)|([(\[{])|([)\]}])|(,)|(\n)|(\.|\*\*|//|[-+*/%@&|^~]|\b(?:not|lambda|if)\b)",
    re.DOTALL,
)


class SyntaxFailure(Exception):
    """A text that does not parse; `line` counts from 1 in that text."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def guard(text: str) -> str | None:
    """Why the parser must not see this text, or None if it may."""
    if len(text) > MAX_LENGTH:
        return f"a statement of {len(text) // 1000} kB is too long to analyse"
    if len(text) <= 2 * MAX_DEPTH:
        return None
    brackets = text.count("(") + text.count("[") + text.count("{")
    links = sum(
        map(text.count, (".", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "not", "lambda", "if", '"', "'"))
    )
    if brackets <= MAX_DEPTH and brackets + links <= MAX_CHAIN:
        return None
    counts = [0]
    for piece in _PIECE.finditer(text):
        kind = piece.lastindex
        if kind == 2:
            counts[-1] += 1
            counts.append(0)
            if len(counts) > MAX_DEPTH + 1:
                return f"brackets nest deeper than {MAX_DEPTH}"
        elif kind == 3:
            if len(counts) > 1:
                counts.pop()
        elif kind == 4:
            counts[-1] = 0
        elif kind == 5:
            if len(counts) == 1:
                counts[0] = 0
        elif kind != 1:
            counts[-1] += 1
        if counts[-1] > MAX_CHAIN:
            return f"an expression chains more than {MAX_CHAIN} operators"
    return None


def parse(text: str) -> Any:
    """The libcst module of a text that `guard` lets pass; raises SyntaxFailure."""
    from libcst import ParserSyntaxError
    from libcst.native import parse_module  # type: ignore[import-not-found]

    try:
        return parse_module(text, "utf-8")
    except ParserSyntaxError as error:
        raise SyntaxFailure(error.raw_line, error.message) from None
    except Exception as error:
        # Trees that libcst refuses to build, such as a string joined to bytes, and halves of surrogate pairs.
        raise SyntaxFailure(1, str(error)) from None
    except BaseException as error:
        # A panic of the native parser is no Exception; everything else of this kind is meant for others.
        if type(error).__name__ != "PanicException":
            raise
        raise SyntaxFailure(1, "the parser gave up") from None


class Positions:
    """The offsets of all trees of a module, found by generating its code once.

    `outer` has the stretch that a tree covers with the whitespace it owns, `inner` the syntactic one where it differs.
    Raises RecursionError where the tree is too deep.
    """

    def __init__(self, module: Any) -> None:
        self.outer: dict[int, tuple[int, int]] = {}
        self.inner: dict[int, tuple[int, int]] = {}
        module._codegen(_state(module, self))

    def span(self, tree: Any) -> tuple[int, int]:
        """Start and end of a tree without the whitespace around it."""
        return self.inner.get(id(tree)) or self.outer[id(tree)]


_STATE: Any = None


def _state(module: Any, positions: Positions) -> Any:
    global _STATE
    if _STATE is None:
        _STATE = _define_state()
    return _STATE(module, positions)


def _define_state() -> Any:
    from libcst._nodes.internal import CodegenState

    class State(CodegenState):
        """Measures instead of writing: keeps the offset reached, and where each node began and ended."""

        def __init__(self, module: Any, positions: Positions) -> None:
            super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
            self.offset = 0
            self.starts: list[int] = []
            self.outer = positions.outer
            self.inner = positions.inner

        def add_indent_tokens(self) -> None:
            for token in self.indent_tokens:
                self.offset += len(token)

        def add_token(self, value: str) -> None:
            self.offset += len(value)

        def before_codegen(self, node: Any) -> None:
            self.starts.append(self.offset)

        def after_codegen(self, node: Any) -> None:
            self.outer[id(node)] = self.starts.pop(), self.offset

        def pop_trailing_newline(self) -> None:
            pass

        def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Any:
            return _Stretch(self, node, end_node)

    return State


class _Stretch:
    __slots__ = ("end_node", "node", "start", "state")

    def __init__(self, state: Any, node: Any, end_node: Any) -> None:
        self.state = state
        self.node = node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.start = self.state.offset

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        state = self.state
        end = state.offset
        if self.end_node is not None:
            # The last piece of a compound statement ends where its last statement does, not after its comments.
            found = state.inner.get(id(self.end_node)) or state.outer.get(id(self.end_node))
            if found is not None:
                end = found[1]
        state.inner[id(self.node)] = self.start, end
