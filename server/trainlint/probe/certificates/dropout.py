"""Certificates of rules about dropout and penalties; no training judges these."""

from __future__ import annotations

import re
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
    follows,
    harmless,
)
from trainlint.probe.network import regularization
from trainlint.program.dropouts import dropped
from trainlint.program.values import Const, Tensor, Tuple

if TYPE_CHECKING:
    from trainlint.program.operations import Operation


@certifies("batch-shared-dropout-mask", "extreme-dropout", "keep-prob-rate-confusion")
def _zeros(r: Request) -> Checks | Decision | str:
    alone = re.search(r"a rate of ([\d.]+) leaves [\d.]+ of (\d+) units? on average", r.finding.message)
    if alone is not None and float(alone.group(1)) < 0.75:
        # So few units that the rate is not too high by itself.
        rate, units = float(alone.group(1)), int(alone.group(2))
        return follows(f"in {rate**units:.0%} of the rows no unit is left, and nothing of the row goes on")
    operation = r.near("dropout", "random", "multiply")
    if operation is not None and operation.kind == "random":
        operation = next((u for u in r.program.consumers(operation.output)), operation)
    node = r.node(_applied(r, operation))
    if node is None:
        return "where units are dropped cannot be rebuilt"

    def decide(readings: Readings) -> Decision | str:
        share, same = readings[0]["zero_share"], readings[0]["same_zeros"]
        if r.finding.rule == "batch-shared-dropout-mask":
            if same is None:
                return "no unit was dropped, or all were"
            return computed(same, "all rows of a batch lose the same units", "each row loses its own units")
        text = f"{share:.0%} of the units are dropped"
        if r.finding.rule == "extreme-dropout":
            return computed(share >= 0.75, text)
        if abs(share - 0.5) <= 0.02:
            return harmless(f"{text}, which is the same under either meaning")
        return confirmed(text)

    return Checks(({"check": "kept-scale", "node": node},), decide)


def _applied(r: Request, operation: Operation | None) -> Operation | None:
    """Where a mask meets the activations; a mask that is dropout of ones is not yet applied."""
    for _ in range(4):
        if operation is None or operation.kind == "multiply":
            return operation
        source = r.program.operation(operation.inputs[0]) if operation.inputs else None
        if operation.kind == "dropout" and source is not None and source.kind != "constant":
            return operation
        operation = next(iter(r.program.consumers(operation.output)), None)
    return operation


@certifies("unscaled-dropout-mask")
def _scale(r: Request) -> Checks | str:
    node = r.node(_applied(r, r.near("multiply", "random", "dropout", "select")))
    if node is None:
        return "where the mask is applied cannot be rebuilt"

    def decide(readings: Readings) -> Decision | str:
        ratio, share = readings[0]["ratio"], readings[0]["zero_share"]
        if ratio is None:
            return "no unit is kept"
        mean = ratio * (1 - share)
        return computed(
            abs(mean - 1) > 0.1,
            f"{share:.0%} of the units are dropped and the others multiplied by {ratio:.2f}, so the mean is {mean:.2f} "
            "times what it is without the mask",
        )

    return Checks(({"check": "kept-scale", "node": node},), decide, _shrunk(r))


@certifies("unscaled-dropout-mask", network=False)
def _shrunk(r: Request) -> Decision | None:
    keep = re.search(r"keeps ([\d.]+) of the units", r.finding.message)
    if keep is None:
        return None
    return follows(f"no division stands behind the mask, so the mean is {keep.group(1)} times what it is without it")


@certifies("dropout-at-evaluation")
def _still_random(r: Request) -> Checks | None:
    if "called with" in r.finding.message:
        # That call stands beside the one that is trained.
        return None

    def decide(readings: Readings) -> Decision:
        return computed(
            not readings[0]["equal"],
            "two passes in evaluation give different answers for the same rows",
            "two passes in evaluation give the same answers",
        )

    return Checks(({"check": "repeatable", "node": r.predictions, "mode": "evaluation"},), decide)


@certifies("dropout-at-evaluation", network=False)
def _dropped_there(r: Request) -> Decision | None:
    keep = re.search(r"keeps only ([\d.]+) of the units in a run that evaluates", r.finding.message)
    if keep is None:
        return None
    share = 1 - float(keep.group(1))
    return follows(f"where the program evaluates, {share:.0%} of the units are dropped at random in each run")


