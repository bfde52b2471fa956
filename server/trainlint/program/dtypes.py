"""Types of elements that the program itself says, and operations of TensorFlow that cannot take them.

TensorFlow converts Python numbers and NumPy arrays to the type of the tensor that they meet, but never one tensor to
the type of another. What is allowed was tried with TensorFlow 2.21 (graphs of compat.v1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.element_types import FLOATS, INTEGERS
from trainlint.program.events import TypesPromoted
from trainlint.program.values import Api, Const, ListRecord, Ref, Tensor, Tuple, Value
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place


class Proof(Record):
    """A type, the operation that brings it into the program, and where it is written, if it is."""

    dtype: str
    source: Operation
    written: Place | None = None


class Mismatch(Record):
    """An operation whose operands have types that it does not take; `reason` says which, `silent` that it runs on."""

    operation: Operation
    reason: str
    proofs: tuple[Proof, ...]
    silent: bool = False


_SPELLED = {
    ("float", "float32"), ("double", "float64"), ("half", "float16"), ("str", "string"), ("bool_", "bool"),
    ("float_", "float64"), ("single", "float32"), ("int_", "int64"),
}  # fmt: skip
_DRAWN = frozenset(("rand", "randn", "random", "random_sample", "normal", "uniform", "standard_normal"))

_PASSING = frozenset((
    "reshape", "transpose", "expand_dims", "squeeze", "identity", "stop_gradient", "tile", "pad", "slice",
    "strided_slice", "gather", "negative", "square", "sqrt", "exp", "log", "abs", "sigmoid", "tanh", "relu", "relu6",
    "elu", "softplus", "softmax", "log_softmax", "leaky_relu", "max_pool", "max_pool2d", "avg_pool", "avg_pool2d",
    "dropout", "round", "floor", "ceil", "sign", "clip_by_value", "reduce_mean", "reduce_sum", "reduce_max",
    "reduce_min", "reduce_prod",
))  # fmt: skip
"""Functions whose result has the type of the first operand."""

_SAME = frozenset((
    "add", "subtract", "multiply", "divide", "floordivide", "modulo", "power", "maximum", "minimum",
    "squared-difference", "matmul", "convolution", "compare", "concat", "stack",
))  # fmt: skip
"""Kinds whose operands must have one type."""

_NAMED = frozenset((
    "tf.add", "tf.subtract", "tf.multiply", "tf.divide", "tf.truediv", "tf.div", "tf.mul", "tf.sub", "tf.pow",
    "tf.floordiv", "tf.floormod", "tf.mod", "tf.maximum", "tf.minimum", "tf.squared_difference", "tf.matmul",
    "tf.equal", "tf.not_equal", "tf.less", "tf.less_equal", "tf.greater", "tf.greater_equal", "tf.concat", "tf.stack",
    "tf.nn.conv1d", "tf.nn.conv2d", "tf.nn.conv3d", "tf.nn.depthwise_conv2d", "tf.nn.xw_plus_b",
    *(f"tf.math.{name}" for name in (
        "add", "subtract", "multiply", "divide", "truediv", "pow", "floordiv", "floormod", "mod", "maximum", "minimum",
        "squared_difference", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    )),
    "tf.linalg.matmul",
))  # fmt: skip
"""The functions that are known to insist on it; operators do too, except `==` and `!=`, which compare objects."""

_ARITHMETIC = frozenset(("add", "subtract", "multiply", "divide"))
_CONVERTING = _ARITHMETIC | {"matmul"}


class Types:
    """The proved types of a program, each looked for once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: dict[object, Proof | None] = {}

    def of(self, value: Value | None) -> Proof | None:
        """The proved type of an array or tensor, None where it is not."""
        operation = self.program.operation(value) if isinstance(value, Tensor) else None
        if operation is None:
            return None
        if operation.id not in self._known:
            self._known[operation.id] = None  # A circle proves nothing.
            self._known[operation.id] = self._prove(operation)
        return self._known[operation.id]

    def _prove(self, operation: Operation) -> Proof | None:
        kind, name, output = operation.kind, operation.name, operation.output
        if operation.layer is not None or output.dtype is None:
            return None
        if name.startswith("np."):
            return self._of_array(operation)
        if not name.startswith(("tf.", "operator", "tensor.")) or name.startswith(("tf.layers", "tf.contrib")):
            return None
        if kind == "placeholder":
            return _written(operation, output.dtype)
        if kind in ("constant", "random"):
            return self._of_source(operation, output.dtype)
        if kind == "variable":
            return self._of_variable(operation, output.dtype)
        if kind == "cast":
            dtype = operation.attributes.get("dtype")
            return Proof(dtype, operation) if isinstance(dtype, str) and dtype == output.dtype else None
        if kind == "argmax":
            given = [key for key in ("output_type", "*2", "*3") if key in operation.arguments]
            is_default = all(not operation.arguments[key].given for key in given)
            return Proof("int64", operation) if is_default and name in ("tf.argmax", "tf.math.argmax") else None
        if kind == "compare" and _insists(operation):
            return Proof("bool", operation)
        if kind == "one-hot" and name == "tf.one_hot":
            others = (operation.arguments.get(key) for key in ("on_value", "off_value"))
            if any(other is not None and other.given for other in others):
                return None
            return _written(operation, output.dtype) or (None if _has_dtype(operation) else Proof("float32", operation))
        if _is_passing(operation) and operation.inputs:
            proof = self.of(operation.inputs[0])
            return proof if proof is not None and proof.dtype == output.dtype else None
        if kind in _SAME and (name in _NAMED or name.startswith("operator")):
            return self._common(operation)
        return None

    def _of_array(self, operation: Operation) -> Proof | None:
        last = operation.name.rsplit(".", 1)[-1]
        is_drawn = operation.kind == "random" and operation.name.startswith("np.random.") and last in _DRAWN
        is_filled = operation.name in ("np.zeros", "np.ones", "np.eye", "np.identity") and not _has_dtype(operation)
        positions = operation.arguments.get("*1")
        if (is_drawn or (is_filled and positions is None)) and operation.output.dtype == "float64":
            # Without a size, a single number of Python is drawn.
            return Proof("float64", operation) if operation.output.shape else None
        return None

    def _of_source(self, operation: Operation, dtype: str) -> Proof | None:
        if _has_dtype(operation):
            return _written(operation, dtype)
        if operation.kind == "random":
            is_drawn = operation.name.startswith("tf.random.") and dtype == "float32"
            return Proof("float32", operation) if is_drawn else None
        if operation.name in ("tf.zeros", "tf.ones"):
            return Proof("float32", operation)
        value = operation.arguments.get("value")
        if operation.name == "tf.constant" and value is not None:
            plain = self._plain(value.value)
            if plain is not None:
                return Proof(plain, operation)
        return None

    def _plain(self, value: Value, depth: int = 0) -> str | None:
        """The type of a tensor that is made of a Python number or a list of some."""
        if isinstance(value, Const):
            return _PYTHON.get(type(value.value))
        record = self.program.record(value) if isinstance(value, Ref) else None
        items = value.items if isinstance(value, Tuple) else record.items if isinstance(record, ListRecord) else None
        if not items or depth > 4 or len(items) > 64:
            return None
        kinds = {self._plain(item, depth + 1) for item in items}
        if kinds == {"int32", "float32"}:
            return "float32"
        return kinds.pop() if len(kinds) == 1 else None

    def _of_variable(self, operation: Operation, dtype: str) -> Proof | None:
        if operation.name not in ("tf.Variable", "tf.get_variable"):
            return None
        if _has_dtype(operation):
            return _written(operation, dtype)
        initial = operation.arguments.get("initial_value") or operation.arguments.get("initializer")
        if operation.name == "tf.get_variable":
            for _, record in self.program.objects:
                if record.kind == "variable scope" and {"dtype", "custom_getter"} & _given(record.arguments):
                    return None
            if initial is None or not isinstance(initial.value, Tensor):
                is_default = initial is None or not initial.given or isinstance(initial.value, (Api, Ref, Const))
                return Proof("float32", operation) if is_default and dtype == "float32" else None
        if initial is None:
            return None
        if isinstance(initial.value, Tensor):
            return self.of(initial.value)
        plain = self._plain(initial.value)
        return None if plain is None else Proof(plain, operation)

    def _common(self, operation: Operation) -> Proof | None:
        proofs = [proof for proof in map(self.of, _tensors(operation)) if proof is not None]
        if not proofs or any(proof.dtype != proofs[0].dtype for proof in proofs):
            return None
        if operation.kind == "compare" or (operation.kind == "divide" and proofs[0].dtype not in FLOATS):
            return None
        return proofs[0]


