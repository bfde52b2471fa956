"""Certificates of rules about losses."""

from __future__ import annotations

import re
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
from trainlint.probe.experiment import ALL_REPAIRED
from trainlint.program.differences import COMPARING, compared
from trainlint.program.heads import activation_behind
from trainlint.program.reach import reach, shown
from trainlint.program.values import Tensor

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json
    from trainlint.program.operations import Operation


@certifies("logits-into-probability-loss")
def _no_gradient(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision | str:
        share, broken = readings[0]["share"], readings[1]["not_finite"]
        if broken > 0:
            return confirmed("the loss is not a number for outputs below 0, which no probability is")
        if share <= 0.01:
            return "every row gets a gradient at the start"
        return confirmed(
            f"{share:.0%} of the rows get no gradient at all for outputs of usual size, because the loss "
            "clips them as if they were probabilities"
        )

    rows = {"check": "zero-gradient-rows", "node": r.predictions, "noise": True}
    return Checks((rows, {"check": "range", "node": r.loss}), decide)


@certifies("probabilities-into-logits-loss")
def _double_softmax(r: Request) -> Checks | str:
    behind = r.behind_loss()
    loss = next((o for o in r.program.of_kind("loss") if o.id in behind), None)
    if loss is None or len(loss.inputs) < 2 or r.network is None:
        return "the loss was not found"
    node = r.node(r.program.operation(loss.inputs[1]))
    head = activation_behind(r.program, loss.inputs[1])
    if node is None or head is None:
        return "what enters the loss cannot be rebuilt"
    mode = "graph" if r.network.event.how == "fit" else "eager"
    checks: list[Json] = [{"check": "rows-sum-to-one", "node": node}]
    keras = loss.name.startswith("keras") or loss.attributes.get("form") in ("string", "object", "function")
    if keras:
        checks.append({
            "check": "rescued", "function": str(loss.attributes.get("function")), "mode": mode,
            "activation": str(head.attributes.get("function")), "model": bool(loss.attributes.get("compiled")),
        })  # fmt: skip

    def decide(readings: Readings) -> Decision | str:
        if not readings[0]["in_unit_interval"]:
            return harmless("what enters the loss leaves [0, 1]")
        rescued = readings[1].get("rescued") if len(readings) > 1 else False
        if rescued is None:
            return "what the installed loss does with it is unknown"
        if rescued:
            return harmless(
                "this backend takes the values before the activation, with a warning; run eagerly or on "
                "another backend the same code squashes twice"
            )
        return confirmed("the loss gets probabilities and squashes them once more")

    return Checks(tuple(checks), decide)


@certifies("unstable-log-loss")
def _not_finite(r: Request) -> Checks:
    checks: list[Json] = [{"check": "range", "node": r.loss, "scale": 50.0}]
    if r.repaired is not None and r.repaired.graph != r.written.graph:
        checks.append({"check": "range", "node": r.repaired.graph["loss"], "scale": 50.0, "arm": ALL_REPAIRED})

    def decide(readings: Readings) -> Decision | str:
        broken = readings[0]["not_finite"]
        sound = readings[1]["not_finite"] == 0 if len(readings) > 1 else True
        if broken > 0 and sound:
            tail = " and stays finite when repaired" if len(readings) > 1 else ""
            return confirmed(f"for outputs 50 times as large the loss is not finite{tail}")
        return "the loss stays finite for outputs 50 times as large"

    return Checks(tuple(checks), decide)


@certifies("target-outside-loss-domain", network=False)
def _domain_of_labels(r: Request) -> Checks | Decision | None:
    """What a loss makes of labels that it is not defined for follows from its definition, or is asked for."""
    loss = _loss(r)
    function = str(loss.attributes.get("function")) if loss is not None else ""
    span = re.search(r"go from (\S+) to (\S+)$", r.finding.message)
    between = f" (they run from {span.group(1)} to {span.group(2)})" if span is not None else ""
    if function == "sigmoid-cross-entropy":
        return follows(
            f"for labels outside of [0, 1]{between} the loss falls without end as the scores grow: it has no lower "
            "bound"
        )
    if loss is None or not function.startswith("sparse") or span is None:
        return None
    predictions = loss.attributes.get("predictions")
    units = predictions.shape[-1] if isinstance(predictions, Tensor) and predictions.shape else None
    if not isinstance(units, int) or units < 2:
        return None
    check = {
        "check": "head", "units": units, "activation": "softmax", "loss": _STRINGS[function], "by_hand": "categorical",
        "labels": {"kind": "below" if span.group(1).startswith("-") else "beyond", "width": units},
    }  # fmt: skip

    def decide(readings: Readings) -> Decision | str:
        found, library = readings[0], readings[0]["library"]
        if found["error"]:
            return confirmed(f"{library} stops at a label that is no class with {found['error'].rstrip('.')}")
        if found["loss"] is None:
            return confirmed(f"in {library} the loss of a label that is no class is not a number")
        if found["of_one"] is not None and abs(found["of_one"]) < 1e-6:
            return confirmed(f"in {library} a row whose label is no class costs nothing, whatever the network answers")
        return confirmed(f"in {library} a row whose label is no class counts as one of another class")

    return Checks((check,), decide)


@certifies("target-outside-loss-domain")
def _domain(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision | str:
        low, broken = readings[0]["low"], readings[0]["not_finite"]
        if broken > 0:
            return confirmed("the loss is not finite for labels of this range")
        if low is not None and low < -1e-6:
            return confirmed(f"the loss falls to {low:.3g}; it has no lower bound for such labels")
        return "the loss is finite and not negative at the start"

    return Checks(({"check": "range", "node": r.loss},), decide)


@certifies("target-outside-output-range", network=False)
def _out_of_reach(r: Request) -> Decision | str:
    """Where the data reach is known from how they are made, and what an activation gives from its definition."""
    for loss in r.program.of_kind(*COMPARING):
        operands = compared(r.program, loss)
        for labels, predictions in (operands, operands[::-1]) if operands is not None else ():
            head = r.program.source(predictions)
            found = reach(r.program, labels) if head is not None and head.kind == "activation" else None
            if head is None or found is None or r.finding.place not in head.places:
                continue
            low, high, function = head.output.low, head.output.high, head.attributes.get("function")
            if low is None or high is None:
                continue
            span = f"{shown(found.low)} to {shown(found.high)}"
            if found.low < low or found.high > high:
                return follows(
                    f"the labels run from {span}, and {function} gives numbers from {low:g} to {high:g} only"
                )
            return acquitted(f"the labels run from {span}, which {function} gives")
    return "the range of the labels is not known"


@certifies("flipped-loss-sign")
def _direction(r: Request) -> Checks | Decision | str:
    if r.finding.message.startswith("the optimizer subtracts"):
        return follows("a step goes along the gradient, which is where the loss grows")
    if r.written.task.kind not in ("single-label", "binary", "multi-label", "regression"):
        return "which answers are right is not known"

    def decide(readings: Readings) -> Decision:
        right, wrong = readings[0]["right"], readings[0]["wrong"]
        worse = all(one is not None and other is not None and one > other for one, other in zip(right, wrong))
        return computed(
            worse,
            f"answers that are right cost {_mean(right):.3g} and answers that are wrong {_mean(wrong):.3g}",
            f"answers that are right cost {_mean(right):.3g}, less than wrong ones ({_mean(wrong):.3g})",
        )

    return Checks(({"check": "right-answers"},), decide)


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else float("nan")


@certifies("swapped-loss-arguments", network=False)
def _swapped(r: Request) -> Checks | Decision | str:
    operation = r.of_kind("loss", "metric", "in-top-k", "opaque")
    if operation is None:
        operation = _loss(r)
    if operation is None:
        return "the call was not found"
    other = {"recall_score": "precision", "precision_score": "recall"}.get(operation.name.rsplit(".", 1)[-1])
    if other is not None:
        return follows(f"with the two exchanged it computes the {other}")
    if "the same either way" in r.finding.message and operation.kind != "loss":
        return follows("this metric is the same either way").replace(verdict="not-reproduced")
    if operation.kind != "loss":
        return "this metric has no check"
    function = str(operation.attributes.get("function"))
    if function.startswith("sparse"):
        return follows("the scores stand where class numbers are expected, and class numbers where scores are")
    check = {
        "check": "swapped",
        "function": function,
        "from_logits": operation.attributes.get("from_logits") is not False,
    }

    def decide(readings: Readings) -> Decision:
        right, other = readings[0]["loss"], readings[0]["swapped"]
        same = abs(right - other) <= 1e-9 * max(1.0, abs(right))
        return computed(
            not same,
            f"for the same labels and answers this loss is {right:.3g} in its order and {other:.3g} the other way "
            "round",
            "this loss is the same number in both orders",
        )

    return Checks((check,), decide)


# Heads and labels -----------------------------------------------------------------------------------------------------

_STRINGS = {
    "softmax-cross-entropy": "categorical_crossentropy",
    "sparse-softmax-cross-entropy": "sparse_categorical_crossentropy",
    "sigmoid-cross-entropy": "binary_crossentropy",
}
_CLASSES = {
    "softmax-cross-entropy": "CategoricalCrossentropy",
    "sparse-softmax-cross-entropy": "SparseCategoricalCrossentropy",
    "sigmoid-cross-entropy": "BinaryCrossentropy",
}


@certifies("loss-head-mismatch", "label-encoding-mismatch", "loader-head-mismatch", network=False)
def _one_step(r: Request) -> Checks | Decision | str:
    """One step of the installed Keras with the same head, loss and kind of labels."""
    if "input of the network" in r.finding.message:
        return _pictures(r)
    loss = _loss(r)
    if loss is None:
        return "the loss was not found"
    labels, predictions = loss.attributes.get("labels"), loss.attributes.get("predictions")
    function = str(loss.attributes.get("function"))
    if "may hold several at once" in r.finding.message:
        return follows("a row with two right labels costs at least 2 ln 2 = 1.39, whatever the network answers")
    if not isinstance(predictions, Tensor) or function not in _STRINGS:
        return "the loss is not one of Keras' cross-entropies"
    units = predictions.shape[-1] if predictions.shape else None
    given = _given(r, loss, labels)
    if not isinstance(units, int) or given is None:
        return "the size of the output or the kind of the labels is unknown"
    if loss.attributes.get("form") in ("raw", "v1"):
        return _raw(function, units, given)
    spec: Any = _STRINGS[function]
    if loss.attributes.get("from_logits") is True:
        spec = {"class": _CLASSES[function], "arguments": {"from_logits": True}}
    activation = predictions.activation if predictions.activation in ("softmax", "sigmoid") else "linear"
    check = {
        "check": "head", "units": units, "activation": activation, "loss": spec, "labels": given,
        "by_hand": "binary" if function.startswith("sigmoid") else "categorical",
    }  # fmt: skip

    def decide(readings: Readings) -> Decision | str:
        found = readings[0]
        library = found["library"]
        if found["error"]:
            return confirmed(f"{library} stops in the first step with {found['error'].rstrip('.')}")
        if found["loss"] is not None and abs(found["loss"]) < 1e-6:
            return confirmed(f"in {library} the loss of random answers is 0: there is nothing to learn")
        if found["loss"] is None or found["loss"] != found["loss"]:
            return confirmed(f"in {library} the loss of the first step is not a number")
        by_hand = found["of_answers"]
        if activation != "linear" and by_hand is not None and abs(by_hand - found["loss"]) > 1e-3 * max(1.0, by_hand):
            return confirmed(
                f"in {library} the loss that is trained is {found['loss']:.3g}, that of the answers the model gives "
                f"{by_hand:.3g}: it does not learn what it answers"
            )
        if r.finding.rule != "loss-head-mismatch":
            return harmless(f"{library} takes these labels, and the loss is that of the answers")
        return "the step runs, and the loss is that of the answers"

    return Checks((check,), decide)


def _loss(r: Request) -> Operation | None:
    """The loss that a finding is about: at its place, where its trace points, or the only one."""
    found = r.of_kind("loss")
    if found is not None:
        return found
    places = set(r.traced())
    losses = list(r.program.of_kind("loss"))
    return next((o for o in losses if o.place in places), losses[0] if len(losses) == 1 else None)


def _given(r: Request, loss: Operation, labels: Any) -> Json | None:
    """What kind of labels a loss gets, as a finding's message or the tensor tells."""
    text = r.finding.message
    predictions = loss.attributes.get("predictions")
    units = predictions.shape[-1] if isinstance(predictions, Tensor) and predictions.shape else None
    size = units if isinstance(units, int) and units > 1 else 2
    width = labels.shape[-1] if isinstance(labels, Tensor) and labels.shape and len(labels.shape) > 1 else None
    function = str(loss.attributes.get("function"))
    if r.finding.rule == "loader-head-mismatch":
        given = text.split(",")[0]
        kind = (
            "one-hot" if "one-hot" in given else "column" if "0 or 1" in given or "zeros and ones" in given else "ids"
        )
        return {"kind": "class-ids" if kind == "ids" else kind, "width": max(size, 2)}
    encoding = labels.encoding if isinstance(labels, Tensor) else None
    if "are one-hot rows" in text or encoding == "one-hot":
        return {"kind": "one-hot", "width": width if isinstance(width, int) and width > 1 else size}
    if "one number for each sample" in text or "are class numbers" in text or function.startswith("sparse"):
        return {"kind": "class-ids", "width": max(size, 2)}
    if units == 1:
        return {"kind": "column", "width": 2}
    if encoding == "class-ids":
        return {"kind": "class-ids", "width": size}
    return {"kind": "one-hot", "width": size}


def _raw(function: str, units: int, given: Json) -> Checks | Decision | str:
    """What TensorFlow's own functions do with labels of the wrong shape."""
    labels: Json = (
        {"shape": [None, given["width"]]} if given["kind"] == "one-hot" else {"shape": [None], "dtype": "int64"}
    )
    if function == "softmax-cross-entropy" and units == 1:
        return follows("a softmax over one output is 1 whatever the network answers, so the loss is 0")
    if function == "sigmoid-cross-entropy":
        return "what separate questions cost for classes that exclude each other is a matter of training"
    if function.startswith("sparse"):
        labels["dtype"] = "int64"
    operands = [labels, {"shape": [None, units]}]
    check = {"check": "operation", "kind": "loss", "function": function, "operands": operands}

    def decide(readings: Readings) -> Decision | str:
        found = readings[0]
        if found["error"]:
            return confirmed(f"{found['library']} stops there with {found['error'].rstrip('.')}")
        return "it is built without an error"

    return Checks((check,), decide)


def _pictures(r: Request) -> Checks | str:
    """Images of another size than the input declares."""
    sizes = [
        [int(n) for n in part.split(", ") if n.isdigit()] for part in re.findall(r"\[([^\]]*)\]", r.finding.message)
    ]
    if len(sizes) != 2 or len(sizes[0]) != 3 or len(sizes[1]) != 3:
        return "the sizes are not known"
    # The same mistake on small pictures: only what differs matters.
    given = [min(n, 6) + (2 if n != m else 0) if i < 2 else n for i, (n, m) in enumerate(zip(*sizes))]
    declared = [min(n, 6) if i < 2 else m for i, (n, m) in enumerate(zip(*sizes))]

    def decide(readings: Readings) -> Decision:
        error, library = readings[0]["error"], readings[0]["library"]
        text = f"{library} stops at the first batch with {error.rstrip('.')}"
        return computed(bool(error), text, f"{library} takes such pictures")

    return Checks(({"check": "entered", "declared": declared, "given": given},), decide)
