"""Elementwise functions, reductions, comparisons, matmul: TensorFlow, Keras backend and ops, NumPy, math."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret import arithmetic, arrays, builtins, calls
from trainlint.interpret.api.call import Arguments, dtype_name, parameters
from trainlint.interpret.api.common import (
    library_of,
    operand,
    operand_argument,
    spelled,
    tensor_operand,
    unknown_result,
)
from trainlint.interpret.api.registry import CONSTANTS, handles, method
from trainlint.interpret.joins import join, join_tensors
from trainlint.program import dims
from trainlint.program.events import TypesPromoted
from trainlint.program.values import NONE, UNKNOWN, Const, Dimension, ListRecord, Tensor, Tuple, Unknown, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Dim, Shape
    from trainlint.tfapi import Symbol

CONSTANTS.update({
    "math.pi": math.pi, "math.e": math.e, "np.pi": math.pi, "np.e": math.e, "math.inf": math.inf, "np.inf": math.inf,
    "np.newaxis": None, "tf.newaxis": None, "np.nan": math.nan, "math.nan": math.nan,
})  # fmt: skip


@handles("tf.experimental.numpy.experimental_enable_numpy_behavior")
def promote_types(call: ApiCall) -> Value:
    call.machine.record(TypesPromoted(call.place, call.machine.context()))
    return NONE


# Two operands ---------------------------------------------------------------------------------------------------------

_BINARY = {
    "add": "add", "sum_": "add", "subtract": "subtract", "sub": "subtract", "multiply": "multiply", "mul": "multiply",
    "divide": "divide", "div": "divide", "true_divide": "divide", "truediv": "divide", "realdiv": "divide",
    "divide_no_nan": "divide", "div_no_nan": "divide", "floordiv": "floordivide", "floor_divide": "floordivide",
    "mod": "modulo", "floormod": "modulo", "pow": "power", "power": "power", "maximum": "maximum",
    "minimum": "minimum", "squared_difference": "squared-difference", "equal": "compare", "not_equal": "compare",
    "less": "compare", "less_equal": "compare", "greater": "compare", "greater_equal": "compare",
    "logical_and": "logical", "logical_or": "logical",
}  # fmt: skip
_COMPARE = {"equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}


def binary_call(call: ApiCall) -> Value:
    """An elementwise function of two operands."""
    base = call.name.rsplit(".", 1)[-1]
    kind = _BINARY[base]
    left, right = operand(call, 0, "x", "x1", "a"), operand(call, 1, "y", "x2", "b")
    if call.name.startswith("math.") and isinstance(left, Const) and isinstance(right, Const):
        return _python(call, [left.value, right.value])
    a, b = arrays.as_tensor(call.machine, left, call.place), arrays.as_tensor(call.machine, right, call.place)
    if a is None or b is None:
        if isinstance(left, Unknown) and isinstance(right, Unknown) and kind != "compare":
            return unknown_result(call, left, right, kind=kind, operator=_COMPARE.get(base, base))
        dtype = "bool" if kind in ("compare", "logical") else None
        return call.emit(
            kind, left, right, output=Tensor(dtype=dtype, library=library_of(call)), operator=_COMPARE.get(base, base)
        )
    if base == "div" and all(str(t.dtype).startswith(("int", "uint")) for t in (a, b)):
        kind = "floordivide"  # as Python 2 divides
    result = arithmetic.binary(kind, a, b).replace(library=library_of(call, a, b))
    if result.library == "python":
        return result
    if kind == "logical":
        result = result.replace(dtype="bool", low=0.0, high=1.0, values=(0.0, 1.0), rms=None)
    elif kind == "divide" and result.dtype == "float64" and call.name.startswith("keras."):
        result = result.replace(dtype=None)  # whole numbers become Keras' own type
    return call.emit(kind, a, b, output=result, operator=_COMPARE.get(base, base))


for _name in _BINARY:
    handles(*spelled(_name))(binary_call)


@handles("tf.add_n")
def add_n(call: ApiCall) -> Value:
    items = builtins.items_of(call.machine, operand(call, 0, "inputs"))
    tensors = [arrays.as_tensor(call.machine, item) for item in items or ()]
    if not tensors or any(t is None for t in tensors):
        return unknown_result(call, *arrays.parts_in(call.machine, operand(call, 0, "inputs")), kind="add")
    result = tensors[0]
    for tensor in tensors[1:]:
        result = arithmetic.binary("add", result, tensor)  # type: ignore[arg-type]
    return call.emit("add", *tensors, output=result.replace(library="tf"))  # type: ignore[arg-type,union-attr]


# One operand ----------------------------------------------------------------------------------------------------------

Bounds = tuple["float | None", "float | None"]


def _monotone(function: Callable[[float], float]) -> Callable[[Tensor], Bounds]:
    def bounds(x: Tensor) -> Bounds:
        return _apply(function, x.low), _apply(function, x.high)

    return bounds


def _apply(function: Callable[[float], float], x: float | None) -> float | None:
    if x is None:
        return None
    try:
        return function(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return -math.inf if x == 0 else None


def _square(x: Tensor) -> Bounds:
    if x.low is None or x.high is None:
        return 0.0, math.inf
    ends = (x.low * x.low, x.high * x.high)
    return (0.0 if x.low <= 0 <= x.high else min(ends)), max(ends)


def _abs(x: Tensor) -> Bounds:
    if x.low is None or x.high is None:
        return 0.0, math.inf
    ends = (abs(x.low), abs(x.high))
    return (0.0 if x.low <= 0 <= x.high else min(ends)), max(ends)


def _negative(x: Tensor) -> Bounds:
    return (None if x.high is None else -x.high), (None if x.low is None else -x.low)


def _exp(x: Tensor) -> Bounds:
    low, high = _monotone(math.exp)(x)
    return 0.0 if low is None else low, high if high is not None else math.inf


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: x if math.isinf(x) else float(function(x))


_UNARY: dict[str, tuple[str, Callable[[Tensor], Bounds]]] = {
    "exp": ("exp", _exp),
    "expm1": ("elementwise", _monotone(math.expm1)),
    "log": ("log", _monotone(math.log)),
    "log1p": ("elementwise", _monotone(math.log1p)),
    "log2": ("log", _monotone(math.log2)),
    "log10": ("log", _monotone(math.log10)),
    "sqrt": ("sqrt", _monotone(math.sqrt)),
    "rsqrt": ("elementwise", lambda x: (0.0, math.inf)),
    "square": ("square", _square),
    "abs": ("abs", _abs),
    "fabs": ("abs", _abs),
    "absolute": ("abs", _abs),
    "negative": ("negative", _negative),
    "neg": ("negative", _negative),
    "floor": ("floor", _monotone(_whole(math.floor))),
    "ceil": ("ceil", _monotone(_whole(math.ceil))),
    "round": ("round", _monotone(_whole(round))),
    "rint": ("round", _monotone(_whole(round))),
    "sign": ("sign", lambda x: (-1.0, 1.0)),
    "sin": ("elementwise", lambda x: (-1.0, 1.0)),
    "cos": ("elementwise", lambda x: (-1.0, 1.0)),
    "tan": ("elementwise", lambda x: (-math.inf, math.inf)),
    "acos": ("elementwise", lambda x: (0.0, math.pi)),
    "asin": ("elementwise", lambda x: (-math.pi / 2, math.pi / 2)),
    "arccos": ("elementwise", lambda x: (0.0, math.pi)),
    "arcsin": ("elementwise", lambda x: (-math.pi / 2, math.pi / 2)),
    "atan": ("elementwise", lambda x: (-math.pi / 2, math.pi / 2)),
    "erf": ("elementwise", lambda x: (-1.0, 1.0)),
    "reciprocal": ("elementwise", lambda x: (None, None)),
    "logical_not": ("logical", lambda x: (0.0, 1.0)),
    "is_nan": ("compare", lambda x: (0.0, 1.0)),
    "isnan": ("compare", lambda x: (0.0, 1.0)),
    "is_finite": ("compare", lambda x: (0.0, 1.0)),
}


def unary_call(call: ApiCall) -> Value:
    """An elementwise function of one operand."""
    base = call.name.rsplit(".", 1)[-1]
    value = operand(call)
    if call.name.startswith(("math.", "np.")) and isinstance(value, Const):
        rest = [call.machine.resolve(other) for other in call.arguments.values()[1:]]
        if rest and (call.name.startswith("math.") or base == "round"):
            known = [other.value for other in rest if isinstance(other, Const)]
            return _python(call, [value.value, *known]) if len(known) == len(rest) else UNKNOWN
        return _python(call, [value.value])
    if call.name.startswith("math.") and isinstance(value, Dimension) and base in ("floor", "ceil"):
        return value
    tensor = arrays.as_tensor(call.machine, value, call.place)
    if tensor is None:
        if call.name.startswith("math."):
            return UNKNOWN
        return unknown_result(call, value, kind=_UNARY[base][0])
    digits = operand(call, 1, "decimals") if base == "round" else UNKNOWN
    if base == "round" and digits != UNKNOWN and digits != Const(value=0):
        places = digits.value if isinstance(digits, Const) and isinstance(digits.value, int) else None
        ends = [_rounded(end, places) for end in (tensor.low, tensor.high)]
        output = tensor.replace(
            low=ends[0], high=ends[1], values=None, encoding=None, op=None, library=library_of(call, tensor)
        )
        return call.emit("round", tensor, output=output, function=base)
    return apply_unary(call, base, tensor)


def _rounded(end: float | None, places: int | None) -> float | None:
    return end if end is None or math.isinf(end) else None if places is None else round(end, places)


def apply_unary(call: ApiCall, base: str, tensor: Tensor) -> Tensor:
    kind, bounds = _UNARY[base]
    low, high = bounds(tensor)
    rms = tensor.rms if kind in ("abs", "negative", "round") else None
    if kind == "square" and tensor.rms is not None:
        rms = tensor.rms**2
    if kind == "sqrt" and tensor.rms is not None:
        rms = math.sqrt(tensor.rms)
    activation = tensor.activation if kind == "negative" and tensor.activation == "linear" else None
    if kind in ("abs", "square"):
        activation = kind
    dtype = "bool" if kind in ("compare", "logical") else tensor.dtype
    if dtype in ("int", "int32", "int64", "uint8"):
        if base in ("fabs", "reciprocal", "floor", "ceil", "rint"):
            dtype = None
        elif kind in ("exp", "log", "sqrt", "elementwise"):
            # Keras computes in its own type, NumPy in one that is as narrow as the numbers.
            dtype = None if call.name.startswith("keras.") or dtype == "uint8" else "float64"
    if call.name.startswith("math.") and base in ("floor", "ceil"):
        dtype = "int"
    library = library_of(call, tensor)
    result = tensor.replace(
        dtype=dtype,
        low=low,
        high=high,
        rms=rms,
        values=None,
        encoding=None,
        activation=activation,
        op=None,
        library=library,
    )
    if library == "python":
        return result
    return call.emit(kind, tensor, output=result, function=base)


for _name in _UNARY:
    handles(*spelled(_name))(unary_call)


def _python(call: ApiCall, values: list[object]) -> Value:
    """A function of plain numbers, computed."""
    base = call.name.rsplit(".", 1)[-1]
    special: dict[str, Callable[..., object]] = {
        "square": lambda x: x * x, "power": pow, "pow": pow, "maximum": max, "minimum": min, "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y, "multiply": lambda x, y: x * y, "divide": lambda x, y: x / y, "abs": abs,
        "round": round, "negative": lambda x: -x,
    }  # fmt: skip
    function = special.get(base) or getattr(math, base, None)
    if function is None:
        return UNKNOWN
    try:
        return Const(value=function(*values))
    except Exception:
        return UNKNOWN


@handles(
    *spelled("clip_by_value", "clip", "clip_by_norm", rooms=("tf", "np", "keras.backend", "keras.ops", "tf.compat.v1"))
)
@method("tensor", "clip")
def clip(call: ApiCall) -> Value:
    tensor = tensor_operand(call, 0, "t", "x", "a")
    if tensor is None:
        return unknown_result(call, operand(call, 0, "t", "x", "a"), kind="clip")
    if call.name == "tf.clip_by_norm":
        output = tensor.replace(op=None, low=None, high=None, rms=None, values=None, encoding=None)
        return call.emit("clip", tensor, output=output)
    index = 0 if isinstance(call.receiver, Tensor) else 1
    ends = [
        NONE if end is None else call.machine.resolve(end.value)
        for end in (
            operand_argument(call, index, "clip_value_min", "a_min", "min_value", "x_min", "min"),
            operand_argument(call, index + 1, "clip_value_max", "a_max", "max_value", "x_max", "max"),
        )
    ]
    low, high = (arrays.as_tensor(call.machine, end, call.place) for end in ends)
    bounds = [_least(low, tensor.low, max), _least(high, tensor.high, min)]
    # What lies wholly outside of the limits ends up on one of them.
    if high is not None and high.high is not None and bounds[0] is not None:
        bounds[0] = min(bounds[0], high.high)
    if low is not None and low.low is not None and bounds[1] is not None:
        bounds[1] = max(bounds[1], low.low)
    output = tensor.replace(
        low=bounds[0], high=bounds[1], op=None, values=None, library=library_of(call, tensor), activation="clip"
    )
    if str(tensor.dtype).startswith(("int", "uint")) and any(
        end is not None and not str(end.dtype).startswith(("int", "uint")) for end in (low, high)
    ):
        output = output.replace(dtype=None)
    if any(bound is None and not is_none(end) for bound, end in zip((low, high), ends)):
        output = output.replace(rms=None)  # an end that is not known may be close to zero
    elif output.rms is not None and bounds[0] is not None and bounds[1] is not None:
        output = output.replace(rms=min(output.rms, max(abs(bounds[0]), abs(bounds[1]))))
    return call.emit("clip", tensor, output=output)


def _least(bound: Tensor | None, known: float | None, choose: Callable[..., float]) -> float | None:
    limit = None if bound is None or bound.low is None or bound.low != bound.high else bound.low
    if limit is None:
        return known
    return limit if known is None else choose(limit, known)


@handles("np.linspace", "tf.linspace", "np.arange", "tf.range", "keras.ops.arange")
def spaced(call: ApiCall) -> Value:
    values = _ends(call)
    numbers = [arrays.as_tensor(call.machine, value) for value in values]
    if not call.name.endswith("linspace"):
        return _counted(call, values, numbers)
    length: Dim = arrays.as_dim(values[2]) if len(values) > 2 else arrays.as_dim(call.value("num"))
    # It may count down.
    lows, highs = ([getattr(end, side, None) for end in (*numbers, None, None)[:2]] for side in ("low", "high"))
    low = None if None in lows else min(lows)  # type: ignore[type-var]
    high = None if None in highs else max(highs)  # type: ignore[type-var]
    if any(end is not None and end.shape != () for end in numbers[:2]):
        return call.emit("data", output=Tensor(low=low, high=high, library=library_of(call)))
    dtype = call.dtype("dtype") if call.given("dtype") is not None else _spaced_type(call, numbers)
    output = Tensor(
        shape=(length,), dtype=dtype, low=low, high=high, rms=arithmetic.scalar_rms(low, high), library=library_of(call)
    )
    result = call.emit("data", output=output)
    if call.name == "np.linspace" and call.known("retstep") is not False:
        return Tuple(items=(result, UNKNOWN)) if call.known("retstep") is True else UNKNOWN
    return result


def _ends(call: ApiCall) -> list[Value]:
    """The numbers that a range is spaced by, in their order, also those that are given by keyword."""
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if call.name.endswith("linspace"):
        return values
    for index, names in enumerate((("start",), ("stop", "limit"), ("step", "delta"))):
        found = next((call.arguments.keywords[name] for name in names if name in call.arguments.keywords), None)
        if found is None:
            continue
        if index == 1 and not values:
            values.append(Const(value=0))
        if index == 2 and len(values) == 1:
            values.insert(0, Const(value=0))
        values.insert(index, call.machine.resolve(found.value))
    return values[:3]


def _counted(call: ApiCall, values: list[Value], numbers: list[Tensor | None]) -> Value:
    """`arange(stop)`, `arange(start, stop)`, `arange(start, stop, step)`."""
    dtype = call.dtype("dtype") if call.given("dtype") is not None else _spaced_type(call, numbers)
    if len(call.arguments.positional) > 3:
        dtype = dtype_name(call.machine.resolve(call.arguments.positional[3].value), call.name.startswith("np."))
    output = Tensor(shape=(None,), dtype=dtype, library=library_of(call))
    constants = [value.value for value in values if isinstance(value, Const)]
    if call.arguments.open or not 1 <= len(values) <= 3:
        return call.emit("data", output=output)
    plain = all(isinstance(number, (int, float)) for number in constants)
    if len(constants) == len(values) and plain:
        start, stop, step = (0, *constants, 1) if len(values) == 1 else (*constants, 1)[:3]
        length = max(0, math.ceil((stop - start) / step)) if step else 0
        ends = (start, start + (length - 1) * step)
        low, high = (float(min(ends)), float(max(ends))) if length else (None, None)
        output = output.replace(shape=(length,), low=low, high=high, rms=arithmetic.scalar_rms(low, high))
    elif len(values) < 3:
        first, last = (Tensor(low=0.0), numbers[0]) if len(values) == 1 else numbers
        high = last.high if last is not None else None
        if high is not None and all(n is not None and str(n.dtype).startswith("int") for n in numbers):
            high -= 1  # the end is left out
        low = first.low if first is not None else None
        count: Dim = arrays.as_dim(values[0]) if len(values) == 1 else None
        output = output.replace(shape=(count,), low=low, high=high, rms=arithmetic.scalar_rms(low, high))
    return call.emit("data", output=output)


def _spaced_type(call: ApiCall, numbers: list[Tensor | None]) -> str | None:
    """The type of evenly spaced numbers: TensorFlow and Keras have types of their own for Python's numbers."""
    if not call.name.startswith("np."):
        return None
    if call.name.endswith("linspace"):
        return "float64"
    types = {None if number is None else number.dtype for number in numbers}
    return "int64" if types <= {"int", "int64"} else None


