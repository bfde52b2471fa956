"""What elementwise operations do to ranges, sizes and activations. Pure functions on tensors."""

from __future__ import annotations

import math
from collections.abc import Callable

from trainlint.element_types import FLOATS
from trainlint.interpret.joins import _wider
from trainlint.program import dims
from trainlint.program.values import Tensor

KIND_OF_OPERATOR = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floordivide", "%": "modulo", "**": "power",
    "@": "matmul", "<": "compare", "<=": "compare", ">": "compare", ">=": "compare", "==": "compare", "!=": "compare",
    "&": "logical", "|": "logical", "^": "logical",
}  # fmt: skip

_FLOATS = FLOATS | {"float"}


def multiply_bounds(a: float, b: float) -> float:
    """a * b with 0 * inf = 0: an interval bound, not a limit."""
    return 0.0 if a == 0 or b == 0 else a * b


def binary(kind: str, a: Tensor, b: Tensor) -> Tensor:
    """The result of an elementwise operation with broadcasting; no operation is recorded here."""
    low, high = _bounds(kind, a, b)
    values = None
    if a.values is not None and b.values is not None and len(a.values) * len(b.values) <= 16:
        values = _values(kind, a.values, b.values)
    if kind in ("compare", "logical"):
        dtype: str | None = "bool" if kind == "compare" or a.dtype == b.dtype == "bool" else _dtype(kind, a, b)
        low, high, values = (0.0, 1.0, (0.0, 1.0)) if dtype == "bool" else (low, high, values)
    else:
        dtype = _dtype(kind, a, b)
        if dtype == "uint8" and (low is None or high is None or low < 0 or high > 255):
            low, high, values = 0.0, 255.0, None  # it begins anew
    library = "tf" if "tf" in (a.library, b.library) else "np" if "np" in (a.library, b.library) else "python"
    return Tensor(
        shape=dims.broadcast(a.shape, b.shape),
        dtype=dtype,
        low=low,
        high=high,
        rms=_rms(kind, a, b, low, high),
        values=values,
        activation=_activation(kind, a, b),
        library=library,
        grounds=a.grounds if a.grounds == b.grounds else "stated" if "stated" in (a.grounds, b.grounds) else "assumed",
        assumed=a.assumed + tuple(x for x in b.assumed if x not in a.assumed),
    )


def _dtype(kind: str, a: Tensor, b: Tensor) -> str | None:
    if a.library == "python" and b.library != "python" and b.dtype in _FLOATS:
        return b.dtype
    if b.library == "python" and a.library != "python" and a.dtype in _FLOATS:
        return a.dtype
    if kind == "divide" and a.dtype not in _FLOATS and b.dtype not in _FLOATS:
        return None if a.dtype is None or b.dtype is None else "float64"
    if "uint8" in (a.dtype, b.dtype) and (a.library, a.dtype) != (b.library, b.dtype):
        # A Python number becomes a byte.
        if (a.library, a.dtype) == ("python", "int") or (b.library, b.dtype) == ("python", "int"):
            return "uint8"
    return a.dtype if a.dtype == b.dtype else _wider(a.dtype, b.dtype)


