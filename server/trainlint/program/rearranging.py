"""Operations that rearrange, set or state shapes, and that no run can carry out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainlint.program.dims import Symbol, show
from trainlint.program.impossible import Impossible, differ, is_labelled
from trainlint.program.values import NONE, Const, Id, SliceValue, Tensor, Tuple

if TYPE_CHECKING:
    from trainlint.program.dims import Dim
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value


def checked() -> frozenset[str]:
    """The kinds of operations that may be misshapen."""
    return frozenset(_CHECKS)


def misshapen(program: Program, operation: Operation) -> Impossible | None:
    """Why an operation that rearranges a tensor cannot be carried out; None where it can, or where that is unknown."""
    check = _CHECKS.get(operation.kind)
    return None if check is None else check(program, operation)


def _first(operation: Operation) -> tuple[Tensor, tuple[Dim, ...]] | None:
    """The operand and its shape, where both are known."""
    x = operation.inputs[0] if operation.inputs else None
    return (x, x.shape) if isinstance(x, Tensor) and x.shape is not None else None


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def _concat(program: Program, operation: Operation) -> Impossible | None:
    if operation.name.rsplit(".", 1)[-1] not in ("concat", "concatenate") or operation.layer is not None:
        return None
    for x in operation.inputs:
        if isinstance(x, Tensor) and x.shape == ():
            if operation.name == "tf.concat" and x.library == "python":
                return Impossible("`tf.concat` takes the tensors first and then the axis, since TensorFlow 1.0", (x,))
            return Impossible("a number without axes cannot be joined with others; `stack` makes an axis for it", (x,))
    return None


def _transpose(program: Program, operation: Operation) -> Impossible | None:
    known, order = _first(operation), operation.attributes.get("order")
    if known is None or not isinstance(order, tuple) or len(order) == len(known[1]):
        return None
    return Impossible(f"{show(known[1])} has {_axes(len(known[1]))}, but the order names {len(order)}", (known[0],))


def _expand(program: Program, operation: Operation) -> Impossible | None:
    known, axis = _first(operation), operation.attributes.get("axis")
    if known is None or not isinstance(axis, Const) or type(axis.value) is not int:
        return None
    rank = len(known[1])
    if -rank - 1 <= axis.value <= rank:
        return None
    return Impossible(f"there is no place for an axis {axis.value} in {show(known[1])}", (known[0],))


def _split(program: Program, operation: Operation) -> Impossible | None:
    known, axis = _first(operation), operation.attributes.get("axis")
    base = operation.name.rsplit(".", 1)[-1]
    if known is None or not isinstance(axis, int) or base == "array_split":
        return None
    x, shape = known
    size, number = shape[axis], operation.attributes.get("number")
    sizes = operation.attributes.get("sizes")
    if not isinstance(size, int):
        return None
    if isinstance(number, int) and number > 0:
        if base in ("unstack", "unpack") and size != number:
            return Impossible(f"axis {axis} of {show(shape)} has {size} parts, not {number}", (x,))
        if base == "split" and size % number:
            return Impossible(f"axis {axis} of {show(shape)} cannot be split into {number} equal parts", (x,))
    if isinstance(sizes, tuple) and all(isinstance(part, int) and part >= 0 for part in sizes) and sum(sizes) != size:
        return Impossible(f"the parts make {sum(sizes)} together, axis {axis} of {show(shape)} has {size}", (x,))
    return None


def _tile(program: Program, operation: Operation) -> Impossible | None:
    known, factors = _first(operation), operation.attributes.get("factors")
    if known is None or not isinstance(factors, tuple) or operation.name.startswith(("np.", "keras.")):
        return None
    if len(factors) == len(known[1]):
        return None
    return Impossible(f"{show(known[1])} has {_axes(len(known[1]))}, but {len(factors)} are repeated", (known[0],))


def _pad(program: Program, operation: Operation) -> Impossible | None:
    known, axes = _first(operation), operation.attributes.get("axes")
    if known is None or not isinstance(axes, int) or operation.name != "tf.pad" or axes == len(known[1]):
        return None
    return Impossible(f"{show(known[1])} has {_axes(len(known[1]))}, but {axes} are padded", (known[0],))


def _slice(program: Program, operation: Operation) -> Impossible | None:
    known, index = _first(operation), operation.attributes.get("index")
    if known is None or operation.name != "operator []" or index is None:
        return None
    x, shape = known
    parts = index.items if isinstance(index, Tuple) else (index,)
    plain = [part for part in parts if part != NONE and not _is_ellipsis(part)]
    if len(plain) < len([part for part in parts if not _is_ellipsis(part)]):
        return None  # new axes
    if not all(isinstance(part, SliceValue) or _is_int(part) for part in plain):
        return None  # arrays of numbers, masks, unknown things
    if len(plain) > len(shape):
        if x.library != "tf" and (0 in shape or not x.holds_numbers):
            # An entry of a table may be a text, an array may hold lists, and a list may be filled elsewhere.
            return None
        return Impossible(f"{show(shape)} has {_axes(len(shape))}, but {len(plain)} are indexed", (x,))
    if len(plain) < len(parts):
        return None
    for axis, (part, size) in enumerate(zip(plain, shape)):
        # A list that is empty when it is read may be filled by code that is not followed.
        if isinstance(part, Const) and isinstance(size, int) and size and not -size <= part.value < size:
            if is_labelled(program, x):
                return None
            return Impossible(f"there is no entry {part.value} along axis {axis} of {show(shape)}", (x,))
    return None


def _is_ellipsis(part: Value) -> bool:
    return isinstance(part, Const) and part.value is ...


def _is_int(part: Value) -> bool:
    return isinstance(part, Const) and type(part.value) is int


def _asserted(program: Program, operation: Operation) -> Impossible | None:
    known, shape = _first(operation), operation.attributes.get("asserted")
    if known is None or shape is None:
        return None
    if len(shape) == len(known[1]) and not any(map(differ, shape, known[1])):
        return None
    said = "`set_shape` only states a shape, `reshape` changes it" if operation.name == "tensor.set_shape" else "stated"
    return Impossible(f"the tensor is {show(known[1])}, not {show(shape)}: {said}", (known[0],))


def _assign(program: Program, operation: Operation) -> Impossible | None:
    if operation.name not in _ASSIGNING or len(operation.inputs) != 2:
        return None
    target, value = operation.inputs
    if not isinstance(target, Tensor) or not isinstance(value, Tensor) or target.shape is None or value.shape is None:
        return None
    validated = operation.arguments.get("validate_shape")
    variable = program.operation(target)
    if variable is None or variable.kind != "variable":
        return None
    flexible = [variable.arguments.get(name) for name in ("shape", "validate_shape")]
    if variable.name == "tf.Variable" and any(each is not None and each.given for each in flexible):
        return None
    if validated is not None and validated.given and validated.value != Const(True):
        return None
    if len(target.shape) == len(value.shape) and not any(map(differ, target.shape, value.shape)):
        return None
    return Impossible(f"the variable is {show(target.shape)}, what it is assigned {show(value.shape)}", (target, value))


_ASSIGNING = tuple(f"{owner}.assign{how}" for owner in ("tf", "tensor") for how in ("", "_add", "_sub"))


def _variable(program: Program, operation: Operation) -> Impossible | None:
    """In graphs a variable needs all its dimensions when it is made."""
    if operation.name == "tf.get_variable":
        return _sized(program, operation)
    initial = operation.inputs[0] if operation.inputs else None
    if operation.name != "tf.Variable" or program.generation != "1.x" or not isinstance(initial, Tensor):
        return None
    if not _is_graph(program):
        return None
    validated = operation.arguments.get("validate_shape")
    if (
        initial.library != "tf"
        or not initial.shape
        or (validated is not None and validated.given)
        or not any(_is_left_open(program, dim) for dim in initial.shape)
    ):
        return None
    return Impossible(
        f"a variable of the shape {show(initial.shape)}: how many rows there are is not known yet", (initial,)
    )


def _is_left_open(program: Program, dim: Dim) -> bool:
    """Whether a dimension is that of a placeholder whose declaration says None, not a number that is not known."""
    if not isinstance(dim, Symbol) or not dim.batch or not isinstance(dim.key, tuple):
        return False
    fed = next((program.operation(part) for part in dim.key if isinstance(part, Id)), None)
    declared = None if fed is None else fed.arguments.get("shape")
    return declared is None or not declared.given or NONE in program.items(declared.value)[:1]


def _sized(program: Program, operation: Operation) -> Impossible | None:
    """A shape with None in it, where numbers are needed."""
    if not operation.name.startswith("tf."):
        return None
    argument = operation.arguments.get("shape") or operation.arguments.get("dims")
    if None in program.defaults:
        return None  # None may be the default of a parameter, which is given where the function is used
    if argument is None or not argument.given or NONE not in program.items(argument.value)[:8]:
        return None
    # Outside of graphs `x.shape[0]` is a number.
    if argument.value == NONE or not _is_graph(program):
        return None
    return Impossible("the shape has None in it, where a number is needed", ())


_PASSING = ("cast", "identity", "add", "subtract", "multiply", "divide", "normalization")
"""What leaves the shape of a picture as it is."""


def _decoded(program: Program, tensor: Tensor) -> Operation | None:
    """The operation that reads a picture or numbers from a text, looked for through what leaves the shape alone."""
    for _ in range(16):
        operation = program.operation(tensor)
        if operation is None or "asserted" in operation.attributes:
            return None
        # Whoever states the shape of a tensor states it for all who hold it.
        if any("asserted" in user.attributes for user in program.consumers(operation.id)):
            return None
        if operation.kind == "data":
            return operation if operation.name.rsplit(".", 1)[-1].startswith("decode_") else None
        first = operation.inputs[0] if operation.inputs else None
        if operation.kind not in _PASSING or not isinstance(first, Tensor):
            return None
        tensor = first
    return None


def _queued(program: Program, operation: Operation) -> Impossible | None:
    """Queues of TensorFlow 1 need the size of what they hold."""
    if operation.name not in ("tf.train.batch", "tf.train.shuffle_batch"):
        return None
    given = (operation.arguments.get(name) for name in ("dynamic_pad", "shapes", "enqueue_many"))
    if any(argument is not None and argument.given for argument in given):
        return None
    known = _first(operation)
    if known is None or None not in known[1] or _decoded(program, known[0]) is None:
        return None
    reason = f"`{operation.name}` needs the whole shape, which is not known when the graph is built: {show(known[1])}"
    return Impossible(f"{reason}; `set_shape` states it, `resize` and `reshape` make one", (known[0],))


def _resized(program: Program, operation: Operation) -> Impossible | None:
    """In a graph nobody knows whether `decode_image` gives one picture or several."""
    x = operation.inputs[0] if operation.inputs else None
    if operation.name != "tf.image.resize" or not isinstance(x, Tensor):
        return None
    source = _decoded(program, x)
    if source is None or not source.name.endswith(".decode_image") or not _in_graph(program, operation):
        return None
    expands = source.arguments.get("expand_animations")
    if expands is not None and expands.given and expands.value != Const(True):
        return None
    how = "`expand_animations=False` gives one picture" if program.generation != "1.x" else "`decode_jpeg` gives one"
    return Impossible(f"`decode_image` may give a picture or a film, which `resize` has to know; {how}", (x,))


def _is_graph(program: Program) -> bool:
    """Whether the program builds a graph for sessions: only there a size that is not known while building is None."""
    found: bool = program.once(f"{__name__}.graph", _has_graph, lasts=True)
    return found


def _has_graph(program: Program) -> bool:
    queued = (each.name.startswith("tf.train.") for each in program.of_kind("stack"))
    return any(True for _ in program.of_kind("placeholder")) or any(True for _ in program.runs) or any(queued)


def _in_graph(program: Program, operation: Operation) -> bool:
    """Whether an operation is in a graph: one of TensorFlow 1, or that of a `map` of a dataset."""
    if program.generation == "1.x" and _is_graph(program):
        return True
    mapped = {
        record.place
        for _, record in program.objects
        if record.kind == "dataset" and record.fields.get("steps", ())[-1:] == ("map",)
    }
    return not mapped.isdisjoint(operation.context.calls)


_CHECKS: dict[str, Callable[[Program, Operation], Impossible | None]] = {
    "concat": _concat, "transpose": _transpose, "expand": _expand, "split": _split, "tile": _tile, "pad": _pad,
    "slice": _slice, "identity": _asserted, "assign": _assign, "variable": _variable, "constant": _sized,
    "random": _sized, "reshape": _sized, "stack": _queued, "resize": _resized,
}  # fmt: skip
