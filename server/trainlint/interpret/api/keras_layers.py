"""Keras layers: what each does to its inputs when it is called."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arithmetic, arrays, builtins, calls
from trainlint.interpret.api import activations, layers, random
from trainlint.interpret.api.call import Arguments, dtype_name
from trainlint.interpret.api.layers import Site
from trainlint.interpret.api.registry import attribute, called, handles, method
from trainlint.interpret.api.shapes import flat_shape, reshaped
from trainlint.interpret.api.variables import fed
from trainlint.interpret.machine import MISSING, Machine, unknown
from trainlint.program import dims
from trainlint.program.dims import Dim, Shape
from trainlint.program.events import Escape, MetricAdded, SurplusArgument, WeightsSet
from trainlint.program.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    ApiObject,
    Argument,
    Const,
    DictRecord,
    Frame,
    ListRecord,
    Ref,
    Tensor,
    Tuple,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall

Apply = Callable[[Site, Any], Value]

LAYERS: dict[str, Apply] = {}
"""Layers of one input, by class name."""

SEVERAL: dict[str, Callable[[Site, Value], Value]] = {}
"""Layers of a list of inputs, by class name."""

CALLS: dict[str, Callable[[Site, ApiCall], Value]] = {}
"""Layers whose call has more arguments than inputs and `training`, by class name."""


def layer(*names: str) -> Callable[[Apply], Apply]:
    def register(function: Apply) -> Apply:
        for name in names:
            LAYERS[name] = function
        return function

    return register


def apply_layer(
    machine: Machine,
    reference: Ref,
    inputs: Value,
    call_place: Any,
    training: Value = NONE,
    more: tuple[Value, ...] = (),
) -> Value:
    """The output of a layer object for given inputs."""
    output = _apply(machine, reference, inputs, call_place, training, more)
    if machine.read(applied_key(reference)) is MISSING:
        machine.write(applied_key(reference), Tuple(items=(machine.resolve(inputs), output)))
    return output


def applied_key(reference: Ref) -> Hashable:
    """Where the store keeps what a layer was first called on, and what came out: its `input` and `output`."""
    return ("applied", reference.id)


def _apply(
    machine: Machine, reference: Ref, inputs: Value, call_place: Any, training: Value, more: tuple[Value, ...]
) -> Value:
    record = machine.object(reference)
    assert record is not None
    name = record.symbol.name.rsplit(".", 1)[-1]
    arguments = dict(record.arguments)
    if not is_none(training):
        arguments["training"] = Argument(value=training, place=call_place)
    site = Site(machine, record.place, call_place, arguments, record.symbol, reference.id)
    site.more = more
    computed: str | None = "float32"
    if "dtype" in arguments or machine.read(_POLICY) is not MISSING:
        computed = _computed(machine, arguments)
    output = _lowered(site, name, _in_type(machine, inputs, computed))
    if computed != "float32" and isinstance(output, Tensor) and output.dtype == "float32":
        operation = machine.operation(output)
        if operation is not None:
            machine.write(operation.id, operation.replace(output=operation.output.replace(dtype=computed)))
        return output.replace(dtype=computed)
    return output


_POLICY = ("dtype policy of Keras",)


@handles("keras.config.set_dtype_policy", "keras.config.set_floatx", "keras.mixed_precision.experimental.set_policy")
def set_policy(call: ApiCall) -> Value:
    """From here on layers compute in another type."""
    given = call.arguments.values()
    value = call.machine.resolve(given[0]) if given else UNKNOWN
    call.machine.write(_POLICY, dtype_name(value) if isinstance(value, Const) else None)
    return NONE


def _computed(machine: Machine, arguments: Mapping[str, Argument]) -> str | None:
    """The type that a layer computes in: its own, else that of the program's policy; None for a mixed one."""
    own = arguments.get("dtype")
    if own is not None and own.given and not is_none(own.value):
        return dtype_name(machine.resolve(own.value))
    policy = machine.read(_POLICY)
    return "float32" if policy is MISSING else policy


