"""Tables of pandas: how many rows and columns a frame has, which columns, and what is known of each.

A frame is an object whose `tensor` stands for all its values, so that whatever takes an array takes a frame.
What a file holds is not known: its rows and columns are symbols unless the call names the columns.
A column, a Series, is an array of rank 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api import files
from trainlint.interpret.api.common import fresh, numpy_type
from trainlint.interpret.api.registry import handles, method
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program import dims
from trainlint.program.values import (
    ApiObject,
    Const,
    DictRecord,
    Ref,
    Tensor,
    Tuple,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Dim

Names = tuple[str, ...]


def make(
    call: ApiCall, tensor: Tensor, columns: Names | None = None, known: Iterable[str] = (),
    series: Mapping[str, Tensor] | None = None, tag: str = "frame",
) -> Ref:  # fmt: skip
    """A new frame; `columns` are all its columns in order, `known` some of them, `series` what is known of each."""
    fields = {"tensor": tensor, "columns": columns, "known": frozenset(known), "series": dict(series or {})}
    return call.machine.new(call.place, ApiObject(call.symbol, "frame", {}, call.place, fields), tag)


def frame_of(machine: Machine, value: Value | None) -> ApiObject | None:
    """The record behind a value that is a frame of known shape."""
    record = machine.get(value) if isinstance(value, Ref) else None
    if isinstance(record, ApiObject) and record.kind == "frame" and isinstance(record.fields.get("tensor"), Tensor):
        return record
    return None


def size_of(record: ApiObject) -> tuple[Dim, Dim]:
    """How many rows and columns a frame has."""
    shape = record.fields["tensor"].shape
    return (shape[0], shape[1]) if shape is not None and len(shape) == 2 else (None, None)


def columns_in(record: ApiObject) -> Names | None:
    """The names of all columns in order, None when they are not all known."""
    return record.fields.get("columns")


def derived(
    call: ApiCall, record: ApiObject, kind: str, rows: Dim, width: Dim, columns: Names | None = None,
    same_values: bool = True, tag: str = "frame", **attributes: Any,
) -> Ref:  # fmt: skip
    """A frame that was made of another one."""
    tensor = record.fields["tensor"]
    output = tensor.replace(shape=(rows, width), op=None) if same_values else Tensor(shape=(rows, width), library="np")
    output = call.emit(kind, tensor, output=output, tag=f"{tag} values", name="frame", arguments={}, **attributes)
    known, series = record.fields.get("known", frozenset()), record.fields.get("series", {})
    if columns is not None:
        known, series = frozenset(columns), {name: fact for name, fact in series.items() if name in columns}
    return make(call, output, columns, known, series if same_values else {}, tag)


def rows_of(call: ApiCall, value: Value, rows: Dim, tag: str, **attributes: Any) -> Value | None:
    """Some rows of a frame, as a frame; None for anything else."""
    record = frame_of(call.machine, value)
    if record is None:
        return None
    return derived(call, record, "gather", rows, size_of(record)[1], columns_in(record), tag=tag, **attributes)


def names_in(machine: Machine, value: Value) -> Names | None:
    """Column names that are all known: one, or a list of them."""
    if isinstance(value, Const) and isinstance(value.value, str):
        return (value.value,)
    items = builtins.items_of(machine, value) if isinstance(value, (Ref, Tuple)) else None
    if items is None:
        return None
    names = [machine.resolve(item) for item in items]
    found = tuple(str(n.value) for n in names if isinstance(n, Const) and isinstance(n.value, (str, int)))
    return found if len(found) == len(names) else None


def update(call: ApiCall, record: ApiObject, **fields: Any) -> None:
    """Changes a frame where it is."""
    assert isinstance(call.receiver, Ref)
    call.machine.put(call.receiver, record.replace(fields={**record.fields, **fields}))


def ranged(output: Tensor, parts: Sequence[Tensor]) -> Tensor:
    """A table with the range that holds for all its columns."""
    lows, highs = [part.low for part in parts], [part.high for part in parts]
    if None in lows or None in highs:
        return output.replace(low=None, high=None, rms=None, values=None, encoding=None)
    low, high = min(x for x in lows if x is not None), max(x for x in highs if x is not None)
    return output.replace(low=low, high=high, rms=None, values=None, encoding=None)


# Where they come from -------------------------------------------------------------------------------------------------


@handles("pandas.read_csv", "pandas.read_table", "pandas.read_excel", "pandas.read_fwf")
def read(call: ApiCall) -> Value:
    """A table in a file, of which only what the call says is known."""
    if call.name == "pandas.read_excel":
        call.bind_as("io", "sheet_name", "header", "names", "index_col", "usecols")
        sheet = call.given("sheet_name")
        if sheet is not None and not isinstance(call.value("sheet_name"), Const):
            return unknown("the sheets of a file are unknown", call.place)
    else:
        call.bind_as("filepath_or_buffer", "sep", "delimiter", "header", "names", "index_col", "usecols")
    odd = ("chunksize", "iterator", "squeeze")
    if call.arguments.open or any(name in call.arguments.keywords for name in odd):
        return unknown(f"what `{call.symbol.path}(...)` gives is not known", call.place)
    names = names_in(call.machine, call.value("names")) if call.given("names") is not None else None
    table = _peeked(call, names)
    if table is not None:
        return table
    columns: Names | None = None
    for name in ("names", "usecols"):
        if call.given(name) is not None and not is_none(call.value(name)):
            columns = names_in(call.machine, call.value(name))
    width: Dim = fresh(call, "columns") if columns is None else len(columns)
    index = call.value("index_col")
    if not is_none(index) and index != Const(False):
        single = isinstance(index, Const) and isinstance(width, int)
        columns, width = None, dims.combine("-", width, 1) if single else fresh(call, "columns")
    tensor = Tensor(shape=(fresh(call, "rows"), width), dtype=call.dtype("dtype"), library="np")
    return make(call, call.emit("data", output=tensor, source="file"), columns, columns or ())


_CSV = frozenset(("sep", "delimiter", "header", "names", "usecols", "encoding", "low_memory", "engine"))


def _peeked(call: ApiCall, names: tuple[str, ...] | None) -> Value | None:
    """The table in a csv file; None where it is not read, or where pandas may read it otherwise."""
    keywords = {name: call.machine.resolve(argument.value) for name, argument in call.arguments.keywords.items()}
    if not keywords.keys() <= _CSV or len(call.arguments.positional) > 1 or call.name != "pandas.read_csv":
        return None
    data = files.peeked_file(call)
    separator = keywords.get("sep", keywords.get("delimiter", Const(",")))
    header = keywords.get("header", Const(None if "names" in keywords else 0))
    if data is None or not data.whole or not isinstance(separator, Const) or not isinstance(header, Const):
        return None
    if not isinstance(separator.value, str) or len(separator.value) != 1 or header.value not in (0, None, "infer"):
        return None
    from trainlint.project import peeks

    table = peeks.read_table(data.content, separator.value)
    if table is None:
        return None
    lines, first = table.lines, table.lines[0]
    columns = tuple(map(str, range(len(first))))
    if header.value is not None and not ("names" in keywords and header.value == "infer"):
        lines, columns = lines[1:], first
    if "names" in keywords:
        if names is None or len(names) != len(first):
            return None
        columns = names
    if not lines or len(set(columns)) != len(columns) or "" in columns:
        return None
    chosen = columns
    if "usecols" in keywords:
        picked = names_in(call.machine, keywords["usecols"])
        if picked is None or not set(picked) <= set(columns):
            return None
        chosen = tuple(name for name in columns if name in picked)
    series = {
        name: files.as_array(peeks.measure([line[columns.index(name)] for line in lines], (len(lines),)))
        for name in chosen
    }
    whole = ranged(Tensor(shape=(len(lines), len(chosen)), library="np"), list(series.values()))
    return make(call, call.emit("data", output=whole, source="file"), chosen, chosen, series)


@handles("pandas.read_sql", "pandas.read_sql_query", "pandas.read_parquet", "pandas.read_feather")
def read_other(call: ApiCall) -> Value:
    shape = (fresh(call, "rows"), fresh(call, "columns"))
    return make(call, call.emit("data", output=Tensor(shape=shape, library="np"), source="file"))


@handles("pandas.read_json", "pandas.read_pickle", "pandas.read_hdf")
def read_anything(call: ApiCall) -> Value:
    origin = ("call", call.symbol.path, call.machine.identify(call.place, "frame")) if not call.machine.loops else None
    return unknown(f"the data of `{call.symbol.path}(...)` is in a file", call.place, origin)


@handles("pandas.DataFrame")
def frame(call: ApiCall) -> Value:
    """A table of a dict of columns, an array, a list of rows or another table."""
    machine = call.machine
    call.bind_as("data", "index", "columns", "dtype")
    data = call.value("data")
    named = call.given("columns") is not None
    columns = names_in(machine, call.value("columns")) if named else None
    content = machine.get(data)
    if isinstance(content, DictRecord):
        return _of_dict(call, content, columns)
    known = frame_of(machine, data)
    if known is not None:
        return derived(call, known, "identity", *size_of(known), columns or columns_in(known))
    tensor = None if is_none(data) else arrays.as_tensor(machine, data, call.place)
    if tensor is None or tensor.shape is None or not 0 < len(tensor.shape) <= 2:
        empty = is_none(data) and not named
        width: Dim = 0 if empty else fresh(call, "columns") if columns is None else len(columns)
        output = call.emit("data", output=Tensor(shape=(fresh(call, "rows"), width), library="np"))
        return make(call, output, () if empty else columns, columns or ())
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1
    shape = (tensor.shape[0], len(columns) if columns is not None and width is None else width)
    inputs = (tensor,) if tensor.op is not None else tuple(arrays.tensors_in(machine, data))[:64]
    output = as_array(tensor).replace(shape=shape, op=None)
    return make(call, call.emit("identity" if inputs else "data", *inputs, output=output), columns, columns or ())


def _of_dict(call: ApiCall, content: DictRecord, columns: Names | None) -> Value:
    machine = call.machine
    names = [key.value for key, _ in content.items if isinstance(key, Const) and isinstance(key.value, str)]
    series: dict[str, Tensor] = {}
    rows: Dim = None
    for key, value in content.items:
        tensor = arrays.as_tensor(machine, machine.resolve(value), call.place)
        if isinstance(key, Const) and tensor is not None:
            series[str(key.value)] = as_array(tensor)
            rows = tensor.shape[0] if tensor.shape and rows is None else rows
    if columns is None and not content.open and len(names) == len(content.items):
        columns = tuple(names)
    width = fresh(call, "columns") if columns is None else len(columns)
    output = Tensor(shape=(fresh(call, "rows") if rows is None else rows, width), library="np")
    if columns and all(name in series for name in columns):
        output = ranged(output, [series[name] for name in columns])
    inputs = tuple(tensor for tensor in series.values() if tensor.op is not None)
    result = call.emit("concat" if inputs else "data", *inputs, output=output, name="frame", arguments={})
    return make(call, result, columns, columns or names, series)


def as_array(tensor: Tensor) -> Tensor:
    """Numbers in a column: those of Python get NumPy's types."""
    return tensor.replace(dtype=numpy_type(tensor.dtype), library="np")


