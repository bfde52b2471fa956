"""Starts the worker from its folder: `python -E FOLDER REQUESTS ANSWERS IDLE`.

Older versions of Python get as far as this file, so it is written for all of them.
"""

import json
import os
import sys

OLDEST = (3, 8)
PACKAGE = "trainlint_worker"


def start():
    # type: () -> None
    """Serves until there is nothing to serve."""
    folder = os.path.dirname(os.path.abspath(__file__))
    # Python puts the folder that it runs in front of everything: a module of ours would hide a library's.
    sys.path[:] = [entry for entry in sys.path if entry and os.path.abspath(entry) != folder]
    requests, answers, idle = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    if sys.version_info < OLDEST:
        hello = {"type": "hello", "python": list(sys.version_info[:3]), "too_old": list(OLDEST)}
        os.write(answers, json.dumps(hello).encode("ascii") + b"\n")
        return
    import importlib
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    importlib.import_module(PACKAGE + ".service").serve(requests, answers, idle)


if __name__ == "__main__":
    start()
