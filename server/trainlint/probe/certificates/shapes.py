"""Certificates of rules about shapes, types and what is wired to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.probe.certificates.request import (
    Checks,
    Decision,
    Readings,
    Request,
    acquitted,
    certifies,
    computed,
    confirmed,
    follows,
    harmless,
)
from trainlint.program.contradictions import contradictions
from trainlint.program.dims import is_batch
from trainlint.program.dtypes import mismatches
from trainlint.program.liveness import liveness
from trainlint.program.values import Const, Tensor
from trainlint.program.weights import constant

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json
    from trainlint.program.dims import Shape
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

ROWS = 61
"""Rows of a batch where an operation has to know them: prime, so that they divide into nothing."""

_MEETING = ("squared-difference", "subtract", "multiply", "loss", "compare", "divide", "add")


@certifies("silent-loss-broadcast")
def _broadcast(r: Request) -> Checks | str:
    operation = r.of_kind(*_MEETING)
    if operation is not None and operation.kind == "loss":
        return _loss_operands(r, operation)
    node = r.node(operation)
    if node is None:
        return "the operation in which labels meet predictions cannot be rebuilt"

    def decide(readings: Readings) -> Decision:
        shape, rows = readings[0]["shape"], readings[0]["rows"]
        pairs = " x ".join(str(size) for size in shape)
        return computed(
            list(shape).count(rows) >= 2,
            f"the operand of the loss has {pairs} values for {rows} rows; every row meets every other",
            f"the operand of the loss has the shape {list(shape)}",
        )

    return Checks(({"check": "shape", "node": node},), decide)


def _loss_operands(r: Request, loss: Operation) -> Checks | str:
    """What the two operands of a loss that reduces its result by itself broadcast to."""
    nodes = [r.node(r.program.operation(value)) for value in loss.inputs[:2]]
    if len(nodes) < 2 or None in nodes:
        return "what the loss compares cannot be rebuilt"

    def decide(readings: Readings) -> Decision | str:
        labels, answers, rows = readings[0]["shape"], readings[1]["shape"], readings[0]["rows"]
        if {len(labels), len(answers)} == {1, 2} and rows in labels and 1 in (*labels[1:], *answers[1:]):
            text = f"labels of shape {labels} against answers of shape {answers} give {[rows, rows]}"
            return confirmed(f"{text}; every row meets every other")
        if len(labels) == len(answers) and labels != answers:
            wide = [max(one, other) for one, other in zip(labels, answers)]
            return confirmed(
                f"labels of shape {labels} against answers of shape {answers} give {wide}: one label stands for "
                "several answers"
            )
        return harmless(f"labels of shape {labels} meet answers of shape {answers}")

    return Checks(tuple({"check": "shape", "node": node} for node in nodes), decide)


@certifies("silent-loss-broadcast", network=False)
def _broadcast_known(r: Request) -> Decision | None:
    """Shapes that are known in full broadcast by NumPy's rule, in every version."""
    operation = r.of_kind(*_MEETING)
    if operation is None or len(operation.inputs) < 2:
        return None
    given = [r.program.tensor(value) for value in operation.inputs[:2]]
    shapes = [_numbers(tensor.shape) if tensor is not None else None for tensor in given]
    if shapes[0] is None or shapes[1] is None or {len(shapes[0]), len(shapes[1])} != {1, 2}:
        return None
    flat, deep = sorted(shapes, key=lambda shape: len(shape or ()))
    assert flat is not None and deep is not None
    if deep[1] == 1 and flat[0] == deep[0] and flat[0] > 1:
        return follows(f"{flat} against {deep} gives {[flat[0], flat[0]]}, in which every row meets every other")
    return None


