"""Reading files, with errors that fit in one line."""

from __future__ import annotations

import os
import stat


class ReadError(OSError):
    """A file that cannot be read; the text says in one line which and why, `reason` only why."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"{printable(path)}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, str]]:
        return type(self), (self.path, self.reason)


def read_file(path: str, most: int = -1) -> bytes:
    """The bytes of a regular file, or the first `most` of them.

    Raises ReadError for anything else: a pipe or a device might never end.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to waits for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise ReadError(path, error.strerror or type(error).__name__) from None
    except ValueError:
        raise ReadError(path, "not a file name") from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise ReadError(path, "Is a directory")
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(path, "not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    except ReadError:
        raise
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ReadError(path, reason or "too large") from None
    finally:
        os.close(descriptor)


def printable(path: str) -> str:
    """The path as it can be shown in one line of any encoding: bytes that are no text are escaped."""
    if path.isprintable():
        return path
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in path)
