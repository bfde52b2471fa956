"""Methods of pandas tables, and arithmetic with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret import arrays, calls
from trainlint.interpret.api.call import ApiCall, Arguments, dtype_name
from trainlint.interpret.api.common import fresh
from trainlint.interpret.api.frame_parts import column, set_item, unsure
from trainlint.interpret.api.frames import Names, columns_in, derived, frame_of, make, names_in, size_of, update
from trainlint.interpret.api.registry import METHODS, OPERATORS, method
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program import dims
from trainlint.program.values import NONE, UNKNOWN, ApiObject, Argument, Const, Ref, Tensor, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place


def _result(call: ApiCall, made: Ref) -> Value:
    """A changed frame: a new one, or the old one for `inplace=True`."""
    inplace = call.arguments.keywords.get("inplace")
    if inplace is None or call.machine.resolve(inplace.value) == Const(False):
        return made
    record, new = frame_of(call.machine, call.receiver), frame_of(call.machine, made)
    if record is not None and new is not None:
        update(call, record, **new.fields)
    return NONE


def operator(machine: Machine, sign: str, left: Value, right: Value, place: Place) -> Value | None:
    """`left sign right` where one is a frame: cell by cell, a Series against each row."""
    record = frame_of(machine, left) or frame_of(machine, right)
    a, b = arrays.as_tensor(machine, left, place), arrays.as_tensor(machine, right, place)
    if record is None:
        return None
    call = ApiCall(machine, record.symbol, Arguments([], {}), place, left)
    size = size_of(record)
    if a is None or b is None:
        other = right if a is not None else left
        if isinstance(other, Const) and sign in ("==", "!="):
            output = Tensor(shape=size, dtype="bool", low=0.0, high=1.0, values=(0.0, 1.0), library="np")
        else:
            output = Tensor(shape=size, library="np")
        tensor = machine.emit("elementwise", f"operator {sign}", place, (a or b or UNKNOWN,), output)
        return make(call, tensor, columns_in(record), record.fields.get("known", ()))
    joined = dims.broadcast(a.shape, b.shape)
    if joined is None or len(joined) != 2 or None in joined:
        # Labels are matched, so sizes that differ are no error.
        tensor = machine.emit("elementwise", f"operator {sign}", place, (a, b), Tensor(shape=size, library="np"))
    else:
        result = calls.tensor_binary(machine, sign, a, b, place)
        if not isinstance(result, Tensor) or result.rank != 2:
            return result
        tensor = result
    return make(call, tensor, columns_in(record), record.fields.get("known", ()))


OPERATORS["frame"] = operator


@method("frame", "copy", "reset_index", "sort_values", "sort_index", "infer_objects", "convert_dtypes", "set_axis")
def same(call: ApiCall) -> Value:
    """The same table, perhaps in another order."""
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    rows, width = size_of(record)
    if call.machine.method_name == "reset_index" and call.known("drop") is not True:
        dropped = call.arguments.keywords.get("drop")
        if dropped is None or call.machine.resolve(dropped.value) != Const(True):
            return _result(call, derived(call, record, "identity", rows, fresh(call, "columns")))
    return _result(call, derived(call, record, "identity", rows, width, columns_in(record)))


@method("frame", "fillna", "replace", "interpolate", "ffill", "bfill", "round", "applymap", "abs", "astype", "clip",
        "where", "mask", "isnull", "isna", "notnull", "notna")  # fmt: skip
def cells(call: ApiCall) -> Value:
    """Other values in the same cells."""
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    kind = "identity" if call.machine.method_name in _KEEPING else "elementwise"
    return _result(call, derived(call, record, kind, *size_of(record), columns_in(record), same_values=False))


_KEEPING = ("fillna", "interpolate", "ffill", "bfill", "round", "astype")
"""What leaves most values as they are."""


@method("frame", "dropna", "drop_duplicates", "query", "nlargest", "nsmallest")
def fewer_rows(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    rows, width = size_of(record)
    given = call.arguments.keywords.get("axis") or next(iter(call.arguments.positional), None)
    if call.machine.method_name == "dropna" and given is not None:
        axis = call.machine.resolve(given.value)
        if axis in (Const(1), Const("columns")):
            return _result(call, derived(call, record, "slice", rows, fresh(call, "columns")))
        if not isinstance(axis, Const):
            return _result(call, derived(call, record, "gather", fresh(call, "rows"), fresh(call, "columns")))
    return _result(call, derived(call, record, "gather", fresh(call, "rows"), width, columns_in(record)))


@method("frame", "head", "tail", "sample")
def some_rows(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    sampled = call.machine.method_name == "sample"
    call.bind_as("n", n=None if sampled else 5)
    share = call.arguments.keywords.get("frac")
    rows, width = size_of(record)
    if share is not None:
        rows = rows if call.machine.resolve(share.value) in (Const(1), Const(1.0)) else fresh(call, "rows")
    else:
        asked = 1 if is_none(call.value("n")) else arrays.as_dim(call.value("n"))
        both = isinstance(rows, int) and isinstance(asked, int)
        rows = min(rows, asked) if both else asked  # type: ignore[type-var]
    return derived(call, record, "gather", rows, width, columns_in(record), shuffled=sampled)


@method("frame", "drop")
def drop(call: ApiCall) -> Value:
    """A table without some columns, or without some rows."""
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    call.bind_as("labels", "axis", "index", "columns")
    _rows, width = size_of(record)
    labels = call.value("columns")
    axis = call.known("axis")
    if is_none(labels) and axis in (1, "columns"):
        labels = call.value("labels")
    if is_none(labels) and axis is MISSING and not is_none(call.value("labels")):
        return _result(call, derived(call, record, "gather", fresh(call, "rows"), fresh(call, "columns")))
    if is_none(labels):
        return _result(call, derived(call, record, "gather", fresh(call, "rows"), width, columns_in(record)))
    return _result(call, _without(call, record, names_in(call.machine, labels), "errors" in call.arguments.keywords))


def _without(call: ApiCall, record: ApiObject, names: Names | None, lenient: bool = False) -> Ref:
    rows, width = size_of(record)
    columns = columns_in(record)
    if names is None or (columns is None and lenient):
        return derived(call, record, "slice", rows, fresh(call, "columns"), tag="without")
    if columns is not None:
        kept = tuple(name for name in columns if name not in names)
        return derived(call, record, "slice", rows, len(kept), kept, tag="without")
    fewer = dims.combine("-", width, len(set(names)))
    result = derived(call, record, "slice", rows, fewer, tag="without")
    new = frame_of(call.machine, result)
    if new is not None:
        known = frozenset(name for name in record.fields.get("known", ()) if name not in names)
        call.machine.put(result, new.replace(fields={**new.fields, "known": known}))
    return result


@method("frame", "pop", "__delitem__")
def pop(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None or not call.arguments.positional:
        return UNKNOWN
    names = names_in(call.machine, call.machine.resolve(call.arguments.positional[0].value))
    rest = frame_of(call.machine, _without(call, record, names))
    if rest is not None:
        update(call, record, **rest.fields)
    return UNKNOWN if names is None or len(names) != 1 else column(call, record, names[0])


@method("frame", "insert")
def insert(call: ApiCall) -> Value:
    call.bind_as("loc", "column", "value")
    arguments = [Argument(value=call.value(name), place=call.place) for name in ("column", "value")]
    set_item(ApiCall(call.machine, call.symbol, Arguments(arguments, {}), call.place, call.receiver))
    return NONE


@method("frame", "rename")
def rename(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    made = derived(call, record, "identity", *size_of(record))
    new = frame_of(call.machine, made)
    if new is not None:
        call.machine.put(made, new.replace(fields={**new.fields, "known": frozenset(), "series": {}}))
    return _result(call, made)


@method("frame", "set_index", "select_dtypes", "filter", "assign", "explode", "pivot", "pivot_table", "melt", "stack",
        "unstack", "append", "reindex", "nunique", "groupby", "apply", "resample", "rolling", "corr", "cov", "agg",
        "aggregate", "transform", "eval", "items", "iterrows", "itertuples", "to_dict", "to_records")  # fmt: skip
def reshaped(call: ApiCall) -> Value:
    """Tables whose shape depends on the values."""
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    rows, width = size_of(record)
    name = call.machine.method_name
    if name in ("corr", "cov"):
        if call.arguments.keywords:
            width = fresh(call, "columns")  # those of numbers alone
        return derived(call, record, "elementwise", width, width, same_values=False)
    if name in ("select_dtypes", "filter", "set_index", "assign"):
        return _result(call, derived(call, record, "slice", rows, fresh(call, "columns"), same_values=False))
    call.machine.emit("opaque", "frame", call.place, (record.fields["tensor"],), Tensor())
    return unknown(f"the method `{name}` of a table is not modelled", call.place)


STATISTICS = ("count", "mean", "std", "min", "25%", "50%", "75%", "max")


@method("frame", "describe")
def describe(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    width = fresh(call, "columns") if call.arguments.keywords else size_of(record)[1]
    return derived(call, record, "elementwise", len(STATISTICS), width, columns_in(record), same_values=False)


@method("frame", "transpose")
def transpose(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    rows, width = size_of(record)
    tensor = record.fields["tensor"]
    output = call.emit("transpose", tensor, output=tensor.replace(shape=(width, rows), op=None), name="frame")
    return make(call, output, tag="transposed")


@method("frame", "to_numpy", "as_matrix")
def to_numpy(call: ApiCall) -> Value:
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    tensor = record.fields["tensor"]
    dtype = dtype_name(call.bind_as("dtype").value("dtype")) or tensor.dtype
    return call.emit("identity", tensor, output=tensor.replace(op=None, dtype=dtype), name="frame.to_numpy")


@method("frame", "mean", "std", "min", "max", "median", "sum", "var", "any", "all")
def reduce(call: ApiCall) -> Value:
    """A Series with one number for each column."""
    record = frame_of(call.machine, call.receiver)
    if record is None:
        return UNKNOWN
    name = call.machine.method_name
    handler = METHODS["tensor"].get(name)
    tensor = record.fields["tensor"]
    given = call.arguments.keywords.get("axis") or next(iter(call.arguments.positional), None)
    axis = given if given is not None else Argument(value=Const(value=0), place=call.place)
    if handler is None:
        size = size_of(record)[1] if axis.value == Const(0) else None
        return call.emit("opaque", tensor, output=Tensor(shape=(size,), library="np"))
    symbol = tfapi.Symbol(name=f"tensor.{name}", path=name, flavour="np", kind="function")
    return handler(ApiCall(call.machine, symbol, Arguments([axis], {}), call.place, tensor))


@method("frame", "info", "to_csv", "plot", "hist", "boxplot", "to_excel", "to_pickle")
def shown(call: ApiCall) -> Value:
    return NONE


@method("frame", "__forget__")
def forget(call: ApiCall) -> Value:
    """Unknown code may have changed a table: its rows stay, its columns are not known any more."""
    record = frame_of(call.machine, call.receiver)
    if record is not None:
        update(call, record, columns=None, known=frozenset(), series={}, tensor=unsure(call, record, None, "forgotten"))
    return NONE


@method("frame", "__setattr__")
def set_attribute(call: ApiCall) -> Value:
    """`table.columns = names` names all columns; `table.price = values` is `table["price"] = values`."""
    record = frame_of(call.machine, call.receiver)
    name = call.arguments.positional[0].value
    if record is None or not isinstance(name, Const):
        return NONE
    if name.value != "columns":
        return set_item(call) if name.value in record.fields.get("known", ()) else NONE
    names = names_in(call.machine, call.arguments.positional[1].value)
    if names is None:
        update(call, record, columns=None, known=frozenset(), series={})
        return NONE
    tensor = record.fields["tensor"]
    output = tensor.replace(shape=(size_of(record)[0], len(names)), op=None)
    named = call.emit("identity", tensor, output=output, name="frame", arguments={}, tag="named")
    update(call, record, columns=names, known=frozenset(names), series={}, tensor=named)
    return NONE


@method("frame", "keys")
def keys(call: ApiCall) -> Value:
    """The names of the columns."""
    return calls.attribute(call.machine, call.receiver or UNKNOWN, "columns", call.place)
