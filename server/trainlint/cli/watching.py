"""`check --watch`: checks again whenever a file changes, in a view that stays where it is."""

from __future__ import annotations

import os
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from trainlint.batch.discovery import LEFT_OUT, SUFFIXES
from trainlint.cli.streams import flush, write, write_text
from trainlint.project.pins import may_pin
from trainlint.project.roots import ancestors, folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from trainlint.cli.reporting import Found

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
"""The cursor to the top, the screen and what was scrolled away emptied."""

TOGETHER = ("\x1b[?2026h", "\x1b[?2026l")
"""Around what a terminal is to show at once; those that do not know it pass over it."""

SETTLE = 100
"""Milliseconds without a change before a check: editors save in several steps."""

LOOK = 500
"""Milliseconds after which files outside of the watched folders, and the size of the terminal, are looked at."""


class Watched:
    """What a check of these paths may depend on; `named` are files beside them that say how to check."""

    def __init__(self, paths: Sequence[str], named: Iterable[str] = ()) -> None:
        self.paths = tuple(paths)
        self.folders = tuple(dict.fromkeys(folder_of(path) for path in paths))
        # Of a file the folder is watched, which may be somebody's home.
        self.recursive = any(os.path.isdir(path) for path in paths)
        configured = [os.path.join(each, "pyproject.toml") for folder in self.folders for each in ancestors(folder)]
        self._named = frozenset((*configured, *map(os.path.abspath, named)))
        self._within = tuple(folder.rstrip(os.sep) + os.sep for folder in self.folders)

    def concerns(self, path: str, known: Collection[str]) -> bool:
        """Whether a file may be read by a check; `known` are those that were, or were looked for."""
        if path in known or path in self._named:
            return True
        inside = next((path[len(each) :] for each in self._within if path.startswith(each)), "")
        *parts, name = inside.split(os.sep)
        if any(part.startswith(".") or part in LEFT_OUT for part in parts):
            return False
        return name == ".gitignore" or (not name.startswith(".") and (name.endswith(SUFFIXES) or may_pin(name)))

    def elsewhere(self, known: Collection[str]) -> list[str]:
        """The files that a check depends on in folders that are not watched."""
        return [path for path in (*known, *self._named) if not self._covers(os.path.dirname(path))]

    def _covers(self, folder: str) -> bool:
        return folder in self.folders or (self.recursive and f"{folder}{os.sep}".startswith(self._within))


class _View:
    """What is shown, drawn at once; in a pipe one view stands below the other."""

    def __init__(self, look: Callable[[], Found], show: Callable[[Found, bool], int]) -> None:
        self._look, self._show = look, show
        self._is_terminal = sys.stdout.isatty()
        self._told = ""
        self._found: Found | None = None
        self._problem = ""
        self.status: int | None = None
        self.known: set[str] = set()

    def check(self, why: str) -> None:
        """Checks, and shows what came of it; what is wrong with a configuration is shown until it is repaired."""
        try:
            self._found = self._look()
            self.known = {*self._found.checker.depends}
        except click.ClickException as error:
            self._found, self._problem = None, error.format_message()
        when = time.strftime("%H:%M:%S")
        self._told = f"[{when}] {f'{why}; ' if why else ''}watching for changes, Ctrl+C ends it"
        self.draw()

    def draw(self, again: bool = False) -> None:
        """Shows what was found last, as wide as the terminal is now."""
        screen = _Screen(sys.stdout) if self._is_terminal else None
        with redirect_stdout(screen or sys.stdout), redirect_stderr(screen or sys.stderr):
            if self._found is None:
                write([f"trainlint: error: {self._problem}"], sys.stderr)
                self.status = 2
            else:
                self.status = self._show(self._found, again)
            write(["", self._told])
        if screen is not None:
            begin, end = TOGETHER
            write_text(f"{begin}{CLEAR}{screen.getvalue()}{end}")
        flush()


class _Screen(StringIO):
    """Collects what is to be seen on a terminal, and is like it for whoever asks."""

    def __init__(self, terminal: object) -> None:
        super().__init__()
        self._encoding = getattr(terminal, "encoding", None) or "utf-8"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


def watching(watched: Watched, look: Callable[[], Found], show: Callable[[Found, bool], int]) -> int:
    """Checks, and again after every change, until somebody interrupts; the status is that of the last check."""
    try:
        # Imported late: only who watches needs it.
        import watchfiles
    except ImportError:
        raise click.ClickException('--watch needs the package watchfiles: pip install "trainlint[watch]"') from None
    missing = next((path for path in watched.paths if not os.path.exists(path)), None)
    if missing is not None:
        raise click.ClickException(f"{missing}: No such file or directory")
    view = _View(look, show)
    try:
        began = time.time_ns()
        view.check("")
        # Nobody watched yet.
        changed = {path for path in view.known if (state := _state(path)) is not None and state[0] > began}
        while True:
            gone = {path for path in watched.folders if not os.path.isdir(path)}
            if gone:
                view.check(_changed(gone))
                while not all(map(os.path.isdir, gone)):
                    time.sleep(LOOK / 1000)
                # What came with them was not heard of.
                changed = gone
            try:
                _follow(watched, view, changed, watchfiles.watch)
            except FileNotFoundError:
                if all(map(os.path.isdir, watched.folders)):
                    raise
            changed = set()
    except KeyboardInterrupt:
        if view.status is None:
            raise
        if sys.stdout.isatty():
            # Behind the ^C that the terminal shows.
            write([""])
    except OSError as error:
        raise click.ClickException(f"--watch: {error}") from None
    assert view.status is not None
    return view.status


def _follow(watched: Watched, view: _View, changed: set[str], watch: Any) -> None:
    """Follows what changes until a watched folder is another one: nothing is heard of that."""
    folders = _states(watched.folders, identity=True)
    size, others = _size(), _states(watched.elsewhere(view.known))
    for changes in watch(
        *watched.folders, watch_filter=lambda _, path: watched.concerns(path, view.known), step=SETTLE,
        rust_timeout=LOOK, yield_on_timeout=True, recursive=watched.recursive,
    ):  # fmt: skip
        changed |= {path for _, path in changes}
        changed |= {path for path, state in _states(others).items() if others[path] != state}
        now = _states(watched.folders, identity=True)
        if None in now.values():
            return
        changed |= {path for path in now if now[path] != folders[path]}
        if changed:
            view.check(_changed(changed))
            size, others = _size(), _states(watched.elsewhere(view.known))
            changed = set()
        elif size != _size():
            size = _size()
            view.draw(again=True)
        if now != folders:
            return


def _changed(paths: Iterable[str]) -> str:
    names = sorted({os.path.basename(path) for path in paths})
    return f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''} changed"


def _states(paths: Iterable[str], identity: bool = False) -> dict[str, tuple[int, int] | None]:
    """What tells that files are others than before, or folders other folders."""
    return {path: _state(path, identity) for path in paths}


def _state(path: str, identity: bool = False) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if identity else (status.st_mtime_ns, status.st_size)


def _size() -> os.terminal_size | None:
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return None
