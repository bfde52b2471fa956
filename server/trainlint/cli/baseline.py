"""`trainlint baseline create|prune`: writes the findings that a code base is known to have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trainlint.cli.main import Helpful
from trainlint.cli.streams import error_line, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainlint.review.baseline import Known, Now

DEFAULT = "trainlint-baseline.json"


@click.group(name="baseline", cls=Helpful)
def command() -> None:
    """Keep known findings quiet, so that only new ones fail a check.

    `trainlint check --baseline FILE` leaves out what FILE lists. Findings are counted by file and rule, not by line, so
    moving code changes nothing.
    """


def _options(function: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option("--isolated", is_flag=True, help="Use no configuration file."),
        click.option("--config", metavar="FILE", help="Use the [tool.trainlint] of this file for all paths."),
        click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these out, as .gitignore would."),
        click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules."),
        click.option("--select", multiple=True, metavar="RULE", help="Only these rules."),
        click.option("--baseline", "file", metavar="FILE", default=DEFAULT, help=f"The baseline (default: {DEFAULT})."),
        click.argument("paths", nargs=-1, metavar="[PATH]..."),
    ):
        function = option(function)
    return function


@command.command(name="create")
@_options
def create(
    paths: tuple[str, ...], file: str, select: tuple[str, ...], ignore: tuple[str, ...], exclude: tuple[str, ...],
    config: str | None, isolated: bool,
) -> int:  # fmt: skip
    """Write what is found below PATH (default: this folder).

    What the baseline says of files that are not below PATH stays, and so does what it says of rules that are not
    looked for.
    """
    from trainlint.cli.outputs import check_file
    from trainlint.cli.selecting import read_baseline
    from trainlint.review.baseline import updated

    if not file:
        raise click.UsageError("--baseline is empty")
    # A file that is no baseline is somebody else's.
    before = read_baseline(file) if os.path.lexists(file) else {}
    check_file(file)
    now = _found(paths, file, select, ignore, exclude, config, isolated)
    if now is None:
        return 2
    after = updated(before, now)
    _save(file, after)
    n, files = _size(after), len(after)
    of = "1 file" if files == 1 else f"{files} files"
    write([f"{file} lists {'1 finding' if n == 1 else f'{n} findings'} in {of}."])
    return 0


@command.command(name="prune")
@_options
def prune(
    paths: tuple[str, ...], file: str, select: tuple[str, ...], ignore: tuple[str, ...], exclude: tuple[str, ...],
    config: str | None, isolated: bool,
) -> int:  # fmt: skip
    """Take out what is gone, and add nothing.

    That is what is no longer found below PATH (default: this folder). Files that were renamed get their new names.
    """
    from trainlint.cli.outputs import check_file
    from trainlint.cli.selecting import read_baseline
    from trainlint.review.baseline import pruned

    before = read_baseline(file)
    check_file(file)
    now = _found(paths, file, select, ignore, exclude, config, isolated)
    if now is None:
        return 2
    after, dropped, renamed = pruned(before, now)
    if dropped or renamed:
        _save(file, after)
    write([f"{old} is {new} now." for new, old in sorted(renamed.items())])
    gone = "Nothing was" if not dropped else "1 finding was" if dropped == 1 else f"{dropped} findings were"
    write([f"{gone} taken out of {file}; it lists {_size(after)}."])
    return 0


def _found(
    paths: tuple[str, ...], file: str, select: tuple[str, ...], ignore: tuple[str, ...], exclude: tuple[str, ...],
    config: str | None, isolated: bool,
) -> Now | None:  # fmt: skip
    """What is found now; None where something could not be checked, which is told."""
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated exclude each other")
    if "" in paths:
        raise click.UsageError("a PATH is empty")
    from trainlint.batch.discovery import discover
    from trainlint.cli.checking import Checker, Settings, listed, working_folder
    from trainlint.cli.progress import ProgressLine
    from trainlint.cli.selecting import found_now, relative_to_file
    from trainlint.report.concise import notice_line
    from trainlint.report.entries import GRAVE, merged

    paths = paths or (".",)
    checker = Checker(Settings(listed(select), listed(ignore), exclude, config, isolated))
    checker.show_fixes = False
    checker.hurry()
    line = ProgressLine()
    checker.progress = line.files
    try:
        entries = merged([*checker.paths(paths), checker.own_entry()])
    finally:
        line.clear()
    faults = [notice for entry in entries for notice in entry["notices"] if notice["kind"] in GRAVE]
    for notice in faults:
        error_line(notice_line(notice))
    if faults:
        error_line(f"{file} was not changed")
        return None
    relative = relative_to_file(file, working_folder())
    checked = {relative(checker.display(path)) for path in discover(paths, checker.config_for).files}
    return found_now(entries, checked, file, checker, relative)


def _save(file: str, known: Known) -> None:
    from trainlint.cli.write import WriteRefused, write_report
    from trainlint.review.baseline import write as text_of

    try:
        write_report(file, text_of(known))
    except WriteRefused as error:
        raise click.ClickException(f"{file} cannot be written: {error}") from None


def _size(known: Known) -> int:
    return sum(len(prints) for rules in known.values() for prints in rules.values())
