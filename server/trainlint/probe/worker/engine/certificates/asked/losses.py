"""What installed losses, metrics and optimizers do with what they are given."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np

from .library import keras_of_programs, keras_version

_LOSSES = {
    "softmax-cross-entropy": ("CategoricalCrossentropy", "softmax"),
    "sparse-softmax-cross-entropy": ("SparseCategoricalCrossentropy", "softmax"),
    "sigmoid-cross-entropy": ("BinaryCrossentropy", "sigmoid"),
}


def _rescued(certificate):
    """Whether the loss of squashed outputs, told that they are logits, is that of the values before the squashing."""
    keras, library = keras_of_programs()
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
        "library": keras_version(),
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
    keras, _ = keras_of_programs()
    made = getattr(keras.metrics, metric)(k=k)
    made.update_state(ids if metric.startswith("Sparse") else np.eye(classes, dtype=np.float32), logits)
    return {"available": True, "value": float(np.asarray(made.result()))}


def _optimizer_rate(certificate):
    """The rate that an object of the real class has; what it raises is told."""
    keras, _ = keras_of_programs()
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
    rate = float(np.asarray(rate))
    return {"available": True, "learning_rate": rate, "later": _later(optimizer)}


def _later(optimizer):
    """The rate after 1000 steps; None where it cannot be read."""
    try:
        optimizer.iterations.assign(1000)
        if hasattr(optimizer, "_decayed_lr"):
            return float(np.asarray(optimizer._decayed_lr("float32")))
        return float(np.asarray(optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return None


def _swapped(certificate):
    """The loss of the same labels and answers in both orders; an exception is one too."""
    rng = np.random.default_rng(0)
    function = certificate["function"]
    ids = rng.integers(0, 4, 32)
    logits = rng.standard_normal((32, 4))
    hot = np.eye(4)[ids]
    if function in ("squared-error", "absolute-error", "huber", "log-cosh"):
        labels, answers = rng.standard_normal((32, 1)), logits[:, :1]
    elif function == "sigmoid-cross-entropy":
        labels, answers = (ids[:, None] % 2).astype(float), logits[:, :1]
    else:
        labels, answers = hot, logits
    if not certificate.get("from_logits", True) and function.endswith("cross-entropy"):
        answers = 1 / (1 + np.exp(-answers)) if function.startswith("sigmoid") else _softmax(answers)
    right, other = [_of_both(function, certificate.get("from_logits", True), *pair)
                    for pair in ((labels, answers), (answers, labels))]  # fmt: skip
    return {"available": True, "loss": right, "swapped": other}


def _of_both(function, from_logits, labels, answers):
    """The definition of a loss, in double precision."""
    if function == "absolute-error":
        return float(np.abs(labels - answers).mean())
    if function in ("squared-error", "huber", "log-cosh"):
        away = labels - answers
        if function == "huber":
            return float(np.where(np.abs(away) <= 1, 0.5 * away**2, np.abs(away) - 0.5).mean())
        return float((away**2).mean() if function == "squared-error" else np.log(np.cosh(away)).mean())
    if function == "sigmoid-cross-entropy":
        if from_logits:
            return float((np.maximum(answers, 0) - answers * labels + np.log1p(np.exp(-np.abs(answers)))).mean())
        p = np.clip(answers, 1e-7, 1 - 1e-7)
        return float(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean())
    p = _softmax(answers) if from_logits else np.clip(answers / answers.sum(-1, keepdims=True), 1e-7, 1 - 1e-7)
    return float(-(labels * np.log(p)).sum(-1).mean())


CHECKS = {
    "swapped": _swapped,
    "rescued": _rescued,
    "metric-on-ties": _metric_on_ties,
    "optimizer-rate": _optimizer_rate,
}
