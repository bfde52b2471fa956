"""Activation functions and dropout, as functions and as arguments of layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.interpret import arrays, calls
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.api.common import operand, spelled
from trainlint.interpret.api.registry import handles
from trainlint.program import dims
from trainlint.program.values import NONE, UNKNOWN, Api, Argument, Const, Function, Partial, Tensor, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine
    from trainlint.source import code

FUNCTIONS = frozenset(
    "relu relu6 leaky_relu elu selu gelu silu swish softplus softsign sigmoid hard_sigmoid hard_silu tanh softmax "
    "log_softmax log_sigmoid exponential mish crelu prelu linear celu hard_tanh".split()
)
_SAME = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "relu_v2": "relu",
    "identity": "linear",
    "exp": "exponential",
    "leakyrelu": "leaky_relu",
}

# Relative size of the output of each function for an input of rms r, rules.md TL101: c = .707 for relu-like.
_HALVED = frozenset(
    ("relu", "relu6", "elu", "gelu", "silu", "leaky_relu", "selu", "mish", "crelu", "prelu", "softplus")
)


def canonical(name: str) -> str | None:
    """The usual name of an activation function, None if it is none."""
    name = _SAME.get(name.lower(), name.lower())
    return name if name in FUNCTIONS else None


def bounds(function: str) -> tuple[float | None, float | None]:
    """The range of an activation function."""
    return {
        "relu": (0.0, math.inf),
        "relu6": (0.0, 6.0),
        "softplus": (0.0, math.inf),
        "sigmoid": (0.0, 1.0),
        "hard_sigmoid": (0.0, 1.0),
        "softmax": (0.0, 1.0),
        "tanh": (-1.0, 1.0),
        "softsign": (-1.0, 1.0),
        "elu": (-1.0, math.inf),
        "log_softmax": (-math.inf, 0.0),
        "log_sigmoid": (-math.inf, 0.0),
        "exponential": (0.0, math.inf),
        "selu": (-1.7581, math.inf),
        "hard_tanh": (-1.0, 1.0),
        "gelu": (-0.17, math.inf),
        "silu": (-0.2785, math.inf),
        "crelu": (0.0, math.inf),
    }.get(function, (-math.inf, math.inf))


def sized(function: str, rms: float | None, tensor: Tensor) -> float | None:
    """The rms after an activation (the chain of rules.md, TL101)."""
    if function in ("sigmoid", "hard_sigmoid"):
        # Between .5 for small inputs and .71 for saturated ones.
        return 0.5 if rms is None or rms < 1 else 0.7
    if function == "softmax":
        size = tensor.shape[-1] if tensor.shape else None
        return 1 / math.sqrt(size) if isinstance(size, int) and size > 0 else None
    if rms is None:
        return None
    if function in ("tanh", "softsign", "hard_tanh"):
        return min(rms, 1.0)
    if function in _HALVED:
        return rms * math.sqrt(0.5)
    return rms if function == "linear" else None


_CURVES: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-max(-500.0, min(500.0, x)))),
    "tanh": math.tanh,
    "linear": float,
}


_PARAMETERS = ("alpha", "negative_slope", "threshold")
"""Arguments of activations that move their bounds."""


def _altered(arguments: Mapping[str, Argument], name: str) -> bool:
    argument = arguments.get(name)
    return argument is not None and argument.given


def apply(
    machine: Machine, function: str, tensor: Tensor, place: code.Place, tag: Hashable = "", **more: Any
) -> Tensor:
    """Records an activation and gives its output."""
    low, high = bounds(function)
    known = tensor.interval
    if known is not None and function in ("relu", "relu6"):
        low, high = max(0.0, known[0]), max(0.0, min(known[1], math.inf if high is None else high))
    elif known is not None and function in _CURVES and all(map(math.isfinite, known)):
        low, high = map(_CURVES[function], known)
    output = tensor.replace(
        low=low, high=high, rms=sized(function, tensor.rms, tensor), values=None, encoding=None, op=None, library="tf",
        activation=tensor.activation if function == "linear" else function,
    )  # fmt: skip
    if function == "crelu" and tensor.shape:
        output = output.replace(shape=(*tensor.shape[:-1], dims.combine("*", tensor.shape[-1], 2)))
    if output.dtype is not None and function not in ("relu", "relu6", "linear") and "float" not in output.dtype:
        output = output.replace(dtype=None)
    arguments = more.pop("arguments", {})
    if function == "crelu" and _altered(arguments, "axis"):
        output = output.replace(shape=None)
    if any(_altered(arguments, name) for name in _PARAMETERS):
        output = output.replace(low=None, high=None)
    layer = more.pop("layer", None)
    symbol = more.pop("symbol", None)
    name = more.pop("name", function)
    axis = more.pop("axis", -1)
    return machine.emit(
        "activation",
        name,
        place,
        (tensor, *more.pop("others", ())),
        output,
        tag or "activation",
        arguments=arguments,
        layer=layer,
        symbol=symbol,
        attributes={"function": function, "axis": axis, **more},
    )


def axis_of(value: Value) -> Any:
    """The axis of a softmax: the last one where none is given, an unknown value where it is not known."""
    return -1 if is_none(value) else value.value if isinstance(value, Const) else UNKNOWN


def activation_call(call: ApiCall) -> Value:
    """A call such as tf.nn.relu(x)."""
    function = canonical(call.name.rsplit(".", 1)[-1])
    assert function is not None
    value = operand(call)
    tensor = arrays.as_tensor(call.machine, value, call.place)
    axis = axis_of(call.value("axis", "dim"))
    if tensor is None:
        low, high = bounds(function)
        output = Tensor(low=low, high=high, activation=function)
        return call.emit("activation", value, output=output, function=function, axis=axis)
    return apply(
        call.machine, function, tensor, call.place, axis=axis, arguments=call.bound, symbol=call.symbol, name=call.name
    )


for _name in (*FUNCTIONS, *_SAME):
    if _name not in ("identity", "exp"):
        handles(
            *spelled(
                _name,
                rooms=("tf", "tf.nn", "tf.math", "keras.activations", "keras.backend", "keras.ops", "tf.compat.v1.nn"),
            )
        )(activation_call)
handles("tf.contrib.layers.softmax")(activation_call)


@handles("keras.activations.get", "keras.activations.deserialize")
def get(call: ApiCall) -> Value:
    """The function of an activation's name; what is no name stays as it is."""
    value = call.first
    name = "linear" if is_none(value) else value.value if isinstance(value, Const) else None
    if not isinstance(name, str):
        return value
    symbol = tfapi.resolve(f"tensorflow.keras.activations.{canonical(name)}", call.machine.generation)
    return value if symbol is None or canonical(name) is None else Api(symbol=symbol)