def _in_type(machine: Machine, inputs: Value, computed: str | None) -> Value:
    """What a layer is called on, its floats in the type of the layer; other numbers stay as they are."""
    inputs = machine.resolve(inputs)
    if isinstance(inputs, Tensor):
        other = inputs.dtype is not None and inputs.dtype != computed and inputs.dtype.startswith("float")
        return inputs.replace(dtype=computed) if other else inputs
    if isinstance(inputs, Tuple):
        items = tuple(_in_type(machine, item, computed) for item in inputs.items)
        return inputs if items == inputs.items else inputs.replace(items=items)
    record = machine.get(inputs)
    if isinstance(record, ListRecord) and record.items is not None:
        items = tuple(_in_type(machine, item, computed) for item in record.items)
        return inputs if items == record.items else Tuple(items=items)
    return inputs


def _lowered(site: Site, name: str, inputs: Value) -> Value:
    """What the layer computes of its inputs, as operations."""
    machine = site.machine
    tensor = arrays.as_tensor(machine, inputs)
    several = SEVERAL.get(name)
    if several is not None:
        return several(site, inputs)
    function = LAYERS.get(name)
    if function is None:
        output = site.emit("opaque", arrays.parts_in(machine, inputs), Tensor(), "opaque")
        return output.replace(shape=None)
    if isinstance(machine.resolve(inputs), Tuple) or isinstance(machine.get(inputs), ListRecord):
        if name == "Lambda":
            return _lambda(site, inputs)
        return site.emit("opaque", arrays.parts_in(machine, inputs), Tensor(), "opaque")
    return function(site, tensor if tensor is not None else Tensor())


@called("layer")
@method("layer", "apply")
def call_layer(call: ApiCall) -> Value:
    """`layer(inputs)`."""
    assert isinstance(call.receiver, Ref)
    record = call.machine.object(call.receiver)
    base = record.symbol.name.rsplit(".", 1)[-1] if record is not None else ""
    own = CALLS.get(base)
    if own is not None and record is not None:
        return own(
            Site(call.machine, record.place, call.place, record.arguments, record.symbol, call.receiver.id), call
        )
    if base in _RECURRENT:
        _check_call(call, base)
    state = call.arguments.keywords.get("initial_state")
    output = apply_layer(
        call.machine,
        call.receiver,
        input_of(call),
        call.place,
        training_of(call, second=base.endswith(("Dropout", "BatchNormalization"))),
        () if state is None else tuple(arrays.tensors_in(call.machine, state.value)),
    )
    # Attention says what it looked at beside what it saw.
    scores = call.arguments.keywords.get("return_attention_scores")
    return output if scores is None or scores.value == FALSE else Tuple(items=(output, UNKNOWN))


_RECURRENT = frozenset(("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU"))
_GIVEN_TO_RECURRENT = ("constants", "initial_state", "inputs", "mask", "sequences", "sequence", "training")


def _check_call(call: ApiCall, base: str) -> None:
    """Records what a recurrent layer is called with that it does not take; its other arguments are those of `call`."""
    for name, argument in call.arguments.keywords.items():
        if name not in _GIVEN_TO_RECURRENT and argument.place is not None:
            context, function = call.machine.context(), f"keras.layers.{base}"
            call.machine.record(SurplusArgument(argument.place, context, function, name, _GIVEN_TO_RECURRENT))
            values = (call.machine.resolve(argument.value),)
            call.machine.record(Escape(place=call.place, context=context, values=values))


def input_of(call: ApiCall) -> Value:
    """What a layer or model is called on."""
    argument = input_argument(call)
    return call.machine.resolve(argument.value) if argument is not None else UNKNOWN


def input_argument(call: ApiCall) -> Argument | None:
    """The argument that a layer or model is called on."""
    if call.arguments.positional:
        return call.arguments.positional[0]
    return call.arguments.keywords.get("inputs") or call.arguments.keywords.get("x")


def training_of(call: ApiCall, second: bool = False) -> Value:
    """The flag of training that a layer or model is called with, None when it is not given.

    `second` says that it may be the second argument without its name; elsewhere that may be a mask or a state.
    """
    argument = call.arguments.keywords.get("training")
    if argument is None and len(call.arguments.positional) > 1:
        if not second:
            return UNKNOWN
        argument = call.arguments.positional[1]
    if argument is None:
        return UNKNOWN if call.arguments.open else NONE
    return call.machine.resolve(argument.value)


# Inputs ---------------------------------------------------------------------------------------------------------------


