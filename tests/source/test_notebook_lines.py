"""Lines of cells in the file of a notebook, and which of them changed."""

from __future__ import annotations

import json

from trainlint.source.notebook_lines import changed_lines, stored_lines


def notebook(*cells, indent=1):
    """A notebook's file; a cell that is a list is stored as one."""
    made = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell} for cell in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=indent).encode()


def test_lines_as_nbformat_writes_them():
    """Each line of a cell has a line of the file, also the last one without an end."""
    data = notebook(["a = 1\n", "b = 2"], ["c = 3\n"])
    text = data.decode().split("\n")
    found = stored_lines(data)

    assert {0: ["a = 1", "b = 2"], 1: ["c = 3"]} == {
        cell: [json.loads(text[line - 1].strip().rstrip(",")).strip() for line in lines]
        for cell, lines in found.items()
    }


def test_a_cell_on_one_line():
    """Where a whole cell or notebook stands on one line, that is the line."""
    assert {0: [1, 1, 1]} == stored_lines(notebook("a = 1\nb = 2\nc = 3", indent=None))
    assert {} == stored_lines(b"not a notebook")


def test_strings_that_are_no_lines():
    """A list whose strings do not end where lines end is followed all the same."""
    found = stored_lines(notebook(["a = ", "1\n", "b = 2\nc = 3\n"]))[0]

    assert [0, 2, 2] == [line - found[0] for line in found]


def test_changed_lines():
    """Lines count that the older version did not have; outputs, order of keys and cells that moved whole do not."""
    before = notebook("import keras\n", "a = 1\nb = 2", indent=None)
    now = notebook("import keras\n", "a = 1\nb = 3", "c = 4")

    assert {(1, 2), (2, 1)} == changed_lines(before, now)
    assert set() == changed_lines(notebook("a = 1\n"), notebook(["a = 1\n"], indent=4))
    assert {(0, 1)} == changed_lines(None, notebook("a = 1"))
