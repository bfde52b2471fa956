"""Fetched repositories: their programs, and any version of a file by its blob.

A repository is a folder named `owner+name`; in it, or in `repo` below it, lie a work tree, a `.git` or a bare copy.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROGRAMS = (".py", ".ipynb")


class Repository(NamedTuple):
    """A fetched repository; `git` is None if there are only files, `files` if there is no work tree."""

    name: str
    """`owner/name`, or the folder's name."""
    git: Path | None
    files: Path | None


def repositories(folder: Path) -> list[Repository]:
    """The repositories in a folder, by name; the folder itself if it is one, or holds no other folder with programs."""
    found = [_repository(each) for each in sorted(folder.iterdir()) if each.is_dir() and not each.name.startswith(".")]
    if _git_of(folder) is None:
        named = [each for each in found if "/" in each.name or each.git is not None]
        if named:
            return named
    return [_repository(folder)]


def blob(repository: Repository, name: str) -> bytes | None:
    """The content of a blob, None if the repository does not hold it."""
    if repository.git is None:
        return None
    done = _git(repository.git, "cat-file", "blob", name)
    return done.stdout if done.returncode == 0 else None


def extracted(repository: Repository, folder: Path) -> Path:
    """A folder with the repository's programs: its own files, else those of its newest commit, written to `folder`."""
    if repository.files is not None:
        return repository.files
    for path, data in _committed(repository):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def _repository(folder: Path) -> Repository:
    git = _git_of(folder)
    if git is None:
        inner = folder / "repo"
        git = _git_of(inner)
        folder_of_files = inner if git is not None and git.name == ".git" else folder
    else:
        folder_of_files = folder
    bare = git is not None and git.name != ".git"
    has_files = not bare and any(not each.name.startswith(".") for each in folder_of_files.iterdir())
    return Repository(folder.name.replace("+", "/", 1), git, folder_of_files if has_files else None)


def _git_of(folder: Path) -> Path | None:
    for each in (folder / ".git", folder):
        if (each / "HEAD").is_file() and (each / "objects").is_dir():
            return each
    return None


def _committed(repository: Repository) -> Iterator[tuple[str, bytes]]:
    if repository.git is None:
        return
    listed = _git(repository.git, "ls-tree", "-r", "-z", "HEAD").stdout.decode("utf-8", "surrogateescape")
    for entry in listed.split("\0"):
        kind, _, path = entry.partition("\t")
        if path.endswith(PROGRAMS) and kind.split()[1] == "blob" and kind.split()[0] != "120000":
            data = blob(repository, kind.split()[2])
            if data is not None:
                yield path, data


def _git(git: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # A partial copy must not fetch what it lacks.
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", "--git-dir", str(git), *arguments], capture_output=True, env=environment, check=False)
