"""Recurrent networks of TensorFlow 1: cells and the functions that run them over a sequence; Keras cells.

A cell that runs over a sequence becomes one operation of kind "recurrent", whose result stands for every step: shape,
weights and range are modelled, the recurrence is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins, calls, contexts
from trainlint.interpret.api import activations, layers
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.api.common import operand
from trainlint.interpret.api.keras_layers import CALLS, layer
from trainlint.interpret.api.registry import attribute, called, handles, method
from trainlint.interpret.machine import MISSING, Machine
from trainlint.program import dims
from trainlint.program.values import (
    NONE,
    TRUE,
    UNKNOWN,
    ApiObject,
    Argument,
    Const,
    InstanceRecord,
    ListRecord,
    Ref,
    Tensor,
    Tuple,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.program.dims import Dim, Shape

GATES = {
    "BasicLSTMCell": 4,
    "LSTMCell": 4,
    "LSTMBlockCell": 4,
    "LSTMBlockFusedCell": 4,
    "LayerNormBasicLSTMCell": 4,
    "CudnnCompatibleLSTMCell": 4,
    "GRUCell": 3,
    "GRUBlockCell": 3,
    "GRUBlockCellV2": 3,
    "CudnnCompatibleGRUCell": 3,
    "BasicRNNCell": 1,
    "SimpleRNNCell": 1,
}
"""Matrices that the weights of a cell hold side by side."""

_WRAPPERS = ("DropoutWrapper", "ResidualWrapper", "HighwayWrapper", "DeviceWrapper")
_STACKS = ("MultiRNNCell", "StackedRNNCells")
_ROOMS = ("tf.nn.rnn_cell", "tf.contrib.rnn", "tf.contrib.cudnn_rnn")


@handles(*(f"{room}.{name}" for room in _ROOMS for name in (*GATES, *_WRAPPERS, *_STACKS)))
def cell(call: ApiCall) -> Value:
    return call.object("cell")


@handles("tf.nn.rnn_cell.LSTMStateTuple", "tf.contrib.rnn.LSTMStateTuple")
def state_tuple(call: ApiCall) -> Value:
    return Tuple(items=(operand(call, 0, "c"), operand(call, 1, "h")))


# One cell -------------------------------------------------------------------------------------------------------------


def _name(record: ApiObject) -> str:
    return record.symbol.name.rsplit(".", 1)[-1]


def _inner(machine: Machine, record: ApiObject) -> list[Value]:
    """The cells of a wrapper or stack; empty when they are not known."""
    argument = record.arguments.get("cells") or record.arguments.get("cell")
    if argument is None:
        return []
    if _name(record) in _STACKS:
        return builtins.items_of(machine, machine.resolve(argument.value)) or []
    return [machine.resolve(argument.value)]


def _units(record: ApiObject) -> Dim:
    argument = record.arguments.get("num_units") or record.arguments.get("units")
    return arrays.as_dim(argument.value) if argument is not None else None


def width(machine: Machine, value: Value) -> Dim:
    """The size of what a cell gives in each step, None when it is not known."""
    record = machine.object(value)
    if record is None:
        return None
    name = _name(record)
    if name in GATES:
        projected = record.arguments.get("num_proj")
        if projected is not None and not is_none(machine.resolve(projected.value)):
            return arrays.as_dim(machine.resolve(projected.value))
        return _units(record)
    inner = _inner(machine, record)
    return width(machine, inner[-1]) if inner else None


def run(
    machine: Machine, value: Value, x: Tensor, place: Any, more: tuple[Value, ...] = (), path: str = ""
) -> Tensor | None:
    """What a cell gives for every step of `x`, whose last axis holds the features; None when the cell is not known.

    `more` are other tensors that the result depends on, such as the initial state; `path` tells uses of a cell apart.
    """
    value = machine.resolve(value)
    record = machine.object(value)
    if record is None:
        return None
    name = _name(record)
    assert isinstance(value, Ref)
    if name in GATES:
        return _step(_site(machine, value, record, place), name, x, more, path)
    inner = _inner(machine, record)
    if not inner:
        return None
    if name in _STACKS:
        for index, item in enumerate(inner):
            following = run(machine, item, x, place, more if index == 0 else (), f"{path}.{index}")
            if following is None:
                return None
            x = following
        return x
    if name == "DropoutWrapper":
        x = _drop(machine, value, record, "input_keep_prob", x, place, path)
    result = run(machine, inner[0], x, place, more, path)
    if result is None:
        return None
    site = _site(machine, value, record, place)
    if name == "DropoutWrapper":
        return _drop(machine, value, record, "output_keep_prob", result, place, path)
    if name in ("ResidualWrapper", "HighwayWrapper"):
        output = result.replace(op=None, low=None, high=None, activation=None, rms=None)
        return site.emit("add", (result, x), output, f"residual{path}")
    return result


def _site(machine: Machine, value: Ref, record: ApiObject, place: Any) -> layers.Site:
    arguments = dict(record.arguments)
    scopes = machine.read(contexts.SCOPES)
    for _, defaults in () if scopes is MISSING else scopes:
        given = arguments.get("initializer")
        if "initializer" in defaults and (given is None or is_none(given.value)):
            arguments["initializer"] = Argument(value=defaults["initializer"])
    return layers.Site(machine, record.place, place, arguments, record.symbol, value.id)


def _step(site: layers.Site, name: str, x: Tensor, more: tuple[Value, ...], path: str) -> Tensor:
    machine = site.machine
    units = arrays.as_dim(site.value("num_units", "units"))
    gates = dims.combine("*", units, GATES[name])
    last = x.shape[-1] if x.shape else None
    weights: tuple[Tensor, ...]
    if site.symbol.name.startswith("keras."):
        weights = layers.recurrent_weights(site, x, units, GATES[name])
    else:
        kernel = site.weight(f"kernel{path}", (dims.combine("+", last, units), gates), "initializer")
        weights = (kernel, site.weight(f"bias{path}", (gates,), "bias_initializer", default="zeros"))
    chosen = site.value("activation")
    function = "tanh" if is_none(chosen) else activations.function_of(machine, chosen)
    low, high = activations.bounds(function) if function else (None, None)
    size: Dim = width(machine, Ref(id=site.layer)) if site.layer is not None else units
    projected = not is_none(site.value("num_proj"))
    shape: Shape = (*x.shape[:-1], size) if x.shape else None
    output = Tensor(
        shape=shape,
        dtype="float32",
        low=None if projected else low,
        high=None if projected else high,
        # What a normalization inside of the cell makes of the state is another size.
        rms=0.5 if function == "tanh" and not projected and "Norm" not in name else None,
        activation=None if projected else function,
        grounds=x.grounds,
    )
    return site.emit("recurrent", (x, *weights, *more), output, f"recurrent{path}", units=units, sequences=True)


def _drop(machine: Machine, value: Ref, record: ApiObject, which: str, x: Tensor, place: Any, path: str) -> Tensor:
    argument = record.arguments.get(which)
    keep = Const(value=1.0) if argument is None else machine.resolve(argument.value)
    if keep == Const(value=1.0) or keep == Const(value=1):
        return x
    return activations.drop(
        machine,
        x,
        record.place,
        keep=keep,
        rate=UNKNOWN,
        training=TRUE,
        tag=(f"{which}{path}", value.id, place),
        form="wrapper",
        layer=value.id,
        symbol=record.symbol,
        name=record.symbol.name,
        call_place=place,
    )


def state_of(machine: Machine, value: Value, output: Tensor, shape: Shape, place: Any, path: str = "") -> Value:
    """The state that a cell ends in: c and h of an LSTM, a tuple of the states of a stack."""
    record = machine.object(value)
    if record is None:
        return UNKNOWN
    name = _name(record)
    if name in _STACKS:
        inner = _inner(machine, record)
        states = [state_of(machine, item, output, shape, place, f"{path}.{i}") for i, item in enumerate(inner)]
        if _in_one(record):
            return _beside_each_other(machine, value, output, states, place, path)
        return Tuple(items=tuple(states))
    if name not in GATES:
        inner = _inner(machine, record)
        return state_of(machine, inner[0], output, shape, place, path) if inner else UNKNOWN
    units = _units(record)
    assert isinstance(value, Ref)
    site = layers.Site(machine, record.place, place, record.arguments, record.symbol, value.id)
    size = None if shape is None else (*shape[:-1], width(machine, value))
    hidden = site.emit("slice", (output,), output.replace(op=None, shape=size), f"hidden{path}")
    if "LSTM" not in name:
        return hidden
    inside = Tensor(shape=None if shape is None else (*shape[:-1], units), dtype="float32")
    memory = site.emit("slice", (output,), inside, f"memory{path}")
    if _in_one(record):
        both = inside.replace(shape=None if shape is None else (*shape[:-1], dims.combine("*", units, 2)))
        return site.emit("slice", (output,), both, f"state{path}")
    return Tuple(items=(memory, hidden))


def _in_one(record: ApiObject) -> bool:
    """Whether the state of a cell is one tensor, with its parts beside each other (`state_is_tuple=False`)."""
    argument = record.arguments.get("state_is_tuple")
    return argument is not None and argument.value == Const(value=False)


def _beside_each_other(
    machine: Machine, value: Value, output: Tensor, states: list[Value], place: Any, path: str
) -> Value:
    """The states of a stack as one tensor."""
    record = machine.object(value)
    parts = [part for state in states for part in arrays.tensors_in(machine, state)]
    if record is None or not isinstance(value, Ref) or not parts:
        return UNKNOWN
    shape: Shape = None
    if all(part.shape for part in parts):
        total: Dim = 0
        for part in parts:
            total = dims.combine("+", total, part.shape[-1])  # type: ignore[index]
        shape = (*parts[0].shape[:-1], total)  # type: ignore[index]
    site = layers.Site(machine, record.place, place, record.arguments, record.symbol, value.id)
    return site.emit("slice", (output,), Tensor(shape=shape, dtype="float32"), f"state{path}")


def _resulting(
    call: ApiCall, value: Value, x: Tensor, shape: Shape, more: tuple[Value, ...] = (), path: str = ""
) -> tuple[Tensor, Value] | None:
    """The outputs and the state of a cell that runs over `x`; `shape` is that of one step."""
    output = run(call.machine, value, x, call.place, more, path)
    if output is None:
        return None
    return output, state_of(call.machine, value, _before_dropout(call.machine, output), shape, call.place, path)


def _before_dropout(machine: Machine, output: Tensor) -> Tensor:
    """What a cell gives before `output_keep_prob` of its wrappers, which the state does not go through."""
    operation = machine.operation(output)
    while operation is not None and operation.kind == "dropout" and operation.attributes.get("form") == "wrapper":
        inner = operation.inputs[0]
        if not isinstance(inner, Tensor):
            break
        output, operation = inner, machine.operation(inner)
    return output


@called("cell")
def call_cell(call: ApiCall) -> Value:
    """`output, state = cell(inputs, state)`."""
    x = arrays.as_tensor(call.machine, operand(call, 0, "inputs"))
    previous = call.arguments.positional[1].value if len(call.arguments.positional) > 1 else NONE
    assert call.receiver is not None
    found = _resulting(
        call, call.receiver, x or Tensor(), x.shape if x else None, tuple(arrays.tensors_in(call.machine, previous))
    )
    if found is None:
        return call.opaque()
    return Tuple(items=found)


def _call_keras_cell(site: layers.Site, call: ApiCall) -> Value:
    """`output, states = cell(inputs, states)`: Keras gives the states as a list that begins with the output."""
    result = call_cell(call)
    if not isinstance(result, Tuple):
        return result
    output = result.items[0]
    state = result.items[1]
    states = (output, state.items[0]) if isinstance(state, Tuple) else (output,)
    return Tuple(items=(output, call.machine.new(call.place, ListRecord(items=states), "states")))


for _cell in ("SimpleRNNCell", "GRUCell", "LSTMCell"):
    CALLS[_cell] = _call_keras_cell


@method("cell", "zero_state", "get_initial_state")
def zero_state(call: ApiCall) -> Value:
    call.bind_as("batch_size", "dtype")
    batch = arrays.as_dim(call.value("batch_size"))
    assert call.receiver is not None
    output = Tensor(dtype="float32", low=0.0, high=0.0, values=(0.0,), rms=0.0)
    zeros = call.emit("constant", output=output, name=f"{call.name}.{call.machine.method_name}")
    return _zeros(call.machine, call.receiver, zeros, batch)


def _zeros(machine: Machine, value: Value, zeros: Tensor, batch: Dim) -> Value:
    record = machine.object(value)
    if record is None:
        return zeros
    inner = _inner(machine, record)
    if _name(record) in _STACKS:
        states = tuple(_zeros(machine, item, zeros, batch) for item in inner)
        return zeros if _in_one(record) else Tuple(items=states)
    if _name(record) not in GATES:
        return _zeros(machine, inner[0], zeros, batch) if inner else zeros
    if _in_one(record):
        return zeros.replace(shape=(batch, dims.combine("*", _units(record), 2)))
    state = zeros.replace(shape=(batch, _units(record)))
    return Tuple(items=(state, state)) if "LSTM" in _name(record) else state


@attribute("cell", "output_size", "state_size")
def size(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    return arrays.dim_value(width(machine, reference))


# Over a sequence ------------------------------------------------------------------------------------------------------


def _step_shape(x: Tensor, time_major: Value) -> Shape:
    """The shape of one step of a sequence [batch, time, features]."""
    if x.shape is None or len(x.shape) != 3 or not (is_none(time_major) or isinstance(time_major, Const)):
        return None
    return (x.shape[1 if time_major == TRUE else 0], x.shape[2])


def _initial(call: ApiCall, *names: str) -> tuple[Value, ...]:
    found: list[Value] = []
    for name in (*names, "sequence_length"):
        if call.argument(name) is not None:
            found += arrays.tensors_in(call.machine, call.value(name))
    return tuple(found)


@handles("tf.nn.dynamic_rnn")
def dynamic_rnn(call: ApiCall) -> Value:
    x = call.tensor("inputs") or Tensor()
    shape = _step_shape(x, call.value("time_major"))
    found = _resulting(call, call.value("cell"), x, shape, _initial(call, "initial_state"))
    return call.opaque() if found is None else Tuple(items=found)


@handles("tf.nn.bidirectional_dynamic_rnn", "tf.contrib.rnn.stack_bidirectional_dynamic_rnn")
def bidirectional_dynamic_rnn(call: ApiCall) -> Value:
    stacked = "stack" in call.name
    if stacked:
        call.bind_as("cells_fw", "cells_bw", "inputs")
    x = call.tensor("inputs") or Tensor()
    shape = _step_shape(x, call.value("time_major"))
    more = _initial(call, "initial_state_fw", "initial_state_bw")
    pairs = [(call.value("cell_fw"), call.value("cell_bw"))]
    if stacked:
        forth, back = call.items("cells_fw"), call.items("cells_bw")
        if not forth or not back:
            return call.opaque()
        pairs = list(zip(forth, back))
    states: tuple[list[Value], list[Value]] = ([], [])
    outputs: tuple[Tensor, ...] = ()
    for index, pair in enumerate(pairs):
        found = [_resulting(call, c, x, shape, more, f".{index}.{way}") for way, c in enumerate(pair)]
        if any(part is None for part in found):
            return call.opaque()
        outputs = tuple(part[0] for part in found if part is not None)
        for known, part in zip(states, found):
            known.append(part[1])  # type: ignore[index]
        if stacked:
            x = _joined(call, outputs, f"joined {index}")
    if stacked:
        return Tuple(items=(x, Tuple(items=tuple(states[0])), Tuple(items=tuple(states[1]))))
    return Tuple(items=(Tuple(items=outputs), Tuple(items=(states[0][0], states[1][0]))))


def _joined(call: ApiCall, parts: tuple[Tensor, ...], tag: str) -> Tensor:
    """Both directions side by side."""
    first = parts[0]
    last: Dim = 0
    for part in parts:
        last = dims.combine("+", last, part.shape[-1]) if part.shape else None
    shape = (*first.shape[:-1], last) if first.shape else None
    return call.emit("concat", *parts, output=first.replace(op=None, shape=shape), tag=tag, axis=-1)


@handles("tf.nn.static_rnn", "tf.nn.static_bidirectional_rnn", "tf.contrib.rnn.stack_bidirectional_rnn")
def static_rnn(call: ApiCall) -> Value:
    """A cell over a list of steps gives a list of results; one operation stands for all of them."""
    both = "bidirectional" in call.name
    if "stack" in call.name:
        return call.opaque()
    machine = call.machine
    record = machine.get(call.value("inputs"))
    steps = builtins.items_of(machine, call.value("inputs"))
    length = len(steps) if steps is not None else record.length if isinstance(record, ListRecord) else None
    element = steps[0] if steps else record.element if isinstance(record, ListRecord) else None
    x = arrays.as_tensor(machine, element) or Tensor()
    others = tuple(t for step in (steps or ())[1:] for t in arrays.tensors_in(machine, step))
    more = (*others, *_initial(call, "initial_state", "initial_state_fw", "initial_state_bw"))
    cells = (call.value("cell_fw"), call.value("cell_bw")) if both else (call.value("cell"),)
    found = [_resulting(call, c, x, x.shape, more, f".{way}") for way, c in enumerate(cells)]
    if any(part is None for part in found):
        return call.opaque()
    parts = tuple(part[0] for part in found if part is not None)
    output = _joined(call, parts, "joined") if both else parts[0]
    items = (output,) * len(steps) if steps is not None else None
    result = machine.new(call.place, ListRecord(items=items, element=output, length=length), "outputs")
    return Tuple(items=(result, *(part[1] for part in found if part is not None)))


# Keras ----------------------------------------------------------------------------------------------------------------


@layer("RNN")
def keras_rnn(site: layers.Site, x: Tensor) -> Value:
    """`RNN(cell)`: the same over a Keras cell or a list of them."""
    machine = site.machine
    given = site.value("cell")
    cells = builtins.items_of(machine, given) or [given]
    current: Tensor | None = x
    if len(cells) == 1 and isinstance(machine.get(cells[0]), InstanceRecord):
        return _own_cell(site, cells[0], x)
    for index, item in enumerate(cells):
        current = None if current is None else run(machine, item, current, site.call_place, site.more, f".{index}")
    if current is None or x.shape is None or len(x.shape) != 3:
        return site.emit("opaque", (x if current is None else current,), Tensor(), "opaque")
    every = site.value("return_sequences")
    if is_none(every) or every == Const(value=False):
        last = current.replace(op=None, shape=(x.shape[0], current.shape[-1] if current.shape else None))
        current = site.emit("slice", (current,), last, "last")
    elif not isinstance(every, Const):
        current = site.emit("slice", (current,), current.replace(op=None, shape=None), "last")
    if site.value("return_state") != TRUE:
        return layers.without_states(site, current)
    shape = (x.shape[0], x.shape[2])
    states = (state_of(machine, c, current, shape, site.call_place, f".{i}") for i, c in enumerate(cells))
    flat = (part for state in states for part in (state.items if isinstance(state, Tuple) else (state,)))
    return Tuple(items=(current, *flat))


def _own_cell(site: layers.Site, cell: Value, x: Tensor) -> Value:
    """`RNN(cell)` over a cell of the user: it is called for one step, with states of the sizes that it tells."""
    machine = site.machine
    every = site.value("return_sequences")
    record = machine.get(cell)
    if not isinstance(record, InstanceRecord) or x.shape is None or len(x.shape) != 3:
        return site.emit("opaque", (x,), Tensor(), "opaque")
    given = machine.resolve(record.attributes.get("state_size", UNKNOWN))
    sizes = builtins.items_of(machine, given) or [given]
    start = Tensor(dtype="float32", low=0.0, high=0.0)
    states = tuple(start.replace(shape=(x.shape[0], arrays.as_dim(machine.resolve(s)))) for s in sizes)
    step = site.emit("slice", (x, *site.more), x.replace(op=None, shape=(x.shape[0], x.shape[2])), "step")
    arguments = [Argument(value=v, place=site.call_place) for v in (step, Tuple(items=states))]
    result = machine.resolve(calls.call(machine, cell, Arguments(arguments, {}), site.call_place))
    items = builtins.items_of(machine, result)
    output = arrays.as_tensor(machine, machine.resolve(items[0])) if items else None
    if output is None or not (is_none(every) or isinstance(every, Const)):
        return site.emit("opaque", (x,), Tensor(), "opaque")
    if every == TRUE and output.shape is not None:
        shape = (output.shape[0], x.shape[1], *output.shape[1:])
        output = site.emit("stack", (output,), output.replace(op=None, shape=shape), "steps")
    if site.value("return_state") != TRUE or items is None or len(items) < 2:
        return layers.without_states(site, output)
    return Tuple(items=(output, *(builtins.items_of(machine, machine.resolve(items[1])) or [UNKNOWN])))


@layer("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
def convolutional_lstm(site: layers.Site, x: Tensor) -> Value:
    """An LSTM whose products are convolutions: four gates over the input and over the state."""
    rank = int(site.symbol.name[-2])
    filters = arrays.as_dim(site.value("filters"))
    size = layers.spatial(site, rank, ("kernel_size",))
    strides, dilation = layers.spatial(site, rank, ("strides",)), layers.spatial(site, rank, ("dilation_rate",))
    padding = layers.padding_of(site)
    first = layers.channels_first(site)
    every = site.value("return_sequences")
    shape: Shape = None
    channels: Dim = None
    image: Shape = None
    if x.shape is not None and len(x.shape) == rank + 3 and first is not None:
        channels = x.shape[2] if first else x.shape[-1]
        axes = x.shape[3:] if first else x.shape[2:-1]
        sizes = tuple(layers.window(a, k, s, padding, d) for a, k, s, d in zip(axes, size, strides, dilation))
        image = (filters, *sizes) if first else (*sizes, filters)
        if isinstance(every, Const):
            shape = (x.shape[0], x.shape[1], *image) if every == TRUE else (x.shape[0], *image)
    gates = dims.combine("*", filters, 4)
    weights = [
        site.weight("kernel", (*size, channels, gates), "kernel_initializer", "kernel_regularizer"),
        site.weight("recurrent kernel", (*size, filters, gates), "recurrent_initializer", "recurrent_regularizer"),
    ]
    if site.constant("use_bias", default=True) is not False:
        weights.append(site.weight("bias", (gates,), "bias_initializer", "bias_regularizer", "zeros"))
    chosen = site.argument("activation")
    function = "tanh" if chosen is None else activations.function_of(site.machine, chosen.value)
    low, high = activations.bounds(function) if function else (None, None)
    output = Tensor(shape=shape, dtype="float32", low=low, high=high, activation=function)
    result = site.emit("recurrent", (x, *weights), output, units=filters, sequences=every == TRUE)
    if site.value("return_state") != TRUE:
        return layers.without_states(site, result)
    state = Tensor(shape=None if image is None or x.shape is None else (x.shape[0], *image), dtype="float32")
    return Tuple(items=(result, *(site.emit("identity", (result,), state, f"state {i}") for i in range(2))))
