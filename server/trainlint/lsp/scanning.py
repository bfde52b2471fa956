"""The files of a workspace that are not open: checked by a child process, shown as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from trainlint.lsp.checked import in_order
from trainlint.lsp.diagnostics import diagnostic
from trainlint.lsp.documents import uri_of
from trainlint.lsp.lines import code_units
from trainlint.rules.registry import all_rules

if TYPE_CHECKING:
    from trainlint.lsp.pages import Pages
    from trainlint.lsp.settings import Settings

_LINE = 64 * 1024 * 1024
"""Bytes that the findings of one file may take."""


class Scanner:
    """Runs child processes; a new scan of everything ends the one that runs."""

    def __init__(self) -> None:
        self.found: dict[str, list[types.Diagnostic]] = {}
        """What was found in files that are not open, by URI."""
        self._told: dict[str, dict[str, list[types.Diagnostic]]] = {}
        """The same by the file whose check found it: what it imports shows findings too."""
        self._children: set[asyncio.subprocess.Process] = set()

    def take(self, file: str, found: dict[str, list[types.Diagnostic]]) -> list[str]:
        """Takes over what was found in and from a file; the URIs whose findings are others now."""
        before = self._told.pop(file, {})
        if found:
            self._told[file] = found
        changed = list(dict.fromkeys((*found, *before)))
        for uri in changed:
            told = [each[uri] for each in self._told.values() if uri in each]
            if told:
                # What several find in one place is one finding.
                known = {(each.code, repr(each.range)): each for each in chain(*reversed(told))}
                self.found[uri] = sorted(known.values(), key=lambda each: in_order(each.range.start))
            else:
                self.found.pop(uri, None)
        return changed

    def forget(self, file: str) -> list[str]:
        """Forgets what was found in and from a file; the URIs whose findings are others now."""
        for found in self._told.values():
            found.pop(file, None)
        had = self.found.pop(file, None) is not None
        changed = self.take(file, {})
        return changed if file in changed or not had else [file, *changed]

    async def scan(
        self, folder: str, paths: Iterable[str] | None, settings: Settings, told: Callable[[dict[str, Any]], None]
    ) -> bool:
        """Checks a folder, or some of its files; tells of each file that names a training library.

        False if it was stopped.
        """
        command = [*_python(), "scan"]
        if paths is not None:
            command += ["--only", *paths]
        if settings.peek:
            command.append("--peek")
        for name in settings.select or ():
            command += ["--select", name]
        for name in settings.ignore:
            command += ["--ignore", name]
        child = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=_LINE,
        )  # fmt: skip
        self._children.add(child)
        assert child.stdout is not None
        try:
            while line := await child.stdout.readline():
                with contextlib.suppress(ValueError):
                    told(json.loads(line))
            return await child.wait() == 0
        finally:
            if child.returncode is None:
                child.kill()
            self._children.discard(child)

    def stop(self) -> None:
        """Ends the children that run."""
        for child in self._children:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()


def _python() -> list[str]:
    """How to start another trainlint that imports what this one does, and nothing from the folder that it checks."""
    found = [path for path in sys.path if path]
    program = f"import sys; sys.path[:] = {found!r}; from trainlint.cli.main import main; main()"
    same = [flag for flag, on in (("-I", sys.flags.isolated), ("-S", sys.flags.no_site)) if on]
    return [sys.executable, *same, "-c", program]


def diagnostics_of(
    entry: dict[str, Any], folder: str, encoding: str, settings: Settings, pages: Pages
) -> dict[str, list[types.Diagnostic]]:
    """The findings of one file of a scan by the document that they are in; what a comment silences is left out."""
    rules = {rule.name: rule for rule in all_rules()}
    result: dict[str, list[types.Diagnostic]] = {uri_of(os.path.join(folder, entry["file"])): []}
    for finding in entry["findings"]:
        rule = rules.get(finding["rule"])
        severity = finding["severity"] if rule is None else settings.shown(rule, finding["severity"])
        # The cells of a notebook have no address until somebody opens it.
        if finding["suppressed"] is not None or severity == "off" or finding["cell"] is not None:
            continue
        texts = {(line["file"], line["line"]): line["text"] for line in finding["lines"]}
        steps = [
            (uri_of(os.path.join(folder, step["file"])), _range(step, texts, encoding), step["message"])
            for step in finding["trace"]
            if step["cell"] is None
        ]
        found = diagnostic(finding, _range(finding, texts, encoding), severity, steps, pages)
        result.setdefault(uri_of(os.path.join(folder, finding["file"])), []).append(found)
    return result


def _range(place: dict[str, Any], texts: dict[tuple[str, int], str], encoding: str) -> types.Range:
    def position(line: int, column: int) -> types.Position:
        text = texts.get((place["file"], line))
        character = column - 1 if text is None else code_units(text[: column - 1], encoding)
        return types.Position(line - 1, character)

    return types.Range(position(place["line"], place["column"]), position(place["end_line"], place["end_column"]))
