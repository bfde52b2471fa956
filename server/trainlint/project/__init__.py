"""The user's project: its files, their open buffers, its modules, its version pins and its configuration.

Nothing else in the package reads the user's files.
Paths are absolute strings; only `root` is a `Path`.
"""

from __future__ import annotations

from trainlint.project.files import ReadError
from trainlint.project.pins import Pins
from trainlint.project.project import Project
from trainlint.project.roots import find_root

__all__ = ["Pins", "Project", "ReadError", "find_root"]
