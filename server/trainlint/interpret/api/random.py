"""Random tensors and arrays, and initializers: what they are distributed like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arithmetic, arrays
from trainlint.interpret.api.call import dtype_name
from trainlint.interpret.api.common import library_of
from trainlint.interpret.api.registry import called, handles, method
from trainlint.program.dims import Dim, Shape, broadcast, combine, product
from trainlint.program.events import Shuffled
from trainlint.program.values import UNKNOWN, Api, ApiObject, Const, Dimension, Tensor, Unknown, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall

TRUNCATED = 0.8796
"""The standard deviation of a normal distribution cut at two sigmas, as tf.random.truncated_normal draws it."""


def normal(shape: Shape, mean: float | None, stddev: float | None, library: str, truncated: bool = False) -> Tensor:
    """Facts of a normally distributed tensor."""
    rms = None
    low, high = -math.inf, math.inf
    if mean is not None and stddev is not None:
        effective = stddev * (TRUNCATED if truncated else 1.0)
        rms = math.hypot(mean, effective)
        if truncated:
            low, high = mean - 2 * stddev, mean + 2 * stddev
    return Tensor(
        shape=shape, dtype="float32" if library == "tf" else "float64", low=low, high=high, rms=rms, library=library
    )


def uniform(shape: Shape, low: float | None, high: float | None, library: str) -> Tensor:
    rms = arithmetic.scalar_rms(low, high)
    return Tensor(
        shape=shape, dtype="float32" if library == "tf" else "float64", low=low, high=high, rms=rms, library=library
    )


def number(call: ApiCall, *names: str) -> float | None:
    """An argument as a float; None when it is not one known number."""
    tensor = call.tensor(*names)
    if tensor is not None and tensor.shape == () and tensor.low is not None and tensor.low == tensor.high:
        return tensor.low
    return None


@handles(
    "tf.random.normal",
    "tf.random.truncated_normal",
    "tf.random.stateless_normal",
    "tf.random.stateless_truncated_normal",
    "keras.random.normal",
    "keras.random.truncated_normal",
    "keras.backend.random_normal",
    "keras.backend.truncated_normal",
)
def random_normal(call: ApiCall) -> Value:
    truncated = "truncated" in call.name
    mean, stddev = number(call, "mean"), number(call, "stddev")
    output = normal(_listed(call), mean, stddev, "tf", truncated)
    return call.emit(
        "random",
        output=output.replace(dtype=call.dtype_or(output.dtype)),
        distribution="truncated" if truncated else "normal",
        mean=mean,
        stddev=stddev,
    )


def _listed(call: ApiCall) -> Shape:
    """The shape of random numbers of TensorFlow; a bare number is refused, unlike by `tf.zeros`."""
    bare = call.symbol.name.startswith("tf.") and isinstance(call.value("shape"), (Const, Dimension))
    return None if bare else call.shape("shape")


@handles("tf.random.uniform", "tf.random.stateless_uniform", "keras.random.uniform", "keras.backend.random_uniform")
def random_uniform(call: ApiCall) -> Value:
    low, high = number(call, "minval"), number(call, "maxval")
    if high is None and call.known("maxval") is None:
        high = 1.0
    dtype = call.dtype_or("float32")
    whole = dtype is not None and dtype.startswith(("int", "uint"))
    if (whole or dtype is None) and call.known("maxval") is None:
        low = high = None  # all numbers of the type
    output = uniform(_listed(call), low, high, "tf").replace(dtype=dtype)
    if whole and high is not None:
        output = output.replace(high=high - 1)
    elif dtype is None:
        output = output.replace(high=None)  # whole numbers end one below
    return call.emit("random", output=output, distribution="uniform", low=low, high=high)


@handles(
    "keras.random.binomial",
    "keras.random.bernoulli",
    "keras.backend.random_binomial",
    "keras.backend.random_bernoulli",
    "tf.random.stateless_binomial",
    "np.random.binomial",
)
def bernoulli(call: ApiCall) -> Value:
    if call.name == "np.random.binomial":
        shape, probability, count = call.shape("size"), call.value("p"), number(call, "n")
    else:
        shape = call.shape("shape")
        probability = call.value("probabilities", "p", "probs")
        count = number(call, "counts") if call.argument("counts") is not None else 1.0
    if call.name.startswith("np.") and call.known("size") is None:
        shape = _drawn(call, "n", "p")
    values = (0.0, 1.0) if count == 1.0 else None
    high = count if count is not None else math.inf
    dtype: str | None = "int64" if call.name.startswith("np.") else "float32"
    if call.name == "tf.random.stateless_binomial":
        dtype = call.dtype("output_dtype") if call.given("output_dtype") is not None else "int32"
    output = Tensor(shape=shape, dtype=dtype, low=0.0, high=high, values=values, library=library_of(call))
    return call.emit(
        "random", output=output, distribution="bernoulli" if count == 1.0 else "binomial", keep=probability
    )


# NumPy ----------------------------------------------------------------------------------------------------------------

_NUMPY = ("np.random.", "np.random.RandomState.", "np.random.Generator.")


def _numpy(*names: str) -> tuple[str, ...]:
    return tuple(f"np.random.{name}" for name in names)


def _size(call: ApiCall, name: str = "size") -> Shape:
    """A NumPy size: None means a single number."""
    known = call.known(name)
    if known is None:
        return ()
    return call.shape(name)


def _base(call: ApiCall) -> str:
    """The name of the function, also where it is a method of a generator."""
    return call.name.rsplit(".", 1)[-1] if call.receiver is None else call.machine.method_name


def _drawn(call: ApiCall, *parameters: str) -> Shape:
    """The shape of what NumPy draws: without a size there is a number for each of the parameters' own."""
    if call.known("size") is not None:
        return call.shape("size")
    shape: Shape = ()
    for name in parameters:
        argument = call.argument(name)
        if argument is not None and not isinstance(call.machine.resolve(argument.value), Const):
            tensor = call.tensor(name)
            shape = None if tensor is None else broadcast(shape, tensor.shape)
    return shape


