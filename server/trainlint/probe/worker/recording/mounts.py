"""Inside of a sandbox: makes folders writable in such a way that nothing of what is written remains."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Any, Dict, List, Mapping

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC = 1, 2, 4, 32, 4096, 16384
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
_CAPABILITY_VERSION = 0x20080522
_MNT_DETACH = 2


class _Libc:
    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)

    def mount(self, source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
        arguments = [os.fsencode(text) for text in (source, target, kind)]
        if self.libc.mount(*arguments, ctypes.c_ulong(flags), os.fsencode(options) if options else None):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), target)

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
        os.mkdir(store)
        libc.mount("tmpfs", store, "tmpfs", _MS_NOSUID | _MS_NODEV, "size={},mode=700".format(most_bytes))
        libc.mount("tmpfs", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, "size={},mode=1777".format(most_bytes))
    except OSError as problem:
        refused = {folder: str(problem) for folder in folders}
    else:
        layered: List[str] = []
        restored: List[str] = []
        for folder in sorted(set(folders), key=len):
            if _inside(folder, layered) > _inside(folder, restored):
                continue
            try:
                restored += _layer(libc, folder, "{}/{}".format(store, len(layered)))
                layered.append(folder)
            except OSError as problem:
                refused[folder] = str(problem)
        # The layers stay; what they are made of is out of sight.
        libc.unmount(store)
        _put(files)
    _drop_privileges(libc.libc)
    return {"refused": refused}


def _inside(path: str, folders: List[str]) -> int:
    """The length of the nearest of these folders that the path lies in."""
    return max((len(folder) for folder in folders if (path + "/").startswith(folder.rstrip("/") + "/")), default=-1)


def _layer(libc: _Libc, folder: str, store: str) -> List[str]:
    """Lays a layer over a folder and returns the mounts below it, which stay as they are."""
    for part in ("", "/upper", "/work", "/below"):
        os.mkdir(store + part)
    below = [mount for mount in _mounts() if mount.startswith(folder.rstrip("/") + "/") and mount != folder]
    kept = []
    for number, mount in enumerate(below):
        place = "{}/below/{}".format(store, number)
        try:
            if os.path.isdir(mount):
                os.mkdir(place)
            else:
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
            libc.mount(mount, place, "none", _MS_BIND)
            kept.append((place, mount))
        except OSError:
            pass
    mode = os.stat(folder).st_mode & 0o7777
    os.chmod(store + "/upper", mode)
    lower = os.open(folder, os.O_RDONLY)
    try:
        # By descriptor, since a path may hold what separates options.
        options = "lowerdir=/proc/self/fd/{},upperdir={}/upper,workdir={}/work".format(lower, store, store)
        libc.mount("overlay", folder, "overlay", _MS_NOSUID | _MS_NODEV, options + ",userxattr")
    finally:
        os.close(lower)
    for place, mount in kept:
        with contextlib.suppress(OSError):
            libc.mount(place, mount, "none", _MS_BIND)
    return [mount for _, mount in kept]


def _mounts() -> List[str]:
    """All mount points, outer ones first."""
    with open("/proc/self/mountinfo", "rb") as stream:
        fields = [line.split(b" ") for line in stream]
    found = [field[4].decode("unicode_escape").encode("latin-1") for field in fields if len(field) > 4]
    return sorted({os.fsdecode(path) for path in found}, key=len)


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
