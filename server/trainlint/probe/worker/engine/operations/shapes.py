"""Operations that move, cut and join, and compute nothing."""

from .alignment import aligned, as_float, axis_of, rank_of, replicated, shape_of


def _replicas(context, x):
    return context.backend.shape(x)[0]


def _reshape(context, node, inputs):
    (x,) = inputs[:1]
    return context.backend.reshape(x, (_replicas(context, x),) + context.sized(node["target"]))


def _flatten(context, node, inputs):
    (x,) = inputs
    rows = shape_of(context, x)[:1] or (1,)
    return context.backend.reshape(x, (_replicas(context, x),) + rows + (-1,))


def _transpose(context, node, inputs):
    (x,) = inputs
    order = node.get("order")
    if order is None:
        order = list(range(rank_of(context, x)))[::-1]
    return context.backend.transpose(x, [0] + [axis_of(context, x, axis) for axis in order])


def _expand(context, node, inputs):
    (x,) = inputs
    shape = list(context.backend.shape(x))
    axis = node.get("axis", -1)
    place = axis + 1 if axis >= 0 else axis + len(shape) + 1
    return context.backend.reshape(x, shape[:place] + [1] + shape[place:])


def _squeeze(context, node, inputs):
    (x,) = inputs
    shape = context.backend.shape(x)
    axes = node.get("axes", node.get("axis"))
    if axes is None:
        places = [i for i in range(1, len(shape)) if shape[i] == 1]
    else:
        places = [axis_of(context, x, axis) for axis in ([axes] if isinstance(axes, int) else axes)]
    for place in places:
        if shape[place] != 1:
            raise ValueError("axis {} has {} elements and cannot be removed".format(place - 1, shape[place]))
    return context.backend.reshape(x, [size for i, size in enumerate(shape) if i not in places])


def _same_kind(context, inputs):
    kinds = {context.backend.kind(x) for x in inputs}
    return inputs if len(kinds) == 1 else [as_float(context, x) for x in inputs]


def _concat(context, node, inputs):
    inputs = replicated(context, _same_kind(context, inputs))
    return context.backend.concat(inputs, axis_of(context, inputs[0], node.get("axis", -1)))


def _stack(context, node, inputs):
    inputs = replicated(context, aligned(context, inputs))
    axis = node.get("axis", 0)
    place = axis + 1 if axis >= 0 else axis + rank_of(context, inputs[0]) + 2
    return context.backend.stack(inputs, place)


def _cut(context, x, axis, start, stop):
    index = [slice(None)] * (rank_of(context, x) + 1)
    index[axis_of(context, x, axis)] = slice(start, stop)
    return context.backend.slice(x, index)