@certifies("output-rank-not-reduced")
def _rank(r: Request) -> Checks | str:
    labels = next((n for n, s in r.written.graph["sources"].items() if s["role"] == "labels"), None)
    if labels is None or r.written.exporter.entries[labels].output.shape is None:
        return "the shape of the labels is not known"
    proof = follows(r.finding.message)

    def decide(readings: Readings) -> Decision:
        answer, truth = readings[0]["shape"], readings[1]["shape"]
        worse = len(answer) > len(truth) + 1 or (len(answer) > 2 and len(answer) > len(truth))
        return computed(worse, f"answers of shape {list(answer)} for labels of shape {list(truth)}")

    return Checks(({"check": "shape", "node": r.predictions}, {"check": "shape", "node": labels}), decide, proof)


@certifies("output-rank-not-reduced", network=False)
def _places(r: Request) -> Decision:
    return follows(r.finding.message)


def _numbers(shape: Shape) -> list[int] | None:
    """A shape as numbers, with the batch as `ROWS`; None where something else is open."""
    if shape is None:
        return None
    found = []
    for dim in shape:
        if is_batch(dim):
            found.append(ROWS)
        elif isinstance(dim, int):
            found.append(dim)
        else:
            return None
    return found


# What stops with an error ---------------------------------------------------------------------------------------------


def refusal(readings: Readings) -> Decision:
    """Confirmed where the installed framework raises, not reproduced where it goes on."""
    error, library = readings[0]["error"], readings[0]["library"]
    text = f"{library} stops there with {error.rstrip('.')}" if error else f"{library} builds this without an error"
    return computed(bool(error), text)


@certifies("shape-contradiction", network=False)
def _contradiction(r: Request) -> Checks | Decision | None:
    found = next((each for each in contradictions(r.program) if each.place == r.finding.place), None)
    if found is None:
        return None
    proof = follows(r.finding.message.replace(": this stops with an error", ""))
    check = _fed(found.operation, found.fed) if found.fed is not None else _rebuilt(r.program, found.operation)
    return proof if check is None else Checks((check,), refusal, proof)


def _fed(operation: Operation, fed: Shape) -> Json | None:
    declared, given = operation.attributes.get("declared") or operation.output.shape, _numbers(fed)
    if declared is None or given is None or operation.kind != "placeholder":
        return None
    sizes = [dim if isinstance(dim, int) else None for dim in declared]
    return {"check": "operation", "kind": "fed", "operands": [], "declared": sizes, "fed": given}


_BUILT = frozenset((
    "matmul", "add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "squared-difference", "concat",
))  # fmt: skip


def _rebuilt(program: Program, operation: Operation) -> Json | None:
    """The same operation of tensors with the same shapes; None where there is no check for it."""
    tensors = [program.tensor(value) for value in operation.inputs]
    shapes = [_sizes(tensor) for tensor in tensors]
    if operation.kind == "recurrent" and shapes and shapes[0] is not None:
        name = operation.name.rsplit(".", 1)[-1]
        if operation.name.startswith("keras.layers.") and name in ("LSTM", "GRU", "SimpleRNN"):
            return {"check": "layer", "layer": name, "arguments": {"units": 8}, "shape": shapes[0][1:]}
        return None
    if not shapes or any(shape is None for shape in shapes):
        return None
    operands = [{"shape": shape} for shape in shapes]
    if operation.kind == "reshape":
        target, given = operation.attributes.get("target"), _numbers(tensors[0].shape)  # type: ignore[union-attr]
        if not isinstance(target, tuple) or given is None or not all(isinstance(size, int) for size in target):
            return None
        return {
            "check": "operation",
            "kind": "reshape",
            "operands": [{"shape": given}],
            "target": list(target),
        }
    if operation.kind == "loss" and operation.attributes.get("form") == "raw" and len(operands) == 2:
        function = str(operation.attributes.get("function"))
        if function == "sparse-softmax-cross-entropy":
            operands[0]["dtype"] = "int64"  # type: ignore[assignment]
        return {"check": "operation", "kind": "loss", "function": function, "operands": operands}
    if operation.kind in _BUILT and len(operands) >= 2:
        check: Json = {"check": "operation", "kind": operation.kind, "operands": operands}
        axis = operation.attributes.get("axis")
        if operation.kind == "concat" and isinstance(axis, int):
            check["axis"] = axis
        for name in ("transpose_a", "transpose_b"):
            argument = operation.arguments.get(name)
            if argument is not None and isinstance(argument.value, Const):
                check[name] = argument.value.value is True
        return check
    return None


