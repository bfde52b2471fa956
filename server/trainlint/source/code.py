"""The lowered code: what is left of a program when syntax, comments and spelling are gone.

`fast.py` makes it from the trees of Python's own parser and `lower.py` from those of libcst, both the same.
The interpreter runs it, and nothing else looks at it.
Nodes are immutable and compare by identity.
Each carries the place that a finding about it underlines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.source.units import Unit


class Place:
    """A node of the user's text: the unit that it was parsed in and its number in the walk over that unit.

    It stays valid while lines are inserted before its unit, and it costs nothing until somebody asks
    `Document.span(place)` for lines and columns.
    Each node has a place of its own, so places are compared by identity, which is what most look-ups do with them.
    """

    __slots__ = ("number", "unit")

    def __init__(self, unit: Unit, number: int) -> None:
        self.unit = unit
        self.number = number

    def __repr__(self) -> str:
        return f"Place({self.unit!r}, {self.number})"


class Stretch(Record):
    """A stretch of a document's text that is no code, such as a comment: reported instead of a place."""

    path: str
    start: int
    end: int


class Node(Record, eq=False):
    place: Place


class Part(Record, eq=False):
    """The statements of one unit, in order."""

    unit: Unit
    statements: tuple[Node, ...]


class Block(Record, eq=False):
    """A body: its parts in order.

    A short body is one part; the body of a long class, function, loop or `with` is split, so that an edit
    parses and runs one part again.
    """

    parts: tuple[Part, ...] = ()


# Expressions ---------------------------------------------------------------------------------------------------------


class Name(Node, eq=False):
    id: str


class Constant(Node, eq=False):
    """A literal: int, float, complex, str, bytes, bool, None or Ellipsis."""

    value: object


class Attribute(Node, eq=False):
    value: Node
    name: str


class Argument(Node, eq=False):
    """One argument of a call: `value`, `keyword=value`, `*value` (star 1) or `**value` (star 2)."""

    value: Node
    keyword: str | None = None
    star: int = 0


class Call(Node, eq=False):
    function: Node
    arguments: tuple[Argument, ...] = ()


class Subscript(Node, eq=False):
    """`value[index]`; several indices arrive as one Sequence of kind tuple."""

    value: Node
    index: Node


class Slice(Node, eq=False):
    lower: Node | None = None
    upper: Node | None = None
    step: Node | None = None


class Operation(Node, eq=False):
    """`+ - * / // % ** @ & | ^ << >>`, `and`, `or` with two or more operands; `not`, `~`, unary `-`, `+` with one."""

    operator: str
    operands: tuple[Node, ...]


class Comparison(Node, eq=False):
    """`a < b <= c`: one operator fewer than operands; `in`, `not in`, `is`, `is not` included."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]


class Conditional(Node, eq=False):
    test: Node
    then: Node
    otherwise: Node


class Sequence(Node, eq=False):
    """A display; `kind` is list, tuple or set. Elements may be Starred."""

    kind: str
    elements: tuple[Node, ...] = ()


class Starred(Node, eq=False):
    value: Node


class Mapping(Node, eq=False):
    """A dict display; a key of None stands for `**value`."""

    items: tuple[tuple[Node | None, Node], ...] = ()


class Clause(Node, eq=False):
    """`for target in iterable if conditions` of a comprehension."""

    target: Node
    iterable: Node
    conditions: tuple[Node, ...] = ()


class Comprehension(Node, eq=False):
    """`kind` is list, set, dict or generator; `key` is given for a dict only."""

    kind: str
    element: Node
    clauses: tuple[Clause, ...]
    key: Node | None = None


class Parameter(Node, eq=False):
    """A parameter; `kind` is positional-only, normal, star, keyword-only or double-star."""

    name: str
    default: Node | None = None
    kind: str = "normal"
    annotation: Node | None = None


class Lambda(Node, eq=False):
    parameters: tuple[Parameter, ...]
    body: Node

    __derived__ = ("telling",)
    if TYPE_CHECKING:
        telling: tuple[Node, ...]


class Formatted(Node, eq=False):
    """An f-string: literal pieces are str, the rest expressions."""

    parts: tuple[str | Node, ...]


class Binding(Node, eq=False):
    """`target := value`."""

    target: Name
    value: Node


class Yield(Node, eq=False):
    """`yield value`, or `yield from value`."""

    value: Node | None = None
    delegated: bool = False


class Await(Node, eq=False):
    value: Node


class Opaque(Node, eq=False):
    """An expression that the lowering does not model; it evaluates to unknown."""


# Statements ----------------------------------------------------------------------------------------------------------


class Assign(Node, eq=False):
    """`a = b = value`; `a: annotation = value`; `a: annotation` has no value."""

    targets: tuple[Node, ...]
    value: Node | None = None
    annotation: Node | None = None


class Augment(Node, eq=False):
    """`target operator= value`; the operator comes without its equals sign."""

    target: Node
    operator: str
    value: Node


class Evaluate(Node, eq=False):
    """An expression as a statement."""

    value: Node


class Return(Node, eq=False):
    value: Node | None = None


class Delete(Node, eq=False):
    targets: tuple[Node, ...]


class Imported(Node, eq=False):
    """One name of an import: `name as alias`; the name is dotted for `import a.b`, `*` for a star import."""

    name: str
    alias: str | None = None


class Import(Node, eq=False):
    names: tuple[Imported, ...]


class ImportFrom(Node, eq=False):
    """`from ..module import names`; `level` counts the dots, `module` may be empty."""

    module: str
    level: int
    names: tuple[Imported, ...]


class Raise(Node, eq=False):
    value: Node | None = None


class Assert(Node, eq=False):
    test: Node


class Scope(Node, eq=False):
    """`global names` or `nonlocal names`."""

    kind: str
    names: tuple[str, ...]


class Jump(Node, eq=False):
    """`pass`, `break` or `continue`."""

    kind: str


class If(Node, eq=False):
    test: Node
    body: Block
    orelse: Block = Block()


class For(Node, eq=False):
    target: Node
    iterable: Node
    body: Block
    orelse: Block = Block()


class While(Node, eq=False):
    test: Node
    body: Block
    orelse: Block = Block()


class WithItem(Node, eq=False):
    value: Node
    target: Node | None = None


class With(Node, eq=False):
    items: tuple[WithItem, ...]
    body: Block


class Handler(Node, eq=False):
    type: Node | None
    name: str | None
    body: Block


class Try(Node, eq=False):
    body: Block
    handlers: tuple[Handler, ...] = ()
    orelse: Block = Block()
    final: Block = Block()


class Define(Node, eq=False):
    """A function definition. `place` covers the header line's name."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    decorators: tuple[Node, ...] = ()
    docstring: str | None = None
    is_generator: bool = False

    __derived__ = ("telling",)
    if TYPE_CHECKING:
        telling: tuple[Node, ...]


class ClassDefine(Node, eq=False):
    """A class definition. `place` covers the header line's name."""

    name: str
    bases: tuple[Argument, ...]
    body: Block
    decorators: tuple[Node, ...] = ()
    docstring: str | None = None

    __derived__ = ("telling",)
    if TYPE_CHECKING:
        telling: tuple[Node, ...]


class Case(Node, eq=False):
    """One case of a match statement; the names that its pattern binds become unknown."""

    names: tuple[str, ...]
    guard: Node | None
    body: Block


class Match(Node, eq=False):
    subject: Node
    cases: tuple[Case, ...]


class Skipped(Node, eq=False):
    """A statement that could not be read. The names that it seems to assign become unknown."""

    names: tuple[str, ...] = ()
