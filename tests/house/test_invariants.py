"""Invariants of ARCHITECTURE.md that import rules cannot express."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "server" / "trainlint"

MODULES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}


def calls(tree: ast.AST) -> set[str]:
    """The names of all functions and methods that are called."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {function.id for function in functions if isinstance(function, ast.Name)} | {
        function.attr for function in functions if isinstance(function, ast.Attribute)
    }


def imports(tree: ast.AST) -> set[str]:
    """The modules that are imported, however late."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module)
    return found


def outside(*folders: str) -> list[str]:
    """The modules that lie in none of these folders."""
    return sorted(name for name in MODULES if not name.startswith(folders))


@pytest.mark.parametrize("name", outside("cli/", "probe/worker/"))
def test_only_the_command_line_prints(name):
    """Whatever goes to a standard stream goes through cli/."""
    assert "print" not in calls(MODULES[name])


READERS = {"read_text", "read_bytes", "open"}

OWN_FILES = {
    "batch/cluster_process.py",
    "tfapi/tables.py",
    "lsp/setaside.py",
    "probe/processes.py",
    "probe/results_cache.py",
    "probe/script/guard.py",
}
"""Read the package's own tables and notes, the system's list of processes and the null device, no file of a user."""


@pytest.mark.parametrize("name", outside("project/", "cli/", "probe/worker/"))
def test_only_project_reads_files(name):
    """Files of the user are read by project/ alone; cli/ writes them."""
    assert name in OWN_FILES or not READERS & calls(MODULES[name])


@pytest.mark.parametrize("name", outside("probe/worker/"))
def test_nothing_runs_user_code(name):
    """Nothing evaluates text of the user or loads a module of theirs."""
    named = {
        node.func.id for node in ast.walk(MODULES[name]) if isinstance(node, ast.Call) and hasattr(node.func, "id")
    }
    # The record builds an `__init__` from field names.
    allowed = {"exec"} if name == "record.py" else set()

    assert set() == {"eval", "exec"} & named - allowed
    assert "runpy" not in imports(MODULES[name])


@pytest.mark.parametrize("name", outside())
def test_no_dataclasses(name):
    """Records take the place of dataclasses: each of those costs most of a millisecond at the start."""
    assert "dataclasses" not in imports(MODULES[name])


@pytest.mark.parametrize("name", [name for name in outside() if name.startswith("rules/") and name.count("/") == 2])
def test_rules_know_no_rule(name):
    """A rule depends on no other rule: its result is its own."""
    others = {
        module for module in imports(MODULES[name]) if module.count(".") >= 3 and module.startswith("trainlint.rules.")
    }

    assert set() == {module for module in others if not module.rpartition(".")[2].startswith("_")}
