"""`trainlint model FILE`: the networks of a file as trainlint understands them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import WIDE, table_style_of, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.analysis import Analysis
    from trainlint.report.terminal import Style


@click.command(name="model")
@click.argument("file")
def command(file: str) -> int:
    """Show the networks of FILE: layers with shapes and sizes, loss, optimizer, data, and what was not understood.

    Exit status: 0, or 2 if the file cannot be read.
    """
    from trainlint.analysis import analyse
    from trainlint.config import Config
    from trainlint.project import Project, ReadError, find_root

    path = os.path.abspath(file)
    project = Project(find_root(path))
    try:
        data = project.read(path)
    except ReadError as error:
        raise click.FileError(file, str(error).rpartition(": ")[2]) from None
    analysis = analyse(data, path, project, Config())
    style = table_style_of(sys.stdout)
    write(_lines(analysis, file, style))
    return 0


def _lines(analysis: Analysis, file: str, style: Style) -> Iterator[str]:
    from trainlint.cli.tables import table
    from trainlint.program.tables import describe
    from trainlint.report.summary import models_line
    from trainlint.report.terminal import wrapped

    for program in analysis.programs:
        for described in describe(program, lambda place: analysis.location(place).line):
            yield style.paint(described.title, "bold")
            yield ""
            if described.rows:
                yield from (
                    f"  {line}".rstrip() for line in table(described.columns, described.rows, style.narrower(2))
                )
                yield ""
            for note in described.notes:
                yield from wrapped(note, min(style.width, WIDE), "  ", "    ")
            if described.notes:
                yield ""
    from trainlint.report.entries import entry

    yield models_line(entry(analysis, lambda path: file)["models"], 1)