@certifies("dropout-never-active")
def _never_random(r: Request) -> Checks | str:
    node = r.node(r.near("dropout"))
    if node is None:
        return "the dropout cannot be rebuilt"

    def decide(readings: Readings) -> Decision:
        share = readings[0]["zero_share"]
        return computed(
            share == 0,
            "in training none of the units that reach it is dropped",
            f"in training {share:.0%} of the units are dropped",
        )

    return Checks(({"check": "kept-scale", "node": node},), decide)


@certifies("dropout-before-max-pooling")
def _pooled(r: Request) -> Checks | str:
    places = set(r.traced())
    pool = next((o for o in r.program.of_kind("pool") if places.intersection(o.places)), None)
    node = r.node(pool)
    if node is None:
        return "the pooling cannot be rebuilt"

    def decide(readings: Readings) -> Decision | str:
        ratio = readings[0]["ratio"]
        if ratio is None:
            return "the pooled values are 0"
        text = f"in training the pooled values are {ratio:.2f} times as large as in evaluation"
        return computed(abs(ratio - 1) > 0.05, text)

    return Checks(({"check": "train-evaluation-ratio", "node": node},), decide)


@certifies("regularizer-not-in-loss", network=False)
def _no_penalty(r: Request) -> Decision | None:
    """The loss that is reduced holds no penalty of any weight."""
    events = [event for event in r.program.minimized if isinstance(event.loss, Tensor) and event.how != "fit"]
    if not events:
        return None
    weights = [o for o in r.program.of_kind("variable") if regularization(r.program, o) not in (None, (0.0, 0.0))]
    for event in events:
        behind = r.program.ancestors(event.loss)
        if any((o := r.program.operation(key)) is not None and o.kind == "regularization" for key in behind):
            return None
    count = len(weights)
    if not count:
        return None
    of = "1 weight declares" if count == 1 else f"{count} weights declare"
    return follows(f"{of} a penalty and the loss that is reduced holds none: the gradients are those without it")


@certifies("regularizer-strength")
def _penalty(r: Request) -> Checks | Decision | str:
    if "negative factor" in r.finding.message:
        return follows("the penalty falls without end as the weights grow, and the loss with it")
    nodes = [name for name, node in r.written.graph["nodes"].items() if node["op"] == "l1-l2"]
    product = r.node(r.of_kind("multiply"))
    nodes = nodes or ([product] if product is not None else [])
    if not nodes:
        return "the penalty cannot be rebuilt"

    def decide(readings: Readings) -> Decision | str:
        penalties, constants = readings[0]["penalty"], readings[0]["constant"]
        if constants is None:
            return "the loss of guessing is not known"
        penalty, guess = sum(penalties) / len(penalties), sum(constants) / len(constants)
        more = all(p > c for p, c in zip(penalties, constants))
        return computed(
            more,
            f"the penalty is {penalty:.3g} at the start, and the loss of always giving the same answer is {guess:.3g}: "
            "the least loss is one with far smaller weights, whatever there is to learn",
            f"the penalty is {penalty:.3g} at the start, less than the loss of always giving the same answer, "
            f"{guess:.3g}",
        )

    return Checks(({"check": "penalties", "nodes": nodes},), decide)


@certifies("regularizer-strength", network=False)
def _rewarded(r: Request) -> Decision | None:
    if "negative factor" in r.finding.message:
        return follows("the penalty falls without end as the weights grow, and the loss with it")
    return None


@certifies("extreme-dropout", "keep-prob-rate-confusion", network=False)
def _share(r: Request) -> Decision | None:
    if "keeps nothing" in r.finding.message:
        return follows("nothing is kept, and what is left is divided by 0")
    dropout = r.near("dropout")
    share = dropped(r.program, dropout) if dropout is not None else None
    return None if share is None else _of_share(r, share)


def _of_share(r: Request, share: float) -> Decision:
    text = f"{share:.0%} of the units are dropped"
    if r.finding.rule == "keep-prob-rate-confusion" and abs(share - 0.5) <= 0.02:
        return acquitted(f"{text}, which is the same under either meaning")
    return follows(text)


@certifies("batch-shared-dropout-mask", network=False)
def _one_row(r: Request) -> Decision | None:
    for operation in r.operations:
        noise = operation.attributes.get("noise_shape")
        if operation.kind == "dropout" and isinstance(noise, Tuple) and noise.items and noise.items[0] == Const(1):
            return follows("the mask has one row for all rows of the batch: they lose the same units")
        output = operation.output
        if operation.kind == "dropout" and output.shape and output.shape[0] == 1:
            return follows("the mask has one row for all rows of the batch: they lose the same units")
    return None