@handles("pandas.Series")
def series_of(call: ApiCall) -> Value:
    call.bind_as("data", "index", "dtype")
    tensor = arrays.as_tensor(call.machine, call.value("data"), call.place)
    if tensor is None or tensor.rank != 1:
        tensor = Tensor(shape=(fresh(call, "rows"),))
    inputs = (tensor,) if tensor.op is not None else ()
    return call.emit("identity" if inputs else "data", *inputs, output=as_array(tensor).replace(op=None))


@handles("pandas.concat")
def concat(call: ApiCall) -> Value:
    """Tables below or beside each other."""
    call.bind_as("objs", "axis")
    machine = call.machine
    items = call.items("objs")
    tensors = [arrays.as_tensor(machine, machine.resolve(item), call.place) for item in items or ()]
    known = [tensor for tensor in tensors if tensor is not None and tensor.shape and len(tensor.shape) <= 2]
    if not known or len(known) != len(tensors):
        inputs = tuple(arrays.tensors_in(machine, call.value("objs")))
        return _open(call, inputs)
    axis = call.known("axis")
    if axis is MISSING:
        return _open(call, tuple(known))
    beside = axis in (1, "columns")
    sizes = [tensor.shape if tensor.rank == 2 else (*(tensor.shape or ()), 1) for tensor in known]
    rows, width = sizes[0][0], sizes[0][1]  # type: ignore[index]
    for size in sizes[1:]:
        assert size is not None
        if beside:
            width = dims.combine("+", width, size[1])
        else:
            rows, width = dims.combine("+", rows, size[0]), width if size[1] == width else None
    output = ranged(Tensor(shape=(rows, width), library="np"), known)
    if all(tensor.rank == 1 for tensor in known) and not beside:
        return call.emit("concat", *known, output=output.replace(shape=(rows,)), name="frame")
    return make(call, call.emit("concat", *known, output=output, name="frame"))