# Matrix products ------------------------------------------------------------------------------------------------------


def product_rms(a: Tensor, b: Tensor, fan_in: Dim) -> float | None:
    """The rms of a sum over `fan_in` independent products; rms 1 stands for an input of unknown size."""
    if b.rms is None or not isinstance(fan_in, int) or fan_in < 0:
        return None
    return math.sqrt(fan_in) * b.rms * (1.0 if a.rms is None else a.rms)


def matmul_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        return None  # a scalar is no operand
    if len(a) == 1 and len(b) == 1:
        return ()
    if len(a) == 1:
        return (*b[:-2], b[-1])
    if len(b) == 1:
        return a[:-1]
    leading = dims.broadcast(a[:-2], b[:-2])
    return None if leading is None else (*leading, a[-2], b[-1])


@handles(
    "tf.matmul",
    "np.matmul",
    "np.dot",
    "keras.backend.dot",
    "keras.ops.matmul",
    "keras.ops.dot",
    "tf.sparse.matmul",
    "tf.linalg.matvec",
    "keras.backend.batch_dot",
)
@method("tensor", "dot")
def matmul(call: ApiCall) -> Value:
    left, right = operand(call, 0, "a", "x", "x1"), operand(call, 1, "b", "y", "x2")
    a, b = arrays.as_tensor(call.machine, left, call.place), arrays.as_tensor(call.machine, right, call.place)
    weights = b is not None and depends_on_variable(call, b)
    activation = "linear" if weights or (a is not None and depends_on_variable(call, a)) else None
    if a is None or b is None:
        known = _turned(call, b.shape, "transpose_b", "adjoint_b") if b is not None else None
        rms = None
        if b is not None and known is not None and len(known) == 2 and not call.name.endswith(("matvec", "batch_dot")):
            rms = product_rms(Tensor(), b, known[0])
        both = a or b
        dtype = both.dtype if both is not None and library_of(call, both) == "tf" else None
        # The other one may be a matrix or a stack of them, so nothing is known of the shape that comes out.
        return call.emit(
            "matmul",
            left if a is None else a,
            right if b is None else b,
            output=Tensor(dtype=dtype, rms=rms, activation=activation, library=library_of(call)),
            fan_in=known[0] if known else None,
            fan_out=known[1] if known is not None and len(known) == 2 else None,
        )
    a_shape = _turned(call, a.shape, "transpose_a", "adjoint_a")
    b_shape = _turned(call, b.shape, "transpose_b", "adjoint_b")
    if call.name == "keras.backend.batch_dot":
        shape = _batch_dot_shape(a_shape, b_shape, call.value("axes"), call)
    elif call.name.endswith(".dot") and b_shape is not None and len(b_shape) > 2:
        # Each row of the first with each column of the second: their leading axes stand behind each other.
        shape = None if not a_shape else (*a_shape[:-1], *b_shape[:-2], b_shape[-1])
    elif call.name == "tf.linalg.matvec":
        column = None if not b_shape else (*b_shape, 1)
        shape = matmul_shape(a_shape, column)
        shape = shape[:-1] if shape else None
    else:
        shape = matmul_shape(a_shape, b_shape)
    fan_in: Dim = None
    if b_shape is not None and b_shape:
        fan_in = b_shape[-2] if len(b_shape) >= 2 else b_shape[0]
    if fan_in is None and a_shape:
        fan_in = a_shape[-1]
    fan_out = b_shape[-1] if b_shape is not None and len(b_shape) >= 2 else None
    output = Tensor(
        shape=shape,
        dtype=a.dtype if a.dtype and a.dtype.startswith("float") else b.dtype,
        rms=product_rms(a, b, fan_in),
        activation=activation,
        library=library_of(call, a, b),
        grounds=a.grounds,
        assumed=a.assumed + b.assumed,
    )
    return call.emit("matmul", a, b, output=output, fan_in=fan_in, fan_out=fan_out)


