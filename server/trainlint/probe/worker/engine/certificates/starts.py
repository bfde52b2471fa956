"""Checks of what the network computes at its initial weights: shapes, losses, gradients, ranges."""

import numpy as np

from ..data.sources import fed_values
from ..initial import generator
from .passes import WRITTEN, plain

# Prime, so that no other size of a network is taken for the number of rows by accident.
SHAPE_ROWS = 61
# Below this share of the largest a gradient is zero but for rounding.
ZERO = 1e-12
# The spread of outputs that replaces a node: healthy logits are of this size.
NOISE = 3.0
MOVES_STEPS = 25


def _shape(passes, certificate):
    node = certificate["node"]
    passes.check(node)
    shapes, _ = passes.program.inspect(SHAPE_ROWS, [node])
    return {"shape": list(shapes[node]), "rows": SHAPE_ROWS}


def _loss_at_start(passes, certificate):
    losses = passes.losses()
    constants = constant_losses(passes)
    ratios = None
    if constants is not None:
        with np.errstate(all="ignore"):
            ratios = losses / constants
    return {
        "loss": losses,
        "constant": constants,
        "ratio": None if ratios is None else float(np.mean(ratios)),
        "available": constants is not None,
    }


def constant_losses(passes):
    """[seeds] of the loss of the best predictor that answers the same for every row; None where it cannot be put in.

    Candidates are what is best for the usual losses: base rates as probabilities or logits, means and medians of the
    labels as they are fed.
    """
    place, head = passes.answers()
    if place is None:
        return None
    shape = passes.values([place])[place].shape
    best = None
    for candidate in _candidates(passes, head, shape):
        losses = passes.losses({place: candidate})
        best = losses if best is None else np.minimum(best, losses)
    return best


def _candidates(passes, head, shape):
    """Arrays [seeds, *shape of the predictions] of constant answers."""
    graph = passes.graph
    samples = [passes.data.samples[seed] for seed in passes.seeds]
    kind = samples[0].kind
    for name in graph.source_of("labels"):
        fed = np.stack([fed_values(graph, name, sample, slice(None)) for sample in samples]).astype(np.float64)
        if fed.ndim == len(shape) and fed.shape[2:] == shape[2:]:
            for middle in (fed.mean(1, keepdims=True), np.median(fed, 1, keepdims=True)):
                yield np.broadcast_to(middle, shape).astype(np.float32)
        elif fed[0, 0].size == int(np.prod(shape[2:])):
            middle = fed.mean(1).reshape((shape[0], 1) + shape[2:])
            yield np.broadcast_to(middle, shape).astype(np.float32)
    if kind in ("regression", "autoencoder", "dense-regression", "none"):
        return
    outputs = shape[-1] if len(shape) > 2 else 1
    rates = np.stack([_base_rates(sample, outputs) for sample in samples])
    answers = WRITTEN.get(head, plain)(np.clip(rates, 1e-7, 1.0 - 1e-7))
    yield np.broadcast_to(answers.reshape((shape[0],) + (1,) * (len(shape) - 2) + (-1,)), shape).astype(np.float32)


def _base_rates(sample, outputs):
    """[outputs] of how often each class or label occurs."""
    if sample.kind == "multi-label":
        rates = sample.truth.mean(0)
        return rates[np.arange(outputs) % len(rates)]
    flat = sample.truth.ravel()
    if outputs == 1:
        return np.array([(flat == 1).mean()])
    return np.bincount(flat, minlength=outputs)[:outputs] / flat.size


def _gradients(passes, certificate):
    gradients = passes.gradients()

    def norms(arrays):
        return {
            name: np.sqrt((value.astype(np.float64).reshape(len(value), -1) ** 2).sum(1))
            for name, value in arrays.items()
        }

    weights = passes.weights(passes.state)
    return {"gradients": norms(gradients), "weights": norms(weights)}


