"""Certificates: exact facts from a few passes through the network, without training, that decide by themselves.

Each rule that can have one says here what is to be computed, and what the reading means for its finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.probe.networks import operations_at
from trainlint.probe.verdict import CONFIRMED, NOT_REPRODUCED
from trainlint.program.heads import activation_behind
from trainlint.program.values import Const
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.finding import Finding
    from trainlint.probe.experiment import Json
    from trainlint.probe.networks import Network
    from trainlint.probe.replica import Replica
    from trainlint.program.operations import Operation

Readings = Sequence["Json"]


class Decision(Record):
    """What a certificate says: a verdict, and a sentence with what was computed."""

    verdict: str
    sentence: str


Decide = Callable[[Readings], "Decision | None"]


class Certificate(Record, eq=False):
    """The checks for one finding, and what their readings decide."""

    finding: Finding
    checks: tuple[Json, ...]
    decide: Decide


class _Request:
    """What a rule's certificate is made from."""

    def __init__(self, network: Network, finding: Finding, written: Replica, repaired: Replica | None) -> None:
        self.network = network
        self.program = network.program
        self.finding = finding
        self.written = written
        self.repaired = repaired
        self.operations = operations_at(network.program, finding)

    def of_kind(self, *kinds: str) -> Operation | None:
        """The first operation of some kinds at the place of the finding."""
        return next((operation for operation in self.operations if operation.kind in kinds), None)

    def node(self, operation: Operation | None) -> str | None:
        return None if operation is None else self.written.node(operation)


Maker = Callable[[_Request], "tuple[list[Json], Decide] | None"]

_MAKERS: dict[str, Maker] = {}