@handles("keras.Input", "keras.layers.Input")
def keras_input(call: ApiCall) -> Value:
    shape = call.shape("shape", "batch_shape")
    if call.given("tensor") is not None:
        return call.value("tensor")
    if call.given("batch_shape") is not None or call.given("batch_input_shape") is not None:
        full = call.shape("batch_shape") if call.given("batch_shape") is not None else call.shape("batch_input_shape")
    else:
        if shape is None and isinstance(call.value("shape"), Tuple) and not call.value("shape").items:  # type: ignore[attr-defined]
            shape = ()
        rows = arrays.as_dim(call.value("batch_size")) if call.given("batch_size") is not None else None
        full = None if shape is None else (rows if isinstance(rows, int) else None, *shape)
    return fed(call, full, call.dtype_or("float32"), "input")


def input_shape_of(machine: Machine, record: ApiObject) -> Shape:
    """The input shape that a layer declares, batch dimension included; None when it declares none."""
    arguments = record.arguments
    layer_name = record.symbol.name.rsplit(".", 1)[-1]
    width, length = (_stated(machine, arguments.get(name)) for name in ("input_dim", "input_length"))
    steps = tuple(None if size is MISSING else size for size in (None, length, width))
    words = arguments.get("output_dim")
    if layer_name in _RECURRENT and words is not None and words.given and width is not MISSING:
        return steps  # in Keras 1 the width counts before the shape (keras/layers/recurrent.py of 1.2)
    for name in ("input_shape", "shape"):
        if name in arguments and arguments[name].given:
            value = machine.resolve(arguments[name].value)
            shape = arrays.as_shape(machine, value)
            if isinstance(value, Tuple) and not value.items:
                shape = ()
            return None if shape is None else (None, *shape)
    for name in ("batch_input_shape", "batch_shape"):
        if name in arguments and arguments[name].given:
            return arrays.as_shape(machine, arguments[name].value)
    if layer_name == "Embedding":
        return (None, None if length is MISSING else length)
    over_steps = layer_name in _OVER_STEPS and record.symbol.flavour == "keras" and width is not MISSING
    if over_steps or (layer_name in _RECURRENT and (width, length) != (MISSING, MISSING)):
        return steps
    sole = width if width is not MISSING else length
    return None if sole is MISSING else (None, sole)


def _stated(machine: Machine, argument: Argument | None) -> Dim:
    """A size that is given, MISSING if it is not."""
    return MISSING if argument is None or not argument.given else arrays.as_dim(machine.resolve(argument.value))


_RECURRENT = frozenset(("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU"))
"""Layers whose `input_dim` means the features of each step until Keras 3, which has no `input_length`.

See `RNN.__init__` of tf_keras 2.21 and of tensorflow/python/keras/layers/recurrent.py.
"""

_OVER_STEPS = _RECURRENT | {"Conv1D", "LocallyConnected1D", "TimeDistributedDense"}
"""Layers whose `input_dim` meant the features of each step before Keras became a part of TensorFlow."""


# One input ------------------------------------------------------------------------------------------------------------


@layer("Dense")
def _dense(site: Site, x: Tensor) -> Value:
    return layers.dense(site, x, arrays.as_dim(site.value("units", "output_dim")))


def _conv(rank: int, **how: bool) -> Apply:
    def apply(site: Site, x: Tensor) -> Value:
        filters = site.value("depth_multiplier") if how.get("depthwise") else site.value("filters", "nb_filter")
        return layers.convolution(site, x, rank, arrays.as_dim(filters), **how)

    return apply


for _rank in (1, 2, 3):
    LAYERS[f"Conv{_rank}D"] = _conv(_rank)
    LAYERS[f"SeparableConv{_rank}D"] = _conv(_rank, separable=True)
    LAYERS[f"Conv{_rank}DTranspose"] = _conv(_rank, transposed=True)
    LAYERS[f"DepthwiseConv{_rank}D"] = _conv(_rank, depthwise=True)
    LAYERS[f"MaxPooling{_rank}D"] = LAYERS[f"MaxPool{_rank}D"] = lambda site, x, r=_rank: layers.pool(site, x, r, "max")  # type: ignore[misc]
    LAYERS[f"AveragePooling{_rank}D"] = LAYERS[f"AvgPool{_rank}D"] = lambda site, x, r=_rank: layers.pool(
        site, x, r, "mean"
    )  # type: ignore[misc]
    for _how, _kinds in (
        ("max", ("GlobalMaxPooling", "GlobalMaxPool")),
        ("mean", ("GlobalAveragePooling", "GlobalAvgPool")),
    ):
        for _kind in _kinds:
            LAYERS[f"{_kind}{_rank}D"] = lambda site, x, h=_how: layers.global_pool(site, x, h)  # type: ignore[misc]