def _zero_gradient_rows(passes, certificate):
    node = certificate["node"]
    passes.check(node)
    if node not in passes.graph.behind([passes.graph.loss]):
        return {"error": "the loss does not depend on {!r}".format(node)}
    value = passes.values([node], training=True)[node]
    if value.dtype.kind != "f":
        return {"error": "node {!r} holds no numbers that have a gradient".format(node)}
    if certificate.get("noise"):
        draws = [generator(seed, "outputs").standard_normal(value.shape[1:]) for seed in passes.seeds]
        value = NOISE * np.stack(draws)
    gradient = passes.gradient_of(node, value.astype(np.float32))
    largest = np.abs(gradient.reshape(len(gradient), gradient.shape[1], -1)).max(2)
    with np.errstate(invalid="ignore"):
        zero = largest <= ZERO * np.nanmax(largest, axis=1, keepdims=True)
    return {"share": float(zero.mean()), "per_seed": zero.mean(1), "rows": int(gradient.shape[1])}


def _rows_sum_to_one(passes, certificate):
    node = certificate["node"]
    value = passes.values([node])[node]
    inside = bool(np.all(np.isfinite(value)) and value.min() >= -1e-6 and value.max() <= 1.0 + 1e-6)
    sums = value.sum(-1) if value.ndim > 2 else value
    return {"in_unit_interval": inside, "sums_to_one": bool(np.all(np.abs(sums - 1.0) < 1e-3))}


def _range(passes, certificate):
    node = certificate["node"]
    replaced = {}
    scale = certificate.get("scale")
    if scale is not None:
        logits = _logits(passes.graph)
        values = passes.values([logits])[logits]
        if not np.ptp(values):
            # Weights that start at zero say nothing of what comes later.
            draws = [generator(seed, "outputs").standard_normal(values.shape[1:]) for seed in passes.seeds]
            values = np.stack(draws)
        replaced[logits] = (values * float(scale)).astype(np.float32)
    value = passes.values([node], replaced=replaced)[node].astype(np.float64)
    finite = value[np.isfinite(value)]
    return {
        "low": float(finite.min()) if finite.size else None,
        "high": float(finite.max()) if finite.size else None,
        "not_finite": float(1.0 - finite.size / max(value.size, 1)),
    }


def _logits(graph):
    """The node before the last squashing activation of the predictions, else the predictions."""
    place = graph.predictions
    node = graph.nodes[place]
    seen = 0
    while node["op"] in ("identity", "reshape", "squeeze", "expand", "clip", "cast") and seen < 8:
        place = node["inputs"][0]
        node = graph.nodes[place]
        seen += 1
    if node["op"] == "activation" and node["function"] in ("softmax", "sigmoid", "tanh", "log_softmax"):
        return node["inputs"][0]
    return graph.predictions


def _distinct_values(passes, certificate):
    node = certificate["node"]
    value = passes.values([node])[node]
    if value.dtype.kind == "f":
        # Six digits: sums in another order differ in the seventh.
        scale = float(np.abs(value[np.isfinite(value)]).max()) if np.isfinite(value).any() else 1.0
        value = np.round(value / (scale or 1.0), 6)
    return {"count": len(np.unique(value))}


def _moves(passes, certificate):
    after = passes.weights(passes.trained(MOVES_STEPS))
    change = {}
    for name, before in passes.weights(passes.state).items():
        with np.errstate(all="ignore"):
            size = np.sqrt((before**2).sum(1))
            moved = np.sqrt(((after[name] - before) ** 2).sum(1))
            change[name] = np.where(size > 0, moved / np.maximum(size, 1e-30), np.nan)
    return {"change": change, "steps": MOVES_STEPS}


def _activations(passes, certificate):
    """At the start and after as many steps as tell dead units of a rate that is too high."""
    names = passes.program.watched
    chunk = passes.rows

    def read(state):
        fed = passes.replicas.held_out(passes.data, 0, chunk)
        kept = {key: state[key] for key in ("weights", "averages")}
        found = passes.program.evaluate(kept, passes.fixed, fed, chunk)["activations"]
        keys = ("rms", "zeros", "saturated", "dead")
        return {name: dict(zip(keys, found[name].mean(0).tolist())) for name in names}

    return {"start": read(passes.state), "end": read(passes.trained(MOVES_STEPS)), "steps": MOVES_STEPS}


CHECKS = {
    "shape": _shape,
    "loss-at-start": _loss_at_start,
    "gradients": _gradients,
    "zero-gradient-rows": _zero_gradient_rows,
    "rows-sum-to-one": _rows_sum_to_one,
    "range": _range,
    "distinct-values": _distinct_values,
    "moves": _moves,
    "activations": _activations,
}
