"""Notebooks in the editor: findings and repairs per cell, and cells that come, move and go."""

from __future__ import annotations

import asyncio
import json

from lsprotocol import types
from tests.lsp.test_actions import apply

NOTEBOOK = "file:///project/train.ipynb"


class Notebook:
    """The client's side of an open notebook."""

    def __init__(self, editor, *cells: str, language: str = "python", uri: str = NOTEBOOK) -> None:
        self.uri = uri
        self.client = editor.client
        self.version = self.typed = 1
        self.cells = [f"vscode-notebook-cell:/train.ipynb#C{index}" for index in range(len(cells))]
        self.texts = dict(zip(self.cells, cells))
        markup, python = types.NotebookCellKind.Markup, types.NotebookCellKind.Code
        kinds = [
            types.NotebookCell(markup if text.startswith("#!md") else python, cell) for cell, text in self.texts.items()
        ]
        document = types.NotebookDocument(uri, "jupyter-notebook", 1, kinds)
        items = [
            types.TextDocumentItem(cell, "markdown" if text.startswith("#!md") else language, 1, text)
            for cell, text in self.texts.items()
        ]
        self.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(document, items))

    def change(self, changes: types.NotebookDocumentCellChanges) -> None:
        self.version += 1
        identifier = types.VersionedNotebookDocumentIdentifier(self.version, self.uri)
        event = types.NotebookDocumentChangeEvent(cells=changes)
        self.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(identifier, event))

    def type(self, index: int, text: str) -> None:
        """Replaces the text of a cell; as in Visual Studio Code, the notebook's version is raised later."""
        self.version -= 1
        uri = self.cells[index]
        self.texts[uri] = text
        event = types.TextDocumentContentChangeWholeDocument(text)
        self.typed += 1
        document = types.VersionedTextDocumentIdentifier(self.typed, uri)
        self.change(
            types.NotebookDocumentCellChanges(
                text_content=[types.NotebookDocumentCellContentChanges(document, [event])]
            )
        )

    async def rules(self, index: int, wanted: set[str] | None = None) -> set[str]:
        """The rules that speak in a cell, once they are those that a test waits for."""
        for _ in range(1000):
            told = self.client.published.get(self.cells[index])
            found = {each.code for each in told.diagnostics} if told is not None else set()
            if told is not None and (wanted is None or wanted == found):
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"cell {index}: expected {wanted}, found {found}")


IMPORTS = "import tensorflow as tf"
WRONG = "v = tf.Variable(tf.zeros([3]), tf.float32)"
RULE = "dtype-passed-as-trainable"


async def test_finding_in_its_cell(editor):
    """A finding is shown in the cell that it is in, and what an earlier cell imported counts."""
    notebook = Notebook(editor, IMPORTS, "#!md A title", WRONG)

    assert {RULE} == await notebook.rules(2, {RULE})
    assert set() == await notebook.rules(0, set())
    line = editor.client.published[notebook.cells[2]].diagnostics[0].range.start.line
    assert 0 == line


async def test_repair_in_its_cell(editor):
    """The repair of a finding edits the cell that it is in."""
    notebook = Notebook(editor, IMPORTS, f"\n{WRONG}")
    await notebook.rules(1, {RULE})
    uri = notebook.cells[1]

    found = await editor.actions(uri, 1, WRONG.index("tf.float32"))
    edit = (await editor.client.code_action_resolve_async(found[0])).edit

    assert "\n" + WRONG.replace(", tf", ", dtype=tf") == apply(notebook.texts[uri], edit, uri)


async def test_edit_in_a_cell(editor):
    """What is typed in one cell counts in the others."""
    notebook = Notebook(editor, IMPORTS, WRONG)
    await notebook.rules(1, {RULE})

    notebook.type(0, "import numpy as tf")
    await notebook.rules(1, set())
    notebook.type(0, IMPORTS)

    assert {RULE} == await notebook.rules(1, {RULE})


async def test_cells_in_other_languages(editor):
    """What is not Python is not checked, and counts where cells are counted."""
    notebook = Notebook(editor, IMPORTS, WRONG, language="julia")

    assert set() == await notebook.rules(1, set())


async def test_places_of_a_network_in_a_notebook(editor):
    """A place is named by the number of its cell among all, as editors count them."""
    notebook = Notebook(
        editor, "#!md A title", f"{IMPORTS}\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(1)])",
        "model.compile('sgd', 'mse')\nmodel.fit([[1.0]], [[2.0]])",
    )  # fmt: skip
    await notebook.rules(2, set())

    told = await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams("trainlint.server.showModel", [NOTEBOOK])
    )

    assert "cell 3, line 1" == told["networks"][0]["place"]["label"]
    assert "cell 2, line 2" == told["networks"][0]["rows"][0]["place"]["label"]


