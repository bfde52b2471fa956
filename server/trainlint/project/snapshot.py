"""A project as it can be sent to where its files are not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainlint.project.files import read_file
from trainlint.project.project import Project
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainlint.project.pins import Pins

LARGEST = 256 << 20
"""Bytes of programs; whoever needs what is left out finds that it is missing."""


class Snapshot(Record, eq=False):
    """The Python files of a project and its folders, with the versions that it asks for."""

    root: str
    files: dict[str, bytes]
    folders: tuple[str, ...]
    pins: Pins

    def project(self) -> Project:
        """The project, without a look at the disk."""
        return Project(self.root, self.files, closed=self.folders, pins=self.pins)


def snapshot(project: Project, left_out: Collection[str] = ()) -> Snapshot:
    """What an import in a file of the project can mean, but for folders with these names and more than `LARGEST`."""
    root = str(project.root)
    top = root
    # The packages that the root is a part of are searched as well.
    while os.path.dirname(top) != top and os.path.isfile(os.path.join(top, "__init__.py")):
        top = os.path.dirname(top)
    files: dict[str, bytes] = {}
    folders: list[str] = [top]
    size = 0
    for folder, below, names in os.walk(top):
        folders += (os.path.join(folder, name) for name in below)
        below[:] = sorted(name for name in below if name not in left_out)
        for name in sorted(names):
            if name.endswith(".py") and size < LARGEST:
                path = os.path.join(folder, name)
                try:
                    if os.path.getsize(path) > LARGEST - size:
                        continue
                    files[path] = read_file(path)
                except OSError:
                    continue
                size += len(files[path])
    return Snapshot(root, files, tuple(folders), project.pins)
