"""Which interpreter runs the user's TensorFlow, and why that one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from trainlint.probe import errors
from trainlint.probe.errors import ProbeError
from trainlint.record import Record

_FOLDERS = (".venv", "venv")


class Interpreter(Record):
    """A Python and the reason that it was taken; the path is as found, since a link is what makes an environment."""

    path: str
    reason: str


def find_interpreter(
    file: Path | None = None,
    *,
    named: str | None = None,
    setting: str | None = None,
    trusted: bool = True,
    workspace: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Interpreter:
    """The interpreter for a program; ProbeError if there is none, or if the one that was asked for cannot be used.

    In this order: what the command line names, what a setting names, the active environment, an environment in the
    folders of the file, the interpreter that runs trainlint if it has a backend, and python3 on the PATH. conda's base
    comes after an environment of the project: it is active in most shells without anybody having chosen it.

    Where the workspace is not trusted, nothing inside of it is taken, except what the command line names: a setting
    may come with the workspace.
    """
    environment = os.environ if environment is None else environment
    roots = [Path(os.path.realpath(folder)) for folder in workspace]
    if not trusted and not roots and file is not None:
        roots = [_project_of(file)]

    def allowed(path: str) -> bool:
        return trusted or not any(_is_inside(path, root) for root in roots)

    if named:
        return Interpreter(_resolve(named, "--python", environment), "named by --python")
    if setting:
        path = _resolve(setting, "the setting", environment)
        if not allowed(path):
            raise ProbeError(
                errors.NO_INTERPRETER, f"{path} lies in a workspace that is not trusted: it is not started"
            )
        return Interpreter(path, "named by the setting")
    refused = ""
    for path, reason in _candidates(file if trusted else None, roots, environment):
        if allowed(path):
            return Interpreter(path, reason)
        refused = f"; {path} lies in a workspace that is not trusted"
    raise ProbeError(errors.NO_INTERPRETER, f"no Python was found: name one with --python{refused}")


def _candidates(file: Path | None, roots: Sequence[Path], environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Interpreters that exist, the best first."""
    active = environment.get("VIRTUAL_ENV")
    if active and (path := _python_in(Path(active))):
        yield path, "the active virtual environment"
    conda = environment.get("CONDA_PREFIX")
    in_conda = _python_in(Path(conda)) if conda else None
    is_base = environment.get("CONDA_DEFAULT_ENV") == "base"
    if in_conda and not is_base:
        yield in_conda, "the active conda environment"
    if file is not None:
        for folder in _around(file, roots):
            for name in _FOLDERS:
                if (folder / name / "pyvenv.cfg").is_file() and (path := _python_in(folder / name)):
                    yield path, f"the environment {name} of the project"
    if in_conda and is_base:
        yield in_conda, "conda's base environment"
    if sys.executable and any(_has(name) for name in ("tensorflow", "jax", "torch")):
        yield sys.executable, "the interpreter that runs trainlint"
    for folder_name in environment.get("PATH", os.defpath).split(os.pathsep):
        # A relative folder depends on where one stands.
        if os.path.isabs(folder_name):
            for name in ("python3", "python"):
                if path := shutil.which(name, path=folder_name):
                    yield path, f"{name} on the PATH"


def _around(file: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """The folders from a file's up to the top of its workspace, or of its project."""
    top = next((root for root in roots if _is_inside(str(file), root)), None) or _project_of(file)
    for folder in Path(os.path.realpath(file)).parents:
        yield folder
        if folder == top:
            return


def _project_of(file: Path) -> Path:
    """The nearest folder that looks like the top of a project; without a sign of one, the file's own."""
    parents = Path(os.path.realpath(file)).parents
    home = Path.home()
    for folder in parents:
        if folder == home:
            break
        if any((folder / name).exists() for name in (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg")):
            return folder
    return parents[0]


def _resolve(given: str, who: str, environment: Mapping[str, str]) -> str:
    """The path of an interpreter that is named by its path, by its environment's folder or by a command."""
    expanded = os.path.expanduser(given)
    if os.path.isdir(expanded):
        path = _python_in(Path(expanded))
        if path is None:
            raise ProbeError(errors.NO_INTERPRETER, f"the folder that {who} names has no Python: {given}")
        return path
    if os.path.dirname(expanded):
        path = os.path.abspath(expanded)
        if not os.path.exists(path):
            raise ProbeError(errors.NO_INTERPRETER, f"the interpreter that {who} names does not exist: {given}")
        if not os.access(path, os.X_OK):
            raise ProbeError(errors.NO_INTERPRETER, f"the interpreter that {who} names cannot be executed: {given}")
        return path
    found = shutil.which(expanded, path=environment.get("PATH"))
    if found is None:
        raise ProbeError(errors.NO_INTERPRETER, f"the interpreter that {who} names is not on the PATH: {given}")
    return os.path.abspath(found)


def _python_in(folder: Path) -> str | None:
    """The interpreter of an environment."""
    for name in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        path = folder / name
        if os.access(path, os.X_OK) and path.is_file():
            return os.path.abspath(path)
    return None


def _is_inside(path: str, folder: Path) -> bool:
    """Whether a path, or the file that it leads to, lies in a folder."""
    whole = os.path.abspath(path)
    # The last part is not followed for the first: an environment's Python is a link to one outside of it.
    places = (Path(os.path.realpath(os.path.dirname(whole))), Path(os.path.realpath(whole)))
    return any(place == folder or folder in place.parents for place in places)


def _has(name: str) -> bool:
    """Whether this interpreter has a package, which is not imported."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None
