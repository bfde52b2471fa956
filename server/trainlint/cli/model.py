"""`trainlint model FILE`: the networks of a file as trainlint understands them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import WIDE, error_line, flush, style_of, table_style_of, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.analysis import Analysis
    from trainlint.finding import Location
    from trainlint.project import Project
    from trainlint.report.schema import FileEntry
    from trainlint.report.terminal import Style
    from trainlint.source.code import Place


@click.command(name="model")
@click.argument("file")
def command(file: str) -> int:
    """Show the networks of FILE: layers with shapes and sizes, loss, optimizer, data, and what was not understood.

    FILE is a Python file or a notebook; - is standard input.

    Exit status: 0, or 2 if the file cannot be read.
    """
    from trainlint.analysis import analyse
    from trainlint.config import Config
    from trainlint.report.concise import notice_line
    from trainlint.report.entries import GRAVE, entry

    data, path, name = _content(file)
    project = _project(path, data)
    analysis = analyse(data, path, project, Config())
    found = entry(analysis, lambda each: name if each == path else each)
    grave = [notice for notice in found["notices"] if notice["kind"] in GRAVE]
    if not grave:
        write(_lines(analysis, found, table_style_of(sys.stdout), style_of(sys.stdout).width))
        flush()
    for notice in grave:
        error_line(notice_line(notice))
    return 2 if grave else 0


def _content(file: str) -> tuple[bytes, str, str]:
    """The bytes to analyse, the path that they are taken to have, and the name that is shown."""
    from trainlint.cli.check import STDIN, standard_input
    from trainlint.cli.checking import STDIN_NAME, working_folder
    from trainlint.project.files import ReadError, read_file
    from trainlint.source.prefilter import is_notebook

    folder = working_folder()
    if file == STDIN:
        data = standard_input()
        return data, os.path.join(folder, "stdin.ipynb" if is_notebook(data) else "stdin.py"), STDIN_NAME
    path = os.path.join(folder, file)
    try:
        return read_file(path), os.path.abspath(path), file
    except ReadError as error:
        raise click.ClickException(f"{file}: {error.reason}") from None


def _project(path: str, data: bytes) -> Project:
    from trainlint.project import Project, find_root

    return Project(find_root(path), {path: data})


def _lines(analysis: Analysis, found: FileEntry, style: Style, text_width: int) -> Iterator[str]:
    from trainlint.cli.tables import table
    from trainlint.program.tables import describe
    from trainlint.report.concise import notice_line
    from trainlint.report.summary import models_line
    from trainlint.report.terminal import wrapped

    def where(place: Place) -> Location:
        location = analysis.location(place)
        return location.replace(file="" if location.file == analysis.path else os.path.basename(location.file))

    for program in analysis.programs:
        for described in describe(program, where):
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
    for notice in found["notices"]:
        first, *rest = wrapped(notice_line(notice), text_width, "note: ", "  ")
        yield style.paint("note", "cyan", "bold") + first[len("note") :]
        yield from rest
    if found["notices"]:
        yield ""
    yield from wrapped(models_line(found["models"], 1, silent=False), text_width, "", "  ")
