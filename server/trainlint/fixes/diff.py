"""Unified diffs of files, for `patch`, `git apply` and people."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from trainlint.source.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator


def unified_diff(before: bytes, after: bytes, name: str) -> Iterator[str]:
    """The lines of the diff of a file under a name; each ends with a line feed, and line ends are as in the file."""
    for line in difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(data: bytes) -> list[str]:
    decoded = decode(data)
    text = data[len(decoded.mark) :].decode(decoded.encoding, "replace")
    if decoded.mark and decoded.encoding == "utf-8":
        text = "\ufeff" + text
    # str.splitlines also splits at form feeds and other characters that end no line of a file.
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
