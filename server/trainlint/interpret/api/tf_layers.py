"""tf.layers, tf.contrib.layers and the convolutions of tf.nn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, calls, contexts
from trainlint.interpret.api import activations, layers
from trainlint.interpret.api.common import operand, unknown_result
from trainlint.interpret.api.math import depends_on_variable, product_rms
from trainlint.interpret.api.registry import handles
from trainlint.interpret.machine import MISSING
from trainlint.program import dims
from trainlint.program.values import NONE, UNKNOWN, Argument, Const, Tensor, Tuple, Unknown, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Shape

_CONTRIB = {
    "num_outputs": "units",
    "activation_fn": "activation",
    "weights_initializer": "kernel_initializer",
    "biases_initializer": "bias_initializer",
    "weights_regularizer": "kernel_regularizer",
    "biases_regularizer": "bias_regularizer",
    "stride": "strides",
    "rate": "dilation_rate",
}


def site(call: ApiCall) -> layers.Site:
    """The layer of a functional call: a call is its own layer."""
    arguments = dict(call.bound)
    scopes = call.machine.read(contexts.SCOPES)
    if scopes is not MISSING:
        # tf.layers takes its defaults from the variable scope.
        for _, defaults in scopes:
            for name, value in defaults.items():
                argument = arguments.get(f"kernel_{name}")
                if argument is None or is_none(argument.value):
                    arguments[f"kernel_{name}"] = Argument(value=value)
    return layers.Site(call.machine, call.place, call.place, arguments, call.symbol)


def contrib_site(call: ApiCall) -> layers.Site:
    """The arguments of tf.contrib.layers under the names of tf.layers; activation_fn defaults to relu there."""
    arguments = {_CONTRIB.get(name, name): argument for name, argument in call.bound.items()}
    return layers.Site(call.machine, call.place, call.place, arguments, call.symbol)


@handles("tf.layers.dense")
def dense(call: ApiCall) -> Value:
    x = call.tensor("inputs")
    if x is None:
        return _unknown_layer(call)
    return layers.dense(site(call), x, arrays.as_dim(call.value("units")))


@handles("tf.contrib.layers.fully_connected", "tf.contrib.layers.linear", "tf.contrib.layers.relu")
def fully_connected(call: ApiCall) -> Value:
    default = {"linear": NONE, "relu": Const(value="relu")}.get(call.name.rsplit(".", 1)[-1], Const(value="relu"))
    if not _BEFORE_0_9.isdisjoint(call.arguments.keywords):
        default = NONE
    call.bind_as("inputs", "num_outputs", "activation_fn", "normalizer_fn", "normalizer_params", "weights_initializer")
    x = call.tensor("inputs")
    if x is None:
        return _unknown_layer(call)
    where = contrib_site(call)
    if "activation" not in where.arguments:
        where.arguments = {**where.arguments, "activation": Argument(value=default)}
    if _normalizes(where):
        return _normalized(call, where, x)
    return layers.dense(where, x, arrays.as_dim(where.value("units")))


_BEFORE_0_9 = frozenset(("num_output_units", "weight_init", "bias_init", "weight_regularizer", "bias_regularizer"))
"""Words of the first version of this layer, which had no activation of its own."""


def _normalizes(where: layers.Site) -> bool:
    """Whether a function comes between the product and the activation; one that is not known hides both."""
    normalizer = where.value("normalizer_fn")
    if isinstance(normalizer, Unknown) and "normalizer_fn" in where.arguments:
        where.arguments = {**where.arguments, "activation": Argument(value=UNKNOWN)}
        return False
    return not is_none(normalizer)


def _normalized(call: ApiCall, where: layers.Site, x: Tensor) -> Value:
    activation = where.arguments.get("activation")
    where.arguments = {
        **where.arguments,
        "activation": Argument(value=NONE),
        "use_bias": Argument(value=Const(value=False)),
    }
    if "conv" in call.name:
        result = _convolved(call, where, x)
    else:
        result = layers.dense(where, x, arrays.as_dim(where.value("units")))
    result = layers.normalization(where, result, "batch", NONE)
    if activation is not None:
        where.arguments = {**where.arguments, "activation": activation}
    return where.activate(result)


_CONVOLUTIONS = {
    "conv1d": 1,
    "conv2d": 2,
    "conv3d": 3,
    "conv2d_transpose": 2,
    "conv3d_transpose": 3,
    "separable_conv1d": 1,
    "separable_conv2d": 2,
    "convolution2d": 2,
}


@handles(*(f"tf.layers.{name}" for name in _CONVOLUTIONS))
def convolution(call: ApiCall) -> Value:
    x = call.tensor("inputs")
    if x is None:
        return _unknown_layer(call)
    base = call.name.rsplit(".", 1)[-1]
    return layers.convolution(
        site(call),
        x,
        _CONVOLUTIONS[base],
        arrays.as_dim(call.value("filters")),
        transposed="transpose" in base,
        separable="separable" in base,
    )


@handles(*(f"tf.contrib.layers.{name}" for name in _CONVOLUTIONS), "tf.contrib.layers.convolution")
def contrib_convolution(call: ApiCall) -> Value:
    if "separable" in call.name:
        names = ("inputs", "num_outputs", "kernel_size", "depth_multiplier", "stride", "padding")
        call.bind_as(*names, depth_multiplier=1, padding="SAME", stride=1)
    else:
        call.bind_as("inputs", "num_outputs", "kernel_size", "stride", "padding", padding="SAME", stride=1)
    x = call.tensor("inputs")
    if x is None:
        return _unknown_layer(call)
    where = contrib_site(call)
    if "activation" not in where.arguments:
        where.arguments = {**where.arguments, "activation": Argument(value=Const(value="relu"))}
    if _normalizes(where):
        return _normalized(call, where, x)
    return _convolved(call, where, x)


def _convolved(call: ApiCall, where: layers.Site, x: Tensor) -> Tensor:
    base = call.name.rsplit(".", 1)[-1]
    rank, units = _CONVOLUTIONS.get(base, 2), where.value("units")
    if "separable" not in base:
        return layers.convolution(where, x, rank, arrays.as_dim(units), transposed="transpose" in base)
    weights = where.arguments.get("kernel_initializer")
    if weights is not None:
        # One initializer for both steps, unless the second has its own.
        pointwise = where.arguments.get("pointwise_initializer")
        where.arguments = {
            **where.arguments,
            "depthwise_initializer": weights,
            "pointwise_initializer": weights if pointwise is None or is_none(pointwise.value) else pointwise,
        }
    if is_none(units):
        return layers.convolution(where, x, rank, arrays.as_dim(where.value("depth_multiplier")), depthwise=True)
    return layers.convolution(where, x, rank, arrays.as_dim(units), separable=True)


@handles(
    "tf.layers.max_pooling1d",
    "tf.layers.max_pooling2d",
    "tf.layers.max_pooling3d",
    "tf.layers.average_pooling1d",
    "tf.layers.average_pooling2d",
    "tf.layers.average_pooling3d",
    "tf.contrib.layers.max_pool2d",
    "tf.contrib.layers.avg_pool2d",
)
def pooling(call: ApiCall) -> Value:
    if call.name.startswith("tf.contrib"):
        call.bind_as("inputs", "kernel_size", "stride", "padding", stride=2, padding="VALID")
    x = call.tensor("inputs")
    if x is None:
        return _unknown_layer(call)
    where = site(call) if call.name.startswith("tf.layers") else contrib_site(call)
    if call.name.startswith("tf.contrib"):
        where.arguments = {
            **where.arguments,
            "pool_size": where.arguments.get("kernel_size", Argument(value=Const(value=2))),
        }
    rank = next(int(c) for c in call.name if c.isdigit())
    return layers.pool(where, x, rank, "max" if "max" in call.name else "mean")


_BATCH_NORM = (
    "decay", "center", "scale", "epsilon", "activation_fn", "param_initializers", "param_regularizers",
    "updates_collections", "is_training",
)  # fmt: skip
"""The parameters of `tf.contrib.layers.batch_norm` in their order, behind its inputs."""


@handles(
    "tf.layers.batch_normalization",
    "tf.contrib.layers.batch_norm",
    "tf.contrib.layers.layer_norm",
    "tf.contrib.layers.instance_norm",
)
def batch_normalization(call: ApiCall) -> Value:
    if call.name.startswith("tf.contrib"):
        call.bind_as("inputs", *(_BATCH_NORM if call.name.endswith("batch_norm") else ()))
    x = call.tensor("inputs")
    if x is None:
        return _unknown_layer(call)
    form = "layer" if "layer_norm" in call.name or "instance" in call.name else "batch"
    training = call.value("training") if call.argument("training") is not None else call.value("is_training")
    where = site(call) if call.name.startswith("tf.layers") else contrib_site(call)
    if call.name == "tf.contrib.layers.batch_norm" and "scale" not in where.arguments:
        where.arguments = {**where.arguments, "scale": Argument(value=Const(value=False))}
    result = layers.normalization(where, x, form, training)
    return where.activate(result) if "activation" in where.arguments else result


@handles(
    "tf.nn.batch_normalization",
    "tf.nn.fused_batch_norm",
    "tf.nn.l2_normalize",
    "tf.nn.lrn",
    "tf.nn.local_response_normalization",
    "tf.linalg.normalize",
    "keras.backend.l2_normalize",
    "tf.math.l2_normalize",
    "tf.image.per_image_standardization",
    "keras.utils.normalize",
)
def normalize(call: ApiCall) -> Value:
    x = arrays.as_tensor(call.machine, operand(call, 0, "x", "value", "input", "image"))
    if x is None:
        return unknown_result(
            call, operand(call, 0, "x", "value", "input", "image"), kind="normalization", form="batch"
        )
    rest = tuple(t for a in call.arguments.positional[1:] for t in arrays.tensors_in(call.machine, a.value))
    output = x.replace(op=None, low=None, high=None, values=None, rms=1.0, encoding=None)
    form = _FORMS.get(call.name, "batch")
    if output.dtype is not None and not output.dtype.startswith("float"):
        output = output.replace(dtype=None)
    if call.name == "keras.utils.normalize" and x.rank == 1:
        output = output.replace(shape=(1, *output.shape))  # type: ignore[misc]
    if form == "unit":
        # Vectors of length 1: batch normalization would be affine, this is not, and it keeps the direction.
        size = x.shape[-1] if x.shape else None
        output = output.replace(low=-1.0, high=1.0, rms=size**-0.5 if isinstance(size, int) and size else None)
    facts: dict[str, Any] = {}
    if form == "local":
        output = output.replace(rms=x.rms)
        facts = {name: call.settled(name, default=value) for name, value in _LOCAL.items()}
    result = call.emit("normalization", x, *rest, output=output, form=form, training=NONE, **facts)
    return Tuple(items=(result, UNKNOWN)) if call.name == "tf.linalg.normalize" else result


# https://www.tensorflow.org/api_docs/python/tf/nn/local_response_normalization
_LOCAL = {"depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5}

_FORMS = {
    "tf.nn.lrn": "local",
    "tf.nn.local_response_normalization": "local",
    "tf.nn.l2_normalize": "unit",
    "tf.math.l2_normalize": "unit",
    "tf.linalg.normalize": "unit",
    "keras.backend.l2_normalize": "unit",
    "keras.utils.normalize": "unit",
    "tf.image.per_image_standardization": "image",
}


@handles("tf.nn.bias_add", "keras.backend.bias_add")
def bias_add(call: ApiCall) -> Value:
    x, bias = operand(call, 0, "value", "x"), operand(call, 1, "bias")
    if not str(call.settled("data_format", default="NHWC")).endswith(("C", "channels_last")):
        # The bias stands for the second axis, which no broadcasting says.
        tensor = arrays.as_tensor(call.machine, x)
        if tensor is not None:
            output = tensor.replace(op=None, low=None, high=None, values=None, encoding=None)
            return call.emit("add", tensor, bias, output=output)
    return calls.tensor_binary(call.machine, "+", x, bias, call.place)


@handles("tf.nn.xw_plus_b", "tf.nn.relu_layer")
def xw_plus_b(call: ApiCall) -> Value:
    x, w, b = operand(call, 0, "x"), operand(call, 1, "weights"), operand(call, 2, "biases")
    product = calls.tensor_binary(call.machine, "@", x, w, call.place)
    result = calls.tensor_binary(call.machine, "+", product, b, call.place)
    if call.name == "tf.nn.relu_layer" and isinstance(result, Tensor):
        return activations.apply(call.machine, "relu", result, call.place)
    return result


_NN = {
    "tf.nn.conv1d": 1,
    "tf.nn.conv2d": 2,
    "tf.nn.conv3d": 3,
    "tf.nn.convolution": 2,
    "tf.nn.depthwise_conv2d": 2,
    "tf.nn.atrous_conv2d": 2,
    "tf.nn.depthwise_conv2d_native": 2,
    "keras.backend.conv2d": 2,
}


@handles(*_NN)
def nn_convolution(call: ApiCall) -> Value:
    """A convolution with an explicit kernel [height, width, in, out]."""
    x = arrays.as_tensor(call.machine, operand(call, 0, "input", "value", "x"))
    kernel = arrays.as_tensor(call.machine, operand(call, 1, "filter", "filters", "kernel"))
    if x is None or kernel is None:
        return unknown_result(
            call,
            operand(call, 0, "input", "value", "x"),
            operand(call, 1, "filter", "filters", "kernel"),
            kind="convolution",
        )
    rank = _NN[call.name]
    shape: Shape = None
    fan_in = dims.product(kernel.shape[:-1]) if kernel.shape else None
    depthwise = "depthwise" in call.name
    data_format = call.settled("data_format", default="NHWC")
    strides, dilations = _strides(call, rank), _dilations(call, rank)
    if (
        x.shape is not None
        and kernel.shape is not None
        and len(x.shape) == rank + 2 == len(kernel.shape)
        and "C" == str(data_format)[-1]
    ):
        padding = str(call.constant("padding", default="")).lower()
        if padding in ("same", "valid"):
            windows = zip(x.shape[1:-1], kernel.shape[:-2], strides, dilations)
            sizes = tuple(layers.window(a, k, s, padding, d) for a, k, s, d in windows)
            channels = dims.combine("*", kernel.shape[-2], kernel.shape[-1]) if depthwise else kernel.shape[-1]
            shape = (x.shape[0], *sizes, channels)
    if depthwise and kernel.shape:
        fan_in = dims.product(kernel.shape[:-2])
    activation = "linear" if depends_on_variable(call, kernel) else None
    output = Tensor(
        shape=shape, dtype="float32", rms=product_rms(x, kernel, fan_in), activation=activation, grounds=x.grounds
    )
    fan_out = kernel.shape[-1] if kernel.shape else None
    return call.emit("convolution", x, kernel, output=output, fan_in=fan_in, fan_out=fan_out, rank=rank)


def _dilations(call: ApiCall, rank: int) -> tuple[dims.Dim, ...]:
    names = ("rate",) if "atrous" in call.name else ("dilations", "dilation_rate", "dilation", "rate")
    given = call.given(*names)
    if given is None or is_none(call.machine.resolve(given.value)):
        return (None if call.arguments.open else 1,) * rank
    shape = arrays.as_shape(call.machine, given.value)
    if shape is not None and len(shape) == rank + 2:
        return shape[1:-1]
    return (None,) * rank if shape is None else shape * rank if len(shape) == 1 else shape


def _strides(call: ApiCall, rank: int) -> tuple[dims.Dim, ...]:
    name = "strides" if call.argument("strides") is not None else "stride"
    shape = call.shape(name)
    if shape is None:
        return (1,) * rank if call.known(name) is None else (None,) * rank
    if len(shape) == rank + 2:
        return shape[1:-1]
    return shape * rank if len(shape) == 1 else shape if len(shape) == rank else (None,) * rank


@handles("tf.nn.conv2d_transpose", "tf.nn.conv3d_transpose", "tf.nn.conv1d_transpose")
def conv_transpose(call: ApiCall) -> Value:
    x = arrays.as_tensor(call.machine, operand(call, 0, "value", "input"))
    kernel = arrays.as_tensor(call.machine, operand(call, 1, "filter", "filters"))
    if x is None or kernel is None:
        return unknown_result(
            call, operand(call, 0, "value", "input"), operand(call, 1, "filter", "filters"), kind="convolution"
        )
    shape = call.shape("output_shape")
    fan_in: dims.Dim = None
    if kernel.shape and len(kernel.shape) > 2:
        strides = call.shape("strides")
        if strides is not None:
            # The axes of the batch and the channels have a stride of 1, wherever they are.
            products = dims.product((*kernel.shape[:-2], kernel.shape[-1]))
            steps = strides * (len(kernel.shape) - 2) if len(strides) == 1 else strides
            fan_in = layers.spread_over(products, kernel.shape[-1], steps)
    output = Tensor(shape=shape, dtype="float32", rms=product_rms(x, kernel, fan_in), activation="linear")
    return call.emit(
        "convolution",
        x,
        kernel,
        output=output,
        fan_in=fan_in,
        fan_out=kernel.shape[-2] if kernel.shape else None,
        transposed=True,
    )


@handles(
    "tf.nn.max_pool",
    "tf.nn.avg_pool",
    "tf.nn.max_pool2d",
    "tf.nn.avg_pool2d",
    "tf.nn.pool",
    "tf.nn.max_pool1d",
    "tf.nn.max_pool3d",
    "keras.backend.pool2d",
)
def nn_pool(call: ApiCall) -> Value:
    x = arrays.as_tensor(call.machine, operand(call, 0, "value", "input", "x"))
    if x is None:
        return unknown_result(call, operand(call, 0, "value", "input", "x"), kind="pool")
    shape: Shape = None
    if x.shape is not None and len(x.shape) >= 3:
        rank = len(x.shape) - 2
        strides = _strides(call, rank)
        sizes = call.shape("ksize")
        padding = str(call.constant("padding", default="")).lower()
        layout = str(call.settled("data_format", default="NHWC"))
        if sizes is not None and padding in ("same", "valid") and layout.endswith(("C", "channels_last")):
            window = sizes[1:-1] if len(sizes) == rank + 2 else sizes * rank if len(sizes) == 1 else sizes
            if len(window) == rank:
                shape = (
                    x.shape[0],
                    *(layers.window(a, k, s, padding) for a, k, s in zip(x.shape[1:-1], window, strides)),
                    x.shape[-1],
                )
    return call.emit(
        "pool",
        x,
        output=x.replace(shape=shape, op=None, encoding=None, values=x.values if "max" in call.name else None),
        how="max" if "max" in call.name else "mean",
        size=None,
    )


@handles("tf.nn.embedding_lookup", "tf.nn.embedding_lookup_sparse")
def embedding_lookup(call: ApiCall) -> Value:
    table = arrays.as_tensor(call.machine, operand(call, 0, "params"))
    ids = arrays.as_tensor(call.machine, operand(call, 1, "ids"))
    shape: Shape = None
    if table is not None and table.shape and ids is not None and ids.shape is not None:
        shape = (*ids.shape, *table.shape[1:])
    inputs = (
        ids if ids is not None else operand(call, 1, "ids"),
        table if table is not None else operand(call, 0, "params"),
    )
    return call.emit(
        "embedding",
        *inputs,
        output=Tensor(
            shape=shape,
            dtype="float32" if table is None else table.dtype,
            rms=table.rms if table is not None else None,
        ),
        vocabulary=table.shape[0] if table is not None and table.shape else None,
    )


def _unknown_layer(call: ApiCall) -> Tensor:
    """A layer on an unknown input: only the last dimension and what the weights look like are known."""
    units = call.argument("units", "num_outputs", "filters")
    width = arrays.as_dim(call.machine.resolve(units.value)) if units is not None else None
    value = call.value("inputs")
    x = Tensor(shape=None)
    if "dense" in call.name or "fully_connected" in call.name:
        where = site(call) if call.name.startswith("tf.layers") else contrib_site(call)
        if "fully_connected" in call.name and "activation" not in where.arguments:
            where.arguments = {**where.arguments, "activation": Argument(value=Const(value="relu"))}
        return layers.dense(where, x, width)
    return call.emit("opaque", value, output=Tensor())
