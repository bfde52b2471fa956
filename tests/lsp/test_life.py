"""The life of a server: malformed messages, failures of its own, and its end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tests.lsp.test_diagnostics import BROADCAST

from trainlint.lsp.documents import Buffer

COMMAND = [sys.executable, "-m", "trainlint", "server"]


class Raw:
    """A server on bare pipes."""

    def __init__(self, cache, extra=()):
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        self.process = subprocess.Popen(
            [*COMMAND, *extra], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )

    def send(self, method, params=None, id=None):
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message if id is None else {**message, "id": id}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def read(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length)) if length else None

    def answer(self, id):
        while (message := self.read()) is not None:
            if message.get("id") == id and "method" not in message:
                return message
        raise AssertionError("the server has gone")

    def initialize(self):
        self.send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
        answer = self.answer(1)
        self.send("initialized", {})
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait(timeout=30)
        self.process.stderr.close()
        return code


@pytest.fixture
def raw(tmp_path):
    server = Raw(tmp_path)
    yield server
    if server.process.poll() is None:
        server.process.kill()
    server.end()


def open_document(server, text=BROADCAST, uri="file:///project/train.py"):
    item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    server.send("textDocument/didOpen", {"textDocument": item})


def test_exit_after_shutdown(raw):
    """After `shutdown`, `exit` ends the process with 0."""
    raw.initialize()
    raw.send("shutdown", None, 2)
    assert raw.answer(2)["result"] is None

    raw.send("exit")

    assert 0 == raw.process.wait(timeout=20)


def test_exit_without_shutdown(raw):
    """Without `shutdown` it ends with 1, as the specification has it."""
    raw.initialize()

    raw.send("exit")

    assert 1 == raw.process.wait(timeout=20)


def test_client_that_dies(raw):
    """When the client's end of the pipe closes, the server ends, whatever it is doing."""
    raw.initialize()
    open_document(raw, BROADCAST * 20)

    raw.process.stdin.close()

    raw.process.wait(timeout=20)


def test_client_process_that_is_gone(tmp_path):
    """A client that died without closing its pipes is noticed."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    server = Raw(tmp_path)
    server.send("initialize", {"processId": gone.pid, "rootUri": None, "capabilities": {}}, 1)
    server.answer(1)
    server.send("initialized", {})

    server.process.wait(timeout=30)
    server.end()


def test_malformed_parameters(raw):
    """A request that makes no sense gets an error, and the server goes on."""
    raw.initialize()

    raw.send("textDocument/hover", {"textDocument": 3}, 2)
    error = raw.answer(2)["error"]
    raw.send("textDocument/didOpen", {"textDocument": None})
    raw.send("shutdown", None, 3)

    assert -32602 == error["code"]
    assert raw.answer(3)["result"] is None


def test_unknown_command(raw):
    """A command that nobody knows gets an error."""
    raw.initialize()

    raw.send("workspace/executeCommand", {"command": "trainlint.server.nothing"}, 2)

    assert "error" in raw.answer(2)


def test_requests_about_unknown_documents(raw):
    """A request about a document that is not open has an empty answer."""
    raw.initialize()
    place = {"textDocument": {"uri": "file:///nowhere.py"}, "position": {"line": 0, "character": 0}}

    raw.send("textDocument/hover", place, 2)

    assert raw.answer(2)["result"] is None


def test_changes_outside_of_the_text(raw):
    """Positions behind the end of a text do no harm."""
    raw.initialize()
    open_document(raw, "import tensorflow as tf")
    far = {"start": {"line": 900, "character": 3}, "end": {"line": 901, "character": 0}}
    raw.send(
        "textDocument/didChange",
        {
            "textDocument": {"uri": "file:///project/train.py", "version": 2},
            "contentChanges": [{"range": far, "text": "\nv = tf.Variable(tf.zeros([3]), tf.float32)\n"}],
        },
    )
    found = []
    for _ in range(20):
        message = raw.read()
        if message.get("method") == "textDocument/publishDiagnostics" and message["params"].get("version") == 2:
            found = message["params"]["diagnostics"]
            break

    assert ["dtype-passed-as-trainable"] == [each["code"] for each in found]


def test_user_code_stays_out_of_the_log(tmp_path):
    """At the default level neither the log file nor stderr holds text of the user."""
    log = tmp_path / "server.log"
    server = Raw(tmp_path, ["--log-file", str(log)])
    server.initialize()
    open_document(server, BROADCAST.replace("labels", "secret_labels"))
    while server.read().get("method") != "textDocument/publishDiagnostics":
        pass
    server.send("textDocument/hover", {"textDocument": {"uri": "secret_uri"}, "position": "secret_position"}, 2)
    server.answer(2)
    server.send("shutdown", None, 3)
    server.answer(3)
    server.send("exit")
    server.process.wait(timeout=20)

    written = log.read_text("utf-8") + server.process.stderr.read().decode()
    server.end()
    assert "secret" not in written


def test_text_that_killed_a_server(tmp_path):
    """A text that was being read when two servers died is set aside by the next one, until it changes."""
    for _ in range(2):
        leave_note(tmp_path)
    server = Raw(tmp_path)
    server.initialize()
    open_document(server)
    told, found = [], None
    while found is None:
        message = server.read()
        if message.get("method") == "window/showMessage":
            told.append(message["params"]["message"])
        elif message.get("method") == "textDocument/publishDiagnostics":
            found = message["params"]["diagnostics"]
    open_document(server, BROADCAST + "\n", "file:///project/other.py")
    while (message := server.read()).get("method") != "textDocument/publishDiagnostics":
        pass

    assert [] == found
    assert ["earlier servers ended" in each for each in told] == [True]
    assert message["params"]["diagnostics"]
    server.process.kill()
    server.end()


def leave_note(cache):
    """What a server leaves that dies while it reads."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    notes = cache / "trainlint" / "server"
    notes.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha1(Buffer("", "", 1, BROADCAST).data).hexdigest()
    (notes / f"reading-{gone.pid}").write_text(name, encoding="ascii")


