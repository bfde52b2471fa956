"""Comments: deleted and replaced."""

from __future__ import annotations

import pytest

from edited import Editing, cell_sources, notebook
from trainlint.fixes.actions import EditComment
from trainlint.source.code import Stretch

DELETED = [
    ("x = 1  # C\ny\n", "x = 1\ny\n"),
    ("x = 1# C", "x = 1"),
    ("# C\nx\n", "x\n"),
    ("if a:\n    # C\n    x\n", "if a:\n    x\n"),
    ("x\n# C\n", "x\n"),
    ("x\n# C", "x"),
    ("x  # noqa # C\n", "x  # noqa\n"),
    ("f(a,  # C\n  b)\n", "f(a,\n  b)\n"),
    ("x = '# D'  # C\n", "x = '# D'\n"),
    ("x = 1\t# C\r\ny\r\n", "x = 1\r\ny\r\n"),
    ("# C", ""),
]


@pytest.mark.parametrize(("before", "after"), DELETED)
def test_deletes_a_comment(before, after):
    """A comment goes with the blanks in front of it, and with its line if that holds nothing else."""
    editing = Editing(before)
    start = editing.document.text.index("# C")

    assert after == editing.text(EditComment(Stretch("train.py", start, start + 3)))


def test_keeps_what_another_mark_introduces():
    """What another tool reads behind the comment stays."""
    editing = Editing("x  # C see #12 # noqa: E501\n")

    assert "x  # noqa: E501\n" == editing.text(EditComment(Stretch("train.py", 3, 27)))


def test_replaces_a_comment():
    """Another text takes the place of a comment."""
    editing = Editing("x  # C\ny\n")

    assert "x  # D\ny\n" == editing.text(EditComment(Stretch("train.py", 3, 6), "# D"))


def test_refuses_what_is_no_comment():
    """Code is never deleted as a comment."""
    assert Editing("xyz\n").text(EditComment(Stretch("train.py", 0, 3))) is None


CELLS = [
    (["# C\nx", "y"], ["x", "y"]),
    (["x\n# C", "y"], ["x", "y"]),
    (["x\n# C\n", "y"], ["x\n", "y"]),
    (["x", "y\n# C"], ["x", "y"]),
    (["# C", "y"], ["", "y"]),
    (["x", "# C"], ["x", ""]),
    (["x", "y = 1 # C"], ["x", "y = 1"]),
]


@pytest.mark.parametrize(("before", "after"), CELLS)
def test_deletes_a_comment_of_a_cell(before, after):
    """A cell keeps to itself what is around the comment."""
    editing = Editing(notebook(*before), "train.ipynb")
    start = editing.document.text.index("# C")

    assert after == cell_sources(editing.apply(EditComment(Stretch("train.ipynb", start, start + 3))))
