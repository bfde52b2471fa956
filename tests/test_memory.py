"""What a check of many files leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"

CHECKS = """
import gc, sys
from pathlib import Path
from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

files = sorted(Path(sys.argv[1]).rglob("*.py"))

def check():
    for file in files:
        analysis = analyse(file.read_bytes(), str(file), Project(str(file.parent)), Config(), editing=False)
        assert analysis.programs
        analysis.let_go()

check()
gc.collect()
gc.disable()
check()
print(len(files), gc.collect())
"""


def test_an_analysis_that_is_let_go_leaves_no_garbage() -> None:
    """Frames, units and programs are free without the collector, which would take a sixth of the time."""
    done = subprocess.run(
        [sys.executable, "-c", CHECKS, str(SEEDS)], capture_output=True, text=True, check=True, timeout=300
    )
    files, garbage = map(int, done.stdout.split())

    assert files >= 12
    assert garbage == 0
