"""Certificates of rules about activations and initial weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.probe.certificates.request import (
    Checks,
    Decision,
    Readings,
    Remark,
    Request,
    acquitted,
    certifies,
    computed,
    confirmed,
    follows,
    harmless,
)
from trainlint.program.heads import width

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program


@certifies("single-unit-softmax")
def _constant(r: Request) -> Checks | str:
    node = r.node(r.near("activation"))
    if node is None:
        return "the softmax cannot be rebuilt"

    def decide(readings: Readings) -> Decision:
        count = readings[0]["count"]
        text = f"{count} different value{'' if count == 1 else 's'} over all rows and seeds"
        return computed(count == 1, text)

    return Checks(({"check": "distinct-values", "node": node},), decide)


@certifies("single-unit-softmax", network=False)
def _divided_by_itself(r: Request) -> Decision | None:
    softmax = r.near("activation")
    if softmax is None or width(r.program, softmax.output) != 1:
        return None
    return follows("a softmax over one number divides it by itself, so the answer is the same for every row")


@certifies("missing-nonlinearity")
def _affine(r: Request) -> Checks | str:
    layers = [*r.operations, *([near] if (near := r.near(*_WEIGHTS)) is not None else [])]
    pair = next((p for o in layers if (p := _linear_pair(r.program, o)) is not None), None)
    if pair is None:
        return "the next layer was not found"
    source, node = r.node(r.program.operation(pair[0].inputs[0])), r.node(pair[1])
    if source is None or node is None:
        return "the two layers cannot be rebuilt"

    def decide(readings: Readings) -> Decision:
        return computed(
            readings[0]["affine"],
            "for pairs of inputs the two layers give the middle of both outputs for the middle of both inputs: "
            "together they are one linear layer",
            "the two layers are not linear together: what stands between them bends the function",
        )

    return Checks(({"check": "affine", "input": source, "node": node},), decide)


_LINEAR = frozenset((
    "add", "dropout", "flatten", "reshape", "pool", "resize", "pad", "normalization", "identity", "cast", "transpose",
    "squeeze", "expand",
))  # fmt: skip
_WEIGHTS = ("matmul", "convolution")


def _linear_pair(program: Program, layer: Operation) -> tuple[Operation, Operation] | None:
    """A layer and the next one behind it without an activation between them."""
    for _ in range(4):
        # The place may be that of the bias or of a layer's helper.
        if layer.kind in _WEIGHTS:
            break
        before = next((o for v in layer.inputs if (o := program.operation(v)) is not None), None)
        if before is None or layer.kind not in _LINEAR:
            return None
        layer = before
    if layer.kind not in _WEIGHTS:
        return None
    current = layer
    for _ in range(12):
        users = [u for u in program.consumers(current.output) if u.kind in _LINEAR or u.kind in _WEIGHTS]
        if not users:
            return None
        current = users[0]
        if current.kind in _WEIGHTS:
            return layer, current
    return None


@certifies("softmax-wrong-place")
def _sums(r: Request) -> Checks | str:
    softmax = r.near("activation")
    across = "samples of the batch" in r.finding.message
    operation = r.near("divide", "activation") if across else softmax
    if operation is None and across:
        operation = _quotient(r)
    node = r.node(operation)
    if node is None:
        return "the softmax cannot be rebuilt"
    if across:

        def apart(readings: Readings) -> Decision:
            return computed(
                not readings[0]["apart"],
                "the answer for a row changes when the other rows of the batch do",
                "the answer for a row does not depend on the other rows",
            )

        return Checks(({"check": "rows-apart", "node": node},), apart)
    if "runs over" not in r.finding.message:
        # Between hidden layers the sums are 1, which harms or not: a training judges that.
        return "what a softmax between layers does to learning is a matter of training"

    def decide(readings: Readings) -> Decision:
        return computed(
            not readings[0]["sums_to_one"],
            "the answers of a place do not add up to 1 over the classes",
            "the answers add up to 1 over the classes",
        )

    return Checks(({"check": "rows-sum-to-one", "node": node},), decide)


def _quotient(r: Request) -> Operation | None:
    """The division of powers by their sum that the finding's trace names."""
    places = set(r.traced())
    return next((o for o in r.program.of_kind("divide") if o.place in places), None)