def _sizes(tensor: Tensor | None) -> list[int | None] | None:
    if tensor is None or tensor.shape is None:
        return None
    return [dim if isinstance(dim, int) else None for dim in tensor.shape]


@certifies("dtype-contradiction", network=False)
def _types(r: Request) -> Checks | Decision | None:
    for found in mismatches(r.program):
        places = {found.operation.place, *(p.written or p.source.place for p in found.proofs)}
        if r.finding.place not in places:
            continue
        proof = follows(r.finding.message.split(": this stops")[0].split(", and no error")[0])
        check = _typed(r.program, found.operation, found.proofs)
        if check is None:
            return proof

        def decide(readings: Readings, silent: bool = found.silent) -> Decision:
            if not silent:
                return refusal(readings)
            dtype, library = readings[0].get("dtype"), readings[0]["library"]
            whole = bool(dtype) and str(dtype).startswith(("int", "uint"))
            return computed(whole, f"{library} gives a result of type {dtype}: what is behind the point is cut off")

        return Checks((check,), decide, proof)
    return None


def _typed(program: Program, operation: Operation, proofs: Any) -> Json | None:
    """The same operation of small tensors with the proved types."""
    kind = operation.kind
    if kind == "reduce" and len(proofs) == 1:
        how = str(operation.attributes.get("how"))
        return {"check": "operation", "kind": kind, "how": how, "operands": [{"shape": [4], "dtype": proofs[0].dtype}]}
    if kind == "loss" and len(proofs) == 1:
        function = str(operation.attributes.get("function"))
        sparse = function.startswith("sparse")
        labels = {"shape": [4] if sparse else [4, 3], "dtype": proofs[0].dtype}
        return {"check": "operation", "kind": kind, "function": function, "operands": [labels, {"shape": [4, 3]}]}
    known = kind if kind in _BUILT else "compare" if kind == "compare" else None
    if known is None or kind == "concat":
        return None
    shape = [3, 3] if kind == "matmul" else [3]
    operands: list[Any] = [{"shape": shape, "dtype": proof.dtype} for proof in proofs]
    if len(operands) == 1:
        number = next((n for value in operation.inputs if (n := constant(value)) is not None), None)
        if number is None:
            return None
        operands.append(float(number) if number != int(number) else number + 0.5)
    if operation.name.endswith("equal") and "not" not in operation.name:
        known = "equal"
    return {"check": "operation", "kind": known, "operands": operands}


@certifies("tensor-for-value", network=False)
def _tensor_for_value(r: Request) -> Checks:
    text = r.finding.message
    fact = (
        "constant-of-tensor"
        if "tf.constant" in text
        else "tensor-is-fed"
        if "cannot be fed" in text
        else "assigned-tensor"
    )
    return Checks(({"check": "session", "fact": fact},), refusal)


# What a call makes of its arguments -----------------------------------------------------------------------------------


@certifies("dtype-passed-as-trainable", network=False)
def _attributes(r: Request) -> Checks | None:
    operation = r.of_kind("variable", "constant", "random", "placeholder", "identity")
    if operation is None:
        return None
    if operation.kind == "variable":
        return _variable(r, operation)
    name = operation.symbol.path if operation.symbol is not None else ""
    if operation.kind == "placeholder" or operation.name == "tf.constant":
        function = "tensorflow.compat.v1.placeholder" if operation.kind == "placeholder" else "tensorflow.constant"
        given: list[Any] = [[2, 3], {"dtype": "float32"}] if operation.kind == "placeholder" else [0.5, [2, 3]]
        return Checks(({"check": "call", "function": function, "arguments": given, "run": False},), refusal)
    first, second = (_plain(operation, key) for key in ("shape", "dtype" if operation.kind == "constant" else "mean"))
    if not isinstance(second, int) or not name.startswith("tensorflow."):
        return None
    sizes = first if isinstance(first, (int, list)) else 3
    base = name.rsplit(".", 1)[-1]
    function = f"tensorflow.{base}" if operation.kind == "constant" else f"tensorflow.compat.v1.{base}"
    sizes = [sizes] if operation.kind == "random" and isinstance(sizes, int) else sizes

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        if found["error"]:
            return confirmed(f"{found['library']} stops there with {found['error']}")
        text = f"{found['library']} makes numbers of shape {found['shape']} and type {found['dtype']} of it"
        if operation.kind == "random":
            text += f", around {second}"
        return confirmed(text) if len(found["shape"]) < 2 else harmless(text)

    return Checks(({"check": "call", "function": function, "arguments": [sizes, second]},), decide)