def _certifies(*rules: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        for rule in rules:
            _MAKERS[rule] = maker
        return maker

    return register


def certificates(
    network: Network, findings: Sequence[Finding], written: Replica | None, repaired: Replica | None
) -> Iterator[Certificate]:
    """The certificates of findings that have one."""
    if written is None:
        return
    number = 0
    for finding in findings:
        maker = _MAKERS.get(finding.rule)
        made = maker(_Request(network, finding, written, repaired)) if maker is not None else None
        if made is None:
            continue
        checks = []
        for check in made[0]:
            number += 1
            checks.append({"arm": AS_WRITTEN, **check, "id": str(number)})
        yield Certificate(finding, tuple(checks), made[1])


# Shapes ---------------------------------------------------------------------------------------------------------------


@_certifies("silent-loss-broadcast")
def _broadcast(r: _Request) -> tuple[list[Json], Decide] | None:
    operation = r.of_kind("squared-difference", "subtract", "multiply", "loss", "compare", "divide", "add")
    node = r.node(operation)
    if node is None:
        return None

    def decide(readings: Readings) -> Decision | None:
        shape, rows = readings[0]["shape"], readings[0]["rows"]
        if list(shape).count(rows) >= 2:
            pairs = " x ".join(str(size) for size in shape)
            sentence = (
                f"computed: the operand of the loss has {pairs} values for {rows} rows; every row meets every other"
            )
            return Decision(CONFIRMED, sentence)
        return Decision(NOT_REPRODUCED, f"computed: the operand of the loss has the shape {list(shape)}")

    return [{"check": "shape", "node": node}], decide


@_certifies("output-rank-not-reduced")
def _rank(r: _Request) -> tuple[list[Json], Decide] | None:
    predictions = r.written.graph["predictions"]
    labels = next((n for n, s in r.written.graph["sources"].items() if s["role"] == "labels"), None)
    if labels is None:
        return None

    def decide(readings: Readings) -> Decision | None:
        answer, truth = readings[0]["shape"], readings[1]["shape"]
        worse = len(answer) > len(truth) + 1 or (len(answer) > 2 and len(answer) > len(truth))
        verdict = CONFIRMED if worse else NOT_REPRODUCED
        return Decision(verdict, f"computed: answers of shape {list(answer)} for labels of shape {list(truth)}")

    return [{"check": "shape", "node": predictions}, {"check": "shape", "node": labels}], decide


# Heads and losses -----------------------------------------------------------------------------------------------------


@_certifies("logits-into-probability-loss")
def _no_gradient(r: _Request) -> tuple[list[Json], Decide] | None:
    checks: list[Json] = [{"check": "zero-gradient-rows", "node": r.written.graph["predictions"], "noise": True}]

    def decide(readings: Readings) -> Decision | None:
        share = readings[0]["share"]
        if share <= 0.01:
            return None
        return Decision(
            CONFIRMED,
            f"computed: {share:.0%} of the rows get no gradient at all for outputs of usual size, because the loss "
            "clips them as if they were probabilities",
        )

    return checks, decide


@_certifies("probabilities-into-logits-loss")
def _double_softmax(r: _Request) -> tuple[list[Json], Decide] | None:
    loss = next(
        (o for o in r.network.program.of_kind("loss") if o.id in r.network.program.ancestors(r.network.event.loss)),
        None,
    )
    if loss is None or len(loss.inputs) < 2:
        return None
    node = r.node(r.program.operation(loss.inputs[1]))
    head = activation_behind(r.program, loss.inputs[1])
    if node is None or head is None:
        return None
    mode = "graph" if r.network.event.how == "fit" else "eager"
    checks: list[Json] = [{"check": "rows-sum-to-one", "node": node}]
    keras = loss.name.startswith("keras") or loss.attributes.get("form") in ("string", "object", "function")
    if keras:
        checks.append({
            "check": "rescued", "function": str(loss.attributes.get("function")), "mode": mode,
            "activation": str(head.attributes.get("function")), "model": bool(loss.attributes.get("compiled")),
        })  # fmt: skip

    def decide(readings: Readings) -> Decision | None:
        if not readings[0]["in_unit_interval"]:
            return Decision(NOT_REPRODUCED, "computed: what enters the loss leaves [0, 1]")
        rescued = readings[1].get("rescued") if len(readings) > 1 else False
        if rescued is None:
            return None
        if rescued:
            return Decision(
                NOT_REPRODUCED,
                "computed: this backend takes the values before the activation, with a warning; run eagerly or on "
                "another backend the same code squashes twice",
            )
        return Decision(CONFIRMED, "computed: the loss gets probabilities and squashes them once more")

    return checks, decide


@_certifies("single-unit-softmax", "argmax-single-output")
def _constant(r: _Request) -> tuple[list[Json], Decide] | None:
    node = r.node(r.of_kind("activation", "argmax"))
    if node is None:
        return None

    def decide(readings: Readings) -> Decision | None:
        count = readings[0]["count"]
        text = f"computed: {count} different value{'' if count == 1 else 's'} over all rows and seeds"
        return Decision(CONFIRMED if count == 1 else NOT_REPRODUCED, text)

    return [{"check": "distinct-values", "node": node}], decide


@_certifies("unstable-log-loss")
def _not_finite(r: _Request) -> tuple[list[Json], Decide] | None:
    loss = r.written.graph["loss"]
    checks: list[Json] = [{"check": "range", "node": loss, "scale": 50.0}]
    if r.repaired is not None:
        checks.append({"check": "range", "node": r.repaired.graph["loss"], "scale": 50.0, "arm": ALL_REPAIRED})

    def decide(readings: Readings) -> Decision | None:
        broken = readings[0]["not_finite"]
        sound = readings[1]["not_finite"] == 0 if len(readings) > 1 else True
        if broken > 0 and sound:
            tail = " and stays finite when repaired" if len(readings) > 1 else ""
            return Decision(CONFIRMED, f"computed: for outputs 50 times as large the loss is not finite{tail}")
        return None

    return checks, decide


@_certifies("target-outside-loss-domain")
def _domain(r: _Request) -> tuple[list[Json], Decide] | None:
    def decide(readings: Readings) -> Decision | None:
        low, broken = readings[0]["low"], readings[0]["not_finite"]
        if broken > 0:
            return Decision(CONFIRMED, "computed: the loss is not finite for labels of this range")
        if low is not None and low < -1e-6:
            return Decision(CONFIRMED, f"computed: the loss falls to {low:.3g}; it has no lower bound for such labels")
        return None

    return [{"check": "range", "node": r.written.graph["loss"]}], decide


# Dropout and normalization --------------------------------------------------------------------------------------------


@_certifies("batch-shared-dropout-mask", "extreme-dropout", "keep-prob-rate-confusion")
def _zeros(r: _Request) -> tuple[list[Json], Decide] | None:
    operation = r.of_kind("dropout", "random", "multiply")
    if operation is not None and operation.kind == "random":
        operation = next((u for u in r.program.consumers(operation.output)), operation)
    node = r.node(_applied(r, operation))
    if node is None:
        return None

    def decide(readings: Readings) -> Decision | None:
        share, same = readings[0]["zero_share"], readings[0]["same_zeros"]
        if r.finding.rule == "batch-shared-dropout-mask":
            if same is None:
                return None
            text = (
                "computed: all rows of a batch lose the same units"
                if same
                else "computed: each row loses its own units"
            )
            return Decision(CONFIRMED if same else NOT_REPRODUCED, text)
        if r.finding.rule == "extreme-dropout":
            return Decision(
                CONFIRMED if share >= 0.75 else NOT_REPRODUCED, f"computed: {share:.0%} of the units are dropped"
            )
        return (
            Decision(CONFIRMED, f"computed: {share:.0%} of the units are dropped") if abs(share - 0.5) > 0.02 else None
        )

    return [{"check": "kept-scale", "node": node}], decide


def _applied(r: _Request, operation: Operation | None) -> Operation | None:
    """Where a mask meets the activations; a mask that is dropout of ones is not yet applied."""
    for _ in range(4):
        if operation is None or operation.kind == "multiply":
            return operation
        source = r.program.operation(operation.inputs[0]) if operation.inputs else None
        if operation.kind == "dropout" and source is not None and source.kind != "constant":
            return operation
        operation = next(iter(r.program.consumers(operation.output)), None)
    return operation


@_certifies("unscaled-dropout-mask")
def _scale(r: _Request) -> tuple[list[Json], Decide] | None:
    node = r.node(_applied(r, r.of_kind("multiply", "random", "dropout")))
    if node is None:
        return None

    def decide(readings: Readings) -> Decision | None:
        ratio = readings[0]["ratio"]
        if ratio is None:
            return None
        off = abs(ratio - 1) > 0.05
        text = f"computed: in training the activations are {ratio:.2f} times as large as in evaluation"
        return Decision(CONFIRMED if off else NOT_REPRODUCED, text)

    return [{"check": "train-evaluation-ratio", "node": node}], decide


@_certifies("dropout-at-evaluation")
def _still_random(r: _Request) -> tuple[list[Json], Decide] | None:
    def decide(readings: Readings) -> Decision | None:
        if readings[0]["equal"]:
            return Decision(NOT_REPRODUCED, "computed: two passes in evaluation give the same answers")
        return Decision(CONFIRMED, "computed: two passes in evaluation give different answers for the same rows")

    return [{"check": "repeatable", "node": r.written.graph["predictions"], "mode": "evaluation"}], decide


@_certifies("dropout-never-active", "missing-training-flag")
def _never_random(r: _Request) -> tuple[list[Json], Decide] | None:
    node = r.node(r.of_kind("dropout")) or r.written.graph["predictions"]

    def decide(readings: Readings) -> Decision | None:
        if readings[0]["equal"]:
            return Decision(CONFIRMED, "computed: two passes in training give the same answers: nothing is dropped")
        return Decision(NOT_REPRODUCED, "computed: two passes in training differ")

    return [{"check": "repeatable", "node": node, "mode": "training"}], decide


@_certifies("batchnorm-updates-not-run")
def _averages(r: _Request) -> tuple[list[Json], Decide] | None:
    node = r.node(r.of_kind("normalization"))
    if node is None:
        behind = r.program.ancestors(r.network.event.loss)
        node = next((r.node(o) for o in r.program.of_kind("normalization") if o.id in behind), None)
    if node is None:
        return None

    def decide(readings: Readings) -> Decision | None:
        if readings[0]["change"] == 0:
            return Decision(CONFIRMED, "computed: the moving averages are what they were after 20 steps")
        return Decision(NOT_REPRODUCED, "computed: the moving averages follow the batches")

    return [{"check": "moving-averages", "node": node}], decide


# Optimizers and metrics -----------------------------------------------------------------------------------------------


@_certifies("ignored-optimizer-argument")
def _read_back(r: _Request) -> tuple[list[Json], Decide] | None:
    optimizer = r.program.object(r.network.event.optimizer)
    if optimizer is None:
        return None
    given = {
        name: argument.value.value for name, argument in optimizer.arguments.items()
        if argument.given and isinstance(argument.value, Const) and isinstance(argument.value.value, (int, float))
    }  # fmt: skip
    meant = given.get("lr")
    if meant is None:
        return None
    check = {"check": "optimizer-rate", "name": optimizer.name.rsplit(".", 1)[-1], "arguments": given}

    def decide(readings: Readings) -> Decision | None:
        if not readings[0].get("available", True):
            return None
        rate = readings[0].get("learning_rate")
        if rate is None:
            return Decision(CONFIRMED, f"computed: this version refuses the argument ({readings[0].get('error', '')})")
        if abs(rate - meant) > 1e-6 * abs(meant):
            return Decision(CONFIRMED, f"computed: the optimizer trains with {rate:g}, not with {meant:g}")
        return Decision(NOT_REPRODUCED, f"computed: the optimizer trains with {rate:g}, as it is told")

    return [check], decide


@_certifies("tie-counting-accuracy")
def _ties(r: _Request) -> tuple[list[Json], Decide] | None:
    classes = r.written.task.classes
    if classes < 2:
        return None

    def decide(readings: Readings) -> Decision | None:
        if not readings[0].get("available", True):
            return None
        value = readings[0]["value"]
        if value > 1.5 / classes:
            return Decision(
                CONFIRMED,
                f"computed: for a network that answers the same for every class this accuracy is {value:.0%}, "
                f"where guessing gives {1 / classes:.0%}",
            )
        return Decision(NOT_REPRODUCED, f"computed: equal answers count as {value:.0%}")

    return [{"check": "metric-on-ties", "metric": "in_top_k", "k": 1, "classes": classes}], decide


@_certifies("symmetric-hidden-weights")
def _gradient(r: _Request) -> tuple[list[Json], Decide] | None:
    def decide(readings: Readings) -> Decision | None:
        norms: dict[str, Any] = readings[0]["gradients"]
        still = [name for name, values in norms.items() if all(value == 0 for value in values)]
        if still:
            count = f"{len(still)} of {len(norms)} weights"
            return Decision(CONFIRMED, f"computed: {count} get no gradient at all in the first step")
        return None

    return [{"check": "gradients"}], decide
