"""Writing a user's file: all of it or nothing, and never over somebody else's change."""

from __future__ import annotations

import os
import stat
import tempfile


class WriteRefused(Exception):
    """A file was not written; it is as it was, and the text says why."""


def replace_content(path: str, expected: bytes, data: bytes) -> None:
    """Writes `data` into the file, which must still hold `expected`.

    The file is replaced in one step, so that whoever reads it sees the old or the new content, and a crash or a full
    disk loses nothing.
    Mode and owner stay; a symbolic link stays a link and its target is written.
    Raises WriteRefused where the file is not as it was read, or cannot be written.
    """
    target = os.path.realpath(path)
    try:
        before = os.stat(target)
        if not stat.S_ISREG(before.st_mode):
            raise WriteRefused("it is not a regular file")
        # A rename needs only the folder's permission, so it would pass over a file made read-only on purpose.
        if not before.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise WriteRefused("it is read-only")
        _compare(target, expected)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".trainlint-")
    except OSError as error:
        raise WriteRefused(error.strerror or str(error)) from error
    try:
        try:
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _keep_owner_and_mode(temporary, before)
            # Once more at the last moment: analysing and writing took time.
            _compare(target, expected)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
        _sync_folder(os.path.dirname(target))
    except OSError as error:
        raise WriteRefused(error.strerror or str(error)) from error


def check_report(path: str) -> None:
    """Raises WriteRefused where a report cannot be written, as far as that can be known before."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    except OSError as error:
        raise WriteRefused(error.strerror or str(error)) from error
    if before is not None and stat.S_ISDIR(before.st_mode):
        raise WriteRefused("it is a folder")
    if before is not None and not os.access(path, os.W_OK):
        raise WriteRefused("it is read-only")
    if before is None or stat.S_ISREG(before.st_mode):
        folder = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(folder):
            raise WriteRefused(f"there is no folder {os.path.dirname(path) or folder}")
        # A report takes the place of an older one in one step, which is a change of the folder.
        if not os.access(folder, os.W_OK | os.X_OK):
            raise WriteRefused("its folder is read-only")


def write_report(path: str, text: str) -> None:
    """Writes a report to a file, in one step; raises WriteRefused where that is not possible."""
    check_report(path)
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            # A pipe or a device takes what it gets.
            with open(path, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            return
        target = os.path.realpath(path)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".trainlint-")
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise WriteRefused(error.strerror or str(error)) from error


def _umask() -> int:
    """The mask that new files get; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _compare(target: str, expected: bytes) -> None:
    with open(target, "rb") as file:
        if file.read() != expected:
            raise WriteRefused("it changed since it was read")


def _keep_owner_and_mode(temporary: str, before: os.stat_result) -> None:
    now = os.stat(temporary)
    if hasattr(os, "chown") and (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.chown(temporary, before.st_uid, before.st_gid)
        except PermissionError as error:
            raise WriteRefused("its owner could not be kept") from error
    # After the owner: changing it clears the set-id bits.
    os.chmod(temporary, stat.S_IMODE(before.st_mode))


def _sync_folder(folder: str) -> None:
    # Without this a power cut may undo the rename; not every system can open a folder.
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