async def test_cell_is_deleted(editor):
    """A cell that goes takes its findings along, and what it made."""
    notebook = Notebook(editor, IMPORTS, WRONG)
    await notebook.rules(1, {RULE})

    array = types.NotebookCellArrayChange(start=1, delete_count=1)
    closed = [types.TextDocumentIdentifier(notebook.cells[1])]
    structure = types.NotebookDocumentCellChangeStructure(array, did_close=closed)
    notebook.change(types.NotebookDocumentCellChanges(structure=structure))

    assert set() == await notebook.rules(1, set())


async def test_cell_is_inserted(editor):
    """A new cell is checked in its place."""
    notebook = Notebook(editor, IMPORTS)
    await notebook.rules(0, set())
    new = "vscode-notebook-cell:/train.ipynb#NEW"
    notebook.cells.append(new)

    cell = types.NotebookCell(types.NotebookCellKind.Code, new)
    array = types.NotebookCellArrayChange(start=1, delete_count=0, cells=[cell])
    opened = [types.TextDocumentItem(new, "python", 1, WRONG)]
    structure = types.NotebookDocumentCellChangeStructure(array, did_open=opened)
    notebook.change(types.NotebookDocumentCellChanges(structure=structure))

    assert {RULE} == await notebook.rules(1, {RULE})


async def test_cells_are_swapped(editor):
    """Cells run in their order: what is imported below does not count above."""
    notebook = Notebook(editor, IMPORTS, WRONG)
    await notebook.rules(1, {RULE})

    cells = [types.NotebookCell(types.NotebookCellKind.Code, uri) for uri in reversed(notebook.cells)]
    array = types.NotebookCellArrayChange(start=0, delete_count=2, cells=cells)
    notebook.change(types.NotebookDocumentCellChanges(structure=types.NotebookDocumentCellChangeStructure(array)))
    swapped = await editor.actions(notebook.cells[1], 0, WRONG.index("tf.float32"))

    cells.reverse()
    array = types.NotebookCellArrayChange(start=0, delete_count=2, cells=cells)
    notebook.change(types.NotebookDocumentCellChanges(structure=types.NotebookDocumentCellChangeStructure(array)))

    assert {RULE} == await notebook.rules(1, {RULE})
    assert isinstance(swapped, list)


async def test_magics(editor):
    """Lines of IPython are no trouble."""
    notebook = Notebook(editor, f"%matplotlib inline\n!pip install tensorflow\n{IMPORTS}", f"%%time\n{WRONG}")

    assert {RULE} == await notebook.rules(1, {RULE})
    assert 1 == editor.client.published[notebook.cells[1]].diagnostics[0].range.start.line


async def test_versions_of_the_last_run(editor, tmp_path):
    """What the file shows of versions counts, and what the next run leaves in it counts from then on."""
    path = tmp_path / "train.ipynb"
    run = {"cells": [], "metadata": {"language_info": {"name": "python", "version": "3.6.9"}}}
    path.write_text(json.dumps(run))
    rate = "model.compile(tf.keras.optimizers.SGD(lr=0.5), 'mse')"
    model = "model = tf.keras.Sequential([tf.keras.Input([4]), tf.keras.layers.Dense(1)])"
    notebook = Notebook(editor, IMPORTS, f"{WRONG}\n{model}\n{rate}", uri=path.as_uri())
    assert {RULE} == await notebook.rules(1, {RULE})

    path.write_text(json.dumps(run).replace("3.6.9", "3.12.1"))
    saved = types.DidSaveNotebookDocumentParams(types.NotebookDocumentIdentifier(notebook.uri))
    editor.client.notebook_document_did_save(saved)

    assert {RULE, "ignored-optimizer-argument"} == await notebook.rules(1, {RULE, "ignored-optimizer-argument"})


async def test_fix_all_in_a_notebook(editor):
    """All safe repairs of a notebook come as edits of its cells."""
    notebook = Notebook(editor, IMPORTS, WRONG, WRONG)
    await notebook.rules(2, {RULE})

    found = await editor.actions(notebook.cells[1], 0, 0, only=["notebook.source.fixAll"])
    edit = (await editor.client.code_action_resolve_async(found[0])).edit

    assert ["notebook.source.fixAll.trainlint"] == [each.kind for each in found]
    assert set(notebook.cells[1:]) == set(edit.changes)


async def test_close(editor):
    """Closing a notebook takes the findings of all its cells back."""
    notebook = Notebook(editor, IMPORTS, WRONG)
    await notebook.rules(1, {RULE})

    cells = [types.TextDocumentIdentifier(uri) for uri in notebook.cells]
    identifier = types.NotebookDocumentIdentifier(NOTEBOOK)
    editor.client.notebook_document_did_close(types.DidCloseNotebookDocumentParams(identifier, cells))

    assert set() == await notebook.rules(1, set())
