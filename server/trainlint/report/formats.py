"""All output formats by name; a format is imported when somebody asks for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.summary import Hidden
from trainlint.report.terminal import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainlint.report.places import Places
    from trainlint.report.schema import FileEntry
    from trainlint.rules.base import Rule

FORMATS = {
    "text": "explains, for people",
    "concise": "one line per finding",
    "json": "a document for programs",
    "jsonl": "one JSON object per finding and line",
    "sarif": "SARIF 2.1.0, for code scanning",
    "github": "the text and annotations of GitHub Actions",
    "gitlab": "GitLab's code quality report",
    "rdjson": "reviewdog's JSON, with suggestions",
    "junit": "JUnit's XML, for test reports",
    "markdown": "a summary for a review comment",
    "html": "one page that needs nothing else",
}

VERIFIED = frozenset({"json", "jsonl", "sarif", "rdjson"})
"""Formats whose fixes programs apply, so they hold verified ones only."""

WITHOUT_FIXES = frozenset({"concise", "gitlab", "junit"})


class Context(Record, eq=False):
    """What a format gets besides the findings.

    `reason` gives the sentence why a rule's mistake is bad, or None; `rules` gives all rules.
    `where` gives where files are in their repository, for formats that ask.
    """

    files_checked: int
    where: Callable[[], Places]
    rules: Callable[[], Iterable[Rule]]
    reason: Callable[[str], str | None] = lambda rule: None
    style: Style = Style()
    hints: bool = True
    show_info: bool = False
    hidden: Hidden = Hidden()

    @property
    def places(self) -> Places:
        """Where files are in their repository."""
        return self.where()


def render(name: str, entries: Sequence[FileEntry], context: Context) -> str:
    """The report in the format of that name."""
    rendered: str = import_module(f"trainlint.report.{name}").report(entries, context)
    return rendered
