"""Certificates of rules about normalization, and of layers that nobody tells that this is training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.probe.certificates.request import (
    Checks,
    Decision,
    Readings,
    Request,
    acquitted,
    certifies,
    computed,
    confirmed,
    harmless,
)

if TYPE_CHECKING:
    from trainlint.program.operations import Operation


@certifies("batchnorm-updates-not-run")
def _averages(r: Request) -> Checks | str:
    node = r.node(r.near("normalization"))
    if node is None:
        behind = r.behind_loss()
        node = next((r.node(o) for o in r.program.of_kind("normalization") if o.id in behind), None)
    return "the normalization cannot be rebuilt" if node is None else _moving(node)


def _moving(node: str) -> Checks:
    def decide(readings: Readings) -> Decision:
        return computed(
            readings[0]["change"] == 0,
            "the moving averages are what they were after 20 steps",
            "the moving averages follow the batches",
        )

    return Checks(({"check": "moving-averages", "node": node},), decide)


@certifies("missing-training-flag")
def _flag(r: Request) -> Checks | str:
    places = {r.finding.place, *r.traced()}
    culprits = [
        o for o in r.program.of_kind("normalization", "dropout")
        if places.intersection(o.places) or any(call in places for call in o.context.calls)
    ]  # fmt: skip
    layers = {key for key, record in r.program.objects if record.place in places}
    culprits += [o for o in r.program.of_kind("normalization", "dropout") if o.layer in layers]
    for operation in culprits:
        node = r.node(operation)
        if node is None:
            continue
        if operation.kind == "normalization":
            return _moving(node)

        def decide(readings: Readings) -> Decision:
            return computed(
                readings[0]["equal"],
                "two passes of the training step give the same answers: nothing is dropped",
                "two passes of the training step differ",
            )

        return Checks(({"check": "repeatable", "node": node, "mode": "training"},), decide)
    return "the layer cannot be rebuilt"


@certifies("missing-training-flag", network=False)
def _unflagged(r: Request) -> Checks:
    layer = "Dropout" if "dropout drops nothing" in r.finding.message else "BatchNormalization"

    def decide(readings: Readings) -> Decision:
        found, library = readings[0], readings[0]["library"]
        if layer == "Dropout":
            text = f"in {library} dropout that is called without the flag drops {found['zero_share']:.0%} of the units"
            return computed(found["zero_share"] == 0, text)
        return computed(
            not found["moved"],
            f"in {library} the moving averages of a batch normalization that is called without the flag stay as they "
            "are",
            f"in {library} the moving averages follow the batches without the flag",
        )

    return Checks(({"check": "unflagged", "layer": layer},), decide)


@certifies("normalization-not-adapted", network=False)
def _adapted(r: Request) -> Checks:
    generator = "generator" in r.finding.message
    check = {"check": "adapted"}
    if generator:
        check.update(how="generator", option=r.finding.message.split("`")[1])
    what = "a generator that is not fitted" if generator else "a `Normalization` that has seen no data"

    def decide(readings: Readings) -> Decision:
        library = readings[0]["library"]
        return computed(
            readings[0]["same"],
            f"in {library} {what} gives what goes in, unchanged",
            f"in {library} {what} changes what goes in",
        )

    return Checks((check,), decide)


@certifies("bias-before-batchnorm")
def _bias(r: Request) -> Checks | str:
    total = r.near("add")
    bias = _added(r, total)
    after = _normalized(r, total)
    variable, node = r.node(bias), r.node(after)
    if variable is None or node is None:
        return "the layer cannot be rebuilt"

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        if found["equal"]:
            return harmless(
                "with other numbers in the bias what comes out of the normalization is the same: training is the same "
                "without it, it costs a little time only"
            )
        return confirmed("the bias changes what comes out of the normalization")

    return Checks(({"check": "unaffected", "variable": variable, "node": node},), decide)


@certifies("bias-before-batchnorm", network=False)
def _subtracted(r: Request) -> Decision | None:
    total = r.near("add")
    if _added(r, total) is None or _normalized(r, total) is None:
        return None
    return acquitted(
        "a number that is added to every row is part of the mean that is subtracted next: training is the same without "
        "the bias, it costs a little time only"
    )


def _added(r: Request, total: Operation | None) -> Operation | None:
    parts = [r.program.operation(value) for value in total.inputs] if total is not None else []
    return next((part for part in parts if part is not None and part.kind == "variable"), None)


def _normalized(r: Request, total: Operation | None) -> Operation | None:
    if total is None:
        return None
    return next((user for user in r.program.consumers(total.output) if user.kind == "normalization"), None)


@certifies("dropout-before-batchnorm")
def _shift(r: Request) -> Checks | str:
    normalization = r.near("normalization")
    source = r.program.operation(normalization.inputs[0]) if normalization is not None else None
    node = r.node(source)
    if node is None:
        return "the layers cannot be rebuilt"

    def decide(readings: Readings) -> Decision | str:
        ratio = readings[0]["ratio"]
        if ratio is None:
            return "what is normalized is 0"
        text = f"the mean square of what is normalized is {ratio:.2f} times as large in training as in evaluation"
        return computed(
            abs(ratio - 1) > 0.05,
            f"{text}, and the averages that are kept are those of training",
        )

    return Checks(({"check": "train-evaluation-ratio", "node": node, "power": 2},), decide)
