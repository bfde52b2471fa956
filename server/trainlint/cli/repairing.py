"""`--fix` and `--diff`: what the fixes make of the files, written or shown."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from trainlint.cli.write import WriteRefused, replace_content
from trainlint.finding import Notice
from trainlint.report.terminal import plain
from trainlint.source.text import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.project import Project
    from trainlint.report.terminal import Style


class Repairing:
    """Repairs one file after the other and remembers what happened.

    `compare` says that nothing is to change, `write` whether what changes is written to the disk.
    """

    def __init__(self, unsafe: bool, compare: bool, write: bool) -> None:
        self.unsafe = unsafe
        self.compare = compare
        self.write = write and not compare
        self.fixed = 0
        self.contents: dict[str, tuple[bytes, bytes]] = {}
        """Per path the content before and after all repairs."""
        self._display: dict[str, str] = {}

    def repair(
        self,
        analysis: Analysis,
        data: bytes,
        project: Project,
        config: Config,
        overlay: dict[str, bytes],
        display: Callable[[str], str],
    ) -> tuple[Analysis, list[Notice]]:
        """The analysis after the repair of a file, and what was not applied or not written."""
        from trainlint.fixes.apply import repair

        result = repair(analysis, data, project, config, unsafe=self.unsafe)
        notices = list(result.notices)
        if not result.changes:
            return analysis, notices
        for change in result.changes:
            if self.write:
                try:
                    replace_content(change.path, change.before, change.after)
                except WriteRefused as error:
                    notices.append(Notice("unreadable", change.path, f"not repaired: {error}"))
                    return analysis, notices
            # Later files of this run import what this one has become.
            overlay[change.path] = change.after
            before = self.contents[change.path][0] if change.path in self.contents else change.before
            self.contents[change.path] = before, change.after
            self._display[change.path] = display(change.path)
        self.fixed += result.n_fixed
        # Compared only, the file is as it was, and so is what is wrong with it.
        return analysis if self.compare else result.analysis, notices

    def diffs(self, style: Style) -> Iterator[str]:
        """The unified diffs of all changed files."""
        colours = {"+": "green", "-": "red", "@": "cyan"}
        for path, (before, after) in sorted(self.contents.items()):
            for line in unified_diff(decode(before).text, decode(after).text, self._display[path]):
                colour = None if line.startswith(("+++", "---")) else colours.get(line[0])
                yield style.paint(line[:-1], colour) + "\n" if colour else line

    def summary(self) -> list[str]:
        """One line that says what was repaired, none if nothing was."""
        if not self.fixed:
            return ["Nothing to repair."]
        findings = "1 finding" if self.fixed == 1 else f"{self.fixed} findings"
        files = "1 file" if len(self.contents) == 1 else f"{len(self.contents)} files"
        return [f"Would repair {findings} in {files}." if self.compare else f"Repaired {findings} in {files}."]


def unified_diff(before: str, after: str, name: str) -> Iterator[str]:
    """The lines of a unified diff that `patch` and `git apply` take; each ends with a line feed."""
    name = plain(name)
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    # str.splitlines also splits at form feeds and other characters that end no line of a file.
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
