"""What the README shows works as it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PROGRAM = BLOCKS[0]


def findings(text, tmp_path):
    """The rules that report a text, and whether a comment silences them."""
    analysis = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert () == analysis.notices
    return [(finding.rule, finding.suppressed is not None) for finding in analysis.findings]


def test_the_program_has_the_findings_that_are_shown(tmp_path):
    """The example is wrong in the way that its output says."""
    shown = re.findall(r"^example.py:\S+  \w+  ([a-z-]+) ", README, re.MULTILINE)

    assert [(rule, False) for rule in shown] == findings(PROGRAM, tmp_path)


def test_the_comments_silence_it(tmp_path):
    """The comments under "Silence it", in the example, leave nothing that is not silenced."""
    line, file = next(block for block in BLOCKS if "ignore-file" in block).splitlines()
    statement = line.split("  # ")[0]
    assert statement in PROGRAM
    silenced = findings(f"{file}\n{PROGRAM.replace(statement, line)}", tmp_path)

    assert [("logits-into-probability-loss", True), ("unscaled-inputs", True)] == silenced


@pytest.mark.parametrize("fact", next(block for block in BLOCKS if "np.load" in block).splitlines())
def test_the_facts_are_taken_up(fact, tmp_path):
    """The comments under "Tell it" are understood and belong to their statements."""
    assert [] == findings(f"import numpy as np\nimport tensorflow as tf\n{fact}\n", tmp_path)