def _turned(call: ApiCall, shape: Shape, *flags: str) -> Shape:
    """The shape of a factor as it is multiplied: one of these arguments may swap its last two axes."""
    told = [call.settled(flag, default=False) for flag in flags]
    if shape is None or len(shape) < 2 or not any(flag is not False for flag in told):
        return shape
    turned = (*shape[:-2], shape[-1], shape[-2])
    return turned if True in told or turned == shape else (*shape[:-2], None, None)


def _batch_dot_shape(a: Shape, b: Shape, axes: Value, call: ApiCall) -> Shape:
    """The shape of Keras' product for each item of a batch: without the two axes that it sums over."""
    if not a or not b or len(a) < 2 or len(b) < 2:
        return None
    if len(a) != len(b) or len(a) > 3:
        return None  # until Keras 2.3 this was a product of matrices for each item of all leading axes
    chosen: tuple[int, ...] | None = (len(a) - 1, max(len(b) - 2, 1))
    if axes != Const(value=None):
        chosen = axes_of(call, axes, None)
        chosen = chosen * 2 if chosen is not None and len(chosen) == 1 else chosen
    if chosen is None or len(chosen) != 2:
        return None
    first, second = chosen[0] % len(a), chosen[1] % len(b)
    rest = (
        *(d for i, d in enumerate(a) if i != first),
        *(d for i, d in enumerate(b) if i not in (0, second)),
    )
    return (*rest, 1) if len(rest) == 1 else rest


