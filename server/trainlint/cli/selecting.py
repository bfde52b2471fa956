"""Which findings count: those that no baseline knows, on lines that changed, of a severity that fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trainlint.record import Record
from trainlint.report.entries import GRAVE
from trainlint.report.summary import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainlint.cli.checking import Checker
    from trainlint.report.schema import FileEntry, FindingEntry
    from trainlint.review.baseline import Known
    from trainlint.review.changed_lines import ChangedLines

GOOD, FOUND, FAILED = 0, 1, 2


class Gate(Record):
    """When a check fails: `fail_on` is error, warning or confirmed, `most` how many such findings are let pass."""

    fail_on: str = "warning"
    most: int = 0
    exit_zero: bool = False

    def status(self, entries: Iterable[FileEntry]) -> int:
        """The exit status for what was found."""
        entries = list(entries)
        if any(notice["kind"] in GRAVE for entry in entries for notice in entry["notices"]):
            return FAILED
        n = sum(
            self._counts(finding) for entry in entries for finding in entry["findings"] if finding["suppressed"] is None
        )
        return FOUND if n > self.most and not self.exit_zero else GOOD

    def _counts(self, finding: FindingEntry) -> bool:
        if self.fail_on == "confirmed":
            result = finding["evidence"]["result"]
            return result is not None and result["verdict"] == "confirmed"
        return finding["severity"] in (("error",) if self.fail_on == "error" else ("error", "warning"))


class Selection:
    """What of a check is shown; what cannot be used is an error before anything is checked."""

    def __init__(self, baseline: str | None, diff_base: str | None, paths: Sequence[str], folder: str) -> None:
        self._folder = folder
        self._baseline = baseline
        self._known: Known | None = None if baseline is None else read_baseline(baseline)
        self._changed: ChangedLines | None = None if diff_base is None else changed_since(diff_base, paths, folder)
        self.notes: list[str] = []

    def apply(self, entries: list[FileEntry], checker: Checker) -> tuple[list[FileEntry], Hidden]:
        """What is shown, and how much is not."""
        known, unchanged = 0, 0
        if self._known is not None and self._baseline is not None:
            from trainlint.review.baseline import compare

            compared = compare(entries, self._known, relative_to_file(self._baseline, self._folder))
            entries, known = compared.entries, compared.hidden
            if compared.gone:
                are = (
                    "1 finding of the baseline is"
                    if compared.gone == 1
                    else f"{compared.gone} findings of the baseline are"
                )
                self.notes.append(f"{are} gone: `trainlint baseline prune` takes them out")
        if self._changed is not None:
            from trainlint.project.repository import RepositoryError
            from trainlint.review.before import entry_before

            def before(path: str, older: dict[str, bytes]) -> FileEntry | None:
                return entry_before(path, older, checker.config_for, checker.display)

            try:
                entries, unchanged = self._changed.only(entries, before)
            except RepositoryError as error:
                raise click.ClickException(f"--diff-base: {error}") from None
        return entries, Hidden(known, unchanged)


def read_baseline(file: str) -> Known:
    """What a baseline knows; raises an error in one line if it cannot be used."""
    from trainlint.project.files import ReadError, read_file
    from trainlint.review.baseline import BaselineError, read

    if not file:
        raise click.UsageError("--baseline is empty")
    try:
        return read(read_file(os.path.abspath(file)))
    except ReadError as error:
        hint = "" if os.path.lexists(file) else f"; to write it: trainlint baseline create --baseline {file}"
        raise click.ClickException(f"the baseline {file} cannot be read: {error.reason}{hint}") from None
    except BaselineError as error:
        raise click.ClickException(f"the baseline {file} cannot be used: {error}") from None


def relative_to_file(baseline: str, folder: str) -> Callable[[str], str]:
    """Turns shown paths into those from the folder of a baseline."""
    from trainlint.review.baseline import relative_to

    base = os.path.dirname(os.path.abspath(baseline))
    return relative_to(base.replace(os.sep, "/"), folder.replace(os.sep, "/"))


def changed_since(ref: str, paths: Sequence[str], folder: str) -> ChangedLines:
    """The lines that changed; raises an error in one line where git cannot tell."""
    from trainlint.project.repository import RepositoryError
    from trainlint.review.changed_lines import ChangedLines

    if not ref:
        raise click.UsageError("--diff-base is empty")
    changed = ChangedLines(ref, folder)
    try:
        changed.ask(path for path in paths if os.path.exists(path))
    except RepositoryError as error:
        raise click.ClickException(f"--diff-base {ref}: {error}") from None
    return changed
