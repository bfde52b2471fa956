"""The generated tables are whole: everything in them can be read and leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import trainlint.tfapi
from trainlint.tfapi import GENERATIONS, resolve, signature, tables

TABLES = {
    "tf1": "tensorflow.compat.v1.",
    "tf2": "tensorflow.",
    "keras2": "tf_keras.",
    "keras3": "keras.",
    "numpy": "numpy.",
    "python": "",
}
# Names of Python itself that numpy once re-exported.
BUILTINS = {"numpy.float", "numpy.int", "numpy.object", "numpy.str"}


@pytest.mark.parametrize("table", TABLES)
def test_every_name_resolves(table: str):
    """
    Each name in a table is found again under its path, and its signature can be read.
    """
    paths = [TABLES[table] + name for name in tables.names(table)]
    found = {path: resolve(path, GENERATIONS[-1]) for path in paths}
    for symbol in found.values():
        if symbol is not None:
            signature(symbol, GENERATIONS[-1])
    lost = {path for path, symbol in found.items() if symbol is None or symbol.kind == "unknown"}

    assert len(paths) > 700
    assert set() == lost - BUILTINS


@pytest.mark.parametrize("table", TABLES)
def test_canonical_names_are_stable(table: str):
    """
    A canonical name is its own canonical name.
    """
    roots = {"tf": TABLES[table].rstrip(".") if table.startswith("tf") else "tensorflow", "np": "numpy"}
    roots["keras"] = "tf_keras" if table == "keras2" else "keras"
    unstable = []
    for name in tables.names(table):
        symbol = resolve(TABLES[table] + name, GENERATIONS[-1])
        assert symbol is not None
        root, dot, rest = symbol.name.partition(".")
        again = resolve(roots.get(root, root) + dot + rest, GENERATIONS[-1])
        if symbol.kind != "unknown" and (again is None or again.name != symbol.name):
            unstable.append((symbol.path, symbol.name, again and again.name))

    assert unstable == []


def test_tables_tell_their_source():
    """
    Each table names the versions that it was made from.
    """
    for table in TABLES:
        assert all(
            library in tables.made_from(table) for library in ("tensorflow 2.", "keras 3.", "tf_keras 2.", "numpy ")
        )


def test_tables_are_small():
    """
    The tables travel with the editor extension, so they stay below 1.5 MB.
    """
    folder = Path(trainlint.tfapi.__file__).parent / "tables"

    assert sum(file.stat().st_size for file in folder.rglob("*.json")) < 1_500_000