@handles(*_numpy("rand", "random", "random_sample", "ranf", "sample"))
@method("generator", "rand", "random", "random_sample")
def rand(call: ApiCall) -> Value:
    if _base(call) == "rand":
        shape: Shape = tuple(arrays.as_dim(call.machine.resolve(a.value)) for a in call.arguments.positional)
        shape = None if call.arguments.open else shape
    elif call.arguments.positional or call.arguments.keywords:
        argument = call.arguments.keywords.get("size") or call.arguments.positional[0]
        shape = arrays.as_shape(call.machine, argument.value)
    else:
        shape = ()
    output = uniform(shape, 0.0, 1.0, "np")
    typed = call.arguments.keywords.get("dtype") or next(iter(call.arguments.positional[1:]), None)
    if typed is not None and _base(call) == "random":
        output = output.replace(dtype=dtype_name(call.machine.resolve(typed.value), numpy=True))
    return call.emit("random", output=output, distribution="uniform", low=0.0, high=1.0)


@handles(*_numpy("randn", "standard_normal"))
@method("generator", "randn", "standard_normal")
def randn(call: ApiCall) -> Value:
    shape: Shape = tuple(arrays.as_dim(call.machine.resolve(a.value)) for a in call.arguments.positional)
    if call.arguments.open:
        shape = None
    if _base(call) == "standard_normal":
        argument = call.arguments.keywords.get("size") or (
            call.arguments.positional[0] if call.arguments.positional else None
        )
        shape = () if argument is None else arrays.as_shape(call.machine, argument.value)
    output = normal(shape, 0.0, 1.0, "np")
    if "dtype" in call.arguments.keywords:
        output = output.replace(dtype=dtype_name(call.machine.resolve(call.arguments.keywords["dtype"].value)))
    return call.emit("random", output=output, distribution="normal", mean=0.0, stddev=1.0)


