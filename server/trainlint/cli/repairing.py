"""`--fix` and `--diff`: what the fixes make of the files, written or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.cli.write import WriteRefused, replace_content
from trainlint.finding import Notice
from trainlint.report.terminal import plain

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
        project: Project,
        config: Config,
        overlay: dict[str, bytes],
        display: Callable[[str], str],
    ) -> tuple[Analysis, list[Notice]]:
        """The analysis after the repair of a file, and what was not applied or not written."""
        from trainlint.fixes.apply import repair

        result = repair(analysis, project, config, unsafe=self.unsafe)
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
        from trainlint.fixes.diff import unified_diff

        colours = {"+": "green", "-": "red", "@": "cyan"}
        for path, (before, after) in sorted(self.contents.items()):
            for line in unified_diff(before, after, plain(self._display[path])):
                colour = None if line.startswith(("+++", "---")) else colours.get(line[0])
                yield style.paint(line[:-1], colour) + "\n" if colour else line

    def summary(self) -> list[str]:
        """One line that says what was repaired, none if nothing was."""
        if not self.fixed:
            return ["Nothing to repair."]
        findings = "1 finding" if self.fixed == 1 else f"{self.fixed} findings"
        files = "1 file" if len(self.contents) == 1 else f"{len(self.contents)} files"
        return [f"Would repair {findings} in {files}." if self.compare else f"Repaired {findings} in {files}."]
