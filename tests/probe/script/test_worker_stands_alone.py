"""The side that runs in the user's interpreter needs nothing of the package, and no newer Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import trainlint

FOLDER = Path(trainlint.__file__).parent / "probe" / "worker" / "recording"

MODULES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_syntax_is_that_of_python_3_8(path):
    """The user's interpreter may be that old."""
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_stay_inside(path):
    """It imports the standard library and its own folder; backends are imported by the program alone."""
    import sys

    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert set() == {alias.name.partition(".")[0] for alias in node.names} - sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.module or "").partition(".")[0] in sys.stdlib_module_names