def _split(context, node, inputs):
    (x,) = inputs
    axis = node.get("axis", 0)
    size = shape_of(context, x)[axis]
    sizes = node["sizes"]
    if isinstance(sizes, int):
        sizes = [size // sizes] * sizes
    if -1 in sizes:
        rest = size - sum(one for one in sizes if one != -1)
        sizes = [rest if one == -1 else one for one in sizes]
    start = sum(sizes[: node["index"]])
    return _cut(context, x, axis, start, start + sizes[node["index"]])


def _slice(context, node, inputs):
    (x,) = inputs
    backend = context.backend
    index = list(node["index"])
    taken = sum(1 for one in index if one not in ("new", "..."))
    if "..." in index:
        place = index.index("...")
        index[place : place + 1] = [[None, None, None]] * (rank_of(context, x) - taken)
    shape: list = []
    cuts, flipped = [slice(None)], []
    axis = 0
    keep: list = []
    for one in index:
        if one == "new":
            keep.append("new")
            continue
        axis += 1
        size = backend.shape(x)[axis]
        if isinstance(one, int):
            if not -size <= one < size:
                raise ValueError("index {} is outside of an axis with {} elements".format(one, size))
            one = one + size if one < 0 else one
            cuts.append(slice(one, one + 1))
            keep.append(None)
        else:
            start, stop, step = (list(one) + [None, None, None])[:3]
            if step is not None and step < 0:
                # PyTorch has no negative steps.
                places = range(size)[slice(start, stop, step)]
                flipped.append(axis)
                start, stop, step = (places[-1], places[0] + 1, -step) if len(places) else (0, 0, 1)
            cuts.append(slice(start, stop, step))
            keep.append(len(range(size)[slice(start, stop, step)]))
    for one in keep:
        if one == "new":
            shape.append(1)
        elif one is not None:
            shape.append(one)
    shape += list(backend.shape(x)[axis + 1 :])
    cut = backend.slice(x, cuts + [slice(None)] * (rank_of(context, x) - axis))
    for place in flipped:
        cut = backend.flip(cut, place)
    return backend.reshape(cut, [backend.shape(x)[0]] + shape)


def _gather(context, node, inputs):
    """Rows of one axis by number; where both differ between replicas each replica reads its own."""
    backend = context.backend
    values, indices = inputs
    axis = axis_of(context, values, node.get("axis") or 0)
    indices = backend.cast(indices, "int")
    if backend.shape(indices)[0] == 1:
        return backend.take(values, backend.reshape(indices, backend.shape(indices)[1:]), axis)
    values, indices = replicated(context, [values, indices])
    parts = [
        backend.take(backend.slice(values, [i]), backend.slice(indices, [i]), axis - 1)
        for i in range(backend.shape(values)[0])
    ]
    return backend.stack(parts, 0)


def _tile(context, node, inputs):
    (x,) = inputs
    for axis, factor in enumerate(node["factors"]):
        if factor != 1:
            x = context.backend.concat([x] * factor, axis + 1)
    return x


def _upsample(context, node, inputs):
    """Every element of space repeated, as Keras' UpSampling layers do."""
    (x,) = inputs
    backend = context.backend
    for axis, factor in enumerate(node["factors"]):
        if factor == 1:
            continue
        shape = tuple(backend.shape(x))
        place = axis + 2
        split = backend.reshape(x, shape[: place + 1] + (1,) + shape[place + 1 :])
        wide = backend.concat([split] * factor, place + 1)
        x = backend.reshape(wide, shape[:place] + (shape[place] * factor,) + shape[place + 1 :])
    return x


def _pad(context, node, inputs):
    (x,) = inputs
    mode = (node.get("mode") or "constant").lower()
    widths = [list(pair) for pair in node["widths"]]
    if mode == "constant":
        return context.backend.pad(x, [[0, 0]] + widths, float(node.get("value") or 0.0))
    for axis, (before, after) in enumerate(widths):
        size = shape_of(context, x)[axis]
        skip = 1 if mode == "reflect" else 0
        parts = []
        if before:
            parts.append(context.backend.flip(_cut(context, x, axis, skip, skip + before), axis + 1))
        parts.append(x)
        if after:
            parts.append(context.backend.flip(_cut(context, x, axis, size - skip - after, size - skip), axis + 1))
        x = context.backend.concat(parts, axis + 1) if len(parts) > 1 else x
    return x


def _one_hot(context, node, inputs):
    backend = context.backend
    hot = backend.one_hot(backend.cast(inputs[0], "int"), node["depth"])
    on, off = node.get("on"), node.get("off")
    if on is not None or off is not None:
        on, off = 1.0 if on is None else on, 0.0 if off is None else off
        hot = hot * (on - off) + off
    axis = node.get("axis", -1)
    rank = rank_of(context, hot)
    if axis in (-1, None, rank - 1):
        return hot
    order = list(range(rank))
    order.insert(axis + 1, rank)
    return backend.transpose(hot, order)


OPERATIONS = {
    "reshape": _reshape,
    "flatten": _flatten,
    "transpose": _transpose,
    "expand": _expand,
    "squeeze": _squeeze,
    "concat": _concat,
    "stack": _stack,
    "split": _split,
    "slice": _slice,
    "gather": _gather,
    "tile": _tile,
    "upsample": _upsample,
    "pad": _pad,
    "one-hot": _one_hot,
}
