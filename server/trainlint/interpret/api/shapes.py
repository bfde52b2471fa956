"""Operations that rearrange: reshape, transpose, concat, stack, one-hot, gather."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret import aliases, arrays, builtins
from trainlint.interpret.api.common import converted, library_of, numpy_type, operand, spelled, unknown_result
from trainlint.interpret.api.math import _axis_value, axes_of
from trainlint.interpret.api.registry import handles, method
from trainlint.interpret.joins import join_tensors
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program import dims
from trainlint.program.dims import Dim, Shape, product
from trainlint.program.values import NONE, UNKNOWN, Argument, Const, ListRecord, Tensor, Tuple, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.interpret.api.call import ApiCall

ROOMS = ("tf", "np", "keras.backend", "keras.ops")


def _tensor(call: ApiCall, index: int = 0, *names: str) -> tuple[Value, Tensor | None]:
    value = operand(call, index, *names)
    return value, arrays.as_tensor(call.machine, value, call.place)


def passed(call: ApiCall, kind: str, tensor: Tensor, shape: Shape, **attributes: object) -> Tensor:
    """The result of an operation that keeps the values and changes the shape."""
    encoding = tensor.encoding if kind in ("squeeze", "expand", "identity") or tensor.encoding == "class-ids" else None
    output = tensor.replace(shape=shape, op=None, encoding=encoding, library=library_of(call, tensor))
    return call.emit(kind, tensor, output=output, **attributes)


def reshaped(source: Shape, target: Shape, minus_one: int | None) -> Shape:
    """The shape of a reshape; the axis with -1 is worked out where that is possible."""
    if target is None:
        return None
    if minus_one is None:
        return target
    if source is None:
        return tuple(None if i == minus_one else d for i, d in enumerate(target))
    total = product(source)
    rest = product(d for i, d in enumerate(target) if i != minus_one)
    inferred: Dim = None
    if rest is not None and total is not None:
        inferred = dims.combine("//", total, rest)
        if isinstance(total, int) and isinstance(rest, int) and (rest == 0 or total % rest):
            inferred = None  # this stops with an error
        if isinstance(inferred, dims.Symbol) and total != rest:
            # batch * 28 * 28 // 784 is the batch.
            inferred = _cancel(source, [d for i, d in enumerate(target) if i != minus_one])
    elif rest is not None:
        inferred = _cancel(source, [d for i, d in enumerate(target) if i != minus_one])
    return tuple(inferred if i == minus_one else d for i, d in enumerate(target))


def _cancel(source: tuple[Dim, ...], others: list[Dim]) -> Dim:
    rest = list(source)
    for dim in list(others):
        if dim in rest and not isinstance(dim, int):
            rest.remove(dim)
            others.remove(dim)
    symbols = [d for d in rest if not isinstance(d, int)]
    numbers = product(d for d in rest if isinstance(d, int))
    divisor = product(others)
    if not isinstance(numbers, int) or not isinstance(divisor, int) or divisor == 0 or numbers % divisor:
        return None
    result: Dim = numbers // divisor
    for symbol in symbols:
        result = dims.combine("*", result, symbol)
    return result


@handles(*spelled("reshape", rooms=ROOMS))
@method("tensor", "reshape", "view")
def reshape(call: ApiCall) -> Value:
    value, tensor = _tensor(call, 0, "tensor", "a", "x")
    position = 0 if isinstance(call.receiver, Tensor) else 1
    given = call.arguments.positional[position:]
    if not given:
        argument = next(
            (call.arguments.keywords[k] for k in ("shape", "newshape") if k in call.arguments.keywords), None
        )
        target_value: Value = UNKNOWN if argument is None else call.machine.resolve(argument.value)
    elif isinstance(call.receiver, Tensor) and len(given) > 1:
        target_value = Tuple(items=tuple(a.value for a in given))
    else:
        target_value = call.machine.resolve(given[0].value)
    asked = target = arrays.as_shape(call.machine, target_value)
    minus_one = None
    if target is not None and -1 in target:
        minus_one = target.index(-1)
        target = tuple(None if d == -1 else d for d in target)
    if tensor is None:
        return call.emit("reshape", value, output=Tensor(shape=target, library=library_of(call)))
    shape = reshaped(tensor.shape, target, minus_one)
    return passed(call, "reshape", tensor, shape, target=asked)


@handles("tf.contrib.layers.flatten", "tf.layers.flatten", "keras.backend.batch_flatten", "tf.contrib.slim.flatten")
def flatten(call: ApiCall) -> Value:
    value, tensor = _tensor(call, 0, "inputs", "x")
    if tensor is None:
        return call.emit("flatten", value, output=Tensor(shape=(None, None)))
    return passed(call, "flatten", tensor, flat_shape(tensor.shape))


def flat_shape(shape: Shape) -> Shape:
    if shape is None or not shape:
        return None
    return (shape[0], product(shape[1:]))


@handles("np.ravel", "keras.backend.flatten")
@method("tensor", "resize")
def resize_in_place(call: ApiCall) -> Value:
    """`array.resize(shape)` of NumPy, which changes the array and gives nothing."""
    if isinstance(call.receiver, Tensor):
        aliases.changed_in_place(call.machine, call.receiver, call.place, resized=True)
    return NONE


@method("tensor", "ravel", "flatten")
def ravel(call: ApiCall) -> Value:
    value, tensor = _tensor(call)
    if tensor is None:
        return unknown_result(call, value, kind="reshape")
    return passed(call, "reshape", tensor, None if tensor.shape is None else (product(tensor.shape),))


@handles(*spelled("transpose", "permute_dimensions", "swapaxes", rooms=ROOMS))
@method("tensor", "transpose")
def transpose(call: ApiCall) -> Value:
    value, tensor = _tensor(call)
    if tensor is None or (isinstance(call.receiver, Tensor) and tensor.library == "tf"):
        return unknown_result(call, value, kind="transpose")  # tensors of TensorFlow have no such method
    position = 0 if isinstance(call.receiver, Tensor) else 1
    given = call.arguments.positional[position:]
    argument = next(
        (call.arguments.keywords[k] for k in ("perm", "axes", "pattern") if k in call.arguments.keywords), None
    )
    if argument is None and given:
        argument = (
            given[0]
            if len(given) == 1
            else Argument(value=Tuple(items=tuple(a.value for a in given)), place=given[0].place)
        )
    shape: Shape = None
    order = None
    if tensor.shape is not None:
        if argument is None or argument.value == Const(value=None):
            shape = tensor.shape[::-1]
        else:
            order = axes_of(call, call.machine.resolve(argument.value), len(tensor.shape))
            if call.name.endswith("swapaxes"):
                order = None
            if order is not None and len(order) == len(tensor.shape) and all(0 <= i < len(order) for i in order):
                shape = tuple(tensor.shape[i] for i in order)
    return passed(call, "transpose", tensor, shape, order=order)


@handles(*spelled("expand_dims", rooms=ROOMS))
def expand_dims(call: ApiCall) -> Value:
    value, tensor = _tensor(call)
    if tensor is None:
        return unknown_result(call, value, kind="expand")
    argument = next((call.arguments.keywords[k] for k in ("axis", "dim") if k in call.arguments.keywords), None)
    if argument is None and len(call.arguments.positional) > 1:
        argument = call.arguments.positional[1]
    axis = (
        call.machine.resolve(argument.value)
        if argument is not None
        else Const(value=-1 if call.name.startswith("keras") else None)
    )
    shape: Shape = None
    if tensor.shape is not None and isinstance(axis, Const) and isinstance(axis.value, int):
        position = axis.value if axis.value >= 0 else len(tensor.shape) + 1 + axis.value
        if 0 <= position <= len(tensor.shape):
            shape = (*tensor.shape[:position], 1, *tensor.shape[position:])
    return passed(call, "expand", tensor, shape, axis=axis)


@handles(*spelled("squeeze", rooms=ROOMS))
@method("tensor", "squeeze")
def squeeze(call: ApiCall) -> Value:
    value, tensor = _tensor(call)
    if tensor is None:
        return unknown_result(call, value, kind="squeeze")
    axis = next(
        (
            call.machine.resolve(call.arguments.keywords[k].value)
            for k in ("squeeze_dims",)
            if k in call.arguments.keywords
        ),
        None,
    )
    axes = axes_of(call, axis or _axis_value(call), tensor.rank)
    shape: Shape = None
    if tensor.shape is not None and axes is not None:
        if axes == ():
            # An unknown dimension might be 1 as well, and a symbolic one too where nothing else would be taken away.
            shape = tuple(d for d in tensor.shape if d != 1)
            if None in shape or (shape == tensor.shape and not all(isinstance(d, int) for d in shape)):
                shape = None
        elif all(0 <= i < len(tensor.shape) for i in axes):
            shape = tuple(d for i, d in enumerate(tensor.shape) if i not in axes)
    return passed(call, "squeeze", tensor, shape)


def joined_tensors(call: ApiCall, value: Value) -> list[Tensor] | None:
    items = builtins.items_of(call.machine, value)
    if items is None:
        return None
    tensors = [arrays.as_tensor(call.machine, call.machine.resolve(item), call.place) for item in items]
    return None if any(t is None for t in tensors) or not tensors else tensors  # type: ignore[return-value]


def concat_shape(shapes: list[Shape], axis: int) -> Shape:
    if any(shape is None for shape in shapes):
        return None
    rank = len(shapes[0])  # type: ignore[arg-type]
    axis = axis + rank if axis < 0 else axis
    if any(len(shape) != rank for shape in shapes) or not 0 <= axis < rank:  # type: ignore[arg-type]
        return None
    total: Dim = 0
    for shape in shapes:
        total = dims.combine("+", total, shape[axis])  # type: ignore[index]
    result: list[Dim] = []
    for i in range(rank):
        if i == axis:
            result.append(total)
            continue
        options = [shape[i] for shape in shapes]  # type: ignore[index]
        known = [d for d in options if d is not None]
        same = known and all(d == known[0] or (dims.is_batch(d) and dims.is_batch(known[0])) for d in known)
        result.append(known[0] if same else None)
    return tuple(result)


@handles(
    *spelled("concat", "concatenate", rooms=ROOMS),
    "np.vstack",
    "np.hstack",
    "np.append",
    "np.r_",
    "keras.layers.concatenate",
)
def concat(call: ApiCall) -> Value:
    base = call.name.rsplit(".", 1)[-1]
    values_first = [call.machine.resolve(a.value) for a in call.arguments.positional]
    source = operand(call, 0, "values", "tensors", "arrays", "inputs", "xs", "tup")
    axis: Value = Const(value=-1 if call.name.startswith(("keras.backend", "keras.layers")) else 0)
    argument = next((call.arguments.keywords[k] for k in ("axis", "concat_dim") if k in call.arguments.keywords), None)
    if argument is not None:
        axis = call.machine.resolve(argument.value)
    elif base in ("vstack", "hstack"):
        axis = Const(value=0 if base == "vstack" else 1)
    elif base == "append":
        source = Tuple(items=tuple(values_first[:2]))
        axis = values_first[2] if len(values_first) > 2 else Const(value=None)
    elif len(values_first) > 1:
        axis = values_first[1]
        if isinstance(source, Const) and isinstance(source.value, int):
            # TensorFlow 0.x: tf.concat(axis, values)
            source, axis = values_first[1], source
    tensors = joined_tensors(call, source)
    if tensors is None:
        return call.emit("concat", *arrays.parts_in(call.machine, source), output=Tensor(library=library_of(call)))
    result = tensors[0]
    for tensor in tensors[1:]:
        result = join_tensors(result, tensor)
    shape: Shape = None
    flat = base in ("vstack", "hstack") and any(not t.shape or len(t.shape) < 2 for t in tensors)
    if isinstance(axis, Const) and isinstance(axis.value, int) and not flat:
        shape = concat_shape([t.shape for t in tensors], axis.value)
    elif flat and all(t.shape is not None and len(t.shape) == 1 for t in tensors):
        # NumPy stacks vectors as rows, or one behind the other.
        lengths = [t.shape for t in tensors]
        shape = concat_shape(lengths, 0) if base == "hstack" else (len(tensors), *lengths[0])  # type: ignore[misc]
    result = side_by_side(result, tensors, axis.value if isinstance(axis, Const) else None)
    result = result.replace(shape=shape, op=None, library=library_of(call, *tensors))
    return call.emit("concat", *tensors, output=result, axis=axis)


def side_by_side(joined: Tensor, parts: Sequence[Tensor], axis: object) -> Tensor:
    """Several distributions or one-hot rows side by side are none any more; one behind the other they are."""
    rank = parts[0].rank
    is_along_classes = axis == -1 or not isinstance(axis, int) or rank is None or axis == rank - 1
    if len(parts) < 2 or not is_along_classes:
        return joined
    activation = None if joined.activation == "softmax" else joined.activation
    return joined.replace(activation=activation, encoding=None if joined.encoding == "one-hot" else joined.encoding)


@handles(*spelled("stack", rooms=ROOMS), "tf.pack", "np.column_stack", "np.dstack")
def stack(call: ApiCall) -> Value:
    source = operand(call, 0, "values", "arrays", "x", "tup")
    tensors = joined_tensors(call, source)
    axis_value = call.arguments.keywords.get("axis") or (
        call.arguments.positional[1] if len(call.arguments.positional) > 1 else None
    )
    axis = call.machine.resolve(axis_value.value) if axis_value is not None else Const(value=0)
    if tensors is None:
        whole = arrays.as_tensor(call.machine, source)
        if isinstance(source, Tensor) and not source.holds_numbers:
            whole = None  # an array may hold arrays, which come out of it here
        if whole is not None and axis == Const(value=0):
            return call.emit(
                "stack",
                *arrays.tensors_in(call.machine, source),
                output=whole.replace(op=None, library=library_of(call)),
            )
        return call.emit("stack", *arrays.parts_in(call.machine, source), output=Tensor(library=library_of(call)))
    result = tensors[0]
    shape = result.shape
    for tensor in tensors[1:]:
        result = join_tensors(result, tensor)
        shape = result.shape
    if shape is not None and isinstance(axis, Const) and isinstance(axis.value, int):
        position = axis.value if axis.value >= 0 else len(shape) + 1 + axis.value
        shape = (*shape[:position], len(tensors), *shape[position:]) if 0 <= position <= len(shape) else None
    else:
        shape = None
    if call.name == "np.column_stack" or call.name == "np.dstack":
        shape = None
    return call.emit("stack", *tensors, output=result.replace(shape=shape, op=None, library=library_of(call, *tensors)))


def _repeated(call: ApiCall, shape: tuple[Dim, ...], times: int) -> Shape:
    """The shape after each item, or each row of an axis, has come several times."""
    position = 1 if isinstance(call.receiver, Tensor) else 2
    axis: Value = Const(value=None)
    if len(call.arguments.positional) > position:
        axis = call.machine.resolve(call.arguments.positional[position].value)
    elif "axis" in call.arguments.keywords:
        axis = call.machine.resolve(call.arguments.keywords["axis"].value)
    if not isinstance(axis, Const) or call.arguments.open:
        return None
    if axis.value is None:
        return (dims.combine("*", product(shape), times),)
    if type(axis.value) is not int or not -len(shape) <= axis.value < len(shape):
        return None
    place = axis.value % len(shape)
    return tuple(dims.combine("*", d, times) if i == place else d for i, d in enumerate(shape))


def _divides(count: int, size: Dim) -> bool:
    return isinstance(size, int) and count > 0 and size % count == 0


@handles("tf.unstack", "tf.unpack", "tf.split", "np.split", "keras.ops.split", "np.array_split", "keras.ops.unstack")
def split(call: ApiCall) -> Value:
    base = call.name.rsplit(".", 1)[-1]
    value, tensor = _tensor(call, 0, "value", "x", "ary")
    if call.name == "tf.split" and len(call.arguments.positional) > 2 and isinstance(value, Const):
        # TensorFlow 0.x: tf.split(axis, number, value).
        axis_, number_, value_, *rest = call.arguments.positional
        call.arguments.positional[:] = [value_, number_, axis_, *rest]
        value, tensor = _tensor(call, 0, "value", "x", "ary")
    if tensor is None:
        call.emit("split", value, output=Tensor(library=library_of(call)))
        return call.opaque()
    axis_argument = call.arguments.keywords.get("axis") or (
        call.arguments.positional[2] if len(call.arguments.positional) > 2 else None
    )
    axis_value = call.machine.resolve(axis_argument.value) if axis_argument is not None else Const(value=0)
    axis = axis_value.value if isinstance(axis_value, Const) and isinstance(axis_value.value, int) else None
    count: Dim = None
    part: Shape = None
    facts: dict[str, Any] = {}
    if tensor.shape is not None and axis is not None and -len(tensor.shape) <= axis < len(tensor.shape):
        axis = axis % len(tensor.shape)
        facts.update(axis=axis)
        if base in ("unstack", "unpack"):
            asked = arrays.as_dim(operand(call, 1, "num"))
            facts.update(number=asked)
            count = tensor.shape[axis]
            if not isinstance(count, int):
                count = asked
            part = (*tensor.shape[:axis], *tensor.shape[axis + 1 :])
        else:
            sections = operand(call, 1, "num_or_size_splits", "indices_or_sections")
            if isinstance(sections, Const) and isinstance(sections.value, int):
                count = sections.value
                facts.update(number=count)
                size = dims.combine("//", tensor.shape[axis], count)
                if base == "array_split" and not _divides(count, tensor.shape[axis]):
                    size = None  # the first ones get one more
                part = (*tensor.shape[:axis], size, *tensor.shape[axis + 1 :])
            else:
                by_index = call.name.startswith(("np.", "keras.ops."))
                sizes = arrays.as_shape(call.machine, sections)
                if by_index:
                    cuts = builtins.items_of(call.machine, sections)
                    sizes = None if cuts is None else _between(list(map(arrays.as_dim, cuts)), tensor.shape[axis])
                elif sizes is not None and -1 in sizes:
                    others: Dim = 0
                    for d in sizes:
                        others = dims.combine("+", others, 0 if d == -1 else d)
                    remainder = dims.combine("-", tensor.shape[axis], others)
                    sizes = tuple(remainder if d == -1 else d for d in sizes)
                if sizes is not None:
                    if not by_index:
                        facts.update(sizes=sizes)
                    parts = [
                        call.emit(
                            "split",
                            tensor,
                            output=tensor.replace(shape=(*tensor.shape[:axis], d, *tensor.shape[axis + 1 :]), op=None),
                            tag=f"part{i}",
                            **facts,
                        )
                        for i, d in enumerate(sizes)
                    ]
                    return call.machine.new(call.place, ListRecord(items=tuple(parts)), "parts")
    if count is None and base not in ("unstack", "unpack"):
        count = _number_of_parts(call)
    whole = tensor.replace(shape=part, op=None, library=library_of(call, tensor))
    if isinstance(count, int) and count <= 64:
        items = tuple(call.emit("split", tensor, output=whole, tag=f"part{i}", **facts) for i in range(count))
        return call.machine.new(call.place, ListRecord(items=items), "parts")
    element = call.emit("split", tensor, output=whole, **facts)
    return call.machine.new(call.place, ListRecord(items=None, element=element, length=count), "parts")


def _number_of_parts(call: ApiCall) -> int | None:
    sections = operand(call, 1, "num_or_size_splits", "indices_or_sections")
    if isinstance(sections, Const):
        return sections.value if isinstance(sections.value, int) else None
    items = builtins.items_of(call.machine, sections)
    return None if items is None else len(items) + call.name.startswith(("np.", "keras.ops."))


def _between(cuts: Sequence[Dim], size: Dim) -> tuple[Dim, ...]:
    """The sizes of the parts of an axis that is cut in front of each of these indices, as slices are."""
    ends: list[Dim] = []
    for cut in (0, *cuts, size):
        if isinstance(cut, int) and isinstance(size, int):
            cut = min(cut, size) if cut >= 0 else max(0, cut + size)
        ends.append(None if isinstance(cut, int) and cut < 0 else cut)
    sizes = [dims.combine("-", end, start) for start, end in itertools.pairwise(ends)]
    return tuple(max(0, size) if isinstance(size, int) else size for size in sizes)


@handles(
    "tf.tile",
    "np.tile",
    "keras.ops.tile",
    "keras.backend.tile",
    "np.repeat",
    "tf.repeat",
    "keras.backend.repeat_elements",
    "keras.ops.repeat",
    "tf.broadcast_to",
    "np.broadcast_to",
)
@method("tensor", "repeat")
def tile(call: ApiCall) -> Value:
    value, tensor = _tensor(call)
    if tensor is None:
        return unknown_result(call, value, kind="tile")
    base = call.name.rsplit(".", 1)[-1]
    shape: Shape = None
    amount = operand(call, 1, "multiples", "reps", "repeats", "n", "shape")
    factors = None
    if base == "tile":
        factors = arrays.as_shape(call.machine, amount)
        if factors is not None and tensor.shape is not None and len(factors) == len(tensor.shape):
            shape = tuple(dims.combine("*", a, b) for a, b in zip(tensor.shape, factors))
    elif base == "broadcast_to":
        shape = arrays.as_shape(call.machine, amount)
    elif tensor.shape is not None and isinstance(amount, Const) and type(amount.value) is int and amount.value >= 0:
        shape = _repeated(call, tensor.shape, amount.value)
    return passed(call, "tile", tensor, shape, factors=factors)


@handles(
    "tf.one_hot",
    "keras.backend.one_hot",
    "keras.ops.one_hot",
    "keras.utils.to_categorical",
    "tf.contrib.layers.one_hot_encoding",
    "keras.utils.np_utils.to_categorical",
)
def one_hot(call: ApiCall) -> Value:
    value, tensor = _tensor(call, 0, "indices", "y", "x", "labels")
    depth = arrays.as_dim(operand(call, 1, "depth", "num_classes"))
    if depth is None and "nb_classes" in call.arguments.keywords:
        depth = arrays.as_dim(call.machine.resolve(call.arguments.keywords["nb_classes"].value))
    if (
        depth is None
        and tensor is not None
        and tensor.high is not None
        and math.isfinite(tensor.high)
        and "categorical" in call.name
    ):
        depth = int(tensor.high) + 1
    shape: Shape = None
    if tensor is not None and tensor.shape is not None:
        base = tensor.shape
        if "categorical" in call.name and len(base) > 1 and base[-1] == 1:
            base = base[:-1]  # to_categorical drops a last axis of 1
        shape = (*base, depth)
    axis = call.known("axis") if call.given("axis") is not None else -1
    if shape is not None and axis not in (-1, len(shape) - 1):
        shape = None
    plain = call.given("on_value") is None and call.given("off_value") is None
    dtype: str | None = call.dtype("dtype") if call.given("dtype") is not None else "float32" if plain else None
    if "categorical" in call.name and call.given("dtype") is None:
        dtype = None  # the type has changed over the years
    output = Tensor(
        shape=shape,
        dtype=dtype,
        low=0.0 if plain else None,
        high=1.0 if plain else None,
        values=(0.0, 1.0) if plain else None,
        encoding="one-hot",
        library=library_of(call) if "utils" not in call.name else "np",
        rms=1 / math.sqrt(depth) if isinstance(depth, int) and depth > 0 else None,
    )
    return call.emit("one-hot", tensor if tensor is not None else value, output=output, depth=depth)


@handles(
    "tf.gather",
    "tf.gather_nd",
    "tf.boolean_mask",
    "np.take",
    "keras.backend.gather",
    "keras.ops.take",
    "tf.batch_gather",
    "np.take_along_axis",
)
def gather(call: ApiCall) -> Value:
    value, tensor = _tensor(call, 0, "params", "tensor", "a", "reference", "x")
    index, index_tensor = _tensor(call, 1, "indices", "mask")
    if tensor is None:
        return unknown_result(call, value, index, kind="gather")
    shape: Shape = None
    if call.name in ("tf.gather", "np.take", "keras.backend.gather", "keras.ops.take") and index_tensor is not None:
        shape = _taken(call, tensor, index_tensor)
    elif (
        call.name == "tf.boolean_mask"
        and tensor.shape is not None
        and index_tensor is not None
        and index_tensor.rank == 1
        and call.known("axis") in (None, 0)
    ):
        shape = (None, *tensor.shape[1:])
    elif call.name == "tf.gather_nd":
        shape = _picked(call, tensor, index_tensor)
    output = tensor.replace(shape=shape, op=None, library=library_of(call, tensor), encoding=None)
    return call.emit("gather", tensor, index_tensor if index_tensor is not None else index, output=output)


def _picked(call: ApiCall, tensor: Tensor, index: Tensor | None) -> Shape:
    """The shape of what indices of several axes pick: the last axis of the indices counts them."""
    batched = call.given("batch_dims") is not None and call.known("batch_dims") != 0
    if index is None or not index.shape or tensor.shape is None or batched:
        return None
    depth = index.shape[-1]
    if not isinstance(depth, int) or depth > len(tensor.shape):
        return None
    return (*index.shape[:-1], *tensor.shape[depth:])


def _taken(call: ApiCall, tensor: Tensor, index: Tensor) -> Shape:
    """The shape of what indices pick along an axis."""
    axis = call.known("axis") if "axis" in call.bound else MISSING if call.arguments.open else 0
    if index.shape is None or axis is MISSING or ("batch_dims" in call.bound and call.known("batch_dims") != 0):
        return None
    if axis is None and call.name != "tf.gather":
        # NumPy and keras.ops take from the flattened array.
        return index.shape
    axis = axis or 0
    if tensor.shape is None or not isinstance(axis, int) or not -len(tensor.shape) <= axis < len(tensor.shape):
        return None
    axis %= len(tensor.shape)
    return (*tensor.shape[:axis], *index.shape, *tensor.shape[axis + 1 :])


@handles(
    "tf.shape",
    "np.shape",
    "keras.backend.shape",
    "keras.ops.shape",
    "keras.backend.int_shape",
    "tf.size",
    "keras.backend.ndim",
    "tf.rank",
    "np.ndim",
)
def shape_of(call: ApiCall) -> Value:
    _value, tensor = _tensor(call)
    base = call.name.rsplit(".", 1)[-1]
    if base in ("int_shape",) or call.name == "np.shape":
        if tensor is None or tensor.shape is None:
            return call.opaque()
        return Tuple(items=tuple(arrays.dim_value(d) for d in tensor.shape))
    if base in ("size", "rank", "ndim"):
        if base != "size" and tensor is not None and tensor.rank is not None:
            return Const(value=tensor.rank)
        return call.emit("data", output=Tensor(shape=(), dtype="int32", low=0.0, high=math.inf))
    shape = tensor.shape if tensor is not None else None
    dtype = "int32" if call.given("out_type") is None else call.dtype("out_type")
    output = Tensor(shape=(len(shape),) if shape is not None else (None,), dtype=dtype, low=0.0, high=math.inf)
    # The tensor is not an input: asking for its shape is no use of its values.
    return call.emit("data", output=output, shape=shape)


def _border(call: ApiCall) -> Tensor:
    """What is put around an array: zeros where the call names nothing else."""
    if call.arguments.open or "end_values" in call.arguments.keywords:
        return Tensor()
    named = call.arguments.keywords.get("constant_values")
    if named is None and len(call.arguments.positional) > 3:
        named = call.arguments.positional[3]
    if named is None or named.value == Const(value=None):
        return Tensor(shape=(), low=0.0, high=0.0)
    # Only some sides may get the numbers, and other modes do not use them.
    tensor = arrays.as_tensor(call.machine, named.value) or Tensor()
    ends = (
        None if tensor.low is None else min(0.0, tensor.low),
        None if tensor.high is None else max(0.0, tensor.high),
    )
    return Tensor(low=ends[0], high=ends[1])


@handles("tf.pad", "np.pad", "keras.ops.pad")
def pad(call: ApiCall) -> Value:
    value, tensor = _tensor(call)
    if tensor is None:
        return unknown_result(call, value, kind="pad")
    border = _border(call)
    low = None if tensor.low is None or border.low is None else min(border.low, tensor.low)
    high = None if tensor.high is None or border.high is None else max(border.high, tensor.high)
    shape: Shape = None if tensor.shape is None else (None,) * len(tensor.shape)
    amounts = builtins.items_of(call.machine, operand(call, 1, "paddings", "pad_width"))
    if amounts is not None and tensor.shape is not None and len(amounts) == len(tensor.shape):
        sizes: list[Dim] = []
        for dim, amount in zip(tensor.shape, amounts):
            pair = arrays.as_shape(call.machine, call.machine.resolve(amount))
            total = dims.combine("+", pair[0], pair[1]) if pair is not None and len(pair) == 2 else None
            sizes.append(dims.combine("+", dim, total))
        shape = tuple(sizes)
    return call.emit(
        "pad",
        tensor,
        output=tensor.replace(shape=shape, low=low, high=high, values=None, op=None, rms=None, encoding=None),
        axes=None if amounts is None else len(amounts),
    )


@handles(
    "np.array",
    "np.asarray",
    "np.asfarray",
    "np.ascontiguousarray",
    "np.asanyarray",
    "np.float32",
    "np.float64",
    "np.int32",
    "np.int64",
    "np.matrix",
)
def array(call: ApiCall) -> Value:
    value = operand(call, 0, "object", "a")
    tensor = arrays.as_tensor(call.machine, value, call.place)
    if tensor is None:
        inputs = tuple(arrays.tensors_in(call.machine, value))
        if inputs:
            call.emit("opaque", *inputs, output=Tensor(library="np"))
        return unknown(getattr(value, "reason", "") or "the content of an array is unknown", call.place)
    base = call.name.rsplit(".", 1)[-1]
    dtype = numpy_type(tensor.dtype)
    if base in ("float32", "float64", "int32", "int64"):
        dtype = base
        tensor = converted(tensor, dtype)
    elif call.given("dtype") is not None and call.known("dtype") is not None:
        dtype = call.dtype("dtype")
        tensor = converted(tensor, dtype)
    if call.given("ndmin") is not None or (base == "matrix" and tensor.rank != 2):
        tensor = tensor.replace(shape=None)
    elif base == "ascontiguousarray" and tensor.shape == ():
        tensor = tensor.replace(shape=(1,))
    inputs = (tensor,) if tensor.op is not None else tuple(arrays.tensors_in(call.machine, value))[:64]
    encoding = tensor.encoding
    if (
        encoding is None
        and tensor.values is not None
        and tensor.shape is not None
        and len(tensor.shape) == 1
        and dtype
        and dtype.startswith("int")
    ):
        if tensor.values == tuple(float(i) for i in range(len(tensor.values))) and len(tensor.values) >= 2:
            encoding = "class-ids"
    output = tensor.replace(op=None, library="np", dtype=dtype, encoding=encoding)
    return call.emit("data" if not inputs else "identity", *inputs, output=output)
