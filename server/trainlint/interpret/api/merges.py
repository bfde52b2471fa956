"""Keras layers that merge several inputs: `Add`, `Concatenate`, `Dot` and their functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arithmetic, arrays, builtins
from trainlint.interpret.api.keras_layers import SEVERAL
from trainlint.interpret.api.layers import Site
from trainlint.interpret.api.registry import Handler, handles
from trainlint.interpret.api.shapes import concat_shape, side_by_side
from trainlint.interpret.joins import join_tensors
from trainlint.program.values import Const, Tensor, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Shape

MERGES = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "add",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Concatenate": "concat",
    "Dot": "matmul",
}


def merge(site: Site, name: str, inputs: Value) -> Value:
    """The result of a merging layer for a list of inputs."""
    items = builtins.items_of(site.machine, inputs)
    tensors = [arrays.as_tensor(site.machine, site.machine.resolve(item)) for item in items or ()]
    known = tuple(t for t in tensors if t is not None)
    if not known or len(known) < len(tensors):
        return site.emit(MERGES[name], arrays.parts_in(site.machine, inputs), Tensor(dtype="float32"), name)
    if name == "Dot":
        return _dot(site, known)
    if name == "Concatenate":
        axis = -1 if is_none(site.value("axis")) else site.constant("axis")
        joined = known[0]
        for tensor in known[1:]:
            joined = join_tensors(joined, tensor)
        shape = concat_shape([t.shape for t in known], axis) if isinstance(axis, int) else None
        joined = side_by_side(joined, known, axis)
        return site.emit("concat", known, joined.replace(shape=shape, op=None, library="tf"), name)
    result = known[0]
    for tensor in known[1:]:
        result = arithmetic.binary(MERGES[name], result, tensor)
    if name == "Average":
        result = averaged(result, known)
    activation = result.activation if MERGES[name] == "add" else None
    return site.emit(MERGES[name], known, result.replace(op=None, library="tf", activation=activation), name)


def averaged(total: Tensor, parts: tuple[Tensor, ...]) -> Tensor:
    """The mean of some tensors, of which `total` is the sum."""
    lows, highs = [t.low for t in parts], [t.high for t in parts]
    return total.replace(
        low=None if None in lows else sum(lows) / len(lows),  # type: ignore[arg-type]
        high=None if None in highs else sum(highs) / len(highs),  # type: ignore[arg-type]
        rms=None if total.rms is None else total.rms / len(parts),
        values=None,
        encoding=None,
    )


def _dot(site: Site, known: tuple[Tensor, ...]) -> Value:
    """The products of two tensors along an axis of each, batch for batch."""
    given = site.value("axes")
    axes = arrays.as_shape(site.machine, given)
    shape: Shape = None
    if len(known) == 2 and axes is not None and known[0].shape and known[1].shape:
        first, second = known[0].shape, known[1].shape
        pair = (*axes, *axes)[:2] if isinstance(given, Const) else axes
        if len(pair) == 2 and all(isinstance(a, int) for a in pair):
            left, right = pair[0] % len(first), pair[1] % len(second)  # type: ignore[operator]
            rest = [d for i, d in enumerate(first) if i not in (0, left)]
            rest += [d for i, d in enumerate(second) if i not in (0, right)]
            shape = (first[0], *(rest or [1]))
    output = Tensor(shape=shape, dtype="float32")
    if site.constant("normalize", default=False) is True:
        output = output.replace(low=-1.0, high=1.0)
    return site.emit("matmul", known, output, "Dot")


def _layer(name: str) -> None:
    def apply(site: Site, inputs: Value) -> Value:
        return merge(site, name, inputs)

    def function(call: ApiCall) -> Value:
        inputs = call.value("inputs") if call.argument("inputs") is not None else call.value("*0")
        return merge(Site(call.machine, call.place, call.place, call.bound, call.symbol), name, inputs)

    SEVERAL[name] = apply
    handler: Handler = function
    if name != "Concatenate":
        handles(f"keras.layers.{name.lower()}")(handler)


for _name in MERGES:
    _layer(_name)
