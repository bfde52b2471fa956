"""Analysing again after an edit gives exactly what a fresh analysis gives."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from bench.edits import edits

from trainlint.analysis import Analysis, analyse
from trainlint.config import Config
from trainlint.project import Project

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
PROGRAMS = sorted(FIXTURES.rglob("*.py"))
EDITS = 4


def told(analysis: Analysis) -> Any:
    """Everything that an analysis says."""
    findings = [(f.rule, f.severity, f.message, f.world, f.fingerprint) for f in analysis.findings]
    places = [analysis.location(f.place) for f in analysis.findings]
    traces = [[(s.message, analysis.location(s.place)) for s in f.trace] for f in analysis.findings]
    models = [(m.understood, m.missing, analysis.location(m.place)) for m in analysis.models]
    return findings, places, traces, models, [(n.kind, n.line, n.message) for n in analysis.notices]


@pytest.mark.parametrize("file", PROGRAMS[::4], ids=lambda file: file.relative_to(FIXTURES).as_posix())
def test_editing_equals_a_fresh_analysis(file):
    """After each of a few random edits, broken states included."""
    project, config = Project(str(file.parent)), Config()
    text = file.read_text(encoding="utf-8")
    analysis = analyse(text.encode(), str(file), project, config)
    dice = random.Random(file.name)
    for _ in range(EDITS):
        text = next(edits(text, 1, seed=dice.randrange(10**9)))
        analysis = analyse(text.encode(), str(file), project, config, analysis)
        fresh = analyse(text.encode(), str(file), project, config)

        assert told(fresh) == told(analysis)
