"""Which findings are shown: those that no baseline knows, or that the changes since a commit bring."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trainlint.report.summary import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from trainlint.cli.checking import Checker
    from trainlint.report.schema import FileEntry
    from trainlint.review.baseline import Known, Now
    from trainlint.review.changed_lines import ChangedLines

MOST = 5
"""So many renamed files are told by name."""


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

            relative = relative_to_file(self._baseline, self._folder)
            checked = {relative(entry["file"]) for entry in entries if entry["file"]}
            now = found_now(entries, checked, self._baseline, checker, relative)
            compared = compare(entries, self._known, now, relative)
            entries, known = compared.entries, compared.hidden
            self.notes += _of_baseline(compared.gone, compared.renamed)
        if self._changed is not None:
            from trainlint.project.repository import RepositoryError
            from trainlint.review.before import entry_before

            def before(path: str, older: dict[str, bytes | None]) -> FileEntry | None:
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


def _of_baseline(gone: int, renamed: Mapping[str, str]) -> list[str]:
    """What is to be told of a baseline that is older than the code."""
    does = "`trainlint baseline prune`"
    notes = [f"{old} of the baseline is {new} now: {does} renames it" for new, old in sorted(renamed.items())[:MOST]]
    if len(renamed) > MOST:
        notes.append(f"{len(renamed) - MOST} more files of the baseline have other names now")
    if gone:
        notes.append(f"{_of_baseline_are(gone)} gone: {does} takes {'it' if gone == 1 else 'them'} out")
    return notes


def _of_baseline_are(n: int) -> str:
    return "1 finding of the baseline is" if n == 1 else f"{n} findings of the baseline are"


def found_now(
    entries: Iterable[FileEntry], checked: Collection[str], baseline: str, checker: Checker,
    relative: Callable[[str], str],
) -> Now:  # fmt: skip
    """What a check found, for comparison with the baseline in this file."""
    from trainlint.review.baseline import Now, counted

    base = os.path.dirname(os.path.abspath(baseline))

    def exists(file: str) -> bool:
        return os.path.lexists(os.path.join(base, file))

    def asked(file: str, rule: str) -> bool:
        return checker.looks_for(rule, os.path.normpath(os.path.join(base, file)))

    return Now(counted(entries, relative), checked, exists, asked)


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
