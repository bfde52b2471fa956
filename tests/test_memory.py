"""What a check of many files leaves behind."""

from __future__ import annotations

import gc
from pathlib import Path

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

SEEDS = Path(__file__).resolve().parent.parent / "fixtures" / "seeds"


def test_an_analysis_that_is_let_go_leaves_no_garbage() -> None:
    """Frames, units and programs are free without the collector, which would take a sixth of the time."""
    files = sorted(SEEDS.rglob("*.py"))
    assert files

    def check() -> None:
        for file in files:
            analyse(file.read_bytes(), str(file), Project(str(file.parent)), Config(), editing=False).let_go()

    check()
    gc.collect()
    gc.disable()
    try:
        check()
        left = gc.collect()
    finally:
        gc.enable()
    assert left == 0