def depends_on_variable(call: ApiCall, tensor: Tensor) -> bool:
    """Whether a tensor is a variable, or a cast, reshape or scaling of one."""
    operation = call.machine.operation(tensor)
    for _ in range(8):
        if operation is None:
            return False
        if operation.kind == "variable":
            return True
        if operation.kind not in (
            "identity",
            "cast",
            "reshape",
            "transpose",
            "multiply",
            "divide",
            "squeeze",
            "expand",
            "slice",
            "clip",
            "dropout",
        ):
            return False
        operation = (
            call.machine.operation(operation.inputs[0])
            if operation.inputs and isinstance(operation.inputs[0], Tensor)
            else None
        )
    return False


# Reductions -----------------------------------------------------------------------------------------------------------

_REDUCE = {
    "reduce_mean": "mean", "mean": "mean", "average": "mean", "nanmean": "mean", "reduce_sum": "sum", "sum": "sum",
    "reduce_max": "max", "max": "max", "amax": "max", "reduce_min": "min", "min": "min", "amin": "min",
    "reduce_prod": "prod", "prod": "prod", "reduce_any": "any", "any": "any", "reduce_all": "all", "all": "all",
    "std": "std", "reduce_std": "std", "var": "var", "reduce_variance": "var", "reduce_logsumexp": "logsumexp",
    "logsumexp": "logsumexp", "median": "mean",
}  # fmt: skip


