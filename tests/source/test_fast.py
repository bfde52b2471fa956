"""The two parsers agree: what Python's own parser reads has the code and the places that libcst gives."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path
from typing import Any

import libcst
import pytest

from source.samples import SYNTAX, dump
from trainlint.record import Record
from trainlint.source import code, fast, load
from trainlint.source.document import Document, read

FILES = int(os.environ.get("TRAINLINT_LIBRARY_FILES", "20"))
"""How many files of the standard library are compared."""

# Parentheses, blanks and comments wherever the grammar lets them stand, and characters of several bytes.
PLACES = '''\
f((a), ( (b) ), * c, d = (e), ** (g))(h)[ (i) ]
f( (x for x in y) )(z for (z) in (y) if (z) if ((w)) )
f(  # (comment
    (  # )
        é
    )  # ,
    ,  # (
    (b),
)
(f)  (a, (b))
((f)((a)), (g.h)((b)).i)
class A : pass
class B ( (C) , (D).E , metaclass = (F) ) : pass
class   C  (   ): x = 1
class G(H, *(I), J, k=L, **M): pass
def   f ( a , b : (int) = (1) , * , c : "x" = ( (2) ) , ** kw ) -> ( R ) : pass
def g(* args : int, d=(3)) : return (args)
async   def h(a, /) : await (a)
@ (a)
@b . c ( (d) )
# between
def i(): pass
if ( a ) : pass
elif ( b )  :  # comment: with colon
    pass
else :
    if c: pass
while (a) or ((b)) : pass
for (a) in (b) : pass
for a, in b, : pass
for (a, b), c in d, (e) : pass
with (a) : pass
with (a) as b : pass
with (a), (b) : pass
with (a), (b) as (c) : pass
with (a as b) : pass
with (a, b) : pass
with (a, b) as c : pass
with ((a)) : pass
with (a, b as c,) : pass
with (  # comment
    (a),  # (
    (b) as (c, d),
) : pass
with (yield): pass
with ((yield)): pass
with (a := b): pass
with ((a := b)) as c: pass
with (yield) as a, (yield): pass
with a.b(c) as d.e, f() as g[0]: pass
try :
    pass
except ( A , B ) as e :
    pass
x = (1, (2), 3), (4), ((5),), ()
x = (  # comment
    1,
)
x = a [ (b) , (c) , ], a[(b, c)], a[(b),], a[b : (c) : ], a[::2, (1):(2)], a[  # c
    b,  # d
]
del (a, b), c
del (a)
del a[0], (b.c)
del [a, b]
del (a, b),
del ((a, b),)
x = [ (a) for (a) in (b) if (c) if (d) for e in (f) ]
x = [a  # comment
    # another
    for a in b  # (
    if (c)  # )
]
x = {(a) : (b) for (a, b) in (c)}
x = {(a) : (b), ** (c), 'd' : (e)}
x = {*a, (b)}
x = lambda : (0)
x = lambda a , * b , c = (1) , ** d : (a)
x = lambda *, a: a
x = (yield), (yield (a)), (yield from (b))
x = (a) if (b) else (c)
x = (a) < (b) , not (a) , - (1) , -(-2), +(a), ~ 5, -True, - 1j
x = (a and b) and c and (d and e), (a or b) or c, a and (b or c)
x = (a + b) + (c * d) ** - e, a - (b - c)
x = "a" "é" 'c', ("d"
    "e"), "é", f(1)
x = f"a{b}é{c.d(e)[0]!r:>{f}}" 'g' f"{h}", f(1)
x = f"" "", f"" f"{a}", "a" f"", rf"\\d{a}\\{b}", f"\\n{a}\\x41\\N{BULLET}", f"{a:%Y}{{}}", f"{ a }{a . b(c)}"
x = f"{a=}", f"{a = }", f"x{ a = !s}y", f"{a=:>3}", f"{f(b, *c, d=e)=}"
x = f"""{
    a(b)
} {(lambda: b)()} {[i for i in j]} {(i for i in j)} {a(i for i in j)} {a[b, c]} {f'{k}'}"""
x = b'a' b'\\xff', rb'\\x', u'a', '\\777', '\\q', "\\
"
x = 0XFF, 0o17, 0b1, 1_0, 1e1_0, 1.e400, .5j, 1E+3
x = ( a := (1) ), f(a := 1), [a := 2]
x = y = ( z ) = * a , b = c
x : (int) = (1)
x.y : int
x[0] : (int) = 1
x [ 0 ] += (1)
x = a . b . c ; y = (a . b) . c . d() ; z = 1
import a . b as c , d
from . . a . b import ( c as d , e , )
from ... import a
from .... a import *
from . . . import b
raise (A) from (b)
assert (a) , (b)
global q , r
(a)
( a ) ; b
return_ = [*a, *(b)], *c, (d)
match (a) :
    # comment: with case
    case ( b ) : pass
    case ( b | c ) if ( d ) : pass
    case [ e , * f ] | { "g" : h , ** i } : pass
    case j , k : pass
    case L ( m , n = o ) as p : pass
    case {
        "case": case
    }: pass
match a, b:  # comment
    case _: pass
match = case = 1
match . x
async def f():
    async with (a) as b , c : pass
    async for (a) in b : pass
    else : pass
    return [a async for a in b], (await c)
def f():
    def g(): yield
    x = lambda: (yield)
def f(a=(yield)): "doc" \\
    "string"
x = \\
    a . \\
    b
'''


def only_libcst(text: str, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The text read as if Python could read nothing of it."""
    with monkeypatch.context() as patch:
        patch.setattr(fast, "parse", lambda text: None)
        document = read(text)
    assert not any(unit.by_python for unit in document.units)
    return document


