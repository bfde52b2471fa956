"""Input queues of TensorFlow 1: single examples go in, batches come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api.datasets import batched, rows_of
from trainlint.interpret.api.registry import handles
from trainlint.program.dims import Symbol
from trainlint.program.values import DictRecord, ListRecord, Tensor, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


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
    axis = (
        size if isinstance(size, int) else Symbol("batch", ("batch", machine.identify(call.place, "batch")), batch=True)
    )
    items = builtins.items_of(machine, value)
    record = machine.get(value)
    if many or (items is None and not isinstance(value, Tensor)) or isinstance(record, DictRecord):
        return value if not is_none(value) else call.opaque()
    if items is None:
        return batched(call, value, axis)
    parts = tuple(batched(call, item, axis, f"batch {i}") for i, item in enumerate(items))
    return parts[0] if len(parts) == 1 else machine.new(call.place, ListRecord(items=parts), "batches")
