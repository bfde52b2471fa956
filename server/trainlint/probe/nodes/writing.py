"""An operation that is written as a node: what its inputs, arguments and attributes are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainlint.probe.refusal import NotCarried
from trainlint.program.dims import Symbol
from trainlint.program.values import Const, Dimension, Ref, Tensor, Tuple, Value
from trainlint.program.weights import constant

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json
    from trainlint.probe.network import Exporter
    from trainlint.program.operations import Operation

Input = "str | float"


class Writing:
    """One operation that is being written."""

    def __init__(self, exporter: Exporter, operation: Operation) -> None:
        self.exporter = exporter
        self.program = exporter.program
        self.operation = operation

    @property
    def inputs(self) -> tuple[Value, ...]:
        return self.operation.inputs

    @property
    def base(self) -> str:
        """The last part of the name of the function or class: "conv2d", "Conv2D"."""
        symbol = self.operation.symbol
        return (symbol.name if symbol is not None else self.operation.name).rsplit(".", 1)[-1]

    def refuse(self, reason: str) -> NotCarried:
        return NotCarried(reason, self.operation.place)

    def input(self, index: int = 0) -> Any:
        """The name of an input's node, or its number."""
        if index >= len(self.inputs):
            raise self.refuse(f"an operand of `{self.base}` is unknown")
        return self.exporter.input(self.inputs[index], self.operation)

    def all_inputs(self) -> list[Any]:
        return [self.input(index) for index in range(len(self.inputs))]

    def tensor(self, index: int = 0) -> Tensor:
        value = self.program.tensor(self.inputs[index]) if index < len(self.inputs) else None
        if value is None:
            raise self.refuse(f"an operand of `{self.base}` is unknown")
        return value

    def rank(self, index: int = 0) -> int:
        rank = self.tensor(index).rank
        if rank is None:
            raise self.refuse(f"the shape that `{self.base}` gets is unknown")
        return rank

    def shape(self) -> list[Any]:
        """The shape of the result."""
        return self.exporter.amounts.shape(self.operation.output.shape, self.operation.place)

    def attribute(self, name: str) -> Any:
        return self.plain(self.operation.attributes.get(name), name)

    def argument(self, *names: str, default: Any = None) -> Any:
        """The value of an argument as Python knows it, `default` where it is not given."""
        for name in names:
            found = self.operation.arguments.get(name)
            if found is not None:
                value = self.plain(found.value, name)
                return default if value is None else value
        return default

    def plain(self, value: Any, name: str = "an argument") -> Any:
        """A known value as a Python number, string, tuple or None."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (tuple, list)):
            return tuple(self.plain(item, name) for item in value)
        if isinstance(value, Const):
            return value.value
        if isinstance(value, Symbol):
            return self.exporter.amounts.number(value, self.operation.place)
        if isinstance(value, Dimension):
            return self.exporter.amounts.number(value.dim, self.operation.place)
        if isinstance(value, Tuple):
            return tuple(self.plain(item, name) for item in value.items)
        if isinstance(value, Ref):
            items = self.program.items(value)
            if items != (value,):
                return tuple(self.plain(item, name) for item in items)
        if isinstance(value, Tensor):
            number = constant(value)
            if number is not None:
                return int(number) if value.dtype and value.dtype.startswith("int") else number
        raise self.refuse(f"`{name}` of `{self.base}` is unknown")

    def spatial(self, value: Any, rank: int) -> list[int]:
        """A window argument with one number for each spatial axis; TensorFlow 1 gives the other axes too."""
        numbers = [value] * rank if isinstance(value, int) else list(value)
        if len(numbers) == 1:
            numbers *= rank
        if len(numbers) == rank + 2:
            numbers = numbers[2:] if self.data_format() == "first" else numbers[1:-1]
        if len(numbers) != rank or not all(isinstance(n, int) for n in numbers):
            raise self.refuse(f"a window of `{self.base}` is unknown")
        return numbers

    def data_format(self) -> str:
        name = str(self.argument("data_format", default=""))
        return "first" if name.startswith(("NC", "channels_first")) else "last"

    def padding(self, default: str = "valid") -> str:
        given = self.argument("padding", default=default)
        if not isinstance(given, str):
            raise self.refuse(f"the padding of `{self.base}` is a list")
        return given.lower()


Writer = Callable[[Writing], "Json"]

WRITERS: dict[str, Writer] = {}

SPELLED = {"silu": "swish", "hard_silu": "hard_swish"}
"""Activations that the experiment format names otherwise than the program model."""


def writes(*kinds: str) -> Callable[[Writer], Writer]:
    def register(writer: Writer) -> Writer:
        for kind in kinds:
            WRITERS[kind] = writer
        return writer

    return register
