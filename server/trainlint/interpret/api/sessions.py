"""Sessions of TensorFlow 1: what is fetched, what is fed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins, calls
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.api.keras_layers import set_weights
from trainlint.interpret.api.registry import HANDLERS, handles, method
from trainlint.interpret.expressions import lookup
from trainlint.interpret.machine import unknown
from trainlint.program.events import Feed, SessionOpened, SessionRun, WeightsSet
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    ApiObject,
    Argument,
    Const,
    DictRecord,
    Function,
    ListRecord,
    Tensor,
    Tuple,
    Value,
    is_none,
)

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


@handles("tf.Session", "tf.InteractiveSession", "tf.train.MonitoredTrainingSession", "tf.train.MonitoredSession",
         "tf.train.SingularMonitoredSession", "tf.get_default_session", "keras.backend.get_session")  # fmt: skip
def session(call: ApiCall) -> Value:
    made = call.object("session")
    call.machine.record(SessionOpened(place=call.place, context=call.machine.context(), session=made.id))
    return made


@method("tf.train.Supervisor", "managed_session", "prepare_or_wait_for_session")
def managed_session(call: ApiCall) -> Value:
    """A session that the supervisor has initialised, or restored from a checkpoint."""
    return session(call)


@method("session", "as_default", "__enter__")
def as_default(call: ApiCall) -> Value:
    return call.receiver or UNKNOWN


@method("session", "close", "should_stop")
def close(call: ApiCall) -> Value:
    return NONE if call.arguments.positional else UNKNOWN


@method("session", "run")
def run(call: ApiCall) -> Value:
    call.bind_as("fetches", "feed_dict", feed_dict=None)
    return run_session(call, call.value("fetches"), call.value("feed_dict"), call.receiver)


@method("tensor", "eval", "run")
def evaluate(call: ApiCall) -> Value:
    call.bind_as("feed_dict", "session", feed_dict=None, session=None)
    assert call.receiver is not None
    session = call.value("session")
    return run_session(call, call.receiver, call.value("feed_dict"), None if is_none(session) else session)


def run_session(call: ApiCall, fetches: Value, feed_dict: Value, session: Value | None) -> Value:
    machine = call.machine
    feeds: list[Feed] = []
    opaque = False
    record = machine.get(feed_dict)
    if isinstance(record, DictRecord):
        opaque = record.open
        for key, value in record.items:
            value = arrays.plain(machine, machine.resolve(value))
            if isinstance(key, Tensor) and key.op is not None:
                place = record.places.get(key) or _feed_place(machine, call, value)
                feeds.append(Feed(key=key.op, value=value, place=place))
            else:
                opaque = True
    elif not is_none(feed_dict):
        opaque = True
    fetched = tuple(arrays.tensors_in(machine, fetches))
    machine.record(
        SessionRun(
            place=call.place, context=machine.context(), fetches=fetched, feeds=tuple(feeds), opaque=opaque,
            partial=not is_readable(machine, fetches), session=session,
        )
    )  # fmt: skip
    tensors = tuple(value for feed in feeds for value in arrays.tensors_in(machine, feed.value))
    if tensors:
        machine.emit("identity", "feed", call.place, tensors, Tensor(library="np"), "feed")
    return fetched_value(call, fetches)


def is_readable(machine: Any, fetches: Value) -> bool:
    """Whether all that is fetched is known."""
    fetches = machine.resolve(fetches)
    if isinstance(fetches, Tensor):
        return fetches.op is not None
    if isinstance(fetches, Const):
        # A tensor or an operation by its name. As an iterable, a string holds strings without end.
        return False
    record = machine.get(fetches)
    if isinstance(record, DictRecord):
        return not record.open and all(is_readable(machine, value) for _, value in record.items)
    items = builtins.items_of(machine, fetches)
    return items is not None and all(is_readable(machine, item) for item in items)


def _feed_place(machine: Any, call: ApiCall, value: Value) -> Any:
    """Where the fed value is written: the operation that made it, if that is part of the call."""
    operation = machine.operation(value) if isinstance(value, Tensor) else None
    if operation is not None and operation.id.frame is machine.frame:
        return operation.place
    argument = call.argument("feed_dict")
    return argument.place if argument is not None and argument.place is not None else call.place


def fetched_value(call: ApiCall, fetches: Value, tag: str = "") -> Value:
    """What `run` returns: arrays in the structure of the fetches."""
    machine = call.machine
    fetches = machine.resolve(fetches)
    if isinstance(fetches, Tensor):
        operation = machine.operation(fetches)
        if operation is not None and operation.kind in ("train", "group", "initializer"):
            return NONE
        output = fetches.replace(library="np", op=None, activation=fetches.activation)
        return machine.emit("identity", "session.run", call.place, (fetches,), output, "fetch" + tag)
    if isinstance(fetches, Const):
        return UNKNOWN
    items = builtins.items_of(machine, fetches)
    record = machine.get(fetches)
    if isinstance(record, DictRecord) and not record.open:
        pairs = tuple((key, fetched_value(call, value, f"{tag}.{i}")) for i, (key, value) in enumerate(record.items))
        return machine.new(call.place, DictRecord(items=pairs), "fetched" + tag)
    if items is not None:
        values = tuple(fetched_value(call, item, f"{tag}.{i}") for i, item in enumerate(items))
        if isinstance(fetches, Tuple):
            return Tuple(items=values)
        return machine.new(call.place, ListRecord(items=values), "fetched" + tag)
    return UNKNOWN


@handles(
    "tf.global_variables_initializer",
    "tf.initialize_all_variables",
    "tf.local_variables_initializer",
    "tf.initialize_local_variables",
    "tf.variables_initializer",
    "tf.tables_initializer",
    "tf.report_uninitialized_variables",
)
def initializer(call: ApiCall) -> Value:
    return call.emit("initializer", output=Tensor(shape=()))


@handles("tf.app.run", "absl.app.run")
def app_run(call: ApiCall) -> Value:
    """Runs `main`, the one given or the one of the calling module."""
    values = [a.value for a in call.arguments.positional[:1]] + [
        call.arguments.keywords[k].value for k in ("main",) if k in call.arguments.keywords
    ]
    main = call.machine.resolve(values[0]) if values else call.machine.resolve(lookup(call.machine, "main"))
    if isinstance(main, Function):
        calls.call(call.machine, main, Arguments([Argument(value=UNKNOWN, place=call.place)], {}), call.place)
    return NONE


@handles(
    "tf.train.Saver",
    "tf.train.Checkpoint",
    "tf.train.Coordinator",
    "tf.ConfigProto",
    "tf.GPUOptions",
    "tf.summary.FileWriter",
    "tf.train.SummaryWriter",
    "tf.summary.create_file_writer",
    "tf.train.ExponentialMovingAverage",
)
def helper_object(call: ApiCall) -> Value:
    return call.object("object")


@handles("tf.train.import_meta_graph")
def import_meta_graph(call: ApiCall) -> Value:
    """A saver, as the one that wrote the file."""
    symbol = call.symbol.replace(name="tf.train.Saver", kind="class")
    return call.machine.new(call.place, ApiObject(symbol, "object", {}, call.place, {}), "object")


@method("tf.train.Checkpoint", "restore", "read")
def restore_objects(call: ApiCall) -> Value:
    """Gives the models and layers that a checkpoint was made of the weights that a file holds."""
    record = call.machine.object(call.receiver)
    for argument in record.arguments.values() if record is not None else ():
        set_weights(call.machine, call.machine.resolve(argument.value), call.place)
    return unknown("what was restored is not known", call.place)


@method("tf.train.Saver", "restore")
def restore(call: ApiCall) -> Value:
    """A run that sets the variables to what a file holds."""
    machine = call.machine
    context = machine.context()
    if not context.conditions:
        # Where a test decides, the weights may as well start as they were made.
        machine.record(WeightsSet(place=call.place, context=context, target=None))
    restored = machine.emit("initializer", "tf.train.Saver.restore", call.place, (), Tensor(shape=()), "restore")
    call.bind_as("sess", "save_path")
    machine.record(SessionRun(place=call.place, context=context, fetches=(restored,), session=call.value("sess")))
    return NONE


@handles(
    "tf.summary.scalar",
    "tf.summary.histogram",
    "tf.summary.image",
    "tf.summary.merge",
    "tf.summary.merge_all",
    "tf.scalar_summary",
    "tf.histogram_summary",
    "tf.merge_summary",
    "tf.merge_all_summaries",
    "tf.summary.text",
    "tf.summary.audio",
)
def summary(call: ApiCall) -> Value:
    tensors = tuple(t for value in call.arguments.values() for t in arrays.tensors_in(call.machine, value))
    if call.name.rsplit(".", 1)[-1] in ("merge_all", "merge_all_summaries"):
        made = call.machine.made("opaque")
        tensors = tuple(o.output for o in made if o.symbol is not None and HANDLERS.get(o.symbol.name) is summary)
    return call.emit("opaque", *tensors, output=Tensor(shape=(), dtype="string"))


@handles("tf.nn.in_top_k")
def in_top_k(call: ApiCall) -> Value:
    """Order of the arguments: (predictions, targets, k) in version 1, (targets, predictions, k) in version 2."""
    if call.is_v1:
        call.bind_as("predictions", "targets", "k", "name")
    else:
        call.bind_as("targets", "predictions", "k", "name")
    predictions, targets = call.value("predictions"), call.value("targets")
    tensor = arrays.as_tensor(call.machine, predictions)
    shape = tensor.shape[:1] if tensor is not None and tensor.shape else None
    output = Tensor(shape=shape, dtype="bool", low=0.0, high=1.0, values=(0.0, 1.0))
    return call.emit("in-top-k", predictions, targets, output=output, k=call.constant("k"))