_PYTHON = {int: "int32", float: "float32", bool: "bool", str: "string"}


def _given(arguments: object) -> set[str]:
    return {name for name, argument in arguments.items() if argument.given}  # type: ignore[attr-defined]


def _has_dtype(operation: Operation) -> bool:
    argument = operation.arguments.get("dtype")
    return argument is not None and argument.given


def _written(operation: Operation, dtype: str) -> Proof | None:
    """The type that a `dtype` argument states, if it is one that the tables of names are sure of."""
    argument = operation.arguments.get("dtype")
    if argument is None or not argument.given:
        return None
    value = argument.value
    if isinstance(value, Const) and isinstance(value.value, str):
        spelled = value.value
    elif isinstance(value, Api) and value.symbol.name.startswith(("tf.", "np.")):
        spelled = value.symbol.name.rsplit(".", 1)[-1]
    else:
        return None
    sure = spelled == dtype or (spelled, dtype) in _SPELLED
    return Proof(dtype, operation, argument.place) if sure else None


def _tensors(operation: Operation) -> Iterator[Tensor]:
    """The operands that are tensors of TensorFlow; what is none is converted."""
    for value in operation.inputs:
        if isinstance(value, Tensor) and value.library == "tf" and value.op is not None:
            yield value


def _is_passing(operation: Operation) -> bool:
    room, _, last = operation.name.rpartition(".")
    if room in ("tf", "tf.math", "tf.nn"):
        return last in _PASSING
    return operation.name in ("operator negative", "operator []")


