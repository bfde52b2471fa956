"""Environments, processes and experiments for the tests of the process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path


def other_pythons() -> list[str]:
    """The other versions of Python on this machine that a worker can run in."""
    found = [shutil.which(f"python3.{minor}") for minor in range(8, 16)]
    # The shims of pyenv exist for versions that are not active.
    found = [path for path in found if path and "shims" not in path]
    for minor in range(8, 16):
        found += map(str, sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python")))
    return found


class Environment:
    """A virtual environment with a stand-in for TensorFlow."""

    def __init__(self, folder: Path, base: str = sys.executable) -> None:
        subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True)
        self.python = str(folder / "bin" / "python")
        self.packages = next((folder / "lib").glob("python*")) / "site-packages"

    def install(self, name: str, version: str, code: str = "") -> None:
        """Installs a package of one module."""
        folder = self.packages / name
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text(code)
        info = self.packages / f"{name}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def processes_of(folder: Path) -> list[str]:
    """The command lines of the processes that run a copy of the worker; a zombie has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line and "pytest" not in line:
            found.append(line)
    return found


def wait_for(condition, seconds: float = 10.0) -> None:
    """Waits until something holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.01)


def experiment(stub: str = "measure", **more) -> dict:
    """An experiment that tells the stand-in for the engine what to do."""
    return {"version": 1, "device": "auto", "stub": stub, **more}


def pid_exists(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