_BOUNDS = {"softmax": (0.0, 1.0), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}
_IDEMPOTENT = ("relu", "linear", "relu6", "hard_tanh")


@certifies("double-activation", network=False)
def _twice(r: Request) -> Decision | None:
    """What two activations in a row can give follows from what the first one gives."""
    for second in r.operations:
        source = r.program.source(second.inputs[0]) if second.kind == "activation" and second.inputs else None
        if source is None or source.kind != "activation":
            continue
        one, other = str(source.attributes.get("function")), str(second.attributes.get("function"))
        if one == other and one in _IDEMPOTENT:
            return acquitted(f"{one} of what went through {one} is the same number: training is the same without it")
        low, high = _BOUNDS.get(one, (-math.inf, math.inf))
        if other in ("relu", "leaky_relu", "elu", "selu", "prelu"):
            if low >= 0 and other != "selu":
                return acquitted(f"{other} leaves what went through {one} as it is: training is the same without it")
            if other == "relu" and math.isfinite(high):
                return follows(f"what went through {one} comes out between 0 and {high:g}, and 0 for half of it")
        if other == "sigmoid" and math.isfinite(low):
            floor = 1 / (1 + math.exp(-low))
            top = 1 / (1 + math.exp(-high)) if math.isfinite(high) else 1.0
            return follows(f"what went through {one} comes out of the sigmoid between {floor:.2f} and {top:.2f}")
        units = width(r.program, second.output)
        if other == "softmax" and math.isfinite(low) and math.isfinite(high) and isinstance(units, int) and units > 1:
            most = math.exp(high) / (math.exp(high) + (units - 1) * math.exp(low))
            return follows(f"no class can get a share above {most:.2f} of {units}, whatever goes into the {one}")
    return None


@certifies("activated-logits")
def _never_below(r: Request) -> Checks | str:
    """Of one answer for two classes, scores that cannot be negative rule one of them out."""
    activation = r.near("activation")
    function = activation.attributes.get("function") if activation is not None else None
    node = r.node(activation)
    if node is None or function not in ("relu", "softplus", "relu6", "sigmoid") or r.written.task.kind != "binary":
        return "what it costs among several classes is a matter of training"

    def decide(readings: Readings) -> Decision | str:
        low = readings[0]["low"]
        if low is None or low < 0:
            return "the scores go below 0"
        return confirmed(
            "no score is below 0, so no probability is below 0.5: one of the two classes is never answered"
        )

    return Checks(({"check": "range", "node": node},), decide)


@certifies("oversized-initial-weights", "unscaled-inputs")
def _start(r: Request) -> Checks:
    """How far the loss is off at the start is a matter of degree: a remark."""

    def decide(readings: Readings) -> Remark | None:
        ratio = readings[0]["ratio"]
        if ratio is None:
            return None
        amount = f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}" if ratio < 10000 else f"{ratio:.0e}"
        return Remark(f"before training the loss is {amount} times that of always giving the same answer")

    return Checks(({"check": "loss-at-start"},), decide)


@certifies("saturating-hidden-stack")
def _slope(r: Request) -> Checks | None:
    """How much of the gradient reaches the first layer is a matter of degree too."""
    nodes = r.written.graph["nodes"]
    kernels = [name for name, node in nodes.items() if node["op"] == "variable" and len(node["shape"]) > 1]
    if len(kernels) < 2:
        return None

    def decide(readings: Readings) -> Remark | None:
        norms = readings[0]["gradients"]
        first, last = norms.get(kernels[0]), norms.get(kernels[-1])
        if not first or not last or not all(last):
            return None
        ratio = sum(one / other for one, other in zip(first, last)) / len(first)
        return Remark(f"before training the gradient of the first layer is {ratio:.2g} times that of the last")

    return Checks(({"check": "gradients"},), decide)


@certifies("symmetric-hidden-weights")
def _symmetric(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision | str:
        found = readings[0]
        still, alike, count = found["still"], found["alike"], len(found["variables"])
        if still:
            return confirmed(f"{len(still)} of {count} weights get no gradient at all in the first step")
        if alike:
            return confirmed(
                f"the units of {len(alike)} of {len(found['kernels'])} layers start equal and get equal gradients: "
                "each of these layers stays one unit for ever"
            )
        return harmless("the units of every layer start different or get different gradients")

    return Checks(({"check": "units-alike"},), decide)
