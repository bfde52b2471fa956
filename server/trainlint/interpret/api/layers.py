"""What layers do, lowered to operations: shared by tf.layers, tf.contrib.layers and Keras.

Weights of a layer object are made once; a second call of the same layer finds them in its record.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays
from trainlint.interpret.api import activations
from trainlint.interpret.api.math import product_rms
from trainlint.interpret.api.random import initialize
from trainlint.program import dims
from trainlint.program.values import NONE, Argument, Const, Id, Ref, Tensor, Unknown, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Dim, Shape
    from trainlint.source.code import Place

TRUE = Const(value=True)


class Site:
    """Where a layer is applied: its object if it has one, its arguments, and the place of this call."""

    def __init__(
        self, machine: Machine, place: Place, call_place: Place, arguments: Any, symbol: Any, layer: Id | None = None
    ) -> None:
        self.machine = machine
        self.place = place
        """Where the layer is written: findings underline it."""
        self.call_place = call_place
        self.arguments = arguments
        self.symbol = symbol
        self.layer = layer
        self.more: tuple[Value, ...] = ()
        """Other tensors that the call was given, such as the initial state of a recurrent layer."""

    def tag(self, what: str) -> Any:
        return (what, self.layer, self.call_place)

    def argument(self, *names: str) -> Argument | None:
        for name in names:
            found = self.arguments.get(name)
            if found is not None:
                return found
        return None

    def value(self, *names: str) -> Value:
        found = self.argument(*names)
        return NONE if found is None else self.machine.resolve(found.value)

    def constant(self, *names: str, default: Any = None) -> Any:
        value = self.value(*names)
        return value.value if isinstance(value, Const) and value.value is not None else default

    def place_of(self, *names: str) -> Place:
        """Where an argument is written; the layer itself for a default."""
        found = self.argument(*names)
        return found.place if found is not None and found.place is not None else self.place

    def emit(
        self,
        kind: str,
        inputs: tuple[Value, ...],
        output: Tensor,
        what: str = "",
        place: Place | None = None,
        **attributes: Any,
    ) -> Tensor:
        return self.machine.emit(
            kind,
            self.symbol.name if self.symbol is not None else kind,
            place or self.place,
            inputs,
            output,
            self.tag(what or kind),
            arguments=self.arguments,
            attributes=attributes,
            symbol=self.symbol,
            layer=self.layer,
        )

    def weight(
        self, name: str, shape: Shape, initializer: str, regularizer: str = "", default: str = "glorot_uniform"
    ) -> Tensor:
        """A weight of the layer; `initializer` and `regularizer` name the arguments that hold them."""
        machine = self.machine
        if self.layer is not None:
            record = machine.object(Ref(id=self.layer))
            known = record.fields.get(f"weight {name}") if record is not None else None
            if isinstance(known, Tensor):
                return known
        argument = self.argument(initializer)
        chosen = self.value(initializer)
        # The tables can't tell some defaults, such as the initializer object of an old signature.
        if is_none(chosen) or (argument is not None and not argument.given and isinstance(chosen, Unknown)):
            chosen = Const(value=default)
        if isinstance(chosen, Tensor):
            tensor = chosen
            attributes: dict[str, Any] = {}
        else:
            tensor, attributes = initialize(machine, chosen, shape)
        place = self.place_of(initializer)
        initial = self.emit(
            "random", (), tensor.replace(op=None), f"initial {name}", place, initializer=chosen, **attributes
        )
        output = tensor.replace(shape=shape, op=None, low=None, high=None, values=None, activation=None, library="tf")
        penalty = self.value(regularizer) if regularizer else NONE
        trainable = self.constant("trainable", default=True)
        result = self.emit(
            "variable", (initial,), output, f"weight {name}", trainable=trainable, regularizer=penalty, label=name
        )
        if self.layer is not None:
            record = machine.object(Ref(id=self.layer))
            if record is not None:
                machine.put(self.layer, record.replace(fields={**record.fields, f"weight {name}": result}))
        return result

    def activate(self, tensor: Tensor, *names: str) -> Tensor:
        """The layer's activation argument applied; the operation stands where the argument is written."""
        argument = self.argument(*(names or ("activation",)))
        value = NONE if argument is None else self.machine.resolve(argument.value)
        place = self.place_of(*(names or ("activation",)))
        result = activations.activate(
            self.machine,
            value,
            tensor,
            place,
            self.tag("activation"),
            layer=self.layer,
            arguments=self.arguments,
            symbol=self.symbol,
            name=self.symbol.name if self.symbol is not None else "activation",
            argument=True,
        )
        return result if isinstance(result, Tensor) else Tensor(shape=tensor.shape)