def function_of(machine: Machine, value: Value) -> str | None:
    """The activation that a value names: "relu", tf.nn.relu, a layer, `lambda x: tf.nn.relu(x)`; "linear" for None.

    None when it is not known.
    """
    value = machine.resolve(value)
    if isinstance(value, Const) and value.value is None:
        return "linear"
    if isinstance(value, Const) and isinstance(value.value, str):
        return canonical(value.value)
    if isinstance(value, Api):
        if value.symbol.name in ("tf.identity",):
            return "linear"
        return canonical(value.symbol.name.rsplit(".", 1)[-1])
    if isinstance(value, Partial):
        return function_of(machine, value.function)
    record = machine.object(value)
    if record is not None and record.kind == "layer":
        name = record.symbol.name.rsplit(".", 1)[-1]
        if name == "Activation":
            argument = record.arguments.get("activation")
            return function_of(machine, argument.value) if argument is not None else None
        return canonical(_snake(name))
    return None


def _snake(name: str) -> str:
    known = {
        "ReLU": "relu",
        "LeakyReLU": "leaky_relu",
        "ELU": "elu",
        "PReLU": "prelu",
        "Softmax": "softmax",
        "ThresholdedReLU": "relu",
    }
    return known.get(name, name.lower())


def activate(
    machine: Machine, value: Value, tensor: Tensor, place: code.Place, tag: Hashable = "activation", **more: Any
) -> Value:
    """What an activation argument makes of a tensor; a function of the user is called."""
    value = machine.resolve(value)
    function = function_of(machine, value)
    if function == "linear" and isinstance(value, Const) and value.value is None:
        return tensor
    if function is not None:
        return apply(machine, function, tensor, place, tag, **more)
    if isinstance(value, (Function, Api)) or machine.get(value) is not None:
        # It stands in one place, and makes something new in each layer and at each call of one.
        with machine.within(iteration=(*machine.iteration, tag)):
            result = calls.call(machine, value, Arguments([Argument(value=tensor, place=place)], {}), place)
            return machine.resolve(result)
    output = Tensor(shape=tensor.shape, dtype=tensor.dtype)
    return machine.emit("opaque", "activation", place, (tensor,), output, tag, layer=more.get("layer"))


