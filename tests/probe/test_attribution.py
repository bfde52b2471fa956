"""What a finding does in a program follows from its comparisons."""

from __future__ import annotations

import pytest

from trainlint.probe.attribution import CONTRIBUTING, HARMLESS, NECESSARY, SLOWS_DOWN, attribution
from trainlint.probe.verdict import CONFIRMED, INCONCLUSIVE, NOT_REPRODUCED, Comparison


def made(verdict: str, worse: float, better: float, steps: int = 800) -> Comparison:
    relative = (better - worse) / max(better, 0.1)
    return Comparison(verdict, steps, worse, better, relative, relative - 0.05, relative + 0.05, 1 / 32)


@pytest.mark.parametrize(
    ("final", "early", "expected"),
    [
        ([made(CONFIRMED, 0.0, 0.9), made(CONFIRMED, 0.05, 0.8)], [], NECESSARY),
        ([made(CONFIRMED, 0.6, 0.9), made(CONFIRMED, 0.6, 0.8)], [], CONTRIBUTING),
        ([made(NOT_REPRODUCED, 0.9, 0.92)] * 2, [made(CONFIRMED, 0.1, 0.9, 200)] * 2, SLOWS_DOWN),
        ([made(CONFIRMED, 0.7, 0.9)] * 2, [made(CONFIRMED, 0.1, 0.8, 200)] * 2, SLOWS_DOWN),
        ([made(NOT_REPRODUCED, 0.9, 0.92)] * 2, [made(NOT_REPRODUCED, 0.4, 0.4, 200)] * 2, HARMLESS),
        ([made(NOT_REPRODUCED, 0.4, 0.4, 200)] * 2, [], None),
        ([made(CONFIRMED, 0.0, 0.9), made(NOT_REPRODUCED, 0.8, 0.8)], [], None),
        ([made(INCONCLUSIVE, 0.8, 0.9)] * 2, [], None),
    ],
)
def test_attribution(final, early, expected):
    """Lost skill is necessary, some of it contributing; what is made up for only slowed; few steps acquit nobody."""
    assert attribution(final, early) == expected
