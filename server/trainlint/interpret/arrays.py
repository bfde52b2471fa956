"""Reading Python values as arrays, shapes and dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainlint.interpret.joins import as_number, join_shape, join_tensors
from trainlint.program.dims import Dim, Shape, Symbol
from trainlint.program.values import (
    ApiObject,
    Const,
    DictRecord,
    Dimension,
    InstanceRecord,
    ListRecord,
    Range,
    Ref,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place


def as_tensor(machine: Machine, value: Value | None, place: Place | None = None) -> Tensor | None:
    """A number, list, tuple, range or tensor as a Tensor; None when it is not known to be one."""
    if value is None:
        return None
    value = machine.resolve(value)
    number = as_number(value)
    if number is not None:
        return number
    if isinstance(value, Tuple):
        return _stack(machine, value.items, len(value.items))
    if isinstance(value, Range):
        return _range(value)
    if isinstance(value, Stream):
        return _stack_element(machine, value.element, value.length)
    if isinstance(value, Unknown) and isinstance(value.origin, tuple) and value.origin[:1] in (("int",), ("float",)):
        return Tensor(shape=(), dtype=value.origin[0], library="python", assumed=value.assumed)
    record = machine.get(value)
    if isinstance(record, ListRecord):
        if record.items is not None:
            return _stack(machine, record.items, len(record.items))
        return _stack_element(machine, record.element, record.length)
    if isinstance(record, ApiObject) and isinstance(record.fields.get("tensor"), Tensor):
        return record.fields["tensor"]
    return None


def plain(machine: Machine, value: Value) -> Value:
    """A table, also one in a tuple, as the array that it is fed as; any other value as it is."""
    if type(value) is Tuple:
        return value.replace(items=tuple(plain(machine, machine.resolve(item)) for item in value.items))
    record = machine.get(value) if isinstance(value, Ref) else None
    is_table = isinstance(record, ApiObject) and record.kind == "frame"
    return (as_tensor(machine, value) or value) if is_table else value


def _range(value: Range) -> Tensor | None:
    start, stop = as_number(value.start), as_number(value.stop)
    if start is None or stop is None or start.low is None or stop.high is None:
        return Tensor(shape=(None,), dtype="int", library="python")
    length: Dim = None
    if isinstance(value.start, Const) and isinstance(value.stop, Const) and isinstance(value.step, Const):
        try:
            numbers = range(value.start.value, value.stop.value, value.step.value)
            length = len(numbers)
            if numbers:
                low, high = sorted((float(numbers[0]), float(numbers[-1])))
                return Tensor(shape=(length,), dtype="int", low=low, high=high, library="python")
        except (TypeError, ValueError, OverflowError):
            length = None
    low, high = start.low, stop.high - 1
    if not (isinstance(value.step, Const) and isinstance(value.step.value, int) and value.step.value > 0):
        # It may count down.
        if start.high is None or stop.low is None:
            return Tensor(shape=(length,), dtype="int", library="python")
        low, high = min(low, stop.low), max(start.high, high)
    return Tensor(shape=(length,), dtype="int", low=low, high=high, library="python")


def _stack_element(machine: Machine, element: Value | None, length: Dim) -> Tensor | None:
    inner = as_tensor(machine, element) if element is not None else None
    if inner is None:
        return None
    shape = None if inner.shape is None else (length, *inner.shape)
    return inner.replace(shape=shape, library="np", encoding=None, activation=None)


def _stack(machine: Machine, items: tuple[Value, ...], length: Dim) -> Tensor | None:
    if not items:
        return Tensor(shape=(0,), dtype="float64", library="np")
    joined: Tensor | None = None
    sizes: list[float | None] = []
    for item in items[:256]:
        tensor = as_tensor(machine, item)
        if tensor is None:
            return None
        sizes.append(tensor.rms)
        if joined is None:
            joined = tensor
        else:
            shape = join_shape(joined.shape, tensor.shape)
            joined = join_tensors(joined, tensor).replace(shape=shape)
    assert joined is not None
    if len(items) > 256:
        joined = joined.replace(low=None, high=None, values=None, rms=None)
    elif joined.rms is not None:
        squares = [size * size for size in sizes if size is not None]
        joined = joined.replace(rms=math.sqrt(sum(squares) / len(squares)))
    shape = None if joined.shape is None else (length, *joined.shape)
    library = joined.library if joined.library == "tf" else "np"
    return joined.replace(shape=shape, library=library, encoding=None)


def as_shape(machine: Machine, value: Value | None) -> Shape:
    """A shape argument: an int, a tuple or list of ints and Nones, `tf.TensorShape`, another tensor's shape."""
    if value is None:
        return None
    value = machine.resolve(value)
    if isinstance(value, (Const, Dimension)):
        dim = as_dim(value)
        return None if dim is None else (dim,)
    items: tuple[Value, ...] | None = None
    if isinstance(value, Tuple):
        items = value.items
    record = machine.get(value)
    if isinstance(record, ListRecord):
        items = record.items
        if items is None:
            return None
    if isinstance(record, ApiObject):
        return record.fields.get("shape")
    if isinstance(value, Tensor):
        # A tensor used as a shape: `tf.shape(x)` keeps the dimensions in its operation.
        operation = machine.operation(value)
        if operation is not None and "shape" in operation.attributes:
            return operation.attributes["shape"]
        return None
    if items is None:
        return None
    return tuple(as_dim(machine.resolve(item)) for item in items)


