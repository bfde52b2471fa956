"""Networks in the experiment format, written the short way that tests need."""

from __future__ import annotations

import math
from typing import Any, Dict

Json = Dict[str, Any]

ADAM = {"name": "Adam", "learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "form": "keras"}


def glorot(shape: list[int]) -> Json:
    field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    return {"distribution": "uniform", "low": -limit, "high": limit}


class Network:
    """Collects nodes; ``graph`` gives the description of an arm."""

    def __init__(self) -> None:
        self.nodes: Json = {}
        self.sources: Json = {}

    def add(self, op: str, *inputs: Any, **attributes: Any) -> str:
        name = attributes.pop("name", None) or f"{op}-{sum(node['op'] == op for node in self.nodes.values()) + 1}"
        self.nodes[name] = {"op": op, "inputs": list(inputs), **attributes}
        return name

    def source(self, name: str, **source: Any) -> str:
        self.sources[name] = source
        return self.add("source", source=name, name=name)

    def features(self, *shape: int, name: str = "x", **values: Any) -> str:
        values = values or {"kind": "normal", "mean": 0, "rms": 1}
        dtype = "int32" if values["kind"] == "integers" else "float32"
        return self.source(name, role="features", shape=["N", *shape], dtype=dtype, values=values)

    def labels(self, encoding: str, *shape: int, name: str = "y", dtype: str = "float32", **extra: Any) -> str:
        return self.source(name, role="labels", shape=["N", *shape], dtype=dtype, encoding=encoding, **extra)

    def variable(self, *shape: int, initial: Json | None = None, name: str | None = None, **extra: Any) -> str:
        initial = initial or (glorot(list(shape)) if len(shape) > 1 else {"distribution": "constant", "value": 0.0})
        return self.add("variable", shape=list(shape), dtype="float32", initial=initial, name=name, **extra)

    def dense(self, x: str, n_in: int, n_out: int, activation: str | None = None, initial: Json | None = None) -> str:
        y = self.add("matmul", x, self.variable(n_in, n_out, initial=initial))
        y = self.add("add", y, self.variable(n_out))
        return self.add("activation", y, function=activation) if activation else y

    def convolution(self, x: str, size: int, n_in: int, n_out: int, activation: str = "relu", rank: int = 2) -> str:
        kernel = self.variable(*[size] * rank, n_in, n_out)
        y = self.add("convolution", x, kernel, rank=rank, strides=[1] * rank, padding="same")
        return self.add("activation", self.add("add", y, self.variable(n_out)), function=activation)

    def pool(self, x: str, how: str = "max", size: int = 2, rank: int = 2, **attributes: Any) -> str:
        given = {"size": [size] * rank, "strides": [size] * rank, "padding": "valid", **attributes}
        return self.add("pool", x, how=how, rank=rank, **given)

    def recurrent(self, x: str, cell: str, n_in: int, units: int, **attributes: Any) -> str:
        gates = {"lstm": 4, "gru": 3, "simple": 1}[cell]
        reset_after = attributes.get("reset_after", cell == "gru")
        if cell == "lstm":
            bias = {"distribution": "values", "values": [0.0] * units + [1.0] * units + [0.0] * (2 * units)}
            biases = self.variable(4 * units, initial=bias)
        elif cell == "gru" and reset_after:
            biases = self.variable(2, 3 * units, initial={"distribution": "constant", "value": 0.0})
        else:
            biases = self.variable(gates * units)
        kernel = self.variable(n_in, gates * units)
        inner = self.variable(units, gates * units, initial={"distribution": "orthogonal", "gain": 1.0})
        given = {"units": units, "sequences": False, "reset_after": reset_after, **attributes}
        return self.add("recurrent", x, kernel, inner, biases, cell=cell, **given)

    def graph(self, loss: str, predictions: str, head: str, optimizer: Json | None = None, **task: Any) -> Json:
        return {
            "nodes": self.nodes, "sources": self.sources, "task": task, "loss": loss, "penalties": [],
            "predictions": predictions, "head": head, "optimizer": optimizer or dict(ADAM),
        }  # fmt: skip

    def classifier(self, logits: str, classes: int, optimizer: Json | None = None) -> Json:
        labels = self.labels("class-ids", dtype="int32")
        loss = self.add("loss", labels, logits, function="sparse-softmax-cross-entropy", from_logits=True)
        return self.graph(loss, logits, "softmax-logits", optimizer, kind="single-label", classes=classes)


def mlp(
    sizes: tuple[int, ...] = (20, 64, 64, 5),
    activation: str = "relu",
    initial: Json | None = None,
    optimizer: Json | None = None,
    **values: Any,
) -> Json:
    """A classifier of dense layers."""
    n = Network()
    h = n.features(sizes[0], **values)
    for n_in, n_out in zip(sizes[:-1], sizes[1:-1]):
        h = n.dense(h, n_in, n_out, activation, initial)
    return n.classifier(n.dense(h, sizes[-2], sizes[-1], None, initial), sizes[-1], optimizer)


def experiment(graph: Json, patches: dict[str, Json] | None = None, **given: Any) -> Json:
    """An experiment with the arm "as written" and patched ones."""
    arms: list[Json] = [{"name": "as written", "graph": graph}]
    arms += [{"name": name, "patch": patch} for name, patch in (patches or {}).items()]
    whole: Json = {
        "version": 1, "arms": arms, "tasks": ["teacher"], "seeds": [0, 1, 2, 3, 4], "steps": 200,
        "checkpoints": [25, 50, 100, 200], "batch": 128, "rows": 4000, "held_out": 1000, "certificates": [],
        "device": "auto",
    }  # fmt: skip
    whole.update(given)
    return whole


# Healthy networks of common kinds; each learns both tasks in 200 steps.


def small_cnn(side: int = 28, channels: int = 1) -> Json:
    n = Network()
    h = n.convolution(n.features(side, side, channels, kind="interval", low=0.0, high=1.0), 3, channels, 16)
    h = n.convolution(n.pool(h), 3, 16, 32)
    h = n.add("flatten", n.pool(h))
    return n.classifier(n.dense(n.dense(h, (side // 4) ** 2 * 32, 64, "relu"), 64, 10), 10)


def pooled_cnn() -> Json:
    """Global pooling in place of a flattening; batch normalization."""
    n = Network()
    h = n.features(32, 32, 3, kind="interval", low=0.0, high=1.0)
    for n_in, n_out in ((3, 16), (16, 32)):
        kernel = n.variable(3, 3, n_in, n_out)
        h = n.add("convolution", h, kernel, rank=2, strides=[2, 2], padding="same")
        gamma = n.variable(n_out, initial={"distribution": "constant", "value": 1.0})
        h = n.add("normalization", h, gamma, n.variable(n_out), form="batch", active="training", updates=True)
        h = n.add("activation", h, function="relu")
    h = n.add("pool", h, how="mean", rank=2, **{"global": True})
    return n.classifier(n.dense(h, 32, 10), 10)


def recurrent_net(cell: str, **attributes: Any) -> Json:
    n = Network()
    h = n.recurrent(n.features(20, 8), cell, 8, 32, **attributes)
    width = 64 if attributes.get("bidirectional") else 32
    return n.classifier(n.dense(h, width, 4), 4)


def token_net(kind: str, length: int = 50, vocabulary: int = 5000) -> Json:
    """``"pool"``, ``"lstm"`` or ``"convolution"`` on embedded ids."""
    n = Network()
    ids = n.features(length, kind="integers", low=0, high=vocabulary - 1)
    table = n.variable(vocabulary, 32, initial={"distribution": "uniform", "low": -0.05, "high": 0.05})
    h = n.add("embedding", ids, table)
    if kind == "lstm":
        h = n.recurrent(h, "lstm", 32, 32)
    elif kind == "convolution":
        h = n.add("pool", n.convolution(h, 5, 32, 32, rank=1), how="max", rank=1, **{"global": True})
    else:
        h = n.dense(n.add("pool", h, how="mean", rank=1, **{"global": True}), 32, 32, "relu")
    labels = n.labels("zero-one", 1)
    logits = n.dense(h, 32, 1)
    loss = n.add("loss", labels, logits, function="sigmoid-cross-entropy", from_logits=True)
    return n.graph(loss, logits, "sigmoid-logits", kind="binary")


def multi_label() -> Json:
    n = Network()
    h = n.dense(n.dense(n.features(20), 20, 64, "relu"), 64, 64, "relu")
    p = n.add("activation", n.dense(h, 64, 6), function="sigmoid")
    loss = n.add("loss", n.labels("zero-one", 6), p, function="sigmoid-cross-entropy", from_logits=False)
    return n.graph(loss, p, "sigmoid-probabilities", kind="multi-label", labels=6)


def regression(n_features: int = 13) -> Json:
    n = Network()
    h = n.dense(n.dense(n.features(n_features), n_features, 64, "relu"), 64, 64, "relu")
    y = n.dense(h, 64, 1)
    loss = n.add("loss", n.labels("values", 1, mean=0.0, rms=1.0), y, function="squared-error")
    return n.graph(loss, y, "values", kind="regression")


def autoencoder(size: int = 64, code: int = 16) -> Json:
    n = Network()
    x = n.features(size, kind="interval", low=0.0, high=1.0)
    h = n.dense(n.dense(n.dense(x, size, 64, "relu"), 64, code, "relu"), code, 64, "relu")
    p = n.add("activation", n.dense(h, 64, size), function="sigmoid")
    loss = n.add("loss", n.labels("features", size, of="x"), p, function="squared-error")
    return n.graph(loss, p, "values", kind="autoencoder")


def segmentation(side: int = 32) -> Json:
    n = Network()
    x = n.features(side, side, 3, kind="interval", low=0.0, high=1.0)
    wide = n.convolution(x, 3, 3, 16)
    deep = n.convolution(n.pool(wide), 3, 16, 32)
    up = n.add("resize", deep, size=[side, side], method="nearest")
    h = n.convolution(n.add("concat", wide, up, axis=-1), 3, 48, 16)
    kernel = n.variable(1, 1, 16, 3)
    logits = n.add("convolution", h, kernel, rank=2, strides=[1, 1], padding="same")
    labels = n.labels("class-ids", side, side, dtype="int32")
    loss = n.add("loss", labels, logits, function="sparse-softmax-cross-entropy", from_logits=True)
    return n.graph(loss, logits, "softmax-logits", kind="dense-single-label", classes=3)


def tagging() -> Json:
    n = Network()
    ids = n.features(20, kind="integers", low=0, high=999)
    table = n.variable(1000, 32, initial={"distribution": "uniform", "low": -0.05, "high": 0.05})
    h = n.recurrent(n.add("embedding", ids, table), "lstm", 32, 32, sequences=True)
    logits = n.dense(h, 32, 5)
    labels = n.labels("class-ids", 20, dtype="int32")
    loss = n.add("loss", labels, logits, function="sparse-softmax-cross-entropy", from_logits=True)
    return n.graph(loss, logits, "softmax-logits", kind="dense-single-label", classes=5)


def three_inputs() -> Json:
    """A binary classifier of three bytes, scaled, as for colours."""
    n = Network()
    x = n.features(3, kind="interval", low=-1.0, high=1.0)
    h = n.dense(n.dense(x, 3, 10, "relu"), 10, 10, "relu")
    logits = n.dense(h, 10, 1)
    loss = n.add("loss", n.labels("zero-one", 1), logits, function="sigmoid-cross-entropy", from_logits=True)
    optimizer = dict(ADAM, learning_rate=0.01)
    return n.graph(loss, logits, "sigmoid-logits", optimizer, kind="binary")


def transformer(length: int = 16, width: int = 16) -> Json:
    n = Network()
    x = n.features(length, width)
    weights = []
    for shape in ((width, 2, 8), (2, 8), (width, 2, 8), (2, 8), (width, 2, 8), (2, 8), (2, 8, width), (width,)):
        initial = glorot([width, 16]) if len(shape) == 3 else {"distribution": "constant", "value": 0.0}
        weights.append(n.variable(*shape, initial=initial))
    attended = n.add("attention", x, x, x, *weights, heads=2, key_size=8)
    one = n.variable(width, initial={"distribution": "constant", "value": 1.0})
    h = n.add("normalization", n.add("add", x, attended), one, n.variable(width), form="layer", axis=-1, epsilon=1e-6)
    h = n.add("pool", h, how="mean", rank=1, **{"global": True})
    return n.classifier(n.dense(n.dense(h, width, 32, "relu"), 32, 4), 4)


HEALTHY = {
    "mlp": mlp,
    "bytes": lambda: mlp((3, 64, 64, 4), kind="interval", low=0.0, high=1.0),
    "wide": lambda: mlp((784, 128, 10), kind="interval", low=0.0, high=1.0),
    "counts": lambda: mlp((200, 64, 5), kind="counts", rms=1.0),
    "cnn": small_cnn,
    "cnn-colour": lambda: small_cnn(32, 3),
    "cnn-pooled": pooled_cnn,
    "lstm": lambda: recurrent_net("lstm"),
    "gru": lambda: recurrent_net("gru"),
    "tokens-pool": lambda: token_net("pool"),
    "tokens-lstm": lambda: token_net("lstm"),
    "tokens-convolution": lambda: token_net("convolution"),
    "multi-label": multi_label,
    "regression": regression,
    "autoencoder": autoencoder,
    "segmentation": segmentation,
    "tagging": tagging,
    "three-inputs": three_inputs,
    "transformer": transformer,
}
