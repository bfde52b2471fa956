"""What was run in an interactive session, as the notebook that would do the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Run(Record):
    """A cell that was run: its number, its text, and which cell of the editor it is, where that is known."""

    number: int
    text: str
    cell_id: str | None = None


class History:
    """The cells of a session that count: each as it was run last."""

    def __init__(self, before: Sequence[str]) -> None:
        self._runs: list[Run] = []
        self._current: Run | None = None
        self.listeners: dict[str, Callable[[Any], None]] = {}
        # The first entry stands for what is before the first cell.
        for number, text in enumerate(before):
            if number:
                self._add(Run(number, text))

    def started(self, number: int, info: Any) -> None:
        """A cell begins to run."""
        self._current = None
        if getattr(info, "store_history", True) and isinstance(info.raw_cell, str):
            self._current = Run(number, info.raw_cell, getattr(info, "cell_id", None))
            self._add(self._current)

    def ended(self, result: Any) -> None:
        """A cell ended; one that could not begin, because of its syntax, was not run."""
        if getattr(result, "error_before_exec", None) is not None and self._current in self._runs:
            self._runs.remove(self._current)
        self._current = None

    def notebook(self) -> bytes:
        """The notebook: cell 3 is the one that ran as number 3, and those that count no more are empty."""
        texts = {run.number: run.text for run in self._runs}
        cells = [
            {
                "cell_type": "code" if number in texts else "markdown",
                "metadata": {},
                "source": texts.get(number, ""),
                **({"outputs": [], "execution_count": number} if number in texts else {}),
            }
            for number in range(1, max(texts, default=0) + 1)
        ]
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode("utf-8")

    def _add(self, run: Run) -> None:
        # The same cell, or the same text run again, replaces what it was: people repair a cell and run it again.
        self._runs = [
            each
            for each in self._runs
            if each.number != run.number
            and each.text != run.text
            and (run.cell_id is None or each.cell_id != run.cell_id)
        ]
        self._runs.append(run)
