"""Texts that ended a server while it read them: the next one leaves them alone.

A parser can take the whole process down. The editor starts the server again and sends the same text, and after a few
rounds it gives up for good. So the name of what is being read stands in a small file as long as that takes; what is
left there by a process that is gone is set aside until the text changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "reading-"


class SetAside:
    """Knows what earlier servers ended on; without a folder it knows nothing and keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._texts: set[str] = set()
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
        self._write(_name_of(data))
        try:
            yield
        finally:
            self._write("")

    def holds(self, data: bytes) -> bool:
        """Whether an earlier server ended while it read this text."""
        return bool(self._texts) and _name_of(data) in self._texts

    def close(self) -> None:
        """Leaves nothing behind."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._path is not None:
            self._path.unlink(missing_ok=True)

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
            self._texts.add(name)


def _name_of(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


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
