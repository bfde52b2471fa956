"""Reading: never an exception, the same result by every way, damage stays local."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source.samples import SYNTAX, dump, nodes, statements
from source.test_scanner import texts
from trainlint.finding import Location, Notice
from trainlint.source import code
from trainlint.source.document import MAX_TEXT, common_prefix, common_suffix, read

PROGRAM = '''\
import tensorflow as tf
from tensorflow import keras

class Net(keras.Model):
    """A network."""
    def __init__(self, n=10):
        super().__init__()
        self.dense = keras.layers.Dense(n, activation="relu")

    def call(self, x):
        if x is None:
            return self.dense(
                x,
            )
        else:
            return x

with tf.Graph().as_default():
    for step in range(100):
        print("loss", step)
model = Net()
model.compile(optimizer="adam", loss="mse")
'''
LONG = PROGRAM.replace("        super().__init__()\n", "".join(f"        self.x{i} = {i}\n" for i in range(50)))
SNIPPETS = [
    "(",
    ")",
    '"',
    "'",
    '"""',
    "\n",
    "    ",
    ":",
    ".",
    ",",
    "=",
    "#",
    "\\",
    "def f(x):\n",
    "if x:\n    ",
    "else:\n",
]
SNIPPETS += ["return\n", "print x\n", "@", "\t", "\0", "try:\n", "x = foo(", "é"]


@st.composite
def edits(draw: st.DrawFn) -> list[str]:
    """Texts that follow each other: inserts, deletions, indents, joins, moves."""
    text = draw(st.sampled_from([PROGRAM, LONG, SYNTAX]))
    result = [text]
    for _ in range(draw(st.integers(1, 5))):
        lines = text.split("\n")
        first = draw(st.integers(0, len(lines) - 1))
        stop = draw(st.integers(first, min(first + 8, len(lines))))
        kind = draw(st.sampled_from(["insert", "delete", "indent", "dedent", "join", "move", "cut", "undo"]))
        if kind == "insert":
            offset = draw(st.integers(0, len(text)))
            text = text[:offset] + draw(st.sampled_from(SNIPPETS)) + text[offset:]
        elif kind == "cut":
            offset = draw(st.integers(0, len(text)))
            text = text[:offset] + text[offset + draw(st.integers(1, 30)) :]
        elif kind == "undo":
            text = draw(st.sampled_from(result))
        else:
            block = lines[first:stop]
            if kind == "indent":
                block = ["    " + line for line in block]
            elif kind == "dedent":
                block = [line.removeprefix("    ") for line in block]
            elif kind == "join":
                block = [" ".join(block)]
            rest = lines[:first] + lines[stop:]
            if kind == "delete":
                lines = rest
            elif kind == "move":
                target = draw(st.integers(0, len(rest)))
                lines = rest[:target] + block + rest[target:]
            else:
                lines = lines[:first] + block + lines[stop:]
            text = "\n".join(lines)
        result.append(text)
    return result


@given(edits())
@settings(max_examples=60)
def test_reading_on_from_an_earlier_document_changes_nothing(sequence: list[str]):
    """
    After any edits, broken states in between, the document equals the one that is read afresh.
    """
    document = None
    for text in sequence:
        document = read(text, previous=document)

        assert dump(read(text)) == dump(document)


@given(texts)
def test_any_text_is_read(text: str):
    """
    No text raises, and every place has a position inside the text.
    """
    document = read(text)

    for node in nodes(document):
        start, end = document.offsets(node.place)
        assert 0 <= start <= end <= len(document.text)


