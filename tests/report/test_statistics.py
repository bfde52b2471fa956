"""How often each rule found something."""

from __future__ import annotations

from trainlint.report.formats import Context
from trainlint.report.places import Places
from trainlint.report.statistics import report


def test_rules_are_counted(seed):
    """The most frequent rule comes first, then the graver one; the outcome stands below."""
    lines = report([seed.entry()], Context(1, Places, lambda: ())).splitlines()

    assert [
        "2  warning  dtype-passed-as-trainable  in 1 file  2 with a safe fix",
        "1  error    silent-loss-broadcast      in 1 file",
        "1  info     oversized-initial-weights  in 1 file",
        "",
        "Found 1 error, 2 warnings and 1 info in 1 file.",
        "1 model: understood",
    ] == lines
