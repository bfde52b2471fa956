"""Steps of tf.data that make other elements: windows, padding, flattening, and the elements that a type tells."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins, calls
from trainlint.interpret.api.call import ApiCall, Arguments, dtype_name
from trainlint.interpret.api.common import tensor_type
from trainlint.interpret.api.datasets import batch_axis, batched, element_of, rows_of
from trainlint.interpret.api.registry import attribute, handles, method
from trainlint.interpret.joins import join_tensors
from trainlint.program.dims import Dim, Shape
from trainlint.program.values import (
    UNKNOWN,
    ApiObject,
    Argument,
    DictRecord,
    Ref,
    Tensor,
    Tuple,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine


def stepped(call: ApiCall, element: Value, *, length: Dim = None, step: str = "", **more: Any) -> Value:
    """A dataset of other elements that a step, named as the method, makes of the receiver."""
    record = call.machine.object(call.receiver)
    assert record is not None
    steps = (*record.fields.get("steps", ()), step or call.machine.method_name)
    fields = {**record.fields, "element": element, "length": length, "steps": steps, "of": call.receiver, **more}
    if "batch_size" in more:
        fields.pop("window", None)
    return call.machine.new(call.place, ApiObject(call.symbol, "dataset", {}, call.place, fields), "dataset")


def mapped(call: ApiCall, element: Value, change: Callable[[Tensor, str], Value], tag: str = "part") -> Value:
    """The structure of an element with each of its tensors changed; what is no tensor is unknown."""
    machine = call.machine
    element = machine.resolve(element)
    if isinstance(element, Tuple):
        return Tuple(items=tuple(mapped(call, item, change, f"{tag}.{i}") for i, item in enumerate(element.items)))
    tensor = arrays.as_tensor(machine, element)
    if tensor is not None:
        return change(tensor, tag)
    record = machine.get(element)
    if isinstance(record, DictRecord):
        pairs = tuple((key, mapped(call, item, change, f"{tag}.{i}")) for i, (key, item) in enumerate(record.items))
        return machine.new(call.place, DictRecord(items=pairs, open=record.open), tag)
    return UNKNOWN


# Steps ----------------------------------------------------------------------------------------------------------------


@method("dataset", "unbatch")
def unbatch(call: ApiCall) -> Value:
    return stepped(call, rows_of(call, element_of(call.machine, call.receiver))[0])


@method("dataset", "enumerate")
def enumerated(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    assert record is not None
    count = Tensor(shape=(), dtype="int64", low=0.0, high=math.inf)
    pair = Tuple(items=(count, element_of(call.machine, call.receiver)))
    return stepped(call, pair, length=record.fields.get("length"))


@method("dataset", "apply")
def apply(call: ApiCall) -> Value:
    """What a function makes of the whole dataset."""
    call.bind_as("transformation_func")
    function = call.function("transformation_func")
    if function is None:
        return stepped(call, UNKNOWN)
    argument = Argument(value=call.receiver or UNKNOWN, place=call.place)
    result = call.machine.resolve(calls.call(call.machine, function, Arguments([argument], {}), call.place))
    record = call.machine.object(result)
    return result if record is not None and record.kind == "dataset" else stepped(call, UNKNOWN)


@method("dataset", "concatenate")
def concatenate(call: ApiCall) -> Value:
    call.bind_as("dataset")
    return stepped(call, either(call, [call.receiver or UNKNOWN, call.value("dataset")]))


def either(call: ApiCall, datasets: list[Value]) -> Value:
    """An element of one of several datasets; unknown unless all give the same structure."""
    elements = [element_of(call.machine, dataset) for dataset in datasets]
    return _joined(call, elements) if elements else UNKNOWN


def _joined(call: ApiCall, elements: list[Value], tag: str = "either") -> Value:
    machine = call.machine
    elements = [machine.resolve(element) for element in elements]
    first = elements[0]
    if isinstance(first, Tuple):
        if not all(isinstance(other, Tuple) and len(other.items) == len(first.items) for other in elements):
            return UNKNOWN
        columns = zip(*(other.items for other in elements))  # type: ignore[attr-defined]
        return Tuple(items=tuple(_joined(call, list(parts), f"{tag}.{i}") for i, parts in enumerate(columns)))
    tensors = [arrays.as_tensor(machine, element) for element in elements]
    if any(tensor is None for tensor in tensors):
        return UNKNOWN
    known = [tensor for tensor in tensors if tensor is not None]
    joined = known[0]
    for tensor in known[1:]:
        joined = join_tensors(joined, tensor)
    return call.emit("opaque", *known, output=joined.replace(op=None, library="tf"), tag=tag)


@handles(
    "tf.data.Dataset.sample_from_datasets",
    "tf.data.experimental.sample_from_datasets",
    "tf.data.Dataset.choose_from_datasets",
    "tf.data.experimental.choose_from_datasets",
)
def sample_from_datasets(call: ApiCall) -> Value:
    items = call.items("datasets")
    # In which order they come is not followed.
    return call.object("dataset", element=UNKNOWN if not items else either(call, list(items)), shuffled=None)


@method("dataset", "flat_map", "interleave")
def flat_map(call: ApiCall) -> Value:
    """The elements of the dataset that a function makes of each element."""
    call.bind_as("map_func")
    element = element_of(call.machine, call.receiver)
    function = call.function("map_func")
    if function is None:
        return stepped(call, UNKNOWN)
    parts = element.items if isinstance(element, Tuple) else (element,)
    arguments = Arguments([Argument(value=part, place=call.place) for part in parts], {})
    inner = calls.call(call.machine, function, arguments, call.place)
    return stepped(call, element_of(call.machine, inner))


@method("dataset", "window")
def window(call: ApiCall) -> Value:
    """Datasets of as many elements as the window is long, one for each part of an element."""
    call.bind_as("size", "shift", "stride", "drop_remainder", shift=None, stride=1, drop_remainder=False)
    # The last windows are shorter unless they are dropped.
    size = arrays.as_dim(call.value("size")) if call.constant("drop_remainder") is True else None
    symbol, place, machine = call.symbol, call.place, call.machine

    def inner(tensor: Tensor, tag: str) -> Value:
        fields = {"element": tensor, "length": size, "window": size}
        return machine.new(place, ApiObject(symbol, "dataset", {}, place, fields), f"window {tag}")

    return stepped(call, mapped(call, element_of(machine, call.receiver), inner))


def rows_in_batch(call: ApiCall, record: ApiObject) -> Dim:
    """The length of the batches of a dataset: all of a window, which is no batch; else the batch axis of the call."""
    if arrays.as_dim(call.value("batch_size")) == 1:
        return 1  # no batch has fewer
    if "window" not in record.fields:
        return batch_axis(call)
    size, asked = record.fields["window"], arrays.as_dim(call.value("batch_size"))
    return size if isinstance(size, int) and isinstance(asked, int) and asked >= size else None


@method("dataset", "batch", "ragged_batch")
def batch(call: ApiCall) -> Value:
    call.bind_as("batch_size")
    record = call.machine.object(call.receiver)
    assert record is not None
    element = element_of(call.machine, call.receiver)
    ragged = call.machine.method_name == "ragged_batch"
    whole = UNKNOWN if ragged else batched(call, element, rows_in_batch(call, record))
    return _in_batches(call, whole)


def _in_batches(call: ApiCall, element: Value) -> Value:
    return stepped(call, element, step="batch", batch_size=arrays.as_dim(call.value("batch_size")))


@method("dataset", "padded_batch")
def padded_batch(call: ApiCall) -> Value:
    """Batches of elements that are filled up to one shape."""
    call.bind_as("batch_size", "padded_shapes", "padding_values", padded_shapes=None, padding_values=None)
    record = call.machine.object(call.receiver)
    assert record is not None
    rows, plain = rows_in_batch(call, record), is_none(call.value("padding_values"))

    def fill(element: Value, shapes: Value, tag: str) -> Value:
        machine = call.machine
        element, shapes = machine.resolve(element), machine.resolve(shapes)
        if isinstance(element, Tuple):
            wanted = builtins.items_of(machine, shapes)
            if wanted is None or len(wanted) != len(element.items):
                wanted = [shapes if is_none(shapes) else UNKNOWN] * len(element.items)
            parts = zip(element.items, wanted)
            return Tuple(items=tuple(fill(part, shape, f"{tag}.{i}") for i, (part, shape) in enumerate(parts)))
        tensor = arrays.as_tensor(machine, element)
        if tensor is None:
            return UNKNOWN
        shape = _padded(machine, tensor.shape, shapes)
        output = tensor
        if shape is None or shape != tensor.shape or None in shape:
            low = min(0.0, tensor.low) if plain and tensor.low is not None else None
            high = max(0.0, tensor.high) if plain and tensor.high is not None else None
            output = tensor.replace(low=low, high=high, values=None, rms=None, encoding=None)
        output = output.replace(shape=None if shape is None else (rows, *shape), op=None, library="tf")
        return call.emit("stack", tensor, output=output, tag=tag)

    return _in_batches(call, fill(element_of(call.machine, call.receiver), call.value("padded_shapes"), "batch"))


def _padded(machine: Machine, shape: Shape, wanted: Value) -> Shape:
    """The shape of an element that is filled up: an axis without a length gets that of the longest."""
    if is_none(wanted):
        return shape if shape is None else tuple(d if isinstance(d, int) else None for d in shape)
    record = machine.get(wanted)
    if isinstance(record, DictRecord):
        return None
    items = builtins.items_of(machine, wanted)
    asked = arrays.as_shape(machine, wanted) if items or items is None else ()
    if asked is None or (shape is not None and len(shape) != len(asked)):
        return None
    known: tuple[Dim, ...] = shape if shape is not None else (None,) * len(asked)
    open_ends: list[Value] = list(items) if items is not None else []
    result: list[Dim] = []
    for i, (has, wants) in enumerate(zip(known, asked)):
        if isinstance(wants, int) and wants >= 0:
            result.append(wants)
        elif wants == -1 or (open_ends and is_none(machine.resolve(open_ends[i]))):
            result.append(has if isinstance(has, int) else None)
        else:
            result.append(None)
    return tuple(result)


@method("dataset", "reduce")
def reduce(call: ApiCall) -> Value:
    """A state of the shape and type of the first one."""
    call.bind_as("initial_state", "reduce_func")
    sources = tuple(arrays.tensors_in(call.machine, element_of(call.machine, call.receiver)))

    def end(tensor: Tensor, tag: str) -> Value:
        return call.emit(
            "opaque", *sources, output=Tensor(shape=tensor.shape, dtype=tensor_type(tensor.dtype)), tag=tag
        )

    return mapped(call, call.value("initial_state"), end, "state")


@handles("tf.data.experimental.cardinality")
@method("dataset", "cardinality")
def cardinality(call: ApiCall) -> Value:
    """How many elements there are; -1 for those that never end, -2 where that is not known."""
    return call.emit("data", output=Tensor(shape=(), dtype="int64", low=-2.0, high=math.inf))


# Elements that a type tells -------------------------------------------------------------------------------------------


def typed(call: ApiCall, types: Value, shapes: Value, tag: str = "element") -> Value:
    """An element of these types and shapes, in one structure of tuples and dicts."""
    machine = call.machine
    types, shapes = machine.resolve(types), machine.resolve(shapes)
    record = machine.get(types)
    if isinstance(record, ApiObject):
        if record.kind == "element types":
            return _bare(call, record.fields["element"])
        return _specified(call, record, tag)
    if isinstance(record, DictRecord):
        other = machine.get(shapes)
        known = dict(other.items) if isinstance(other, DictRecord) else {}
        pairs = tuple(
            (key, typed(call, item, known.get(key, UNKNOWN), f"{tag}.{i}"))
            for i, (key, item) in enumerate(record.items)
        )
        return machine.new(call.place, DictRecord(items=pairs, open=record.open), tag)
    if isinstance(types, Tuple):
        parts = builtins.items_of(machine, shapes) or []
        if len(parts) != len(types.items):
            parts = [UNKNOWN] * len(types.items)
        pairs_of = zip(types.items, parts)
        return Tuple(items=tuple(typed(call, t, s, f"{tag}.{i}") for i, (t, s) in enumerate(pairs_of)))
    dtype = dtype_name(types)
    if dtype is None:
        return UNKNOWN
    items = builtins.items_of(machine, shapes)
    shape: Shape = () if items == [] else None if is_none(shapes) else arrays.as_shape(machine, shapes)
    return call.emit("data", output=Tensor(shape=shape, dtype=dtype), tag=tag)


def _specified(call: ApiCall, record: ApiObject, tag: str) -> Value:
    """An element that `tf.TensorSpec(shape, dtype)` describes."""
    if record.symbol.name != "tf.TensorSpec":
        return UNKNOWN
    shape, dtype = record.arguments.get("shape"), record.arguments.get("dtype")
    return typed(call, UNKNOWN if dtype is None else dtype.value, UNKNOWN if shape is None else shape.value, tag)


def _bare(call: ApiCall, element: Value) -> Value:
    """What types and shapes say of an element, and nothing of its numbers."""

    def forget(tensor: Tensor, tag: str) -> Value:
        return call.emit("data", output=Tensor(shape=tensor.shape, dtype=tensor_type(tensor.dtype)), tag=tag)

    return mapped(call, element, forget, "element")


@handles("tf.data.Dataset.from_generator")
def from_generator(call: ApiCall) -> Value:
    signature = call.value("output_signature")
    if not is_none(signature):
        return call.object("dataset", element=typed(call, signature, UNKNOWN))
    return call.object("dataset", element=typed(call, call.value("output_types"), call.value("output_shapes")))


@handles("tf.data.Iterator.from_structure", "tf.data.Iterator.from_string_handle")
def iterator_of_structure(call: ApiCall) -> Value:
    """An iterator that datasets of these types are given to later."""
    return call.object("dataset", element=typed(call, call.value("output_types"), call.value("output_shapes")))


@attribute("dataset", "output_types")
def output_types(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    fields = {"element": record.fields.get("element", UNKNOWN)}
    return machine.new(place, ApiObject(record.symbol, "element types", {}, place, fields), "types")


@handles("tf.data.get_output_types")
def get_output_types(call: ApiCall) -> Value:
    return call.object("element types", element=element_of(call.machine, call.value("dataset_or_iterator")))


@handles("keras.utils.timeseries_dataset_from_array", "keras.preprocessing.timeseries_dataset_from_array")
def timeseries_dataset(call: ApiCall) -> Value:
    """Batches of windows of an array, with the target that belongs to each."""
    data, targets = call.tensor("data"), call.value("targets")
    whole: tuple[Dim, ...] = () if is_none(call.value("batch_size")) else (batch_axis(call),)
    length = arrays.as_dim(call.value("sequence_length"))
    shuffled = call.known("shuffle")
    shuffled = shuffled if isinstance(shuffled, bool) else None
    if data is None:
        return call.object("dataset", element=UNKNOWN, shuffled=shuffled)
    shape = (*whole, length, *data.shape[1:]) if data.shape else None
    windows = call.emit("gather", data, output=data.replace(shape=shape, op=None, library="tf", encoding=None))
    if is_none(targets):
        return call.object("dataset", element=windows, shuffled=shuffled)
    target = arrays.as_tensor(call.machine, targets)
    if target is None:
        return call.object("dataset", element=Tuple(items=(windows, UNKNOWN)), shuffled=shuffled)
    ends = (*whole, *target.shape[1:]) if target.shape else None
    labels = call.emit("gather", target, output=target.replace(shape=ends, op=None, library="tf"), tag="targets")
    return call.object("dataset", element=Tuple(items=(windows, labels)), shuffled=shuffled)
