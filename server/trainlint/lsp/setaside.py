"""Texts that ended a server while it read them: the next one leaves them alone.

A parser can take the whole process down. The editor starts the server again and sends the same text, and after a few
rounds it gives up for good. So the name of what is being read stands in a small file as long as that takes; what two
processes that are gone left there is set aside until the text changes. One may have been ended from outside.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "reading-"
_ENOUGH = 2
"""Servers that ended on a text."""


class SetAside:
    """Knows what earlier servers ended on; without a folder it knows nothing and keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._left: dict[str, list[Path]] = {}
        """The files that servers which are gone left, by the name of the text."""
        self._file = -1
        self._path: Path | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{_PREFIX}*"):
                self._take(left)
            self._path = folder / f"{_PREFIX}{os.getpid()}"
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError:
            self._path = None

    @contextmanager
    def reading(self, data: bytes) -> Iterator[None]:
        """Notes a text down as long as it is read."""
        name = _name_of(data)
        self._write(name)
        try:
            yield
        finally:
            self._write("")
        # It can be read after all.
        for file in self._left.pop(name, ()):
            _remove(file)

    def holds(self, data: bytes) -> bool:
        """Whether earlier servers ended while they read this text."""
        return bool(self._left) and len(self._left.get(_name_of(data), ())) >= _ENOUGH

    def close(self) -> None:
        """Leaves nothing behind."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._path is not None:
            _remove(self._path)

    def _write(self, name: str) -> None:
        if self._file >= 0:
            try:
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, name.encode(), 0)
            except OSError:
                self._file = -1

    def _take(self, left: Path) -> None:
        number = left.name.removeprefix(_PREFIX)
        if not number.isdecimal() or is_running(int(number)):
            return
        name = _content(left)
        if name:
            # It stays for the servers after this one, under the number of the one that read it.
            self._left.setdefault(name, []).append(left)
        else:
            _remove(left)


def _name_of(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _content(file: Path) -> str:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return os.read(descriptor, 100).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
