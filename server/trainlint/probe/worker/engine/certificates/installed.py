"""Checks that ask the installed framework itself, because versions differ in what they do."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np


def _keras():
    """The Keras that a program in this environment gets, and its name."""
    if find_spec("tensorflow") is not None:
        return import_module("tensorflow").keras, "tensorflow"
    if find_spec("keras") is not None:
        return import_module("keras"), "keras"
    raise ImportError("Keras is not installed in this Python")


_LOSSES = {
    "softmax-cross-entropy": ("CategoricalCrossentropy", "softmax"),
    "sparse-softmax-cross-entropy": ("SparseCategoricalCrossentropy", "softmax"),
    "sigmoid-cross-entropy": ("BinaryCrossentropy", "sigmoid"),
}


def _rescued(certificate):
    """Whether the loss of squashed outputs, told that they are logits, is that of the values before the squashing."""
    keras, library = _keras()
    name, usual = _LOSSES[certificate.get("function", "softmax-cross-entropy")]
    activation = certificate.get("activation") or usual
    graph = certificate.get("mode", "graph") == "graph"
    rng = np.random.default_rng(0)
    units = 1 if usual == "sigmoid" else 4
    x = rng.standard_normal((16, 3)).astype(np.float32)
    kernel = (3.0 * rng.standard_normal((3, units))).astype(np.float32)
    ids = rng.integers(0, max(units, 2), 16)
    y = np.eye(units, dtype=np.float32)[ids] if name.startswith("Cat") else ids[:, None].astype(np.float32)
    model = keras.Sequential([keras.layers.Dense(units, activation=activation, use_bias=False)])
    model.build((None, 3))
    model.set_weights([kernel])
    loss = getattr(keras.losses, name)(from_logits=True)
    if certificate.get("model", True):
        model.compile(optimizer="sgd", loss=loss, run_eagerly=not graph)
        value = float(np.ravel(model.evaluate(x, y, batch_size=16, verbose=0))[0])
    elif library == "tensorflow":
        tf = import_module("tensorflow")

        def compute(rows, labels):
            return loss(labels, model(rows, training=True))

        function = tf.function(compute, autograph=False) if graph else compute
        value = float(np.asarray(function(tf.constant(x), tf.constant(y))))
    else:
        value = float(np.asarray(loss(y, model(x))))
    logits = x.astype(np.float64) @ kernel
    squashed = _softmax(logits) if activation == "softmax" else 1.0 / (1.0 + np.exp(-logits))
    single, double = _entropy(usual, logits, ids), _entropy(usual, squashed, ids)
    return {
        "available": True,
        "rescued": bool(abs(value - single) < abs(value - double)),
        "loss": value,
        "loss_of_logits": single,
        "loss_squashed_twice": double,
        "library": "{} {}".format(library, getattr(import_module(library), "__version__", "")),
    }


def _softmax(z):
    shifted = np.exp(z - z.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def _entropy(kind, logits, ids):
    if kind == "softmax":
        return float(-np.log(_softmax(logits)[np.arange(len(ids)), ids]).mean())
    z = logits[:, 0]
    return float((np.logaddexp(0.0, z) - z * ids).mean())


def _metric_on_ties(certificate):
    """The share of right answers that the real metric counts for a network that answers the same for every class."""
    classes, k = int(certificate.get("classes", 2)), int(certificate.get("k", 1))
    metric = certificate.get("metric") or "in_top_k"
    logits = np.zeros((classes, classes), np.float32)
    ids = np.arange(classes)
    if metric == "in_top_k":
        if find_spec("tensorflow") is None:
            return {"available": False, "reason": "in_top_k is a function of TensorFlow, which is not installed"}
        tf = import_module("tensorflow")
        hits = tf.math.in_top_k(targets=ids.astype(np.int32), predictions=logits, k=k)
        return {"available": True, "value": float(np.asarray(hits).mean())}
    keras, _ = _keras()
    made = getattr(keras.metrics, metric)(k=k)
    made.update_state(ids if metric.startswith("Sparse") else np.eye(classes, dtype=np.float32), logits)
    return {"available": True, "value": float(np.asarray(made.result()))}


def _optimizer_rate(certificate):
    """The rate that an object of the real class has; what it raises is told."""
    keras, _ = _keras()
    name, arguments = certificate["name"], certificate.get("arguments") or {}
    made = getattr(keras.optimizers, name, None)
    if made is None and find_spec("tensorflow") is not None:
        made = getattr(import_module("tensorflow").compat.v1.train, name, None)
    if made is None:
        return {"available": False, "reason": "this version has no optimizer {!r}".format(name)}
    try:
        optimizer = made(**arguments)
    except (TypeError, ValueError) as error:
        return {"available": True, "learning_rate": None, "error": str(error).strip().splitlines()[0]}
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None:
        rate = getattr(optimizer, "_lr", getattr(optimizer, "_learning_rate", None))
    return {"available": True, "learning_rate": float(np.asarray(rate))}


CHECKS = {"rescued": _rescued, "metric-on-ties": _metric_on_ties, "optimizer-rate": _optimizer_rate}