@handles("pandas.merge")
@method("frame", "merge", "join")
def merge(call: ApiCall) -> Value:
    values = [*call.arguments.values(), *([] if call.receiver is None else [call.receiver])]
    return _open(call, tuple(tensor for value in values for tensor in arrays.tensors_in(call.machine, value)))


def _open(call: ApiCall, inputs: tuple[Tensor, ...]) -> Value:
    """A table of others whose size depends on what they hold."""
    shape = (fresh(call, "rows"), fresh(call, "columns"))
    return make(call, call.emit("concat", *inputs, output=Tensor(shape=shape, library="np"), name="frame"))


@handles("pandas.get_dummies")
def get_dummies(call: ApiCall) -> Value:
    """One column of zeros and ones for each word of a column; a frame keeps its other columns."""
    machine = call.machine
    value = call.first
    record = frame_of(machine, value)
    if record is not None:
        return derived(call, record, "one-hot", size_of(record)[0], fresh(call, "columns"), None, same_values=False)
    tensor = arrays.as_tensor(machine, value)
    rows = tensor.shape[0] if tensor is not None and tensor.shape else None
    whole = tensor is not None and tensor.rank == 1 and "drop_first" not in call.arguments.keywords
    output = Tensor(
        shape=(rows, fresh(call, "classes")), dtype=None, low=0.0, high=1.0, values=(0.0, 1.0), library="np",
        encoding="one-hot" if whole else None,
    )  # fmt: skip
    return make(call, call.emit("one-hot", *((tensor,) if tensor is not None else ()), output=output))


@handles("pandas.to_numeric", "pandas.to_datetime")
def converted(call: ApiCall) -> Value:
    value = call.first
    tensor = arrays.as_tensor(call.machine, value)
    if tensor is None:
        return unknown("a converted column is unknown", call.place)
    return call.emit("cast", tensor, output=tensor.replace(op=None))


@handles("pandas.factorize")
def factorize(call: ApiCall) -> Value:
    """The numbers of the words of a column, and the words."""
    tensor = call.bind_as("values").tensor("values")
    shape = tensor.shape if tensor is not None else None
    output = Tensor(shape=shape, dtype="int64", encoding="class-ids", library="np")
    codes = call.emit("one-hot", *((tensor,) if tensor is not None else ()), output=output)
    return Tuple(items=(codes, Tensor(shape=(fresh(call, "classes"),), library="np")))
