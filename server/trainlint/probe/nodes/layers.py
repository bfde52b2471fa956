"""Layers with weights: products, convolutions, tables, recurrences, attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.probe.nodes.writing import SPELLED, Writing, writes
from trainlint.program.values import Const, Value

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json


@writes("matmul")
def _matmul(w: Writing) -> Json:
    if w.base in ("Dot", "dot") and w.operation.arguments.get("axes") is not None:
        raise w.refuse("`Dot` is not rebuilt")
    if w.base == "EinsumDense":
        raise w.refuse("`EinsumDense` is not rebuilt")
    node: Json = {"inputs": [w.input(0), w.input(1)]}
    for name in ("transpose_a", "transpose_b"):
        if w.argument(name, default=False) is True:
            node[name] = True
    return node


@writes("convolution")
def _convolution(w: Writing) -> Json:
    base = w.base.lower()
    rank = w.operation.attributes.get("rank") or w.rank() - 2
    form = "plain"
    if "transpose" in base or w.operation.attributes.get("transposed"):
        form = "transposed"
    elif "depthwise" in base:
        form = "depthwise"
    elif "separable" in base:
        form = "separable"
    inputs = w.all_inputs()
    if form == "separable" and len(inputs) == 3:
        # The record holds the pointwise kernel first.
        inputs = [inputs[0], inputs[2], inputs[1]]
    is_layer = w.operation.symbol is None or not w.operation.symbol.name.startswith("tf.nn.")
    node: Json = {
        "inputs": inputs, "rank": rank, "form": form, "padding": w.padding(),
        "strides": w.spatial(w.argument("strides", "stride", default=1), rank),
        "dilation": w.spatial(w.argument("dilation_rate", "dilations", "rate", default=1), rank),
        "groups": w.argument("groups", default=1) if is_layer else 1, "data_format": w.data_format(),
    }  # fmt: skip
    if form == "transposed":
        node["output_shape"] = w.shape()
    return node


@writes("embedding")
def _embedding(w: Writing) -> Json:
    return {"inputs": [w.input(0), w.input(1)]}


_CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN": "simple"}


@writes("recurrent")
def _recurrent(w: Writing) -> Json:
    cell = next((kind for name, kind in _CELLS.items() if name in w.base), None)
    units = w.attribute("units")
    keras = w.operation.name.startswith("keras.")
    if cell is None or not isinstance(units, int) or w.argument("num_proj") is not None:
        raise w.refuse(f"`{w.base}` is not rebuilt")
    per_direction = 3 if w.argument("use_bias", default=True) is not False else 2
    weights = w.all_inputs()[1:]
    node: Json = {
        "cell": cell, "units": units, "sequences": bool(w.operation.attributes.get("sequences")),
        "backwards": w.argument("go_backwards", default=False) is True,
        "activation": _activation_name(w, "activation", "tanh"),
        "recurrent_activation": _activation_name(w, "recurrent_activation", "sigmoid"),
        "bias": per_direction == 3, "reset_after": False, "bidirectional": False,
    }  # fmt: skip
    if not keras:
        return {**node, **_cell_of_tensorflow_1(w, cell, units)}
    both = len(weights) == 2 * per_direction
    if not both and len(weights) != per_direction:
        raise w.refuse(f"the initial state of `{w.base}` is not rebuilt")
    if cell == "gru":
        node["reset_after"] = bool(w.argument("reset_after", default=False)) or w.base.startswith("CuDNN")
    if both:
        width = w.operation.output.shape[-1] if w.operation.output.shape else None
        node.update(bidirectional=True, merge="concat" if width == 2 * units else "sum")
    return {**node, "inputs": [w.input(0), *weights]}


def _cell_of_tensorflow_1(w: Writing, cell: str, units: int) -> Json:
    """A cell whose kernel holds the rows of the inputs above those of the state: it is cut in two.

    The gates stand in another order than in Keras, which is the same network under other names. The forget gate of an
    LSTM starts with a bias of 1, as `forget_bias` says.
    """
    if w.rank() != 3 or len(w.inputs) < 3:
        raise w.refuse(f"`{w.base}` is called step by step, which is not rebuilt")
    if len(w.inputs) > 3:
        w.exporter.leave_out("the initial state of a recurrent cell (zeros are taken)")
    kernel, bias = w.input(1), w.input(2)
    last = w.tensor(0).shape[-1]  # type: ignore[index]
    width = w.exporter.amounts.number(last, w.operation.place)
    upper = w.exporter.add("slice", {"inputs": [kernel], "index": [[None, width, None], [None, None, None]]})
    lower = w.exporter.add("slice", {"inputs": [kernel], "index": [[width, None, None], [None, None, None]]})
    if cell == "lstm":
        forget = w.argument("forget_bias", default=1.0)
        ones = [0.0] * units + [float(forget)] * units + [0.0] * (2 * units)
        given = w.exporter.add("constant", {"inputs": [], "value": ones})
        bias = w.exporter.add("add", {"inputs": [bias, given]})
    return {"inputs": [w.input(0), upper, lower, bias]}


def _activation_name(w: Writing, name: str, default: str) -> str:
    found = w.operation.arguments.get(name)
    if found is None:
        return default
    from trainlint.interpret.api.activations import canonical

    value = found.value
    text = value.value if isinstance(value, Const) else getattr(getattr(value, "symbol", None), "name", "?")
    if text is None:
        return default if name == "recurrent_activation" else "linear" if found.given else default
    known = canonical(str(text).rsplit(".", 1)[-1])
    if known is None:
        raise w.refuse(f"`{name}` of `{w.base}` is unknown")
    return SPELLED.get(known, known)


@writes("attention")
def _attention(w: Writing) -> Json:
    if w.base != "MultiHeadAttention":
        raise w.refuse(f"`{w.base}` is not rebuilt")
    weights = [v for v in w.inputs if _is_weight(w, v)]
    data = [v for v in w.inputs if not _is_weight(w, v)]
    if len(weights) != 8 or len(data) not in (1, 2, 3):
        raise w.refuse("an attention without biases is not rebuilt")
    query, value, key = (data * 3)[:3] if len(data) == 1 else (*data, data[1])[:3]
    names = [w.exporter.input(v, w.operation) for v in (query, value, key, *weights)]
    return {
        "inputs": names, "heads": w.argument("num_heads"), "key_size": w.argument("key_dim", "head_dim"),
        "causal": False,
    }  # fmt: skip


def _is_weight(w: Writing, value: Value) -> bool:
    operation = w.program.operation(value)
    return operation is not None and operation.kind == "variable"