def _variable(r: Request, operation: Operation) -> Checks | None:
    from trainlint.program.values import Api

    argument = operation.arguments.get("trainable")
    value = argument.value if argument is not None else None
    second = value.symbol.name.rsplit(".", 1)[-1] if isinstance(value, Api) else getattr(value, "value", None)
    if not isinstance(second, str):
        return None
    initial = r.program.tensor(operation.inputs[0]) if operation.inputs else None
    known = (
        {"int": "int32", "float": "float32"}.get(initial.dtype or "", initial.dtype) if initial is not None else None
    )
    check: Json = {"check": "variable", "initial": known or "float32", "second": second}

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        text = (
            f"in {found['library']} such a variable has the dtype {found['dtype']}, `trainable` is {found['trainable']}"
        )
        if not found["gradient"]:
            return confirmed(f"{text}, and it gets no gradient")
        if found["dtype"] != second:
            return confirmed(f"{text}: the dtype that was asked for is not there")
        return harmless(f"{text}; it trains as if the argument had been named, by accident")

    return Checks((check,), decide)


def _plain(operation: Operation, name: str) -> Any:
    argument = operation.arguments.get(name)
    value = argument.value if argument is not None else None
    return value.value if isinstance(value, Const) else None


# What nothing uses ----------------------------------------------------------------------------------------------------


@certifies("unused-computation", network=False)
def _unused(r: Request) -> Decision | None:
    """Neither the loss nor an answer depends on it: the numbers of a training are the same without it."""
    text = r.finding.message
    for event in r.program.discarded:
        if event.place == r.finding.place:
            return follows("nothing has the result of this call: what is trained on does not depend on it")
    if "is made and dropped" in text or "never calls it" in text:
        return follows("no tensor goes through this layer, so its weights never get a gradient")
    operation = _idle(r)
    if operation is None or r.program.minimized is None:
        return None
    if operation.kind == "placeholder":
        return acquitted("neither the loss nor anything that is run depends on what is fed here; no number changes")
    found = liveness(r.program)
    if not found.reliable or found.is_used(operation.id):
        return None
    events = [event for event in r.program.minimized if isinstance(event.loss, Tensor)]
    behind = {key for event in events for key in r.program.ancestors(event.loss)}
    if operation.id in behind:
        return None
    weights = [o for o in r.program.producers(operation) if o.kind == "variable"]
    idle = [weight for weight in weights if weight.id not in behind]
    if weights and not idle:
        return acquitted(
            "no loss depends on this result, and its weights are trained through another use: "
            "training is the same number by number, it costs time only"
        )
    if idle:
        return follows(
            "no loss depends on this result, so its weights never get a gradient and stay as they were drawn"
        )
    return acquitted("no loss depends on this result: training is the same number by number, it costs time only")


def _idle(r: Request) -> Operation | None:
    """The operation that nothing uses: at the place of the finding, else any that nothing uses."""
    kinds = ("matmul", "convolution", "recurrent", "placeholder")
    found = r.near(*kinds)
    if found is not None or "placeholder" in r.finding.message:
        return found
    used = liveness(r.program)
    return next((o for o in r.program.of_kind(*kinds[:3]) if not used.is_used(o.id)), None)
