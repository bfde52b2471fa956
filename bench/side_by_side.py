"""Files per CPU second and memory of trainlint and of other tools, on the same files, in turns.

Arguments: folders with TensorFlow programs.
`make compare-setup` installs the tools; those that are missing are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from bench.speed import environment, tensorflow_files
from bench.tables import table

ROOT = Path(__file__).resolve().parent.parent

LOOK_EVERY = 0.2
"""Seconds between two looks at the memory."""

# Its checks and nothing of flake8 around them; it leaves out files without the word "torch", so each is given it.
TORCHFIX = """
import json, sys
from torchfix.torchfix import TorchChecker
for path in json.load(open(sys.argv[1])):
    try:
        lines = open(path, encoding="utf-8", newline="").read().splitlines(keepends=True)
        list(TorchChecker(None, [*lines, "\\n# torch\\n"]).run())
    except Exception as error:
        print(path, type(error).__name__)
"""


class Tool:
    """A command that files are named to, with what is done before it is measured."""

    def __init__(self, name: str, command: list[str], cache: bool = False, listed: bool = False) -> None:
        self.name, self.command, self.cache, self.listed = name, command, cache, listed
        self.seconds: list[float] = []
        self.wall: list[float] = []
        self.memory = 0.0


def tools(environments: list[Path]) -> list[Tool]:
    """trainlint in its ways, and the others as far as they are installed."""
    check = [sys.executable, "-m", "trainlint", "check", "--output-format", "concise"]
    found = [
        Tool("trainlint, 1 process", [*check, "--no-cache", "--jobs", "1"]),
        Tool("trainlint, 2 processes", [*check, "--no-cache", "--jobs", "2"]),
        Tool("trainlint, cached", check, cache=True),
    ]
    for name, arguments in (
        ("ruff", ["check", "--no-cache", "--isolated", "--quiet"]),
        ("flake8", ["-j1", "--isolated"]),
        ("pyright", []),
        ("pylint", ["-j1", "--score=n"]),
        ("fixit", ["--quiet", "lint"]),
    ):
        program = _installed(name, environments)
        if program is not None:
            found.append(Tool(name, [program, *arguments]))
    program = _installed("torchfix", environments)
    if program is not None:
        found.append(Tool("TorchFix's pass", [str(Path(program).parent / "python"), "-c", TORCHFIX], listed=True))
    return found


def _installed(name: str, environments: list[Path]) -> str | None:
    return shutil.which(name, path=os.pathsep.join(str(each / "bin") for each in environments))


def run(tool: Tool, files: list[Path], folder: Path) -> None:
    """Runs a tool once over the files, and notes CPU time, time, and the most memory of all its processes."""
    listed = folder / "files.json"
    listed.write_text(json.dumps([str(path) for path in files]), encoding="utf-8")
    command = [*tool.command, *([str(listed)] if tool.listed else map(str, files))]
    before = os.times()
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**environment(), "XDG_CACHE_HOME": str(folder / "cache")}, start_new_session=True,
    )  # fmt: skip
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    process.wait()
    watcher.join()
    after = os.times()
    tool.wall.append(time.monotonic() - start)
    # Those of children that were waited for; nothing else is started meanwhile.
    tool.seconds.append(
        after.children_user - before.children_user + after.children_system - before.children_system
    )  # fmt: skip
    tool.memory = max(tool.memory, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    """Keeps in `peak` the most megabytes that the processes of a session had together, shared ones divided."""
    wait = 0.02
    while process.returncode is None:
        total = 0
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    if os.getsid(int(entry)) == process.pid:
                        with open(f"/proc/{entry}/smaps_rollup", encoding="ascii") as file:
                            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
                except (OSError, StopIteration):
                    continue
        peak[0] = max(peak[0], total / 1024)
        time.sleep(wait)
        # What is short is looked at often enough to be seen, what is long without taking part in it.
        wait = min(wait * 1.2, LOOK_EVERY)


def compare(folders: list[Path], count: int, turns: int, environments: list[Path]) -> str:
    """The table for so many files of the folders."""
    files = tensorflow_files(folders, count)
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    found = tools(environments)
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for tool in found:
            # Compiles its modules, and fills the cache of the one that has one.
            run(tool, files if tool.cache else files[:1], folder)
            tool.seconds, tool.wall, tool.memory = [], [], 0.0
        for _ in range(turns):
            for tool in found:
                run(tool, files, folder)
                print(f"{len(files)} files, {tool.name}: {tool.seconds[-1]:.2f} CPU s", file=sys.stderr, flush=True)
            load.append(os.getloadavg()[0])
    own = found[0]
    rows = [
        (
            tool.name,
            f"{median(tool.seconds):.2f}",
            f"{len(files) / median(tool.seconds):.1f}",
            f"{1000 * median(tool.seconds) / (lines / 1000):.1f}",
            f"{median(tool.wall):.2f}",
            f"{tool.memory:.0f}",
            f"{median(theirs / ours for ours, theirs in zip(own.seconds, tool.seconds)):.2f}",
        )
        for tool in found
    ]
    title = (
        f"{len(files)} TensorFlow files, {lines} lines; Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"{turns} turns, load {' '.join(f'{each:.1f}' for each in load)}"
    )
    heads = ("tool", "CPU s", "files/CPU s", "ms/kLOC", "wall s", "MB", "CPU ratio")
    return table(title, heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.side_by_side", description=__doc__)
    parser.add_argument(
        "folders", nargs="*", type=Path, help="folders with TensorFlow programs (default: the fixtures)"
    )
    parser.add_argument("--files", type=int, action="append", help="how many files (default: 200 and 1000)")
    parser.add_argument("--turns", type=int, default=3, help="how often the tools take turns")
    parser.add_argument(
        "--environment", type=Path, action="append", default=[], help="an environment with tools; several times"
    )
    options = parser.parse_args()
    places = (*options.environment, ROOT / ".venv-compare", ROOT / ".venv-torchfix")
    environments = [each.absolute() for each in places if each.exists()]
    folders = [path.resolve() for path in options.folders or [ROOT / "fixtures"]]
    for count in options.files or [200, 1000]:
        print(compare(folders, count, options.turns, environments), flush=True)


if __name__ == "__main__":
    main()
