"""How weights start: the distribution that the initial value of a variable is drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainlint.probe.refusal import NotCarried
from trainlint.program.values import Const, Tensor
from trainlint.program.weights import constant, factor_of

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value

TRUNCATED = 0.87962566103423978
"""The standard deviation of a normal distribution that is cut at two: what schemes with a fan divide by."""

_PASSING = frozenset(("identity", "cast", "reshape", "transpose", "stop-gradient"))

_SCHEMES = {"glorot": (1.0, "avg"), "xavier": (1.0, "avg"), "he": (2.0, "in"), "lecun": (1.0, "in")}
"""Scale and fan of the initializers that look at the shape (Glorot and Bengio 2010; He et al. 2015)."""


def initial_value(program: Program, value: Value, shape: Sequence[int]) -> Json:
    """The distribution of an initial value; raises NotCarried where it is not known."""
    factor = 1.0
    for _ in range(16):
        operation = program.operation(value)
        if operation is None:
            number = constant(value)
            if number is None:
                break
            return _constant(number * factor)
        scaled = factor_of(operation)
        if scaled is not None:
            index, by = scaled
            factor, value = factor * by, operation.inputs[index]
        elif operation.kind in _PASSING and operation.inputs:
            value = operation.inputs[0]
        else:
            found = _drawn(operation, shape)
            if found is not None:
                return _scaled(found, factor)
            break
    tensor = program.tensor(value)
    if tensor is not None and tensor.rms is not None and math.isfinite(tensor.rms):
        return {"distribution": "normal", "mean": 0.0, "stddev": tensor.rms * abs(factor)}
    raise NotCarried("how a weight starts is unknown")


def _drawn(operation: Operation, shape: Sequence[int]) -> Json | None:
    given = operation.attributes
    kind = given.get("distribution")
    if operation.kind == "constant" or kind == "constant":
        number = given.get("value")
        number = number if isinstance(number, (int, float)) else constant(operation.output)
        return None if number is None else _constant(float(number))
    if operation.kind != "random":
        return None
    if kind in ("normal", "truncated"):
        mean, stddev = _number(given.get("mean")), _number(given.get("stddev"))
        return None if mean is None or stddev is None else {"distribution": kind, "mean": mean, "stddev": stddev}
    if kind == "uniform":
        low, high = _number(given.get("low")), _number(given.get("high"))
        return None if low is None or high is None else {"distribution": "uniform", "low": low, "high": high}
    if kind == "fan":
        return _adapted(str(given.get("scheme")), operation.output, shape)
    if kind in ("orthogonal", "identity"):
        return {"distribution": kind, "gain": 1.0}
    return None


def _adapted(scheme: str, tensor: Tensor, shape: Sequence[int]) -> Json | None:
    """An initializer that looks at the fans, with the numbers that it comes to for a shape."""
    known = next((found for name, found in _SCHEMES.items() if scheme.startswith(name)), None)
    if known is None:
        stddev = tensor.rms
    else:
        scale, mode = known
        fan_in, fan_out = fans(shape)
        stddev = math.sqrt(scale / max(1.0, fan_in if mode == "in" else (fan_in + fan_out) / 2))
    if stddev is None or not math.isfinite(stddev):
        return None
    if scheme.endswith("uniform"):
        limit = stddev * math.sqrt(3)
        return {"distribution": "uniform", "low": -limit, "high": limit}
    return {"distribution": "truncated", "mean": 0.0, "stddev": stddev / TRUNCATED}


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """Fan-in and fan-out of a kernel, as Keras computes them: the last two axes times the receptive field."""
    if not shape:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    field = math.prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])


def _scaled(found: Json, factor: float) -> Json:
    if factor == 1.0:
        return found
    scaled: Json = {key: value * factor if isinstance(value, float) else value for key, value in found.items()}
    if factor < 0:
        if "low" in scaled:
            scaled["low"], scaled["high"] = scaled["high"], scaled["low"]
        if "stddev" in scaled:
            scaled["stddev"] = -scaled["stddev"]
    return scaled


def _constant(number: float) -> Json:
    return {"distribution": "constant", "value": number}


def _number(value: Any) -> float | None:
    if isinstance(value, Const):
        value = value.value
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
