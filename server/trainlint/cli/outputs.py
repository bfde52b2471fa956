"""Where reports go: one format to the standard output, any number of them to files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import error_line
from trainlint.record import Record
from trainlint.report.formats import FORMATS, VERIFIED, WITHOUT_FIXES, render
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.places import Places
    from trainlint.report.schema import FileEntry


class Output(Record):
    """A report that is wanted; `file` is None for the standard output."""

    format: str
    file: str | None = None


class Outputs(Record):
    """All reports of a run."""

    wanted: tuple[Output, ...]

    @property
    def printed(self) -> str | None:
        """The format that goes to the standard output."""
        return next((output.format for output in self.wanted if output.file is None), None)

    @property
    def verified(self) -> bool:
        """Whether somebody applies fixes without looking at them first."""
        return any(output.format in VERIFIED for output in self.wanted)

    @property
    def show_fixes(self) -> bool:
        """Whether a format shows fixes."""
        return any(output.format not in WITHOUT_FIXES for output in self.wanted)

    def save(self, entries: Sequence[FileEntry], context: Context) -> bool:
        """Writes the reports that go to files; one that cannot be written is told, and makes the answer false."""
        if all(output.file is None for output in self.wanted):
            return True
        from trainlint.cli.write import WriteRefused, write_report

        done = True
        for output in self.wanted:
            if output.file is not None:
                try:
                    write_report(output.file, render(output.format, entries, context))
                except WriteRefused as error:
                    error_line(f"{output.file} cannot be written: {error}")
                    done = False
        return done


def outputs(formats: Sequence[str], file: str | None) -> Outputs:
    """The reports that the options ask for; raises a usage error where they do not fit together."""
    wanted = [_output(each) for value in formats or ("text",) for each in value.split(",")]
    if file is not None:
        if not file:
            raise click.UsageError("--output-file is empty")
        if len(wanted) > 1 or wanted[0].file is not None:
            raise click.UsageError("--output-file is for one format; with several, write --output-format FORMAT=FILE")
        wanted = [Output(wanted[0].format, file)]
    printed = [output.format for output in wanted if output.file is None]
    if len(printed) > 1:
        both = " and ".join(printed)
        raise click.UsageError(f"{both} would be mixed on the standard output: write --output-format {printed[1]}=FILE")
    files = [os.path.realpath(output.file) for output in wanted if output.file is not None]
    if len(set(files)) < len(files):
        raise click.UsageError("two formats would be written to one file")
    for output in wanted:
        if output.file is not None:
            check_file(output.file)
    return Outputs(tuple(wanted))


def _output(value: str) -> Output:
    name, equals, file = value.partition("=")
    name = name.strip()
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise click.UsageError(f"there is no output format {name!r}{did_you_mean(name, FORMATS) or f': {known}'}")
    if equals and not file:
        raise click.UsageError(f"--output-format {name}= names no file")
    return Output(name, file or None)


def check_file(file: str) -> None:
    """Raises an error now for what would fail after a long check."""
    from trainlint.cli.write import WriteRefused, check_report

    try:
        check_report(file)
    except WriteRefused as error:
        raise click.ClickException(f"{file} cannot be written: {error}") from None


class PlacesOf:
    """Gives, when a format asks for it, where files are in the repository of the working folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._places: Places | None = None

    def __call__(self) -> Places:
        if self._places is None:
            from trainlint.project.roots import repository_root
            from trainlint.report.places import Places

            root = repository_root(self._folder) or self._folder
            self._places = Places(root.replace(os.sep, "/"), self._folder.replace(os.sep, "/"), _stored_line())
        return self._places


def _stored_line() -> Callable[[str, int, int], int | None]:
    known: dict[str, dict[int, list[int]]] = {}

    def line_of(file: str, cell: int, line: int) -> int | None:
        if file not in known:
            from trainlint.project.files import ReadError, read_file
            from trainlint.source.notebook_lines import stored_lines

            try:
                known[file] = stored_lines(read_file(os.path.abspath(file)))
            except ReadError:
                known[file] = {}
        lines = known[file].get(cell, [])
        return lines[min(line, len(lines)) - 1] if lines else None

    return line_of
