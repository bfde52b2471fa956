"""Findings whose place lies in a module that the checked file imports."""

from __future__ import annotations

import asyncio

from lsprotocol import types
from tests.lsp.conftest import capabilities
from tests.lsp.test_workspace import until

from trainlint.lsp.setaside import SetAside
from trainlint.lsp.workspace import Workspace

RULE = "oversized-initial-weights"
LAYERS = """\
import tensorflow as tf


def build(x, stddev):
    w = tf.Variable(tf.random_normal([784, 10], stddev=stddev))
    return tf.matmul(x, w)
"""
PLACE = 4
"""The line of the weights, from 0."""
MAIN = """\
import tensorflow as tf
from layers import build

x = tf.placeholder(tf.float32, [None, 784])
y = tf.placeholder(tf.float32, [None, 10])
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=build(x, 1.0)))
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
"""
SOUND = MAIN.replace("1.0)", "0.05)")


async def both(editor) -> tuple[str, str]:
    """The program and its module, both open and shown."""
    main = await editor.open("main.py", MAIN)
    layers = await editor.open("layers.py", LAYERS)
    await until(editor, layers, {RULE})
    return main, layers


async def test_it_is_shown_where_it_stands(editor):
    """What the program does wrong in its module is shown there, where nothing is wrong with the module alone."""
    main, layers = await both(editor)

    assert [] == editor.codes(main)
    assert [(PLACE + 1, RULE)] == editor.codes(layers)


async def test_the_module_may_be_open_first(editor):
    """It makes no difference which of the two is opened first."""
    layers = await editor.open("layers.py", LAYERS)
    assert [] == editor.codes(layers)
    await editor.open("main.py", MAIN)

    await until(editor, layers, {RULE})


async def test_an_edit_of_the_program_takes_it_back(editor):
    """The module is shown anew when the program is right, and when it is closed."""
    main, layers = await both(editor)

    await editor.change(main, SOUND)
    await until(editor, layers, set())
    await editor.change(main, MAIN)
    await until(editor, layers, {RULE})
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(main)))
    await until(editor, layers, set())


async def test_it_moves_with_the_lines_of_the_module(editor):
    """Lines above it push it down."""
    _, layers = await both(editor)

    await editor.change(layers, (0, 0, 0, 0, "# one\n# two\n"))
    for _ in range(500):
        if editor.codes(layers) == [(PLACE + 3, RULE)]:
            break
        await asyncio.sleep(0.01)

    assert [(PLACE + 3, RULE)] == editor.codes(layers)


async def test_actions_and_hover_know_it(editor):
    """A finding of another file can be ignored, explained and read like any other."""
    _, layers = await both(editor)

    edit = await editor.resolved(layers, PLACE, 25, f"Ignore {RULE} on this line")
    shown = await editor.client.text_document_hover_async(
        types.HoverParams(types.TextDocumentIdentifier(layers), types.Position(PLACE, 25))
    )

    assert [layers] == list(edit.changes)
    assert PLACE == edit.changes[layers][0].range.start.line
    assert RULE in shown.contents.value


async def test_a_comment_in_the_module_silences_it(editor):
    """The line that is shown is the line where it is ignored."""
    _, layers = await both(editor)

    edit = await editor.resolved(layers, PLACE, 25, f"Ignore {RULE} on this line")
    change = edit.changes[layers][0]
    start, end = change.range.start, change.range.end
    await editor.change(layers, (start.line, start.character, end.line, end.character, change.new_text))

    await until(editor, layers, set())


async def test_what_both_find_is_shown_once(editor):
    """The module on its own and the program that imports it see the same mistake."""
    call = "\nprint(build(tf.placeholder(tf.float32, [None, 784]), 0))\n"
    await editor.open("main.py", MAIN)
    layers = await editor.open("layers.py", LAYERS.replace("stddev=stddev", "stddev=1.0") + call)
    assert [(PLACE + 1, RULE)] == editor.codes(layers)
    await until(editor, layers, {RULE})
    await asyncio.sleep(0.3)

    assert [(PLACE + 1, RULE)] == editor.codes(layers)


async def test_a_client_that_pulls_is_told_to_ask_again(begin):
    """It pulls the module again once the program was checked."""
    editor = await begin(capabilities(pull=True))
    layers = await editor.open("layers.py", LAYERS, wait=False)
    main = await editor.open("main.py", MAIN, wait=False)

    async def pulled(uri):
        report = await editor.client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        )
        return [(each.range.start.line, each.code) for each in report.items]

    assert [] == await pulled(layers)
    before = editor.client.refreshed
    assert [] == await pulled(main)
    for _ in range(300):
        if editor.client.refreshed > before:
            break
        await asyncio.sleep(0.01)
    assert editor.client.refreshed > before
    assert [(PLACE, RULE)] == await pulled(layers)
    before = editor.client.refreshed
    assert [] == await pulled(main)
    await asyncio.sleep(0.1)
    assert before == editor.client.refreshed


async def test_a_scan_of_the_workspace_shows_it_too(begin, tmp_path):
    """It does not matter in which order the files of a workspace are checked."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "main.py").write_text(MAIN, encoding="utf-8")
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    (folder / "another.py").write_text(MAIN, encoding="utf-8")
    editor = await begin(folders=[folder], options={"diagnosticMode": "workspace"})
    uri = (folder / "layers.py").as_uri()

    await until(editor, uri, {RULE})
    await asyncio.sleep(0.5)

    assert [(PLACE + 1, RULE)] == editor.codes(uri)


def test_an_old_check_is_shown_where_its_lines_are_now(tmp_path):
    """Until the program is checked again, what it said of the module stays with its lines, and goes with them."""
    state = Workspace(SetAside(None))
    uris = [(tmp_path / name).as_uri() for name in ("main.py", "layers.py")]
    for uri, text in zip(uris, (MAIN, LAYERS)):
        state.documents.put(types.TextDocumentItem(uri, "python", 1, text), str(tmp_path))
    main, layers = map(state.documents.get, uris)
    state.check(main, 1, main.data)

    def lines(text: str) -> list[int]:
        layers.change(2, [types.TextDocumentContentChangeWholeDocument(text)], "utf-16")
        checked = state.check(layers, layers.version, layers.data)
        return [each.range.start.line for each in state.diagnostics(checked, uris[1])]

    assert [PLACE] == lines(LAYERS)
    assert [PLACE + 2] == lines(f"# one\r\n# two\r\n{LAYERS}")
    assert [PLACE] == lines(f"{LAYERS}\nprint()\n")
    assert [] == lines(LAYERS.replace("10]", "20]"))
