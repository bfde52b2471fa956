"""How long the editor waits: from a change to the findings of a long file, through a real server process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench.edits import long_program

LINES = 1000
EDITS = 500


class Client:
    """The client's end of a server's pipes."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trainlint", "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.number = 0
        options = {"debounce": 0, "inlayHints": True}
        self.ask(
            "initialize", {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
        )
        self.send("initialized", {})

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message if number is None else {**message, "id": number}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def read(self) -> Any:
        length = 0
        assert self.process.stdout is not None
        while line := self.process.stdout.readline().strip():
            if line.startswith(b"Content-Length"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def ask(self, method: str, params: Any) -> Any:
        self.number += 1
        self.send(method, params, self.number)
        while (message := self.read()).get("id") != self.number:
            pass
        return message.get("result")

    def findings(self, uri: str, version: int) -> Any:
        """Waits for the findings of a version."""
        while True:
            message = self.read()
            if message.get("method") == "textDocument/publishDiagnostics":
                params = message["params"]
                if params["uri"] == uri and params.get("version") == version:
                    return params["diagnostics"]

    def open(self, uri: str, text: str) -> Any:
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": item})
        return self.findings(uri, 1)

    def close(self, uri: str) -> None:
        self.send("textDocument/didClose", {"textDocument": {"uri": uri}})

    @property
    def memory(self) -> float:
        """MB that the server's process holds."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def end(self) -> None:
        self.ask("shutdown", None)
        self.send("exit", None)
        self.process.wait()


def edits(lines: list[str], count: int, seed: int = 0) -> Iterator[tuple[int, int, int, int, str]]:
    """Changes at random places, at the top and at the end: typed letters, deleted lines, pasted blocks, and undos."""
    dice = random.Random(seed)
    while count > 0:
        where = dice.choice(("anywhere", "anywhere", "anywhere", "top", "end"))
        at = {"anywhere": dice.randrange(len(lines)), "top": min(3, len(lines) - 1), "end": len(lines) - 1}[where]
        kind = dice.choice(("type", "type", "delete", "paste"))
        old = lines[at]
        if kind == "type":
            column = dice.randrange(len(old) + 1)
            letter = dice.choice("abcxyz_0 (")
            change, undo = (at, column, at, column, letter), (at, column, at, column + 1, "")
        elif kind == "delete" and at + 1 < len(lines):
            change, undo = (at, 0, at + 1, 0, ""), (at, 0, at, 0, f"{old}\n")
        else:
            indent = old[: len(old) - len(old.lstrip())]
            block = [f"{indent}pasted_{n} = {dice.randrange(100)}" for n in range(5)]
            change, undo = (at, 0, at, 0, "\n".join(block) + "\n"), (at, 0, at + len(block), 0, "")
        yield change
        yield undo
        count -= 2


def measure(text: str, count: int = EDITS) -> dict[str, Any]:
    """Seconds from each change to its findings, and of whole analyses of the same text in between."""
    client = Client()
    try:
        uri = "file:///bench/train.py"
        client.open(uri, text)
        waited, fresh, version, lines = [], [], 1, text.split("\n")
        memory = 0.0
        for number, (line, column, end_line, end_column, new) in enumerate(edits(lines, count)):
            version += 1
            area = {"start": {"line": line, "character": column}, "end": {"line": end_line, "character": end_column}}
            change = {
                "textDocument": {"uri": uri, "version": version},
                "contentChanges": [{"range": area, "text": new}],
            }
            start = time.perf_counter()
            client.send("textDocument/didChange", change)
            client.findings(uri, version)
            waited.append(time.perf_counter() - start)
            if number % 50 == 10:
                start = time.perf_counter()
                client.open(f"file:///bench/fresh{number}.py", text)
                fresh.append(time.perf_counter() - start)
                client.close(f"file:///bench/fresh{number}.py")
            if number == 50:
                memory = client.memory
        start = time.perf_counter()
        area = {"start": {"line": 0, "character": 0}, "end": {"line": len(lines), "character": 0}}
        hints = client.ask("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": area})
        hint_seconds = time.perf_counter() - start
        hovers = []
        for line in range(0, len(lines), 10):
            start = time.perf_counter()
            position = {"line": line, "character": min(4, len(lines[line]))}
            client.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
            hovers.append(time.perf_counter() - start)
        return {
            "waited": sorted(waited), "fresh": median(fresh), "grown": client.memory - memory, "memory": client.memory,
            "hints": len(hints), "hint seconds": hint_seconds, "hover": median(hovers),
        }  # fmt: skip
    finally:
        client.end()


def report(fixtures: Path, lines: int, count: int) -> None:
    """Prints the waits in a file of so many lines."""
    text = long_program(fixtures, lines)
    while text.count("\n") < lines:
        text += long_program(fixtures, lines - text.count("\n"))
    found = measure(text, count)
    waited, fresh = found["waited"], found["fresh"]
    load = os.getloadavg()[0]
    print(f"\nThe editor's wait in a file of {text.count(chr(10))} lines, {len(waited)} edits (load {load:.1f})")
    print(f"  a whole analysis       {fresh * 1000:7.0f} ms   1.00 x")
    for what, seconds in (("median", waited[len(waited) // 2]), ("95th percentile", waited[int(len(waited) * 0.95)])):
        print(f"  {what:<20} {seconds * 1000:9.0f} ms   {seconds / fresh:4.2f} x")
    hints, hover = found["hint seconds"] * 1000, found["hover"] * 1000
    print(f"  {found['hints']} hints for the whole file {hints:.0f} ms, a hover {hover:.0f} ms")
    print(f"  memory {found['memory']:.0f} MB, grown by {found['grown']:.1f} MB since the 50th edit")


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent / "fixtures"
    report(root, LINES, EDITS)
    report(root, 5 * LINES, EDITS // 10)