@handles(*_numpy("normal"))
@method("generator", "normal")
def numpy_normal(call: ApiCall) -> Value:
    if call.receiver is not None:
        call.bind_as("loc", "scale", "size", loc=0.0, scale=1.0, size=None)
    mean, stddev = number(call, "loc"), number(call, "scale")
    shape = _drawn(call, "loc", "scale")
    return call.emit(
        "random", output=normal(shape, mean, stddev, "np"), distribution="normal", mean=mean, stddev=stddev
    )


@handles(*_numpy("uniform"), "random.uniform")
@method("generator", "uniform")
def numpy_uniform(call: ApiCall) -> Value:
    call.bind_as("low", "high", "size", low=0.0, high=1.0, size=None)
    low, high = number(call, "low", "a"), number(call, "high", "b")
    if low is not None and high is not None and low > high:
        low, high = high, low
    shape = () if call.name == "random.uniform" else _drawn(call, "low", "high")
    return call.emit("random", output=uniform(shape, low, high, "np"), distribution="uniform", low=low, high=high)


@handles(*_numpy("gamma", "standard_gamma", "exponential", "standard_exponential", "chisquare"))
@method("generator", "gamma", "standard_gamma", "exponential", "standard_exponential", "chisquare")
def skewed(call: ApiCall) -> Value:
    """Positive numbers with a long tail; all are gamma distributions (NumPy's reference, random sampling)."""
    base = _base(call)
    if base == "exponential":
        call.bind_as("scale", "size", scale=1.0, size=None)
    elif base == "standard_exponential":
        call.bind_as("size", size=None)
    elif base == "chisquare":
        call.bind_as("df", "size", size=None)
    else:
        call.bind_as("shape", "scale", "size", scale=1.0, size=None)
    size = _drawn(call, *(name for name in ("shape", "scale", "df") if name in call.bound))
    shape, scale = number(call, "shape"), number(call, "scale")
    if base.endswith("exponential"):
        shape, scale = 1.0, (scale if base == "exponential" else 1.0)
    elif base == "chisquare":
        degrees = number(call, "df")
        shape, scale = (None if degrees is None else degrees / 2), 2.0
    elif base == "standard_gamma":
        scale = 1.0
    rms = None if shape is None or scale is None or shape < 0 else scale * math.sqrt(shape * (shape + 1))
    output = Tensor(shape=size, dtype="float64", low=0.0, high=math.inf, rms=rms, library="np")
    return call.emit("random", output=output, distribution="gamma")


@handles(*_numpy("poisson"))
@method("generator", "poisson")
def poisson(call: ApiCall) -> Value:
    """Counts around an expected number, which is often an array."""
    call.bind_as("lam", "size", lam=1.0, size=None)
    expected = call.tensor("lam")
    rms = None
    if expected is not None and expected.rms is not None:
        # The variance is the expected number, which is no larger than its root mean square.
        rms = math.sqrt(expected.rms**2 + expected.rms)
    inputs = (expected,) if expected is not None and expected.op is not None else ()
    shape = _drawn(call, "lam")
    output = Tensor(shape=shape, dtype="int64", low=0.0, high=math.inf, rms=rms, library="np")
    return call.emit("random", *inputs, output=output, distribution="poisson")


@handles("random.random")
def python_random(call: ApiCall) -> Value:
    return call.emit("random", output=uniform((), 0.0, 1.0, "np"), distribution="uniform", low=0.0, high=1.0)


@handles("random.gauss", "random.normalvariate")
def python_gauss(call: ApiCall) -> Value:
    call.bind_as("mu", "sigma", mu=0.0, sigma=1.0)
    mean, stddev = number(call, "mu"), number(call, "sigma")
    return call.emit("random", output=normal((), mean, stddev, "np"), distribution="normal", mean=mean, stddev=stddev)


