"""The comments that silence a finding: wherever they are put, they silence it and change nothing else."""

from __future__ import annotations

import pytest
from lsprotocol import types

from trainlint.lsp import actions
from trainlint.lsp.documents import Buffer
from trainlint.lsp.lines import Lines
from trainlint.lsp.setaside import SetAside
from trainlint.lsp.workspace import Workspace

URI = "file:///project/train.py"
RULE = "dtype-passed-as-trainable"


def checked(text: str):
    """A workspace with one checked document."""
    state = Workspace(SetAside(None))
    document = state.documents.put(types.TextDocumentItem(URI, "python", 1, text), "/project")
    return state, state.check(document, 1, document.data)


def edited(text: str, edits) -> str:
    """A text after edits of the client."""
    lines = Lines(text)

    def offset(position):
        return lines.offset(position.line, position.character, "utf-16")

    for edit in sorted(edits, key=lambda each: offset(each.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def ignored(text: str, what: str = "ignore") -> str:
    """A text with the comment that the action writes for the finding of a rule."""
    state, found = checked(text)
    each = next(each for each in found.findings if each.finding.rule == RULE)
    data = {"do": what, "finding": each.finding.fingerprint, "uri": URI, "version": 1}
    action = types.CodeAction("", data=data)
    return edited(text, actions.resolve(action, found, state.documents).edit.changes[URI])


LINE = "w = tf.Variable(tf.zeros([3]), tf.float32)"
LAYOUTS = {
    "plain": f"{LINE}\n",
    "no end": LINE,
    "comment": f"{LINE}  # the weights\n",
    "hash in a text": "w = tf.Variable(tf.zeros([3]), tf.float32, name='#')\n",
    "backslash": "w = \\\n    tf.Variable(tf.zeros([3]), \\\n        tf.float32)\n",
    "brackets": "w = tf.Variable(\n    tf.zeros(\n        [3]\n    ),\n    tf.float32,\n)\n",
    "comments in brackets": "w = tf.Variable(  # a\n    tf.zeros([3]),  # b\n    tf.float32,  # c\n)\n",
    "text of several lines": 'w = tf.Variable(tf.zeros([3]), tf.float32, name="""a\nb""")\n',
    "behind a semicolon": f"a = 1; {LINE}  # both\n",
    "one line": f"if a: {LINE}  # both\n",
    "decorator": "@f(tf.Variable(tf.zeros([3]), tf.float32))  # x\ndef g():\n    pass\n",
    "other comment": f"{LINE}  # trainlint: ignore[unused-computation] why\n",
    "brackets before": f"{LINE}  # a[0], see # trainlint: ignore[unused-computation]\n",
    "unfinished": f"{LINE}  # trainlint: ignore[\n",
    "block": f"def f():\n    if a:\n        {LINE}  # x\n        return w\nf()\n",
    "header": "with tf.Variable(tf.zeros([3]), tf.float32) as w:  # x\n    pass\n",
    "emoji": f"s = '😀'; {LINE}\n",
}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", ["ignore", "ignore-file"])
def test_comment_silences(layout, ends, what):
    """The finding is silenced, the others stay, and the line ends are those of the document."""
    text = f"import tensorflow as tf\n{LAYOUTS[layout]}".replace("\n", ends)
    before = checked(text)[1].findings

    after = ignored(text, what)

    found = checked(after)[1].findings
    assert [each.finding.suppressed is not None for each in found if each.finding.rule == RULE] == [True]
    names = [each.finding.rule for each in before]
    assert names == [each.finding.rule for each in found if each.finding.rule in names]
    assert set(after.split(ends)) & set(after.splitlines()) == set(after.splitlines())


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("", 0),
        ("#!/usr/bin/python\n", 1),
        ("#!/usr/bin/python\n# -*- coding: latin-1 -*-\n", 2),
        ("# A network\n# coding=latin-1\n", 2),
        ("# A network\n", 0),
        ('"""A text about\ncoding: nothing."""\n', 0),
    ],
)
def test_place_of_a_comment_for_the_file(head, line):
    """It stands first, but behind the lines that count in the first two lines only."""
    after = ignored(f"{head}import tensorflow as tf\n{LINE}\n", "ignore-file")

    assert "trainlint: ignore-file" in after.split("\n")[line]


def test_no_room():
    """Where no comment can stand, the action says so instead of writing into a text of the program."""
    text = f'import tensorflow as tf\ns = """a\n"""; {LINE}  # x\n'

    with pytest.raises(actions.Stale):
        ignored(text)


def test_buffers_know_nothing_of_files():
    """A text is analysed as UTF-8, whatever it says of its encoding."""
    assert "é" in Buffer(URI, "/a.py", 1, "# coding: latin-1\n# é\n").data.decode("utf-8-sig")