@given(st.integers(0, len(SYNTAX)), st.integers(0, 40))
@settings(max_examples=60)
def test_a_program_with_a_hole_is_read(start: int, length: int):
    """
    A program of which any stretch is missing is read, and what stands before the hole's statement is untouched.
    """
    document = read(SYNTAX[:start] + SYNTAX[start + length :])
    whole = [unit.text for unit in read(SYNTAX[:start]).units[:-2]]

    assert whole[: len(whole) // 2] == [unit.text for unit in document.units][: len(whole) // 2]


@pytest.mark.parametrize(
    "damage",
    [
        "x = foo(a, b=",
        "x = tf.nn.",
        "def f(a, b",
        "x = 'abc",
        'x = """abc',
        "if x == 3:",
        "for i in",
        "x = [1, 2",
        "class",
        "@",
    ],
)
def test_damage_stays_local(damage: str):
    """
    A broken line anywhere between the statements costs no call outside of it, and gives one notice at most.
    """
    calls = nodes(read(PROGRAM), code.Call)
    for line in (3, 16, 19, 20):
        lines = PROGRAM.split("\n")
        indent = lines[line][: len(lines[line]) - len(lines[line].lstrip())]
        lines.insert(line, indent + damage)
        document = read("\n".join(lines))
        start = len("\n".join(lines[:line])) + 1
        end = start + len(indent + damage)
        kept = [call for call in nodes(document, code.Call) if not start <= document.offsets(call.place)[0] < end]

        assert len(calls) == len(kept)
        assert 1 >= len(document.notices)


def test_a_clean_program_has_no_notice():
    """
    The sample of all syntax is read without a notice and without a skipped statement.
    """
    document = read(SYNTAX)

    assert () == document.notices
    assert [] == nodes(document, code.Skipped)


def test_python_2_gives_one_notice():
    """
    Statements of Python 2 are read as what they mean, with one notice for the file.
    """
    text = 'print "a", x\nprint\nexec code\nn = 0777 + 10L\ns = ur"a"\nif a <> b: raise E, "m"\n'
    text += "def f(a, (b, c)): return `a`\nfoo(async=True)\nprint x\n"
    document = read(text, "old.py")
    message = "Python 2 code in 8 statements, the first is a print statement; read as Python 3"

    assert (Notice("syntax-skipped", "old.py", message, 1),) == document.notices
    assert ["print", "exec", "foo", "print"] == [call.function.id for call in nodes(document, code.Call)]


def test_what_cannot_be_read_is_skipped_with_its_names():
    """
    A statement that no repair can read leaves the names that it seems to assign, and a notice with its line.
    """
    document = read("a = 1\nb, c = $ ? 3\nd = 2\n", "x.py")
    skipped = statements(document.body)[1]
    assert isinstance(skipped, code.Skipped)

    assert ("b", "c") == skipped.names
    assert [("syntax-skipped", 2)] == [(notice.kind, notice.line) for notice in document.notices]


def test_wrong_indentation_gives_a_notice():
    """
    Where each statement can be read but not the way they stand together, the statements are kept and a notice says so.
    """
    document = read("if a:\n\tx = f()\n        y = g()\n")

    assert ["f", "g"] == [call.function.id for call in nodes(document, code.Call)]
    assert 1 == len(document.notices)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000 + ")" * 5000,
        "x = a" + ".b()" * 5000,
        "x = " + "not " * 5000 + "a",
        "x = " + "-" * 5000 + "a",
        "x = " + "lambda: " * 5000 + "a",
        "x = a" + "[0]" * 5000,
        "x = (" + '"a"\n' * 5000 + ")",
        "x = " + "a if b else " * 5000 + "a",
        "x = [" + "1, " * 60_000 + "]",
    ],
)
def test_a_text_that_would_kill_the_parser_is_skipped(text: str):
    """
    Deep nesting, long chains and tables of data are skipped with a notice, and the rest is read.
    """
    document = read(text + "\ny = 1\n")
    first, second = statements(document.body)

    assert isinstance(first, code.Skipped)
    assert first.names == ("x",)
    assert isinstance(second, code.Assign)
    assert 1 == len(document.notices)
    assert 0 == document.offsets(first.place)[0]


def test_deep_blocks_are_skipped():
    """
    Blocks nested deeper than Python allows do not raise.
    """
    text = "".join(" " * depth + "if a:\n" for depth in range(2000)) + " " * 2000 + "pass\ny = 1\n"
    document = read(text)

    assert isinstance(statements(document.body)[1], code.Assign)
    assert 1 == len(nodes(document, code.Skipped))
    assert ["syntax-skipped"] == [notice.kind for notice in document.notices]


