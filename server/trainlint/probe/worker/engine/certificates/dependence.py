"""Checks of what depends on what: values that are equal, affine, without effect, or never told apart."""

import numpy as np

from ..errors import GraphError
from ..initial import generator
from .passes import WRITTEN
from .starts import NOISE, constant_losses

# Sums in float32 differ by this much of their size when only their order differs.
ROUNDING = 1e-4


def _spread(values):
    finite = values[np.isfinite(values)]
    return float(finite.max() - finite.min()) if finite.size else 0.0


def _scale(*arrays):
    """The size that a difference is compared with: differences of rounding are far below it."""
    largest = [float(np.abs(a[np.isfinite(a)]).max()) for a in arrays if np.isfinite(a).any()]
    return max(largest + [1e-12])


def _equal(passes, certificate):
    """Whether two nodes hold the same numbers; a single number is compared with a tensor of one."""
    first, second = certificate["nodes"]
    found = passes.values([first, second], certificate.get("mode", "training") == "training")
    one, other = found[first].astype(np.float64), found[second].astype(np.float64)
    if one.size != other.size:
        return {"equal": False, "difference": None, "shapes": [list(one.shape[1:]), list(other.shape[1:])]}
    difference = float(np.abs(one.ravel() - other.ravel()).max())
    return {"equal": bool(difference <= 1e-6 * _scale(one, other)), "difference": difference}


def _affine(passes, certificate):
    """Whether the middle of two inputs of a stretch gives the middle of its two outputs."""
    source, node = certificate["input"], certificate["node"]
    passes.check(source)
    if source not in passes.graph.behind([node]):
        raise GraphError("{!r} does not depend on {!r}".format(node, source))
    shape = passes.values([source])[source].shape
    draws = [
        np.stack([generator(seed, "affine", str(i)).standard_normal(shape[1:]) for seed in passes.seeds])
        for i in (0, 1)
    ]
    outputs = [
        passes.values([node], False, 0, {source: value.astype(np.float32)})[node].astype(np.float64)
        for value in (draws[0], draws[1], (draws[0] + draws[1]) / 2)
    ]
    away = float(np.abs(outputs[2] - (outputs[0] + outputs[1]) / 2).max())
    apart = _scale(outputs[0] - outputs[1])
    return {"affine": bool(away <= ROUNDING * max(apart, _scale(*outputs))), "deviation": away / apart}


def _unaffected(passes, certificate):
    """Whether a node stays the same when a variable is given other numbers; in training mode."""
    variable, node = certificate["variable"], certificate["node"]
    passes.check(variable)
    if variable not in passes.graph.behind([node]):
        return {"depends": False, "equal": True, "difference": 0.0}
    before = passes.values([variable])[variable]
    noise = np.stack([generator(seed, "moved", variable).standard_normal(before.shape[1:]) for seed in passes.seeds])
    first = passes.values([node], True)[node].astype(np.float64)
    second = passes.values([node], True, 0, {variable: (before + noise).astype(np.float32)})[node].astype(np.float64)
    difference = float(np.abs(first - second).max())
    equal = difference <= ROUNDING * max(_scale(first), _spread(first))
    return {"depends": True, "equal": bool(equal), "difference": difference}


def _rows_apart(passes, certificate):
    """Whether a row's value stays the same when the other rows of the batch are others; in evaluation mode."""
    node = certificate["node"]
    sources = [name for name in passes.graph.source_of("features") if name in passes.graph.behind([node])]
    if not sources:
        raise GraphError("{!r} does not depend on the data".format(node))
    values = passes.values(sources + [node])
    replaced = {}
    for name in sources:
        other = values[name].copy()
        other[:, 1:] = np.roll(other[:, 1:], 1, axis=1) if other.dtype.kind in "iu" else 0.5 * other[:, 1:] + 0.25
        replaced[name] = other
    first, second = values[node], passes.values([node], False, 0, replaced)[node]
    if first.ndim < 2 or first.shape[1] != passes.rows:
        raise GraphError("{!r} has no axis of rows".format(node))
    difference = float(np.abs(first[:, 0].astype(np.float64) - second[:, 0]).max())
    return {"apart": bool(difference <= ROUNDING * _scale(first[:, 0])), "difference": difference}