def _computed_type(site: Site, x: Tensor) -> str | None:
    """The type that a layer computes in: its own in Keras, that of its input in TensorFlow 1."""
    old = site.symbol is not None and site.symbol.name.startswith(("tf.layers.", "tf.contrib."))
    return x.dtype if old and x.dtype in ("float16", "float64") else "float32"


def dense(site: Site, x: Tensor, units: Dim) -> Tensor:
    """x W + b over the last axis, then the activation."""
    last = x.shape[-1] if x.shape else None
    kernel = site.weight("kernel", (last, units), "kernel_initializer", "kernel_regularizer")
    shape = (*x.shape[:-1], units) if x.shape else None
    output = Tensor(
        shape=shape,
        dtype=_computed_type(site, x),
        rms=product_rms(x, kernel, last),
        activation="linear",
        grounds=x.grounds,
        assumed=x.assumed,
    )
    result = site.emit("matmul", (x, kernel), output, fan_in=last, fan_out=units)
    return site.activate(add_bias(site, result, units))


def add_bias(site: Site, x: Tensor, units: Dim) -> Tensor:
    """The products with a bias, where the layer is known to have one."""
    wanted = site.value("use_bias")
    if not is_none(wanted) and wanted != TRUE:
        return x
    bias = site.weight("bias", (units,), "bias_initializer", "bias_regularizer", default="zeros")
    rms = x.rms if x.rms is None or bias.rms is None else math.hypot(x.rms, bias.rms)
    return site.emit("add", (x, bias), x.replace(op=None, rms=rms), "bias")


# Convolutions ---------------------------------------------------------------------------------------------------------


def padding_of(site: Site) -> str | None:
    """What a layer does at the borders; None where that is not known."""
    value = site.value("padding")
    if is_none(value):
        return "valid"
    return value.value.lower() if isinstance(value, Const) and isinstance(value.value, str) else None