def flat(document: Document) -> list[tuple[Any, ...]]:
    """All nodes in the order of the code: their place's text, statement and definition, and their plain fields."""
    found: list[tuple[Any, ...]] = []

    def visit(value: Any, field: str) -> None:
        if isinstance(value, tuple):
            found.append((field, len(value)))
            for item in value:
                visit(item, field)
        elif isinstance(value, code.Part):
            visit(value.statements, field)
        elif isinstance(value, Record):
            place = getattr(value, "place", None)
            if place is not None:
                where = document.offsets(place), document.statement_offsets(place), document.definition_of(place)
                found.append((field, type(value).__name__, document.source_of(place), *where))
            for name in type(value).__match_args__:
                if name != "place":
                    visit(getattr(value, name), name)
        else:
            found.append((field, repr(value)))

    visit(document.body, "")
    return found


def assert_agreement(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asserts that both parsers give the same units, nodes, values, places and notices."""
    document, expected = read(text), only_libcst(text, monkeypatch)

    nodes, others = flat(expected), flat(document)
    # One by one: the difference of two long lists takes pytest minutes.
    for one, other in zip(nodes, others):
        assert one == other
    assert len(nodes) == len(others)
    assert expected.dotted == document.dotted
    assert expected.notices == document.notices
    assert [(unit.text, unit.yields) for unit in expected.units] == [
        (unit.text, unit.yields) for unit in document.units
    ]


@pytest.mark.parametrize("text", [SYNTAX, PLACES], ids=["syntax", "places"])
def test_the_parsers_agree_on_all_syntax(text: str, monkeypatch: pytest.MonkeyPatch):
    """
    Every kind of node, with blanks, comments and parentheses wherever they may stand.
    """
    assert_agreement(text, monkeypatch)


def test_the_parsers_agree_on_split_statements(monkeypatch: pytest.MonkeyPatch):
    """
    The same below a class and below a function that are too long for one unit.
    """
    plain = "".join(
        f"        {line}\n" if line else "\n"
        for line in PLACES.splitlines()
        if not line.endswith('"\\') and "import *" not in line and line != '"'
    )
    text = f"class A(  # comment\n    (B), C):\n    @d\n    async def e(self, x=(1)) -> F :\n{plain}"
    read_whole = read(text)

    assert len(read_whole.units) > 80
    assert_agreement(text, monkeypatch)


@pytest.mark.parametrize(
    "statement", [statement for statement in PLACES.splitlines() if statement[:1] not in ' )}]@"#']
)
def test_statements_alone(statement: str, monkeypatch: pytest.MonkeyPatch):
    """
    The same for statements on their own and for their first lines, finished or not.
    """
    assert_agreement(statement + "\n", monkeypatch)


def library() -> list[Path]:
    """Files of the standard library, spread over all of it."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = sorted(
        path
        for path in folder.rglob("*.py")
        if "site-packages" not in path.parts and path.stat().st_size < (40_000 if FILES < 100 else 400_000)
    )
    step = max(1, len(files) // max(FILES, 1))
    return files[step // 2 :: step]


@pytest.mark.parametrize("path", library(), ids=lambda path: path.name)
def test_the_parsers_agree_on_the_standard_library(path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    The same for real code, as far as libcst reads it and gives it back as it was.
    """
    try:
        text = path.read_text(encoding="utf-8")
        faithful = libcst.parse_module(text).code == text
    except (UnicodeDecodeError, libcst.ParserSyntaxError):
        faithful = False
    if not faithful or only_libcst(text, monkeypatch).notices:
        pytest.skip("libcst does not read all of it")
    assert_agreement(text, monkeypatch)


def test_python_reads_what_it_can():
    """
    Nothing of a text that every supported version reads is left to libcst.
    """
    assert [] == [unit for unit in read(PLACES).units if not unit.by_python]


def test_mixed_parsers_number_alike():
    """
    A unit has the same numbers whether it was read with the whole text, with its neighbours or alone.
    """
    for text in (SYNTAX, PLACES):
        lines = text.splitlines(True)
        document = None
        for count in range(0, len(lines), 5):
            document = read("".join(lines[:count]), previous=document)
        document = read(text, previous=document)

        assert dump(read(text)) == dump(document)


@pytest.mark.parametrize("text", [SYNTAX, PLACES], ids=["syntax", "places"])
def test_reading_in_pieces_changes_nothing(text: str, monkeypatch: pytest.MonkeyPatch):
    """
    The tree of the whole text, those of runs and those of single statements give the same document.
    """
    body = "    b = 1\n" * 50
    text += f"if a:\n{body}elif c:\n{body}else: e\n"
    text += f"try:\n{body}except c:\n    d\nexcept: d\nelse:\n    e\nfinally: f\n"
    whole = dump(read(text))
    monkeypatch.setattr(load, "MAX_WHOLE", 0)
    runs = dump(read(text))
    monkeypatch.setattr(load, "MAX_RUN", 0)

    assert whole == runs
    assert whole == dump(read(text))


def test_what_python_refuses_is_left_to_libcst():
    """
    One statement that this Python does not read leaves the others to it.
    """
    document = read("a = f(1)\nb = (2\nc = f(3)\n")

    assert [True, False, True] == [unit.by_python for unit in document.units]
    assert 1 == len(document.notices)


@pytest.mark.parametrize("text", ["x = 'a\0'\n", "x = '\ud800'\n", "print x\n", "x = " + "9" * 5000 + "\n"])
def test_nothing_is_raised(text: str):
    """
    Whatever Python's parser raises, the text is read.
    """
    assert 1 == len(read(text).body.parts)


def test_warnings_are_silent():
    """
    What Python warns of in the user's text is neither shown nor an error.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        document = read("x = '\\d'\ny = 1or 2\n")

    assert [] == caught
    assert [True, True] == [unit.by_python for unit in document.units]


def test_libcst_is_not_imported_for_what_python_reads():
    """
    Reading, and asking for places, of a text that Python reads does without libcst.
    """
    program = (
        "import sys\n"
        "from trainlint.source.document import read\n"
        "document = read('class A:\\n    def f(self):\\n        return g(1)\\n' + 'x = 1\\n' * 50)\n"
        "document.span(document.body.parts[0].statements[0].place)\n"
        "assert document.notices == ()\n"
        "sys.exit('libcst' in sys.modules)\n"
    )

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
