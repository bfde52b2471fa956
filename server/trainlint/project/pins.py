"""Which versions of the packages that matter a project asks for, as far as its files say."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUIREMENTS_FILE = re.compile(r".*requirements.*\.(?:txt|in)|constraints.*\.txt")
CONDA_FILE = re.compile(r"(?:environment|conda|env)[\w.-]*\.ya?ml")

PYTHON_FILES = frozenset(("pyproject.toml", "Pipfile", "setup.py", "setup.cfg"))

MAX_FILES = 50
"""A folder with more requirement files than this is no project but a collection."""


class Pins(Record):
    """What a project's files say, sorted; the same package may stand there several times."""

    items: tuple[tuple[str, str], ...] = ()

    def specifiers(self, package: str) -> tuple[str, ...]:
        """The specifiers for one package; no specifier means that the files do not name it."""
        return tuple(specifier for name, specifier in self.items if name == package)


def read_pins(root: str, read: Callable[[str], bytes]) -> Pins:
    """The pins in the files of a project's root folder, and in `requirements/` below it; files are read with `read`."""
    files = _files(root)
    if not files:
        return Pins()
    # Imported late: most scripts stand in a folder that pins nothing.
    from trainlint.project.requirements import pins_of

    found: set[tuple[str, str]] = set()
    for path in files:
        found.update(pins_of(path, read, set()))
    return Pins(tuple(sorted(found)))


def may_pin(name: str) -> bool:
    """Whether a file of this name in the root folder of a project may say which versions it needs."""
    return bool(name in PYTHON_FILES or _REQUIREMENTS_FILE.fullmatch(name) or CONDA_FILE.fullmatch(name))


def _files(root: str) -> list[str]:
    """The files to read, in a stable order."""
    found = []
    for folder, in_requirements in ((root, False), (os.path.join(root, "requirements"), True)):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if name.endswith((".txt", ".in")) if in_requirements else may_pin(name):
                found.append(os.path.join(folder, name))
    return found[:MAX_FILES]
