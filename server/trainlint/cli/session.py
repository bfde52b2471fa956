"""A check for whoever has a text and no command line: an interactive session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trainlint.cli.checking import Checker, Settings

if TYPE_CHECKING:
    from trainlint.report.schema import FileEntry


class Refused(Exception):
    """What was asked for cannot be done; the text says why in one line."""


def check_text(data: bytes, name: str, settings: Settings) -> tuple[list[FileEntry], Checker]:
    """What is found in a text, as if it were a file of that name in the working folder; raises Refused."""
    from trainlint.report.entries import merged

    try:
        checker = Checker(settings)
        return merged([*checker.standard_input(data, name), checker.own_entry()]), checker
    except click.ClickException as error:
        raise Refused(error.format_message()) from None
