"""What moves values: shapes, slices, masks, reductions, pooling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainlint.probe.nodes.writing import Writing, writes
from trainlint.program.values import SliceValue, Tuple, Value

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json


@writes("reshape", "expand", "squeeze")
def _reshape(w: Writing) -> Json:
    return {"op": "reshape", "inputs": [w.input()], "target": w.shape()}


@writes("flatten")
def _flatten(w: Writing) -> Json:
    return {"inputs": [w.input()]}


@writes("transpose")
def _transpose(w: Writing) -> Json:
    order = w.attribute("order")
    if order is None:
        order = w.argument("dims")
        if order is not None:
            order = (0, *order)
        elif w.base in ("transpose", "T"):
            order = tuple(reversed(range(w.rank())))
        else:
            raise w.refuse(f"the order of `{w.base}` is unknown")
    return {"inputs": [w.input()], "order": list(order)}


@writes("concat", "stack")
def _concat(w: Writing) -> Json:
    if w.base in ("column_stack", "dstack", "vstack", "hstack"):
        raise w.refuse(f"`{w.base}` is not rebuilt")
    axis = w.operation.attributes.get("axis")
    axis = w.plain(axis) if axis is not None else w.argument("axis", default=-1 if w.operation.kind == "concat" else 0)
    if not isinstance(axis, int):
        raise w.refuse(f"the axis of `{w.base}` is unknown")
    return {"inputs": w.all_inputs(), "axis": axis}


@writes("split")
def _split(w: Writing) -> Json:
    part = next((int(found[1]) for text in _tags(w.operation.id.tag) if (found := re.fullmatch(r"part(\d+)", text))), 0)
    axis = w.attribute("axis")
    if not isinstance(axis, int):
        raise w.refuse("the axis of a split is unknown")
    size = w.tensor().shape[axis] if w.tensor().shape is not None else None  # type: ignore[index]
    whole = w.exporter.amounts.number(size, w.operation.place)
    if w.base in ("unstack", "unpack"):
        index: list[Any] = [[None, None, None]] * axis + [part]
        return {"op": "slice", "inputs": [w.input()], "index": index}
    sizes = w.attribute("sizes")
    number = w.attribute("number")
    if sizes is None and isinstance(number, int) and isinstance(whole, int):
        sizes = (whole // number,) * number
    if sizes is None or not isinstance(whole, int):
        raise w.refuse("the parts of a split are unknown")
    return {"inputs": [w.input()], "axis": axis, "sizes": list(sizes), "index": part}


def _tags(tag: Any) -> Iterator[str]:
    if isinstance(tag, str):
        yield tag
    elif isinstance(tag, tuple):
        for item in tag:
            yield from _tags(item)


@writes("slice")
def _slice(w: Writing) -> Json:
    names = list(_tags(w.operation.id.tag))
    behind = w.program.operation(w.inputs[0]) if w.inputs else None
    if behind is not None and behind.kind == "recurrent":
        if any(name.startswith("hidden") for name in names) and behind.attributes.get("sequences"):
            return {"inputs": [w.input()], "index": [[None, None, None], -1]}
        raise w.refuse("the state of a recurrent cell is not rebuilt")
    if w.base.startswith("Cropping"):
        raise w.refuse(f"`{w.base}` is not rebuilt")
    given = w.operation.attributes.get("index")
    if given is None:
        if w.operation.output.shape == w.tensor().shape:
            return {"op": "identity", "inputs": [w.input()]}
        raise w.refuse("an index is unknown")
    items = given.items if isinstance(given, Tuple) else (given,)
    return {"inputs": [w.input()], "index": [_index(w, item) for item in items]}


def _index(w: Writing, item: Value) -> Any:
    if isinstance(item, SliceValue):
        return [w.plain(bound, "an index") for bound in (item.lower, item.upper, item.step)]
    value = w.plain(item, "an index")
    if value is None:
        return "new"
    if value is Ellipsis:
        return "..."
    if isinstance(value, int):
        return value
    raise w.refuse("an index is unknown")


@writes("gather")
def _gather(w: Writing) -> Json:
    if w.base not in ("gather", "take", "embedding_lookup"):
        raise w.refuse(f"`{w.base}` is not rebuilt")
    return {"inputs": [w.input(0), w.input(1)], "axis": w.argument("axis", default=0)}


@writes("tile")
def _tile(w: Writing) -> Json:
    if w.base == "RepeatVector":
        grown = w.exporter.add("expand", {"inputs": [w.input()], "axis": 1})
        return {"inputs": [grown], "factors": [1, w.argument("n"), 1]}
    if w.base.startswith("UpSampling"):
        rank = w.rank() - 2
        if w.argument("interpolation", default="nearest") != "nearest" or w.data_format() == "first":
            raise w.refuse(f"`{w.base}` is not rebuilt")
        return {"op": "upsample", "inputs": [w.input()], "factors": w.spatial(w.argument("size", default=2), rank)}
    factors = w.attribute("factors")
    if factors is None:
        raise w.refuse(f"`{w.base}` is not rebuilt")
    return {"inputs": [w.input()], "factors": list(factors)}


@writes("pad")
def _pad(w: Writing) -> Json:
    if w.base.startswith("ZeroPadding"):
        rank = w.rank() - 2
        given = w.argument("padding", default=1)
        pairs = [given] * rank if isinstance(given, int) or rank == 1 else list(given)
        inner = [[p, p] if isinstance(p, int) else list(p) for p in pairs]
        widths = [[0, 0], [0, 0], *inner] if w.data_format() == "first" else [[0, 0], *inner, [0, 0]]
        return {"inputs": [w.input()], "widths": widths}
    widths = w.argument("paddings", "pad_width")
    if widths is None:
        raise w.refuse(f"the widths of `{w.base}` are unknown")
    mode = str(w.argument("mode", default="constant")).lower()
    return {"inputs": [w.input()], "widths": [list(pair) for pair in widths], "mode": mode}


@writes("one-hot")
def _one_hot(w: Writing) -> Json:
    depth = w.exporter.amounts.number(w.operation.attributes.get("depth"), w.operation.place)
    if w.argument("on_value", default=1.0) != 1.0 or w.argument("off_value", default=0.0) != 0.0:
        raise w.refuse("`one_hot` with values of its own is not rebuilt")
    if "categorical" in w.base and w.rank() > 1 and w.tensor().shape[-1] == 1:  # type: ignore[index]
        inner = w.exporter.amounts.shape(w.tensor().shape, w.operation.place)[:-1]
        flat = w.exporter.add("reshape", {"inputs": [w.input()], "target": inner})
        return {"inputs": [flat], "depth": depth}
    return {"inputs": [w.input()], "depth": depth}


@writes("argmax")
def _argmax(w: Writing) -> Json:
    if w.base in ("argmin", "arg_min"):
        raise w.refuse("`argmin` is not rebuilt")
    axis = w.operation.attributes.get("axis")
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    axis = axis if isinstance(axis, int) else w.argument("axis", "dimension")
    if not isinstance(axis, int):
        raise w.refuse(f"the axis of `{w.base}` is unknown")
    return {"inputs": [w.input()], "axis": axis}


@writes("reduce")
def _reduce(w: Writing) -> Json:
    axis = w.attribute("axis")
    how = {"var": "variance"}.get(str(w.attribute("how")), str(w.attribute("how")))
    if axis is None or w.base == "median":
        raise w.refuse(f"the axis of `{w.base}` is unknown")
    if how == "l2":
        squared = w.exporter.add("square", {"inputs": [w.input()]})
        summed = w.exporter.add("reduce", {"inputs": [squared], "how": "sum", "keepdims": False})
        return {"op": "divide", "inputs": [summed, 2.0]}
    keepdims = w.attribute("keepdims")
    if keepdims is None:
        raise w.refuse(f"whether `{w.base}` keeps the axes is unknown")
    node: Json = {"inputs": [w.input()], "how": how, "keepdims": keepdims}
    if axis != ():
        node["axis"] = list(axis)
    return node


@writes("pool")
def _pool(w: Writing) -> Json:
    node: Json = {"inputs": [w.input()], "how": w.operation.attributes.get("how"), "data_format": w.data_format()}
    rank = w.rank() - 2
    if "Global" in w.base:
        return {**node, "global": True, "keepdims": w.argument("keepdims", default=False) is True, "rank": rank}
    size = w.argument("pool_size", "pool_length", "ksize", "window_shape", "kernel_size")
    if size is None:
        size = 2
    node.update(rank=rank, size=w.spatial(size, rank), padding=w.padding())
    return {**node, "strides": w.spatial(w.argument("strides", "stride", default=size), rank)}


@writes("identity")
def _identity(w: Writing) -> Json:
    if w.base == "GaussianNoise":
        return {"op": "dropout", "form": "noise", "inputs": [w.input()], "stddev": w.argument("stddev"),
                "active": "training"}  # fmt: skip
    if w.base.startswith("Random"):
        w.exporter.leave_out(f"`{w.base}`")
    if any(name.startswith("state") for name in _tags(w.operation.id.tag)):
        raise w.refuse("the state of a recurrent layer is not rebuilt")
    return {"inputs": [w.input()]}


@writes("stop-gradient")
def _stop(w: Writing) -> Json:
    return {"inputs": [w.input()]}
