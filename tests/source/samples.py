"""The syntax that the tests of this folder read, and plain dumps of what was read."""

from __future__ import annotations

from typing import Any

from trainlint.record import Record
from trainlint.source import code
from trainlint.source.document import Document, read

SYNTAX = '''\
"""Doc."""
from __future__ import annotations
import os, a.b.c as d, e.f
from ..pkg.mod import x as y, z
from . import *

a = b = c + 1 * -2 ** ~3 // 4 % 5 @ d
a, *b = (1, 2), [3, *c], {4, 5}
x: int = 0x_ff; y: "T"
x **= 1_000.5e-3 + 2j
s = "a" 'b' \\
    r"\\d" "\\x41\\n\\N{BULLET}é"
data = b"a\\x00" b"b"
text = f"{a}{{b}} {c!r} {d:>{width}} {e=}" "tail"
t = not a and b or c and (d or e)
r = a < b <= c != d is not e not in f
k = a if b else (lambda x, /, y=1, *z, w, **v: (yield))
m = {**a, "b": 1, c: [i for i in range(3) if i if not j for j in i]}
g = sum(v * v for v in values), (q async for q in z), {k: v for k, v in m}, {s for s in t}
n = a[1], a[1:2, ::3, ...], a[b,], a[*c], a[()]
call(a, *b, c=1, **d)(e)[f].g.h(
    (  # comment
        "é" "ü"
    ),
    end=(1,),
)
if (w := f(x)) > 1: pass; y = 2
elif z: print("x")
else: w = None
for i, (j, k) in enumerate(z):
    continue
else:
    pass
while True:
    break
try:
    pass
except (A, B) as error: raise C(error) from error
except D: raise
except: del a, (b), c[0]
else: pass
finally: assert x, "message"
with open(f) as (a, b), (lock): global q
with (
    a as b,
    c as d,
):
    pass
@dec.o(1)
@rator
async def f(a: int, b=2, /, *args: T, c, d=3, **kw) -> R:
    "doc" "string"
    nonlocal u, v
    async with a: await b
    async for i in c:
        yield i
    x = yield from d
    return
class K(Base, *bases, metaclass=M, **kw):
    """Class."""
    field: int = 1
    def method(self):
        return self
match point:
    case Point(x=0, y=[a, *rest]) | {"k": v, **others} if a > 1:
        pass
    case "x" | None | -1 as w: pass
    case _:
        pass
try: pass
except* E: pass
type Alias[T] = list[T]
def generic[T: int, *Ts, **P](x: T): return T
'''


def dump(document: Document) -> Any:
    """Everything that can be seen of a document, apart from the identity of units."""
    order = {unit: index for index, unit in enumerate(document.units)}

    def plain(value: Any) -> Any:
        if isinstance(value, code.Place):
            return (
                order[value.unit],
                value.number,
                document.offsets(value),
                document.statement_offsets(value),
                document.definition_of(value),
            )
        if isinstance(value, code.Part):
            return order[value.unit], plain(value.statements)
        if isinstance(value, tuple):
            return tuple(plain(item) for item in value)
        if isinstance(value, Record):
            return (type(value).__name__, *(plain(getattr(value, field)) for field in type(value).__match_args__))
        return repr(value)

    units = [(unit.text, unit.kind, document.starts[unit]) for unit in document.units]
    return plain(document.body), document.notices, document.dotted, document.comments, units


def nodes(document: Document, kind: type | None = None) -> list[Any]:
    """All code nodes of a kind in the order of the text."""
    found: list[Any] = []

    def visit(value: Any) -> None:
        if isinstance(value, code.Place):
            return
        if isinstance(value, tuple):
            for item in value:
                visit(item)
        elif isinstance(value, Record):
            if isinstance(value, kind or code.Node):
                found.append(value)
            for field in type(value).__match_args__:
                if field != "unit":
                    visit(getattr(value, field))

    visit(document.body)
    return sorted(found, key=lambda node: document.offsets(node.place)) if kind is not None else found


def statements(block: code.Block) -> list[code.Node]:
    """The statements of a block."""
    return [statement for part in block.parts for statement in part.statements]


def expression(text: str) -> Any:
    """The code of one expression."""
    (statement,) = statements(read(text + "\n").body)
    assert isinstance(statement, code.Evaluate)
    return statement.value
