"""Throughput over many files beside pylint's, memory, and where the time goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from trainlint.source.prefilter import may_concern

TURNS = 3
"""How often the tools take turns; the machine may be busy with something else."""

PHASES = """
import gc, json, os, sys, time
import trainlint.analysis as analysis
import trainlint.interpret.run as run
import trainlint.rules.engine as engine
import trainlint.source.fast as fast
from trainlint import stacks
from trainlint.config import Config
from trainlint.project import Project

spent = dict.fromkeys(("parse", "read", "interpret", "rules"), 0.0)


def timed(module, name, key):
    function = getattr(module, name)

    def wrapper(*args, **kwargs):
        start = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[key] += time.thread_time() - start

    setattr(module, name, wrapper)
    return function


import libcst.native

parse_module = libcst.native.parse_module
read = analysis.read
texts = []  # of the files and of the modules that they use
analysis.read = lambda text, *args: (texts.append(text), read(text, *args))[1]

timed(fast, "parse", "parse")  # Python's own parser, and libcst where that gives up
timed(libcst.native, "parse_module", "parse")
timed(analysis, "read_source", "read")
timed(run, "interpret", "interpret")
timed(engine, "run", "rules")


def floor(texts):
    # Seconds that libcst's parser alone takes for some texts.
    start = time.thread_time()
    for text in texts:
        try:
            parse_module(text, None)
        except Exception:
            pass  # Python 2, or no Python at all
    return time.thread_time() - start


def body():
    gc.set_threshold(500_000)  # as the command line does
    lines = 0
    named = []
    start = time.thread_time()
    for path in json.load(open(sys.argv[1])):
        data = open(path, "rb").read()
        lines += data.count(b"\\n")
        named.append(len(texts))
        analysis.analyse(data, path, Project(os.path.dirname(path)), Config(), editing=False).let_go()
    total = time.thread_time() - start
    measured = {"all": total, "lines": lines, "texts": len(texts)}
    measured["floor"], measured["named floor"] = floor(texts), floor([texts[index] for index in named])
    print(json.dumps({**spent, **measured}))


stacks.call(body)
"""


def tensorflow_files(folders: list[Path], count: int = 200) -> list[Path]:
    """At most `count` Python files that name TensorFlow or Keras, an equal share of each folder.

    They are the same in every run.
    """
    found = [[path for path in sorted(folder.rglob("*.py")) if _names_tensorflow(path)] for folder in folders]
    shares = [0] * len(found)
    while sum(shares) < count and any(len(files) > share for files, share in zip(found, shares)):
        for index, files in enumerate(found):
            if shares[index] < len(files) and sum(shares) < count:
                shares[index] += 1
    return [files[i * len(files) // share] for files, share in zip(found, shares) for i in range(share)]


def _names_tensorflow(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return may_concern(data)


def environment() -> dict[str, str]:
    """As an installed tool runs: modules come compiled."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def child(command: list[str], folder: Path) -> tuple[float, float, str]:
    """CPU seconds, peak memory in MB and output of one process."""
    script = (
        "import json, os, resource, subprocess, sys\n"
        "out = subprocess.run(json.loads(sys.argv[1]), capture_output=True, text=True, errors='replace')\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024\n"
        "print(json.dumps([seconds, memory, out.stdout[-20000:], out.stderr[-2000:]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(command)], cwd=folder, capture_output=True, text=True, check=True
    )
    seconds, memory, output, errors = json.loads(done.stdout)
    if not output and errors:
        print(errors, file=sys.stderr)
    return seconds, memory, output


def measure(files: list[Path], folder: Path) -> dict[str, Any]:
    """CPU seconds and memory of trainlint and pylint on the same files, whole processes, and trainlint's phases."""
    listed = folder / "files.json"
    listed.write_text(json.dumps([str(path) for path in files]), encoding="utf-8")
    names = [str(path) for path in files]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    child([sys.executable, "-m", "trainlint", "check", "--no-cache", names[0]], folder)  # compiles what is new
    ours = ["trainlint", "check", "--no-cache", "--jobs", "1", "--output-format", "concise"]
    tools = {"trainlint": ours, "pylint": ["pylint", "-j1", "--score=n"]}
    if subprocess.run([sys.executable, "-c", "import pylint"], capture_output=True, check=False).returncode != 0:
        del tools["pylint"]
    result: dict[str, Any] = {"files": len(files), "lines": lines}
    turns: dict[str, list[float]] = {tool: [] for tool in tools}
    for _ in range(TURNS):
        for tool, command in tools.items():
            seconds, result[f"{tool} memory"], _ = child([sys.executable, "-m", *command, *names], folder)
            turns[tool].append(seconds)
    for tool, taken in turns.items():
        result[tool] = median(taken)
    if "pylint" in turns:
        result["ratios"] = sorted(theirs / own for own, theirs in zip(turns["trainlint"], turns["pylint"]))
    _, _, phases = child([sys.executable, "-c", PHASES, str(listed)], folder)
    result["phases"] = json.loads(phases.strip().splitlines()[-1]) if phases.strip() else {}
    return result
