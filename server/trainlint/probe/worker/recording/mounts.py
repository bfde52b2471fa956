"""Inside of a sandbox: makes folders writable in such a way that nothing of what is written remains."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Any, Dict, List, Mapping

_MS_NOSUID, _MS_NODEV = 2, 4
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
_CAPABILITY_VERSION = 0x20080522
_MNT_DETACH = 2
_CLONE_NEWNS = 0x20000


class _Libc:
    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)

    def mount(self, source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
        arguments = [os.fsencode(text) for text in (source, target, kind)]
        if self.libc.mount(*arguments, ctypes.c_ulong(flags), os.fsencode(options) if options else None):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), target)

    def unshare(self, flags: int) -> None:
        if self.libc.unshare(flags):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def unmount(self, target: str) -> None:
        self.libc.umount2(os.fsencode(target), _MNT_DETACH)


def discard_writes(folders: List[str], most_bytes: int, files: Mapping[str, bytes]) -> Dict[str, Any]:
    """Lays a writable layer in memory over each folder, puts the changed files there, and gives up all privileges.

    Returns which folders can't be written to, with the reason.
    """
    refused: Dict[str, str] = {}
    libc = _Libc()
    store = "/dev/trainlint"
    try:
        # bubblewrap may leave us in a namespace of mounts that belongs to somebody with more rights.
        libc.unshare(_CLONE_NEWNS)
        os.mkdir(store)
        libc.mount("tmpfs", store, "tmpfs", _MS_NOSUID | _MS_NODEV, "size={},mode=700".format(most_bytes))
        libc.mount("tmpfs", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, "size={},mode=1777".format(most_bytes))
    except OSError as problem:
        refused = {folder: problem.strerror or str(problem) for folder in folders}
    else:
        # Outer folders first; each over the folder as it was, since layers can't be piled up, and since the layer of an
        # outer one can't hold folders in between that belong to somebody else.
        opened = []
        for folder in sorted(set(folders), key=len):
            with contextlib.suppress(OSError):
                opened.append((folder, os.open(folder, os.O_RDONLY)))
        for number, (folder, descriptor) in enumerate(opened):
            try:
                _layer(libc, folder, descriptor, "{}/{}".format(store, number))
            except OSError as problem:
                refused[folder] = problem.strerror or str(problem)
            finally:
                os.close(descriptor)
        # The layers stay; what they are made of is out of sight.
        libc.unmount(store)
        _put(files)
    _drop_privileges(libc.libc)
    if "/tmp" in refused and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = "/dev/shm"
    return {"refused": refused}


def _layer(libc: _Libc, folder: str, descriptor: int, store: str) -> None:
    """Lays a layer over a folder; the kernel refuses it for one that another file system is mounted in."""
    for part in ("", "/upper", "/work"):
        os.mkdir(store + part)
    os.chmod(store + "/upper", os.fstat(descriptor).st_mode & 0o7777)
    # By descriptor, since a path may hold what separates options.
    options = "userxattr,lowerdir=/proc/self/fd/{0},upperdir={1}/upper,workdir={1}/work".format(descriptor, store)
    libc.mount("overlay", folder, "overlay", _MS_NOSUID | _MS_NODEV, options)


def _put(files: Mapping[str, bytes]) -> None:
    """Writes the changed texts into the layer, for processes that the program starts."""
    for path, text in files.items():
        try:
            with open(path, "wb") as stream:
                stream.write(text)
        except OSError:
            pass


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _drop_privileges(libc: Any) -> None:
    """Nothing that the program does or starts can change mounts any more."""
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            break
    libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION, 0)), (_Data * 2)())
