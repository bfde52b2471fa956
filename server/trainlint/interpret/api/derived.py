"""Functions whose work is not followed, and whose result has a shape, a type and bounds that the arguments tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays, builtins, calls
from trainlint.interpret.api.common import library_of, operand, tensor_operand, tensor_type
from trainlint.interpret.api.math import axes_of, keeps_axes, reduced_shape
from trainlint.interpret.api.registry import handles
from trainlint.program import dims
from trainlint.program.dims import Dim, Shape
from trainlint.program.values import Const, Tensor, Tuple, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


def derived(call: ApiCall, source: Tensor, tag: str = "", **facts: Any) -> Tensor:
    """The result of a function whose work is not followed: nothing holds for it but what is said here."""
    output = Tensor(library=library_of(call, source), assumed=source.assumed).replace(**facts)
    return call.emit("opaque", source, output=output, **({"tag": tag} if tag else {}))


def from_zero(tensor: Tensor) -> dict[str, Any]:
    """The bounds of a tensor after zeros have come in."""
    values = None if tensor.values is None else tuple(sorted({0.0, *tensor.values}))
    low = None if tensor.low is None else min(0.0, tensor.low)
    high = None if tensor.high is None else max(0.0, tensor.high)
    return {"low": low, "high": high, "values": values}


def bounds(tensor: Tensor) -> dict[str, Any]:
    return {"low": tensor.low, "high": tensor.high, "values": tensor.values}


def _with(call: ApiCall, index: int, *names: str) -> Value | None:
    """An argument by position or by one of its names; None when it is not given."""
    if index < len(call.arguments.positional):
        return call.machine.resolve(call.arguments.positional[index].value)
    for name in names:
        if name in call.arguments.keywords:
            return call.machine.resolve(call.arguments.keywords[name].value)
    return None


# The same elements in another order -----------------------------------------------------------------------------------


@handles(
    "tf.reverse", "tf.roll", "tf.sort", "tf.random.shuffle", "tf.reverse_sequence", "np.roll", "np.flipud", "np.fliplr",
    "keras.ops.flip", "keras.ops.roll", "keras.backend.reverse",
)  # fmt: skip
def reordered(call: ApiCall) -> Value:
    x = tensor_operand(call)
    if x is None:
        return call.opaque()
    return derived(call, x, shape=x.shape, dtype=tensor_type(x.dtype), rms=x.rms, **bounds(x))


@handles("tf.argsort", "keras.ops.argsort")
def argsort(call: ApiCall) -> Value:
    x = tensor_operand(call)
    if x is None:
        return call.opaque()
    dtype = "int32" if call.name.startswith("tf.") else None
    size = max((d for d in x.shape if isinstance(d, int)), default=None) if x.shape and None not in x.shape else None
    high = float(size - 1) if size and all(isinstance(d, int) for d in x.shape or ()) else math.inf
    return derived(call, x, shape=x.shape, dtype=dtype, low=0.0, high=high)


@handles("tf.cumsum", "tf.math.cumprod", "tf.math.cumulative_logsumexp", "keras.ops.cumsum", "keras.ops.cumprod")
def cumulated(call: ApiCall) -> Value:
    """One number for each there is, of which only zero or above may be known."""
    x = tensor_operand(call)
    if x is None:
        return call.opaque()
    if call.name.startswith("keras.") and (
        len(call.arguments.positional) < 2 and "axis" not in call.arguments.keywords
    ):
        return derived(call, x, shape=None if x.shape is None else (dims.product(x.shape),))
    low = 0.0 if x.low is not None and x.low >= 0 and "logsumexp" not in call.name else None
    known = x.dtype if x.dtype is not None and x.dtype != "bool" and not call.name.startswith("keras.") else None
    return derived(call, x, shape=x.shape, dtype=tensor_type(known), low=low, high=None if low is None else math.inf)


@handles("tf.linalg.band_part", "np.triu", "np.tril", "keras.ops.triu", "keras.ops.tril")
def band_part(call: ApiCall) -> Value:
    """A matrix with zeros on one side of a diagonal."""
    x = tensor_operand(call)
    if x is None:
        return call.opaque()
    shape = x.shape if x.rank != 1 else None
    return derived(call, x, shape=shape, dtype=tensor_type(x.dtype), **from_zero(x))


# Masks, counts and draws ----------------------------------------------------------------------------------------------


@handles("tf.sequence_mask")
def sequence_mask(call: ApiCall) -> Value:
    """True for as many as each length says."""
    lengths = call.tensor("lengths")
    dtype = call.dtype("dtype") if call.given("dtype") is not None else "bool"
    facts: dict[str, Any] = {"dtype": dtype, "low": 0.0, "high": 1.0, "values": (0.0, 1.0)}
    if lengths is None:
        value = call.emit("opaque", call.value("lengths"), output=Tensor(shape=None, **facts))
        return value
    longest = arrays.as_dim(call.value("maxlen"))
    shape = None if lengths.shape is None else (*lengths.shape, longest)
    return derived(call, lengths, shape=shape, **facts)


@handles("tf.random.categorical")
def categorical(call: ApiCall) -> Value:
    """Classes drawn by their logits, the rows of a batch one by one."""
    logits = call.tensor("logits")
    given = call.given("dtype") or call.given("output_dtype")
    dtype = "int64" if given is None else call.dtype("dtype", "output_dtype")
    number = arrays.as_dim(call.value("num_samples"))
    if logits is None:
        output = Tensor(shape=(None, number), dtype=dtype, low=0.0, high=math.inf)
        return call.emit("opaque", call.value("logits"), output=output)
    shape: Shape = (None, number)
    high = math.inf
    if logits.shape is not None and len(logits.shape) == 2:
        shape = (logits.shape[0], number)
        classes = logits.shape[1]
        high = float(classes - 1) if isinstance(classes, int) else math.inf
    return derived(call, logits, shape=shape, dtype=dtype, low=0.0, high=high)


@handles("tf.nn.moments")
def moments(call: ApiCall) -> Value:
    """Mean and variance over some axes."""
    x = call.tensor("x")
    if x is None:
        value = call.value("x")
        parts = tuple(call.emit("reduce", value, output=Tensor(), how=how, axis=None, keepdims=False, tag=how)
                      for how in ("mean", "var"))  # fmt: skip
        return Tuple(items=parts)
    axes, keepdims = axes_of(call, call.value("axes"), x.rank), keeps_axes(call)
    shape = reduced_shape(x.shape, axes, keepdims)
    facts: dict[str, Any] = {"axis": axes, "keepdims": keepdims}
    dtype = tensor_type(x.dtype)
    mean = Tensor(shape=shape, dtype=dtype, low=x.low, high=x.high, grounds=x.grounds, assumed=x.assumed)
    width = None if x.interval is None else (x.interval[1] - x.interval[0]) ** 2
    spread = mean.replace(low=0.0, high=width)
    results = (("mean", mean), ("var", spread))
    return Tuple(items=tuple(call.emit("reduce", x, output=o, how=how, tag=how, **facts) for how, o in results))


@handles("tf.nn.zero_fraction")
def zero_fraction(call: ApiCall) -> Value:
    x = call.tensor("value")
    return call.opaque() if x is None else derived(call, x, shape=(), dtype="float32", low=0.0, high=1.0)


@handles("tf.nn.top_k", "keras.ops.top_k")
def top_k(call: ApiCall) -> Value:
    """The largest numbers of each row, and where they stand."""
    x = tensor_operand(call)
    if x is None:
        return call.opaque()
    given = _with(call, 1, "k")
    number = 1 if given is None else arrays.as_dim(given)
    shape = (*x.shape[:-1], number) if x.shape else None
    last = x.shape[-1] if x.shape else None
    values = derived(call, x, "values", shape=shape, dtype=tensor_type(x.dtype), **bounds(x))
    high = float(last - 1) if isinstance(last, int) else math.inf
    return Tuple(items=(values, derived(call, x, "indices", shape=shape, dtype="int32", low=0.0, high=high)))


@handles("np.bincount", "tf.math.bincount")
def bincount(call: ApiCall) -> Value:
    """How often each number comes, from zero to the largest."""
    x = call.tensor("x", "arr")
    if x is None:
        return call.opaque()
    weighted = not is_none(call.value("weights"))
    least = arrays.as_dim(call.value("minlength")) if not is_none(call.value("minlength")) else 0
    enough = isinstance(least, int) and least > 0 and x.high is not None and x.high < least
    plain = all(call.given(name) is None for name in ("maxlength", "axis", "binary_output", "dtype"))
    if not plain:
        return derived(call, x)
    dtype = ("int64" if call.name.startswith("np.") else "int32") if not weighted else None
    facts: dict[str, Any] = {} if weighted else {"low": 0.0, "high": math.inf}
    return derived(call, x, shape=(least if enough else None,), dtype=dtype, **facts)


@handles("tf.math.confusion_matrix")
def confusion_matrix(call: ApiCall) -> Value:
    labels, predictions = call.tensor("labels"), call.tensor("predictions")
    if labels is None or predictions is None:
        return call.opaque()
    classes = arrays.as_dim(call.value("num_classes"))
    weighted = not is_none(call.value("weights"))
    dtype = call.dtype("dtype") if call.given("dtype") is not None else "int32"
    output = Tensor(shape=(classes, classes), dtype=dtype, low=None if weighted else 0.0)
    return call.emit("opaque", labels, predictions, output=output)


@handles("tf.nn.ctc_loss")
def ctc_loss(call: ApiCall) -> Value:
    """A loss for each sequence of a batch, which is the second axis of the logits unless it is told otherwise."""
    logits = call.tensor("logits", "inputs")
    if logits is None:
        return call.opaque()
    flag = call.known("logits_time_major") if "logits_time_major" in call.bound else call.known("time_major")
    shape: Shape = (None,)
    if logits.shape is not None and len(logits.shape) == 3 and isinstance(flag, bool):
        shape = (logits.shape[1 if flag else 0],)
    return derived(call, logits, shape=shape, dtype="float32")


# Parts and places -----------------------------------------------------------------------------------------------------


@handles("tf.slice")
def slice_of(call: ApiCall) -> Value:
    """A part of a tensor, from a corner on and of a size; -1 goes to the end."""
    call.bind_as("input_", "begin", "size")
    x, begin, size = call.tensor("input_"), call.shape("begin"), call.shape("size")
    if x is None:
        value = call.value("input_")
        shape = None if size is None else tuple(None if d == -1 else d for d in size)
        return call.emit("slice", value, output=Tensor(shape=shape))
    shape = None if size is None else (None,) * len(size)
    if size is not None and -1 not in size:
        shape = size
    elif size is not None and x.shape is not None and begin is not None and len(size) == len(x.shape) == len(begin):
        parts = zip(x.shape, begin, size)
        shape = tuple(dims.combine("-", whole, first) if d == -1 else d for whole, first, d in parts)
    output = x.replace(shape=shape, op=None, library="tf", dtype=tensor_type(x.dtype), encoding=None)
    return call.emit("slice", x, output=output)


@handles("tf.scatter_nd")
def scatter_nd(call: ApiCall) -> Value:
    updates = call.tensor("updates")
    if updates is None:
        return call.opaque()
    return derived(call, updates, shape=call.shape("shape"), dtype=tensor_type(updates.dtype))


@handles(
    "tf.tensor_scatter_nd_update", "tf.tensor_scatter_nd_add", "tf.tensor_scatter_nd_sub", "tf.tensor_scatter_nd_max",
    "tf.tensor_scatter_nd_min",
)  # fmt: skip
def scattered(call: ApiCall) -> Value:
    x, updates = call.tensor("tensor"), call.tensor("updates")
    if x is None:
        return call.opaque()
    inputs = (x,) if updates is None else (x, updates)
    return call.emit("opaque", *inputs, output=Tensor(shape=x.shape, dtype=tensor_type(x.dtype)))


@handles(
    "tf.math.segment_sum", "tf.math.segment_mean", "tf.math.segment_max", "tf.math.segment_min",
    "tf.math.unsorted_segment_sum", "tf.math.unsorted_segment_mean", "tf.math.unsorted_segment_max",
)  # fmt: skip
def segments(call: ApiCall) -> Value:
    """The rows of each segment as one."""
    x, ids = call.tensor("data"), call.tensor("segment_ids")
    if x is None:
        return call.opaque()
    number = arrays.as_dim(call.value("num_segments")) if "unsorted" in call.name else None
    flat = x.shape is not None and ids is not None and ids.rank == 1
    shape = (number, *x.shape[1:]) if flat and x.shape else None
    return derived(call, x, shape=shape, dtype=tensor_type(x.dtype))


@handles("tf.unique", "tf.unique_with_counts")
def unique(call: ApiCall) -> Value:
    """The different numbers, and for each number which of them it is."""
    x = call.tensor("x")
    if x is None:
        return call.opaque()
    index = call.dtype("out_idx") if call.given("out_idx") is not None else "int32"
    found = derived(call, x, "y", shape=(None,), dtype=tensor_type(x.dtype), **bounds(x))
    which = derived(call, x, "idx", shape=x.shape, dtype=index, low=0.0, high=math.inf)
    if call.name == "tf.unique":
        return Tuple(items=(found, which))
    return Tuple(items=(found, which, derived(call, x, "count", shape=(None,), dtype=index, low=1.0, high=math.inf)))


@handles("tf.space_to_depth", "tf.nn.space_to_depth", "tf.depth_to_space", "tf.nn.depth_to_space")
def space_and_depth(call: ApiCall) -> Value:
    """Blocks of pixels as channels, or channels as blocks of pixels."""
    x, block = call.tensor("input"), arrays.as_dim(call.value("block_size"))
    if x is None:
        return call.opaque()
    shape: Shape = None
    layout = call.constant("data_format", default="NHWC")
    if x.shape is not None and len(x.shape) == 4 and isinstance(block, int) and block > 0 and layout == "NHWC":
        rows, height, width, channels = x.shape
        grow, shrink = ("*", "//") if "depth_to" in call.name else ("//", "*")
        depth = dims.combine(shrink, channels, block * block)
        shape = (rows, dims.combine(grow, height, block), dims.combine(grow, width, block), depth)
    return derived(call, x, shape=shape, dtype=tensor_type(x.dtype), rms=x.rms, **bounds(x))


# Matrices -------------------------------------------------------------------------------------------------------------


@handles(
    "tf.linalg.inv", "tf.linalg.cholesky", "tf.linalg.expm", "tf.linalg.set_diag", "np.linalg.inv", "tf.matrix_set_diag"
)  # fmt: skip
def as_large(call: ApiCall) -> Value:
    """A matrix of the same size."""
    x = tensor_operand(call, 0, "input", "a", "diagonal")
    if x is None:
        return call.opaque()
    dtype = x.dtype if x.dtype is not None and x.dtype.startswith("float") else None
    return derived(call, x, shape=x.shape, dtype=tensor_type(dtype))


@handles("tf.linalg.det", "tf.linalg.logdet", "tf.trace", "tf.linalg.trace", "np.linalg.det")
def of_matrix(call: ApiCall) -> Value:
    """One number for each matrix."""
    x = tensor_operand(call, 0, "input", "matrix", "a", "x")
    if x is None:
        return call.opaque()
    dtype = x.dtype if x.dtype is not None and x.dtype.startswith("float") else None
    return derived(call, x, shape=None if x.shape is None else x.shape[:-2], dtype=tensor_type(dtype))


@handles("tf.linalg.tensor_diag", "tf.matrix_diag", "tf.linalg.diag", "np.diag", "keras.ops.diag")
def diagonal_matrix(call: ApiCall) -> Value:
    """Numbers on the diagonal of a matrix; NumPy also takes the diagonal of one."""
    x = tensor_operand(call, 0, "diagonal", "v", "x")
    if x is None:
        return call.opaque()
    plain = len(call.arguments.positional) + len(call.arguments.keywords) == 1
    shape: Shape = None
    if x.shape is not None and len(x.shape) == 1 and plain:
        shape = (*x.shape, *x.shape)
    elif x.shape is not None and len(x.shape) == 2 and plain and call.name in ("np.diag", "keras.ops.diag"):
        low = min(x.shape) if all(isinstance(d, int) for d in x.shape) else None  # type: ignore[type-var]
        shape = (low,)
    elif x.shape is not None and len(x.shape) > 1 and plain and call.name in ("tf.matrix_diag", "tf.linalg.diag"):
        shape = (*x.shape, x.shape[-1])
    dtype = tensor_type(x.dtype) if call.name.startswith("tf.") else x.dtype
    return derived(call, x, shape=shape, dtype=None if dtype in ("int", "float") else dtype, **from_zero(x))


@handles("tf.linalg.matrix_transpose", "tf.matrix_transpose")
def matrix_transpose(call: ApiCall) -> Value:
    x = tensor_operand(call, 0, "a")
    if x is None:
        return call.opaque()
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2]) if x.shape is not None and len(x.shape) >= 2 else None
    output = x.replace(shape=shape, op=None, library="tf", dtype=tensor_type(x.dtype), encoding=None)
    return call.emit("transpose", x, output=output, order=None)


@handles("tf.linalg.global_norm")
def global_norm(call: ApiCall) -> Value:
    tensors = tuple(t for value in call.arguments.values() for t in arrays.tensors_in(call.machine, value))
    return call.emit("opaque", *tensors, output=Tensor(shape=(), dtype="float32", low=0.0))


@handles("tf.tensordot", "np.tensordot", "keras.ops.tensordot")
def tensordot(call: ApiCall) -> Value:
    """A product over some axes of both; over the last and the first one it is that of matrices."""
    a, b = tensor_operand(call, 0, "a", "x1"), tensor_operand(call, 1, "b", "x2")
    axes = _with(call, 2, "axes")
    if a is None or b is None:
        return call.opaque()
    pair = _contracted(call, axes, a.rank, b.rank)
    if pair is not None and b.rank == 2 and a.rank is not None and a.rank >= 2 and pair == ((a.rank - 1,), (0,)):
        return calls.tensor_binary(
            call.machine, "@", operand(call, 0, "a", "x1"), operand(call, 1, "b", "x2"), call.place
        )
    shape: Shape = None
    if pair is not None and a.shape is not None and b.shape is not None:
        left = [d for i, d in enumerate(a.shape) if i not in pair[0]]
        shape = (*left, *(d for i, d in enumerate(b.shape) if i not in pair[1]))
    dtype = tensor_type(a.dtype) if a.dtype == b.dtype and call.name.startswith("tf.") else None
    return call.emit("opaque", a, b, output=Tensor(shape=shape, dtype=dtype, library=library_of(call, a, b)))


def _contracted(
    call: ApiCall, axes: Value | None, left: int | None, right: int | None
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The axes of both sides that a product runs over."""
    if left is None or right is None:
        return None
    if axes is None:
        axes = Const(value=2)
    if isinstance(axes, Const):
        number = axes.value
        if not isinstance(number, int) or not 0 <= number <= min(left, right):
            return None
        return tuple(range(left - number, left)), tuple(range(number))
    items = builtins.items_of(call.machine, axes)
    if items is None or len(items) != 2:
        return None
    first = axes_of(call, call.machine.resolve(items[0]), left)
    second = axes_of(call, call.machine.resolve(items[1]), right)
    return None if first is None or second is None or len(first) != len(second) else (first, second)