def test_server_that_was_ended_while_it_read(tmp_path):
    """One that was ended from outside says nothing of the text, which is read again, and then nothing is left of it."""
    leave_note(tmp_path)
    server = Raw(tmp_path)
    server.initialize()
    open_document(server)
    while (message := server.read()).get("method") != "textDocument/publishDiagnostics":
        pass

    assert message["params"]["diagnostics"]
    server.process.terminate()
    assert 128 + signal.SIGTERM == server.process.wait(timeout=20)
    server.end()
    assert [] == list((tmp_path / "trainlint" / "server").iterdir())


def test_nothing_is_left_behind(tmp_path):
    """A server that ends properly leaves no note of what it was reading."""
    server = Raw(tmp_path)
    server.initialize()
    open_document(server)
    while server.read().get("method") != "textDocument/publishDiagnostics":
        pass
    server.send("shutdown", None, 2)
    server.answer(2)
    server.send("exit")
    server.process.wait(timeout=20)
    server.end()

    assert [] == list((tmp_path / "trainlint" / "server").iterdir())


def test_failure_in_an_analysis(monkeypatch, tmp_path):
    """A failure of our own is told once, and the server lives on."""
    script = (
        "import trainlint.lsp.workspace as workspace\n"
        "def fail(*_, **__): raise RuntimeError('made for the test')\n"
        "workspace.analyse = fail\n"
        "from trainlint.cli.main import run\nrun(['server'])\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    server = Raw.__new__(Raw)
    server.process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    server.initialize()
    for index in range(3):
        open_document(server, uri=f"file:///project/train{index}.py")
    time.sleep(1.0)
    server.send("shutdown", None, 2)
    told = []
    while (message := server.read()).get("id") != 2:
        told.append(message["params"]["message"])
    server.process.kill()
    server.end()

    assert ["made for the test" in each for each in told] == [True]


def test_request_before_initialize(raw):
    """A request of a client that has not introduced itself gets the error that the specification names."""
    raw.send("textDocument/documentSymbol", {"textDocument": {"uri": "file:///project/train.py"}}, 7)

    assert -32002 == raw.answer(7)["error"]["code"]
    assert "capabilities" in raw.initialize()["result"]


def test_request_after_shutdown(raw):
    """A request after `shutdown` gets an error, not silence."""
    raw.initialize()
    raw.send("shutdown", None, 2)
    raw.answer(2)

    raw.send("textDocument/documentSymbol", {"textDocument": {"uri": "file:///project/train.py"}}, 3)

    assert -32600 == raw.answer(3)["error"]["code"]


def test_shutdown_while_checking(raw):
    """A server that is in the middle of a long check ends at once."""
    raw.initialize()
    open_document(raw, BROADCAST * 60)
    raw.send("textDocument/documentSymbol", {"textDocument": {"uri": "file:///project/train.py"}}, 2)

    raw.send("shutdown", None, 3)
    assert raw.answer(3)["result"] is None
    raw.send("exit")

    assert 0 == raw.process.wait(timeout=20)


def test_unknown_request_bothers_nobody(raw):
    """A request that we do not know gets an error; the user is shown nothing."""
    raw.initialize()

    raw.send("textDocument/somethingNew", {}, 2)
    raw.send("shutdown", None, 3)
    told = [raw.read(), raw.read()]

    assert [2, 3] == [each.get("id") for each in told]
    assert -32601 == told[0]["error"]["code"]


def test_messages_that_are_none(raw):
    """What is not JSON-RPC is passed over, and so are `null` parameters of notifications."""
    raw.initialize()
    for body in (b"{}", b"[]", b'{"method": "exit"}', b"3", b"{"):
        raw.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    for method in ("textDocument/didChange", "textDocument/didClose", "workspace/didChangeConfiguration", "nothing"):
        raw.send(method, None)
    raw.send("workspace/didChangeConfiguration", {"settings": None})
    raw.send("textDocument/didClose", {"textDocument": {"uri": "file:///nowhere.py"}})
    raw.send("textDocument/documentSymbol", {"textDocument": {"uri": "file:///nowhere.py"}}, 2)

    assert [] == raw.answer(2)["result"]


@pytest.mark.parametrize(
    "uri",
    [
        "file:///project/a%20b%23%25%C3%A9.py",
        "file:///c%3A/Users/x/train.py",
        "file://server/share/train.py",
        "untitled:Untitled-1",
        "vscode-vfs://github/owner/train.py",
    ],
)
def test_addresses_of_documents(raw, uri):
    """Findings come under the address that the client uses, however it is written, also without any folder."""
    raw.initialize()
    open_document(raw, uri=uri)

    while (message := raw.read()).get("method") != "textDocument/publishDiagnostics":
        pass

    assert uri == message["params"]["uri"]
    assert "silent-loss-broadcast" in [each["code"] for each in message["params"]["diagnostics"]]
    assert {uri} == {
        step["location"]["uri"]
        for each in message["params"]["diagnostics"]
        for step in each.get("relatedInformation", ())
    }
