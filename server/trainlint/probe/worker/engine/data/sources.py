"""How an arm's sources show the canonical sample."""

import numpy as np

from ..initial import normal_share
from .sample import DENSE, binned, without_rows


def fed_values(graph, name, sample, rows):
    """[rows, *shape of a row] that the source ``name`` of an arm is fed for ``rows`` (a slice or numbers)."""
    source = graph.sources[name]
    if source.get("role") == "noise":
        raise ValueError("noise is drawn for each step")
    if source.get("role") == "labels":
        values = _labels(graph, source, sample, rows)
    else:
        values = _features(source, sample.features(name, source)[rows])
    dtype = source.get("dtype") or "float32"
    if dtype == "bool":
        return values.astype(bool)
    if "int" in dtype:
        return np.floor(values).astype(np.int32)
    return values.astype(np.float32, copy=False)


def _features(source, unit):
    values = source.get("values") or {"kind": "normal", "mean": 0.0, "rms": 1.0}
    kind = values.get("kind")
    if kind == "integers":
        return unit
    if kind == "interval":
        low, high = float(values["low"]), float(values["high"])
        # The distribution function fills the interval evenly, as raw pixels and measurements do.
        filled = low + (high - low) * normal_share(unit)
        return np.clip(filled, low, np.nextafter(np.float32(high), np.float32(low))) if _is_int(source) else filled
    if kind == "counts":
        # exp(x - 1) of a standard normal x has a root mean square of 1: few large counts, many small ones.
        return np.floor(float(values.get("rms", 1.0)) * np.exp(unit - 1.0) + 0.5)
    return float(values.get("mean", 0.0)) + float(values.get("rms", values.get("stddev", 1.0))) * unit


def _is_int(source):
    return "int" in (source.get("dtype") or "float32")


def scaled_values(source, unit):
    """Truths of spread 1 in the units of a labels source."""
    values = source.get("values") or source
    if values.get("low") is not None and values.get("high") is not None:
        low, high = float(values["low"]), float(values["high"])
        # Three standard deviations fill the range; the rest is cut.
        return low + (high - low) * (np.clip(unit, -3.0, 3.0) + 3.0) / 6.0
    return float(values.get("mean", 0.0)) + float(values.get("rms", 1.0)) * unit


def _labels(graph, source, sample, rows):
    encoding = source.get("encoding", "values")
    shape = without_rows(source["shape"])[0]
    if encoding == "features":
        of = source.get("of")
        of = of[0] if isinstance(of, list) else of
        found = fed_values(graph, of or graph.source_of("features")[0], sample, rows)
        return found.reshape((len(found),) + shape)
    truth = sample.truth[rows]
    if sample.kind in DENSE:
        truth = _at_places(truth, shape, sample.kind, encoding)
    n = len(truth)
    size = int(np.prod(shape, dtype=np.int64)) if shape else 1
    if encoding != "values" and truth.dtype.kind != "i":
        # A network whose task nobody knows is still fed what its labels look like.
        truth = binned(truth.reshape(n, -1)[:, 0], max(2, int(graph.task.get("classes") or 2)))
    if encoding == "values":
        return _fitted(scaled_values(source, truth), n, shape)
    is_single = sample.kind in ("none", "single-label", "binary", "dense-single-label", "dense-binary")
    per_place = size // max(1, int(np.prod(truth.shape[1:], dtype=np.int64)))
    if is_single and encoding != "class-ids" and per_place > 1:
        # One number for each class.
        truth = np.eye(max(per_place, int(truth.max()) + 1), dtype=np.int64)[truth][..., :per_place]
    if encoding == "plus-minus-one":
        truth = 2 * truth - 1
    return _fitted(truth, n, shape)


def _at_places(truth, shape, kind, encoding):
    """The truths of a dense task at the places of the labels, which may be fewer or more than the features'."""
    space = truth.shape[1:-1] if kind == "dense-regression" else truth.shape[1:]
    wanted = shape[: len(space)]
    for axis, (have, want) in enumerate(zip(space, wanted)):
        if have != want:
            truth = np.take(truth, np.arange(want) * have // max(want, 1), axis=axis + 1)
    return truth


def _fitted(values, n, shape):
    size = int(np.prod(shape, dtype=np.int64)) if shape else 1
    flat = values.reshape(n, -1)
    if flat.shape[1] != size:
        # Fewer outputs than the truth has, or copies of it.
        flat = flat[:, np.arange(size) % flat.shape[1]]
    return flat.reshape((n,) + tuple(shape))
