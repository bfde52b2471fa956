"""Which files a check reads: those that were named, and the Python files and notebooks in folders that were named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainlint.config import Config, ConfigError, ignore_spec, matches
from trainlint.finding import Notice
from trainlint.project.files import ReadError, read_file
from trainlint.project.roots import ancestors
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SUFFIXES = (".py", ".pyw", ".ipynb")

LEFT_OUT = frozenset((
    ".bzr", ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pytest_cache",
    ".ruff_cache", ".svn", ".tox", ".venv", "__pycache__", "__pypackages__", "_build", "build", "dist", "node_modules",
    "site-packages", "venv",
))  # fmt: skip
"""Folders without code of the user's own; `exclude` of the configuration takes the place of this list."""

_ENVIRONMENT_MARKS = frozenset(("pyvenv.cfg", "conda-meta"))


class Discovery(Record):
    """The files to check, as absolute paths in a stable order, and what could not be looked at."""

    files: tuple[str, ...]
    notices: tuple[Notice, ...] = ()


def discover(paths: Iterable[str], config_for: Callable[[str], Config]) -> Discovery:
    """The files that these paths mean.

    A file that is named is always among them.
    In a folder, what .gitignore files, the configuration (`config_for` of the folder) and the list of folders without
    own code leave out is not; links to folders are not followed.
    """
    files: set[str] = set()
    notices: dict[Notice, None] = {}
    for path in paths:
        try:
            is_folder = os.path.isdir(path)
            # Says why, which `isdir` does not.
            os.stat(path)
        except OSError as error:
            notices[Notice("unreadable", path, error.strerror or type(error).__name__)] = None
            continue
        absolute = os.path.abspath(path)
        if not is_folder:
            files.add(absolute)
            continue
        walk = _Walk(absolute, config_for)
        walk.run()
        notices.update(dict.fromkeys(walk.notices))
        files.update(walk.files)
        if not walk.files and not walk.notices:
            notices[Notice("incomplete", path, "no Python file or notebook in this folder")] = None
    return Discovery(tuple(sorted(files, key=lambda file: file.split(os.sep))), tuple(notices))


class _Ignores(Record):
    """The patterns of the .gitignore files above a folder, nearest last, each with the folder it stands in."""

    layers: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def beneath(self, folder: str, patterns: tuple[str, ...]) -> _Ignores:
        return _Ignores((*self.layers, (folder.rstrip(os.sep) + os.sep, patterns))) if patterns else self

    def match(self, path: str) -> bool:
        for top, patterns in reversed(self.layers):
            ignored: bool | None = ignore_spec(patterns).check_file(path[len(top) :].replace(os.sep, "/")).include
            if ignored is not None:
                return ignored
        return False


class _Walk:
    """One walk below one folder."""

    def __init__(self, folder: str, config_for: Callable[[str], Config]):
        self.folder = folder
        self.config_for = config_for
        self.files: list[str] = []
        self.notices: list[Notice] = []

    def run(self) -> None:
        ignores = _ignores_above(self.folder)
        if ignores.match(self.folder + os.sep):
            # Named although it is ignored: then what is above it does not count.
            ignores = _Ignores()
        waiting = [(self.folder, ignores, Config())]
        while waiting:
            folder, ignores, config = waiting.pop()
            try:
                with os.scandir(folder) as scan:
                    entries = list(scan)
            except OSError as error:
                self.notices.append(Notice("unreadable", folder, error.strerror or type(error).__name__))
                continue
            names = {entry.name for entry in entries}
            if folder != self.folder and not _ENVIRONMENT_MARKS.isdisjoint(names):
                continue
            ignores = _ignores_of(folder, names, ignores)
            config = self._config(folder, config)
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left_out = config.exclude is None and entry.name in LEFT_OUT
                    if not left_out and not self._excluded(entry.path + os.sep, config, ignores):
                        waiting.append((entry.path, ignores, config))
                elif entry.name.lower().endswith(SUFFIXES) and _is_file(entry):
                    if not self._excluded(entry.path, config, ignores):
                        self.files.append(entry.path)

    def _config(self, folder: str, above: Config) -> Config:
        try:
            config = self.config_for(folder)
        except ConfigError as error:
            self.notices.append(Notice("config", error.file, error.problem))
            return above
        if matches((config.exclude or ()) + config.extend_exclude, config.root, self.folder + os.sep):
            # Named although it is excluded.
            return config.replace(exclude=None, extend_exclude=())
        return config

    def _excluded(self, path: str, config: Config, ignores: _Ignores) -> bool:
        return matches((config.exclude or ()) + config.extend_exclude, config.root, path) or ignores.match(path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        # A link that leads in a circle.
        return False


def _ignores_above(folder: str) -> _Ignores:
    """What the .gitignore files above a folder say, up to the top of its repository; nothing if it is in none."""
    passed: list[str] = []
    for each in ancestors(folder):
        if os.path.exists(os.path.join(each, ".git")):
            break
        passed.append(each)
    else:
        return _Ignores()
    if not passed:
        return _Ignores()
    ignores = _ignores_of(each, {".git", ".gitignore"}, _Ignores())
    for between in reversed(passed[1:]):
        ignores = _ignores_of(between, {".gitignore"}, ignores)
    return ignores


def _ignores_of(folder: str, names: set[str], above: _Ignores) -> _Ignores:
    """What counts in a folder with these entries; a repository of its own does not heed what is above it."""
    if ".git" in names:
        above = _Ignores().beneath(folder, _patterns(os.path.join(folder, ".git", "info", "exclude")))
    if ".gitignore" in names:
        above = above.beneath(folder, _patterns(os.path.join(folder, ".gitignore")))
    return above


def _patterns(path: str) -> tuple[str, ...]:
    """The lines of a .gitignore file that are patterns; none if it cannot be read."""
    try:
        text = read_file(path).decode("utf-8-sig", "surrogateescape")
    except ReadError:
        return ()
    lines = tuple(line.rstrip("\r") for line in text.split("\n") if line.strip() and not line.startswith("#"))
    try:
        ignore_spec(lines)
    except ValueError:
        return tuple(line for line in lines if _is_pattern(line))
    return lines


def _is_pattern(line: str) -> bool:
    try:
        ignore_spec((line,))
    except ValueError:
        return False
    return True