@handles(*_numpy("randint", "random_integers"), "random.randint", "random.randrange")
@method("generator", "randint", "integers")
def randint(call: ApiCall) -> Value:
    call.bind_as("low", "high", "size", low=0, high=None, size=None)
    low, high = call.tensor("low", "a"), call.tensor("high", "b")
    if call.known("high") is None and "b" not in call.bound:
        high = low
        low = Tensor(shape=(), low=0.0, high=0.0)
    inclusive = (
        call.name in ("random.randint", "np.random.random_integers")
        or (call.name == "random.Random" and _base(call) == "randint")
        or call.settled("endpoint", default=False) is not False
    )
    least = low.low if low is not None else None
    most = high.high if high is not None else None
    if most is not None and not inclusive:
        most -= 1
    shape = () if call.name.startswith("random.") else _drawn(call, "low", "high")
    typed = call.arguments.keywords.get("dtype") or next(iter(call.arguments.positional[3:]), None)
    values = (
        tuple(float(v) for v in range(int(least), int(most) + 1))
        if least is not None and most is not None and 0 <= most - least <= 15
        else None
    )
    output = Tensor(
        shape=shape,
        dtype="int64" if typed is None else dtype_name(call.machine.resolve(typed.value), numpy=True),
        low=least,
        high=most,
        rms=arithmetic.scalar_rms(least, most),
        values=values,
        library="np",
        encoding="class-ids" if shape and values is not None and least == 0 else None,
    )
    return call.emit("random", output=output, distribution="integers", low=least, high=most)


@handles(*_numpy("choice"), "random.choice")
@method("generator", "choice")
def choice(call: ApiCall) -> Value:
    call.bind_as("a", "size", "replace", "p", size=None, replace=True, p=None)
    pool = call.tensor("a", "seq")
    shape = () if call.name.startswith("random.") else _size(call)
    if pool is None:
        return call.opaque()
    if pool.shape != ():
        # Rows of a table, unless an axis says otherwise.
        rest = None if pool.shape is None or "axis" in call.arguments.keywords else pool.shape[1:]
        shape = None if shape is None or rest is None else (*shape, *rest)
    if pool.shape == () and pool.high is not None:
        pool = Tensor(low=0.0, high=pool.high - 1, dtype="int64", library="np")
    keep: Value = UNKNOWN
    bernoulli_pool = pool.values == (0.0, 1.0)
    if bernoulli_pool:
        weights = call.items("p")
        if weights is not None and len(weights) == 2:
            keep = call.machine.resolve(weights[1])
        elif call.known("p") is None:
            keep = Const(value=0.5)
    output = pool.replace(shape=shape, op=None, library="np", encoding=None)
    return call.emit("random", output=output, distribution="bernoulli" if bernoulli_pool else "choice", keep=keep)


@handles(*_numpy("permutation"), "sklearn.utils.shuffle")
@method("generator", "permutation")
def permutation(call: ApiCall) -> Value:
    argument = call.arguments.positional[0] if call.arguments.positional else None
    value = call.machine.resolve(argument.value) if argument is not None else UNKNOWN
    tensor = arrays.as_tensor(call.machine, value)
    if tensor is None:
        return call.opaque()
    if tensor.shape == ():
        dim = arrays.as_dim(value)
        output = Tensor(shape=(dim,), dtype="int64", low=0.0, high=math.inf, library="np")
        return call.emit("random", output=output, distribution="permutation")
    if call.name == "sklearn.utils.shuffle" and len(call.arguments.positional) > 1:
        return call.opaque()
    fewer = call.arguments.keywords.get("n_samples")
    if fewer is not None and call.machine.resolve(fewer.value) != Const(value=None):
        rows = arrays.as_dim(call.machine.resolve(fewer.value))
        tensor = tensor.replace(shape=(rows, *tensor.shape[1:]) if tensor.shape else None)
    return call.emit("gather", tensor, output=tensor.replace(op=None))


@handles("np.random.RandomState", "np.random.default_rng", "random.Random")
def generator(call: ApiCall) -> Value:
    return call.object("generator")


