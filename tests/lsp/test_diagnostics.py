"""Findings as an editor sees them, from a real server process."""

from __future__ import annotations

import asyncio

from lsprotocol import types
from tests.lsp.conftest import ROOT, capabilities

BROADCAST = """\
import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32)
y = tf.placeholder(tf.float32)
w = tf.Variable(tf.random_normal([3, 1], stddev=0.1))
out = tf.matmul(x, w)
loss = tf.reduce_mean(tf.squared_difference(out, y))
train = tf.train.AdamOptimizer(1e-3).minimize(loss)
features = np.random.uniform(0, 1, (128, 3))
labels = np.random.randint(0, 2, 128)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(1000):
        sess.run(train, feed_dict={x: features, y: labels})
"""
LOSS = 7
"""The line of the loss, from 0."""


def of_rule(found, rule):
    return next(each for each in found if each.code == rule)


async def test_finding_is_published(editor):
    """A finding has its place, severity, page and the chain of facts behind it."""
    uri = await editor.open("train.py", BROADCAST)

    found = of_rule(editor.client.published[uri].diagnostics, "silent-loss-broadcast")

    assert LOSS == found.range.start.line
    assert types.DiagnosticSeverity.Error == found.severity
    assert "trainlint" == found.source
    assert "[128]" in found.message
    assert found.code_description.href.endswith("silent-loss-broadcast.md")
    assert {7, 15} == {each.location.range.start.line + 1 for each in found.related_information}


async def test_page_of_the_link_exists(editor):
    """The link of a finding leads to a file with the rule's page."""
    from urllib.parse import urlparse
    from urllib.request import url2pathname

    uri = await editor.open("train.py", BROADCAST)
    href = of_rule(editor.client.published[uri].diagnostics, "silent-loss-broadcast").code_description.href

    with open(url2pathname(urlparse(href).path), encoding="utf-8") as file:
        assert "# silent-loss-broadcast\n" == file.readline()


async def test_edit_clears_the_finding(editor):
    """What is mended while typing goes away, and comes back when that is undone."""
    uri = await editor.open("train.py", BROADCAST)
    before = editor.codes(uri)
    line = BROADCAST.splitlines()[LOSS]

    await editor.change(uri, (LOSS, line.index("out"), LOSS, line.index("out") + 3, "out[:, 0]"))
    mended = editor.codes(uri)
    await editor.change(uri, (LOSS, line.index("out"), LOSS, line.index("out") + 9, "out"))

    assert "silent-loss-broadcast" not in {code for _, code in mended}
    assert before == editor.codes(uri)


async def test_broken_code_keeps_the_other_findings(editor):
    """A statement in the making costs no finding elsewhere."""
    uri = await editor.open("train.py", BROADCAST)

    await editor.change(uri, (2, 0, 2, 0, "model.add(Dense(\n"))

    assert (LOSS + 2, "silent-loss-broadcast") in editor.codes(uri)


async def test_latest_version_wins(editor):
    """Of many keys in a row, only the last text is answered for at the end."""
    uri = await editor.open("train.py", BROADCAST)

    for step in range(20):
        await editor.change(uri, (0, 0, 0, 0, f"# {step}\n"), wait=False)
    await editor.published(uri, editor.versions[uri])

    assert (LOSS + 21, "silent-loss-broadcast") in editor.codes(uri)


async def test_closed_document_has_no_findings(editor):
    """Closing a document takes its findings back."""
    uri = await editor.open("train.py", BROADCAST)

    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    for _ in range(500):
        if not editor.client.published[uri].diagnostics:
            break
        await asyncio.sleep(0.01)

    assert () == tuple(editor.client.published[uri].diagnostics)


async def test_document_without_tensorflow_is_silent(editor):
    """A text that names no training library has no findings, and the server answers for it."""
    uri = await editor.open("plain.py", "print('hello')\n")

    assert [] == editor.codes(uri)


async def test_silenced_finding_is_not_shown(editor):
    """A comment silences a finding in the editor as it does on the command line."""
    line = BROADCAST.splitlines()[LOSS]
    text = BROADCAST.replace(line, f"{line}  # trainlint: ignore[silent-loss-broadcast] on purpose")
    uri = await editor.open("train.py", text)

    assert "silent-loss-broadcast" not in {code for _, code in editor.codes(uri)}


async def test_unused_code_is_tagged(editor):
    """A finding about code that nothing uses says so, and the editor can fade it."""
    text = BROADCAST.replace("out = ", "spare = tf.matmul(x, w)\nout = ")
    uri = await editor.open("train.py", text)

    found = of_rule(editor.client.published[uri].diagnostics, "unused-computation")

    assert [types.DiagnosticTag.Unnecessary] == list(found.tags)


async def test_same_findings_as_the_command_line(editor):
    """The seeds' programs show in the editor exactly what `check` reports."""
    import json
    import subprocess
    import sys

    for path in sorted((ROOT / "fixtures" / "seeds").glob("*.py")):
        text = path.read_text("utf-8")
        uri = await editor.open(path.name, text)
        (editor.folder / path.name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "trainlint", "check", "--output-format", "json", path.name]
        done = subprocess.run(command, cwd=editor.folder, capture_output=True, text=True, check=False)
        expected = [
            (each["line"], each["rule"]) for each in json.loads(done.stdout)["findings"] if not each["suppressed"]
        ]

        assert sorted(expected) == sorted(editor.codes(uri)), path.name


# Pulling --------------------------------------------------------------------------------------------------------------


async def pulled(editor, uri, previous=None):
    return await editor.client.text_document_diagnostic_async(
        types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=previous)
    )


async def test_client_that_pulls_is_not_pushed(begin):
    """A client that asks for diagnostics gets them when it asks, and only then."""
    editor = await begin(capabilities(pull=True))
    uri = await editor.open("train.py", BROADCAST, wait=False)

    report = await pulled(editor, uri)

    assert "silent-loss-broadcast" in {each.code for each in report.items}
    assert {} == editor.client.published


async def test_unchanged_report(begin):
    """As long as nothing new was found, the report is its name alone."""
    editor = await begin(capabilities(pull=True))
    uri = await editor.open("train.py", BROADCAST, wait=False)
    first = await pulled(editor, uri)

    again = await pulled(editor, uri, first.result_id)
    await editor.change(uri, (0, 0, 0, 0, "# one more line\n"), wait=False)
    after = await pulled(editor, uri, first.result_id)

    assert "unchanged" == again.kind
    assert "full" == after.kind
    assert first.result_id != after.result_id
