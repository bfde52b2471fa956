"""Skill, accuracy and spread of predictions on held-out rows, read as the arm's head says."""

import numpy as np

from .data.sample import DENSE

EPSILON = 1e-7
FLOOR = -3.0


def read(head, values):
    """Probabilities or values of what ``predictions`` reports; [rows, ..., outputs]."""
    values = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if head == "softmax-logits":
            shifted = np.exp(values - values.max(-1, keepdims=True))
            return np.clip(shifted / shifted.sum(-1, keepdims=True), EPSILON, 1.0)
        if head == "sigmoid-logits":
            return np.clip(1.0 / (1.0 + np.exp(-values)), EPSILON, 1.0 - EPSILON)
        if head == "sigmoid-probabilities":
            return np.clip(values, EPSILON, 1.0 - EPSILON)
        if head == "tanh-probabilities":
            return np.clip((values + 1.0) / 2.0, EPSILON, 1.0 - EPSILON)
        if head == "log-probabilities":
            return np.clip(np.exp(values), EPSILON, 1.0)
        if head == "probabilities":
            clipped = np.clip(values, EPSILON, 1.0 - EPSILON)
            return clipped / clipped.sum(-1, keepdims=True) if values.shape[-1] > 1 else clipped
    return values


def score(kind, head, predictions, truth):
    """``{"skill", "accuracy", "spread"}`` of predictions [rows, ...]; a ValueError says why there is none.

    ``truth`` is ids, 0 and 1 for each label, or numbers in the units of the predictions.
    """
    if kind in ("regression", "autoencoder", "dense-regression"):
        values = 1.0 / (1.0 + np.exp(-predictions.astype(np.float64))) if head == "sigmoid-logits" else predictions
        return _numeric(values.astype(np.float64), truth)
    if kind == "multi-label":
        return _labels(read(head, predictions), truth)
    return _classes(_distribution(kind, head, predictions, truth), truth)


def _distribution(kind, head, predictions, truth):
    """[places, classes] of probabilities."""
    if not np.all(np.isfinite(predictions)):
        return None
    n_places = truth.size
    if predictions.size % n_places:
        raise ValueError(
            "predictions of shape {} do not fit {} truths for a row".format(
                list(predictions.shape[1:]), truth.size // len(truth)
            )
        )
    p = read(head, predictions.reshape(n_places, -1))
    if p.shape[1] == 1:
        p = np.clip(p, EPSILON, 1.0 - EPSILON)
        return np.concatenate([1.0 - p, p], 1)
    if head in ("sigmoid-logits", "sigmoid-probabilities", "tanh-probabilities", "values"):
        p = np.clip(p, EPSILON, 1.0)
        return p / p.sum(1, keepdims=True)
    return p


def _classes(p, truth):
    if p is None:
        return {"skill": FLOOR, "accuracy": None, "spread": None}
    flat = truth.ravel()
    counts = np.bincount(flat, minlength=p.shape[1])
    if len(counts) > p.shape[1]:
        raise ValueError("there are {} classes, predictions tell {}".format(len(counts), p.shape[1]))
    rates = counts[counts > 0] / flat.size
    base = -(rates * np.log(rates)).sum()
    loss = -np.log(p[np.arange(flat.size), flat]).mean()
    return {
        "skill": _clipped(1.0 - loss / max(base, 1e-9)),
        "accuracy": float((p.argmax(1) == flat).mean()),
        "spread": float(p.std(0).mean()),
    }


def _labels(p, truth):
    p = p.reshape(len(truth), -1)
    y = truth.reshape(len(truth), -1)
    if p.shape != y.shape:
        raise ValueError("there are {} labels, predictions tell {}".format(y.shape[1], p.shape[1]))
    if not np.all(np.isfinite(p)):
        return {"skill": FLOOR, "accuracy": None, "spread": None}
    p = np.clip(p, EPSILON, 1.0 - EPSILON)
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(0)
    rate = np.clip(y.mean(0), EPSILON, 1.0 - EPSILON)
    base = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return {
        "skill": _clipped(np.mean(1.0 - loss / np.maximum(base, 1e-6))),
        "accuracy": float(((p > 0.5) == (y > 0.5)).mean()),
        "spread": float(p.std(0).mean()),
    }


def _numeric(values, truth):
    if not np.all(np.isfinite(values)):
        return {"skill": FLOOR, "accuracy": None, "spread": None}
    truth = truth.astype(np.float64)
    flat, wanted = values.reshape(len(values), -1), truth.reshape(len(truth), -1)
    if flat.shape != wanted.shape:
        raise ValueError("there are {} numbers to predict, predictions have {}".format(wanted.shape[1], flat.shape[1]))
    # One variance over all outputs, each around its own mean: outputs that hardly vary do not count more.
    variance = ((wanted - wanted.mean(0)) ** 2).mean()
    error = ((flat - wanted) ** 2).mean()
    return {
        "skill": _clipped(1.0 - error / max(variance, 1e-12)),
        "accuracy": None,
        "spread": float(flat.std(0).mean()),
    }


def _clipped(skill):
    return float(max(skill, FLOOR)) if np.isfinite(skill) else FLOOR


def truth_of(graph, sample, rows):
    """The truth that an arm's predictions are compared with, in the arm's own units where these are numbers."""
    from .data.sources import fed_values, scaled_values

    kind = sample.kind
    if kind == "autoencoder":
        for name in graph.source_of("labels"):
            return fed_values(graph, name, sample, rows)
        return fed_values(graph, graph.source_of("features")[0], sample, rows)
    if kind in ("regression", "dense-regression"):
        for name in graph.source_of("labels"):
            return fed_values(graph, name, sample, rows)
        return scaled_values({}, sample.truth[rows])
    truth = sample.truth[rows]
    if kind in DENSE:
        from .data.sample import without_rows
        from .data.sources import _at_places

        for name in graph.source_of("labels"):
            return _at_places(truth, without_rows(graph.sources[name]["shape"])[0], kind, "")
    return truth