def window(size: Dim, kernel: Dim, stride: Dim, padding: str | None, dilation: Dim = 1) -> Dim:
    """The length of an axis after a convolution or pooling, as TensorFlow computes it."""
    if padding is None or size is None or stride is None or kernel is None or dilation is None:
        return None
    if padding == "same" or padding == "causal":
        if stride == 1:
            return size
        if isinstance(size, int) and isinstance(stride, int):
            return -(-size // stride)
        return None
    effective = dims.combine("+", dims.combine("*", dims.combine("-", kernel, 1), dilation), 1)
    free = dims.combine("-", size, effective)
    if stride == 1:
        return dims.combine("+", free, 1)
    if isinstance(free, int) and isinstance(stride, int) and stride > 0:
        return free // stride + 1
    return None


def spatial(site: Site, rank: int, names: tuple[str, ...], default: Dim = 1) -> tuple[Dim, ...]:
    """A window argument (`kernel_size=3`, `(3, 3)`) with one entry for each spatial axis."""
    argument = site.argument(*names)
    if argument is None or is_none(site.machine.resolve(argument.value)):
        return (default,) * rank
    shape = arrays.as_shape(site.machine, argument.value)
    if shape is None:
        return (None,) * rank
    return shape * rank if len(shape) == 1 else shape if len(shape) == rank else (None,) * rank


def channels_first(site: Site) -> bool | None:
    value = site.value("data_format")
    if is_none(value):
        return False
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value in ("channels_first", "NCHW", "NCW", "NCDHW")
    return None


def convolution(
    site: Site,
    x: Tensor,
    rank: int,
    filters: Dim,
    *,
    transposed: bool = False,
    depthwise: bool = False,
    separable: bool = False,
) -> Tensor:
    """A convolution over `rank` spatial axes with bias and activation."""
    kernel_size = spatial(site, rank, ("kernel_size",))
    strides = spatial(site, rank, ("strides",))
    dilation = spatial(site, rank, ("dilation_rate",))
    padding = padding_of(site)
    first = channels_first(site)
    shape: Shape = None
    axes: tuple[Dim, ...] = ()
    channels: Dim = None
    multiplier: Dim = 1
    if depthwise:
        multiplier = filters
    elif separable:
        argument = site.argument("depth_multiplier")
        multiplier = 1 if argument is None else arrays.as_dim(site.value("depth_multiplier"))
    if x.shape is not None and len(x.shape) == rank + 2 and first is not None:
        channels = x.shape[1] if first else x.shape[-1]
        axes = x.shape[2:] if first else x.shape[1:-1]
        if transposed:
            more = spatial(site, rank, ("output_padding",), -1)
            sizes = tuple(
                _grown(a, k, s, padding, d, o) for a, k, s, d, o in zip(axes, kernel_size, strides, dilation, more)
            )
        else:
            sizes = tuple(window(a, k, s, padding, d) for a, k, s, d in zip(axes, kernel_size, strides, dilation))
        if depthwise:
            filters = dims.combine("*", channels, filters)
        shape = (x.shape[0], filters, *sizes) if first else (x.shape[0], *sizes, filters)
    elif depthwise:
        filters = None
    if depthwise or separable:
        depth_kernel = site.weight(
            "kernel" if depthwise else "depthwise kernel",
            (*kernel_size, channels, multiplier),
            "depthwise_initializer",
            "depthwise_regularizer",
        )
        fan_in = dims.product(kernel_size) if depthwise else dims.combine("*", channels, multiplier)
        kernel = depth_kernel
        if separable:
            kernel_shape = (*(1,) * rank, fan_in, filters)
            kernel = site.weight("kernel", kernel_shape, "pointwise_initializer", "pointwise_regularizer")
    else:
        entering = channels
        if site.argument("groups") is not None:
            entering = dims.combine("//", channels, arrays.as_dim(site.value("groups")))
        kernel_shape = (*kernel_size, filters, channels) if transposed else (*kernel_size, entering, filters)
        kernel = site.weight("kernel", kernel_shape, "kernel_initializer", "kernel_regularizer")
        fan_in = dims.product((*kernel_size, entering))
        if transposed:
            fan_in = spread_over(fan_in, channels, strides)
            most = None if shape is None else dims.product((channels, *axes))
            if isinstance(fan_in, int) and isinstance(most, int):
                # A vector that grows into a picture: there is nothing else to sum.
                fan_in = min(fan_in, most)
    output = Tensor(
        shape=shape,
        dtype=_computed_type(site, x),
        rms=product_rms(x, kernel, fan_in),
        activation="linear",
        grounds=x.grounds,
    )
    # The pointwise product of a separable convolution stands for both of its steps.
    inputs = (x, kernel, depth_kernel) if separable else (x, kernel)
    result = site.emit("convolution", inputs, output, fan_in=fan_in, fan_out=filters, rank=rank, padding=padding)
    return site.activate(add_bias(site, result, filters))


def spread_over(products: Dim, channels: Dim, strides: Shape) -> Dim:
    """How many products one output of a transposed convolution sums, on average.

    Each input is spread over a window of the kernel's size, and the windows lie a stride apart.
    """
    steps = dims.product(strides or ())
    if not isinstance(products, int) or not isinstance(steps, int) or steps < 1:
        return products if steps == 1 else None
    return max(products // steps, channels if isinstance(channels, int) else 1)


def _grown(size: Dim, kernel: Dim, stride: Dim, padding: str | None, dilation: Dim = 1, extra: Dim = -1) -> Dim:
    """The length of an axis after a transposed convolution; `extra` is the output padding, -1 when none is given."""
    if padding is None or extra is None or not isinstance(kernel, int):
        return None
    if not isinstance(stride, int) or not isinstance(dilation, int):
        return None
    effective = (kernel - 1) * dilation + 1
    if extra != -1:
        start = dims.combine("*", dims.combine("-", size, 1), stride)
        border = 2 * (kernel // 2) if padding == "same" else 0
        return dims.combine("+", dims.combine("+", start, effective - border), extra)
    grown = dims.combine("*", size, stride)
    return grown if padding == "same" else dims.combine("+", grown, max(effective - stride, 0))


def pool(site: Site, x: Tensor, rank: int, how: str) -> Tensor:
    size = spatial(site, rank, ("pool_size",), 2)
    strides = spatial(site, rank, ("strides",), None) if not is_none(site.value("strides")) else size
    padding = padding_of(site)
    first = channels_first(site)
    shape: Shape = None
    if x.shape is not None and len(x.shape) == rank + 2 and first is not None:
        axes = x.shape[2:] if first else x.shape[1:-1]
        sizes = tuple(window(a, k, s, padding) for a, k, s in zip(axes, size, strides))
        shape = (*x.shape[:2], *sizes) if first else (x.shape[0], *sizes, x.shape[-1])
    values = x.values if how == "max" else None
    return site.emit("pool", (x,), x.replace(shape=shape, op=None, encoding=None, values=values), how=how, size=size)


def global_pool(site: Site, x: Tensor, how: str) -> Tensor:
    shape: Shape = None
    first = channels_first(site)
    if x.shape is not None and len(x.shape) >= 3 and first is not None:
        keeps = site.value("keepdims")
        kept = (1,) * (len(x.shape) - 2) if keeps == TRUE else ()
        if not isinstance(keeps, Unknown):
            shape = (x.shape[0], x.shape[1], *kept) if first else (x.shape[0], *kept, x.shape[-1])
    values = x.values if how == "max" else None
    return site.emit("pool", (x,), x.replace(shape=shape, op=None, encoding=None, values=values), how=how, size=None)


def without_states(site: Site, result: Value) -> Value:
    """What a recurrent layer gives that was not told to give its states: if that is open, nothing is known of it."""
    if not isinstance(site.value("return_state"), Unknown):
        return result
    return site.emit("opaque", (result,), Tensor(), "opaque")


# The rest -------------------------------------------------------------------------------------------------------------


def normalization(site: Site, x: Tensor, form: str, training: Value, scaled: str = "scale") -> Tensor:
    """Batch or layer normalization: the size becomes 1, whatever came in.

    `scaled` names the argument that turns gamma off; without one there are no weights.
    """
    shape = _normalized_axes(site, x)
    weights: tuple[Tensor, ...] = ()
    if scaled and site.constant(scaled, default=True) is not False:
        weights = (site.weight("gamma", shape, "gamma_initializer", "gamma_regularizer", default="ones"),)
    if scaled and site.constant("center", default=site.symbol.name != "keras.layers.RMSNormalization") is not False:
        weights = (*weights, site.weight("beta", shape, "beta_initializer", "beta_regularizer", default="zeros"))
    output = x.replace(
        op=None,
        low=-math.inf,
        high=math.inf,
        rms=1.0,
        values=None,
        encoding=None,
        activation="linear" if x.activation else None,
        dtype="float32",
    )
    return site.emit("normalization", (x, *weights), output, form=form, training=training)


def _normalized_axes(site: Site, x: Tensor) -> Shape:
    """The shape of the weights of a normalization: the sizes of its axes, the last one by default."""
    given = site.value("axis")
    axes: Shape = (-1,) if is_none(given) else arrays.as_shape(site.machine, given)
    if x.shape is None or axes is None:
        return (None,)
    return tuple(x.shape[a] if isinstance(a, int) and -len(x.shape) <= a < len(x.shape) else None for a in axes)


def embedding(site: Site, x: Tensor, vocabulary: Dim, size: Dim) -> Tensor:
    table = site.weight(
        "embeddings", (vocabulary, size), "embeddings_initializer", "embeddings_regularizer", default="random_uniform"
    )
    shape = None if x.shape is None else (*x.shape, size)
    output = Tensor(shape=shape, dtype="float32", rms=table.rms, activation=None)
    return site.emit("embedding", (x, table), output, vocabulary=vocabulary)


def recurrent(site: Site, x: Tensor, units: Dim, gates: int, activation: str | None, mode: str | None = None) -> Tensor:
    """A recurrent layer: only its shape, weights and the range of its state are modelled.

    `mode` is how both directions of a bidirectional layer are merged, None for one direction.
    """
    inputs: tuple[Value, ...] = (x, *recurrent_weights(site, x, units, gates))
    if mode is not None:
        inputs = (*inputs, *recurrent_weights(site, x, units, gates, "backward "))
    sequences = site.value("return_sequences")
    every = sequences.value if isinstance(sequences, Const) else None
    width = dims.combine("*", units, 2) if mode == "concat" else units
    shape: Shape = None
    if x.shape is not None and len(x.shape) == 3 and (every is not None or is_none(sequences)):
        shape = (x.shape[0], x.shape[1], width) if every else (x.shape[0], width)
    low, high = activations.bounds(activation) if activation else (None, None)
    if mode == "sum" and low is not None and high is not None:
        low, high = 2 * low, 2 * high
    elif mode == "mul":
        low = high = None
    output = Tensor(
        shape=shape,
        dtype="float32",
        low=low,
        high=high,
        rms=0.5 if activation == "tanh" else None,
        activation=activation,
    )
    return site.emit("recurrent", (*inputs, *site.more), output, units=units, sequences=every)


def recurrent_weights(site: Site, x: Tensor, units: Dim, gates: int, prefix: str = "") -> tuple[Tensor, ...]:
    """Kernel, recurrent kernel and bias of one direction of a recurrent layer."""
    last = x.shape[-1] if x.shape else None
    width = dims.combine("*", units, gates)
    kernel = site.weight(f"{prefix}kernel", (last, width), "kernel_initializer", "kernel_regularizer")
    inner = site.weight(
        f"{prefix}recurrent kernel",
        (units, width),
        "recurrent_initializer",
        "recurrent_regularizer",
        default="orthogonal",
    )
    if site.constant("use_bias", default=True) is False:
        return kernel, inner
    name = site.symbol.name.rsplit(".", 1)[-1]
    # A GRU that resets after the product, as cuDNN does, has a bias on either side.
    twice = name.startswith("CuDNN") or (name.startswith("GRU") and site.constant("reset_after", default=False) is True)
    shape = (2, width) if twice else (width,)
    return kernel, inner, site.weight(f"{prefix}bias", shape, "bias_initializer", "bias_regularizer", default="zeros")
