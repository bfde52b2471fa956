"""`value[index]` and `value[index] = new`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins
from trainlint.interpret.joins import join
from trainlint.interpret.machine import unknown
from trainlint.program import dims
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Const,
    DictRecord,
    Dimension,
    ListRecord,
    SliceValue,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Dim, Shape
    from trainlint.source.code import Place


def get_item(machine: Machine, value: Value, index: Value, place: Place) -> Value:
    """`value[index]`."""
    if isinstance(value, Tuple):
        return _sequence_item(machine, value.items, index, place, is_tuple=True)
    if isinstance(value, Tensor):
        return tensor_item(machine, value, index, place)
    record = machine.get(value)
    if isinstance(record, ListRecord):
        if record.items is not None:
            return _sequence_item(machine, record.items, index, place, is_tuple=False)
        if isinstance(index, SliceValue):
            length = slice_length(machine, record.length, index)
            return machine.new(
                place, ListRecord(items=None, element=record.element, length=length, kind=record.kind), "slice"
            )
        return record.element or UNKNOWN
    if isinstance(record, DictRecord):
        known = dict(record.items)
        plain = builtins.key_of(index)
        if plain in known:
            return machine.resolve(known[plain])
        if not record.open and known and not isinstance(index, Const):
            joined: Value | None = None
            for item in known.values():
                joined = machine.resolve(item) if joined is None else join(joined, machine.resolve(item))
            if joined is not None and not isinstance(joined, Unknown):
                return joined
        return unknown("a key of the dict is unknown", place)
    if isinstance(record, ApiObject):
        from trainlint.interpret import calls
        from trainlint.interpret.api.call import Arguments
        from trainlint.program.values import Argument, Method

        return calls.call(
            machine,
            Method(receiver=value, name="__getitem__"),
            Arguments([Argument(value=index, place=place)], {}),
            place,
        )
    if (
        isinstance(value, Const)
        and isinstance(value.value, str)
        and isinstance(index, Const)
        and isinstance(index.value, int)
    ):
        return Const(value=value.value[index.value]) if -len(value.value) <= index.value < len(value.value) else UNKNOWN
    if isinstance(value, Unknown):
        if isinstance(index, Tensor) and index.op is not None and arrays_depth(value.origin) < 8:
            # Rows picked by an array of numbers, such as those of a fold.
            whole = value.origin if value.origin is not None else machine.identify(place, "rows")
            return Unknown(origin=("rows", whole, index.op), reason=value.reason, place=value.place)
        key = index.value if isinstance(index, Const) else None
        if value.origin is not None and key is not None and arrays_depth(value.origin) < 8:
            origin = ("item", value.origin, ("const", type(key).__name__, key))
            return Unknown(
                origin=origin, reason=f"`{arrays.show_origin(origin)}` is unknown", place=value.place or place
            )
        return Unknown(reason=value.reason, place=value.place)
    if isinstance(value, Api):
        given = _called_as(machine, value, "__getitem__", (index,), place)
        return given if given is not None else value  # a type annotation such as `list[int]`
    return UNKNOWN


def arrays_depth(origin: Any) -> int:
    return 1 + max(map(arrays_depth, origin), default=0) if isinstance(origin, tuple) else 0


def _sequence_item(machine: Machine, items: tuple[Value, ...], index: Value, place: Place, is_tuple: bool) -> Value:
    if isinstance(index, Const) and isinstance(index.value, int):
        if -len(items) <= index.value < len(items):
            return machine.resolve(items[index.value])
        return UNKNOWN
    if isinstance(index, SliceValue):
        bounds: list[Any] = [
            part.value if isinstance(part, Const) else ... for part in (index.lower, index.upper, index.step)
        ]
        if ... not in bounds and all(b is None or isinstance(b, int) for b in bounds) and bounds[2] != 0:
            part = items[slice(bounds[0], bounds[1], bounds[2])]
            return Tuple(items=part) if is_tuple else machine.new(place, ListRecord(items=part), "slice")
        element: Value | None = None
        for item in items:
            element = machine.resolve(item) if element is None else join(element, machine.resolve(item))
        if is_tuple:
            return Stream(element=element or UNKNOWN)
        return machine.new(
            place,
            ListRecord(items=None, element=element or UNKNOWN, length=slice_length(machine, len(items), index)),
            "slice",
        )
    joined: Value | None = None
    for item in items[:64]:
        joined = machine.resolve(item) if joined is None else join(joined, machine.resolve(item))
    return joined if joined is not None and len(items) <= 64 else UNKNOWN


def slice_length(machine: Machine, size: Dim, index: SliceValue) -> Dim:
    """How many items `[lower:upper:step]` keeps of `size`: `[i:i+128]` keeps 128 whatever i is."""
    lower, upper = index.lower, index.upper
    step = index.step.value if isinstance(index.step, Const) else ...
    if step not in (None, 1):
        if (
            isinstance(size, int)
            and isinstance(step, int)
            and step
            and all(isinstance(x, Const) for x in (lower, upper))
        ):
            return len(range(size)[slice(lower.value, upper.value, step)])  # type: ignore[attr-defined]
        return None
    start = lower.value if isinstance(lower, Const) else ...
    stop = upper.value if isinstance(upper, Const) else ...
    if start in (None, 0) and stop is None:
        return size
    if isinstance(size, int) and start is not ... and stop is not ...:
        try:
            return len(range(size)[slice(start, stop)])
        except TypeError:
            return None
    if start in (None, 0) and isinstance(stop, int) and stop >= 0:
        # Shorter data than the slice is not what the author expects of `x[:128]`.
        return stop if size is None or not isinstance(size, int) else min(stop, size)
    if isinstance(start, int) and start > 0 and stop is None:
        return dims.combine("-", size, start)
    if start in (None, 0) and isinstance(stop, int):
        return dims.combine("+", size, stop)
    if isinstance(start, int) and isinstance(stop, int) and (start < 0) != (stop < 0):
        return dims.combine("-", size, start - stop) if start >= 0 else None
    a, b = scalar_dim(machine, lower), scalar_dim(machine, upper)
    if start is not None and a is not None and b is not None:
        difference = dims.combine("-", b, a)
        if isinstance(difference, int):
            return max(difference, 0)
        return None if isinstance(difference, dims.Symbol) and difference.varying else difference
    if start in (None, 0) and b is not None:
        return None if isinstance(b, dims.Symbol) and b.varying else b
    return None


def scalar_dim(machine: Machine, value: Value) -> Dim:
    """A Python number as a dimension; a random one stands for itself, so that `x[i:i + 128]` has 128 rows."""
    dim = arrays.as_dim(value)
    if dim is not None or not isinstance(value, Tensor) or value.shape != () or value.op is None:
        return dim
    operation = machine.operation(value)
    if operation is None:
        return None
    signs = {"add": "+", "subtract": "-", "multiply": "*"}
    if operation.kind in signs and len(operation.inputs) == 2:
        return dims.combine(signs[operation.kind], *(scalar_dim(machine, x) for x in operation.inputs))
    return dims.Symbol("index", ("value", value.op), varying=True)


def _indices(machine: Machine, index: Value) -> list[Value]:
    if isinstance(index, Tuple):
        return [machine.resolve(item) for item in index.items]
    return [index]


def index_shape(machine: Machine, shape: Shape, index: Value) -> Shape:
    """The shape of `array[index]`, None when unknown."""
    if shape is None:
        return None
    indices = _indices(machine, index)
    taken = sum(1 for i in indices if not _is_newaxis(i) and not _is_ellipsis(i))
    if taken > len(shape):
        return None
    result: list[Dim] = []
    position = 0
    advanced: list[Tensor] = []
    advanced_at = -1
    chosen: list[int] = []  # the places of numbers and arrays
    for place, i in enumerate(indices):
        if _is_ellipsis(i):
            keep = len(shape) - taken
            result.extend(shape[position : position + keep])
            position += keep
            continue
        if _is_newaxis(i):
            result.append(1)
            continue
        dim = shape[position]
        position += 1
        if isinstance(i, SliceValue):
            result.append(slice_length(machine, dim, i))
        elif isinstance(i, (Const, Dimension)):
            chosen.append(place)
            continue
        else:
            array = arrays.as_tensor(machine, i)
            if array is None:
                return None
            chosen.append(place)
            if array.shape == ():
                continue
            if array.shape is None:
                return None
            if array.dtype == "bool":
                # A mask selects an unknown number of rows.
                position += len(array.shape) - 1
                array = array.replace(shape=(None,))
            if advanced_at < 0:
                advanced_at = len(result)
            advanced.append(array)
    if advanced:
        joined = advanced[0].shape
        for array in advanced[1:]:
            joined = dims.broadcast(joined, array.shape)
        if joined is None:
            return None
        if chosen[-1] - chosen[0] >= len(chosen):
            advanced_at = 0  # NumPy puts what is picked first where a slice stands between
        result[advanced_at:advanced_at] = joined
    result.extend(shape[position:])
    return tuple(result)


def _is_newaxis(index: Value) -> bool:
    return (isinstance(index, Const) and index.value is None) or (
        isinstance(index, Api) and index.symbol.name in ("np.newaxis", "tf.newaxis")
    )


def _is_ellipsis(index: Value) -> bool:
    return isinstance(index, Const) and index.value is ...


def tensor_item(machine: Machine, tensor: Tensor, index: Value, place: Place) -> Value:
    operation = machine.operation(tensor)
    whole = tensor.shape
    if whole is None and operation is not None and isinstance(index, Tuple) and len(index.items) == 2:
        whole = operation.attributes.get("table")  # a file of numbers that has two axes, since both are indexed
    shape = index_shape(machine, whole, index)
    if (
        operation is not None
        and "shape" in operation.attributes
        and isinstance(index, Const)
        and isinstance(index.value, int)
    ):
        # `tf.shape(x)[0]`
        source = operation.attributes["shape"]
        if source is not None and -len(source) <= index.value < len(source):
            dim = source[index.value]
            return arrays.dim_value(dim) if dim is not None else Tensor(shape=(), dtype="int32", low=0, library="tf")
        return Tensor(shape=(), dtype="int32", low=0, library="tf")
    encoding = tensor.encoding
    # `np.eye(n)[i]` is a row or rows of zeros with a one, whatever `i` is.
    is_of_rows = type(index) is Unknown and tensor.shape is not None and len(tensor.shape) == 2
    if encoding == "one-hot" and (shape is None or tensor.shape is None or len(shape) != len(tensor.shape)):
        encoding = encoding if is_of_rows else None
    result = tensor.replace(shape=shape, op=None, encoding=encoding)
    if _is_column_of_table(machine, tensor, index):
        # The columns of a table differ: what is known of all is not known of one.
        result = result.replace(low=None, high=None, rms=None, values=None)
    if isinstance(index, Unknown) or any(isinstance(i, Unknown) and i.origin is None for i in _indices(machine, index)):
        # An unknown index may be a number, an index array or a mask.
        result = result.replace(shape=None)
    if result.library == "python":
        return result
    return machine.emit("slice", "operator []", place, (tensor,), result, attributes={"index": index})


_TABLES = frozenset(("load_iris", "load_wine", "load_breast_cancer", "load_diabetes", "housing"))


def _is_column_of_table(machine: Machine, tensor: Tensor, index: Value) -> bool:
    """Whether some columns of one of the small tables of scikit-learn or Keras are taken, of all rows or of one."""
    if tensor.rank not in (1, 2):
        return False
    operation = machine.operation(tensor)
    while operation is not None and operation.attributes.get("dataset") not in _TABLES:
        first = operation.inputs[0] if operation.kind in ("slice", "identity") and operation.inputs else None
        operation = machine.operation(first) if isinstance(first, Tensor) and first.rank == tensor.rank else None
    indices = [each for each in _indices(machine, index) if not _is_newaxis(each)]
    taken = indices[tensor.rank - 1 : tensor.rank]
    return operation is not None and bool(taken) and taken[0] != SliceValue(lower=NONE, upper=NONE, step=NONE)


def set_item(machine: Machine, value: Value, index: Value, new: Value, place: Place | None) -> None:
    """`value[index] = new`; `place` is where the new value is written."""
    record = machine.get(value)
    if isinstance(record, DictRecord):
        if not isinstance(index, Unknown):
            items = dict(record.items)
            index = builtins.key_of(index)
            items[index] = new
            places = {key: known for key, known in record.places.items() if key != index}
            if place is not None:
                places[index] = place
            machine.put(value, record.replace(items=tuple(items.items()), places=places))  # type: ignore[arg-type]
        else:
            items = dict.fromkeys((key for key, _ in record.items), UNKNOWN)
            machine.put(value, DictRecord(items=tuple(items.items()), open=True))  # type: ignore[arg-type]
    elif isinstance(record, ListRecord):
        if (
            record.items is not None
            and isinstance(index, Const)
            and isinstance(index.value, int)
            and -len(record.items) <= index.value < len(record.items)
        ):
            items_list = list(record.items)
            items_list[index.value] = new
            machine.put(value, record.replace(items=tuple(items_list)))  # type: ignore[arg-type]
        else:
            element = join(builtins.element_of(machine, value) or UNKNOWN, machine.resolve(new))
            machine.put(value, ListRecord(items=None, element=element, length=record.size, kind=record.kind))  # type: ignore[arg-type]
    elif isinstance(record, ApiObject):
        from trainlint.interpret import calls
        from trainlint.interpret.api import registry
        from trainlint.interpret.api.call import Arguments
        from trainlint.program.values import Argument

        if place is not None and "__setitem__" in registry.METHODS.get(record.kind, {}):
            given = [Argument(value=index, place=place), Argument(value=machine.resolve(new), place=place)]
            calls.call_method(machine, value, "__setitem__", Arguments(given, {}), place)
    elif isinstance(value, Api) and place is not None:
        _called_as(machine, value, "__setitem__", (index, machine.resolve(new)), place)


def _called_as(machine: Machine, owner: Api, name: str, values: tuple[Value, ...], place: Place) -> Value | None:
    """What a subscript of an object of the API means, where that is known: `os.environ[...]`."""
    from trainlint.interpret import calls
    from trainlint.interpret.api import registry
    from trainlint.interpret.api.call import Arguments
    from trainlint.program.values import Argument

    if f"{owner.symbol.name}.{name}" not in registry.HANDLERS:
        return None
    arguments = Arguments([Argument(value=value, place=place) for value in values], {})
    return calls.call(machine, calls.attribute(machine, owner, name, place), arguments, place)


def assigned_tensor(machine: Machine, tensor: Tensor, new: Value) -> Tensor:
    """An array after `array[index] = new`: its range also holds the new values, what else was known is gone."""
    other = arrays.as_tensor(machine, new)
    old, added = tensor.interval, other.interval if other is not None else None
    if other is None or old is None or added is None:
        return tensor.replace(low=None, high=None, rms=None, values=None, encoding=None)
    values = None
    if tensor.values is not None and other.values is not None:
        both = tuple(sorted({*tensor.values, *other.values}))
        values = both if len(both) <= 16 else None
    return tensor.replace(low=min(old[0], added[0]), high=max(old[1], added[1]), rms=None, values=values, encoding=None)
