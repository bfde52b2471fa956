"""Starts a recorded run: `python start.py DESCRIPTOR`, where the descriptor holds the orders as JSON."""

from __future__ import annotations

import sys

_LOADED_BY_PYTHON = frozenset(sys.modules)

_HERE = __file__.rpartition("/")[0]
# Python put this folder in front: a module of the user may have the name of one of ours.
sys.path[:] = [entry for entry in sys.path if entry != _HERE]

import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402


def main() -> None:
    """Reads the orders and follows them; never returns."""
    descriptor = int(sys.argv[1])
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        orders = json.loads(stream.read().decode("utf-8"))
    # A private name, since "recording" may be a module of the user.
    spec = importlib.util.spec_from_file_location(
        "_trainlint_recording", os.path.join(_HERE, "__init__.py"), submodule_search_locations=[_HERE]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["_trainlint_recording"] = package
    spec.loader.exec_module(package)
    program = importlib.import_module("_trainlint_recording.program")
    program.record(orders, _LOADED_BY_PYTHON)


if __name__ == "__main__":
    main()
