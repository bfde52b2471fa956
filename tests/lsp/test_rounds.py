"""Repairs that take several rounds, since one edits what another one edits, come out as one edit of the old text."""

from __future__ import annotations

import pytest
from lsprotocol import types
from tests.lsp.test_comments import URI, checked

from trainlint.lsp import actions
from trainlint.lsp.lines import applied
from trainlint.lsp.setaside import SetAside
from trainlint.lsp.workspace import Workspace

TWICE = "x = tf.zeros([3])  # trainlint: ignore[silent-loss-broadcast, random-bias] why\n"
LINE = "s = '😀'; w = tf.Variable(tf.zeros([3]), tf.float32)\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_rounds(ends):
    """All repairs are made, and the rest of the text is as it was."""
    text = f"import tensorflow as tf\n{TWICE}{LINE}print(x)\n".replace("\n", ends)
    state, found = checked(text)

    edit = actions.fix_all(found, state.documents)

    expected = "import tensorflow as tf\nx = tf.zeros([3])\n" + LINE.replace("tf.float32", "dtype=tf.float32")
    assert f"{expected}print(x)\n".replace("\n", ends) == applied(text, edit.changes[URI], "utf-16")


def test_rounds_in_a_notebook():
    """Only the cells that change are edited."""
    texts = ["import tensorflow as tf\n", TWICE, LINE, "print(x)"]
    cells = [f"vscode-notebook-cell:/n.ipynb#C{index}" for index in range(len(texts))]
    state = Workspace(SetAside(None))
    given = types.NotebookDocument(
        "file:///project/n.ipynb", "jupyter-notebook", 1,
        [types.NotebookCell(types.NotebookCellKind.Code, uri) for uri in cells],
    )  # fmt: skip
    items = [types.TextDocumentItem(uri, "python", 1, text) for uri, text in zip(cells, texts)]
    document = state.documents.open_notebook(types.DidOpenNotebookDocumentParams(given, items), "/project")
    found = state.check(document, 1, document.data)

    edit = actions.fix_all(found, state.documents)

    assert cells[1:3] == sorted(edit.changes)
    assert "x = tf.zeros([3])\n" == applied(texts[1], edit.changes[cells[1]], "utf-16")
    assert LINE.replace("tf.float32", "dtype=tf.float32") == applied(texts[2], edit.changes[cells[2]], "utf-16")


def test_nothing_to_repair():
    """Without a safe repair there is no edit."""
    state, found = checked("import tensorflow as tf\nx = tf.zeros([3])\nprint(x)\n")

    assert actions.fix_all(found, state.documents) is None
