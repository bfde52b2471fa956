"""Notebooks as one virtual module, and edits back into the cells."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.source.notebook import read_notebook
from trainlint.source.text import EditError

SOURCES = st.lists(
    st.text('ab"\\\n\u00e9\U0001f600\u2028', max_size=8) | st.sampled_from(["a\r\nb", "a\r\nb\r\n", "a\n\n"]),
    max_size=4,
)


def lines(source: str) -> list[str]:
    """The form in which Jupyter saves a source: one string per line."""
    return re.findall(r"[^\n]*\n|[^\n]+", source)


def notebook(*sources: object, **more: object) -> dict[str, object]:
    """A notebook of nbformat 4 with these code cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "outputs": [{"text": ['"source": "x"\n']}],
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {"x": 1.50}, "nbformat": 4, "nbformat_minor": 5, **more}


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A notebook file in one of the ways that tools write it, and its sources."""
    sources = draw(SOURCES)
    stored: list[object] = [lines(source) if draw(st.booleans()) else source for source in sources]
    document = notebook(*stored)
    if draw(st.booleans()):
        cells = [{"cell_type": "code", "input": source, "language": "python"} for source in stored]
        document = {"worksheets": [{"cells": cells[:1]}, {"cells": cells[1:]}], "nbformat": 3}
    indent = draw(st.sampled_from([None, 1, "\t"]))
    text = json.dumps(document, indent=indent, ensure_ascii=draw(st.booleans()))
    return (draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n"]))).encode(), sources


@st.composite
def edits_of(draw: st.DrawFn, length: int, alphabet: str) -> list[tuple[int, int, str]]:
    """Edits of a text of this length that do not overlap; they may touch each other."""
    places = sorted(draw(st.lists(st.integers(0, length), max_size=6)))
    return [(places[n], places[n + 1], draw(st.text(alphabet, max_size=4))) for n in range(0, len(places) - 1, 2)]


def applied(text: str, edits: list[tuple[int, int, str]]) -> str:
    """The text after the edits."""
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text


def sources_of(data: bytes) -> list[str]:
    """The sources of the code cells as JSON tells them."""
    document = json.loads(data)
    sheets = document.get("worksheets", [document])
    return ["".join(cell.get("source", cell.get("input"))) for sheet in sheets for cell in sheet["cells"]]


@given(files())
def test_virtual_module(file):
    """The text is the cells in order, each closed by a line end of its own."""
    data, sources = file
    notebook = read_notebook(data)

    assert () == notebook.notices
    assert data == notebook.encode([])
    assert "".join(source.replace("\r\n", "\n") + "\n" for source in sources) == notebook.text
    assert len(sources) == len(notebook.boundaries)
    assert all(offset == 0 or notebook.text[offset - 1] == "\n" for offset in notebook.boundaries)


@given(st.data(), files())
def test_edits_of_one_cell(data, file):
    """Edits arrive in their cell; every other cell keeps its source, and the file its form."""
    content, sources = file
    if not sources:
        return
    index = data.draw(st.integers(0, len(sources) - 1))
    notebook = read_notebook(content)
    start = notebook.boundaries[index]
    text = sources[index].replace("\r\n", "\n")
    edits = data.draw(edits_of(len(text), 'xy\n\u00e9"'))
    written = notebook.encode([(start + begin, start + end, new) for begin, end, new in edits])

    expected = [*sources]
    expected[index] = applied(text, edits)
    actual = sources_of(written)
    actual[index] = actual[index].replace("\r\n", "\n")
    assert expected == actual
    assert len(re.findall(rb'"(?:source|input)":\s*\[', content)) == len(
        re.findall(rb'"(?:source|input)":\s*\[', written)
    )
    assert content[: content.index(b'"', 5)] == written[: content.index(b'"', 5)]
    assert content.endswith(b"\n") == written.endswith(b"\n")


@given(st.data(), st.text("ab\n", max_size=12), st.sampled_from([None, 1]))
def test_list_keeps_one_line_per_string(data, source, indent):
    """A source that was saved as one string per line is written back as Jupyter would save it."""
    file = json.dumps(notebook(lines(source), ["z"]), indent=indent).encode()
    edits = data.draw(edits_of(len(source), "xy\n"))
    new_lines = lines(applied(source, edits))
    edited = read_notebook(file).encode(edits)

    # A list that loses its last line keeps one empty string, so that the layout of the list survives.
    expected = {json.dumps(notebook(form, ["z"]), indent=indent).encode() for form in (new_lines, new_lines or [""])}
    assert new_lines == [line for line in json.loads(edited)["cells"][0]["source"] if line]
    assert not new_lines or source == "" or edited in expected


def test_only_the_edited_line_changes():
    """Indentation, key order, escapes and the end of the file stay as they are."""
    file = (
        b'{"nbformat":4, "cells" : [\n {"source":["x = \\u0031\\n",\n  "y = \\"\\/\\"\\n",   "z"],'
        b' "cell_type": "code"} ]  }\n\n'
    )

    assert file.replace(b"\\u0031", b"22") == read_notebook(file).encode([(4, 5, "22")])
    assert file.replace(b'   "z"', b'   "w\\n",\n  "z"') == read_notebook(file).encode([(14, 14, "w\n")])
    assert file.replace(b'"y = \\"\\/\\"\\n",   ', b"") == read_notebook(file).encode([(6, 14, "")])


def test_locate():
    """A line of the module belongs to a cell, counted among all cells, and a line in it."""
    document = notebook(["a\n", "b"], "", "c\n")
    document["cells"].insert(1, {"cell_type": "markdown", "source": "text", "id": "m"})  # type: ignore[attr-defined]
    read = read_notebook(json.dumps(document).encode())

    assert "a\nb\n\nc\n\n" == read.text
    assert [(0, "c0", 1), (0, "c0", 2), (2, "c1", 1), (3, "c2", 1), (3, "c2", 2)] == [
        read.locate(line) for line in range(1, 6)
    ]


def test_cells_without_id():
    """Notebooks before nbformat 4.5 have no cell ids."""
    read = read_notebook(b'{"cells": [{"cell_type": "code", "source": "x"}]}')

    assert (0, None, 1) == read.locate(1)


def test_magics():
    """Magics are blank in the module, and a `%%writefile` cell is a file of its own."""
    read = read_notebook(json.dumps(notebook("%%writefile net.py\nimport keras", "%time f()\n!ls")).encode())

    assert "import keras" == read.writefiles[0].text
    assert (0, "c0", 2) == read.locate(read.text.count("\n", 0, read.writefiles[0].start) + 1)
    assert ["", "", "0;    f()", "", ""] == [line.rstrip() for line in read.text.split("\n")]


def test_edits_around_magics():
    """Code beside a magic can be edited, the magic cannot."""
    read = read_notebook(json.dumps(notebook("%time f(1)\n!ls", "%%time\ng()", "%%bash\nls")).encode())
    offset = read.text.index("1")
    written = read.encode([(offset, offset + 1, "2")])

    assert ["%time f(2)\n!ls", "%%time\ng()", "%%bash\nls"] == sources_of(written)
    for start, end in ((0, 10), (offset + 3, offset + 5), read.boundaries[1:2] * 2, (len(read.text) - 1,) * 2):
        with pytest.raises(EditError, match="touches a magic"):
            read.encode([(start, end, "x\n")])


def test_line_end_behind_a_cell():
    """An edit may take along the line end that only the module has; none reaches into the next cell."""
    read = read_notebook(json.dumps(notebook("a\nb", "c")).encode())

    assert ["a\n", "c"] == sources_of(read.encode([(2, 4, "")]))
    assert ["a\nb", "c\nd"] == sources_of(read.encode([(6, 6, "d\n")]))
    with pytest.raises(EditError, match="reaches from cell 0 into the next one"):
        read.encode([(2, 5, "")])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a notebook: the file is empty"),
        (b'{\n"cells": [}', "not a notebook: line 2 is not JSON (Expecting value)"),
        (b"[]", "not a notebook: the JSON holds no object"),
        (b"{}", "not a notebook: it has no cells"),
        (b'{"cells": 1}', "not a notebook: it has no cells"),
        (b'{"cells": ["\xe9"]}', "not a notebook: the file is not UTF-8"),
        (b"[" * 100_000, "not a notebook: the JSON cannot be read"),
    ],
)
def test_not_a_notebook(data, message):
    """What is no notebook gives one notice that says why."""
    read = read_notebook(data, "a.ipynb")

    assert [("unreadable", "a.ipynb", message)] == [(n.kind, n.file, n.message) for n in read.notices]
    assert "" == read.text


@pytest.mark.parametrize(
    "metadata",
    [{"kernelspec": {"language": "R"}}, {"language_info": {"name": "julia"}, "kernelspec": {"language": "python"}}],
)
def test_other_languages_are_silent(metadata):
    """A notebook of another language is empty, without a notice."""
    read = read_notebook(json.dumps(notebook("x = 1", metadata=metadata)).encode())

    assert ("", ()) == (read.text, read.notices)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["cells", "worksheets", "cell_type", "source", "metadata", "id"]), inner, max_size=3
            )
        ),
    )
)
def test_any_json(document):
    """No JSON document makes the reader fail."""
    read_notebook(json.dumps(document).encode())
    read_notebook(json.dumps({"cells": document}).encode())
    read_notebook(json.dumps({"cells": [{"cell_type": "code", "source": document}], "metadata": document}).encode())


def test_source_that_stands_twice():
    """A file that names the source of a cell twice is read, and not edited."""
    read = read_notebook(b'{"cells": [{"cell_type": "code", "source": "a", "source": "b"}]}')

    assert "b\n" == read.text
    with pytest.raises(EditError, match="twice"):
        read.encode([(0, 1, "c")])


def test_lone_surrogates():
    """An escape that is half a character becomes the replacement character."""
    assert "'\ufffd'\n" == read_notebook(b'{"cells": [{"cell_type": "code", "source": "\'\\ud800\'"}]}').text