def axes_of(call: ApiCall, value: Value, rank: int | None) -> tuple[int, ...] | None:
    """The axes of a reduction, non-negative where the rank is known; () for all; None when unknown."""
    if isinstance(value, Const) and value.value is None:
        return ()
    items = builtins.items_of(call.machine, value) if not isinstance(value, Const) else [value]
    if items is None:
        return None
    axes = []
    for item in items:
        item = call.machine.resolve(item)
        if not isinstance(item, Const) or not isinstance(item.value, int):
            return None
        axes.append(item.value + rank if item.value < 0 and rank is not None else item.value)
    return tuple(axes) if axes else None


def keeps_axes(call: ApiCall) -> bool | None:
    """Whether the axes of a reduction stay, with size 1; None where that is not known."""
    value: Value = Const(value=False)
    for name in ("keepdims", "keep_dims"):
        if name in call.arguments.keywords:
            value = call.arguments.keywords[name].value
            break
    else:
        symbol: Symbol | None = call.symbol
        if isinstance(call.receiver, Tensor):
            symbol = tfapi.resolve("numpy." + call.name.rsplit(".", 1)[-1], call.machine.generation)
        names = parameters(call.machine, symbol) if symbol is not None else ()
        # NumPy's methods take what its functions take, without the array.
        if isinstance(call.receiver, Tensor):
            names = names[1:]
        given = dict(zip(names, call.arguments.positional)).get("keepdims")
        if given is not None:
            value = given.value
        elif call.arguments.open:
            value = UNKNOWN
    value = call.machine.resolve(value)
    if not isinstance(value, Const) or not isinstance(value.value, (bool, int, type(None))):
        return None
    return bool(value.value)


