"""Columns of pandas tables, which are arrays of rank 1: what only they can do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.interpret import arrays, calls
from trainlint.interpret.api.call import ApiCall, Arguments, dtype_name
from trainlint.interpret.api.common import fresh
from trainlint.interpret.api.registry import attribute, method
from trainlint.interpret.machine import unknown
from trainlint.program.values import NONE, Argument, DictRecord, Function, Tensor, Tuple, Value

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place


@attribute("array", "iloc", "cat")
def itself(machine: Machine, tensor: Tensor, place: Place) -> Value:
    """Rows by number are those of the array."""
    return tensor


@attribute("array", "codes")
def codes(machine: Machine, tensor: Tensor, place: Place) -> Value:
    """The numbers of the categories of a column."""
    output = Tensor(shape=tensor.shape, dtype="int8", encoding="class-ids", library="np")
    return machine.emit("one-hot", "series.codes", place, (tensor,), output, "codes")


@method("tensor", "map", "apply")
def mapped(call: ApiCall) -> Value:
    """The numbers that a dict has for the words of a column, or what a function makes of each."""
    column = call.receiver
    assert isinstance(column, Tensor)
    given = next(iter(call.arguments.positional), None) or call.arguments.keywords.get("arg")
    rule = call.machine.resolve(given.value) if given is not None else NONE
    record = call.machine.get(rule)
    made: Tensor | None = None
    if isinstance(record, DictRecord) and not record.open:
        made = _joined(call, [call.machine.resolve(value) for _, value in record.items])
    elif isinstance(rule, Function) and column.shape is not None and len(column.shape) == 1:
        word = unknown("an entry of a column is unknown", call.place)
        arguments = Arguments([Argument(value=word, place=call.place)], {})
        made = arrays.as_tensor(call.machine, calls.call(call.machine, rule, arguments, call.place))
    if made is None or made.shape != ():
        made = Tensor()
    ids = _counted(made.values) and made.dtype in ("int", "int64", "int32", "bool")
    output = made.replace(shape=column.shape, op=None, library="np", encoding="class-ids" if ids else None)
    return call.emit("one-hot" if ids else "elementwise", column, output=output, name="series.map", arguments={})


def _joined(call: ApiCall, values: list[Value]) -> Tensor | None:
    whole = arrays.as_tensor(call.machine, Tuple(items=tuple(values))) if values else None
    return None if whole is None or whole.rank != 1 else whole.replace(shape=())


def _counted(values: tuple[float, ...] | None) -> bool:
    """Whether the values are 0, 1, 2...: numbers of classes."""
    return values is not None and len(values) > 1 and values == tuple(float(i) for i in range(len(values)))


@method("tensor", "fillna", "replace", "interpolate", "ffill", "bfill", "dropna", "drop_duplicates", "sort_values",
        "reset_index", "head", "tail", "sample", "drop", "isin", "between", "isnull", "isna", "notnull")  # fmt: skip
def other_entries(call: ApiCall) -> Value:
    """A column with other values, or with some of its rows."""
    column, name = call.receiver, call.machine.method_name
    assert isinstance(column, Tensor)
    if name == "reset_index" and call.arguments.keywords.get("drop") is None:
        return unknown("a column with its index is a table", call.place)
    rows = column.shape
    if name in ("dropna", "drop_duplicates", "head", "tail", "sample", "drop") and column.shape:
        rows = (fresh(call, "rows"), *column.shape[1:])
        if name in ("head", "tail", "sample") and call.arguments.positional:
            rows = (arrays.as_dim(call.machine.resolve(call.arguments.positional[0].value)), *column.shape[1:])
    output = column.replace(shape=rows, op=None)
    if name in ("fillna", "replace", "interpolate"):
        output = Tensor(shape=rows, library="np")
    elif name in ("isin", "between", "isnull", "isna", "notnull"):
        output = Tensor(shape=rows, dtype="bool", low=0.0, high=1.0, values=(0.0, 1.0), library="np")
    return call.emit("gather" if rows != column.shape else "elementwise", column, output=output, name=f"series.{name}")


@method("tensor", "to_numpy", "to_list")
def to_numpy(call: ApiCall) -> Value:
    column = call.receiver
    assert isinstance(column, Tensor)
    dtype = dtype_name(call.bind_as("dtype").value("dtype")) or column.dtype
    return call.emit("identity", column, output=column.replace(op=None, dtype=dtype), name="series.to_numpy")


@method("tensor", "to_frame")
def to_frame(call: ApiCall) -> Value:
    column = call.receiver
    assert isinstance(column, Tensor)
    shape = (*column.shape, 1) if column.shape is not None and len(column.shape) == 1 else None
    if shape is None:
        return unknown("a table is unknown", call.place)
    from trainlint.interpret.api import frames

    return frames.make(call, call.emit("expand", column, output=column.replace(shape=shape, op=None), name="frame"))


@method("tensor", "unique")
def unique(call: ApiCall) -> Value:
    column = call.receiver
    assert isinstance(column, Tensor)
    output = column.replace(shape=(fresh(call, "classes"),), op=None, encoding=None)
    return call.emit("gather", column, output=output, name="series.unique", arguments={})


@method("tensor", "nunique")
def n_unique(call: ApiCall) -> Value:
    return arrays.dim_value(fresh(call, "classes"))


@method("tensor", "value_counts")
def value_counts(call: ApiCall) -> Value:
    shape = (fresh(call, "classes"),)
    return call.emit(
        "elementwise",
        *((call.receiver,) if call.receiver is not None else ()),
        output=Tensor(shape=shape, dtype="int64", low=0.0, high=math.inf, library="np"),
        name="series.value_counts",
    )
