"""What a network learns: which tensors are labels and predictions, what is true, and how its answers are read."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from trainlint.probe.refusal import NotCarried
from trainlint.program.heads import activation_behind, rebuilds, width
from trainlint.program.values import Tensor
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value

_COMPARING = frozenset(("subtract", "squared-difference", "multiply", "divide", "add", "loss"))
"""Kinds in which labels meet predictions."""

_BESIDE = frozenset(("log", "clip", "add", "subtract", "identity", "maximum", "cast", "reshape", "squeeze", "negative"))
"""Kinds that stand between what a network answers and its labels in a loss that is written out."""

_SOFTMAX = frozenset(("softmax-cross-entropy", "sparse-softmax-cross-entropy"))


class Answer(Record, eq=False):
    """Where labels meet predictions; `function` is what the loss computes, "" for one that is written out."""

    labels: Value
    predictions: Tensor
    function: str = ""
    from_logits: bool | None = None
    wants: str = ""


class Task(Record, eq=False):
    """What is learned: `kind`, and of the labels their `encoding`; `classes` where there are some."""

    kind: str
    head: str
    encoding: str
    classes: int = 0
    assumed: tuple[str, ...] = ()

    @property
    def entry(self) -> Json:
        found: Json = {"kind": self.kind}
        if self.classes:
            found["labels" if self.kind == "multi-label" else "classes"] = self.classes
        return found


def answer_of(program: Program, loss: Operation) -> Answer:
    """The labels and predictions that a loss compares; raises NotCarried where they are not found."""
    behind = program.ancestors(loss.id)
    found = [o for key in behind if (o := program.operation(key)) is not None and o.kind == "loss"]
    known = [
        o for o in found if len(o.inputs) == 2 and isinstance(o.inputs[1], Tensor) and program.variables(o.inputs[1])
    ]
    if len({o.inputs[1].op for o in known if isinstance(o.inputs[1], Tensor)}) > 1:
        raise NotCarried("a network with several losses is not rebuilt", loss.place)
    if known:
        given = known[0].attributes
        predictions = known[0].inputs[1]
        assert isinstance(predictions, Tensor)
        return Answer(
            known[0].inputs[0], predictions, str(given.get("function")), given.get("from_logits") is True,
            str(given.get("wants") or ""),
        )  # fmt: skip
    return _written_out(program, loss)


def _written_out(program: Program, loss: Operation) -> Answer:
    """Of a loss of one's own: the place nearest to it where something learned meets something given."""
    queue, seen = deque([loss]), {loss.id}
    while queue:
        operation = queue.popleft()
        if operation.kind in _COMPARING and len(operation.inputs) == 2:
            for index in (0, 1):
                labels, predictions = operation.inputs[index], operation.inputs[1 - index]
                if not isinstance(predictions, Tensor) or not _is_data(program, labels):
                    continue
                if program.variables(predictions) and not program.variables(labels):
                    return Answer(labels, _plain(program, predictions), _function(operation))
        for producer in program.producers(operation):
            if producer.id not in seen:
                seen.add(producer.id)
                queue.append(producer)
    raise NotCarried("what the loss compares was not found", loss.place)


def _function(operation: Operation) -> str:
    return "squared-error" if operation.kind in ("subtract", "squared-difference") else ""


def _is_data(program: Program, value: Value) -> bool:
    """Whether a value comes from outside: not a number, not a weight."""
    if not isinstance(value, Tensor) or value.op is None:
        return False
    operation = program.operation(value)
    is_number = value.low is not None and value.low == value.high
    return operation is not None and operation.kind not in ("constant", "variable") and not is_number


def _plain(program: Program, value: Tensor) -> Tensor:
    """The answer itself, without the logarithm and what keeps it from zero."""
    for _ in range(8):
        operation = program.operation(value)
        if operation is None or operation.kind not in _BESIDE:
            break
        learned = [v for v in operation.inputs if isinstance(v, Tensor) and program.variables(v)]
        # A layer's bias is learned too: its sum is the answer.
        if len(learned) != 1:
            break
        value = learned[0]
    return value


