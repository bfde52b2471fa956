"""Runs programs with the real TensorFlow and says what their variables are; started by `reference.py`.

Reads a JSON list of program texts from its input and writes one JSON list to its output: for each program the shape,
the smallest and largest number and the different numbers of each variable, as far as it has them, the trainable
parameters of `model`, and the error that ended the program, if one did.
"""

from __future__ import annotations

import ast
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def run(text):
    """What the variables of one program are after it ran, up to the statement that fails."""
    names: dict = {"__name__": "program"}
    error = None
    try:
        for statement in ast.parse(text).body:
            exec(compile(ast.Module([statement], []), "program", "exec"), names)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    found = {"error": error, "variables": {}, "parameters": None}
    for name, value in names.items():
        if name.startswith("_"):
            continue
        for part, item in parts(name, value):
            if type(item) in (bool, int, float):
                low = float(item)
                found["variables"][part] = {"shape": [], "low": low, "high": low, "values": [low]}
            elif hasattr(item, "shape") and hasattr(item, "dtype"):
                try:
                    found["variables"][part] = facts(item)
                except Exception:
                    continue
    model = names.get("model")
    if error is None and hasattr(model, "trainable_weights"):
        try:
            found["parameters"] = sum(size(weight.shape) for weight in model.trainable_weights)
        except Exception:
            found["parameters"] = None
    return found


def parts(name, value):
    """A variable, or the items of one that is a short list or tuple."""
    if type(value).__name__ == "TensorShape" and value.rank is not None:
        value = value.as_list()
    if not isinstance(value, (list, tuple)) or hasattr(value, "shape"):
        return [(name, value)]
    return [(f"{name}[{index}]", item) for index, item in enumerate(value[:8])]


def facts(value):
    """Shape and type of an array or tensor, and the numbers of one that has them."""
    import numpy

    # A dimension of TensorFlow 1 is an object around its number.
    known = {"shape": [None if getattr(d, "value", d) is None else int(d) for d in value.shape]}
    if hasattr(value, "numpy") or isinstance(value, (numpy.ndarray, numpy.generic)):
        numbers = numpy.asarray(value)
        known["dtype"] = str(numbers.dtype)
        if numbers.size and numbers.dtype.kind in "fiub":
            numbers = numbers.astype("float64")
            known["low"], known["high"] = float(numbers.min()), float(numbers.max())
            different = numpy.unique(numbers)
            known["values"] = different.tolist() if different.size <= 20 else None
    return known


def size(shape):
    total = 1
    for dim in shape:
        total *= int(dim)
    return total


if __name__ == "__main__":
    # What the programs print must not end up between the results.
    results, sys.stdout = sys.stdout, sys.stderr
    json.dump([run(text) for text in json.load(sys.stdin)], results)
