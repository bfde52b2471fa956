"""`--fix` and `--diff`: what the fixes make of the files, written or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.cli.write import WriteRefused, replace_content
from trainlint.finding import Notice
from trainlint.report.terminal import counted, plain

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
        self.refused = 0
        """Files that could not be written."""
        self.unsafe_left = 0
        """Findings with an unsafe fix alone, which was not asked for."""
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
        from trainlint.fixes.apply import choices, repair

        result = repair(analysis, project, config, unsafe=self.unsafe)
        notices = list(result.notices)
        if not self.unsafe:
            left = (finding for finding in result.analysis.findings if finding.suppressed is None)
            self.unsafe_left += sum(bool(choices(f, unsafe=True)) and not choices(f, unsafe=False) for f in left)
        if not result.changes:
            return analysis, notices
        for change in result.changes:
            if self.write:
                try:
                    replace_content(change.path, change.before, change.after)
                except WriteRefused as error:
                    notices.append(Notice("unwritable", change.path, f"not repaired: {error}"))
                    self.refused += 1
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
            # `patch -p1` takes a name without its first part, and an absolute one would begin with an empty one.
            for line in unified_diff(before, after, plain(self._display[path]).lstrip("/")):
                colour = None if line.startswith(("+++", "---")) else colours.get(line[0])
                yield style.paint(line[:-1], colour) + "\n" if colour else line

    def summary(self) -> list[str]:
        """Lines that say what was repaired, and what else could be."""
        lines = []
        if self.fixed:
            done = f"{counted(self.fixed, 'finding')} in {counted(len(self.contents), 'file')}."
            lines.append(f"Would repair {done}" if self.compare else f"Repaired {done}")
        elif self.refused:
            lines.append(f"Nothing was repaired: {counted(self.refused, 'file')} could not be written.")
        else:
            lines.append("Nothing to repair." if self.unsafe or not self.unsafe_left else "Nothing to repair safely.")
        if self.unsafe_left:
            have = "has an unsafe fix" if self.unsafe_left == 1 else "have unsafe fixes"
            option = "`--diff --unsafe-fixes` shows" if self.compare else "`--fix --unsafe-fixes` applies"
            what = "it" if self.unsafe_left == 1 else "them"
            lines.append(f"{counted(self.unsafe_left, 'finding')} {have}: {option} {what}.")
        return lines
