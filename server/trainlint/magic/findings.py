"""The findings of a session, as HTML below a cell and as text in a terminal."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from trainlint.cli.checking import Settings, listed
from trainlint.cli.session import Refused, check_text
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.cli.checking import Checker
    from trainlint.report.schema import FileEntry

NAME = "notebook.ipynb"
"""No kernel knows the name of its notebook."""


class Findings(Record, eq=False):
    """What a check found; IPython shows the form that its front end takes."""

    entries: list[FileEntry]
    checker: Checker

    def _repr_html_(self) -> str:
        from trainlint.report.html_fragment import fragment

        return fragment(self.entries, self.checker.files_checked, self.checker.reason_of)

    def __repr__(self) -> str:
        from trainlint.report.text import Report, render

        report = Report(self.checker.files_checked, reason=self.checker.reason_of, hints=False)
        return "\n".join(render(self.entries, report)).replace(f"{NAME}:", "")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise Refused(message)


def options(words: Sequence[str]) -> dict[str, Any]:
    """The options in the line behind the magic."""
    parser = _Parser(prog="%trainlint", add_help=False)
    parser.add_argument("--select", action="append", default=[])
    parser.add_argument("--ignore", action="append", default=[])
    parser.add_argument("--peek", action="store_true", default=None)
    found = parser.parse_args(list(words))
    return {"select": listed(found.select), "ignore": listed(found.ignore), "peek": found.peek}


def check(
    notebook: bytes, select: tuple[str, ...] = (), ignore: tuple[str, ...] = (), peek: bool | None = None
) -> Findings:
    """What is found in a notebook of the working folder."""
    entries, checker = check_text(notebook, NAME, Settings(select, ignore, peek=peek))
    return Findings(entries, checker)
