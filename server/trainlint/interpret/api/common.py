"""What several areas share: reading operands, spelling names, elementwise functions."""

from __future__ import annotations

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


def unknown_result(call: ApiCall, *inputs: Value, kind: str = "opaque", **attributes: object) -> Tensor:
    """A tensor of which nothing is known but what it was computed from."""
    return call.emit(kind, *inputs, output=Tensor(library=library_of(call)), **attributes)


def fresh(call: ApiCall, name: str, tag: str = "") -> Dim:
    """A number of rows, columns or classes that the code does not tell."""
    return dims.Symbol(name, (name, call.machine.identify(call.place, f"{name}{tag}")))