def reduced_shape(shape: Shape, axes: tuple[int, ...] | None, keepdims: bool | None) -> Shape:
    """The shape of a reduction over some axes, () for all; None where any of it is unknown."""
    if keepdims is None:
        return None
    if axes == () and not keepdims:
        return ()
    if shape is None or axes is None:
        return None
    if axes == ():
        return (1,) * len(shape)
    if any(not 0 <= axis < len(shape) for axis in axes):
        return None
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


@handles("tf.count_nonzero", "tf.math.count_nonzero", "np.count_nonzero")
def count_nonzero(call: ApiCall) -> Value:
    tensor = arrays.as_tensor(call.machine, operand(call))
    if tensor is None:
        return call.opaque()
    axes = axes_of(call, _axis_value(call), tensor.rank)
    keepdims = keeps_axes(call)
    shape = reduced_shape(tensor.shape, axes, keepdims)
    dtype = "int64" if call.given("dtype") is None else call.dtype("dtype")
    output = Tensor(shape=shape, dtype=dtype, low=0.0, library=library_of(call))
    return call.emit("reduce", tensor, output=output, how="sum", axis=axes, keepdims=keepdims)


def reduce_call(call: ApiCall) -> Value:
    """A reduction over some or all axes."""
    base = call.name.rsplit(".", 1)[-1]
    how = _REDUCE[base]
    value = operand(call)
    tensor = arrays.as_tensor(call.machine, value, call.place)
    axis_value = _axis_value(call)
    keepdims = keeps_axes(call)
    rank = tensor.rank if tensor is not None else None
    axes = axes_of(call, axis_value, rank)
    shape = reduced_shape(tensor.shape if tensor is not None else None, axes, keepdims)
    attributes = {"how": how, "axis": axes, "keepdims": keepdims}
    if tensor is None:
        unknown = [part for part in arrays.parts_in(call.machine, value) if isinstance(part, Unknown)]
        return call.emit(
            "reduce", value, *unknown[:1], output=Tensor(shape=shape, library=library_of(call)), **attributes
        )
    low, high = tensor.low, tensor.high
    if how == "sum":
        low, high = _summed(tensor, axes)
    elif how in ("std", "var"):
        width = None if tensor.interval is None else tensor.interval[1] - tensor.interval[0]
        low, high = 0.0, width if width is None or how == "std" else width * width
    elif how in ("any", "all"):
        low, high = 0.0, 1.0
    elif how in ("prod", "logsumexp"):
        low = high = None
    # A mean of many independent values is small; what is known for sure is only that it is no larger.
    rms = tensor.rms if how in ("max", "min") else None
    dtype = "bool" if how in ("any", "all") else tensor.dtype
    keras = call.name.startswith("keras.")
    if dtype == "bool" and how in ("sum", "prod"):
        dtype = None if keras else "int64"
    if dtype == "uint8" and how in ("sum", "prod") and library_of(call, tensor) != "tf":
        dtype = None  # NumPy adds up in a wider type
    if how in ("mean", "std", "var") and dtype in ("int", "int32", "int64", "uint8", "bool"):
        dtype = None if keras else "float64" if library_of(call, tensor) == "np" else dtype
    values = tensor.values if how in ("max", "min") else None
    keywords = call.arguments.keywords
    if "dtype" in keywords:
        dtype = dtype_name(call.machine.resolve(keywords["dtype"].value), library_of(call, tensor) == "np")
    if "initial" in keywords or (base == "average" and ("weights" in keywords or len(call.arguments.positional) > 2)):
        # Another number counts as well, or weights that may be negative.
        low = high = rms = values = None
    if keywords.get("returned") is not None:
        return call.opaque()
    library = library_of(call, tensor)
    output = Tensor(
        shape=shape,
        dtype=dtype,
        low=low,
        high=high,
        rms=rms,
        values=values,
        library="np" if library == "python" else library,
        grounds=tensor.grounds,
        assumed=tensor.assumed,
    )
    return call.emit("reduce", tensor, output=output, **attributes)