def _insists(operation: Operation) -> bool:
    name = operation.name
    if operation.layer is not None:
        return False
    return name in _NAMED or (name.startswith("operator") and operation.attributes.get("operator") not in ("==", "!="))


def types(program: Program) -> Types:
    """The proved types of a program."""
    found: Types = program.once(f"{__name__}.types", Types)
    return found


def mismatches(program: Program) -> Iterator[Mismatch]:
    """The operations of TensorFlow whose operands are proved to have types that they do not take."""
    if any(True for _ in program.events_of(TypesPromoted)):
        return
    known = types(program)
    for operation in program.operations:
        if operation.context.guarded or operation.layer is not None:
            continue
        if operation.kind in _SAME:
            found = _of_pair(known, operation)
        else:
            check = _CHECKS.get(operation.kind)
            found = None if check is None else check(known, operation)
        if found is not None:
            yield found


def _of_pair(known: Types, operation: Operation) -> Mismatch | None:
    if not _insists(operation):
        return None
    operands = list(_tensors(operation))
    first = operation.inputs[0] if operation.inputs else None
    if operation.name.startswith("tf.") and operation.kind in _CONVERTING and len(operands) == 1:
        # A function converts its operands in order: an array that comes first keeps its own type.
        if isinstance(first, Tensor) and first.library == "np" and first is not operands[0]:
            operands = [first, *operands]
    proofs = [proof for proof in map(known.of, operands) if proof is not None]
    for other in proofs[1:]:
        if other.dtype != proofs[0].dtype:
            reason = f"one operand is {proofs[0].dtype}, the other {other.dtype}"
            return Mismatch(operation, reason, (proofs[0], other))
    if operation.kind in _ARITHMETIC and len(operation.inputs) == 2 and len(proofs) == 1:
        other_value = next((v for v in operation.inputs if isinstance(v, Tensor) and v.library == "python"), None)
        if other_value is not None and other_value.dtype == "float" and proofs[0].dtype in INTEGERS:
            reason = f"the tensor is {proofs[0].dtype}, and a number with a fraction is not converted to that"
            return Mismatch(operation, reason, (proofs[0],))
    return None


