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
    for axis, step in enumerate(dilation):
        kernel = _spread(context.backend, kernel, axis, step)
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
        return _transposed(backend, x, kernel, strides, padding, _output_space(context, node, rank))
    if form in ("depthwise", "separable"):
        size = tuple(backend.shape(kernel))
        channels, multiplier = size[-2:]
        kernel = backend.reshape(kernel, size[:-2] + (1, channels * multiplier))
        y = backend.convolution(x, _dilated(context, kernel, dilation), strides, padding, channels)
        return backend.convolution(y, rest[0], (1,) * rank, "valid") if form == "separable" else y
    return backend.convolution(x, _dilated(context, kernel, dilation), strides, padding, node.get("groups") or 1)


def _output_space(context, node, rank):
    """Lengths of a transposed convolution that the node names; None where its padding says them."""
    shape = node.get("output_shape")
    if shape is None:
        return None
    sizes = context.sized(shape)
    first = node.get("data_format", "last") in ("first", "channels_first")
    return sizes[2 : 2 + rank] if first else sizes[1 : 1 + rank]


def _transposed(backend, x, kernel, strides, padding, wanted_space):
    """The gradient of a convolution: zeros between the elements, then a convolution with the mirrored kernel.

    The kernel is [*size, channels out, channels in].
    Without ``wanted_space`` lengths are those of Keras' Conv2DTranspose.
    """
    rank = len(strides)
    lengths = backend.shape(x)[1 : rank + 1]
    size = backend.shape(kernel)[:rank]
    widths = [[0, 0]]
    for axis in range(rank):
        stride, length, taps = strides[axis], lengths[axis], size[axis]
        x = _spread(backend, x, axis + 1, stride)
        inner = (length - 1) * stride + 1
        if wanted_space is not None:
            wanted = wanted_space[axis]
        elif padding == "same":
            wanted = length * stride
        else:
            wanted = length * stride + max(taps - stride, 0)
        # What the convolution of that length would pad before its first element.
        cut = max((length - 1) * stride + taps - wanted, 0) // 2 if padding == "same" else 0
        before = taps - 1 - cut
        widths.append([before, wanted - inner + taps - 1 - before])
    widths.append([0, 0])
    if any(one < 0 for pair in widths for one in pair):
        x = backend.slice(x, [slice(max(-a, 0), None if b >= 0 else b) for a, b in widths])
        widths = [[max(a, 0), max(b, 0)] for a, b in widths]
    for axis in range(rank):
        kernel = backend.flip(kernel, axis)
    order = list(range(rank)) + [rank + 1, rank]
    return backend.convolution(backend.pad(x, widths), backend.transpose(kernel, order), (1,) * rank, "valid")


def _spread(backend, x, axis, stride):
    """``x`` with ``stride - 1`` zeros between its elements along an axis."""
    if stride == 1:
        return x
    shape = list(backend.shape(x))
    split = backend.reshape(x, shape[: axis + 1] + [1] + shape[axis + 1 :])
    widths = [[0, 0]] * (len(shape) + 1)
    widths[axis + 1] = [0, stride - 1]
    wide = shape[:axis] + [shape[axis] * stride] + shape[axis + 1 :]
    index = [slice(None)] * len(shape)
    index[axis] = slice(0, (shape[axis] - 1) * stride + 1)
    return backend.slice(backend.reshape(backend.pad(split, widths), wide), index)


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
