"""Hooks into the program's own imports: patches what was imported, and reads changed modules from memory.

Nothing is imported before the program does, so a program that sets an environment variable first still has its effect.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import linecache
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional

Action = Callable[[Any], None]


class AfterImport:
    """A finder that finds nothing by itself; it has what others find run an action when the module is complete."""

    def __init__(self, wanted: Callable[[str], Optional[Action]]) -> None:
        self._wanted = wanted

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the other finders have, with an action behind the execution of the module."""
        action = self._wanted(name)
        if action is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                _run_after(spec.loader, action)
                return spec
        return None


def _run_after(loader: Any, action: Action) -> None:
    """Changes this one loader: a wrapper in its place would be missed by who asks for the type of a loader."""
    execute = getattr(loader, "exec_module", None)
    if execute is None:
        return

    def exec_module(module: Any) -> None:
        execute(module)
        try:
            action(module)
        except Exception as problem:
            # A version that we do not know loses what this hook records, not the program.
            sys.stderr.write("trainlint: {}: {!r}\n".format(module.__name__, problem))

    with contextlib.suppress(AttributeError):
        loader.exec_module = exec_module


class ChangedModules:
    """Finds modules whose text an arm changes; everything else is left to the next finder."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._names = set()
        for path in files:
            folder, name = os.path.split(path)
            stem = os.path.splitext(name)[0]
            self._names.add(os.path.basename(folder) if stem == "__init__" else stem)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The usual spec of a changed module, with a loader that reads from memory."""
        if name.rpartition(".")[2] not in self._names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not spec.origin:
            return None
        origin = os.path.realpath(spec.origin)
        if origin not in self._files or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        spec.loader = MemoryLoader(name, spec.origin, self._files[origin])
        spec.cached = None
        return spec


class MemoryLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from a text that is not the one on disk."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self.text = text

    def get_data(self, path: Any) -> bytes:
        """The arm's text for the module's own path."""
        return self.text if path == self.path else super().get_data(path)

    def path_stats(self, path: Any) -> Any:
        """Refuses, so that no compiled file of the text on disk is taken."""
        raise OSError("the text is in memory")

    def set_data(self, path: Any, data: Any, *, _mode: int = 0o666) -> None:
        """Writes no compiled file."""


def remember_lines(path: str, text: str) -> None:
    """Makes tracebacks, `inspect` and AutoGraph see the arm's text under the path of the file."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    # Without a time of change `linecache` does not compare with the file on disk.
    linecache.cache[path] = _remembered[path] = (len(text), None, lines, path)
    # AutoGraph has it read the file again where a module of that file is loaded.
    linecache.updatecache = _update


_remembered: Dict[str, Any] = {}
_update_from_disk = linecache.updatecache


def _update(filename: str, module_globals: Any = None) -> List[str]:
    entry = _remembered.get(filename)
    if entry is None:
        return _update_from_disk(filename, module_globals)
    linecache.cache[filename] = entry
    lines: List[str] = entry[2]
    return lines


def install(files: Mapping[str, bytes], wanted: Callable[[str], Optional[Action]]) -> None:
    """Puts both finders where Python's own for files comes, so that built-in modules are found as before."""
    if files:
        place = len(sys.meta_path)
        for index, finder in enumerate(sys.meta_path):
            if finder is importlib.machinery.PathFinder:
                place = index
        sys.meta_path.insert(place, ChangedModules(files))
    sys.meta_path.insert(0, AfterImport(wanted))


def in_memory(files: Dict[str, bytes]) -> Dict[str, bytes]:
    """The files under their real paths."""
    return {os.path.realpath(path): text for path, text in files.items()}
