"""Where a project starts, and which configuration counts in a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainlint.config import Config, ConfigError, read_config
from trainlint.project.files import ReadError, printable, read_file
from trainlint.project.toml import tool_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.config import RuleIdentity

_PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg")


def find_root(path: str | os.PathLike[str]) -> Path:
    """The folder that a file's project starts in.

    That is the nearest one above it whose pyproject.toml configures trainlint, else the nearest repository,
    else the nearest one that can be installed, else the folder of the file itself.
    """
    return RootFinder()(path)


class RootFinder:
    """`find_root` for many files: each folder is looked at once."""

    def __init__(self) -> None:
        self._configures: dict[str, bool] = {}
        self._known: dict[str, Path] = {}

    def __call__(self, path: str | os.PathLike[str]) -> Path:
        start = folder_of(path)
        found = self._known.get(start)
        if found is None:
            found = self._known[start] = self._find(start)
        return found

    def _find(self, start: str) -> Path:
        folders = list(ancestors(start))
        for folder in folders:
            if folder not in self._configures:
                self._configures[folder] = configures_trainlint(folder)
            if self._configures[folder]:
                return Path(folder)
        repository = repository_root(start)
        if repository is not None:
            return Path(repository)
        for folder in folders:
            if any(os.path.isfile(os.path.join(folder, name)) for name in _PACKAGING):
                return Path(folder)
        return Path(start)


def folder_of(path: str | os.PathLike[str]) -> str:
    """The folder of a file, which need not exist; a folder is its own."""
    absolute = os.path.abspath(os.fspath(path))
    return absolute if os.path.isdir(absolute) else os.path.dirname(absolute)


def ancestors(folder: str) -> Iterator[str]:
    """The folder and those above it, nearest first."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def repository_root(folder: str) -> str | None:
    """The nearest folder above that holds a repository, without asking git; None if there is none."""
    return next((each for each in ancestors(folder) if os.path.lexists(os.path.join(each, ".git"))), None)


def configures_trainlint(folder: str) -> bool:
    """Whether the folder's pyproject.toml has a table for trainlint; one that cannot be read has none."""
    try:
        data = read_file(os.path.join(folder, "pyproject.toml"))
        # Most have none, and parsing them takes longer than many a check.
        return b"trainlint" in data and tool_table(data) is not None
    except (ReadError, ValueError):
        return False


class ConfigFinder:
    """Finds the configuration that counts in a folder; each file is read once.

    The rules are looked at for each file that has one, and not before.
    """

    def __init__(self, rules: Iterable[RuleIdentity]):
        self._rules = rules
        self._known: dict[str, Config] = {}

    def __call__(self, folder: str) -> Config:
        """The configuration in the nearest pyproject.toml above that has one, else the default one.

        Raises ConfigError if it is wrong.
        """
        passed: list[str] = []
        config: Config | None = None
        for each in ancestors(folder):
            config = self._known.get(each) or self._read(each)
            if config is not None:
                break
            passed.append(each)
        config = config or Config()
        for each in passed:
            self._known[each] = config
        return config

    def _read(self, folder: str) -> Config | None:
        path = os.path.join(folder, "pyproject.toml")
        try:
            table = tool_table(read_file(path))
        except ReadError as error:
            if not os.path.lexists(path):
                return None
            # It may say what to check: to go on as if it said nothing would be a guess.
            raise ConfigError(printable(path), error.reason) from None
        except ValueError as error:
            raise ConfigError(printable(path), str(error)) from None
        if table is None:
            return None
        self._known[folder] = config = read_config(table, self._rules, path)
        return config