# Dropout --------------------------------------------------------------------------------------------------------------


def drop(
    machine: Machine,
    tensor: Tensor,
    place: code.Place,
    *,
    keep: Value,
    rate: Value,
    training: Value,
    noise_shape: Value = NONE,
    tag: Hashable = "dropout",
    form: str = "",
    idle: bool = False,
    **more: Any,
) -> Tensor:
    """Records a dropout; of `keep` and `rate` the one that the author did not give is unknown.

    An idle one drops nothing although nobody switched it off: a training step of one's own forgot the flag.
    """
    probability = arrays.as_tensor(machine, keep) if keep != UNKNOWN else None
    if probability is None and rate != UNKNOWN:
        dropped = arrays.as_tensor(machine, rate)
        if dropped is not None and dropped.low is not None and dropped.high is not None:
            probability = Tensor(low=1 - dropped.high, high=1 - dropped.low)
    rms = tensor.rms
    if rms is not None and training != Const(value=False) and not idle:
        # The variance of what is kept grows by 1/keep; a fed probability counts with its smallest value.
        low = probability.low if probability is not None else None
        if low is not None and 0 < low <= 1:
            rms = rms / math.sqrt(low)
    output = tensor.replace(
        op=None,
        rms=rms,
        # These two multiply with noise, or put a negative number where they drop.
        low=None if tensor.low is None or tensor.low < 0 or form in ("AlphaDropout", "GaussianDropout") else 0.0,
        high=None,
        values=None,
        library="tf",
    )
    inputs = (tensor, *(v for v in (keep, rate) if isinstance(v, Tensor) and v.op is not None))
    return machine.emit(
        "dropout", more.pop("name", "dropout"), place, inputs, output, tag, arguments=more.pop("arguments", {}),
        layer=more.pop("layer", None), symbol=more.pop("symbol", None),
        attributes={"keep": keep, "rate": rate, "training": training, "noise_shape": noise_shape, "form": form,
                    "idle": idle, **more},
    )  # fmt: skip


@handles("tf.nn.dropout", "keras.backend.dropout", "keras.random.dropout")
def nn_dropout(call: ApiCall) -> Value:
    value = operand(call, 0, "x", "inputs")
    tensor = arrays.as_tensor(call.machine, value, call.place)
    keep: Value = UNKNOWN
    rate: Value = UNKNOWN
    if call.is_v1 and call.name == "tf.nn.dropout":
        if call.given("rate") is not None:
            rate = call.value("rate")
        elif call.given("keep_prob") is not None:
            keep = call.value("keep_prob")
    elif "keep_prob" in call.arguments.keywords:
        keep = call.machine.resolve(call.arguments.keywords["keep_prob"].value)
    else:
        rate = call.value("rate", "level")
    if tensor is None:
        tensor_output = Tensor()
        return call.emit(
            "dropout",
            value,
            output=tensor_output,
            keep=keep,
            rate=rate,
            training=Const(value=True),
            noise_shape=call.value("noise_shape"),
            form="function",
        )
    return drop(
        call.machine,
        tensor,
        call.place,
        keep=keep,
        rate=rate,
        training=Const(value=True),
        noise_shape=call.value("noise_shape"),
        form="function",
        arguments=call.bound,
        symbol=call.symbol,
        name=call.name,
    )


@handles("tf.layers.dropout", "tf.contrib.layers.dropout", "tf.contrib.slim.dropout")
def layers_dropout(call: ApiCall) -> Value:
    if call.name != "tf.layers.dropout":
        call.bind_as(
            "inputs", "keep_prob", "noise_shape", "is_training", keep_prob=0.5, noise_shape=None, is_training=True
        )
    tensor = call.tensor("inputs")
    contrib = call.name != "tf.layers.dropout"
    keep = call.value("keep_prob") if contrib else UNKNOWN
    rate = UNKNOWN if contrib else call.value("rate")
    training = call.value("is_training" if contrib else "training")
    if tensor is None:
        return call.emit(
            "dropout",
            call.value("inputs"),
            output=Tensor(),
            keep=keep,
            rate=rate,
            training=training,
            noise_shape=call.value("noise_shape"),
            form="layer",
        )
    return drop(
        call.machine,
        tensor,
        call.place,
        keep=keep,
        rate=rate,
        training=training,
        noise_shape=call.value("noise_shape"),
        form="layer",
        arguments=call.bound,
        symbol=call.symbol,
        name=call.name,
    )
