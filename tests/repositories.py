"""Git repositories made by hand, for tests of what changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
}  # fmt: skip
"""Nothing of whoever runs the tests."""


class Repository:
    """A repository in a folder, on the branch main."""

    def __init__(self, folder: Path, *clone: str) -> None:
        self.folder = folder
        if clone:
            subprocess.run(["git", "clone", "-q", *clone, str(folder)], check=True, env={**os.environ, **NOBODY})
            return
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str) -> str:
        """What git prints."""
        done = subprocess.run(
            ["git", *args], cwd=self.folder, env={**os.environ, **NOBODY}, check=True, capture_output=True
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, **files: str) -> Repository:
        """Writes files, `a__b` being the Python file b in the folder a."""
        for name, text in files.items():
            self.put(name.replace("__", "/") + ".py", text)
        return self

    def put(self, name: str, text: str) -> Repository:
        """Writes a file of any name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return self

    def commit(self, **files: str) -> Repository:
        """Commits all there is, files given here first."""
        self.write(**files)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self

    def path(self, name: str) -> str:
        """The absolute path of a file."""
        return str(self.folder / name)
