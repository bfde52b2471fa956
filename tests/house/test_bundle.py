"""The server as the extension brings it, in every version of Python that it says it runs in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / "fixtures" / "seeds" / "seed003_always_half.py"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

# Set by `make test-bundle`, which makes the bundle first.
BUNDLE = os.environ.get("TRAINLINT_BUNDLE")
pytestmark = pytest.mark.skipif(not BUNDLE, reason="TRAINLINT_BUNDLE names no folder with a bundled server")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundled server in a folder as people have them: with a space, and letters that are not of ASCII."""
    folder = tmp_path_factory.mktemp("folder") / "ein Ordner für Ärger"
    shutil.copytree(str(BUNDLE), folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def interpreter(version: str) -> str:
    """A Python of a version: of the PATH, of TRAINLINT_PYTHONS (paths between colons), or of pyenv."""
    given = os.environ.get("TRAINLINT_PYTHONS", "").split(os.pathsep)
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    for path in (*given, shutil.which(f"python{version}"), *pyenv):
        if path and runs(str(path), version):
            return str(path)
    pytest.skip(f"there is no Python {version}")


def runs(python: str, version: str) -> bool:
    told = subprocess.run(
        [python, "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
    )
    return told.stdout.strip() == version


class Client:
    """The least that an editor says to a server."""

    def __init__(self, python: str, bundle: Path, cache: Path) -> None:
        # As extension/src/serverCommand.ts starts it.
        self.process = subprocess.Popen(
            [python, "-I", "-S", "-X", "utf8", str(bundle / "start.py"), "server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        )  # fmt: skip
        self.number = 0
        # One that hangs ends the test as one that crashed.
        self.watch = threading.Timer(60, self.process.kill)
        self.watch.daemon = True
        self.watch.start()

    def send(self, method: str, params: Any, **more: Any) -> None:
        assert self.process.stdin is not None
        data = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def ask(self, method: str, params: Any) -> Any:
        self.number += 1
        self.send(method, params, id=self.number)
        return self.wait(lambda message: message.get("id") == self.number and "method" not in message)["result"]

    def wait(self, wanted) -> dict[str, Any]:
        """The next message that is wanted; fails where the server ends."""
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = 0
            while (line := stream.readline()).strip():
                if line.lower().startswith(b"content-length"):
                    length = int(line.split(b":")[1])
            assert length, f"the server ended: {self.errors()}"
            message = json.loads(stream.read(length))
            if wanted(message):
                return message

    def errors(self) -> str:
        assert self.process.stderr is not None
        self.watch.cancel()
        return self.process.stderr.read().decode()

    def diagnostics(self, name: str, text: str) -> set[str]:
        """The rules that are reported in a new document."""
        uri = f"file:///project/{name}"
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": item})
        told = self.wait(
            lambda message: (
                message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri
            )
        )
        return {each["code"] for each in told["params"]["diagnostics"]}


@pytest.mark.parametrize("version", PYTHONS)
def test_bundled_server(version, bundle, tmp_path):
    """It starts, finds what there is to find, parses what is broken, explains, and ends when it is told to."""
    client = Client(interpreter(version), bundle, tmp_path)
    with client.process:
        client.ask("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {}})
        client.send("initialized", {})
        found = client.diagnostics("train.py", SEED.read_text("utf-8"))
        broken = "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]), tf.float32)\ndef f(:\n"
        in_broken = client.diagnostics("broken.py", broken)
        page = client.ask(
            "workspace/executeCommand",
            {"command": "trainlint.server.explain", "arguments": ["silent-loss-broadcast", False]},
        )
        told = client.ask("workspace/executeCommand", {"command": "trainlint.server.debugInformation"})
        client.ask("shutdown", None)
        client.send("exit", None)
        status, errors = client.process.wait(timeout=30), client.errors()

    assert {"silent-loss-broadcast", "slow-default-learning-rate", "unscaled-inputs"} <= found
    assert "dtype-passed-as-trainable" in in_broken
    assert page.startswith("# silent-loss-broadcast")
    assert f"Python {version}." in told
    assert (0, "") == (status, errors)
