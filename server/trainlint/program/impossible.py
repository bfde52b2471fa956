"""Operations that no run can carry out: the shapes of their operands are proved, and they do not fit together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from trainlint.program.dims import Dim, Shape, Symbol, is_batch, show
from trainlint.program.eras import is_for_1
from trainlint.program.values import Const, Tensor
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program


CRASHES = "this stops with an error at run time"
EMPTY = "graphs stop with an error here, eager code goes on silently with an empty tensor"


class Impossible(Record):
    """Why an operation cannot be: in words, with the operands whose shapes do not fit, and what happens then."""

    reason: str
    operands: tuple[Tensor, ...] = ()
    outcome: str = CRASHES
    severity: str | None = None


def checked() -> frozenset[str]:
    """The kinds of operations that may be impossible."""
    return frozenset(_CHECKS)


def impossible(program: Program, operation: Operation) -> Impossible | None:
    """Why an operation cannot be carried out; None where it can, or where a shape is not known."""
    check = _CHECKS.get(operation.kind)
    return None if check is None else check(program, operation)


def differ(left: Dim, right: Dim) -> bool:
    """Whether two dimensions are proved to be different."""
    return isinstance(left, int) and isinstance(right, int) and left != right


def clash(left: Shape, right: Shape) -> tuple[Dim, Dim] | None:
    """The first two dimensions that broadcasting cannot join, from the last axis on."""
    for a, b in zip(reversed(left or ()), reversed(right or ())):
        if differ(a, b) and a != 1 and b != 1:
            return a, b
    return None


def count(shape: Shape) -> tuple[tuple[str, ...], int] | None:
    """How many elements a shape has: the symbols that are multiplied, and the number; None when that is not known."""
    symbols, number = [], 1
    for dim in shape if shape is not None else (None,):
        if isinstance(dim, int):
            number *= dim
        elif dim is None:
            return None
        elif len(dim.terms) == 1 and dim.offset == 0:
            symbols.append(repr(dim.terms[0][0].key))
            number *= dim.terms[0][1]
        else:
            symbols.append(repr(dim.key))
    return tuple(sorted(symbols)), number


def _tensors(operation: Operation, needed: int = 2) -> tuple[Tensor, ...] | None:
    """All inputs if each is a tensor of known rank."""
    inputs = [value for value in operation.inputs if isinstance(value, Tensor) and value.shape is not None]
    return tuple(inputs) if len(inputs) == len(operation.inputs) >= needed else None


def _base(operation: Operation) -> str:
    return operation.name.rsplit(".", 1)[-1]


def _of_layer(operation: Operation) -> bool:
    """Whether a layer made the operation, so that its weights have the shape that it gave them."""
    return operation.layer is not None or operation.name.startswith(("keras.layers.", "tf.layers.", "tf.contrib."))


def is_labelled(program: Program, *tensors: Tensor) -> bool:
    """Whether one of them may be a column of pandas, whose rows go by labels: lengths and numbers say nothing then."""
    for tensor in tensors:
        for key in program.ancestors(tensor) if tensor.library != "tf" else ():
            operation = program.operation(key)
            if operation is not None and operation.name.startswith(("frame", "pandas.", "series.")):
                return True
    return False


def _flag(operation: Operation, *names: str) -> bool | None:
    """A boolean argument of a call, False when it is not given; None when it is not known."""
    for name in names:
        argument = operation.arguments.get(name)
        if argument is not None and argument.given:
            return bool(argument.value.value) if isinstance(argument.value, Const) else None
    return False


def _channels_last(operation: Operation) -> bool:
    argument = operation.arguments.get("data_format")
    value = None if argument is None else argument.value
    if value is None or (isinstance(value, Const) and value.value is None):
        return True
    return isinstance(value, Const) and str(value.value).endswith(("C", "last"))


# Products -------------------------------------------------------------------------------------------------------------

_BROADCASTS = (1, 14)
"""The first version whose `tf.matmul` broadcasts (its release notes: BatchMatMulV2)."""

_DENSE = ("Dense", "dense", "fully_connected", "linear", "relu")
_MATRIX = ("tf.matmul", "np.matmul", "keras.ops.matmul")
_DOT = ("np.dot", "keras.backend.dot", "keras.ops.dot")


def _product(program: Program, operation: Operation) -> Impossible | None:
    pair = _tensors(operation)
    if pair is None or len(pair) != 2:
        return None
    a, b = pair
    left, right = a.shape, b.shape
    if not left or not right:
        return None
    if _of_layer(operation):
        if _base(operation) in _DENSE and len(right) == 2 and differ(left[-1], right[0]):
            return Impossible(
                f"`{_base(operation)}` has a kernel for {right[0]} columns, but gets {show(left)}", (a, b)
            )
        return None
    if operation.name in _MATRIX:
        flags = [_flag(operation, f"transpose_{side}", f"adjoint_{side}") for side in "ab"]
        if None in flags:
            return None
        if "tf" in (a.library, b.library):
            for tensor in pair:
                if tensor.rank == 1:
                    return Impossible(f"{show(tensor.shape)} is no matrix, which `tf.matmul` needs", (tensor,))
        left = (*left[:-2], left[-1], left[-2]) if flags[0] and len(left) > 1 else left
        right = (*right[:-2], right[-1], right[-2]) if flags[1] and len(right) > 1 else right
        if len(left) > 2 and len(right) > 2 and clash(left[:-2], right[:-2]) is not None:
            return Impossible(f"there is no product of {show(left)} and {show(right)}, matrix by matrix", pair)
        if (len(left) > 2) != (len(right) > 2) and program.version is not None and program.version < _BROADCASTS:
            return Impossible(
                f"{show(left)} times {show(right)}: TensorFlow before 1.14 multiplies only tensors of the same rank",
                pair,
            )
    elif operation.name not in _DOT:
        return None
    inner = right[-2] if len(right) > 1 else right[0]
    if differ(left[-1], inner):
        how = f"{show(left)} times {show(right)} is no product: {left[-1]} columns meet {inner} rows"
        return Impossible(how, pair)
    return None


def _convolution(program: Program, operation: Operation) -> Impossible | None:
    x = operation.inputs[0] if operation.inputs else None
    rank = operation.attributes.get("rank")
    if not isinstance(x, Tensor) or x.shape is None or not isinstance(rank, int) or "convolution" in _base(operation):
        return None
    base = _base(operation)
    if len(x.shape) < rank + 2:
        if operation.name.startswith("tf.contrib."):
            return None  # that one counts the axes itself
        axes = "[batch, height, width, channels]" if rank == 2 else f"{rank + 2} axes"
        return Impossible(f"`{base}` needs {axes}, but gets {show(x.shape)}", (x,))
    kernel = operation.inputs[1] if len(operation.inputs) > 1 else None
    if not _channels_last(operation) or not isinstance(kernel, Tensor) or kernel.shape is None:
        return None
    channels, wanted = x.shape[-1], kernel.shape[-2] if len(kernel.shape) == rank + 2 else None
    own = _of_layer(operation)
    if isinstance(channels, int) and isinstance(wanted, int) and wanted > 0 and channels != wanted:
        if own:
            plain = base.startswith("Conv") and base.endswith("D") and "groups" not in _given(operation)
            odd = plain
        elif "depthwise" in base:
            odd = True
        else:
            # TensorFlow takes a whole number of groups of channels, each with its share of the filters.
            filters = kernel.shape[-1]
            groups = channels // wanted
            odd = bool(channels % wanted) or (isinstance(filters, int) and groups > 0 and bool(filters % groups))
        if odd:
            return Impossible(
                f"the kernel {show(kernel.shape)} is for {wanted} channels, but {show(x.shape)} has {channels}",
                (x, kernel),
            )
    return _window(operation, x)


def _given(operation: Operation) -> tuple[str, ...]:
    return tuple(name for name, argument in operation.arguments.items() if argument.given)


def _window(operation: Operation, x: Tensor) -> Impossible | None:
    """A window that is larger than what it slides over leaves nothing."""
    result = operation.output.shape
    if x.shape is None or result is None or len(result) != len(x.shape):
        return None
    kernel = operation.inputs[1] if len(operation.inputs) > 1 else None
    filters = kernel.shape[-1:] if isinstance(kernel, Tensor) and kernel.shape is not None else ()
    for before, after in zip(x.shape, result):
        if isinstance(after, int) and after <= 0 and isinstance(before, int) and before > 0:
            if filters == (after,):
                return Impossible(f"`{_base(operation)}` would have {after} filters", (x,))
            reason = f"the window of `{_base(operation)}` is larger than what is left: {show(x.shape)}"
            return Impossible(reason, (x,), CRASHES if _of_layer(operation) else EMPTY)
    return None


def _pool(program: Program, operation: Operation) -> Impossible | None:
    x = operation.inputs[0] if operation.inputs else None
    base = _base(operation)
    digits = [int(letter) for letter in base if letter.isdigit()]
    if not isinstance(x, Tensor) or x.shape is None:
        return None
    if _of_layer(operation) and len(digits) == 1 and len(x.shape) != digits[0] + 2:
        axes = "[batch, height, width, channels]" if digits[0] == 2 else f"{digits[0] + 2} axes"
        return Impossible(f"`{base}` needs {axes}, but gets {show(x.shape)}", (x,))
    if not _of_layer(operation) and operation.name in _POOLING and len(x.shape) < 3:
        return Impossible(f"`{base}` needs [batch, height, width, channels], but gets {show(x.shape)}", (x,))
    return _window(operation, x)


_POOLING = ("tf.nn.max_pool", "tf.nn.avg_pool", "tf.nn.max_pool2d", "tf.nn.avg_pool2d")


_KERAS_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU")


def _recurrent(program: Program, operation: Operation) -> Impossible | None:
    x = operation.inputs[0] if operation.inputs else None
    if not operation.name.startswith("keras.layers.") or _base(operation) not in _KERAS_RECURRENT:
        return None
    if not isinstance(x, Tensor) or x.shape is None or len(x.shape) == 3:
        return None
    return Impossible(f"`{_base(operation)}` needs [batch, steps, features], but gets {show(x.shape)}", (x,))


# Elementwise ----------------------------------------------------------------------------------------------------------


def _elementwise(program: Program, operation: Operation) -> Impossible | None:
    tensors = _tensors(operation)
    if tensors is None or _base(operation) == "bias_add":
        return None
    if _of_layer(operation) and _base(operation) not in (
        "Add",
        "Subtract",
        "Multiply",
        "Average",
        "Maximum",
        "Minimum",
    ):
        return None  # a bias or a scale of the layer's own
    first = tensors[0]
    for other in tensors[1:]:
        if _of_layer(operation) and first.rank != other.rank:
            continue  # Keras has rules of its own there
        pair = clash(first.shape, other.shape)
        if pair is not None and not is_labelled(program, first, other):
            return Impossible(
                f"{show(first.shape)} and {show(other.shape)} do not fit: {pair[0]} meets {pair[1]}", (first, other)
            )
    return None


def _compare(program: Program, operation: Operation) -> Impossible | None:
    # `==` of arrays that do not fit is just False.
    return None if operation.attributes.get("operator") in ("==", "!=") else _elementwise(program, operation)


# Rearranging ----------------------------------------------------------------------------------------------------------


def _concat(program: Program, operation: Operation) -> Impossible | None:
    tensors = _tensors(operation)
    base = _base(operation)
    if tensors is None or base in ("vstack", "hstack", "append", "r_", "column_stack", "dstack", "frame"):
        return None
    axis = None
    if operation.kind == "concat":
        value = operation.attributes.get("axis")
        if value is None:
            argument = operation.arguments.get("axis")
            value = Const(-1) if argument is None else argument.value
        if not isinstance(value, Const) or type(value.value) is not int:
            return None
        axis = value.value
    first = tensors[0]
    rank = first.rank or 0
    for other in tensors[1:]:
        if other.rank != first.rank:
            return Impossible(
                f"{show(first.shape)} and {show(other.shape)} have different ranks and cannot be joined", (first, other)
            )
        for index, (a, b) in enumerate(zip(first.shape or (), other.shape or ())):
            if axis is not None and index == axis % max(rank, 1):
                continue
            if differ(a, b):
                where = "" if axis is None else f" along axis {axis}"
                return Impossible(
                    f"{show(first.shape)} and {show(other.shape)} cannot be joined{where}: {a} meets {b}",
                    (first, other),
                )
    return None


def _reshape(program: Program, operation: Operation) -> Impossible | None:
    x = operation.inputs[0] if operation.inputs else None
    if not isinstance(x, Tensor) or x.shape is None:
        return None
    target = operation.attributes.get("target")
    if target is None:
        return None
    source = x.shape
    if operation.name.startswith("keras.layers."):
        source = source[1:]  # the layer leaves the batch alone
    return _counted(x, source, target, operation.name.startswith("np.") or x.library == "np")


def _counted(x: Tensor, source: tuple[Dim, ...], target: tuple[Dim, ...], is_array: bool) -> Impossible | None:
    have, rest = count(source), count(tuple(d for d in target if d != -1))
    if have is None or rest is None or target.count(-1) > 1:
        return None
    shown = show(target)
    if -1 not in target:
        if have[0] == rest[0] and have[1] != rest[1]:
            what = "elements" if not have[0] else "for each " + "·".join(_names(source))
            return Impossible(f"{show(source)} has {have[1]} {what}, {shown} has {rest[1]}", (x,))
        return None
    if not rest[1]:
        return None
    if have[0] == rest[0] and have[1] % rest[1]:
        return Impossible(f"the {have[1]} elements of {show(source)} cannot be divided into {shown}", (x,))
    batched = bool(source) and is_batch(source[0]) and not is_array and len(have[0]) == 1
    if batched and not rest[0] and target[0] == -1 and have[1] % rest[1] and rest[1] % have[1]:
        one = show(source[1:])
        times = rest[1] // math.gcd(have[1], rest[1])
        return Impossible(
            f"one sample has {have[1]} numbers, {one}, which rows of {rest[1]} cannot hold", (x,),
            f"this stops with an error, or silently mixes the samples of batches of {times}, {2 * times}...",
        )  # fmt: skip
    return None


def _names(shape: tuple[Dim, ...]) -> list[str]:
    return [dim.name for dim in shape if isinstance(dim, Symbol)]


def _squeeze(program: Program, operation: Operation) -> Impossible | None:
    x = operation.inputs[0] if operation.inputs else None
    result = operation.output.shape
    if not isinstance(x, Tensor) or x.shape is None or result is None or len(result) == len(x.shape):
        return None
    before, after = count(x.shape), count(result)
    if before is None or after is None or before[0] != after[0] or before[1] == after[1]:
        return None
    return Impossible(f"only axes of length 1 can be squeezed out of {show(x.shape)}", (x,))


_REDUCTIONS = ("mean", "sum", "max", "min", "prod", "any", "all", "std", "var", "logsumexp")


def _axis(program: Program, operation: Operation) -> Impossible | None:
    x = operation.inputs[0] if operation.inputs else None
    axes = operation.attributes.get("axis")
    if operation.kind == "reduce" and operation.attributes.get("how") not in _REDUCTIONS:
        return None
    if not isinstance(x, Tensor) or x.shape is None or not isinstance(axes, tuple):
        return None
    for axis in axes:
        if isinstance(axis, int) and not 0 <= axis < len(x.shape):
            shown = axis if axis >= 0 else axis - len(x.shape)
            return Impossible(f"{show(x.shape)} has no axis {shown}", (x,))
    return None


# Pictures -------------------------------------------------------------------------------------------------------------

_RESIZING = ("tf.image.resize", "tf.image.resize_images")


def _resize(program: Program, operation: Operation) -> Impossible | None:
    size = operation.arguments.get("size")
    if operation.name not in _RESIZING or size is None or not isinstance(size.value, Const):
        return None
    number = size.value.value
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    reason = f"the new size is one argument, [height, width], and here it is {number}"
    if is_for_1(program):
        return Impossible(reason)
    return Impossible(reason, (), "only TensorFlow before 1.0 took height and width apart", "info")


_QUEUES = ("tf.train.batch", "tf.train.shuffle_batch")
_DECODED = ("tf.image.decode_jpeg", "tf.image.decode_png")
_ELEMENTWISE = ("cast", "identity", "divide", "multiply", "subtract", "add")


def _stacked(program: Program, operation: Operation) -> Impossible | None:
    if operation.name not in _QUEUES:
        return _concat(program, operation)
    if _flag(operation, "dynamic_pad") is not False or "shapes" in _given(operation):
        return None
    picture = program.operation(operation.inputs[0]) if operation.inputs else None
    for _ in range(12):
        if picture is None or any("asserted" in user.attributes for user in program.consumers(picture.output)):
            return None
        if picture.name in _DECODED:
            return Impossible(
                f"`{operation.name}` takes tensors whose size is known, and the pictures are "
                f"{show(picture.output.shape)}, as large as the files: they have to be resized or cropped first",
                (picture.output,),
            )
        others = [v for v in picture.inputs[1:] if not isinstance(v, Const) and getattr(v, "shape", None) != ()]
        if picture.kind not in _ELEMENTWISE or others or not picture.inputs:
            return None
        picture = program.operation(picture.inputs[0])
    return None


_CHECKS: dict[str, Callable[[Program, Operation], Impossible | None]] = {
    "matmul": _product, "convolution": _convolution, "pool": _pool, "recurrent": _recurrent, "add": _elementwise,
    "subtract": _elementwise, "multiply": _elementwise, "divide": _elementwise, "floordivide": _elementwise,
    "modulo": _elementwise, "power": _elementwise, "maximum": _elementwise, "minimum": _elementwise,
    "squared-difference": _elementwise, "compare": _compare, "concat": _concat, "stack": _stacked, "resize": _resize,
    "reshape": _reshape, "squeeze": _squeeze, "reduce": _axis, "argmax": _axis,
}  # fmt: skip
