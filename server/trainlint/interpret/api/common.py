"""What several areas share: reading operands, spelling names, elementwise functions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trainlint.interpret import arrays
from trainlint.program import dims
from trainlint.program.values import UNKNOWN, Argument, Tensor, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Dim

ROOMS = ("tf", "tf.math", "tf.nn", "np", "keras.backend", "keras.ops", "math")
"""Where elementwise functions and reductions live."""


def spelled(*names: str, rooms: Iterable[str] = ROOMS) -> tuple[str, ...]:
    """All canonical spellings of functions that several packages offer: tf.exp, tf.math.exp, np.exp..."""
    return tuple(f"{room}.{name}" for room in rooms for name in names)


_OPERANDS = (
    "x",
    "input",
    "inputs",
    "input_tensor",
    "a",
    "tensor",
    "features",
    "logits",
    "value",
    "array",
    "values",
    "arr",
)


def operand_argument(call: ApiCall, index: int = 0, *names: str) -> Argument | None:
    """The argument that is the operand: by position, else by one of its usual names."""
    if index < len(call.arguments.positional):
        return call.arguments.positional[index]
    for name in names or _OPERANDS:
        if name in call.arguments.keywords:
            return call.arguments.keywords[name]
    return None


def operand(call: ApiCall, index: int = 0, *names: str) -> Value:
    """The value of the operand; the receiver for a method."""
    if call.receiver is not None and isinstance(call.receiver, Tensor):
        if index == 0:
            return call.receiver
        index -= 1
    argument = operand_argument(call, index, *names)
    return UNKNOWN if argument is None else call.machine.resolve(argument.value)


def tensor_operand(call: ApiCall, index: int = 0, *names: str) -> Tensor | None:
    return arrays.as_tensor(call.machine, operand(call, index, *names), call.place)


def library_of(call: ApiCall, *tensors: Tensor) -> str:
    """The library of a result: TensorFlow functions make tensors, NumPy functions arrays."""
    if call.symbol.name.startswith(("tf.", "keras.")):
        return "tf"
    if call.symbol.name.startswith(("np.", "sklearn.", "pandas.", "scipy.")):
        return "np"
    for tensor in tensors:
        if tensor.library == "tf":
            return "tf"
    return tensors[0].library if tensors else "np"


def is_scaled(tensor: Tensor) -> bool:
    """Whether all values are known to lie between -1 and 1."""
    return tensor.low is not None and tensor.high is not None and tensor.low >= -1 and tensor.high <= 1


def numpy_type(dtype: str | None) -> str | None:
    """NumPy's type for numbers of this one: those of Python get its widest."""
    return {"int": "int64", "float": "float64"}.get(dtype or "", dtype)


def tensor_type(dtype: str | None) -> str | None:
    """TensorFlow's type for numbers of this one: those of Python get 32 bits."""
    return {"int": "int32", "float": "float32"}.get(dtype or "", dtype)


_LIMITS = {
    "int8": (-128.0, 127.0), "uint8": (0.0, 255.0), "int16": (-32768.0, 32767.0), "uint16": (0.0, 65535.0),
}  # fmt: skip


def converted(tensor: Tensor, dtype: str | None, saturates: bool = False) -> Tensor:
    """The numbers of a tensor in another type: whole ones without their fraction, small types begin anew.

    With a type that is not known (None) they may be rounded or not.
    """
    if tensor.dtype == "bool" and tensor.values is None:
        tensor = tensor.replace(low=0.0, high=1.0, values=(0.0, 1.0))
    low, high, values = tensor.low, tensor.high, tensor.values
    if dtype is None:
        low = low if low is None or math.isinf(low) else float(math.floor(low))
        high = high if high is None or math.isinf(high) else float(math.ceil(high))
        return tensor.replace(dtype=None, low=low, high=high, values=values if _as_whole(values) else None)
    if dtype == "bool":
        zero = tensor.values is not None and tensor.values == (0.0,)
        return tensor.replace(dtype=dtype, low=0.0, high=0.0 if zero else 1.0, values=(0.0,) if zero else (0.0, 1.0))
    if not dtype.startswith(("int", "uint")):
        return tensor.replace(dtype=dtype)
    low = low if low is None or math.isinf(low) else float(math.trunc(low))
    high = high if high is None or math.isinf(high) else float(math.trunc(high))
    result = tensor.replace(dtype=dtype, low=low, high=high, values=_truncated(values))
    limits = _LIMITS.get(dtype)
    if limits is None or (low is not None and high is not None and limits[0] <= low and high <= limits[1]):
        return result
    if saturates:
        low = limits[0] if low is None else min(max(low, limits[0]), limits[1])
        high = limits[1] if high is None else min(max(high, limits[0]), limits[1])
        return result.replace(low=low, high=high, rms=None, values=None)
    return result.replace(low=limits[0], high=limits[1], rms=None, values=None)


def _truncated(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The numbers as whole ones; None when one of them is not finite."""
    if values is None or not all(v - v == 0 for v in values):
        return None
    return tuple(sorted({float(int(v)) for v in values}))


def _as_whole(values: tuple[float, ...] | None) -> bool:
    return values is not None and all(v.is_integer() for v in values)


def unknown_result(call: ApiCall, *inputs: Value, kind: str = "opaque", **attributes: object) -> Tensor:
    """A tensor of which nothing is known but what it was computed from."""
    return call.emit(kind, *inputs, output=Tensor(library=library_of(call)), **attributes)


def fresh(call: ApiCall, name: str, tag: str = "") -> Dim:
    """A number of rows, columns or classes that the code does not tell."""
    return dims.Symbol(name, (name, call.machine.identify(call.place, f"{name}{tag}")))
