"""Synthetic data: what sources show, and that healthy networks of common kinds learn it."""

import engine
import numpy as np
from engine.data import Sample, fed_values
from engine.graph import Graph
from networks import HEALTHY, Network, experiment

QUICK = (
    "mlp", "bytes", "wide", "counts", "tokens-pool", "multi-label", "regression", "autoencoder", "three-inputs",
    "transformer",
)  # fmt: skip


def shown(graph, name, rows=2000, task="teacher", seed=0):
    graph = Graph(graph)
    return fed_values(graph, name, Sample(task, seed, graph, rows), slice(None))


def features(*shape, **values):
    n = Network()
    x = n.features(*shape, **values)
    loss = n.add("reduce", n.add("matmul", x, n.variable(4, 1)), how="mean")
    n.labels("class-ids", dtype="int32")
    return n.graph(loss, x, "values", kind="single-label", classes=3)


def check_kinds_of_features():
    """
    Intervals are filled, counts are whole, ids lie in their vocabulary.
    """
    bytes_ = shown(features(12, kind="interval", low=0.0, high=255.0), "x")
    assert 0 <= bytes_.min() < 10 and 245 < bytes_.max() <= 255
    assert abs(bytes_.mean() - 127.5) < 10 and 60 < bytes_.std() < 80
    normal = shown(features(12, kind="normal", mean=3.0, rms=2.0), "x")
    assert abs(normal.mean() - 3.0) < 0.2 and abs(normal.std() - 2.0) < 0.2
    counts = shown(features(12, kind="counts", rms=10.0), "x")
    assert np.array_equal(counts, np.round(counts)) and counts.min() >= 0
    assert 7 < np.sqrt((counts**2).mean()) < 13
    ids = shown(features(30, kind="integers", low=0, high=99), "x")
    assert ids.dtype == np.int32 and 0 <= ids.min() and ids.max() <= 99 and len(np.unique(ids)) > 30


def check_arms_show_one_sample():
    """
    Two ranges of one source are the same numbers, scaled.
    """
    one = shown(features(12, kind="interval", low=0.0, high=1.0), "x")
    other = shown(features(12, kind="interval", low=-1.0, high=1.0), "x")

    assert np.allclose(2 * one - 1, other, atol=1e-5)


def labels(kind, encoding, *shape, dtype="float32", task="teacher", **extra):
    n = Network()
    x = n.features(8)
    y = n.labels(encoding, *shape, dtype=dtype, **extra)
    graph = n.graph(n.add("reduce", x, how="mean"), x, "values", kind=kind, classes=4, labels=4)
    graph["nodes"]["again"] = {"op": "identity", "inputs": [y]}
    return shown(graph, "y", task=task)


def check_encodings_of_labels():
    """
    One truth as numbers, vectors, signs; classes are about equally frequent.
    """
    for task in ("teacher", "prototypes", "linear"):
        ids = labels("single-label", "class-ids", dtype="int32", task=task)
        hot = labels("single-label", "one-hot", 4, task=task)
        assert np.array_equal(ids, hot.argmax(1)) and np.all(hot.sum(1) == 1)
        assert np.bincount(ids).min() > 0.15 * len(ids)
        signs = labels("binary", "plus-minus-one", 1, task=task)
        bits = labels("binary", "zero-one", task=task)
        assert np.array_equal(signs[:, 0], 2 * bits - 1) and 0.4 < bits.mean() < 0.6
        many = labels("multi-label", "zero-one", 4, task=task)
        assert (2000, 4) == many.shape and {0.0, 1.0} == set(np.unique(many)) and 0.3 < many.mean() < 0.5
        values = labels("regression", "values", 1, low=0.0, high=10.0, task=task)
        assert 0 <= values.min() and values.max() <= 10 and abs(values.mean() - 5) < 0.5


def check_healthy_networks_learn():
    """
    All tasks, 200 steps, Adam at 1e-3: the skill of a healthy network is at least .3.
    """
    for name in QUICK:
        whole = experiment(HEALTHY[name](), tasks=["teacher", "prototypes", "linear"], seeds=[0, 1])
        for item in engine.run(whole, lambda event: None, lambda: False)["arms"]:
            assert item["error"] is None, (name, item["error"])
            skills = [row[-1] for row in item["skill"]]
            assert np.mean(skills) > 0.3, (name, item["task"], skills)


def check_spatial_networks_learn():
    """
    A small convolutional network and a recurrent tagger, on fewer seeds.
    """
    for name, steps in (("cnn", 100), ("tagging", 200)):
        whole = experiment(HEALTHY[name](), tasks=["prototypes"], seeds=[0], steps=steps, checkpoints=[steps])
        (item,) = engine.run(whole, lambda event: None, lambda: False)["arms"]
        assert item["error"] is None and item["skill"][0][-1] > 0.3, (name, item["skill"])
