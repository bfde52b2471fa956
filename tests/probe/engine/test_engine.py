"""The checks in ``check_*.py``, run inside of interpreters that have a training framework.

The files are read and not imported: the environment of the package has none of what they need.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Interpreter

HERE = Path(__file__).parent


LONG = ("check_data",)
"""They train networks of every kind on every kind of data, which takes minutes; `make nightly` runs them."""


def checks() -> list[tuple[str, str]]:
    """Module and name of every check."""
    found = []
    for path in sorted(HERE.glob("check_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("check_")]
        found += [(path.stem, name) for name in names]
    return found


def interpreters() -> list[str]:
    first = os.environ.get("TRAINLINT_PROBE_PYTHON", "")
    others = os.environ.get("TRAINLINT_PROBE_OTHER_PYTHONS", "").split(os.pathsep)
    return [python for python in (first, *others) if python]


@pytest.mark.skipif(not interpreters(), reason="TRAINLINT_PROBE_PYTHON names no interpreter with a framework")
@pytest.mark.parametrize(("module", "check"), checks())
@pytest.mark.parametrize("number", range(max(1, len(interpreters()))))
def test_inside(interpreter: Callable[[str], Interpreter], number: int, module: str, check: str) -> None:
    """
    What the docstring of the check says.
    """
    if module in LONG and not os.environ.get("TRAINLINT_PROBE_LONG"):
        pytest.skip("a long check; TRAINLINT_PROBE_LONG asks for it")
    outcome, text = interpreter(interpreters()[number]).run(module, check)

    if outcome == "skipped":
        pytest.skip(text)
    assert "passed" == outcome, text