LAYERS["Convolution2D"] = LAYERS["Conv2D"]
LAYERS["Convolution1D"] = LAYERS["Conv1D"]


@layer("Flatten")
def _flatten(site: Site, x: Tensor) -> Value:
    return site.emit("flatten", (x,), x.replace(shape=flat_shape(x.shape), op=None, encoding=None))


@layer("Reshape")
def _reshape(site: Site, x: Tensor) -> Value:
    target = arrays.as_shape(site.machine, site.value("target_shape"))
    shape: Shape = None
    if target is not None and x.shape:
        minus = target.index(-1) if -1 in target else None
        inner = reshaped(x.shape[1:], tuple(None if d == -1 else d for d in target), minus)
        shape = None if inner is None else (x.shape[0], *inner)
    elif target is not None:
        shape = (None, *(None if d == -1 else d for d in target))
    return site.emit("reshape", (x,), x.replace(shape=shape, op=None, encoding=None), target=target)


@layer("Permute")
def _permute(site: Site, x: Tensor) -> Value:
    order = arrays.as_shape(site.machine, site.value("dims"))
    shape: Shape = None
    if (
        order is not None
        and x.shape is not None
        and len(order) == len(x.shape) - 1
        and all(isinstance(i, int) for i in order)
    ):
        shape = (x.shape[0], *(x.shape[i] if 0 < i < len(x.shape) else None for i in order))  # type: ignore[operator,index]
    return site.emit("transpose", (x,), x.replace(shape=shape, op=None))


@layer("RepeatVector")
def _repeat(site: Site, x: Tensor) -> Value:
    times = arrays.as_dim(site.value("n"))
    shape = (x.shape[0], times, *x.shape[1:]) if x.shape is not None else None
    return site.emit("tile", (x,), x.replace(shape=shape, op=None))


@layer("Activation")
def _activation(site: Site, x: Tensor) -> Value:
    return site.activate(x)


def _named_activation(function: str, *others: Tensor) -> Apply:
    def apply(site: Site, x: Tensor) -> Value:
        axis = activations.axis_of(site.value("axis"))
        return activations.apply(
            site.machine,
            function,
            x,
            site.place,
            site.tag("activation"),
            layer=site.layer,
            arguments=site.arguments,
            symbol=site.symbol,
            name=site.symbol.name,
            axis=axis,
            others=others,
        )

    return apply


for _name, _function in (
    ("ReLU", "relu"),
    ("LeakyReLU", "leaky_relu"),
    ("ELU", "elu"),
    ("Softmax", "softmax"),
    ("ThresholdedReLU", "relu"),
):
    LAYERS[_name] = _named_activation(_function)


@layer("PReLU")
def _prelu(site: Site, x: Tensor) -> Value:
    """A leaky ReLU whose slopes are weights, one for each unit that shares no axis."""
    shape: Shape = None
    given = site.value("shared_axes")
    shared = () if is_none(given) else arrays.as_shape(site.machine, given)
    if x.shape is not None and shared is not None:
        shape = tuple(1 if i in shared else d for i, d in enumerate(x.shape) if i)
    slope = site.weight("alpha", shape, "alpha_initializer", "alpha_regularizer", default="zeros")
    return _named_activation("prelu", slope)(site, x)


@layer("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout")
def _dropout(site: Site, x: Tensor) -> Value:
    training = site.value("training")
    name = site.symbol.name.rsplit(".", 1)[-1]
    return activations.drop(
        site.machine,
        x,
        site.place,
        keep=UNKNOWN,
        rate=site.value("rate", "p"),
        training=training,
        noise_shape=site.value("noise_shape"),
        tag=site.tag("dropout"),
        form="keras" if name == "Dropout" else name,
        layer=site.layer,
        arguments=site.arguments,
        symbol=site.symbol,
        name=site.symbol.name,
        call_place=site.call_place,
        idle=is_none(training) and site.machine.tape is not None and not _is_in_call(site.machine.frame),
    )


def _is_in_call(frame: Frame | None) -> bool:
    """Whether a `call` of the user is running: Keras hands the flag of training on to the layers that it calls."""
    while frame is not None:
        if frame.name == "call":
            return True
        frame = frame.parent
    return False


