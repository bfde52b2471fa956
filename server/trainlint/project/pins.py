"""Which versions of the packages that matter a project asks for, as far as its files say."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from trainlint.project.files import ReadError
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUIREMENTS_FILE = re.compile(r".*requirements.*\.(?:txt|in)|constraints.*\.txt")
CONDA_FILE = re.compile(r"(?:environment|conda|env)[\w.-]*\.ya?ml")

_README = re.compile(r"readme(?:[._-].*)?", re.IGNORECASE)
_PROSE = ("", ".md", ".markdown", ".rst", ".txt", ".adoc")

PYTHON_FILES = frozenset(("pyproject.toml", "Pipfile", "setup.py", "setup.cfg"))

_WORD = re.compile(r"tensor ?flow|keras|\btf", re.IGNORECASE)

MAX_FILES = 50
"""A folder with more requirement files than this is no project but a collection."""


FRAMEWORKS = frozenset((
    "tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tensorflow-macos", "tf-nightly", "keras", "tf-keras",
))  # fmt: skip


class Pins(Record):
    """What a project's files say, sorted; the same package may stand there several times.

    `said` is what its README mentions, where nothing else tells which TensorFlow or Keras is meant: those of one
    package are alternatives.
    """

    items: tuple[tuple[str, str], ...] = ()
    said: tuple[tuple[str, str], ...] = ()

    def specifiers(self, package: str) -> tuple[str, ...]:
        """The specifiers for one package; no specifier means that the files do not name it."""
        return tuple(specifier for name, specifier in self.items if name == package)

    @property
    def tell(self) -> bool:
        """Whether they say which TensorFlow or Keras is meant."""
        return any(specifier and name in FRAMEWORKS for name, specifier in self.items)


def read_pins(root: str, read: Callable[[str], bytes]) -> Pins:
    """The pins in the files of a project's root folder, and in `requirements/` below it; files are read with `read`.

    Where they tell nothing of TensorFlow and Keras, what a README in the root folder mentions.
    """
    files = _files(root)
    pins = Pins()
    if files:
        # Imported late: most scripts stand in a folder that pins nothing.
        from trainlint.project.requirements import pins_of

        found: set[tuple[str, str]] = set()
        for path in files:
            found.update(pins_of(path, read, set()))
        pins = Pins(tuple(sorted(found)))
    return pins if pins.tell else pins.replace(said=_mentioned(root, read))


def _mentioned(root: str, read: Callable[[str], bytes]) -> tuple[tuple[str, str], ...]:
    found: set[tuple[str, str]] = set()
    for name in filter(_is_readme, _names(root)):
        try:
            found.update(said_in(read(os.path.join(root, name)).decode("utf-8", "replace")))
        except ReadError:
            continue
    return tuple(sorted(found))


def said_in(text: str) -> tuple[tuple[str, str], ...]:
    """The versions of TensorFlow and Keras that a text mentions, as pins; those of one package are alternatives."""
    if _WORD.search(text) is None:
        return ()
    # Imported late: few texts say anything.
    from trainlint.project.mentions import versions_in

    return versions_in(text)


def may_pin(name: str) -> bool:
    """Whether a file of this name in the root folder of a project may say which versions it needs."""
    return _pins(name) or _is_readme(name)


def _is_readme(name: str) -> bool:
    return _README.fullmatch(name) is not None and os.path.splitext(name)[1].lower() in _PROSE


def _pins(name: str) -> bool:
    return bool(name in PYTHON_FILES or _REQUIREMENTS_FILE.fullmatch(name) or CONDA_FILE.fullmatch(name))


def _files(root: str) -> list[str]:
    """The files to read, in a stable order."""
    found = [os.path.join(root, name) for name in _names(root) if _pins(name)]
    inside = os.path.join(root, "requirements")
    found += [os.path.join(inside, name) for name in _names(inside) if name.endswith((".txt", ".in"))]
    return found[:MAX_FILES]


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
