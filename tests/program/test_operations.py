"""The vocabulary of operations is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.operations import KINDS
from trainlint.project import Project

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.mark.parametrize("folder", ["seeds", "good", "compat"])
def test_every_kind_is_in_the_vocabulary(folder):
    """Rules can rely on the list: the machine records nothing else."""
    found = set()
    for file in sorted((FIXTURES / folder).glob("*.py")):
        analysis = analyse(file.read_bytes(), str(file), Project(str(file.parent)), Config())
        found |= {operation.kind for program in analysis.programs for operation in program.operations}

    assert set() == found - KINDS
