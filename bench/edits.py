"""How long it takes to analyse a file again after one edit, as a share of a fresh analysis."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

LINES = 1000
EDITS = 200


def long_program(fixtures: Path, lines: int = LINES) -> str:
    """A program of about this many lines: the fixtures one after the other, every other one in a function."""
    pieces: list[str] = []
    size = 0
    sources = sorted((fixtures / "good").glob("*.py")) + sorted((fixtures / "seeds").glob("*.py"))
    for index, file in enumerate(sources):
        text = file.read_text(encoding="utf-8")
        if index % 2:
            body = "\n".join(
                f"    {line}" if line.strip() else "" for line in text.splitlines() if "from __future__" not in line
            )
            text = f"def program_{index}():\n{body}\n\n\nprogram_{index}()\n"
        pieces.append(text)
        size += text.count("\n") + 1
        if size >= lines:
            break
    return "\n".join("\n".join(pieces).splitlines()[:lines]) + "\n"


def edits(text: str, count: int, seed: int = 0) -> Iterator[str]:
    """The text after single edits at random places: a character or line more, a line less, other digits."""
    dice = random.Random(seed)
    lines = text.splitlines(keepends=True)
    for _ in range(count):
        at = dice.randrange(len(lines))
        kind = dice.choice(("type", "add", "remove", "digit"))
        changed = list(lines)
        if kind == "type":
            line = changed[at].rstrip("\n")
            position = dice.randrange(len(line) + 1)
            changed[at] = line[:position] + dice.choice("abcxyz_0 (") + line[position:] + "\n"
        elif kind == "add":
            indent = changed[at][: len(changed[at]) - len(changed[at].lstrip())].rstrip("\n")
            changed.insert(at, f"{indent}new_value = {dice.randrange(100)}\n")
        elif kind == "remove":
            del changed[at]
        else:
            changed[at] = "".join(dice.choice("0123456789") if c.isdigit() else c for c in changed[at])
        yield "".join(changed)


def measure(text: str, path: str = "bench.py", count: int = EDITS) -> dict[str, Any]:
    """CPU seconds of fresh analyses and of re-analyses after each edit of the same text."""
    result: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: result.update(_measure(text, path, count)))
    thread.start()
    thread.join()
    return result


def _measure(text: str, path: str, count: int) -> dict[str, Any]:
    project, config = Project("."), Config()
    analyse(text.encode(), path, project, config)
    gc.collect()
    gc.freeze()
    fresh, again = [], []
    base = analyse(text.encode(), path, project, config)
    for edited in edits(text, count):
        data = edited.encode()
        start = time.process_time()
        analyse(data, path, project, config, base)
        again.append(time.process_time() - start)
        # Back to the original, as somebody who types and undoes; the machine keeps what both states share.
        start = time.process_time()
        base = analyse(text.encode(), path, project, config, base)
        if len(fresh) < 10:
            start = time.process_time()
            analyse(data, path, project, config)
            fresh.append(time.process_time() - start)
    return {"fresh": sorted(fresh), "again": sorted(again)}
