"""When what was found makes a check fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.entries import GRAVE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainlint.report.schema import FileEntry, FindingEntry

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
