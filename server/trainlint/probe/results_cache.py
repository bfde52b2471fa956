"""Measurements that were made before, kept by what they follow from, so that asking again is instant."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainlint.caches import cache_folder
from trainlint.probe.processes import WORKER_FOLDER
from trainlint.probe.worker.devices import AUTO, CPU, GPU, GPU_FROM
from trainlint.probe.worker.workload import multiply_adds

LARGEST = 64 << 20
"""Bytes in the folder; measurements with their curves have some ten to hundred kilobytes."""

_ABANDONED = 3600.0
"""Seconds after which a draft is taken for one that nobody writes any more."""

_DRAFT = "draft-"


class ResultsCache:
    """Keeps measurements in a folder that any number of processes share.

    An entry is whole or not there. One that cannot be read is removed, and the oldest make room for new ones. Where
    the folder cannot be used, nothing is kept.
    """

    def __init__(self, folder: Path | None = None, largest: int = LARGEST) -> None:
        self._folder = cache_folder() / "probe" if folder is None else folder
        self._largest = largest

    def get(
        self, experiment: Mapping[str, Any], hello: Mapping[str, Any], worker: Path = WORKER_FOLDER
    ) -> dict[str, Any] | None:
        """The measurements of an experiment on a backend (as in a worker's hello), None if there are none.

        An experiment for a GPU is not answered by what a CPU measured; one for any device is.
        """
        wanted = experiment.get("device") or AUTO
        kinds = [wanted]
        if wanted == AUTO:
            kinds = [CPU, GPU] if multiply_adds(experiment) < GPU_FROM else [GPU, CPU]
        for kind in kinds:
            found = self._read(self._folder / f"{key(experiment, hello, kind, worker)}.json")
            if found is not None:
                return found
        return None

    def put(
        self,
        experiment: Mapping[str, Any],
        hello: Mapping[str, Any],
        measurements: Mapping[str, Any],
        worker: Path = WORKER_FOLDER,
    ) -> None:
        """Keeps measurements, under the device that they were made on."""
        kind = str(measurements["device"]["name"])
        body = json.dumps(measurements, separators=(",", ":")).encode("ascii")
        file = self._folder / f"{key(experiment, hello, kind, worker)}.json"
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=self._folder)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(_digest(body) + b"\n" + body)
                os.replace(draft, file)
            except OSError:
                os.unlink(draft)
                raise
            self._make_room()

    def _read(self, file: Path) -> dict[str, Any] | None:
        try:
            digest, _, body = file.read_bytes().partition(b"\n")
        except OSError:
            return None
        if digest == _digest(body):
            with contextlib.suppress(OSError):
                # What is used stays.
                os.utime(file)
            measurements = json.loads(body)
            return measurements if isinstance(measurements, dict) else None
        with contextlib.suppress(OSError):
            file.unlink()
        return None

    def _make_room(self) -> None:
        """Removes the entries that were not used for longest until a tenth of the folder is free."""
        entries = []
        now = time.time()
        with os.scandir(self._folder) as listed:
            for entry in listed:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if not entry.name.startswith(_DRAFT):
                        entries.append((status.st_mtime, status.st_size, entry.path))
                    elif now - status.st_mtime > _ABANDONED:
                        os.unlink(entry.path)
        total = sum(size for _, size, _ in entries)
        if total <= self._largest:
            return
        for _, size, path in sorted(entries):
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size
            if total <= self._largest * 0.9:
                return


def key(experiment: Mapping[str, Any], hello: Mapping[str, Any], kind: str, worker: Path = WORKER_FOLDER) -> str:
    """What measurements follow from: the experiment, the worker's code, the versions that compute, the device."""
    backend, numpy = hello["backend"], hello["packages"].get("numpy") or {}
    # Which device was wished for says nothing about the measurements, only which one it was.
    asked = {name: value for name, value in experiment.items() if name != "device"}
    parts = [asked, sources(worker), backend["name"], backend["version"], numpy.get("version"), hello["python"], kind]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@functools.lru_cache
def sources(worker: Path) -> str:
    """A hash of the worker's code."""
    digest = hashlib.sha256()
    for file in sorted(worker.rglob("*.py")):
        digest.update(file.relative_to(worker).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode("ascii")
