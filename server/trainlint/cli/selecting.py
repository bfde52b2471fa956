"""Which findings are shown: those that no baseline knows, or that the changes since a commit bring."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trainlint.report.summary import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainlint.cli.checking import Checker
    from trainlint.report.schema import FileEntry
    from trainlint.review.baseline import Known
    from trainlint.review.changed_lines import ChangedLines


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
