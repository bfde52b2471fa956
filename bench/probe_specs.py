"""Experiments made by hand for the probe's battery: dense networks with one thing wrong."""

from __future__ import annotations

import copy
import math
from typing import Any

Json = dict[str, Any]

ADAM = {"name": "Adam", "form": "keras", "learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
NORMAL = {"kind": "normal", "mean": 0.0, "rms": 1.0}
CLASSES = 5


def sgd(rate: float) -> Json:
    return {"name": "SGD", "form": "keras", "learning_rate": rate, "momentum": 0.0}


def adam(rate: float) -> Json:
    return {**ADAM, "learning_rate": rate}


def adadelta(rate: float) -> Json:
    return {"name": "Adadelta", "form": "keras", "learning_rate": rate, "rho": 0.95, "epsilon": 1e-7}


def scale_of(initial: str, fan_in: int, fan_out: int) -> Json:
    """A distribution by its name: "glorot", "he", "zero", "constant .1", "std 1"."""
    if initial == "glorot":
        limit = math.sqrt(6 / (fan_in + fan_out))
        return {"distribution": "uniform", "low": -limit, "high": limit}
    if initial == "he":
        return {"distribution": "normal", "mean": 0.0, "stddev": math.sqrt(2 / fan_in)}
    kind, _, number = initial.partition(" ")
    if kind in ("zero", "constant"):
        return {"distribution": "constant", "value": float(number or 0)}
    return {"distribution": "normal", "mean": 0.0, "stddev": float(number)}


def dense(
    *, features: int = 20, width: int = 64, depth: int = 2, outputs: int = CLASSES, initial: str = "glorot",
    activation: str = "relu", values: Json = NORMAL, optimizer: Json = ADAM, loss: str = "sparse-softmax-cross-entropy",
    from_logits: bool = True, head: str = "", kind: str = "single-label", last: str = "", columns: bool = True,
) -> Json:  # fmt: skip
    """A graph of dense layers; `last` is an activation on the outputs, `columns` whether labels have a column."""
    nodes: Json = {"source-1": {"op": "source", "inputs": [], "source": "source-1"}}
    sources: Json = {"source-1": {"role": "features", "shape": ["N", features], "dtype": "float32", "values": values}}
    current, size = "source-1", features
    for number in range(1, depth + 2):
        is_last = number == depth + 1
        wide = outputs if is_last else width
        kernel, bias = f"variable-{2 * number - 1}", f"variable-{2 * number}"
        nodes[kernel] = {"op": "variable", "inputs": [], "shape": [size, wide], "trainable": True,
                         "initial": scale_of(initial, size, wide), "layer": f"Dense {number} kernel"}  # fmt: skip
        zeros = {"distribution": "constant", "value": 0.0}
        nodes[bias] = {"op": "variable", "inputs": [], "shape": [wide], "trainable": True, "initial": zeros,
                       "layer": f"Dense {number} bias"}  # fmt: skip
        nodes[f"matmul-{number}"] = {"op": "matmul", "inputs": [current, kernel]}
        nodes[f"add-{number}"] = {"op": "add", "inputs": [f"matmul-{number}", bias]}
        current, size = f"add-{number}", wide
        function = last if is_last else activation
        if function:
            nodes[f"activation-{number}"] = {"op": "activation", "inputs": [current], "function": function}
            if function == "softmax":
                nodes[f"activation-{number}"]["axis"] = -1
            current = f"activation-{number}"
    encoding = (
        "class-ids" if loss.startswith("sparse") else "zero-one" if kind in ("binary", "multi-label") else "values"
    )
    shape = ["N"] if encoding == "class-ids" or not columns else ["N", outputs]
    sources["source-2"] = {"role": "labels", "shape": shape, "encoding": encoding,
                           "dtype": "int32" if encoding == "class-ids" else "float32"}  # fmt: skip
    if encoding == "values":
        sources["source-2"].update(mean=0.0, rms=1.0)
    nodes["source-2"] = {"op": "source", "inputs": [], "source": "source-2"}
    if loss == "raw-squared-error":
        nodes["squared-difference-1"] = {"op": "squared-difference", "inputs": ["source-2", current]}
        nodes["loss-1"] = {"op": "reduce", "inputs": ["squared-difference-1"], "how": "mean", "keepdims": False}
    else:
        nodes["loss-1"] = {
            "op": "loss", "inputs": ["source-2", current], "function": loss, "from_logits": from_logits,
            "reduction": "mean", "form": "keras", "aligns": True, "smoothing": 0.0, "delta": 1.0,
        }  # fmt: skip
    task: Json = {"kind": kind}
    if kind == "single-label":
        task["classes"] = outputs
    if kind == "multi-label":
        task["labels"] = outputs
    if not head:
        family = "sigmoid" if kind in ("binary", "multi-label") else "softmax"
        read = {"softmax": "probabilities", "sigmoid": "sigmoid-probabilities"}.get(last)
        head = "values" if kind == "regression" else read or (f"{family}-logits" if from_logits else "probabilities")
    return {
        "nodes": nodes, "sources": sources, "task": task, "loss": "loss-1", "predictions": current, "head": head,
        "optimizer": copy.deepcopy(optimizer),
    }  # fmt: skip


def experiment(
    arms: dict[str, Json], *, seeds: int = 5, steps: int = 200, tasks: tuple[str, ...] = ("teacher", "prototypes"),
    batch: int = 128, certificates: list[Json] | None = None, first_seed: int = 0,
) -> Json:  # fmt: skip
    """Named graphs as an experiment; the first is the one as written."""
    from trainlint.probe.experiment import patch_of

    names = list(arms)
    base = arms[names[0]]
    entries = [{"name": names[0], "graph": base}]
    entries += [{"name": name, "patch": patch_of(base, arms[name])} for name in names[1:]]
    checkpoints = [k for k in (25, 50, 100, 200, 400, 800) if k < steps] + [steps]
    return {
        "version": 1, "arms": entries, "tasks": list(tasks), "seeds": list(range(first_seed, first_seed + seeds)),
        "steps": steps, "checkpoints": checkpoints, "batch": batch, "rows": 4000, "held_out": 1000, "device": "cpu",
        "certificates": certificates or [],
    }  # fmt: skip
