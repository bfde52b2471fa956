"""Convolution, pooling and resizing."""

from .alignment import as_float, axes_of, rank_of, replicated, shape_of


def _tuple(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _channels_last(context, x, node):
    """``x`` with channels behind the space, and a function that brings a result back."""
    if node.get("data_format", "last") not in ("first", "channels_first"):
        return x, lambda y: y
    rank = rank_of(context, x)
    to_last = [0, 1] + list(range(3, rank + 1)) + [2]
    to_first = [0, 1, rank] + list(range(2, rank))
    return context.backend.transpose(x, to_last), lambda y: context.backend.transpose(y, to_first)


def _dilated(context, kernel, dilation):
    """The kernel with holes; so no backend needs a dilated gradient, which TensorFlow's CPU kernels lack."""
    backend = context.backend
    for axis, step in enumerate(dilation):
        if step == 1:
            continue
        shape = list(backend.shape(kernel))
        spread = backend.reshape(kernel, shape[: axis + 1] + [1] + shape[axis + 1 :])
        widths = [[0, 0]] * (len(shape) + 1)
        widths[axis + 1] = [0, step - 1]
        spread = backend.reshape(backend.pad(spread, widths), shape[:axis] + [shape[axis] * step] + shape[axis + 1 :])
        index = [slice(None)] * len(shape)
        index[axis] = slice(0, (shape[axis] - 1) * step + 1)
        kernel = backend.slice(spread, index)
    return kernel


def _convolution(context, node, inputs):
    backend = context.backend
    x, back = _channels_last(context, as_float(context, inputs[0]), node)
    rank = node.get("rank") or rank_of(context, x) - 2
    strides = _tuple(node.get("strides", 1), rank)
    dilation = _tuple(node.get("dilation") or 1, rank)
    padding = (node.get("padding") or "valid").lower()
    form = node.get("form") or "plain"
    kernel = inputs[1]
    if form != "transposed":
        wanted = shape_of(context, kernel)[rank]
        channels = shape_of(context, x)[-1]
        if form == "plain" and channels != wanted * (node.get("groups") or 1):
            raise ValueError("the kernel is made for {} channels, there are {}".format(wanted, channels))
    if padding == "causal":
        size = (shape_of(context, kernel)[0] - 1) * dilation[0]
        x = backend.pad(x, [[0, 0], [0, 0], [size, 0], [0, 0]])
        padding = "valid"
    tensors = replicated(context, [x] + [one for one in inputs[1:] if one is not None])
    # One call for each replica: kernels of grouped convolutions are slow or missing on the CPU.
    results = []
    for replica in range(backend.shape(tensors[0])[0]):
        one, kernel, *rest = [backend.slice(tensor, [replica]) for tensor in tensors]
        results.append(_one(context, node, form, one, kernel, rest, rank, strides, dilation, padding))
    return back(backend.stack(results, 0))


def _one(context, node, form, x, kernel, rest, rank, strides, dilation, padding):
    backend = context.backend
    if form == "transposed":
        return _transposed(backend, x, kernel, strides, padding, node.get("output_padding"))
    if form in ("depthwise", "separable"):
        size = tuple(backend.shape(kernel))
        channels, multiplier = size[-2:]
        kernel = backend.reshape(kernel, size[:-2] + (1, channels * multiplier))
        y = backend.convolution(x, _dilated(context, kernel, dilation), strides, padding, channels)
        return backend.convolution(y, rest[0], (1,) * rank, "valid") if form == "separable" else y
    return backend.convolution(x, _dilated(context, kernel, dilation), strides, padding, node.get("groups") or 1)


def _transposed(backend, x, kernel, strides, padding, output_padding):
    """The gradient of a convolution: zeros between the elements, then a convolution with the mirrored kernel.

    The kernel is [*size, channels out, channels in]; lengths are those of Keras' Conv2DTranspose.
    """
    rank = len(strides)
    shape = list(backend.shape(x))
    size = backend.shape(kernel)[:rank]
    for axis in range(rank):
        stride, length = strides[axis], shape[axis + 1]
        if stride > 1:
            wide = list(backend.shape(x))
            spread = backend.reshape(x, wide[: axis + 2] + [1] + wide[axis + 2 :])
            widths = [[0, 0]] * (len(wide) + 1)
            widths[axis + 2] = [0, stride - 1]
            wide[axis + 1] = length * stride
            x = backend.reshape(backend.pad(spread, widths), wide)
            index = [slice(None)] * len(wide)
            index[axis + 1] = slice(0, (length - 1) * stride + 1)
            x = backend.slice(x, index)
    widths = [[0, 0]]
    extra = _tuple(output_padding, rank) if output_padding is not None else None
    for axis in range(rank):
        stride, length, taps = strides[axis], shape[axis + 1], size[axis]
        inner = (length - 1) * stride + 1
        if padding == "same":
            wanted = length * stride if extra is None else (length - 1) * stride + taps - 2 * (taps // 2) + extra[axis]
            cut = max(taps - stride, 0) // 2 if extra is None else taps // 2
        else:
            wanted = length * stride + max(taps - stride, 0) if extra is None else inner - 1 + taps + extra[axis]
            cut = 0
        before = taps - 1 - cut
        widths.append([before, wanted - inner + taps - 1 - before])
    widths.append([0, 0])
    if any(one < 0 for pair in widths for one in pair):
        index = [slice(-min(a, 0), None if b >= 0 else b) for a, b in widths]
        x = backend.slice(x, index)
        widths = [[max(a, 0), max(b, 0)] for a, b in widths]
    for axis in range(rank):
        kernel = backend.flip(kernel, axis)
    order = list(range(rank)) + [rank + 1, rank]
    return backend.convolution(backend.pad(x, widths), backend.transpose(kernel, order), (1,) * rank, "valid")


def _merged(context, x, compute):
    """``compute`` on [replicas x rows, ...]: what has no weights sees more rows and needs no loop."""
    backend = context.backend
    shape = tuple(backend.shape(x))
    y = compute(backend.reshape(x, (shape[0] * shape[1],) + shape[2:]))
    return backend.reshape(y, shape[:2] + tuple(backend.shape(y)[1:]))


def _pool(context, node, inputs):
    backend = context.backend
    x, back = _channels_last(context, as_float(context, inputs[0]), node)
    how = "mean" if node.get("how") in ("mean", "average", "avg") else "max"
    if node.get("global"):
        rank = rank_of(context, x) - 2
        y = backend.reduce(how, x, axes_of(context, x, list(range(1, rank + 1))), bool(node.get("keepdims")))
        return back(y) if node.get("keepdims") else y
    rank = node.get("rank") or rank_of(context, x) - 2
    size = _tuple(node["size"], rank)
    strides = size if node.get("strides") is None else _tuple(node["strides"], rank)
    padding = (node.get("padding") or "valid").lower()
    return back(_merged(context, x, lambda flat: backend.pool(how, flat, size, strides, padding)))


def _resize(context, node, inputs):
    x, back = _channels_last(context, as_float(context, inputs[0]), node)
    size = [int(one) for one in node["size"]]
    method = node.get("method") or "bilinear"
    return back(_merged(context, x, lambda flat: context.backend.resize(flat, size, method)))


OPERATIONS = {"convolution": _convolution, "pool": _pool, "resize": _resize}