@layer("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization")
def _normalization(site: Site, x: Tensor) -> Value:
    name = site.symbol.name.rsplit(".", 1)[-1]
    if name == "UnitNormalization":
        return layers.normalization(site, x, "layer", NONE, scaled="")
    form = "batch" if name.startswith("Batch") else "layer"
    scaled = "rms_scaling" if site.argument("rms_scaling") is not None else "scale"
    return layers.normalization(site, x, form, site.value("training"), scaled)


@layer("Normalization")
def _standardization(site: Site, x: Tensor) -> Value:
    output = x.replace(
        op=None, low=-math.inf, high=math.inf, rms=1.0, values=None, encoding=None, dtype="float32", grounds="assumed"
    )
    return site.emit("normalization", (x,), output, form="data")


@layer("Rescaling")
def _rescaling(site: Site, x: Tensor) -> Value:
    scale = arrays.as_tensor(site.machine, site.value("scale")) or Tensor()
    given = site.argument("offset")
    offset = Tensor(shape=(), low=0.0, high=0.0, rms=0.0)
    if given is not None:
        offset = arrays.as_tensor(site.machine, given.value) or Tensor()
    scaled = arithmetic.binary("add", arithmetic.binary("multiply", x, scale), offset)
    output = scaled.replace(shape=x.shape, library="tf", dtype="float32")
    if output.rms is None and output.bounded:
        output = output.replace(rms=arithmetic.scalar_rms(output.low, output.high))
    return site.emit("multiply", (x,), output, "rescaling")


@layer("Embedding")
def _embedding(site: Site, x: Tensor) -> Value:
    return layers.embedding(site, x, arrays.as_dim(site.value("input_dim")), arrays.as_dim(site.value("output_dim")))


_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1, "CuDNNLSTM": 4, "CuDNNGRU": 3}


@layer(*_GATES)
def _recurrent(site: Site, x: Tensor) -> Value:
    return recurrent_layer(site, x)


def recurrent_layer(site: Site, x: Tensor, mode: str | None = None) -> Value:
    """A recurrent layer over a sequence; `mode` merges both directions of a bidirectional one."""
    name = site.symbol.name.rsplit(".", 1)[-1]
    argument = site.argument("activation")
    value = Const(value="tanh") if argument is None else site.machine.resolve(argument.value)
    activation = activations.function_of(site.machine, value)
    units = arrays.as_dim(site.value("units", "output_dim"))
    output = layers.recurrent(site, x, units, _GATES[name], activation, mode)
    result: Value = output
    if mode == "both":
        # Without a merge the results of both directions come one by one.
        back = site.emit("identity", (output,), output.replace(op=None), "backward")
        result = Tuple(items=(output, back))
    if site.value("return_state") != TRUE:
        return layers.without_states(site, result)
    state = Tensor(shape=(x.shape[0] if x.shape else None, units), dtype="float32")
    count = (2 if "LSTM" in name else 1) * (1 if mode is None else 2)
    states = tuple(site.emit("identity", (output,), state, f"state {i}") for i in range(count))
    return Tuple(items=(*(result.items if isinstance(result, Tuple) else (result,)), *states))


@layer("Bidirectional")
def _bidirectional(site: Site, x: Tensor) -> Value:
    machine = site.machine
    inner = site.value("layer")
    record = machine.object(inner)
    mode = site.constant("merge_mode") if is_none(site.value("merge_mode")) else site.constant("merge_mode", default="")
    if site.argument("merge_mode") is None:
        mode = "concat"
    misplaced = site.argument("return_sequences") is not None  # the wrapper takes none, and refuses it
    if record is None or record.symbol.name.rsplit(".", 1)[-1] not in _GATES or mode == "" or misplaced:
        return site.emit("opaque", (x,), Tensor(), "opaque")
    assert isinstance(inner, Ref)
    nested = Site(machine, record.place, site.call_place, record.arguments, record.symbol, inner.id)
    nested.more = site.more
    return recurrent_layer(nested, x, mode="both" if mode is None else mode)


@layer("TimeDistributed")
def _time_distributed(site: Site, x: Tensor) -> Value:
    inner = site.value("layer")
    if not isinstance(inner, Ref) or x.shape is None or len(x.shape) < 2:
        return site.emit("opaque", (x,), Tensor(), "opaque")
    steps = x.shape[1]
    folded = x.replace(shape=(x.shape[0], *x.shape[2:]))
    output = call_any(site.machine, inner, folded, site.call_place)
    tensor = arrays.as_tensor(site.machine, output)
    if tensor is None or tensor.shape is None:
        return output
    return site.emit(
        "identity", (tensor,), tensor.replace(shape=(tensor.shape[0], steps, *tensor.shape[1:]), op=None), "time"
    )