def test_a_huge_text_is_refused():
    """
    A text above the limit is not read; one notice says so.
    """
    document = read("x = 1\n" * (MAX_TEXT // 6 + 1), "data.py")

    assert ["incomplete"] == [notice.kind for notice in document.notices]
    assert () == document.body.parts


@pytest.mark.parametrize(
    ("text", "line"),
    [("\f\nx\n\f\n\fy\n", 4), ("'\u2028'\ny\n", 2), ("a\r\n'b'\r\ny", 3), ("a\ry", 2), ("a\0\ny", 2), ("y", 1)],
)
def test_unusual_characters_do_not_shift_lines(text: str, line: int):
    """
    Form feeds, line separators, carriage returns and NUL bytes leave the lines what they are to Python.
    """
    document = read(text)
    last = statements(document.body)[-1]

    assert "y" == document.source_of(last.place)
    assert line == document.span(last.place).line


def test_the_dotted_names():
    """
    Attribute chains that start at a name and imported names are collected.
    """
    text = "import a.b as c\nfrom d import e\nf(tf.nn.relu(x).shape).y = tf.zeros\n"

    assert {"a.b", "d.e", "tf.nn.relu", "tf.zeros"} == read(text).dotted


def test_definitions():
    """
    A place knows the dotted name of the definition around it, whether that was split or not.
    """
    document = read(LONG)
    calls = nodes(document, code.Call)
    names = {document.source_of(call.function.place): document.definition_of(call.place) for call in calls}

    assert "Net.__init__" == names["keras.layers.Dense"]
    assert "Net.call" == names["self.dense"]
    assert "" == names["model.compile"]


def test_statements():
    """
    The statement of a place is the innermost simple one, or the header of the compound one.
    """
    document = read("@a(1)\n@b\ndef f(x=c(2)):\n    y = 1; z = d(\n        3)\n    if e(4): g(5)\n")
    found = []
    for call in nodes(document, code.Call):
        start, end = document.statement_offsets(call.place)
        found.append((document.text[start:end], document.statement_lines(call.place)))

    assert [
        ("@a(1)\n@b\ndef f(x=c(2)):", (1, 3)),
        ("@a(1)\n@b\ndef f(x=c(2)):", (1, 3)),
        ("z = d(\n        3)", (4, 5)),
        ("if e(4):", (6, 6)),
        ("g(5)", (6, 6)),
    ] == found


def test_comments():
    """
    Comments come with offset, line and text.
    """
    document = read("# a\nx = [  # b\n    # c\n]\n'# no'\n")

    assert [(0, 1, "# a"), (11, 2, "# b"), (19, 3, "# c")] == document.comments


class TwoCells:
    """A notebook whose second cell starts on line 3."""

    boundaries = (0, 14)

    def locate(self, line: int) -> tuple[int, str | None, int]:
        """The cell of a line."""
        return (4, "b", line - 2) if line > 2 else (1, "a", line)


def test_cells():
    """
    Locations and notices of a notebook count within the cell, and damage ends at the end of the cell.
    """
    document = read("import a\nf(1,\n2)\ng(2)\n", "n.ipynb", cells=TwoCells())
    first, second = nodes(document, code.Call)

    assert Location("n.ipynb", 2, 1, 2, 5, 1, "a") == document.location(first.place)
    assert Location("n.ipynb", 2, 1, 2, 5, 4, "b") == document.location(second.place)
    assert [(2, 1), (1, 4)] == [(notice.line, notice.cell) for notice in document.notices]


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_common_ends(one: str, other: str):
    """
    The shared start and end of two texts are found exactly.
    """
    prefix, suffix = common_prefix(one, other), common_suffix(one, other)

    assert one[:prefix] == other[:prefix]
    assert one[prefix : prefix + 1] != other[prefix : prefix + 1] or prefix == min(len(one), len(other))
    assert one[len(one) - suffix :] == other[len(other) - suffix :]
    assert suffix == min(len(one), len(other)) or one[-suffix - 1] != other[-suffix - 1]
