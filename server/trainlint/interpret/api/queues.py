"""Input queues of TensorFlow 1: single examples go in, batches come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api.datasets import batch_axis, batched, rows_of
from trainlint.interpret.api.registry import handles
from trainlint.program.values import DictRecord, ListRecord, Tensor, Value, is_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Dim


@handles("tf.train.slice_input_producer")
def slice_input_producer(call: ApiCall) -> Value:
    """One row of each array."""
    items = builtins.items_of(call.machine, call.value("tensor_list"))
    if items is None:
        return call.opaque()
    rows = tuple(rows_of(call, call.machine.resolve(item), f"row {i}")[0] for i, item in enumerate(items))
    return call.machine.new(call.place, ListRecord(items=rows), "rows")


@handles("tf.train.batch", "tf.train.shuffle_batch")
def batch(call: ApiCall) -> Value:
    """The examples with a batch axis; with `enqueue_many` they have one already."""
    machine = call.machine
    value = call.value("tensors")
    size = arrays.as_dim(call.value("batch_size"))
    many = call.known("enqueue_many")
    if many not in (True, False):
        return call.opaque()
    axis = size if isinstance(size, int) else batch_axis(call)
    items = builtins.items_of(machine, value)
    record = machine.get(value)
    if many:
        return _some_rows(call, value, items, axis)
    if (items is None and not isinstance(value, Tensor)) or isinstance(record, DictRecord):
        return value if not is_none(value) else call.opaque()
    if items is None:
        return batched(call, value, axis)
    parts = tuple(batched(call, item, axis, f"batch {i}") for i, item in enumerate(items))
    return parts[0] if len(parts) == 1 else machine.new(call.place, ListRecord(items=parts), "batches")


def _some_rows(call: ApiCall, value: Value, items: Sequence[Value] | None, axis: Dim) -> Value:
    """So many rows of each array, which have a batch axis already."""
    tensors = [arrays.as_tensor(call.machine, item) for item in (items if items is not None else [value])]
    known = [tensor for tensor in tensors if tensor is not None]
    if is_none(value) or not known or len(known) != len(tensors):
        return value if not is_none(value) else call.opaque()
    parts = tuple(
        call.emit(
            "gather",
            tensor,
            output=tensor.replace(shape=(axis, *tensor.shape[1:]) if tensor.shape else None, op=None, library="tf"),
            tag=f"batch {index}",
        )
        for index, tensor in enumerate(known)
    )
    return parts[0] if len(parts) == 1 else call.machine.new(call.place, ListRecord(items=parts), "batches")