@handles("tf.norm", "tf.linalg.norm", "keras.ops.norm", "np.linalg.norm")
def norm(call: ApiCall) -> Value:
    """The length of the vectors along an axis."""
    call.bind_as("x", "ord", "axis", "keepdims", axis=None, keepdims=False, ord=None)
    value = operand(call)
    tensor = arrays.as_tensor(call.machine, value, call.place)
    if tensor is None:
        return unknown_result(call, value, kind="reduce", how="norm", axis=None, keepdims=False)
    axes = axes_of(call, call.value("axis"), tensor.rank)
    keepdims = keeps_axes(call)
    output = Tensor(
        shape=reduced_shape(tensor.shape, axes, keepdims),
        dtype=tensor.dtype if str(tensor.dtype).startswith("float") else None,
        low=0.0,
        library=library_of(call, tensor),
    )
    return call.emit("reduce", tensor, output=output, how="norm", axis=axes, keepdims=keepdims)


def _axis_value(call: ApiCall) -> Value:
    for name in ("axis", "reduction_indices", "axes", "dim"):
        if name in call.arguments.keywords:
            return call.machine.resolve(call.arguments.keywords[name].value)
    position = 0 if isinstance(call.receiver, Tensor) else 1
    if len(call.arguments.positional) > position:
        return call.machine.resolve(call.arguments.positional[position].value)
    return UNKNOWN if call.arguments.open else Const(value=None)


def _summed(tensor: Tensor, axes: tuple[int, ...] | None) -> Bounds:
    if not tensor.bounded or tensor.shape is None or axes is None:
        return (0.0 if tensor.low is not None and tensor.low >= 0 else None), None
    taken = tensor.shape if axes == () else tuple(tensor.shape[i] for i in axes if 0 <= i < len(tensor.shape))
    count = dims.product(taken)
    if not isinstance(count, int):
        return (0.0 if tensor.low >= 0 else None), None  # type: ignore[operator]
    return arithmetic.multiply_bounds(tensor.low, count), arithmetic.multiply_bounds(tensor.high, count)  # type: ignore[arg-type]


for _name in _REDUCE:
    handles(*spelled(_name))(reduce_call)
    method("tensor", _name)(reduce_call)


