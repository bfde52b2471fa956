"""The lines that a fix changes."""

from __future__ import annotations

from trainlint.report.preview import Change, changes


def edit(line, column, end_line, end_column, text):
    """An edit of a.py."""
    place = {"line": line, "column": column, "end_line": end_line, "end_column": end_column}
    return {"file": "a.py", "cell": None, **place, "text": text}


def lines(*texts):
    """The lines of a.py."""
    return [{"file": "a.py", "cell": None, "line": n, "text": text} for n, text in enumerate(texts, 1)]


def test_edits_of_one_line_are_one_change():
    """Two edits of a line give one pair of lines."""
    edits = [edit(1, 3, 1, 4, "x"), edit(1, 1, 1, 2, "y")]

    assert (Change("a.py", None, 1, ("a b",), ("y x",)),) == changes(edits, lines("a b"))


def test_inserted_lines():
    """A line inserted before another one is shown alone."""
    assert (Change("a.py", None, 1, (), ("import x",)),) == changes([edit(1, 1, 1, 1, "import x\n")], lines("a"))


def test_deleted_lines():
    """A deletion up to the start of the next line is shown as the lines that go."""
    assert (Change("a.py", None, 1, ("a",), ()),) == changes([edit(1, 1, 2, 1, "")], lines("a", "b"))


def test_distant_edits_are_several_changes():
    """Edits of lines that do not touch stay apart."""
    edits = [edit(1, 1, 1, 2, "x"), edit(3, 1, 3, 2, "y")]

    expected = (Change("a.py", None, 1, ("a",), ("x",)), Change("a.py", None, 3, ("c",), ("y",)))

    assert expected == changes(edits, lines("a", "b", "c"))


def test_unknown_lines_have_no_preview():
    """Where the text of a line is not known, nothing is shown."""
    assert () == changes([edit(7, 1, 7, 2, "x")], lines("a"))
