"""Texts that actions are made on, for tests of fixes."""

from __future__ import annotations

import json
from typing import Any

from trainlint import stacks
from trainlint.analysis import Analysis, read_source
from trainlint.fixes.actions import Action, Remedy
from trainlint.fixes.code_index import index_of
from trainlint.fixes.materialization import fix_of, new_bytes
from trainlint.fixes.refusal import Refused
from trainlint.source import code


class Editing:
    """A file that was read and not run; a place is named by its text, with the kind of node and which one of them."""

    def __init__(self, content: str | bytes, path: str = "train.py") -> None:
        data = content.encode() if isinstance(content, str) else content
        source = stacks.call(lambda: read_source(data, path))
        self.analysis = Analysis(path, source, None, {}, (), (), ())

    @property
    def document(self) -> Any:
        """The document of the file."""
        return self.analysis.document

    def place(self, text: str, kind: type[code.Node] = code.Node, nth: int = 0) -> code.Place:
        """The place of the nth node with this text, outer nodes first."""
        found = []
        for place, node in index_of(self.document).nodes.items():
            if isinstance(node, kind) and self.document.source_of(place) == text:
                found.append((self.document.offsets(place)[0], place.number, place))
        found.sort(key=lambda item: item[:2])
        return found[nth][2]

    def call(self, text: str, nth: int = 0) -> code.Place:
        """The place of a call, named by its function."""
        found = [
            (self.document.offsets(place)[0], place) for place, node in index_of(self.document).nodes.items()
            if isinstance(node, code.Call) and self.document.source_of(node.function.place) == text
        ]  # fmt: skip
        found.sort(key=lambda item: item[0])
        return found[nth][1]

    def apply(self, *actions: Action) -> bytes:
        """The file after these actions; raises Refused."""
        fix = stacks.call(lambda: fix_of(Remedy("t", "safe", actions), self.analysis))
        return new_bytes(self.analysis, fix.edits)[self.analysis.path]

    def text(self, *actions: Action) -> str | None:
        """The text after these actions, None if they are refused."""
        try:
            return self.apply(*actions).decode()
        except Refused:
            return None


def notebook(*cells: str) -> bytes:
    """A notebook of these code cells."""
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)}
                for cell in cells
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 4,
        },
        indent=1,
    ).encode()


def cell_sources(data: bytes) -> list[str]:
    """The sources of a notebook's cells."""
    return ["".join(cell["source"]) for cell in json.loads(data)["cells"]]
