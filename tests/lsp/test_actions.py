"""Code actions: repairs, comments, and what leads on from a finding."""

from __future__ import annotations

import pytest
from lsprotocol import types
from tests.lsp.conftest import capabilities
from tests.lsp.test_diagnostics import BROADCAST, LOSS

COLUMN = BROADCAST.splitlines()[LOSS].index("squared")


def apply(text: str, edit: types.WorkspaceEdit, uri: str, encoding: str = "utf-16") -> str:
    """A text after the edits of one document, which do not overlap."""
    from trainlint.lsp.lines import Lines

    lines = Lines(text)
    offsets = [
        (
            lines.offset(each.range.start.line, each.range.start.character, encoding),
            lines.offset(each.range.end.line, each.range.end.character, encoding),
            each.new_text,
        )
        for each in edit.changes[uri]
    ]
    for start, end, new in sorted(offsets, key=lambda each: each[0], reverse=True):
        text = text[:start] + new + text[end:]
    return text


async def titles(editor, uri, line, column=0):
    return [each.title for each in await editor.actions(uri, line, column)]


async def test_repair_clears_the_finding(editor):
    """The repair of a finding, chosen and applied, leaves no finding of its rule."""
    uri = await editor.open("train.py", BROADCAST)
    found = await editor.actions(uri, LOSS, COLUMN)
    fix = next(each for each in found if each.kind == "quickfix" and "reshape" in each.title.lower())

    edit = (await editor.client.code_action_resolve_async(fix)).edit
    await editor.change(uri, apply(BROADCAST, edit, uri))

    assert "silent-loss-broadcast" not in {code for _, code in editor.codes(uri)}


async def test_only_a_safe_repair_is_preferred(editor):
    """An unsafe repair says so in its title, and is never preferred."""
    uri = await editor.open("train.py", BROADCAST)

    found = [
        each for line in range(16) for each in await editor.actions(uri, line, 12)
        if isinstance(each, types.CodeAction) and (each.data or {}) and _do(each) == "fix"
    ]  # fmt: skip

    assert found
    assert all(each.title.endswith("(unsafe)") != bool(each.is_preferred) for each in found)


def _do(action):
    data = action.data
    return data.do if hasattr(data, "do") else data["do"]


async def test_ignore_on_this_line(editor):
    """The comment silences the finding, and has a place for the reason."""
    uri = await editor.open("train.py", BROADCAST)

    edit = await editor.resolved(uri, LOSS, COLUMN, "Ignore silent-loss-broadcast on this line")
    after = apply(BROADCAST, edit, uri)
    await editor.change(uri, after)

    assert "# trainlint: ignore[silent-loss-broadcast] why it is right here" in after.splitlines()[LOSS]
    assert "silent-loss-broadcast" not in {code for _, code in editor.codes(uri)}


async def test_second_rule_joins_the_comment(editor):
    """A line that has such a comment gets no second one."""
    line = BROADCAST.splitlines()[LOSS]
    text = BROADCAST.replace(line, f"{line}  # trainlint: ignore[random-bias] never mind")
    uri = await editor.open("train.py", text)

    after = apply(text, await editor.resolved(uri, LOSS, COLUMN, "Ignore silent-loss-broadcast on this line"), uri)

    assert after.splitlines()[LOSS].endswith("# trainlint: ignore[random-bias, silent-loss-broadcast] never mind")


async def test_ignore_within_a_long_statement(editor):
    """Where a statement spans lines, the comment still covers the finding."""
    text = BROADCAST.replace(
        "tf.reduce_mean(tf.squared_difference(out, y))", "tf.reduce_mean(\n    tf.squared_difference(\n        out, y))"
    )
    uri = await editor.open("train.py", text)
    line, column = next(
        (each.range.start.line, each.range.start.character)
        for each in editor.client.published[uri].diagnostics
        if each.code == "silent-loss-broadcast"
    )

    after = apply(text, await editor.resolved(uri, line, column, "Ignore silent-loss-broadcast on this line"), uri)
    await editor.change(uri, after)

    assert "silent-loss-broadcast" not in {code for _, code in editor.codes(uri)}


async def test_ignore_in_this_file(editor):
    """The comment for the whole file stands behind the interpreter line."""
    text = f"#!/usr/bin/env python\n{BROADCAST}"
    uri = await editor.open("train.py", text)

    edit = await editor.resolved(uri, LOSS + 1, COLUMN, "Ignore silent-loss-broadcast in this file")
    after = apply(text, edit, uri)
    await editor.change(uri, after)

    assert "#!/usr/bin/env python" == after.splitlines()[0]
    assert after.splitlines()[1].startswith("# trainlint: ignore-file[silent-loss-broadcast]")
    assert "silent-loss-broadcast" not in {code for _, code in editor.codes(uri)}


