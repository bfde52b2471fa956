"""Layers that compare positions: multi-head attention and its simpler relatives; products by an equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api.keras_layers import CALLS, SEVERAL, layer
from trainlint.interpret.api.layers import Site
from trainlint.program import dims
from trainlint.program.values import TRUE, Const, Tensor, Tuple, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Dim, Shape


def _last(tensor: Tensor | None) -> Dim:
    return tensor.shape[-1] if tensor is not None and tensor.shape else None


def multi_head(site: Site, call: ApiCall) -> Value:
    """`attention(query, value, key)`: three projections, the products, and the projection of the result."""
    call.bind_as("query", "value", "key")
    query = call.tensor("query")
    value = call.tensor("value") or query
    key = call.tensor("key") if call.argument("key") is not None and not is_none(call.value("key")) else value
    if query is None:
        return call.opaque()
    heads, size = arrays.as_dim(site.value("num_heads")), arrays.as_dim(site.value("key_dim", "head_dim"))
    wide = size if is_none(site.value("value_dim")) else arrays.as_dim(site.value("value_dim"))
    given = site.value("output_shape")
    width: Shape = (_last(query),) if is_none(given) else arrays.as_shape(site.machine, given)
    biased = site.constant("use_bias", default=True) is not False
    weights: list[Tensor] = []
    for name, entering, leaving in (
        ("query", (_last(query),), (heads, size)),
        ("key", (_last(key),), (heads, size)),
        ("value", (_last(value),), (heads, wide)),
        ("output", (heads, wide), width),
    ):
        shape = None if leaving is None else (*entering, *leaving)
        weights.append(site.weight(f"{name} kernel", shape, "kernel_initializer", "kernel_regularizer"))
        if biased:
            weights.append(site.weight(f"{name} bias", leaving, "bias_initializer", "bias_regularizer", "zeros"))
    result = None if query.shape is None or width is None else (*query.shape[:-1], *width)
    others = tuple(dict.fromkeys(t for t in (value, key) if t is not None and t != query))
    output = Tensor(shape=result, dtype="float32", activation="linear")
    attended = site.emit("attention", (query, *others, *weights), output, "attention")
    if call.value("return_attention_scores") != TRUE:
        return attended
    scores: Shape = None
    if query.shape is not None and value is not None and value.shape is not None:
        if len(query.shape) == len(value.shape) == 3:
            scores = (query.shape[0], heads, query.shape[1], value.shape[1])
    share = Tensor(shape=scores, dtype="float32", low=0.0, high=1.0, activation="softmax")
    return Tuple(items=(attended, site.emit("attention", (query, *others), share, "scores")))


CALLS["MultiHeadAttention"] = multi_head


def attention(site: Site, inputs: Value) -> Value:
    """`Attention()([query, value, key])`: a mean of the values for each query."""
    items = builtins.items_of(site.machine, inputs) or ()
    tensors = [arrays.as_tensor(site.machine, site.machine.resolve(item)) for item in items]
    known = tuple(t for t in tensors if t is not None)
    if len(known) < 2 or len(known) < len(tensors):
        return site.emit("attention", known, Tensor(dtype="float32"), "attention")
    query, value = known[:2]
    shape: Shape = None
    if query.shape is not None and value.shape is not None:
        shape = (*query.shape[:-1], value.shape[-1])
    weights: tuple[Tensor, ...] = ()
    additive = site.symbol.name.endswith("AdditiveAttention")
    if site.constant("use_scale", default=additive) is True:
        weights = (site.weight("scale", (_last(query),) if additive else (), "", default="glorot_uniform"),)
    if site.constant("score_mode") == "concat":
        weights = (*weights, site.weight("concat", (), "", default="ones"))
    output = Tensor(shape=shape, dtype="float32", low=value.low, high=value.high)
    return site.emit("attention", (*known, *weights), output, "attention")


SEVERAL["Attention"] = SEVERAL["AdditiveAttention"] = attention


@layer("EinsumDense")
def einsum_dense(site: Site, x: Tensor) -> Value:
    """A product by an equation such as "abc,cd->abd"."""
    equation = site.constant("equation")
    target = arrays.as_shape(site.machine, site.value("output_shape"))
    parsed = _equation(equation.replace(" ", "")) if isinstance(equation, str) else None
    if parsed is None or x.shape is None or target is None:
        return site.emit("opaque", (x,), Tensor(), "opaque")
    entering, kernel, leaving = parsed
    if "..." in leaving:
        rest = len(x.shape) - (len(entering) - 3)
        letters = "".join(chr(0x400 + i) for i in range(max(rest, 0)))
        entering, leaving = entering.replace("...", letters), leaving.replace("...", letters)
        target = (*x.shape[1 : len(letters)], *target) if len(target) < len(leaving) - 1 else target
    if len(entering) != len(x.shape) or len(target) != len(leaving) - 1:
        return site.emit("opaque", (x,), Tensor(), "opaque")
    sizes: dict[str, Dim] = dict(zip(leaving, (x.shape[0], *target)))
    for letter, dim in zip(entering, x.shape):
        if sizes.get(letter) is None:
            sizes[letter] = dim
    weight = site.weight("kernel", tuple(sizes.get(c) for c in kernel), "kernel_initializer", "kernel_regularizer")
    inputs: tuple[Value, ...] = (x, weight)
    axes = site.value("bias_axes")
    if isinstance(axes, Const) and isinstance(axes.value, str) and axes.value:
        first = min((leaving.index(c) for c in axes.value if c in leaving), default=len(leaving))
        shape = tuple(sizes[c] if c in axes.value else 1 for c in leaving[first:])
        inputs = (*inputs, site.weight("bias", shape, "bias_initializer", "bias_regularizer", "zeros"))
    fan_in = dims.product(sizes.get(c) for c in kernel if c in entering)
    output = Tensor(shape=tuple(sizes[c] for c in leaving), dtype="float32", activation="linear")
    return site.activate(site.emit("matmul", inputs, output, fan_in=fan_in))


def _equation(text: str) -> tuple[str, str, str] | None:
    operands, arrow, leaving = text.partition("->")
    entering, comma, kernel = operands.partition(",")
    return (entering, kernel, leaving) if arrow and comma and "..." not in kernel else None