# Words ----------------------------------------------------------------------------------------------------------------


@handles(
    "tf.strings.lower", "tf.strings.upper", "tf.strings.strip", "tf.strings.regex_replace", "tf.as_string",
    "tf.strings.regex_full_match", "tf.strings.to_number", "tf.strings.length", "tf.strings.to_hash_bucket_fast",
)  # fmt: skip
def of_each_text(call: ApiCall) -> Value:
    """One word or number for each text."""
    x = tensor_operand(call)
    if x is None:
        return call.opaque()
    base = call.name.rsplit(".", 1)[-1]
    if base == "regex_full_match":
        return derived(call, x, shape=x.shape, dtype="bool", low=0.0, high=1.0)
    if base == "to_number":
        dtype = "float32" if call.given("out_type") is None else call.dtype("out_type")
        return derived(call, x, shape=x.shape, dtype=dtype)
    if base == "length":
        return derived(call, x, shape=x.shape, dtype="int32", low=0.0, high=math.inf)
    if base == "to_hash_bucket_fast":
        buckets: Dim = arrays.as_dim(call.value("num_buckets"))
        high = float(buckets - 1) if isinstance(buckets, int) else math.inf
        return derived(call, x, shape=x.shape, dtype="int64", low=0.0, high=high)
    return derived(call, x, shape=x.shape, dtype="string")


@handles("tf.TensorShape")
def tensor_shape(call: ApiCall) -> Value:
    """A shape as that of a tensor is."""
    items = call.items("dims")
    return call.opaque() if items is None else Tuple(items=items)
