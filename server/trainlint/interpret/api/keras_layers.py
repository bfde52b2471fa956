"""Keras layers: what each does to its inputs when it is called."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api import activations, layers, random
from trainlint.interpret.api.layers import Site
from trainlint.interpret.api.registry import attribute, called, handles, method
from trainlint.interpret.api.shapes import concat_shape, flat_shape, reshaped
from trainlint.interpret.api.variables import fed
from trainlint.interpret.joins import join_tensors
from trainlint.interpret.machine import Machine, unknown
from trainlint.program import dims
from trainlint.program.dims import Dim, Shape
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    ApiObject,
    Argument,
    Const,
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


def layer(*names: str) -> Callable[[Apply], Apply]:
    def register(function: Apply) -> Apply:
        for name in names:
            LAYERS[name] = function
        return function

    return register


def apply_layer(machine: Machine, reference: Ref, inputs: Value, call_place: Any, training: Value = NONE) -> Value:
    """The output of a layer object for given inputs."""
    record = machine.object(reference)
    assert record is not None
    name = record.symbol.name.rsplit(".", 1)[-1]
    arguments = dict(record.arguments)
    if not is_none(training):
        arguments["training"] = Argument(value=training, place=call_place)
    site = Site(machine, record.place, call_place, arguments, record.symbol, reference.id)
    tensor = arrays.as_tensor(machine, inputs)
    if name in MERGES:
        return _merge(site, name, inputs)
    function = LAYERS.get(name)
    if function is None:
        tensors = tuple(arrays.tensors_in(machine, inputs))
        output = site.emit("opaque", tensors, Tensor(), "opaque")
        return output.replace(shape=None)
    if isinstance(machine.resolve(inputs), Tuple) or isinstance(machine.get(inputs), ListRecord):
        if name == "Lambda":
            return _lambda(site, inputs)
        return site.emit("opaque", tuple(arrays.tensors_in(machine, inputs)), Tensor(), "opaque")
    return function(site, tensor if tensor is not None else Tensor())


@called("layer")
def call_layer(call: ApiCall) -> Value:
    """`layer(inputs)`."""
    inputs = _inputs(call)
    training = call.arguments.keywords.get("training")
    assert isinstance(call.receiver, Ref)
    return apply_layer(
        call.machine, call.receiver, inputs, call.place, call.machine.resolve(training.value) if training else NONE
    )


def _inputs(call: ApiCall) -> Value:
    if call.arguments.positional:
        return call.machine.resolve(call.arguments.positional[0].value)
    argument = call.arguments.keywords.get("inputs") or call.arguments.keywords.get("x")
    return call.machine.resolve(argument.value) if argument is not None else UNKNOWN


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
        full = None if shape is None else (None, *shape)
    return fed(call, full, call.dtype("dtype") or "float32", "input")


def input_shape_of(machine: Machine, record: ApiObject) -> Shape:
    """The input shape that a layer declares, batch dimension included; None when it declares none."""
    arguments = record.arguments
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
    for name in ("input_dim", "input_length"):
        if name in arguments and arguments[name].given and not record.symbol.name.endswith("Embedding"):
            return (None, arrays.as_dim(machine.resolve(arguments[name].value)))
    if record.symbol.name.endswith("Embedding"):
        length = arguments.get("input_length")
        return (None, arrays.as_dim(machine.resolve(length.value)) if length is not None and length.given else None)
    return None


# One input ------------------------------------------------------------------------------------------------------------


@layer("Dense", "EinsumDense")
def _dense(site: Site, x: Tensor) -> Value:
    if site.symbol.name.endswith("EinsumDense"):
        return site.emit("opaque", (x,), Tensor(), "opaque")
    return layers.dense(site, x, arrays.as_dim(site.value("units", "output_dim")))


def _conv(rank: int, transposed: bool = False, depthwise: bool = False) -> Apply:
    def apply(site: Site, x: Tensor) -> Value:
        filters = site.value("depth_multiplier") if depthwise else site.value("filters", "nb_filter")
        return layers.convolution(site, x, rank, arrays.as_dim(filters), transposed=transposed, depthwise=depthwise)

    return apply


for _rank in (1, 2, 3):
    LAYERS[f"Conv{_rank}D"] = LAYERS[f"SeparableConv{_rank}D"] = _conv(_rank)
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
    if target is not None and x.shape is not None:
        minus = target.index(-1) if -1 in target else None
        inner = reshaped(x.shape[1:], tuple(None if d == -1 else d for d in target), minus)
        shape = None if inner is None else (x.shape[0], *inner)
    elif target is not None:
        shape = (None, *(None if d == -1 else d for d in target))
    return site.emit("reshape", (x,), x.replace(shape=shape, op=None, encoding=None))


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


def _named_activation(function: str) -> Apply:
    def apply(site: Site, x: Tensor) -> Value:
        axis = site.constant("axis", default=-1)
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
        )

    return apply


for _name, _function in (
    ("ReLU", "relu"),
    ("LeakyReLU", "leaky_relu"),
    ("ELU", "elu"),
    ("PReLU", "prelu"),
    ("Softmax", "softmax"),
    ("ThresholdedReLU", "relu"),
):
    LAYERS[_name] = _named_activation(_function)


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
    )


@layer("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization")
def _normalization(site: Site, x: Tensor) -> Value:
    name = site.symbol.name.rsplit(".", 1)[-1]
    return layers.normalization(site, x, "batch" if name.startswith("Batch") else "layer", site.value("training"))


@layer("Normalization")
def _standardization(site: Site, x: Tensor) -> Value:
    output = x.replace(
        op=None, low=-math.inf, high=math.inf, rms=1.0, values=None, encoding=None, dtype="float32", grounds="assumed"
    )
    return site.emit("normalization", (x,), output, form="data")


@layer("Rescaling")
def _rescaling(site: Site, x: Tensor) -> Value:
    from trainlint.interpret import arithmetic

    scale = arrays.as_tensor(site.machine, site.value("scale")) or Tensor()
    offset = arrays.as_tensor(site.machine, site.value("offset")) or Tensor(shape=(), low=0.0, high=0.0, rms=0.0)
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


def recurrent_layer(site: Site, x: Tensor, bidirectional: bool = False) -> Value:
    name = site.symbol.name.rsplit(".", 1)[-1]
    argument = site.argument("activation")
    value = Const(value="tanh") if argument is None else site.machine.resolve(argument.value)
    activation = activations.function_of(site.machine, value)
    output = layers.recurrent(
        site, x, arrays.as_dim(site.value("units", "output_dim")), _GATES[name], activation, bidirectional
    )
    if site.constant("return_state", default=False) is True:
        units = arrays.as_dim(site.value("units", "output_dim"))
        state = Tensor(shape=(x.shape[0] if x.shape else None, units), dtype="float32")
        states = tuple(site.emit("identity", (output,), state, f"state {i}") for i in range(2 if "LSTM" in name else 1))
        return Tuple(items=(output, *states))
    return output


@layer("Bidirectional")
def _bidirectional(site: Site, x: Tensor) -> Value:
    machine = site.machine
    inner = site.value("layer")
    record = machine.object(inner)
    if record is None or record.symbol.name.rsplit(".", 1)[-1] not in _GATES:
        return site.emit("opaque", (x,), Tensor(), "opaque")
    assert isinstance(inner, Ref)
    nested = Site(machine, record.place, site.call_place, record.arguments, record.symbol, inner.id)
    mode = site.constant("merge_mode", default="concat")
    return recurrent_layer(nested, x, bidirectional=mode == "concat")


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


@layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _zero_padding(site: Site, x: Tensor) -> Value:
    rank = int(site.symbol.name[-2])
    amounts = builtins.items_of(site.machine, site.value("padding"))
    value = site.value("padding")
    shape: Shape = None
    if x.shape is not None and len(x.shape) == rank + 2:
        sizes: list[Dim] = []
        for index, dim in enumerate(x.shape[1:-1]):
            part = (
                value if amounts is None else site.machine.resolve(amounts[index]) if index < len(amounts) else UNKNOWN
            )
            pair = arrays.as_shape(site.machine, part)
            total = (
                None
                if pair is None
                else dims.combine("*", 2, pair[0])
                if len(pair) == 1
                else dims.combine("+", pair[0], pair[1])
            )
            sizes.append(dims.combine("+", dim, total))
        shape = (x.shape[0], *sizes, x.shape[-1])
    low = None if x.low is None else min(0.0, x.low)
    return site.emit("pad", (x,), x.replace(shape=shape, low=low, op=None))


@layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsampling(site: Site, x: Tensor) -> Value:
    rank = int(site.symbol.name[-2])
    size = layers.spatial(site, rank, ("size",), 2)
    shape: Shape = None
    if x.shape is not None and len(x.shape) == rank + 2:
        shape = (x.shape[0], *(dims.combine("*", a, s) for a, s in zip(x.shape[1:-1], size)), x.shape[-1])
    return site.emit("tile", (x,), x.replace(shape=shape, op=None))


@layer("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(site: Site, x: Tensor) -> Value:
    shape = None if x.shape is None else (x.shape[0], *(None,) * (len(x.shape) - 2), x.shape[-1])
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
    "SpectralNormalization",
)
def _identity(site: Site, x: Tensor) -> Value:
    name = site.symbol.name.rsplit(".", 1)[-1]
    output = x.replace(op=None)
    if name == "GaussianNoise":
        output = output.replace(low=-math.inf, high=math.inf, values=None)
    return site.emit("identity", (x,), output, name.lower())


@layer("Resizing", "CenterCrop", "RandomCrop")
def _resizing(site: Site, x: Tensor) -> Value:
    height, width = arrays.as_dim(site.value("height")), arrays.as_dim(site.value("width"))
    shape = (x.shape[0], height, width, x.shape[-1]) if x.shape is not None and len(x.shape) == 4 else None
    return site.emit("resize", (x,), x.replace(shape=shape, op=None))


@layer("Lambda")
def _lambda(site: Site, x: Value) -> Value:
    from trainlint.interpret import calls
    from trainlint.interpret.api.call import Arguments

    function = site.value("function")
    result = calls.call(site.machine, function, Arguments([Argument(value=x, place=site.call_place)], {}), site.place)
    return site.machine.resolve(result)


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
        shape = None if x.shape is None else (x.shape[0], width)
        return site.emit("one-hot", (x,), Tensor(shape=shape, dtype="float32", low=0.0, rms=None))
    if name == "TextVectorization":
        length = arrays.as_dim(site.value("output_sequence_length"))
        shape = (x.shape[0] if x.shape else None, length)
        return site.emit("gather", (x,), Tensor(shape=shape, dtype="int64", low=0.0, high=math.inf))
    return site.emit("gather", (x,), Tensor(shape=x.shape, dtype="int64", low=0.0, high=math.inf))


# Several inputs -------------------------------------------------------------------------------------------------------

MERGES = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "add",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Concatenate": "concat",
    "Dot": "matmul",
    "Attention": "attention",
    "AdditiveAttention": "attention",
}


def _merge(site: Site, name: str, inputs: Value) -> Value:
    from trainlint.interpret import arithmetic

    items = builtins.items_of(site.machine, inputs)
    tensors = [arrays.as_tensor(site.machine, site.machine.resolve(item)) for item in items or ()]
    known = [t for t in tensors if t is not None]
    if not known or len(known) < len(tensors) or name in ("Dot", "Attention", "AdditiveAttention"):
        shape = known[0].shape if known and name.endswith("Attention") else None
        return site.emit(MERGES[name], tuple(known), Tensor(shape=shape, dtype="float32"), name)
    if name == "Concatenate":
        axis = site.constant("axis", default=-1)
        joined = known[0]
        for tensor in known[1:]:
            joined = join_tensors(joined, tensor)
        shape = concat_shape([t.shape for t in known], axis) if isinstance(axis, int) else None
        return site.emit("concat", tuple(known), joined.replace(shape=shape, op=None, library="tf"), name)
    result = known[0]
    for tensor in known[1:]:
        result = arithmetic.binary(MERGES[name], result, tensor)
    activation = result.activation if MERGES[name] == "add" else None
    return site.emit(MERGES[name], tuple(known), result.replace(op=None, library="tf", activation=activation), name)


def _functional_merge(name: str) -> Any:
    def handler(call: ApiCall) -> Value:
        site = Site(call.machine, call.place, call.place, call.bound, call.symbol)
        inputs = call.value("inputs") if call.argument("inputs") is not None else call.value("*0")
        return _merge(site, name, inputs)

    return handler


for _name in ("Subtract", "Multiply", "Maximum", "Minimum", "Dot"):
    handles(f"keras.layers.{_name.lower()}")(_functional_merge(_name))


@layer("MultiHeadAttention")
def _attention(site: Site, x: Tensor) -> Value:
    return site.emit("attention", (x,), Tensor(shape=x.shape, dtype="float32", activation="linear"), "attention")


# Layer objects --------------------------------------------------------------------------------------------------------


def call_any(machine: Machine, value: Value, inputs: Value, place: Any, training: Value = NONE) -> Value:
    """The output of whatever can stand in a model: a layer, a model, a layer of the user, a function."""
    from trainlint.interpret import calls
    from trainlint.interpret.api.call import Arguments

    keywords = {} if is_none(training) else {"training": Argument(value=training, place=place)}
    arguments = Arguments([Argument(value=inputs, place=place)], keywords)
    return machine.resolve(calls.call(machine, value, arguments, place))


@method("layer", "get_weights", "count_params", "get_config", "build", "set_weights", "adapt")
def layer_method(call: ApiCall) -> Value:
    return unknown("", call.place) if call.name.startswith("get") else NONE


def weights_of(machine: Machine, reference: Value) -> tuple[Tensor, ...]:
    """The weights that a layer object has so far."""
    record = machine.object(reference)
    if record is None:
        return ()
    return tuple(
        value for key, value in record.fields.items() if key.startswith("weight ") and isinstance(value, Tensor)
    )


@attribute("layer", "weights", "trainable_weights", "trainable_variables", "variables")
def layer_weights(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
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
        return machine.new(place, ListRecord(items=None, element=term, length=None), "losses")
    term = machine.emit(
        "regularization",
        "losses",
        place,
        penalized,
        Tensor(shape=(), dtype="float32", low=0.0),
        "losses",
        attributes={"form": "losses"},
    )
    return machine.new(place, ListRecord(items=(term,)), "losses")


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


@method("layer", "add_loss", "add_metric")
def add_loss(call: ApiCall) -> Value:
    tensors = tuple(t for value in call.arguments.values() for t in arrays.tensors_in(call.machine, value))
    call.emit("opaque", *tensors, output=Tensor())
    return NONE