async def test_state_an_unknown_input(editor):
    """Where nothing is known of an input, an action writes the comment that would tell."""
    text = (
        "import pickle\nimport tensorflow as tf\n\n"
        "x_train, y_train = pickle.load(open('data.pickle', 'rb'))\n"
        "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
        "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
        "model.fit(x_train, y_train)\n"
    )
    uri = await editor.open("train.py", text)

    edit = await editor.resolved(uri, 3, 2, "State the shape and range of `x_train`")

    assert "# trainlint: x_train float32[n, 4] in [0, 1]" in apply(text, edit, uri)


async def test_fix_all(editor):
    """All safe repairs in one edit; what changes the training is left alone."""
    variables = [f"{name} = tf.Variable(tf.zeros([3]), tf.float32)" for name in "wb"]
    text = "\n".join(["import tensorflow as tf", *variables, ""])
    uri = await editor.open("train.py", text)

    found = await editor.actions(uri, 1, 0, only=["source.fixAll"])
    edit = (await editor.client.code_action_resolve_async(found[0])).edit

    assert ["source.fixAll.trainlint"] == [each.kind for each in found]
    assert text.replace(", tf.float32", ", dtype=tf.float32") == apply(text, edit, uri)


async def test_kinds_that_were_not_asked_for(editor):
    """A client that asks for imports to be organised gets nothing."""
    uri = await editor.open("train.py", BROADCAST)

    assert [] == await editor.actions(uri, LOSS, COLUMN, only=["source.organizeImports"])


async def test_client_without_resolve_gets_edits_at_once(begin):
    """An editor that cannot ask for an edit later has it in the action."""
    editor = await begin(capabilities(lazy=False))
    uri = await editor.open("train.py", BROADCAST)

    found = [each for each in await editor.actions(uri, LOSS, COLUMN) if isinstance(each, types.CodeAction)]

    assert found
    assert all(each.edit is not None for each in found)


async def test_edit_names_its_version(begin):
    """A client that knows versions is told which text an edit is for, and can refuse one that comes too late."""
    capable = capabilities()
    capable.workspace.workspace_edit = types.WorkspaceEditClientCapabilities(document_changes=True)
    editor = await begin(capable)
    uri = await editor.open("train.py", BROADCAST)
    await editor.change(uri, (0, 0, 0, 0, "# a line\n"))

    edit = await editor.resolved(uri, LOSS + 1, COLUMN, "Ignore silent-loss-broadcast on this line")

    assert [(uri, 2)] == [(each.text_document.uri, each.text_document.version) for each in edit.document_changes]
    assert edit.changes is None


async def test_action_of_an_older_text(editor):
    """An action that is resolved after the text has changed is refused, not applied elsewhere."""
    from pygls.exceptions import JsonRpcException

    uri = await editor.open("train.py", BROADCAST)
    chosen = next(each for each in await editor.actions(uri, LOSS, COLUMN) if each.title.startswith("Ignore"))
    await editor.change(uri, (0, 0, 0, 0, "import os\n"))

    with pytest.raises(JsonRpcException, match="changed"):
        await editor.client.code_action_resolve_async(chosen)


async def test_explain(editor):
    """The explanation of a rule is its page, opened in the editor where it can."""
    page = await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams("trainlint.server.explain", ["TL701"])
    )

    assert page.startswith("# silent-loss-broadcast\n")


async def test_crlf_stays_crlf(editor):
    """An edit of several lines takes over the line ends of the document."""
    text = BROADCAST.replace("\n", "\r\n")
    uri = await editor.open("train.py", text)

    edit = await editor.resolved(uri, LOSS, COLUMN, "Ignore silent-loss-broadcast in this file")

    assert "\n" not in apply(text, edit, uri).replace("\r\n", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_positions_in_each_encoding(begin, encoding):
    """What stands behind emoji and CJK on its line is underlined and repaired exactly, however columns are counted."""
    editor = await begin(capabilities(encodings=[encoding]))
    line = "name = '😀é模型'; w = tf.Variable(tf.zeros([3]), tf.float32)"
    text = f"import tensorflow as tf\n{line}\n"
    uri = await editor.open("train.py", text)
    found = next(each for each in editor.client.published[uri].diagnostics if each.code == "dtype-passed-as-trainable")
    column = line.index("tf.float32")
    units = {
        "utf-8": len(line[:column].encode()), "utf-16": len(line[:column].encode("utf-16-le")) // 2, "utf-32": column
    }  # fmt: skip

    actions = await editor.actions(uri, 1, found.range.start.character)
    edit = (await editor.client.code_action_resolve_async(actions[0])).edit

    assert encoding == editor.client.initialized_with.capabilities.position_encoding
    assert units[encoding] == found.range.start.character
    assert text.replace(", tf.float32", ", dtype=tf.float32") == apply(text, edit, uri, encoding)
