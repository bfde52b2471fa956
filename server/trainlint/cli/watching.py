"""`check --watch`: checks again whenever a file changes, in a view that stays where it is."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import flush, write, write_text
from trainlint.project.roots import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUFFIXES = (".py", ".ipynb", ".toml", ".txt", ".cfg", ".json", ".npy", ".npz", ".csv")
"""What a check may read: code, configuration, pins of versions, small data."""

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
"""The cursor to the top, the screen and what was scrolled away emptied."""

SETTLE = 100
"""Milliseconds without a change before a check: editors save in several steps."""


def watching(paths: Sequence[str], check: Callable[[], int]) -> int:
    """Checks, and again after every change, until somebody interrupts; the status is that of the last check."""
    try:
        # Imported late: only who watches needs it.
        from watchfiles import watch
    except ImportError:
        raise click.ClickException('--watch needs the package watchfiles: pip install "trainlint[watch]"') from None
    missing = next((path for path in paths if not os.path.exists(path)), None)
    if missing is not None:
        raise click.ClickException(f"{missing}: No such file or directory")
    status = _once(check, "")
    folders = list(dict.fromkeys(folder_of(path) for path in paths))

    def concerns(change: object, path: str) -> bool:
        return any(_concerns(path, folder) for folder in folders)

    for changes in watch(*folders, watch_filter=concerns, step=SETTLE, raise_interrupt=False):
        names = sorted({os.path.basename(path) for _, path in changes})
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        status = _once(check, f"{names[0]}{more} changed")
    return status


def _concerns(path: str, folder: str) -> bool:
    """Whether a file in a watched folder may be read by a check."""
    inside = os.path.relpath(path, folder).split(os.sep)
    return path.endswith(SUFFIXES) and not any(part.startswith(".") or part == "__pycache__" for part in inside)


def _once(check: Callable[[], int], why: str) -> int:
    """One check; what is wrong with a configuration or a baseline is shown until it is repaired."""
    if sys.stdout.isatty():
        write_text(CLEAR)
    try:
        status = check()
    except click.ClickException as error:
        write([f"trainlint: error: {error.format_message()}"], sys.stderr)
        status = 2
    when = time.strftime("%H:%M:%S")
    write(["", f"[{when}] {f'{why}; ' if why else ''}watching for changes, Ctrl+C ends it"])
    flush()
    return status
