"""Checks that several wait for, that are overtaken, and whose grounds change while they run."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from lsprotocol import types
from tests.lsp.test_diagnostics import BROADCAST

from trainlint.lsp.documents import path_of
from trainlint.lsp.features import make_server
from trainlint.lsp.server import ContentModified


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server without a client, in this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = make_server(keeps_notes=False)
    made.sent = []
    monkeypatch.setattr(made, "text_document_publish_diagnostics", made.sent.append)
    monkeypatch.setattr(made, "window_show_message", made.sent.append)
    yield made
    made.analyst.close()


def put(server, folder, name, text, version=1):
    item = types.TextDocumentItem((folder / name).as_uri(), "python", version, text)
    return server.state.documents.put(item, str(folder))


def hold(server):
    """Keeps the analyst busy until the event that comes back is set."""
    go, busy = threading.Event(), threading.Event()

    def work():
        busy.set()
        go.wait(20)

    server.analyst.ask(work)
    busy.wait(20)
    return go


async def test_requests_share_a_check(server, tmp_path):
    """Two that wait for one version wait for one check, however long the analyst is busy with something else."""
    document = put(server, tmp_path, "train.py", BROADCAST)
    submitted = []
    submit = server.analyst.submit
    server.analyst.submit = lambda *given: (submitted.append(given[0]), submit(*given))[1]
    go = hold(server)

    waiting = [asyncio.ensure_future(server.check(document)) for _ in range(3)]
    await asyncio.sleep(0.2)
    go.set()
    found = await asyncio.gather(*waiting)

    assert 1 == len(submitted)
    assert all(each is found[0] for each in found)


async def test_cancelled_request_leaves_the_check_to_others(server, tmp_path):
    """A request that the client cancels ends, and another one that waits for the same check is answered."""
    document = put(server, tmp_path, "train.py", BROADCAST)
    go = hold(server)
    first = asyncio.ensure_future(server.with_check(document.uri, lambda checked: len(checked.findings), 0))
    second = asyncio.ensure_future(server.with_check(document.uri, lambda checked: len(checked.findings), 0))
    await asyncio.sleep(0.05)

    first.cancel()
    await asyncio.sleep(0.05)
    is_over = first.cancelled()
    go.set()

    assert is_over
    assert await second


async def test_overtaken_request(server, tmp_path):
    """A request about a version that is gone says so."""
    document = put(server, tmp_path, "train.py", BROADCAST)
    go = hold(server)
    first = asyncio.ensure_future(server.with_check(document.uri, lambda checked: 1, 0))
    await asyncio.sleep(0.05)
    document.change(2, [types.TextDocumentContentChangeWholeDocument("x = 1\n")], "utf-16")
    second = asyncio.ensure_future(server.with_check(document.uri, lambda checked: checked.analysis, 0))
    await asyncio.sleep(0.05)
    go.set()

    with pytest.raises(ContentModified):
        await first
    assert await second is None


async def test_text_that_changes_while_an_answer_is_made(server, tmp_path):
    """An answer with places in a text that has changed meanwhile is not given."""
    document = put(server, tmp_path, "train.py", BROADCAST)
    await server.check(document)
    go = hold(server)
    waiting = asyncio.ensure_future(server.with_check(document.uri, lambda checked: 1, 0))
    await asyncio.sleep(0.05)
    document.change(2, [types.TextDocumentContentChangeWholeDocument("\n" + BROADCAST)], "utf-16")
    go.set()

    with pytest.raises(ContentModified):
        await waiting


SIBLING = "import tensorflow as tf\ndef start(shape):\n    return tf.Variable(tf.zeros(shape){})\n"
IMPORTING = "import tensorflow as tf\nfrom parts import start\nw = start([3])\n"


async def test_sibling_that_changes_while_a_check_runs(server, tmp_path, monkeypatch):
    """A check that read an open sibling before it changed is done again, not taken for the present one."""
    (tmp_path / "pyproject.toml").write_text("")
    sibling = put(server, tmp_path, "parts.py", SIBLING.format(""))
    document = put(server, tmp_path, "train.py", IMPORTING)
    path = path_of(sibling.uri, "/")
    running, go = threading.Event(), threading.Event()
    check = server.state._shown

    def slow(checked, analysis):
        if not running.is_set():
            running.set()
            go.wait(20)
        return check(checked, analysis)

    monkeypatch.setattr(server.state, "_shown", slow)
    waiting = asyncio.ensure_future(server.check(document))
    await asyncio.to_thread(running.wait, 20)
    server.state.documents.change(
        sibling.uri, 2, [types.TextDocumentContentChangeWholeDocument(SIBLING.format(", tf.float32"))]
    )
    server.state.touch([path])
    go.set()
    checked = await waiting

    assert path in checked.depends
    assert ["dtype-passed-as-trainable"] == [each.finding.rule for each in checked.findings]
    assert checked is await server.check(document)


async def test_settings_that_change_while_a_check_runs(server, tmp_path, monkeypatch):
    """A check with settings of before is no answer any more."""
    document = put(server, tmp_path, "train.py", BROADCAST)
    running, go = threading.Event(), threading.Event()
    check = server.state._shown

    def slow(checked, analysis):
        if not running.is_set():
            running.set()
            go.wait(20)
        return check(checked, analysis)

    monkeypatch.setattr(server.state, "_shown", slow)
    waiting = asyncio.ensure_future(server.check(document))
    await asyncio.to_thread(running.wait, 20)
    server.take_settings({"lint": {"ignore": ["silent-loss-broadcast"]}})
    server.state.forget_checks()
    go.set()

    shown = [each.finding.rule for each in (await waiting).findings if each.diagnostic]
    assert shown
    assert "silent-loss-broadcast" not in shown


async def test_closed_document_is_forgotten(server, tmp_path):
    """A check that ends after its document was closed leaves nothing behind, and reopening starts anew."""
    document = put(server, tmp_path, "train.py", BROADCAST)
    go = hold(server)
    waiting = asyncio.ensure_future(server.publish(document))
    await asyncio.sleep(0.05)
    server.state.documents.close(document.uri)
    server.forget(document)
    go.set()
    await waiting

    assert {} == server.state.checked
    assert [] == server.sent

    again = put(server, tmp_path, "train.py", "import tensorflow as tf\n")
    await server.publish(again)
    assert [[]] == [each.diagnostics for each in server.sent]


async def test_analyst_looks_while_documents_come(server, tmp_path):
    """Another thread may ask for the document of a file while others are opened and closed."""
    stop, failures = threading.Event(), []

    def look():
        while not stop.is_set():
            try:
                server.state.documents.at("/nowhere.py")
            except RuntimeError as error:
                failures.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        for number in range(20):
            put(server, tmp_path, f"m{number}.py", "")
        for number in range(20):
            server.state.documents.close((tmp_path / f"m{number}.py").as_uri())
    stop.set()
    thread.join()

    assert [] == failures
