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
MANY = 2000
"""Edits after which memory is measured."""
FIRST = 50
"""Edits after which everything is loaded and every cache has its size."""


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

    def change(self, uri: str, version: int, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """Makes an edit, and waits for its findings."""
        area = {name: {"line": at[0], "character": at[1]} for name, at in (("start", start), ("end", end))}
        document = {"uri": uri, "version": version}
        change = {"textDocument": document, "contentChanges": [{"range": area, "text": text}]}
        self.send("textDocument/didChange", change)
        self.findings(uri, version)

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
        for number, (line, column, end_line, end_column, new) in enumerate(edits(lines, count)):
            version += 1
            start = time.perf_counter()
            client.change(uri, version, (line, column), (end_line, end_column), new)
            waited.append(time.perf_counter() - start)
            if number % 50 == 10:
                start = time.perf_counter()
                client.open(f"file:///bench/fresh{number}.py", text)
                fresh.append(time.perf_counter() - start)
                client.close(f"file:///bench/fresh{number}.py")
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
            "waited": sorted(waited), "fresh": median(fresh), "hints": len(hints), "hint seconds": hint_seconds,
            "hover": median(hovers),
        }  # fmt: skip
    finally:
        client.end()


def kept(text: str, count: int = MANY) -> tuple[float, float]:
    """MB that the server holds after the first edits, and after all of them."""
    client = Client()
    try:
        uri = "file:///bench/train.py"
        client.open(uri, text)
        before = 0.0
        for number, (line, column, end_line, end_column, new) in enumerate(edits(text.split("\n"), count)):
            client.change(uri, number + 2, (line, column), (end_line, end_column), new)
            if number == FIRST:
                before = client.memory
        return before, client.memory
    finally:
        client.end()


def program(fixtures: Path, lines: int) -> str:
    """A program of so many lines."""
    text = long_program(fixtures, lines)
    while text.count("\n") < lines:
        text += long_program(fixtures, lines - text.count("\n"))
    return text


def report(fixtures: Path, lines: int, count: int) -> None:
    """Prints the waits in a file of so many lines."""
    text = program(fixtures, lines)
    found = measure(text, count)
    waited, fresh = found["waited"], found["fresh"]
    load = os.getloadavg()[0]
    print(f"\nThe editor's wait in a file of {text.count(chr(10))} lines, {len(waited)} edits (load {load:.1f})")
    print(f"  a whole analysis       {fresh * 1000:7.0f} ms   1.00 x")
    for what, seconds in (("median", waited[len(waited) // 2]), ("95th percentile", waited[int(len(waited) * 0.95)])):
        print(f"  {what:<20} {seconds * 1000:9.0f} ms   {seconds / fresh:4.2f} x")
    hints, hover = found["hint seconds"] * 1000, found["hover"] * 1000
    print(f"  {found['hints']} hints for the whole file {hints:.0f} ms, a hover {hover:.0f} ms")


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent / "fixtures"
    report(root, LINES, EDITS)
    report(root, 5 * LINES, EDITS // 10)
    first, last = kept(program(root, LINES))
    print(f"\nMemory after {MANY} edits of {LINES} lines: {last:.0f} MB, {last - first:+.1f} MB since the {FIRST}th")
