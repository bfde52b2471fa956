"""IPython's syntax is taken out without moving anything."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.source.magics import plain_cell, plain_export

PIECES = st.lists(
    st.sampled_from(
        [
            "%time ",
            "%%time",
            "%%bash",
            "!",
            "?",
            "x = ",
            "f(",
            ")",
            "'",
            '"""',
            "\\\n",
            "\n",
            "    ",
            "# ",
            "a",
            "%",
            "=",
        ]
    ),
    max_size=12,
).map("".join)


@given(PIECES)
def test_nothing_moves(text):
    """Whatever the text is, the result has the same length and the same lines."""
    for plain in (plain_cell(text), plain_export(text)):
        assert [len(line) for line in text.split("\n")] == [len(line) for line in plain.text.split("\n")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%matplotlib inline\nx = 1", "\nx = 1"),
        ("!pip install keras\nx = 1", "\nx = 1"),
        ("!!ls\n", "\n"),
        ("!pip install \\\n  keras\nx = 1", "\n\nx = 1"),
        ("pip install keras\nx = 1", "\nx = 1"),
        ("model.fit?\nx", "\nx"),
        ("??model\nx", "\nx"),
        ("x = model?", ""),
        ("if x:\n    !ls\n", "if x:\n    0\n"),
        ("%time f(x)", "0;    f(x)"),
        ("%time h = f(x,\n  y)\n%ls", "0;    h = f(x,\n  y)\n"),
        ("for i in x:\n  %time f(i)", "for i in x:\n  0;    f(i)"),
        ("h = %time f(x)", "h =       f(x)"),
        ("a, b[0] = %timeit -o f(x)", "a, b[0] = __"),
        ("files = !ls *.py\nx", "files = __\nx"),
        ("files = !ls \\\n  -l\nx", "files = __\n\nx"),
        ("%%time\nf(x)", "\nf(x)"),
        ("\n# %%time\n%%capture out\n%%time\nf(x)", "\n# %%time\n\n\nf(x)"),
        ("%%bash\nif [ $x ]; then\n  y\nfi", "\n\n\n"),
        ("%%html\n<b>\n", "\n\n"),
        ("%%some_unknown_magic\nx = 1", "\n"),
        ("get_ipython().system('ls')", "get_ipython().system('ls')"),
    ],
)
def test_cell(text, expected):
    """What is not Python becomes blank, the rest stays."""
    assert expected == "\n".join(line.rstrip() for line in plain_cell(text).text.split("\n"))


@pytest.mark.parametrize(
    "text",
    [
        "x = (5\n  % 3)",
        "x = 5 \\\n  % 3",
        's = """\n%time\n!ls\n"""',
        "s = '''\nwhat?\n'''",
        "print('lr=%f' % x)",
        "d['lr=%f' % x] = 1",
        "x %= 3",
        "x = a != b",
        "x = 1  # why?",
        "s = 'why?'",
        "x = 1\n# %%time",
        "if x != y or (\n  x % 3\n  != 4):\n  z = x != \\\n   y",
        "x = f(a,\n  b) % c\ny = '''a\n%b''' % c\nz = [\n%c]",
    ],
)
def test_python_stays(text):
    """Python is not touched, although lines start with `%` or `!`, or end with `?`."""
    assert text == plain_cell(text).text == plain_export(text).text


@given(
    st.sampled_from(["%ls", "!ls", "x = !ls", "x = %ls -l", "%time f()", "x = %time f()"]), st.sampled_from(["", "\n"])
)
def test_result_is_python(line, end):
    """What a magic leaves behind parses, at the margin and as the only line of a block."""
    ast.parse(plain_cell(line + end).text)
    ast.parse(plain_cell(f"if x:\n    {line}{end}").text)


def test_library_stays():
    """No line of the standard library is taken for a magic."""
    changed = []
    for file in sorted(Path(ast.__file__).parent.glob("*.py")):
        text = file.read_text("utf-8")
        # A magic in the first line, so that the fast way out is not taken.
        if not (text == plain_export(text).text and "   \n" + text == plain_cell("%ls\n" + text).text):
            changed.append(file.name)

    assert [] == changed


def test_commands():
    """The lines that were blanked are given back with their places."""
    plain = plain_cell("%tensorflow_version 1.x\nif x:\n  !pip install keras==2.3\n")

    assert ((0, "%tensorflow_version 1.x"), (32, "!pip install keras==2.3")) == plain.commands


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%bash\n# pip install x\n  pip install \\\n y\nls", ["%%bash", "pip install \\\n y", "ls"]),
        ("%%html\npip install x", ["%%html"]),
        ("get_ipython().system('pip install x')\n!ls", ["pip install x", "!ls"]),
        ("get_ipython().run_line_magic('tensorflow_version', '1.x')", ["%tensorflow_version 1.x"]),
        ("get_ipython().magic(name)", []),
        ("# IPython magic to ensure Python compatibility.\n# %pip install x\n# %ls", ["%pip install x"]),
        ("# %pip install x", []),
    ],
)
def test_commands_of_shells_and_exports(text, expected):
    """A shell's lines are commands, and so is what an export made of a command; each with its place."""
    commands = plain_cell(text).commands

    assert expected == [command for _, command in commands]
    assert all(start <= text.index(command) for start, command in commands if command in text)


@pytest.mark.parametrize(
    ("head", "name", "append"),
    [
        ("%%writefile net.py", "net.py", False),
        ("%%writefile -a net.py", "net.py", True),
        ("%%file 'my net.py'", "my net.py", False),
    ],
)
def test_written_file(head, name, append):
    """A `%%writefile` cell is a file of its own and leaves the notebook blank."""
    plain = plain_cell(f"{head}\nimport keras\n!ls\n")
    [written] = plain.written

    assert "" == plain.text.strip()
    assert (name, "import keras\n!ls\n", len(head) + 1, append) == (
        written.name,
        written.text,
        written.start,
        written.append,
    )


def test_export():
    """In an exported notebook, magics are blanked and a foreign cell ends at the next cell marker."""
    text = "import x\n%matplotlib inline\n# %%\n%%bash\nls; fi\n# In[3]:\n%%time\nf(x)\nwhat?\n"

    assert ["import x", "", "# %%", "", "", "# In[3]:", "", "f(x)", "what?", ""] == [
        line.rstrip() for line in plain_export(text).text.split("\n")
    ]


def test_export_without_markers():
    """A foreign cell magic in a file without cell markers takes its own line only."""
    assert "import x\n      \nx = 1\n" == plain_export("import x\n%%bash\nx = 1\n").text
