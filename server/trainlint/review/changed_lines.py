"""Findings on lines that changed, findings that follow from one, and findings that the change brings about."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from trainlint.project.files import ReadError, read_file
from trainlint.project.repository import Changed, Changes, RepositoryError
from trainlint.review.before import brought_about

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainlint.report.schema import FileEntry, FindingEntry, LocationEntry

    Older = dict[str, bytes | None]
    Before = Callable[[str, Older], FileEntry | None]


class ChangedLines:
    """Knows which places differ from where the work left a commit; `folder` is what shown paths are relative to.

    Raises RepositoryError where git cannot tell.
    """

    def __init__(self, ref: str, folder: str) -> None:
        self._changes = Changes(ref)
        self._folder = folder
        self._files: dict[str, Changed] = {}
        self._notebooks: dict[str, set[tuple[int, int]]] = {}

    def ask(self, paths: Iterable[str]) -> None:
        """Asks git about these files or folders now, so that what is wrong is told before a long check."""
        # The repository that somebody works in comes first: it knows what its submodules were.
        with suppress(RepositoryError):
            self._changes.repository(self._folder)
        for path in paths:
            self._changes.repository(os.path.join(self._folder, path))

    def only(self, entries: Iterable[FileEntry], before: Before) -> tuple[list[FileEntry], int]:
        """The entries with what the change touches or brings about, and how many findings were left out.

        `before` gives what a check of a file would have found with older texts in the place of files.
        """
        entries = list(entries)
        elsewhere = {
            entry["file"]: [
                each for each in entry["findings"] if each["suppressed"] is None and not self.concerns(each)
            ]
            for entry in entries
        }
        kept: list[FileEntry] = []
        left_out = 0
        was = _Before(entries, self._older, before)
        for entry in entries:
            found = elsewhere[entry["file"]]
            new = {id(each) for each in was.brought_about(entry, found)} if found else set()
            dropped = {id(each) for each in found} - new
            left_out += len(dropped)
            kept.append({**entry, "findings": [each for each in entry["findings"] if id(each) not in dropped]})
        return kept, left_out

    def _older(self, file: str) -> tuple[str, Older]:
        """The path of a shown file, and the older texts of what changed around it."""
        path = os.path.realpath(os.path.join(self._folder, file))
        return path, self._changes.older(path)

    def concerns(self, finding: FindingEntry) -> bool:
        """Whether a finding, or one of the places that it follows from, lies on a changed line."""
        return self.touches(finding) or any(self.touches(step) for step in finding["trace"])

    def touches(self, location: LocationEntry) -> bool:
        """Whether a changed line is a part of a place."""
        file, last = location["file"], location["end_line"]
        if location["end_column"] == 1 and last > location["line"]:
            last -= 1
        if location["cell"] is None:
            if file not in self._files:
                self._files[file] = self._changes.of(os.path.join(self._folder, file))
            return self._files[file].touches(location["line"], last)
        cell, cells = location["cell"], self._cells(os.path.join(self._folder, file))
        return any((cell, line) in cells for line in range(location["line"], last + 1))

    def _cells(self, path: str) -> set[tuple[int, int]]:
        if path not in self._notebooks:
            # Imported late: it brings the reader of notebooks.
            from trainlint.source.notebook_lines import changed_lines

            changed = self._changes.of(path)
            if changed.lines == ():
                self._notebooks[path] = set()
            else:
                try:
                    self._notebooks[path] = changed_lines(self._changes.base_text(path), read_file(path))
                except ReadError:
                    self._notebooks[path] = set()
        return self._notebooks[path]


class _Before:
    """What files had before, each analysed once and only where it may be another one."""

    def __init__(self, entries: list[FileEntry], older: Callable[[str], tuple[str, Older]], before: Before) -> None:
        self._older = older
        self._before = before
        self._known: dict[str, list[FindingEntry]] = {}
        self._texts: dict[str, bytes] = {}
        self._seen = {entry["file"]: entry.get("siblings") for entry in entries if entry["file"]}
        # A finding may follow from what another file does with this one.
        self._readers: dict[str, list[str]] = {}
        for file, siblings in self._seen.items():
            for each in siblings or ():
                self._readers.setdefault(each, []).append(file)

    def brought_about(self, entry: FileEntry, findings: list[FindingEntry]) -> list[FindingEntry]:
        """Those of a file's findings that it did not have before."""
        analysed = [entry["file"], *self._readers.get(entry["file"], ())]
        if not any(map(self._may_differ, analysed)):
            return []
        try:
            had = [each for file in analysed for each in self._had(file) if each["file"] == entry["file"]]
        except Exception:
            if os.environ.get("TRAINLINT_TRACEBACK"):
                raise
            # What was there before is not known, and unknown is silent.
            return []
        return brought_about(findings, had)

    def _may_differ(self, file: str) -> bool:
        path, older = self._older(file)
        siblings = self._seen.get(file)
        if siblings is None:
            return bool(older)
        paths = [path, *(self._older(each)[0] for each in siblings)]
        if any(each in older for each in paths):
            return True
        # A module that is gone, or has another name, is nobody's sibling any more; what imports it still names it.
        names = {_module_name(each) for each in older if not os.path.lexists(each)}
        return bool(names) and any(name in self._text(each) for each in paths for name in names)

    def _text(self, path: str) -> bytes:
        if path not in self._texts:
            try:
                self._texts[path] = read_file(path)
            except ReadError:
                self._texts[path] = b""
        return self._texts[path]

    def _had(self, file: str) -> list[FindingEntry]:
        if file not in self._known:
            entry = self._before(*self._older(file))
            self._known[file] = [] if entry is None else entry["findings"]
        return self._known[file]


def _module_name(path: str) -> bytes:
    """What an import of a file names last."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    return os.fsencode(os.path.basename(folder) if stem == "__init__" else stem)