@handles("np.random.shuffle", "random.shuffle")
def shuffle(call: ApiCall) -> Value:
    given = call.arguments.positional
    value = call.machine.resolve(given[0].value) if given else None
    if type(value) is Tensor or type(value) is Unknown:
        _shuffled(call, value)
    return Const(value=None)


@handles("np.random.seed", "np.random.set_state", "random.seed", "random.setstate", "keras.utils.set_random_seed")
def seed(call: ApiCall) -> Value:
    _shuffled(call, None)
    return Const(value=None)


def _shuffled(call: ApiCall, value: Value | None) -> None:
    marker = call.emit("random", output=Tensor(shape=(), library="np"), distribution="order")
    machine = call.machine
    machine.record(Shuffled(place=call.place, context=machine.context(), op=marker.op, value=value))


@handles("tf.random.set_seed", "tf.set_random_seed")
def nothing(call: ApiCall) -> Value:
    return Const(value=None)


# Initializers ---------------------------------------------------------------------------------------------------------


def fans(shape: Shape) -> tuple[Dim, Dim]:
    """Fan-in and fan-out of a kernel, as Keras computes them: the last two axes times the receptive field."""
    if shape is None or not shape:
        return None, None
    if len(shape) == 1:
        return shape[0], shape[0]
    field = product(shape[:-2])
    return combine("*", field, shape[-2]), combine("*", field, shape[-1])


_FAN_SCALE: dict[str, tuple[float, str]] = {
    "glorot_uniform": (1.0, "avg"),
    "glorot_normal": (1.0, "avg"),
    "xavier": (1.0, "avg"),
    "he_uniform": (2.0, "in"),
    "he_normal": (2.0, "in"),
    "lecun_uniform": (1.0, "in"),
    "lecun_normal": (1.0, "in"),
    "variance_scaling": (1.0, "in"),
}


def initializer_name(machine: Any, value: Value) -> str | None:
    """ "he_normal" for any spelling of an initializer: string, class or object."""
    if isinstance(value, Const) and isinstance(value.value, str):
        return _snake(value.value)
    if isinstance(value, Api):
        return _snake(value.symbol.name.rsplit(".", 1)[-1])
    record = machine.object(value)
    return _snake(record.symbol.name.rsplit(".", 1)[-1]) if record is not None else None


def _snake(name: str) -> str:
    text = "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")
    for suffix in ("_initializer",):
        text = text.removesuffix(suffix)
    return {
        "glorot": "glorot_uniform", "xavier": "glorot_uniform", "normal": "random_normal", "uniform": "random_uniform",
        "zero": "zeros", "one": "ones", "variance_scaling": "variance_scaling", "xavier_conv2d": "glorot_uniform",
    }.get(text, text)  # fmt: skip


