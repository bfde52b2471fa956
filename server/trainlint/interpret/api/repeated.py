"""Functions that call a function over and over: map_fn, scan, while_loop; and the arrays that loops write."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins, calls
from trainlint.interpret.api.call import ApiCall, Arguments, dtype_name
from trainlint.interpret.api.common import tensor_type
from trainlint.interpret.api.datasets import rows_of
from trainlint.interpret.api.pipelines import mapped
from trainlint.interpret.api.registry import handles, method
from trainlint.interpret.joins import join_tensors
from trainlint.interpret.machine import unknown
from trainlint.program.dims import Dim
from trainlint.program.values import UNKNOWN, Argument, Bound, Function, ListRecord, Ref, Tensor, Tuple, Value, is_none

if TYPE_CHECKING:
    from trainlint.program.dims import Shape


def _result(call: ApiCall, function: Value, *arguments: Value) -> Value:
    given = [Argument(value=value, place=call.place) for value in arguments]
    return call.machine.resolve(calls.call(call.machine, function, Arguments(given, {}), call.place))


def _carried(call: ApiCall, initial: Value, tag: str) -> Value:
    """What a loop hands on from round to round: of the first one's shape and type, with other numbers."""

    def forget(tensor: Tensor, part: str) -> Value:
        output = Tensor(shape=tensor.shape, dtype=tensor_type(tensor.dtype))
        return call.emit("opaque", tensor, output=output, tag=part)

    return mapped(call, initial, forget, tag)


def _ended(call: ApiCall, initial: Value, last: Value, rows: tuple[Dim, ...], tag: str) -> Value:
    """The results of a loop: of the first one's shape, computed by what the last round returned."""
    sources = tuple(dict.fromkeys(arrays.tensors_in(call.machine, last)))

    def end(tensor: Tensor, part: str) -> Value:
        shape = None if tensor.shape is None else (*rows, *tensor.shape)
        output = Tensor(shape=shape, dtype=tensor_type(tensor.dtype))
        return call.emit("opaque", *(sources or (tensor,)), output=output, tag=part)

    return mapped(call, initial, end, tag)


@handles("tf.function")
def graph_function(call: ApiCall) -> Value:
    """A function as a graph, which computes the same."""
    value = call.value("func")
    function = value.function if isinstance(value, Bound) else value
    if isinstance(function, Function):
        function = function.replace(graph=True)
        return value.replace(function=function) if isinstance(value, Bound) else function
    return value if isinstance(value, Bound) else call.opaque()


@handles("tf.map_fn", "tf.vectorized_map")
def map_fn(call: ApiCall) -> Value:
    """What a function makes of each row, row by row."""
    function = call.function("fn")
    row, length = rows_of(call, call.value("elems"))
    if function is None or row == UNKNOWN:
        return call.opaque()
    result = _result(call, function, row)
    asked = call.given("fn_output_signature") or call.given("dtype") if call.name == "tf.map_fn" else None
    known = None if asked is None else dtype_name(call.machine.resolve(asked.value))

    def stack(tensor: Tensor, tag: str) -> Value:
        shape = None if tensor.shape is None else (length, *tensor.shape)
        dtype = tensor.dtype if known is None else known
        output = tensor.replace(shape=shape, op=None, library="tf", dtype=tensor_type(dtype))
        return call.emit("stack", tensor, output=output, tag=tag)

    return mapped(call, result, stack, "mapped")


@handles("tf.scan", "tf.foldl", "tf.foldr")
def scan(call: ApiCall) -> Value:
    """A state that a function renews with each row; `scan` gives all of them, a fold the last one."""
    function, initial = call.function("fn"), call.value("initializer")
    row, length = rows_of(call, call.value("elems"))
    if function is None or row == UNKNOWN:
        return call.opaque()
    first = row if is_none(initial) else initial
    last = _result(call, function, _carried(call, first, "state"), row)
    return _ended(call, first, last, (length,) if call.name == "tf.scan" else (), "scanned")


@handles("tf.while_loop")
def while_loop(call: ApiCall) -> Value:
    """The variables of a loop after its last round, as they began but for their numbers."""
    machine, body, given = call.machine, call.function("body"), call.value("loop_vars")
    items = builtins.items_of(machine, given)
    if body is None or items is None or not is_none(call.value("shape_invariants")):
        return call.opaque()
    carried = [_carried(call, item, f"variable {i}") for i, item in enumerate(items)]
    condition = call.function("cond")
    if condition is not None:
        _result(call, condition, *carried)
    last = _result(call, body, *carried)
    ends = [_ended(call, item, last, (), f"end {i}") for i, item in enumerate(items)]
    if len(ends) == 1 and call.is_v1:
        return ends[0]
    if isinstance(given, Tuple):
        return Tuple(items=tuple(ends))
    return machine.new(call.place, ListRecord(items=tuple(ends)), "ends")


