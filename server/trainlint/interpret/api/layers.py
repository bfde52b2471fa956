"""What layers do, lowered to operations: shared by tf.layers, tf.contrib.layers and Keras.

Weights of a layer object are made once; a second call of the same layer finds them in its record.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

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


def dense(site: Site, x: Tensor, units: Dim) -> Tensor:
    """x W + b over the last axis, then the activation."""
    last = x.shape[-1] if x.shape else None
    kernel = site.weight("kernel", (last, units), "kernel_initializer", "kernel_regularizer")
    shape = (*x.shape[:-1], units) if x.shape else None
    output = Tensor(
        shape=shape,
        dtype="float32",
        rms=product_rms(x, kernel, last),
        activation="linear",
        grounds=x.grounds,
        assumed=x.assumed,
    )
    result = site.emit("matmul", (x, kernel), output, fan_in=last, fan_out=units)
    return site.activate(add_bias(site, result, units))


def add_bias(site: Site, x: Tensor, units: Dim) -> Tensor:
    if site.constant("use_bias", default=True) is False:
        return x
    bias = site.weight("bias", (units,), "bias_initializer", "bias_regularizer", default="zeros")
    rms = x.rms if x.rms is None or bias.rms is None else math.hypot(x.rms, bias.rms)
    return site.emit("add", (x, bias), x.replace(op=None, rms=rms), "bias")


# Convolutions ---------------------------------------------------------------------------------------------------------


def window(size: Dim, kernel: Dim, stride: Dim, padding: str, dilation: Dim = 1) -> Dim:
    """The length of an axis after a convolution or pooling, as TensorFlow computes it."""
    if size is None or stride is None or kernel is None or dilation is None:
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
    from trainlint.interpret import arrays

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
    site: Site, x: Tensor, rank: int, filters: Dim, *, transposed: bool = False, depthwise: bool = False
) -> Tensor:
    """A convolution over `rank` spatial axes with bias and activation."""
    kernel_size = spatial(site, rank, ("kernel_size",))
    strides = spatial(site, rank, ("strides",))
    dilation = spatial(site, rank, ("dilation_rate",))
    padding = str(site.constant("padding", default="valid")).lower()
    first = channels_first(site)
    shape: Shape = None
    channels: Dim = None
    if x.shape is not None and len(x.shape) == rank + 2 and first is not None:
        channels = x.shape[1] if first else x.shape[-1]
        axes = x.shape[2:] if first else x.shape[1:-1]
        if transposed:
            sizes = tuple(_grown(a, k, s, padding) for a, k, s in zip(axes, kernel_size, strides))
        else:
            sizes = tuple(window(a, k, s, padding, d) for a, k, s, d in zip(axes, kernel_size, strides, dilation))
        if depthwise:
            filters = dims.combine("*", channels, filters)
        shape = (x.shape[0], filters, *sizes) if first else (x.shape[0], *sizes, filters)
    kernel_shape = (*kernel_size, filters, channels) if transposed else (*kernel_size, channels, filters)
    if depthwise:
        kernel_shape = (*kernel_size, channels, 1)
    kernel = site.weight("kernel", kernel_shape, "kernel_initializer", "kernel_regularizer")
    fan_in = dims.product((*kernel_size, 1 if depthwise else channels))
    output = Tensor(
        shape=shape, dtype="float32", rms=product_rms(x, kernel, fan_in), activation="linear", grounds=x.grounds
    )
    result = site.emit("convolution", (x, kernel), output, fan_in=fan_in, fan_out=filters, rank=rank, padding=padding)
    return site.activate(add_bias(site, result, filters))


def _grown(size: Dim, kernel: Dim, stride: Dim, padding: str) -> Dim:
    grown = dims.combine("*", size, stride)
    if padding == "same":
        return grown
    if isinstance(kernel, int) and isinstance(stride, int):
        return dims.combine("+", grown, max(kernel - stride, 0))
    return None


def pool(site: Site, x: Tensor, rank: int, how: str) -> Tensor:
    size = spatial(site, rank, ("pool_size",), 2)
    strides = spatial(site, rank, ("strides",), None) if not is_none(site.value("strides")) else size
    padding = str(site.constant("padding", default="valid")).lower()
    first = channels_first(site)
    shape: Shape = None
    if x.shape is not None and len(x.shape) == rank + 2 and first is not None:
        axes = x.shape[2:] if first else x.shape[1:-1]
        sizes = tuple(window(a, k, s, padding) for a, k, s in zip(axes, size, strides))
        shape = (*x.shape[:2], *sizes) if first else (x.shape[0], *sizes, x.shape[-1])
    return site.emit("pool", (x,), x.replace(shape=shape, op=None, encoding=None), how=how, size=size)


def global_pool(site: Site, x: Tensor, how: str) -> Tensor:
    shape: Shape = None
    if x.shape is not None and len(x.shape) >= 3:
        shape = (x.shape[0], x.shape[1] if channels_first(site) else x.shape[-1])
    return site.emit("pool", (x,), x.replace(shape=shape, op=None, encoding=None), how=how, size=None)


# The rest -------------------------------------------------------------------------------------------------------------


def normalization(site: Site, x: Tensor, form: str, training: Value) -> Tensor:
    """Batch or layer normalization: the size becomes 1, whatever came in."""
    last = x.shape[-1] if x.shape else None
    gamma = site.weight("gamma", (last,), "gamma_initializer", "gamma_regularizer", default="ones")
    beta = site.weight("beta", (last,), "beta_initializer", "beta_regularizer", default="zeros")
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
    return site.emit("normalization", (x, gamma, beta), output, form=form, training=training)


def embedding(site: Site, x: Tensor, vocabulary: Dim, size: Dim) -> Tensor:
    table = site.weight(
        "embeddings", (vocabulary, size), "embeddings_initializer", "embeddings_regularizer", default="random_uniform"
    )
    shape = None if x.shape is None else (*x.shape, size)
    output = Tensor(shape=shape, dtype="float32", rms=table.rms, activation=None)
    return site.emit("embedding", (x, table), output, vocabulary=vocabulary)


def recurrent(
    site: Site, x: Tensor, units: Dim, gates: int, activation: str | None, bidirectional: bool = False
) -> Tensor:
    """A recurrent layer: only its shape, weights and the range of its state are modelled."""
    last = x.shape[-1] if x.shape else None
    kernel = site.weight("kernel", (last, dims.combine("*", units, gates)), "kernel_initializer", "kernel_regularizer")
    inner = site.weight(
        "recurrent kernel",
        (units, dims.combine("*", units, gates)),
        "recurrent_initializer",
        "recurrent_regularizer",
        default="orthogonal",
    )
    inputs: tuple[Value, ...] = (x, kernel, inner)
    if site.constant("use_bias", default=True) is not False:
        inputs = (
            *inputs,
            site.weight(
                "bias", (dims.combine("*", units, gates),), "bias_initializer", "bias_regularizer", default="zeros"
            ),
        )
    sequences = site.value("return_sequences")
    every = sequences.value if isinstance(sequences, Const) else None
    width = dims.combine("*", units, 2) if bidirectional else units
    shape: Shape = None
    if x.shape is not None and len(x.shape) == 3 and (every is not None or is_none(sequences)):
        shape = (x.shape[0], x.shape[1], width) if every else (x.shape[0], width)
    low, high = activations.bounds(activation) if activation else (None, None)
    output = Tensor(
        shape=shape,
        dtype="float32",
        low=low,
        high=high,
        rms=0.5 if activation == "tanh" else None,
        activation=activation,
    )
    return site.emit("recurrent", inputs, output, units=units, sequences=every)