@handles(*spelled("argmax", "argmin", "arg_max", "arg_min"))
@method("tensor", "argmax", "argmin")
def argmax(call: ApiCall) -> Value:
    value = operand(call)
    tensor = arrays.as_tensor(call.machine, value, call.place)
    axis_value = _axis_value(call)
    for name in ("dimension",):
        if name in call.arguments.keywords:
            axis_value = call.machine.resolve(call.arguments.keywords[name].value)
    # Without an axis TensorFlow takes axis 0, NumPy the flattened array.
    default = isinstance(axis_value, Const) and axis_value.value is None
    if default and not (
        call.name.startswith(("np.", "keras.ops."))
        or (isinstance(call.receiver, Tensor) and call.receiver.library != "tf")
    ):
        axis_value = Const(value=-1 if call.name.startswith("keras.backend") else 0)
    rank = tensor.rank if tensor is not None else None
    axes = axes_of(call, axis_value, rank)
    shape = reduced_shape(tensor.shape if tensor is not None else None, axes, keeps_axes(call))
    high: float | None = None
    if tensor is not None and tensor.shape is not None and axes and len(axes) == 1 and 0 <= axes[0] < len(tensor.shape):
        size = tensor.shape[axes[0]]
        high = float(size - 1) if isinstance(size, int) else math.inf
    dtype: str | None = None if call.name.startswith("keras.ops.") else "int64"
    if call.name.startswith("tf.") and call.given("output_type") is not None:
        dtype = call.dtype("output_type")
    output = Tensor(
        shape=shape,
        dtype=dtype,
        low=0.0,
        high=high if high is not None else math.inf,
        library=library_of(call, *([tensor] if tensor else [])),
        encoding="class-ids",
        activation="argmax",
    )
    return call.emit("argmax", tensor if tensor is not None else value, output=output, axis=axes, default_axis=default)


# Selection ------------------------------------------------------------------------------------------------------------


@handles(*spelled("where", "select", rooms=("tf", "np", "keras.ops", "keras.backend")), "keras.backend.switch")
def where(call: ApiCall) -> Value:
    condition = operand(call, 0, "condition")
    if len(call.arguments.positional) + len(call.arguments.keywords) < 3:
        return unknown_result(call, condition, kind="select")
    left, right = operand(call, 1, "x", "x1"), operand(call, 2, "y", "x2")
    a, b = arrays.as_tensor(call.machine, left), arrays.as_tensor(call.machine, right)
    c = arrays.as_tensor(call.machine, condition)
    if a is None or b is None:
        return unknown_result(call, condition if c is None else c, left, right, kind="select")
    shape = dims.broadcast(a.shape, b.shape)
    if c is not None:
        shape = dims.broadcast(c.shape, shape)
    elif not a.shape or not b.shape:
        shape = None  # of a condition and one number
    output = join_tensors(a, b).replace(
        shape=shape, op=None, encoding=None, activation=None, library=library_of(call, a, b)
    )
    return call.emit("select", condition if c is None else c, a, b, output=output)


@handles("tf.cond", "tf.case")
def cond(call: ApiCall) -> Value:
    """Both branches are built; the result is what they have in common."""
    functions = [call.function("true_fn", "fn1"), call.function("false_fn", "fn2")]
    if None in functions or call.name == "tf.case":
        positional = [call.machine.resolve(a.value) for a in call.arguments.positional[1:3]]
        if len(positional) < 2 or call.name == "tf.case":
            return call.opaque()
        functions = list(positional)
    results = []
    for index, function in enumerate(functions):
        with call.machine.within(iteration=(*call.machine.iteration, f"branch{index}")):
            results.append(call.machine.resolve(calls.call(call.machine, function, Arguments([], {}), call.place)))  # type: ignore[arg-type]
    joined = join(results[0], results[1])
    tensors = [t for r in results for t in arrays.tensors_in(call.machine, r)]
    if isinstance(joined, Tensor):
        return call.emit("select", operand(call), *tensors, output=joined.replace(op=None))
    if tensors:
        call.emit("opaque", *tensors, output=Tensor())
    return joined


@method("tensor", "item", "tolist", "numpy", "eval_constant", "block_until_ready")
def plain(call: ApiCall) -> Value:
    """The tensor as a NumPy array or Python number."""
    tensor = call.receiver
    assert isinstance(tensor, Tensor)
    if call.machine.method_name == "item":
        tensor = tensor.replace(shape=(), encoding=None)
    if call.machine.method_name == "tolist" and tensor.shape:
        # A list is not added to another one as arrays are.
        row = call.emit("slice", tensor, output=tensor.replace(shape=tensor.shape[1:], op=None, encoding=None))
        return call.machine.new(call.place, ListRecord(items=None, element=row, length=tensor.shape[0]), "list")
    if tensor.op is None:
        return tensor.replace(library="np")
    return call.emit("identity", tensor, output=tensor.replace(op=None, library="np"))
