"""The canonical sample of a (task, seed): drawn once, shared by all arms."""

import numpy as np

from ..initial import generator
from . import features, fields, truths

DENSE = ("dense-single-label", "dense-binary", "dense-regression")


def without_rows(shape):
    """The shape of one row, and the axis that counts rows."""
    shape = list(shape)
    axis = shape.index("N") if "N" in shape else 0
    return tuple(int(size) for position, size in enumerate(shape) if position != axis), axis


class Sample:
    """Canonical features and truths; numbers have a spread of about 1, ids lie in their vocabulary.

    ``graph`` is that of the first arm: its sources say what kind of features there are.
    """

    def __init__(self, task, seed, graph, rows):
        self.task = task
        self.seed = seed
        self.rows = rows
        self.kind = graph.task.get("kind", "none")
        self._features: dict = {}
        self._graph = graph
        self._rng = generator(seed, "sample", task)
        self._z: np.ndarray
        self.truth: np.ndarray
        if self.kind in DENSE:
            self._draw_dense(graph)
        else:
            self._draw(graph)

    def _first_features(self, graph):
        names = graph.source_of("features")
        return graph.sources[names[0]] if names else None

    def _draw(self, graph):
        first = self._first_features(graph)
        shape = without_rows(first["shape"])[0] if first else ()
        is_ids = first is not None and (first.get("values") or {}).get("kind") == "integers"
        n_coordinates = truths.SPATIAL_COORDINATES if is_ids else truths.coordinates_for(shape)
        kind = "regression" if self.kind in ("autoencoder", "none") else self.kind
        self._z, self.truth = truths.drawn(self.task, kind, self._rng, self.rows, n_coordinates, self._outputs(graph))

    def _outputs(self, graph):
        task = graph.task
        if self.kind in ("single-label", "dense-single-label"):
            return int(task.get("classes") or 2)
        if self.kind == "multi-label":
            return int(task.get("labels") or task.get("classes") or 1)
        names = graph.source_of("labels")
        if self.kind in ("regression", "dense-regression") and names:
            shape = without_rows(graph.sources[names[0]]["shape"])[0]
            if self.kind == "dense-regression":
                return shape[-1] if len(shape) > 1 else 1
            return int(np.prod(shape, dtype=np.int64)) if shape else 1
        return int(task.get("outputs") or 1)

    def _draw_dense(self, graph):
        first = self._first_features(graph)
        shape = without_rows(first["shape"])[0] if first else (1,)
        is_ids = (first.get("values") or {}).get("kind") == "integers" if first else False
        space, channels = (shape, 3) if is_ids or len(shape) == 1 else (shape[:-1], shape[-1])
        drawn, self.truth = fields.dense(
            self.task, self.kind, self._rng, self.rows, space, channels, self._outputs(graph)
        )
        self._z = drawn.reshape(self.rows, -1)[:, : truths.HIDDEN_COORDINATES]
        if first is None:
            return
        name = graph.source_of("features")[0]
        if is_ids:
            values = first["values"]
            groups = self.truth if self.kind != "dense-regression" else binned(self.truth[..., 0])
            count = int(values["high"]) - int(values["low"]) + 1
            self._features[name] = fields.dense_ids(
                generator(self.seed, "ids", self.task, name), groups, count, values["low"]
            )
        else:
            self._features[name] = drawn if len(shape) > 1 else drawn[..., 0]

    def features(self, name, source):
        """Canonical features [rows, *shape of a row] of a source; ids for integers."""
        shape = without_rows(source["shape"])[0]
        values = source.get("values") or {}
        key = name
        found = self._features.get(key)
        if found is not None and values.get("kind") == "integers" and found.dtype.kind != "i":
            found, key = None, name + "/ids"
            found = self._features.get(key)
        if found is not None and int(np.prod(found.shape[1:])) != int(np.prod(shape, dtype=np.int64)):
            found, key = None, "{}{}".format(key, list(shape))
            found = self._features.get(key)
        if found is None:
            rng = generator(self.seed, "features", self.task, name)
            if values.get("kind") == "integers":
                found = features.ids(rng, self._z, self._groups(), shape, values.get("low", 0), values.get("high", 9))
            else:
                found = features.numeric(rng, self._z, shape)
            self._features[key] = found
        return found.reshape((self.rows,) + shape)

    def _groups(self):
        """[rows] of small numbers that say as much of the truth as one id can."""
        truth = self.truth
        if truth.ndim == 1 and truth.dtype.kind == "i":
            return truth
        first = truth.reshape(self.rows, -1)[:, 0]
        if truth.dtype.kind == "i":
            powers = truth.reshape(self.rows, -1)[:, :3]
            return powers @ (2 ** np.arange(powers.shape[1]))
        return binned(first)


def binned(values, count=8):
    """Numbers of the quantile bins that ``values`` fall into."""
    edges = np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(edges, values)
