"""Runs named checks on request: a line with module and function in, a line with the outcome out.

It is run by an interpreter with a training framework, which need not have pytest.
"""

import json
import os
import sys
import traceback
from importlib import import_module
from importlib.util import find_spec


class Skip(Exception):
    """What a check needs is not installed here."""


def main():
    answers = os.fdopen(os.dup(1), "w")
    # Prints of frameworks must not stand between the answers.
    os.dup2(2, 1)
    sys.path[:0] = sys.argv[1:3]
    # As the worker does: Keras takes TensorFlow where nobody says otherwise.
    names = (name for name in ("tensorflow", "jax", "torch") if find_spec(name) is not None)
    os.environ.setdefault("KERAS_BACKEND", next(names, "tensorflow"))
    sys.modules["inside"] = sys.modules["__main__"]
    for line in sys.stdin:
        module, function = json.loads(line)
        answers.write(json.dumps(_outcome(module, function)) + "\n")
        answers.flush()


def _keras_3(module):
    """Raises Skip for a check that compares with Keras 3, where another one is installed or none."""
    with open(find_spec(module).origin, encoding="utf-8") as file:
        needed = "import keras" in file.read()
    if not needed:
        return
    try:
        from keras import ops  # noqa: F401
    except ImportError:
        raise Skip("Keras 3 is not installed") from None


def _outcome(module, function):
    try:
        _keras_3(module)
        getattr(import_module(module), function)()
    except Skip as skip:
        return ["skipped", str(skip)]
    except BaseException:
        return ["failed", traceback.format_exc()]
    return ["passed", ""]


if __name__ == "__main__":
    main()