def task_of(program: Program, answer: Answer, entry: Operation) -> Task:
    """What is learned from the labels that come in at `entry`."""
    head = activation_behind(program, answer.predictions)
    function = str(head.attributes.get("function")) if head is not None else "linear"
    size = width(program, answer.predictions)
    outputs = size if isinstance(size, int) else 0
    facts = entry.output
    rank = answer.predictions.rank or 2
    dense = "dense-" if rank > 2 and answer.predictions.shape is not None and outputs else ""
    if rebuilds(program, answer.labels, answer.predictions):
        return Task("autoencoder", "values", "features")
    if answer.function in _SOFTMAX or answer.wants in ("one-hot", "class-ids"):
        ids = answer.wants == "class-ids" or answer.function.startswith("sparse") or _is_encoded(program, answer, entry)
        if not ids and facts.encoding == "class-ids":
            ids = True
        if outputs < 2:
            return Task("none", "values", "class-ids" if ids else "one-hot", outputs)
        return Task(
            f"{dense}single-label", _read(function, answer, "softmax"), "class-ids" if ids else "one-hot", outputs
        )
    if _is_encoded(program, answer, entry):
        return Task(f"{dense}single-label", _read(function, answer, "softmax"), "class-ids", outputs)
    assumed: list[str] = []
    truth = _truth(facts)
    if not truth and (answer.function == "sigmoid-cross-entropy" or function in ("sigmoid", "softmax")):
        truth = "zero-one"
        assumed.append("labels of unknown values: 0 and 1 are taken")
    if truth == "class-ids" and outputs > 1:
        return Task(f"{dense}single-label", _read(function, answer, "softmax"), "class-ids", outputs)
    if truth == "plus-minus-one":
        return Task("binary", "tanh-probabilities", truth, assumed=tuple(assumed))
    if truth in ("zero-one", "one-hot"):
        if outputs > 1 and (facts.encoding == "one-hot" or function == "softmax"):
            return Task(f"{dense}single-label", _read(function, answer, "softmax"), "one-hot", outputs, tuple(assumed))
        kind = "dense-binary" if dense else "multi-label" if outputs > 1 else "binary"
        return Task(kind, _read(function, answer, "sigmoid"), "zero-one", outputs if outputs > 1 else 0, tuple(assumed))
    return Task(f"{dense}regression", "values", "values")


def _is_encoded(program: Program, answer: Answer, entry: Operation) -> bool:
    """Whether the program makes one-hot labels of class ids by itself."""
    behind = program.ancestors(answer.labels)
    return any((o := program.operation(key)) is not None and o.kind == "one-hot" and o is not entry for key in behind)


def _truth(facts: Tensor) -> str:
    """What labels are by their values: "zero-one", "one-hot", "plus-minus-one", "class-ids", "" for numbers."""
    if facts.encoding == "one-hot":
        return "one-hot"
    values = facts.values
    if values is not None and set(values) <= {0.0, 1.0}:
        return "zero-one"
    if values is not None and set(values) == {-1.0, 1.0}:
        return "plus-minus-one"
    if facts.encoding == "class-ids" or (values is not None and len(values) > 2 and facts.dtype in ("int64", "int32")):
        return "class-ids"
    whole = facts.dtype is not None and facts.dtype.startswith(("int", "uint", "bool"))
    if facts.low == 0.0 and facts.high == 1.0 and whole:
        return "zero-one"
    return ""


def _read(function: str, answer: Answer, family: str) -> str:
    """How probabilities are read from what the network answers."""
    if function == "softmax":
        return "probabilities"
    if function == "sigmoid" and family == "sigmoid":
        return "sigmoid-probabilities"
    if function in ("log_softmax", "log_sigmoid"):
        return "log-probabilities"
    if answer.from_logits or answer.function == "":
        return f"{family}-logits"
    if answer.function == "squared-error" and family == "softmax" and function == "linear":
        return "probabilities"
    return "probabilities" if family == "softmax" else "sigmoid-probabilities"
