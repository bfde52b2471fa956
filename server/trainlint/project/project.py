"""One project: what its files hold and which of them an import means."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING

from trainlint.project.files import ReadError, printable, read_file
from trainlint.project.pins import Pins, read_pins
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FILE, FOLDER, MISSING, OUTSIDE = "file", "folder", "missing", "outside"

DATA = (".csv", ".tsv", ".txt", ".data", ".npy", ".npz")
"""How the names of files end that may be peeked into."""

_PEEKED = "/"
"""Stands in the hash of a file of which only the beginning was read."""

_INSTALLED = frozenset(("site-packages", "dist-packages"))


class Data(Record):
    """The beginning of a data file: all of it, if `size` says so."""

    path: str
    content: bytes
    size: int

    @property
    def whole(self) -> bool:
        return len(self.content) == self.size


class Project:
    """The files below a root folder, with the buffers that are open in an editor in front of them.

    `overlay` maps absolute paths to the bytes of open buffers; a file need not exist to be in it.
    `asked` maps every path that was looked at to what was there (file, folder, missing, or for a file of data that
    it is outside of the root folder): as long as all of that,
    and the content of the files, is the same, an analysis gives the same result.
    Clear it before an analysis to learn what that analysis depends on.

    A `closed` project consists of its overlay and these folders; there is no disk.
    What is `absent` is not there, whatever the disk says.
    """

    def __init__(
        self, root: str | os.PathLike[str], overlay: Mapping[str, bytes] | None = None,
        closed: Iterable[str] | None = None, pins: Pins | None = None, absent: Iterable[str] = (),
    ):  # fmt: skip
        self.root: Path = Path(os.path.abspath(root))
        self.overlay: Mapping[str, bytes] = {} if overlay is None else overlay
        self.asked: dict[str, str] = {}
        self._absent = frozenset(absent)
        self._kinds: dict[str, str] = dict.fromkeys(self._absent, MISSING)
        self._closed = closed is not None
        if closed is not None:
            self._kinds.update(dict.fromkeys(closed, FOLDER))
            self._kinds.update(dict.fromkeys(self.overlay, FILE))
        self._pins = pins
        self._written: Mapping[str, bytes] = {}
        self._data: dict[tuple[str, int, int], Data] = {}
        self._hashes: dict[tuple[str, bool], str] = {}

    def seen_from(
        self, notebook: str, written: Mapping[str, bytes], commands: Sequence[str],
        ran_with: Iterable[tuple[str, str]] = (),
    ) -> Project:  # fmt: skip
        """The project as a notebook sees it; this one stays as it is.

        The files that its cells write (absolute path to content) are in front of all others, what its commands install
        counts in place of the pins, and what its last run shows where neither says anything.
        """
        seen = Project(self.root, self.overlay)
        seen._written, seen._closed, seen._absent = written, self._closed, self._absent
        seen.asked, seen._kinds, seen._pins = self.asked, self._kinds, self.pins
        seen._hashes = self._hashes
        if commands or ran_with:
            from trainlint.project.installs import pins_with

            folder = os.path.dirname(os.path.abspath(notebook))
            seen._pins = pins_with(self.pins, commands, folder, seen.read, ran_with)
        return seen

    def with_file(self, path: str, data: bytes) -> Project:
        """This project with a file of this content in it; what the result asks for is its own."""
        seen = Project(self.root, ChainMap({path: data}, self.overlay), pins=self.pins)  # type: ignore[arg-type]
        seen._closed, seen._absent, seen._kinds = self._closed, self._absent, self._kinds
        return seen

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """The bytes of the open buffer, else of the file; raises ReadError, whose text is one line."""
        name = os.path.abspath(os.fspath(path))
        if name in self._written:
            return self._written[name]
        if name in self.overlay:
            self.asked[name] = FILE
            self._hashes[name, True] = _hash(self.overlay[name])
            return self.overlay[name]
        self.asked[name] = MISSING
        if self._closed or name in self._absent:
            raise ReadError(name, "No such file or directory")
        data = read_file(name)
        self.asked[name] = FILE
        self._hashes[name, True] = _hash(data)
        return data

    def peek(self, name: str, importer: str | os.PathLike[str]) -> Data | None:
        """The beginning of a small data file that a program names, beside it or in the root folder.

        None for files outside of the root folder, also by way of a link, and for what is no regular file.
        """
        from trainlint.project.peeks import MAX_BYTES

        if "\0" in name or not name.lower().endswith(DATA):
            return None
        for folder in dict.fromkeys((os.path.dirname(os.path.abspath(os.fspath(importer))), str(self.root))):
            path = os.path.abspath(os.path.join(folder, name))
            if self._closed:
                self.asked[path] = MISSING
                continue
            real = self._inside(path)
            if real is None:
                self.asked[path] = OUTSIDE
                continue
            self.asked[path] = _kind_on_disk(real)
            try:
                status = os.stat(real)
                key = (real, status.st_mtime_ns, status.st_size)
                found = self._data.get(key)
                if found is None:
                    found = Data(path, read_file(real, MAX_BYTES), status.st_size)
                    self._data = {k: v for k, v in self._data.items() if k[0] != real}
                    self._data[key] = found
            except (OSError, ValueError):
                continue
            self._hashes[path, False] = _hash(found.content, found.size)
            return found
        return None

    def _inside(self, path: str) -> str | None:
        """Where a path leads; None if that is outside of the root folder."""
        real = os.path.realpath(path)
        return real if real.startswith(os.path.realpath(self.root).rstrip(os.sep) + os.sep) else None

    def dependencies(self) -> dict[str, str]:
        """What the result of an analysis follows from, since `asked` was cleared before it.

        Maps paths to a hash of what was read there, or to "file", "folder", "missing" or "outside" where only that was
        asked.
        """
        return {path: self._hash_of(path) or kind if kind == FILE else kind for path, kind in self.asked.items()}

    def content_of(self, path: str) -> str | None:
        """The hash of a file that was read, as `dependencies` has it."""
        return self._hashes.get((path, True))

    def is_still(self, dependencies: Mapping[str, str]) -> bool:
        """Whether all of this is as it was; each path is looked at once as long as this object lives."""
        return all(self._state(path, was) == was for path, was in dependencies.items())

    def _hash_of(self, path: str) -> str | None:
        """The hash of a file that was read; of its beginning, where that was all."""
        return self._hashes.get((path, True)) or self._hashes.get((path, False))

    def _state(self, path: str, was: str) -> str:
        if (was == OUTSIDE or _PEEKED in was) and self._inside(path) is None:
            return OUTSIDE
        kind = self._kind(path)
        if kind != FILE or was in (FILE, FOLDER, MISSING, OUTSIDE):
            return kind
        whole = _PEEKED not in was
        if (path, whole) not in self._hashes:
            from trainlint.project.peeks import MAX_BYTES

            try:
                if whole:
                    self.read(path)
                else:
                    self._hashes[path, False] = _hash(read_file(path, MAX_BYTES), os.stat(path).st_size)
            except OSError:
                return MISSING
        return self._hashes[path, whole]

    def forget(self) -> None:
        """Looks at the disk again from now on: files may have come or gone."""
        self._kinds = dict.fromkeys(self._absent, MISSING)
        self._hashes.clear()
        self._pins = None

    @property
    def pins(self) -> Pins:
        """The versions of TensorFlow, Keras and NumPy that the files in the root folder ask for."""
        if self._pins is None:
            asked, self.asked = self.asked, {}
            self._pins = read_pins(str(self.root), self.read)
            # Pins are part of every cache key as they are; the files they came from need not be.
            self.asked = asked
        return self._pins

    def resolve(self, module: str, level: int, importer: str | os.PathLike[str]) -> str | None:
        """The file of this project that an import in `importer` means, None if it is none of the project's.

        `level` counts the dots of a relative import.
        Looks beside the importer, at the top of its package, in the folders above it up to the root, and in `src`;
        never among installed packages.
        """
        name = os.path.abspath(os.fspath(importer))
        parts = module.split(".") if module else []
        if not all(part.isidentifier() for part in parts):
            return None
        folder = os.path.dirname(name)
        if level > 0:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._module(folder, parts) or None
        for base in self._search_path(folder) if parts else ():
            found = self._module(base, parts)
            # A script that is called keras.py and imports keras does not mean itself.
            if found == "" or (
                found is not None and found != name and not _INSTALLED.intersection(found.split(os.sep))
            ):
                return found or None
        return None

    def _module(self, base: str, parts: list[str]) -> str | None:
        """The file of a module below a folder; None if the next folder may have it, "" if a package rules that out."""
        if not parts:
            file = os.path.join(base, "__init__.py")
            return file if self._kind(file) == FILE else None
        folder, in_package = base, False
        for index, part in enumerate(parts):
            is_last = index == len(parts) - 1
            here = os.path.join(folder, part)
            is_folder = self._kind(here) == FOLDER
            file = os.path.join(here, "__init__.py")
            if is_folder and self._kind(file) == FILE:
                if is_last:
                    return file
                folder, in_package = here, True
                continue
            file = here + ".py"
            if self._kind(file) == FILE:
                return file if is_last else ""
            if not is_folder:
                break
            # A folder without __init__.py: a namespace package, whose other portions may be elsewhere.
            folder = here
        return "" if in_package else None

    def _search_path(self, folder: str) -> Iterator[str]:
        """The folders to look in for an absolute import of a file in `folder`, best first."""
        top = folder
        while self._kind(os.path.join(top, "__init__.py")) == FILE and os.path.dirname(top) != top:
            top = os.path.dirname(top)
        yield top
        root = str(self.root)
        if folder == root or folder.startswith(root.rstrip(os.sep) + os.sep):
            above = top
            while len(above) > len(root):
                above = os.path.dirname(above)
                yield above
            yield os.path.join(root, "src")
        # Python would look here only if the file is started as a script, which many packages of scripts mean.
        while folder != top:
            yield folder
            folder = os.path.dirname(folder)

    def _kind(self, path: str) -> str:
        kind = self._kinds.get(path)
        if kind is None:
            kind = MISSING if self._closed else _kind_on_disk(path)
            self._kinds[path] = kind
        if kind != FILE and self.overlay and not self._closed:
            kind = _kind_among(self.overlay, path) or kind
        # What a notebook writes is part of its own text; only the rest has to be looked at again.
        self.asked[path] = kind
        if kind != FILE and self._written:
            kind = _kind_among(self._written, path) or kind
        return kind

    def __repr__(self) -> str:
        return f"Project({printable(str(self.root))!r})"


def _hash(data: bytes, size: int | None = None) -> str:
    """What stands for a content; with `size` for the beginning of a file of that size."""
    found = hashlib.blake2b(data, digest_size=16).hexdigest()
    return found if size is None else f"{found}{_PEEKED}{size}"


def _kind_among(files: Mapping[str, bytes], path: str) -> str | None:
    if path in files:
        return FILE
    return FOLDER if any(name.startswith(path + os.sep) for name in files) else None


def _kind_on_disk(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        # Also a link that leads in a circle, and a folder that may not be entered.
        return MISSING
    if stat.S_ISREG(mode):
        return FILE
    return FOLDER if stat.S_ISDIR(mode) else MISSING