_CLASSES = frozenset(("int32", "int64"))


def _of_loss(known: Types, operation: Operation) -> Mismatch | None:
    function, name = operation.attributes.get("function"), operation.name
    if not name.startswith(("tf.nn.", "tf.losses.")) or operation.attributes.get("form") not in ("raw", "v1"):
        return None
    if name.startswith("tf.nn.") and any(argument.positional for argument in operation.arguments.values()):
        return None  # TensorFlow before 1.0 has the logits first.
    labels, scores = (known.of(operation.attributes.get(key)) for key in ("labels", "predictions"))
    if labels is None:
        return None
    if function == "sparse-softmax-cross-entropy":
        if labels.dtype not in _CLASSES:
            return Mismatch(operation, f"the class numbers are {labels.dtype}, not int32 or int64", (labels,))
    elif labels.dtype == "string":
        return Mismatch(operation, "the labels are texts", (labels,))
    elif name == "tf.nn.sigmoid_cross_entropy_with_logits" and scores is not None and scores.dtype != labels.dtype:
        reason = f"the labels are {labels.dtype}, the logits {scores.dtype}"
        return Mismatch(operation, reason, (labels, scores))
    return None


def _of_reduction(known: Types, operation: Operation) -> Mismatch | None:
    name = operation.name.rsplit(".", 1)[-1]
    if operation.name not in (f"tf.{name}", f"tf.math.{name}") or not operation.inputs:
        return None
    proof = known.of(operation.inputs[0])
    if proof is None:
        return None
    if proof.dtype in ("bool", "string") and name in ("reduce_mean", "reduce_sum", "reduce_prod"):
        return Mismatch(operation, f"what it computes with is {proof.dtype}", (proof,))
    if name == "reduce_mean" and proof.dtype in INTEGERS:
        reason = f"the mean of {proof.dtype} is {proof.dtype} too: what is behind the point is cut off"
        return Mismatch(operation, reason, (proof,), silent=True)
    return None


def _of_function(known: Types, operation: Operation) -> Mismatch | None:
    """Functions that exist for numbers with a fraction only."""
    if not operation.name.startswith(("tf.nn.", "tf.math.", "tf.")) or not operation.inputs:
        return None
    last = operation.name.rsplit(".", 1)[-1]
    proof = known.of(operation.inputs[0])
    if proof is not None and last in _FRACTIONS and proof.dtype not in FLOATS and "complex" not in proof.dtype:
        return Mismatch(operation, f"`{last}` takes no {proof.dtype}", (proof,))
    return None


_FRACTIONS = frozenset(("exp", "log", "sqrt", "sigmoid", "tanh", "softmax", "log_softmax", "elu", "softplus"))


def _of_indices(known: Types, operation: Operation) -> Mismatch | None:
    if not operation.name.startswith("tf."):
        return None
    for name in ("ids", "indices", "targets"):
        argument = operation.arguments.get(name)
        proof = None if argument is None else known.of(argument.value)
        if proof is not None and (proof.dtype in FLOATS or proof.dtype in ("bool", "string")):
            return Mismatch(operation, f"the {name} are {proof.dtype}, not whole numbers", (proof,))
    return None


_CHECKS = {
    "loss": _of_loss, "reduce": _of_reduction, "activation": _of_function, "exp": _of_function, "log": _of_function,
    "sqrt": _of_function, "embedding": _of_indices, "gather": _of_indices, "one-hot": _of_indices,
    "in-top-k": _of_indices,
}  # fmt: skip


__all__ = ["Mismatch", "Proof", "Types", "mismatches", "types"]
