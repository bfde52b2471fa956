"""Parts of pandas tables: columns, rows, cells, and what assigning to them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, calls, subscripts
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.api.common import fresh
from trainlint.interpret.api.frames import (
    Names,
    columns_in,
    derived,
    frame_of,
    names_in,
    ranged,
    size_of,
    update,
)
from trainlint.interpret.api.registry import METHODS, attribute, method
from trainlint.interpret.machine import unknown
from trainlint.program import dims
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    ApiObject,
    Argument,
    Const,
    Dimension,
    ListRecord,
    Ref,
    SliceValue,
    Tensor,
    Tuple,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Dim
    from trainlint.source.code import Place


def column(call: ApiCall, record: ApiObject, name: str) -> Tensor:
    """One column as an array."""
    tensor, fact = record.fields["tensor"], record.fields.get("series", {}).get(name)
    source = fact if fact is not None and fact.op is not None else tensor
    facts = fact if fact is not None else tensor.replace(encoding=None)
    output = facts.replace(shape=(size_of(record)[0],), op=None)
    return call.emit(
        "slice", source, output=output, name="frame", arguments={}, tag=f"column {name}", column=name
    )  # fmt: skip


@method("frame", "__getitem__")
def get_item(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return unknown("the columns of a table are unknown", call.place)
    index = call.machine.resolve(call.arguments.positional[0].value)
    return _selected(call, record, index)


def _selected(call: ApiCall, record: ApiObject, index: Value) -> Value:
    machine, (rows, width) = call.machine, size_of(record)
    if isinstance(index, Const) and isinstance(index.value, (str, int)):
        if isinstance(call.receiver, Ref) and columns_in(record) is None:
            update(call, record, known=record.fields.get("known", frozenset()) | {str(index.value)})
        return column(call, record, str(index.value))
    if isinstance(index, SliceValue):
        return derived(call, record, "slice", subscripts.slice_length(machine, rows, index), width, columns_in(record))
    if isinstance(index, Tensor):
        if index.rank == 2:
            return derived(call, record, "select", rows, width, columns_in(record))
        if index.dtype == "bool" or index.rank is None:
            return derived(call, record, "gather", fresh(call, "rows"), width, columns_in(record))
    names = names_in(machine, index)
    if names is not None:
        return derived(call, record, "slice", rows, len(names), names)
    listed = machine.get(index)
    if isinstance(listed, ListRecord):
        size = listed.size
        return derived(call, record, "slice", rows, fresh(call, "columns") if size is None else size)
    return unknown("which part of a table is taken is unknown", call.place)


@method("frame", "__setitem__")
def set_item(call: ApiCall) -> Value:
    """`table[name] = values`: a column is replaced or comes at the end."""
    machine, record = call.machine, frame_of(call.machine, call.receiver)
    if record is None:
        return NONE
    index = machine.resolve(call.arguments.positional[0].value)
    new = arrays.as_tensor(machine, call.arguments.positional[1].value, call.place)
    names = names_in(machine, index)
    if names is None:
        update(call, record, columns=None, known=frozenset(), series={}, tensor=unsure(call, record, None))
        return NONE
    series = {key: fact for key, fact in record.fields.get("series", {}).items() if key not in names}
    if new is None or new.rank is None:
        whole = record.fields["tensor"]
        output = Tensor(library="np")
        fact = call.emit("elementwise", whole, output=output, name="frame", arguments={}, tag="unknown values")
    else:
        fact = new.replace(library="np", encoding=new.encoding if len(names) == 1 else None)
    series.update(dict.fromkeys(names, fact))
    columns, known = columns_in(record), record.fields.get("known", frozenset())
    rows, width = size_of(record)
    added = [name for name in names if name not in (columns if columns is not None else known)]
    if columns is not None:
        rows = new.shape[0] if new is not None and new.shape and not columns and len(names) == 1 else rows
        columns, width = (*columns, *added), dims.combine("+", width, len(added))
    elif added:
        width = fresh(call, "columns")  # whether these columns were there before is not known
    parts = [record.fields["tensor"], *([new] if new is not None else [])]
    output = ranged(record.fields["tensor"].replace(shape=(rows, width), op=None), parts)
    if new is None:
        output = output.replace(low=None, high=None)
    inputs = tuple(part for part in parts if part.op is not None)
    output = call.emit("concat", *inputs, output=output, name="frame", arguments={}, tag="assigned")
    update(call, record, columns=columns, known=known | set(names), series=series, tensor=output)
    return NONE


def unsure(call: ApiCall, record: ApiObject, width: Dim, tag: str = "changed") -> Tensor:
    """All values of a table that was changed in ways that are not followed."""
    output = Tensor(shape=(size_of(record)[0], fresh(call, "columns", tag) if width is None else width), library="np")
    return call.emit("elementwise", record.fields["tensor"], output=output, name="frame", arguments={}, tag=tag)


@attribute("frame", "iloc", "loc", "at", "iat", "ix")
def access(machine: Machine, reference: Ref, record: ApiObject, place: Place) -> Value | None:
    return machine.new(place, ApiObject(record.symbol, "frame part", {}, place, {"frame": reference}), "access")


@method("frame part", "__getitem__")
def get_part(call: ApiCall) -> Value:
    """`table.iloc[rows, columns]`, where either may be a number, a slice, a list or a mask."""
    machine, part = call.machine, call.machine.object(call.receiver)
    record = frame_of(machine, part.fields.get("frame")) if part is not None else None
    if record is None:
        return unknown("the rows of a table are unknown", call.place)
    index = machine.resolve(call.arguments.positional[0].value)
    chosen = tuple(machine.resolve(item) for item in index.items) if isinstance(index, Tuple) else (index,)
    rows, width = size_of(record)
    height = _extent(call, rows, chosen[0], "rows")
    columns = columns_in(record)
    if len(chosen) == 1:
        if height is _ONE:
            return _vector(call, record, width)
        return derived(call, record, "gather", height, width, columns, index=index)
    across = chosen[1]
    if isinstance(across, Const) and isinstance(across.value, str):
        found = column(call, record, across.value)
        return found.replace(shape=() if height is _ONE else (height,)) if chosen[0] != _ALL else found
    names = names_in(machine, across) if isinstance(across, Ref) else None
    if names is not None and columns is not None and all(name.lstrip("-").isdigit() for name in names):
        names = tuple(columns[int(i)] for i in names if -len(columns) <= int(i) < len(columns))
    extent = _extent(call, width, across, "columns")
    if extent is _ONE:
        name = _numbered(columns, across)
        if name is not None and chosen[0] == _ALL:
            return column(call, record, name)
        return _vector(call, record, height) if height is not _ONE else UNKNOWN
    if height is _ONE:
        return _vector(call, record, extent)
    kept = names if names is not None else _sliced(columns, across)
    return derived(call, record, "slice", height, extent, kept, index=index)


_ALL = SliceValue(lower=NONE, upper=NONE, step=NONE)


class _One:
    """A single row or column, whose axis goes away."""


_ONE: Any = _One()


def _extent(call: ApiCall, size: Dim, index: Value, name: str) -> Any:
    """How many rows or columns an index takes."""
    machine = call.machine
    if isinstance(index, SliceValue):
        bounds = (index.lower, index.upper)
        if any(isinstance(bound, Const) and isinstance(bound.value, str) for bound in bounds):
            return fresh(call, name)
        return subscripts.slice_length(machine, size, index)
    if isinstance(index, (Const, Dimension)) and not (isinstance(index, Const) and isinstance(index.value, bool)):
        return _ONE
    tensor = arrays.as_tensor(machine, index) if not isinstance(index, Const) else None
    if tensor is not None and tensor.dtype != "bool" and tensor.shape:
        return tensor.shape[0]
    listed = machine.get(index)
    if isinstance(listed, ListRecord) and listed.size is not None:
        return listed.size
    return fresh(call, name)


def _numbered(columns: Names | None, index: Value) -> str | None:
    if columns is None or not isinstance(index, Const) or type(index.value) is not int:
        return None
    return columns[index.value] if -len(columns) <= index.value < len(columns) else None


def _sliced(columns: Names | None, index: Value) -> Names | None:
    if columns is None or not isinstance(index, SliceValue):
        return None
    bounds: list[Any] = [
        part.value if isinstance(part, Const) else ... for part in (index.lower, index.upper, index.step)
    ]
    if not all(bound is None or type(bound) is int for bound in bounds) or bounds[2] == 0:
        return None
    return columns[slice(bounds[0], bounds[1], bounds[2])]


def _vector(call: ApiCall, record: ApiObject, size: Dim) -> Tensor:
    tensor = record.fields["tensor"]
    output = tensor.replace(shape=(size,), op=None, encoding=None)
    return call.emit("slice", tensor, output=output, name="frame", arguments={}, tag="vector")


@method("frame part", "__setitem__")
def set_part(call: ApiCall) -> Value:
    """Some cells get other values: what was known of the values is gone, a new column may have come."""
    part = call.machine.object(call.receiver)
    reference = part.fields.get("frame") if part is not None else None
    record = frame_of(call.machine, reference)
    if record is None or not isinstance(reference, Ref):
        return NONE
    index = call.machine.resolve(call.arguments.positional[0].value)
    across = call.machine.resolve(index.items[1]) if isinstance(index, Tuple) and len(index.items) == 2 else None
    names = names_in(call.machine, across) if across is not None else ()
    there = record.fields.get("known", frozenset()) | set(columns_in(record) or ())
    if names is not None and all(name in there or name.isdigit() for name in names):
        tensor = unsure(call, record, size_of(record)[1])
        fields = {**record.fields, "series": {}, "tensor": tensor}
    else:
        fields = {"tensor": unsure(call, record, None), "columns": None, "known": frozenset(), "series": {}}
    call.machine.put(reference, record.replace(fields=fields))
    return NONE


@attribute("frame", "shape")
def shape(machine: Machine, reference: Ref, record: ApiObject, place: Place) -> Value | None:
    known = frame_of(machine, reference)
    return None if known is None else Tuple(items=tuple(arrays.dim_value(dim) for dim in size_of(known)))


@attribute("frame", "values")
def values(machine: Machine, reference: Ref, record: ApiObject, place: Place) -> Value | None:
    known = frame_of(machine, reference)
    if known is None:
        return None
    tensor = known.fields["tensor"]
    return machine.emit("identity", "frame.values", place, (tensor,), tensor.replace(op=None), "values")


@attribute("frame", "columns")
def columns_of(machine: Machine, reference: Ref, record: ApiObject, place: Place) -> Value | None:
    known = frame_of(machine, reference)
    if known is None:
        return None
    names = columns_in(known)
    items = None if names is None else tuple(Const(value=name) for name in names)
    length = size_of(known)[1] if items is None else None
    element = UNKNOWN if items is None else None
    return machine.new(place, ListRecord(items=items, element=element, length=length), "columns")


@attribute("frame", "T")
def transposed(machine: Machine, reference: Ref, record: ApiObject, place: Place) -> Value | None:
    return calls.call_method(machine, reference, "transpose", Arguments([], {}), place)


@attribute("frame", "*")
def named(machine: Machine, reference: Ref, record: ApiObject, place: Place, name: str) -> Value | None:
    """`table.price` is `table["price"]` where there is such a column."""
    if name not in record.fields.get("known", ()) or name in METHODS["frame"]:
        return None
    index = Argument(value=Const(value=name), place=place)
    return calls.call_method(machine, reference, "__getitem__", Arguments([index], {}), place)
