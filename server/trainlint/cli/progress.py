"""A line on a terminal that says what happens, and is gone afterwards."""

from __future__ import annotations

import sys
import time
from typing import Any

from trainlint.cli.streams import flush, write_text

PATIENCE = 1.0
"""Seconds before files are counted: most checks are done by then."""

_EVERY = 0.1


class ProgressLine:
    """A line on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr is not None and sys.stderr.isatty()
        self._width = 0
        self._next = time.monotonic() + PATIENCE
        self.prefix = ""

    def files(self, done: int, of: int) -> None:
        """Tells how many files are checked, if that takes a while."""
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + _EVERY
            self._put(f"{done} of {of} files checked"[: self._room()])

    def step(self, progress: dict[str, Any]) -> None:
        """Tells one step of a worker that trains."""
        text = str(progress.get("message") or "")
        if not text and progress.get("arm"):
            text = f"training {progress['arm']}, {progress.get('done', 0)} of {progress.get('of', '?')} steps"
        if text and self._shown:
            self._put((self.prefix + text)[: self._room()])

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown and self._width:
            self._put("")

    def _put(self, text: str) -> None:
        write_text("\r" + text.ljust(self._width) + ("" if text else "\r"), sys.stderr)
        self._width = len(text)
        flush(sys.stderr)

    @staticmethod
    def _room() -> int:
        from shutil import get_terminal_size

        return max(20, get_terminal_size((80, 24)).columns - 1)