def as_dim(value: Value) -> Dim:
    """An int, a symbol for an unknown number that has a name, or None."""
    if isinstance(value, Const):
        number = value.value
        if isinstance(number, bool):
            return None
        if isinstance(number, float) and number.is_integer():
            return int(number)
        return number if isinstance(number, int) else None
    if isinstance(value, Dimension):
        return value.dim
    if isinstance(value, Unknown) and value.origin is not None:
        return Symbol(show_origin(value.origin), value.origin)
    if isinstance(value, Tensor) and value.shape == () and value.low is not None and value.low == value.high:
        return int(value.low) if float(value.low).is_integer() else None
    return None


def dim_value(dim: Dim) -> Value:
    """A dimension as a Python value."""
    if isinstance(dim, int):
        return Const(value=dim)
    if isinstance(dim, Symbol):
        return Dimension(dim=dim)
    return Tensor(shape=(), dtype="int", low=0, high=math.inf, library="python")


def show_origin(origin: Any) -> str:
    """An unknown value as the author wrote it: `cfg.layers`, `num_features`, `len(words)`."""
    if isinstance(origin, tuple) and origin:
        kind = origin[0]
        if kind == "name":
            return str(origin[1])
        if kind == "const":
            return repr(origin[2])
        if kind == "attr":
            return f"{show_origin(origin[1])}.{origin[2]}"
        if kind == "item":
            return f"{show_origin(origin[1])}[{show_origin(origin[2])}]"
        if kind == "rows":
            return f"{show_origin(origin[1])}[rows]"
        if kind == "call":
            return f"{origin[1]}()"
        if kind == "parameter":
            return str(origin[1])
        if kind == "len":
            return f"len({show_origin(origin[1])})"
        if kind in ("int", "float"):
            return show_origin(origin[1])
        if len(origin) == 3 and isinstance(kind, str) and not kind.isalpha():
            return f"{show_origin(origin[1])}{kind}{show_origin(origin[2])}"
        return str(kind)
    return str(origin)


def parts_in(machine: Machine, value: Value) -> tuple[Value, ...]:
    """What a list of tensors is made of, for an operation on it: tensors, and what is not known of it."""
    value = machine.resolve(value)
    record = machine.get(value) if isinstance(value, Ref) else None
    items: tuple[Value, ...] = (value,)
    if isinstance(value, Tuple):
        items = value.items
    elif isinstance(record, ListRecord):
        items = (*(record.items or ()), *(() if record.element is None else (record.element,)))
    return tuple(as_tensor(machine, item) or machine.resolve(item) for item in items)


def tensors_in(machine: Machine, value: Value, depth: int = 0) -> Iterator[Tensor]:
    """All tensors with an operation inside a value: through lists, tuples, dicts and objects."""
    value = machine.resolve(value)
    if isinstance(value, Tensor):
        if value.op is not None:
            yield value
        return
    if depth > 4:
        return
    children: list[Value] = []
    if isinstance(value, Tuple):
        children = list(value.items)
    elif isinstance(value, Stream):
        children = [value.element]
    elif isinstance(value, Ref):
        record = machine.get(value)
        if isinstance(record, ListRecord):
            children = list(record.items or ()) + ([record.element] if record.element is not None else [])
        elif isinstance(record, DictRecord):
            children = [item for pair in record.items for item in pair]
        elif isinstance(record, InstanceRecord):
            children = list(record.attributes.values())
        elif isinstance(record, ApiObject) and isinstance(record.fields.get("tensor"), Tensor):
            children = [record.fields["tensor"]]
    for child in children:
        yield from tensors_in(machine, child, depth + 1)