# Arrays of tensors ----------------------------------------------------------------------------------------------------


@handles("tf.TensorArray")
def tensor_array(call: ApiCall) -> Value:
    shape = call.shape("element_shape") if call.given("element_shape") is not None else None
    grows = call.known("dynamic_size") not in (None, False)
    return call.object(
        "tensor array",
        dtype=call.dtype("dtype"),
        shape=shape,
        size=None if grows or is_none(call.value("size")) else arrays.as_dim(call.value("size")),
    )


def _put(call: ApiCall, element: Tensor, source: Tensor, size: Dim = None) -> Value:
    """Notes what is written; TensorFlow returns the array, whose name the program then has for it."""
    record = call.machine.object(call.receiver)
    assert record is not None and isinstance(call.receiver, Ref)
    fields = dict(record.fields)
    if "element" in fields:
        element = join_tensors(fields["element"], element)
    fields.update(element=element, sources=(*fields.get("sources", ()), source), size=size or fields.get("size"))
    call.machine.put(call.receiver, record.replace(fields=fields))
    return call.receiver


def _spoiled(call: ApiCall) -> Value:
    """Something that is not known is written: nothing is known of the array any more."""
    record = call.machine.object(call.receiver)
    if record is not None and isinstance(call.receiver, Ref):
        call.machine.put(call.receiver, record.replace(fields={"forgotten": True}))
    tensors = tuple(t for value in call.arguments.values() for t in arrays.tensors_in(call.machine, value))
    if tensors:
        call.emit("opaque", *tensors, output=Tensor())
    return call.receiver or UNKNOWN


@method("tensor array", "write")
def write(call: ApiCall) -> Value:
    call.bind_as("index", "value")
    tensor = call.tensor("value")
    return _spoiled(call) if tensor is None else _put(call, tensor, tensor)


@method("tensor array", "unstack", "unpack", "scatter")
def unstack(call: ApiCall) -> Value:
    """The rows of a tensor as the items of the array."""
    call.bind_as(*(("indices", "value") if call.machine.method_name == "scatter" else ("value",)))
    tensor = call.tensor("value")
    if tensor is None or not tensor.shape:
        return _spoiled(call)
    size = tensor.shape[0] if call.machine.method_name != "scatter" else None
    return _put(call, tensor.replace(shape=tensor.shape[1:], op=None), tensor, size)


def _read(call: ApiCall, rows: tuple[Dim, ...], drop: int = 0) -> Value:
    record = call.machine.object(call.receiver)
    element = record.fields.get("element") if record is not None else None
    if record is None or element is None or record.fields.get("forgotten"):
        return unknown("what an array of tensors holds is not known", call.place)
    shape: Shape = None
    if element.shape is not None and len(element.shape) >= drop:
        shape = (*rows, *element.shape[drop:])
    dtype = record.fields.get("dtype") or tensor_type(element.dtype)
    output = element.replace(shape=shape, op=None, library="tf", dtype=dtype, encoding=None, activation=None)
    if record.fields.get("shape") is None and rows:
        # What was not written is zero.
        low = None if element.low is None else min(0.0, element.low)
        high = None if element.high is None else max(0.0, element.high)
        output = output.replace(low=low, high=high, values=None)
    return call.emit("stack", *dict.fromkeys(record.fields["sources"]), output=output)


@method("tensor array", "stack", "pack")
def stack(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    return _read(call, (record.fields.get("size") if record is not None else None,))


@method("tensor array", "gather")
def gather(call: ApiCall) -> Value:
    call.bind_as("indices")
    indices = call.tensor("indices")
    return _read(call, (indices.shape[0] if indices is not None and indices.shape else None,))


@method("tensor array", "concat")
def concat(call: ApiCall) -> Value:
    return _read(call, (None,), 1)


@method("tensor array", "read")
def read(call: ApiCall) -> Value:
    return _read(call, ())


@method("tensor array", "size")
def size(call: ApiCall) -> Value:
    return call.emit("data", output=Tensor(shape=(), dtype="int32", low=0.0, high=math.inf))


@method("tensor array", "identity", "mark_used", "close")
def itself(call: ApiCall) -> Value:
    return call.receiver or UNKNOWN
