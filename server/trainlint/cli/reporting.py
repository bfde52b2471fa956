"""What a check shows: the report that is printed, those that go to files, and the exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trainlint.cli.checking import working_folder
from trainlint.cli.gate import FAILED
from trainlint.cli.outputs import PlacesOf
from trainlint.cli.streams import error_line, flush, plain_style, style_of, write, write_bytes, write_text
from trainlint.record import Record
from trainlint.report.concise import notice_line
from trainlint.report.entries import GRAVE
from trainlint.report.formats import Context, render
from trainlint.report.summary import Hidden, files_with, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.cli.checking import Checker
    from trainlint.cli.gate import Gate
    from trainlint.cli.outputs import Outputs
    from trainlint.report.schema import FileEntry


class Found(Record, eq=False):
    """What came of a check.

    `notes` are for people, `problem` says why no probe was possible, and `stdin` is whether a repaired standard input
    is the output.
    """

    entries: Sequence[FileEntry]
    checker: Checker
    hidden: Hidden
    notes: Sequence[str] = ()
    problem: str | None = None
    stdin: bool = False


class Reporting(Record, eq=False):
    """How a check is shown."""

    wanted: Outputs
    gate: Gate
    show_info: bool = False
    statistics: bool = False
    diff: bool = False

    def show(self, found: Found, again: bool = False) -> int:
        """Prints and writes the reports and gives the exit status; nothing is written `again` to a file."""
        if found.problem is not None:
            error_line(f"--probe: {found.problem}")
        saved = self._show(found, again)
        write([f"trainlint: note: {note}" for note in found.notes], sys.stderr)
        status = self.gate.status(found.entries)
        return status if saved and found.problem is None else FAILED

    def _show(self, found: Found, again: bool) -> bool:
        """Prints and writes the reports; false if one could not be written."""
        entries, checker, wanted = found.entries, found.checker, self.wanted
        out = sys.stdout
        if found.stdin:
            # The repaired text is the output; the report must not end up in it.
            write_bytes(checker.content_of_stdin)
            out = sys.stderr
        context = Context(
            files_checked=checker.files_checked, where=PlacesOf(working_folder()), rules=lambda: checker.rules,
            reason=checker.reason_of, style=style_of(out), hints=checker.repairing is None, show_info=self.show_info,
            hidden=found.hidden,
        )  # fmt: skip
        if self.diff:
            assert checker.repairing is not None
            write_text("".join(checker.repairing.diffs(style_of(out))), out)
        elif self.statistics:
            from trainlint.report.statistics import report as table

            write_text(table(entries, context), out)
        elif wanted.printed is not None:
            write_text(render(wanted.printed, entries, context), out)
        flush(out)
        # Files hold no colours and have the width of a pipe.
        saved = again or wanted.save(entries, context.replace(style=plain_style()))
        quiet = wanted.printed not in ("text", "github")
        if checker.repairing is not None:
            write(checker.repairing.summary(), sys.stderr if self.diff or quiet else out)
        for entry in entries:
            for notice in entry["notices"]:
                if notice["kind"] in GRAVE:
                    error_line(notice_line(notice))
                elif self.diff or wanted.printed == "concise":
                    write([f"trainlint: note: {notice_line(notice)}"], sys.stderr)
        if wanted.printed is None:
            active = [finding for entry in entries for finding in entry["findings"] if finding["suppressed"] is None]
            write([outcome(active, files_with(active), entries, checker.files_checked, found.hidden)], sys.stderr)
        return saved
