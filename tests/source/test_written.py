"""Files that cells of a notebook write."""

from __future__ import annotations

import pytest

from edited import notebook
from trainlint.source.document import read
from trainlint.source.notebook import read_notebook
from trainlint.source.text import EditError
from trainlint.source.written import WrittenModule, written_modules


def written(*cells: str) -> dict[str, WrittenModule]:
    """The files of a notebook in /n, by name."""
    found = read_notebook(notebook(*cells))
    modules = written_modules(found.writefiles, read(found.text, "/n/a.ipynb", None, found))
    return {path.removeprefix("/n/"): module for path, module in modules.items()}


def test_lines_stand_in_cells():
    """A line of the file is found in the cell that wrote it, with its text."""
    files = written("x = 1", "\n%%writefile net.py\na = 1\nb = 2", "y", "%%writefile -a net.py\nc = 3\n", "net.c")
    module = files["net.py"]

    assert "a = 1\nb = 2\nc = 3\n" == module.text
    assert [(1, None, 3), (1, None, 4), (3, None, 2)] == [module.locate(line) for line in (1, 2, 3)]
    assert ("b = 2", "c = 3") == (module.line_text(1, 4), module.line_text(3, 2))
    assert (None, None, None) == (module.line_text(1, 2), module.line_text(0, 1), module.line_text(None, 1))


def test_last_cell_counts():
    """A file that is written again holds what was written last."""
    assert "b\n" == written("%%writefile n.py\na", "%%file n.py\nb")["n.py"].text


def test_names():
    """A file in a folder is one of that folder; names that only the running notebook knows are left out."""
    cells = ("sub/a.py", "./b.py", "../c.py", "$name.py", "{name}.py", "~/d.py")

    assert {"sub/a.py", "b.py", "/c.py"} == set(written(*(f"%%writefile {name}\nx" for name in cells)))
    assert {} == written("%%writefile -a log.py\nx")


def test_nothing_is_written_back():
    """The file is no file of its own that could be edited."""
    module = written("%%writefile n.py\na")["n.py"]

    assert b"a\n" == module.encode([])
    with pytest.raises(EditError, match="cell"):
        module.encode([(0, 1, "b")])
