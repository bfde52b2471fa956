"""What is computed for each element: arithmetic, functions, activations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.probe.nodes.writing import SPELLED, Writing, writes

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json


@writes("add", "multiply", "subtract", "divide", "floordivide", "modulo", "power", "maximum", "minimum")
def _elementwise(w: Writing) -> Json:
    inputs = w.all_inputs()
    if w.base == "Rescaling":
        scaled = w.exporter.add("multiply", {"inputs": [inputs[0], w.argument("scale", default=1.0)]})
        return {"op": "add", "inputs": [scaled, w.argument("offset", default=0.0)]}
    if w.base == "Average":
        total = w.exporter.add("add", {"inputs": inputs})
        return {"op": "divide", "inputs": [total, float(len(inputs))]}
    if len(inputs) == 1 and w.operation.kind == "add":
        return {"op": "identity", "inputs": inputs}
    if len(inputs) < 2:
        raise w.refuse(f"an operand of `{w.base}` is unknown")
    # A bias over the second axis, which broadcasting would put on the last one.
    if w.data_format() == "first" and w.operation.kind == "add" and w.rank(1) == 1 and w.rank(0) > 2:
        shape = [1, -1] + [1] * (w.rank(0) - 2)
        inputs[1] = w.exporter.add("reshape", {"inputs": [inputs[1]], "target": shape})
    return {"inputs": inputs}


@writes("squared-difference", "negative", "square", "sqrt", "exp", "abs", "round", "floor", "ceil", "sign", "select")
def _same(w: Writing) -> Json:
    return {"inputs": w.all_inputs()}


@writes("log")
def _log(w: Writing) -> Json:
    base = {"log2": 2.0, "log10": 10.0}.get(str(w.operation.attributes.get("function")))
    if base is None:
        return {"inputs": [w.input()]}

    return {"op": "divide", "inputs": [w.exporter.add("log", {"inputs": [w.input()]}), math.log(base)]}


@writes("elementwise")
def _function(w: Writing) -> Json:
    return {"inputs": w.all_inputs(), "function": str(w.operation.attributes.get("function")).replace("_", "-")}


@writes("clip")
def _clip(w: Writing) -> Json:
    low = w.argument("clip_value_min", "a_min", "min_value", "x_min", "min")
    high = w.argument("clip_value_max", "a_max", "max_value", "x_max", "max")
    if "norm" in w.base or (low is None and high is None):
        raise w.refuse(f"`{w.base}` is not rebuilt")
    node: Json = {"inputs": [w.input()]}
    if low is not None:
        node["low"] = low
    if high is not None:
        node["high"] = high
    return node


@writes("compare", "logical")
def _compare(w: Writing) -> Json:
    operator = str(w.operation.attributes.get("operator") or "")
    named = {"logical_and": "and", "logical_or": "or", "&": "and", "|": "or"}
    operator = named.get(operator, operator)
    if not operator:
        operator = "not" if w.operation.kind == "logical" else ""
    if not operator:
        raise w.refuse(f"`{w.base}` is not rebuilt")
    return {"inputs": w.all_inputs(), "operator": operator}


@writes("cast")
def _cast(w: Writing) -> Json:
    return {"inputs": [w.input()], "dtype": w.operation.output.dtype or "float32"}


@writes("activation")
def _activation(w: Writing) -> Json:
    function = w.operation.attributes.get("function")
    if not isinstance(function, str):
        raise w.refuse("an activation is unknown")
    function = SPELLED.get(function, function)
    node: Json = {"inputs": w.all_inputs(), "function": function}
    axis = w.operation.attributes.get("axis")
    if function in ("softmax", "log_softmax"):
        node["axis"] = axis if isinstance(axis, int) else -1
    if function == "leaky_relu":
        # 0.3 in the layer of Keras, 0.2 in the functions.
        node["alpha"] = w.argument("negative_slope", "alpha", default=0.3 if w.base == "LeakyReLU" else 0.2)
    elif function in ("elu", "celu") and w.base in ("ELU", "elu"):
        node["alpha"] = w.argument("alpha", default=1.0)
    elif function == "relu" and w.base in ("ReLU", "relu", "ThresholdedReLU"):
        for ours, theirs, usual in (("alpha", ("negative_slope", "alpha"), 0.0), ("max_value", ("max_value",), None),
                                    ("threshold", ("threshold", "theta"), 0.0)):  # fmt: skip
            value = w.argument(*theirs, default=usual)
            if value != usual:
                node[ours] = value
    return node
