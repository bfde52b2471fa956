"""What behaves differently in training: dropout, normalization; losses and penalties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.probe.amounts import ROWS
from trainlint.probe.nodes.writing import Writing, writes
from trainlint.program.values import Const, Tensor
from trainlint.program.weights import constant

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json


@writes("dropout")
def _dropout(w: Writing) -> Json:
    given = w.operation.attributes
    form = {"SpatialDropout1D": "spatial", "SpatialDropout2D": "spatial", "SpatialDropout3D": "spatial",
            "AlphaDropout": "alpha", "GaussianDropout": "gaussian"}.get(str(given.get("form")), "plain")  # fmt: skip
    node: Json = {"inputs": [w.input()], "form": form, "scaled": True, "rate": _rate(w)}
    node["active"] = "never" if given.get("idle") else w.exporter.active(given.get("training"), w.operation)
    if given.get("form") == "function":
        node["active"] = "always"
    noise = w.plain(given.get("noise_shape"), "noise_shape")
    if noise is not None:
        node["noise_shape"] = [ROWS if size is None or size == ROWS or size == -1 else size for size in noise]
    return node


def _rate(w: Writing) -> Any:
    given = w.operation.attributes
    for name in ("rate", "keep"):
        value = given.get(name)
        number = constant(value) if isinstance(value, (Const, Tensor)) else None
        operation = w.program.operation(value) if isinstance(value, Tensor) else None
        if operation is not None and isinstance(value, Tensor) and operation.kind in ("placeholder", "input"):
            scalar = w.exporter.input(value, w.operation)
            return scalar if name == "rate" else w.exporter.add("subtract", {"inputs": [1.0, scalar]})
        if number is not None:
            return number if name == "rate" else 1.0 - number
    raise w.refuse("the rate of a dropout is unknown")


@writes("normalization")
def _normalization(w: Writing) -> Json:
    form = str(w.operation.attributes.get("form"))
    if form == "data":
        w.exporter.leave_out("a `Normalization` layer (the inputs are taken as they come out of it)")
        return {"op": "identity", "inputs": [w.input()]}
    if form not in ("batch", "layer") or w.base in ("UnitNormalization", "RMSNormalization", "normalize"):
        raise w.refuse(f"`{w.base}` is not rebuilt")
    if w.base == "GroupNormalization":
        raise w.refuse("`GroupNormalization` is not rebuilt")
    keras = w.operation.name.startswith("keras.")
    labels = {str(v.attributes.get("label")): w.exporter.input(v.output, w.operation)
              for value in w.inputs[1:] if (v := w.program.operation(value)) is not None}  # fmt: skip
    node: Json = {"form": form, "epsilon": w.argument("epsilon", default=1e-3)}
    node["inputs"] = [w.input(), labels.get("gamma", "none"), labels.get("beta", "none")]
    axis = w.argument("axis", default=-1)
    node["axis"] = axis if isinstance(axis, int) else list(axis)
    if form == "batch":
        node["momentum"] = w.argument("momentum", "decay", default=0.99)
        active = w.exporter.active(w.operation.attributes.get("training"), w.operation, default_on=keras)
        node["active"] = active
        node["updates"] = active != "never" and (keras or w.exporter.runs_updates())
    return node


_LOSSES = {
    "percentage-error": "absolute-percentage-error", "squared-log-error": "squared-logarithmic-error",
    "cosine": "cosine-similarity",
}  # fmt: skip


@writes("loss")
def _loss(w: Writing) -> Json:
    given = w.operation.attributes
    function = str(given.get("function"))
    symbol = w.operation.symbol.name if w.operation.symbol is not None else w.operation.name
    if function == "hinge":
        lowered = f"{symbol} {w.operation.name}".lower().replace("_", "")
        function = next((f for f in ("squared-hinge", "categorical-hinge") if f.replace("-", "") in lowered), "hinge")
    if function == "focal":
        raise w.refuse("a focal loss is not rebuilt")
    form = str(given.get("form"))
    if given.get("from_logits") is None and function.endswith("cross-entropy"):
        raise w.refuse("whether the loss takes logits is unknown")
    weights = w.argument("weights", "sample_weight", "class_weight", default=1.0)
    if weights not in (1, 1.0):
        raise w.refuse("weights of the samples are not rebuilt")
    kind = {"raw": "raw", "v1": "v1"}.get(form, "keras")
    reduction = "none"
    if given.get("reduced"):
        reduction = "mean"
        found = w.operation.arguments.get("reduction") if form == "object" else None
        text = str(found.value.value).lower() if found is not None and isinstance(found.value, Const) else ""
        if text == "sum":
            reduction = "sum"
    return {
        "inputs": [w.input(0), w.input(1)], "function": _LOSSES.get(function, function), "form": kind,
        "from_logits": given.get("from_logits") is True, "reduction": reduction,
        "aligns": kind == "keras" and form != "function",
        "smoothing": float(w.argument("label_smoothing", default=0.0) or 0.0),
        "delta": float(w.argument("delta", default=1.0) or 1.0),
    }  # fmt: skip


@writes("regularization")
def _regularization(w: Writing) -> Json:
    terms = [w.exporter.penalty(v) for value in w.inputs if (v := w.program.operation(value)) is not None]
    known = [term for term in terms if term is not None]
    if not known:
        return {"op": "constant", "inputs": [], "value": 0.0}
    return {"op": "add", "inputs": known} if len(known) > 1 else {"op": "identity", "inputs": known}
