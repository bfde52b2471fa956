"""`trainlint check`: finds mistakes, shows them, and repairs them on request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import error_line, flush, read_input, style_of, write, write_bytes, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.cli.checking import Checker
    from trainlint.report.schema import FileEntry

FOUND, FAILED = 1, 2
STDIN = "-"


@click.command(name="check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--output-format",
    type=click.Choice(["text", "concise", "json"]),
    default="text",
    help="text explains, concise is one line per finding, json is for programs.",
)
@click.option("--select", multiple=True, metavar="RULE", help="Only these rules: names, codes or categories.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules; wins over --select.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes to the files.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also those that change the training.")
@click.option("--diff", is_flag=True, help="Print what the fixes would change, and change nothing, also with --fix.")
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Leave these out, as .gitignore would; a named PATH is checked."
)
@click.option("--config", metavar="FILE", help="Use the [tool.trainlint] of this file for all paths.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option(
    "--peek/--no-peek",
    default=None,
    help="Read small csv, npy and npz files that a program names, for shapes and ranges.",
)
@click.option("--stdin-filename", metavar="FILE", help="The name of what PATH - reads from standard input.")
# The text, concise and JSON reports show information anyway; formats for reviews are yet to come.
@click.option("--show-info", is_flag=True, hidden=True)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=0),
    default=0,
    help="Accepted; files are checked one after the other for now.",
)
@click.option("--no-cache", is_flag=True, help="Accepted; there is no cache for now.")
def command(
    paths: tuple[str, ...],
    output_format: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    exclude: tuple[str, ...],
    config: str | None,
    isolated: bool,
    peek: bool | None,
    stdin_filename: str | None,
    show_info: bool,
    jobs: int,
    no_cache: bool,
) -> int:
    """Find mistakes in training code, and repair them.

    PATH is a file, a notebook or a folder (default: this one); - is standard input.

    \b
    Exit status:
      0  no warning and no error was found
      1  a warning or an error was found
      2  an `error:` line says what could not be done: a file cannot be read or
         written, usage or configuration is wrong, or trainlint itself failed
    What was found is shown in any case, and 2 wins over 1. A statement that is
    skipped because of its syntax is a note, which does not change the status.
    """
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated exclude each other")
    if diff and output_format != "text":
        raise click.UsageError("--diff prints a diff, so it does not go with --output-format")
    if unsafe_fixes and not (fix or diff):
        raise click.UsageError("--unsafe-fixes needs --fix or --diff")
    # An empty file name in a script is a mistake; the working folder would not be what was meant.
    if "" in paths:
        raise click.UsageError("a PATH is empty")
    if stdin_filename is not None and not paths:
        paths = (STDIN,)
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("standard input (-) is checked alone")
    if select and not listed(select):
        raise click.UsageError("--select names no rule")

    from trainlint.cli.checking import Checker, Settings
    from trainlint.report.entries import merged

    checker = Checker(Settings(listed(select), listed(ignore), exclude, config, isolated, peek))
    checker.verify_fixes = output_format == "json"
    checker.show_fixes = output_format != "concise"
    if fix or diff:
        from trainlint.cli.repairing import Repairing

        checker.repairing = Repairing(unsafe=unsafe_fixes, compare=diff, write=STDIN not in paths)
    if paths == (STDIN,):
        found = checker.standard_input(standard_input(), stdin_filename)
    else:
        found = checker.paths(paths or (".",))
    entries = merged([*found, checker.own_entry()])
    _report(entries, checker, output_format, diff, fixed_stdin=fix and not diff and STDIN in paths)
    return _status(entries)


def standard_input() -> bytes:
    """What standard input holds; raises an error in one line if it cannot be read."""
    try:
        return read_input()
    except OSError as error:
        raise click.ClickException(f"standard input cannot be read: {error.strerror}") from None


def listed(values: Iterable[str]) -> tuple[str, ...]:
    """The names in repeated options that may hold comma lists."""
    return tuple(name for value in values for part in value.split(",") if (name := part.strip()))


def _report(entries: Sequence[FileEntry], checker: Checker, output_format: str, diff: bool, fixed_stdin: bool) -> None:
    from trainlint.report.concise import notice_line

    out = sys.stdout
    if fixed_stdin:
        # The repaired text is the output; the report must not end up in it.
        write_bytes(checker.content_of_stdin)
        out = sys.stderr
    if diff:
        assert checker.repairing is not None
        write_text("".join(checker.repairing.diffs(style_of(out))), out)
    elif output_format == "json":
        from trainlint.report.json import render as render_json

        write_text(render_json(entries, checker.files_checked), out)
    elif output_format == "concise":
        from trainlint.report.concise import render as render_concise

        write(render_concise(entries), out)
    else:
        from trainlint.report.text import Report, render

        fixable = checker.repairing is None
        report = Report(checker.files_checked, style_of(out), checker.reason_of, hints=fixable)
        write(render(entries, report), out)
    flush(out)
    if checker.repairing is not None:
        write(checker.repairing.summary(), sys.stderr if diff or output_format != "text" else out)
    from trainlint.report.entries import GRAVE

    for entry in entries:
        for notice in entry["notices"]:
            if notice["kind"] in GRAVE:
                error_line(notice_line(notice))
            elif diff or output_format == "concise":
                write([f"trainlint: note: {notice_line(notice)}"], sys.stderr)


def _status(entries: Sequence[FileEntry]) -> int:
    from trainlint.report.entries import GRAVE

    if any(notice["kind"] in GRAVE for entry in entries for notice in entry["notices"]):
        return FAILED
    grave = any(
        finding["severity"] != "info" and finding["suppressed"] is None
        for entry in entries
        for finding in entry["findings"]
    )
    return FOUND if grave else 0