def _spatial_layer(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{rank}D" for rank in (1, 2, 3))


def _resized(site: Site, x: Tensor, change: Callable[[int, Dim], Dim]) -> Shape:
    """The shape after each spatial axis was changed, wherever the channels are."""
    rank = int(site.symbol.name[-2])
    first = layers.channels_first(site)
    if x.shape is None or len(x.shape) != rank + 2 or first is None:
        return None
    start = 2 if first else 1
    sizes = [change(i, d) for i, d in enumerate(x.shape[start : start + rank])]
    return (*x.shape[:start], *sizes, *x.shape[start + rank :])


def _borders(site: Site, name: str) -> list[Dim]:
    """How much a padding or cropping argument takes on both sides of each axis together."""
    rank = int(site.symbol.name[-2])
    value = site.value(name)
    items = builtins.items_of(site.machine, value)
    if items is None or rank == 1:
        items = [value] * rank
    totals: list[Dim] = []
    for index in range(rank):
        pair = arrays.as_shape(site.machine, site.machine.resolve(items[index])) if index < len(items) else None
        if pair is None or len(pair) not in (1, 2):
            totals.append(None)
        else:
            totals.append(dims.combine("+", pair[0], pair[-1]))
    return totals


@layer(*_spatial_layer("ZeroPadding"))
def _zero_padding(site: Site, x: Tensor) -> Value:
    totals = _borders(site, "padding")
    shape = _resized(site, x, lambda i, d: dims.combine("+", d, totals[i]))
    low = None if x.low is None else min(0.0, x.low)
    high = None if x.high is None else max(0.0, x.high)
    values = None if x.values is None else tuple(sorted({0.0, *x.values}))
    return site.emit("pad", (x,), x.replace(shape=shape, low=low, high=high, values=values, op=None, encoding=None))


@layer(*_spatial_layer("UpSampling"))
def _upsampling(site: Site, x: Tensor) -> Value:
    size = layers.spatial(site, int(site.symbol.name[-2]), ("size",), 2)
    shape = _resized(site, x, lambda i, d: dims.combine("*", d, size[i]))
    values = x.values if site.constant("interpolation", default="nearest") == "nearest" else None
    return site.emit("tile", (x,), x.replace(shape=shape, values=values, op=None))


@layer(*_spatial_layer("Cropping"))
def _cropping(site: Site, x: Tensor) -> Value:
    totals = _borders(site, "cropping")
    shape = _resized(site, x, lambda i, d: dims.combine("-", d, totals[i]))
    return site.emit("slice", (x,), x.replace(shape=shape, op=None))


@layer(
    "GaussianNoise",
    "Masking",
    "ActivityRegularization",
    "InputLayer",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomContrast",
    "RandomTranslation",
    "RandomBrightness",
    "RandomErasing",
    "Identity",
)
def _identity(site: Site, x: Tensor) -> Value:
    name = site.symbol.name.rsplit(".", 1)[-1]
    output = x.replace(op=None)
    if name == "GaussianNoise":
        output = output.replace(low=-math.inf, high=math.inf, values=None)
    elif name in ("RandomBrightness", "RandomContrast", "RandomErasing"):
        # They are told the range of the pixels, 0 to 255 unless it is another one, and fill it.
        output = output.replace(low=None, high=None, values=None, rms=None)
    elif name in ("RandomRotation", "RandomZoom", "RandomTranslation"):
        output = output.replace(values=None)
        if not _stays_inside(site, "fill_mode", ("reflect", "wrap", "nearest")):
            output = output.replace(low=None, high=None, rms=None)
    if name.startswith("Random"):
        output = _as_floats(output)
    return site.emit("identity", (x,), output, name.lower())


@layer("SpectralNormalization")
def _wrapped(site: Site, x: Tensor) -> Value:
    return call_any(site.machine, site.value("layer"), x, site.call_place)


def _stays_inside(site: Site, argument: str, ways: tuple[str, ...]) -> bool:
    """Whether pixels are filled in by a way that makes no number beyond those around."""
    given = site.argument(argument)
    return given is None or not given.given or site.constant(argument) in ways


def _as_floats(x: Tensor) -> Tensor:
    """Pixels of a layer that changes images: floats, whatever came in."""
    return x.replace(dtype="float32") if x.dtype is not None and x.dtype.startswith(("int", "uint")) else x


@layer("Resizing", "CenterCrop", "RandomCrop")
def _resizing(site: Site, x: Tensor) -> Value:
    height, width = arrays.as_dim(site.value("height")), arrays.as_dim(site.value("width"))
    shape = (x.shape[0], height, width, x.shape[-1]) if x.shape is not None and len(x.shape) == 4 else None
    output = x.replace(shape=shape, op=None, values=None)
    padded = site.argument("pad_to_aspect_ratio")
    if (padded is not None and padded.given) or not _stays_inside(
        site, "interpolation", ("bilinear", "nearest", "area")
    ):
        output = output.replace(low=None, high=None, rms=None)
    if site.symbol is None or not site.symbol.name.endswith("Resizing"):
        output = _as_floats(output)
    elif x.dtype is None or not x.dtype.startswith("float"):
        output = output.replace(dtype=None)
    return site.emit("resize", (x,), output)


@layer("Lambda")
def _lambda(site: Site, x: Value) -> Value:
    function = site.value("function")
    more = site.machine.get(site.value("arguments"))
    keywords: dict[str, Argument] = {}
    is_open = not is_none(site.value("arguments")) and not isinstance(more, DictRecord)
    if isinstance(more, DictRecord):
        is_open = more.open
        keywords = {
            str(key.value): Argument(value=value, place=site.place)
            for key, value in more.items or () if isinstance(key, Const)
        }  # fmt: skip
    # It makes something new at each call of the layer.
    with site.machine.within(iteration=(*site.machine.iteration, site.tag("call"))):
        given = Arguments([Argument(value=x, place=site.call_place)], keywords, is_open)
        return site.machine.resolve(calls.call(site.machine, function, given, site.place))


@layer(
    "CategoryEncoding",
    "StringLookup",
    "IntegerLookup",
    "TextVectorization",
    "Hashing",
    "Discretization",
    "HashedCrossing",
)
def _encoding(site: Site, x: Tensor) -> Value:
    name = site.symbol.name.rsplit(".", 1)[-1]
    if name == "CategoryEncoding":
        width = arrays.as_dim(site.value("num_tokens"))
        # A row alone is encoded as a whole, unless each number gets its own vector.
        single = site.constant("output_mode") == "one_hot" or x.rank != 1
        shape = (x.shape[0], width) if x.shape and single else None
        return site.emit("one-hot", (x,), Tensor(shape=shape, dtype="float32", low=0.0, rms=None))
    mode = site.value("output_mode")
    if not is_none(mode) and mode != Const(value="int"):
        # A vector for each row, as long as the vocabulary, which only a run knows.
        return site.emit("opaque", (x,), Tensor())
    if name == "TextVectorization":
        length = arrays.as_dim(site.value("output_sequence_length"))
        # A text alone gives one row, several give one each.
        rows = None if x.shape is None else (*x.shape[:1], length)
        return site.emit("gather", (x,), Tensor(shape=rows, dtype="int64", low=0.0, high=math.inf))
    # Keras 3 makes int32 of buckets, Keras 2 int64.
    dtype = None if name == "Discretization" else "int64"
    return site.emit("gather", (x,), Tensor(shape=x.shape, dtype=dtype, low=0.0, high=math.inf))


# Layer objects --------------------------------------------------------------------------------------------------------


def call_any(machine: Machine, value: Value, inputs: Value, place: Any, training: Value = NONE) -> Value:
    """The output of whatever can stand in a model: a layer, a model, a layer of the user, a function."""
    keywords = {} if is_none(training) else {"training": Argument(value=training, place=place)}
    arguments = Arguments([Argument(value=inputs, place=place)], keywords)
    return machine.resolve(calls.call(machine, value, arguments, place))


@method("layer", "adapt", "set_weights")
def fit_layer(call: ApiCall) -> Value:
    """A layer that gets its state from data or from elsewhere."""
    record = call.machine.object(call.receiver)
    if call.machine.method_name == "set_weights":
        set_weights(call.machine, call.receiver, call.place)
    if record is not None and isinstance(call.receiver, Ref):
        call.machine.put(call.receiver, record.replace(fields={**record.fields, "adapted": True}))
    return NONE


def set_weights(machine: Machine, target: Value | None, place: Any) -> None:
    """Notes that a layer or model gets other weights than those it was made with."""
    if isinstance(target, Ref):
        machine.record(WeightsSet(place=place, context=machine.context(), target=target.id))


@method("layer", "build")
def build_layer(call: ApiCall) -> Value:
    return NONE


@method("layer", "get_weights", "count_params", "get_config", "compute_output_shape")
def told(call: ApiCall) -> Value:
    """What a layer says of itself, which is not kept."""
    return unknown(f"the method `{call.machine.method_name}` of a layer is not modelled", call.place)


def weights_of(machine: Machine, reference: Value) -> tuple[Tensor, ...]:
    """The weights that a layer object has so far."""
    record = machine.object(reference)
    if record is None:
        return ()
    return tuple(
        value for key, value in record.fields.items() if key.startswith("weight ") and isinstance(value, Tensor)
    )


@attribute("layer", "weights", "trainable_weights", "trainable_variables", "variables")
def layer_weights(machine: Machine, reference: Ref, record: Any, place: Any) -> Value:
    if not isinstance(record, ApiObject):
        # A layer of the user has made them in its own methods.
        return machine.new(place, ListRecord(items=None, element=Tensor()), "weights")
    return machine.new(place, ListRecord(items=weights_of(machine, reference)), "weights")


@attribute("layer", "kernel")
def layer_kernel(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return record.fields.get("weight kernel") if isinstance(record, ApiObject) else None


@attribute("layer", "bias")
def layer_bias(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return record.fields.get("weight bias") if isinstance(record, ApiObject) else None


@attribute("layer", "units", "filters", "rate")
def layer_config(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value | None:
    return None


@attribute("layer", "losses")
def layer_losses(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    return regularization_losses(machine, weights_of(machine, reference), place)


def regularization_losses(machine: Machine, weights: tuple[Tensor, ...], place: Any) -> Value:
    """`model.losses`: one term for each regularizer."""
    penalized = tuple(
        w
        for w in weights
        if (op := machine.operation(w)) is not None and not is_none(op.attributes.get("regularizer", NONE))
    )
    if not penalized:
        term = machine.emit(
            "regularization", "losses", place, (), Tensor(shape=(), low=0.0), "losses", attributes={"form": "losses"}
        )
        return machine.new(place, ListRecord(items=None, element=term, length=None), "terms")
    term = machine.emit(
        "regularization",
        "losses",
        place,
        penalized,
        Tensor(shape=(), dtype="float32", low=0.0),
        "losses",
        attributes={"form": "losses"},
    )
    return machine.new(place, ListRecord(items=(term,)), "terms")


@method("layer", "add_weight", "add_variable")
def add_weight(call: ApiCall) -> Value:
    """`self.add_weight(shape, initializer)` in a layer of the user."""
    call.bind_as("shape", "initializer", "dtype", "trainable")
    positional = call.arguments.positional
    first = call.machine.resolve(positional[0].value) if positional else UNKNOWN
    if isinstance(first, Const) and isinstance(first.value, str):
        call.bind_as("name", "shape", "dtype", "initializer", "regularizer", "trainable")
    shape = call.shape("shape")
    initializer = call.value("initializer")
    if is_none(initializer):
        initializer = Const(value="glorot_uniform")
    tensor, attributes = random.initialize(call.machine, initializer, shape)
    argument = call.given("initializer")
    initial = call.emit(
        "random",
        output=tensor,
        tag="initial",
        place=argument.place if argument is not None else call.place,
        initializer=initializer,
        **attributes,
    )
    output = tensor.replace(op=None, low=None, high=None, values=None, activation=None)
    trainable = call.constant("trainable", default=True)
    return call.emit(
        "variable",
        initial,
        output=output,
        trainable=trainable,
        regularizer=call.value("regularizer"),
        label=call.constant("name"),
    )


@method("model", "add_metric")
@method("layer", "add_loss", "add_metric")
def add_loss(call: ApiCall) -> Value:
    if call.machine.method_name == "add_metric":
        call.machine.record(MetricAdded(place=call.place, context=call.machine.context()))
    tensors = tuple(t for value in call.arguments.values() for t in arrays.tensors_in(call.machine, value))
    call.emit("opaque", *tensors, output=Tensor())
    return NONE
