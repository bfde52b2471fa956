"""`trainlint scan`: what the language server runs for the files that are not open, in a process of its own.

libcst holds the interpreter's lock while it parses, so a scan in the server would make the editor wait.
"""

from __future__ import annotations

import json
import os

import click

from trainlint.cli.streams import flush, write


@click.command(name="scan", hidden=True)
@click.argument("paths", nargs=-1)
@click.option("--only", is_flag=True, help="Of the working folder's files those that are named.")
@click.option("--select", multiple=True)
@click.option("--ignore", multiple=True)
@click.option("--peek", is_flag=True)
def command(paths: tuple[str, ...], only: bool, select: tuple[str, ...], ignore: tuple[str, ...], peek: bool) -> int:
    """Check files and write what was found, one JSON object a line, as soon as each file is done."""
    from trainlint.cli.checking import Checker, Settings

    # Whether data files are read is the editor's own choice: a configuration may come with a folder nobody trusts.
    checker = Checker(Settings(select, ignore, peek=peek))
    checker.show_fixes = False
    checker.hurry(jobs=1)
    if only:
        # A file that is named is checked in any case, and an editor also tells of those that nobody wants checked.
        from trainlint.batch.discovery import discover

        named = {os.path.abspath(path) for path in paths}
        paths = tuple(path for path in discover((".",), checker.config_for).files if path in named)
        if not paths:
            return 0
    for entry in checker.paths(paths or (".",)):
        told = {"file": entry["file"], "findings": entry["findings"], "files_checked": checker.files_checked}
        write([json.dumps(told)])
        flush()
    return 0
