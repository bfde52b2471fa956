"""Hovers, hints, outlines and the commands that tell of a program."""

from __future__ import annotations

from lsprotocol import types
from tests.lsp.test_diagnostics import BROADCAST, LOSS

MODEL = """\
import tensorflow as tf
from tensorflow import keras

inputs = keras.Input((10,))
hidden = keras.layers.Dense(32, activation="relu")(inputs)
outputs = keras.layers.Dense(3, activation="softmax")(hidden)
model = keras.Model(inputs, outputs)
model.compile("adam", "sparse_categorical_crossentropy")
"""


async def hover(editor, uri, line, column):
    found = await editor.client.text_document_hover_async(
        types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
    )
    return "" if found is None else found.contents.value


async def test_hover_on_a_finding(editor):
    """The squiggle tells the rule, what is wrong and why it is bad."""
    uri = await editor.open("train.py", BROADCAST)
    column = BROADCAST.splitlines()[LOSS].index("squared")

    text = await hover(editor, uri, LOSS, column)

    assert "silent-loss-broadcast" in text
    assert "[128, 128]" in text
    assert "line 15" in text


async def test_hover_on_a_variable(editor):
    """A variable tells the shape and the range of the tensor that it holds."""
    uri = await editor.open("model.py", MODEL)

    text = await hover(editor, uri, 5, MODEL.splitlines()[5].index("hidden"))

    assert "`hidden`" in text
    assert "[batch, 32]" in text
    assert "in [0, inf)" in text
    assert "line 5" in text


async def test_hover_on_a_layer(editor):
    """A layer tells its output and how much it learns."""
    uri = await editor.open("model.py", MODEL)

    text = await hover(editor, uri, 4, MODEL.splitlines()[4].index("Dense"))

    assert "352 parameters" in text


async def test_hover_on_a_model(editor):
    """A model tells how much it learns in all."""
    uri = await editor.open("model.py", MODEL)

    assert "451 parameters" in await hover(editor, uri, 6, 1)


async def test_hover_on_nothing(editor):
    """Where nothing is known, nothing is shown."""
    uri = await editor.open("model.py", MODEL)

    assert "" == await hover(editor, uri, 2, 0)


async def hints(editor, uri):
    area = types.Range(types.Position(0, 0), types.Position(100, 0))
    found = await editor.client.text_document_inlay_hint_async(
        types.InlayHintParams(types.TextDocumentIdentifier(uri), area)
    )
    return [(each.position.line, each.position.character, each.label) for each in found]


async def test_hints_are_off_by_default(editor):
    """Nobody gets hints who did not ask for them."""
    uri = await editor.open("model.py", MODEL)

    assert [] == await hints(editor, uri)


async def test_hints(begin):
    """The shape stands behind each layer call and assignment, once."""
    editor = await begin(options={"inlayHints": True})
    uri = await editor.open("model.py", MODEL)
    ends = [len(line) for line in MODEL.splitlines()]

    expected = [
        (3, ends[3], "[batch, 10]"),
        (4, ends[4], "[batch, 32]"),
        (5, ends[5], "[batch, 3]"),
        (6, ends[6], "[batch, 3]"),
    ]
    assert expected == await hints(editor, uri)


async def test_outline(editor):
    """The outline has each network with its layers."""
    uri = await editor.open("model.py", MODEL)

    found = await editor.client.text_document_document_symbol_async(
        types.DocumentSymbolParams(types.TextDocumentIdentifier(uri))
    )

    assert [("Input", "[batch, 10]"), ("Dense", "[batch, 32], relu"), ("Dense", "[batch, 3], softmax")] == [
        (child.name, child.detail) for child in found[0].children
    ]
    assert [3, 4, 5] == [child.range.start.line for child in found[0].children]


async def run(editor, name, *arguments):
    return await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(f"trainlint.server.{name}", list(arguments))
    )


async def test_show_model(editor):
    """The network as it is understood comes as data, with places to go to."""
    uri = await editor.open("model.py", MODEL)

    shown = await run(editor, "showModel", uri)

    rows = shown["networks"][0]["rows"]
    assert "451" == rows[-1]["cells"][3]
    assert [3, 4, 5, None] == [row["place"] and row["place"]["line"] for row in rows]


async def test_lens_is_off_by_default(editor):
    """Nobody gets a line above the code who did not ask for it."""
    uri = await editor.open("model.py", MODEL)

    found = await editor.client.text_document_code_lens_async(types.CodeLensParams(types.TextDocumentIdentifier(uri)))

    assert [] == list(found)


async def test_lens(begin):
    """The lens leads from the model to its table."""
    editor = await begin(options={"codeLens": True})
    uri = await editor.open("model.py", MODEL)

    found = await editor.client.text_document_code_lens_async(types.CodeLensParams(types.TextDocumentIdentifier(uri)))

    assert ["trainlint.server.showModel"] == [each.command.command for each in found]


async def test_fix_all_command(editor):
    """The command asks the editor to apply all safe repairs."""
    uri = await editor.open("train.py", "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]), tf.float32)\n")

    assert await run(editor, "fixAll", uri) is True
    assert ["dtype="] == [each.new_text for each in editor.client.applied[0].changes[uri]]


async def test_debug_information_has_no_code(editor):
    """The information for a report names versions and counts, no text of the user."""
    uri = await editor.open("train.py", BROADCAST)

    text = await run(editor, "debugInformation")

    assert "1 of 1 models understood" in text
    assert "squared_difference" not in text
    assert uri not in text