def initialize(machine: Any, initializer: Value, shape: Shape) -> tuple[Tensor, dict[str, Any]]:
    """The facts of a freshly initialised tensor, and the distribution's attributes."""
    name = initializer_name(machine, initializer)
    record: ApiObject | None = machine.object(initializer)
    arguments = record.arguments if record is not None else {}

    def argument(key: str, default: float | None) -> float | None:
        found = arguments.get(key)
        if found is None:
            return default
        value = arrays.as_tensor(machine, found.value)
        return value.low if value is not None and value.low is not None and value.low == value.high else None

    v1 = record is not None and record.symbol.name.startswith("tf.") and not record.symbol.name.startswith("tf.keras")
    if name in ("zeros", "ones", "constant"):
        value = {"zeros": 0.0, "ones": 1.0}.get(name, argument("value", 0.0))
        if value is None:
            return Tensor(shape=shape, dtype="float32"), {"distribution": "constant"}
        return (
            Tensor(shape=shape, dtype="float32", low=value, high=value, rms=abs(value), values=(value,)),
            {"distribution": "constant", "value": value},
        )
    if name in ("random_normal", "truncated_normal"):
        stddev = argument("stddev", 1.0 if v1 else 0.05)
        mean = argument("mean", 0.0)
        tensor = normal(shape, mean, stddev, "tf", truncated=name == "truncated_normal")
        return tensor, {
            "distribution": "truncated" if name == "truncated_normal" else "normal",
            "mean": mean,
            "stddev": stddev,
        }
    if name == "random_uniform":
        low = argument("minval", 0.0 if v1 else -0.05)
        high = argument("maxval", 1.0 if v1 else 0.05)
        high = (
            1.0 if high is None and "maxval" in arguments and arguments["maxval"].value == Const(value=None) else high
        )
        return uniform(shape, low, high, "tf"), {"distribution": "uniform", "low": low, "high": high}
    if name in _FAN_SCALE:
        scale: float | None
        scale, mode = _FAN_SCALE[name]
        if name == "variance_scaling":
            scale = argument("scale", argument("factor", 1.0))
            chosen = arguments.get("mode")
            text = chosen.value.value if chosen is not None and isinstance(chosen.value, Const) else "fan_in"
            mode = {"fan_in": "in", "fan_out": "out", "fan_avg": "avg"}.get(str(text).lower(), "in")
        fan_in, fan_out = fans(shape)
        rms = None
        fan = {"in": fan_in, "out": fan_out}.get(mode)
        if scale is None:
            pass
        elif mode == "avg" and isinstance(fan_in, int) and isinstance(fan_out, int):
            rms = math.sqrt(2 * scale / max(1, fan_in + fan_out))
        elif isinstance(fan, int):
            rms = math.sqrt(scale / max(1, fan))
        return Tensor(shape=shape, dtype="float32", low=-math.inf, high=math.inf, rms=rms), {
            "distribution": "fan",
            "scheme": name,
        }
    if name in ("orthogonal", "identity"):
        return Tensor(shape=shape, dtype="float32", low=-math.inf, high=math.inf), {"distribution": name}
    return Tensor(shape=shape, dtype="float32"), {"distribution": None}


@called("initializer")
def call_initializer(call: ApiCall) -> Value:
    """`initializer(shape)`."""
    argument = call.arguments.keywords.get("shape") or (
        call.arguments.positional[0] if call.arguments.positional else None
    )
    shape = arrays.as_shape(call.machine, argument.value) if argument is not None else None
    assert call.receiver is not None
    tensor, attributes = initialize(call.machine, call.receiver, shape)
    kind = call.arguments.keywords.get("dtype")
    if kind is None and len(call.arguments.positional) > 1:
        kind = call.arguments.positional[1]
    if kind is not None and not is_none(call.machine.resolve(kind.value)):
        tensor = tensor.replace(dtype=dtype_name(call.machine.resolve(kind.value)))
    return call.emit("random", output=tensor, arguments={}, **attributes)


INITIALIZERS = (
    "tf.zeros_initializer",
    "tf.ones_initializer",
    "tf.constant_initializer",
    "tf.random_normal_initializer",
    "tf.random_uniform_initializer",
    "tf.truncated_normal_initializer",
    "tf.variance_scaling_initializer",
    "tf.glorot_uniform_initializer",
    "tf.glorot_normal_initializer",
    "tf.uniform_unit_scaling_initializer",
    "tf.orthogonal_initializer",
    "tf.initializers.he_normal",
    "tf.initializers.he_uniform",
    "tf.initializers.lecun_normal",
    "tf.initializers.lecun_uniform",
    "tf.initializers.identity",
    "tf.contrib.layers.xavier_initializer",
    "tf.contrib.layers.xavier_initializer_conv2d",
    "tf.contrib.layers.variance_scaling_initializer",
    "tf.keras.initializers.he_normal",
)


@handles(*INITIALIZERS)
def initializer(call: ApiCall) -> Value:
    if call.name == "tf.contrib.layers.variance_scaling_initializer":
        call.bind_as("factor", "mode", "uniform", "seed", factor=2.0, mode="FAN_IN")
    return call.object("initializer")