def _bounds(kind: str, a: Tensor, b: Tensor) -> tuple[float | None, float | None]:
    if kind == "maximum" and (a.low is not None or b.low is not None):
        low = max(x for x in (a.low, b.low) if x is not None)
        return low, None if a.high is None or b.high is None else max(a.high, b.high)
    if kind == "minimum" and (a.high is not None or b.high is not None):
        high = min(x for x in (a.high, b.high) if x is not None)
        return None if a.low is None or b.low is None else min(a.low, b.low), high
    if kind == "power" and b.low is not None and b.low == b.high and b.low % 2 == 0 and b.low > 0 and not a.bounded:
        return 0.0, math.inf
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None, None
    if kind == "add":
        return a.low + b.low, a.high + b.high
    if kind == "subtract":
        if a.op is not None and a.op is b.op:
            return 0.0, 0.0
        return a.low - b.high, a.high - b.low
    if kind == "squared-difference":
        low, high = a.low - b.high, a.high - b.low
        return (0.0 if low <= 0 <= high else min(low * low, high * high)), max(low * low, high * high)
    if kind == "multiply":
        corners = [multiply_bounds(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
        return _clean(min(corners)), _clean(max(corners))
    if kind in ("divide", "floordivide") and (b.low > 0 or b.high < 0):
        corners = [
            x / y if not (math.isinf(x) and math.isinf(y)) else math.nan
            for x in (a.low, a.high)
            for y in (b.low, b.high)
        ]
        if any(math.isnan(c) for c in corners):
            return None, None
        low, high = min(corners), max(corners)
        return (low, high) if kind == "divide" else (_floor(low), _floor(high))
    if kind == "modulo" and b.low == b.high and b.low > 0:
        return 0.0, b.low - (1.0 if a.dtype in ("int", "int32", "int64", "uint8") else 0.0)
    if kind == "power" and b.low == b.high:
        return _power_bounds(a.low, a.high, b.low)
    return None, None


def _clean(x: float) -> float | None:
    return None if math.isnan(x) else x


def _floor(x: float) -> float:
    return x if math.isinf(x) else float(math.floor(x))


def _power_bounds(low: float, high: float, exponent: float) -> tuple[float | None, float | None]:
    try:
        ends = (low**exponent, high**exponent)
    except (OverflowError, ZeroDivisionError):
        return None, None
    if any(isinstance(e, complex) for e in ends) or (exponent < 0 and low <= 0 <= high):
        return None, None
    if exponent > 0 and exponent % 2 == 0 and low <= 0 <= high:
        return 0.0, max(ends)
    return min(ends), max(ends)


def _values(kind: str, a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, ...] | None:
    compute: dict[str, Callable[[float, float], float]] = {
        "add": lambda x, y: x + y, "subtract": lambda x, y: x - y, "multiply": lambda x, y: x * y,
        "maximum": max, "minimum": min, "divide": lambda x, y: x / y,
    }  # fmt: skip
    if kind not in compute:
        return None
    try:
        return tuple(sorted({compute[kind](x, y) for x in a for y in b}))
    except (ZeroDivisionError, OverflowError):
        return None


def _rms(kind: str, a: Tensor, b: Tensor, low: float | None, high: float | None) -> float | None:
    x, y = a.rms, b.rms
    try:
        if x is not None and y is not None:
            if kind in ("add", "subtract"):
                # A constant shift moves the mean; two random tensors add up as if independent.
                if b.low is not None and b.low == b.high and a.bounded and math.isfinite(a.high):  # type: ignore[arg-type]
                    return _shifted_rms(a, b.low if kind == "add" else -b.low)
                return math.hypot(x, y)
            if kind == "multiply":
                return x * y
            if kind == "divide" and b.low is not None and b.low == b.high and b.low != 0:
                return x / abs(b.low)
            if kind == "divide" and y:
                return x / y
            if kind == "squared-difference":
                return x * x + y * y
            if kind == "power" and b.low == b.high and b.low is not None:
                return x**b.low
    except (OverflowError, ZeroDivisionError):
        return None
    if kind in ("maximum", "minimum") and low is not None and high is not None:
        return max(abs(low), abs(high)) if math.isfinite(low) and math.isfinite(high) else None
    return None


def _shifted_rms(a: Tensor, shift: float) -> float | None:
    """The rms after adding a constant, with the mean taken at the middle of the range.

    Values whose rms says that most of them lie near 0, such as the pixels of digits, count as zeros and largest values.
    """
    assert a.low is not None and a.high is not None and a.rms is not None
    mean = (a.low + a.high) / 2
    if a.low == 0 < a.high and a.rms < mean:
        mean = a.rms * a.rms / a.high
    variance = max(a.rms * a.rms - mean * mean, 0.0)
    return math.sqrt(variance + (mean + shift) ** 2)


def _activation(kind: str, a: Tensor, b: Tensor) -> str | None:
    if kind in ("add", "subtract"):
        if "linear" in (a.activation, b.activation):
            return "linear"
        return None
    if kind in ("multiply", "divide"):
        # Scaling keeps a linear output linear; of anything else the range changes, so nothing is claimed.
        for tensor, other in ((a, b), (b, a)):
            if (
                tensor.activation == "linear"
                and other.activation is None
                and other.low is not None
                and other.low == other.high
            ):
                return "linear"
    return None


def scalar_rms(low: float | None, high: float | None) -> float | None:
    """The rms of a uniform distribution over [low, high], sqrt((a^2 + ab + b^2) / 3)."""
    if low is None or high is None or math.isinf(low) or math.isinf(high):
        return None
    return math.sqrt(max((low * low + low * high + high * high) / 3, 0.0))
