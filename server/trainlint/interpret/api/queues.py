"""Input queues of TensorFlow 1: single examples go in, batches come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api.datasets import batch_axis, batched, rows_of
from trainlint.interpret.api.registry import handles, method
from trainlint.interpret.machine import unknown
from trainlint.program.events import QueuesStarted
from trainlint.program.values import DictRecord, ListRecord, Tensor, Tuple, Unknown, Value, is_none

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


@handles("tf.train.string_input_producer", "tf.train.input_producer", "tf.train.range_input_producer")
def input_producer(call: ApiCall) -> Value:
    """A queue of single items, such as names of files."""
    item = call.emit("data", output=Tensor())
    return call.object("queue", item=item)


@method("queue", "dequeue")
def dequeue(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    assert record is not None
    return call.emit("identity", record.fields["item"], output=Tensor())


_READERS = ("FixedLengthRecordReader", "IdentityReader", "LMDBReader", "TFRecordReader", "TextLineReader",
            "WholeFileReader")  # fmt: skip


def read(call: ApiCall) -> Value:
    """A key and a record of the next file in a queue."""
    call.bind_as("queue")
    queue = call.machine.object(call.value("queue"))
    if queue is None or queue.kind != "queue":
        return call.opaque()
    output = Tensor(shape=(), dtype="string")
    return Tuple(items=tuple(call.emit("opaque", queue.fields["item"], output=output, tag=tag) for tag in "kv"))


for _reader in _READERS:
    method(f"tf.{_reader}", "read")(read)


@handles("tf.train.start_queue_runners")
def start_queue_runners(call: ApiCall) -> Value:
    machine = call.machine
    session = call.value("sess")
    started = call.emit("initializer", output=Tensor(shape=()))
    machine.record(
        QueuesStarted(
            place=call.place, context=machine.context(), op=started.op, session=None if is_none(session) else session
        )
    )
    return unknown("the threads of queues are not modelled", call.place)


@handles("tf.train.batch_join", "tf.train.shuffle_batch_join")
def batch_join(call: ApiCall) -> Value:
    """Like `batch`, of several lists that hold the same kinds of tensors."""
    lists = call.items("tensors_list")
    return batch_of(call, call.machine.resolve(lists[0])) if lists else call.opaque()


@handles("tf.train.batch", "tf.train.shuffle_batch")
def batch(call: ApiCall) -> Value:
    """The examples with a batch axis; with `enqueue_many` they have one already."""
    return batch_of(call, call.value("tensors"))


def batch_of(call: ApiCall, value: Value) -> Value:
    machine = call.machine
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
    parts = tuple(_known(call, batched(call, item, axis, f"batch {i}"), i) for i, item in enumerate(items))
    return parts[0] if len(parts) == 1 else machine.new(call.place, ListRecord(items=parts), "batches")


def _known(call: ApiCall, part: Value, index: int) -> Value:
    """The part of a batch; one of which nothing is known still comes out of the queue."""
    return call.emit("stack", output=Tensor(), tag=f"part {index}") if isinstance(part, Unknown) else part


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
