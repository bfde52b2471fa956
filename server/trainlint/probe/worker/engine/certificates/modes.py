"""Checks of what differs between passes: noise, training against evaluation, moving averages."""

import numpy as np

from ..errors import GraphError
from ..initial import generator

# The mean over so many masks lies within a few percent of the expectation.
MASKS = 50
AVERAGES_STEPS = 20


def _repeatable(passes, certificate):
    node = certificate["node"]
    training = certificate.get("mode", "evaluation") == "training"
    first, second = [passes.values([node], training, step)[node] for step in (0, 1)]
    same_gaps = np.array_equal(np.isnan(first), np.isnan(second))
    return {"equal": same_gaps and np.array_equal(np.nan_to_num(first), np.nan_to_num(second))}


def _kept_scale(passes, certificate):
    """Output over input of a stretch that drops units, for inputs that are nowhere zero."""
    node = certificate["node"]
    passes.check(node)
    source = certificate.get("input") or _steady_input(passes, node)
    shape = passes.values([source])[source].shape
    noise = np.stack([generator(seed, "kept", node).standard_normal(shape[1:]) for seed in passes.seeds])
    noise = np.where(np.abs(noise) < 0.1, 0.1, noise).astype(np.float32)
    output = passes.values([node], True, 0, {source: noise})[node]
    if output.shape != noise.shape:
        if output.size != noise.size:
            raise GraphError("the shapes of {!r} and {!r} differ".format(source, node))
        output = output.reshape(noise.shape)
    zeros = output == 0
    kept = ~zeros
    ratios = output[kept] / noise[kept]
    ratio = float(ratios.mean()) if kept.any() else None
    if ratio is not None and float(np.abs(ratios - ratio).max()) > 1e-3 * max(abs(ratio), 1e-3):
        raise GraphError("{!r} is more than {!r} with units dropped".format(node, source))
    share = float(zeros.mean())
    same = None
    if 0.0 < share < 1.0 and output.shape[1] > 1:
        same = bool(np.all(zeros == zeros[:, :1]))
    return {"ratio": ratio, "zero_share": share, "same_zeros": same, "input": source}


def _steady_input(passes, node):
    """The input of a node that noise does not touch; a mask that is drawn for each step is the other one."""
    names = [one for one in passes.graph.wanted(node) if isinstance(one, str)]
    rate = passes.graph.nodes[node].get("rate")
    names = [name for name in names if name != rate]
    if not names:
        raise GraphError("node {!r} has no input".format(node))
    shape = passes.values([node])[node].shape
    fitting = []
    for name in names:
        values = passes.values([name], True, 0)[name]
        if values.shape != shape:
            continue
        steady = np.array_equal(values, passes.values([name], True, 1)[name])
        fed_noise = passes.graph.sources.get(passes.graph.nodes[name].get("source"), {}).get("role") == "noise"
        fitting.append((not steady or fed_noise, name))
    if not fitting:
        raise GraphError("no input of {!r} has its shape".format(node))
    return min(fitting, key=lambda pair: pair[0])[1]


def _train_evaluation_ratio(passes, certificate):
    node = certificate["node"]
    power = int(certificate.get("power", 1))

    def size(values):
        values = np.abs(values.astype(np.float64))
        return float((values**power).mean())

    evaluation = size(passes.values([node])[node])
    total = 0.0
    for step in range(MASKS):
        # A fed mask is drawn with the batch: the rows stay, the masks change.
        passes.redraw_masks(step)
        total += size(passes.values([node], True, step)[node])
    ratio = total / MASKS / evaluation if evaluation > 0 else None
    return {"ratio": ratio, "training": total / MASKS, "evaluation": evaluation, "masks": MASKS}


def _moving_averages(passes, certificate):
    """The largest relative change of the moving averages of ``node``, or of all."""
    wanted = certificate.get("node")
    if wanted is not None:
        passes.check(wanted)
    before = passes.state["averages"]
    names = [wanted] if wanted in before else list(before)
    if not names:
        return {"error": "the network keeps no moving averages"}
    after = passes.averages_after(AVERAGES_STEPS)
    change = 0.0
    for name in names:
        for key in ("mean", "variance"):
            old, new = passes.backend.numpy(before[name][key]), passes.backend.numpy(after[name][key])
            change = max(change, float(np.abs(new - old).max()))
    return {"change": change, "steps": AVERAGES_STEPS}


CHECKS = {
    "repeatable": _repeatable,
    "kept-scale": _kept_scale,
    "train-evaluation-ratio": _train_evaluation_ratio,
    "moving-averages": _moving_averages,
}