def _units_alike(passes, certificate):
    """The kernels whose units all start equal and get equal gradients: they stay one unit for ever."""
    weights, gradients = passes.weights(passes.state), passes.gradients()
    alike, kernels = [], []
    for name, gradient in gradients.items():
        shape = [int(size) for size in passes.graph.nodes[name]["shape"]]
        if len(shape) < 2 or shape[-1] < 2:
            continue
        kernels.append(name)
        both = [one.astype(np.float64).reshape([len(one)] + shape) for one in (weights[name], gradient)]
        if all(float(np.abs(one - one[..., :1]).max()) <= 1e-6 * _scale(one) for one in both):
            alike.append(name)
    still = [name for name, gradient in gradients.items() if not np.any(gradient)]
    return {"alike": alike, "kernels": kernels, "still": still, "variables": sorted(gradients)}


def _right_answers(passes, certificate):
    """[seeds] of losses of answers that are almost right, and of ones that are almost all wrong."""
    graph = passes.graph
    place, head = passes.answers()
    if place is None:
        raise GraphError("the answers cannot be put in")
    shape = passes.values([place])[place].shape
    found = {}
    for kind in ("right", "wrong"):
        found[kind] = passes.losses({place: _answers(passes, head, shape, kind == "right")})
    return {"right": found["right"], "wrong": found["wrong"], "head": graph.head}


def _answers(passes, head, shape, right):
    """Answers [seeds, rows, outputs] that give the truth, or another answer, 95 of 100."""
    graph = passes.graph
    names = graph.source_of("labels")
    if not names:
        raise GraphError("the labels are not fed")
    fed = passes.values([names[0]])[names[0]].astype(np.float64)
    encoding, kind = graph.sources[names[0]].get("encoding"), graph.task.get("kind")
    if kind == "single-label":
        outputs = shape[-1]
        ids = fed.argmax(-1) if encoding == "one-hot" else fed.reshape(shape[:2])
        ids = ids.astype(int).reshape(shape[:2])
        ids = ids if right else (ids + 1) % outputs
        rates = np.where(np.eye(outputs)[ids] > 0, 0.95, 0.05 / max(outputs - 1, 1))
    elif kind in ("binary", "multi-label") and fed.size == int(np.prod(shape)):
        truth = fed.reshape(shape) > (0.0 if encoding == "plus-minus-one" else 0.5)
        rates = np.where(truth == right, 0.95, 0.05)
    elif kind == "regression" and fed.size == int(np.prod(shape)):
        values = fed.reshape(shape)
        return (values if right else values + values.std() + 1.0).astype(np.float32)
    else:
        raise GraphError("there are no right answers for this task")
    return WRITTEN[head](rates).reshape(shape).astype(np.float32)


def _penalties(passes, certificate):
    """[seeds] of what some nodes add to the loss, and of the loss of the best constant answer without them."""
    nodes = certificate["nodes"]
    values = passes.values(nodes)
    total = sum(values[node].reshape(len(passes.seeds), -1).sum(1).astype(np.float64) for node in nodes)
    constants = constant_losses(passes)
    whole = [node for node in passes.graph.penalties if node not in nodes]
    rest = total
    for value in (passes.values(whole) if whole else {}).values():
        rest = rest + value.reshape(len(passes.seeds), -1).sum(1)
    inside = set(nodes) & (set(passes.graph.penalties) | passes.graph.behind([passes.graph.loss]))
    constant = None if constants is None else constants - (rest if inside else rest - total)
    return {"penalty": total, "constant": constant}


def _share_outside(passes, certificate):
    """The share of a node's values below ``low`` or above ``high``."""
    node = certificate["node"]
    value = passes.values([node])[node].astype(np.float64)
    low, high = certificate.get("low"), certificate.get("high")
    outside = np.zeros(value.shape, bool)
    if low is not None:
        outside |= value < low - 1e-9
    if high is not None:
        outside |= value > high + 1e-9
    return {"share": float(outside.mean()), "low": float(value.min()), "high": float(value.max())}


def _thresholds(passes, certificate):
    """The share of outputs of usual size that one threshold takes for the other class than a second one."""
    node = certificate["node"]
    value = passes.values([node])[node].astype(np.float64)
    if certificate.get("noise"):
        value = NOISE * np.stack([generator(s, "outputs").standard_normal(value.shape[1:]) for s in passes.seeds])
    given, meant = value > certificate["threshold"], value > certificate["meant"]
    return {"share": float((given != meant).mean()), "above": float(given.mean())}


CHECKS = {
    "equal": _equal,
    "affine": _affine,
    "unaffected": _unaffected,
    "rows-apart": _rows_apart,
    "units-alike": _units_alike,
    "right-answers": _right_answers,
    "penalties": _penalties,
    "share-outside": _share_outside,
    "thresholds": _thresholds,
}
