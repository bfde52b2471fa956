"""The worker's folder stands alone: any Python from 3.8 on runs it, without the rest of the package."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from trainlint.probe.processes import WORKER_FOLDER

FRAMEWORKS = {"numpy", "tensorflow", "keras", "tf_keras", "jax", "jaxlib", "torch", "optree"}

FILES = sorted(path.relative_to(WORKER_FOLDER).as_posix() for path in WORKER_FOLDER.rglob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_imports_nothing_of_ours(name):
    """Only the standard library, frameworks and the folder's own modules are imported."""
    path = WORKER_FOLDER / name
    depth = len(Path(name).parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"), feature_version=(3, 8))):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= depth
            continue
        if isinstance(node, ast.Import):
            modules = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules = {(node.module or "").partition(".")[0]}
        else:
            continue
        assert set() == modules - FRAMEWORKS - sys.stdlib_module_names
