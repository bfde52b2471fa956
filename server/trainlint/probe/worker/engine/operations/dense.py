"""What is fed, what is learned, and products of matrices."""

from .alignment import as_float, axis_of, rank_of, replicated, shape_of, with_rank


def _source(context, node, inputs):
    return context.fed[node["source"]]


def _variable(context, node, inputs):
    return context.variables[context.name]


def _identity(context, node, inputs):
    return inputs[0]


def _stop_gradient(context, node, inputs):
    return context.backend.stop_gradient(inputs[0])


def matmul(context, a, b, transpose_a=False, transpose_b=False):
    """The product over the last axis of ``a``; a matrix ``b`` is shared by all leading axes of ``a``."""
    backend = context.backend
    a, b = as_float(context, a), as_float(context, b)
    if rank_of(context, a) == 1:
        product = matmul(context, with_rank(context, a, 2), b, transpose_a, transpose_b)
        return backend.reshape(product, (backend.shape(product)[0],) + shape_of(context, product)[1:])
    if rank_of(context, b) == 1:
        column = backend.reshape(b, tuple(backend.shape(b)) + (1,))
        product = matmul(context, a, column, transpose_a)
        return backend.reshape(product, tuple(backend.shape(product))[:-1])
    if rank_of(context, a) > 2 and rank_of(context, b) == 2 and not transpose_a:
        leading = shape_of(context, a)[:-1]
        flat = backend.reshape(a, (backend.shape(a)[0], -1, shape_of(context, a)[-1]))
        product = matmul(context, flat, b, False, transpose_b)
        return backend.reshape(product, (backend.shape(product)[0],) + leading + shape_of(context, product)[-1:])
    rank = max(rank_of(context, a), rank_of(context, b))
    a, b = with_rank(context, a, rank), with_rank(context, b, rank)
    inner_a = shape_of(context, a)[-2 if transpose_a else -1]
    inner_b = shape_of(context, b)[-1 if transpose_b else -2]
    if inner_a != inner_b:
        raise ValueError("the product needs {} rows on the right, there are {}".format(inner_a, inner_b))
    return backend.matmul(a, b, transpose_a, transpose_b)


def _matmul(context, node, inputs):
    a, b = inputs
    if node.get("axes") is not None:
        return _tensordot(context, a, b, node["axes"])
    return matmul(context, a, b, bool(node.get("transpose_a")), bool(node.get("transpose_b")))


def _tensordot(context, a, b, axes):
    """As ``tf.tensordot``: the contracted axes move to the border, then one product of matrices."""
    backend = context.backend
    a, b = replicated(context, [as_float(context, a), as_float(context, b)])
    if isinstance(axes, int):
        rank = rank_of(context, a)
        axes = [list(range(rank - axes, rank)), list(range(axes))]
    axes_a, axes_b = [[one] if isinstance(one, int) else list(one) for one in axes]
    axes_a = [axis_of(context, a, axis) for axis in axes_a]
    axes_b = [axis_of(context, b, axis) for axis in axes_b]
    shape_a, shape_b = backend.shape(a), backend.shape(b)
    free_a = [i for i in range(1, len(shape_a)) if i not in axes_a]
    free_b = [i for i in range(1, len(shape_b)) if i not in axes_b]
    contracted = 1
    for axis in axes_a:
        contracted *= shape_a[axis]
    left = backend.reshape(backend.transpose(a, [0] + free_a + axes_a), (shape_a[0], -1, contracted))
    right = backend.reshape(backend.transpose(b, [0] + axes_b + free_b), (shape_b[0], contracted, -1))
    shape = (shape_a[0],) + tuple(shape_a[i] for i in free_a) + tuple(shape_b[i] for i in free_b)
    return backend.reshape(backend.matmul(left, right), shape)


def _embedding(context, node, inputs):
    backend = context.backend
    ids, table = replicated(context, inputs)
    count, size, width = backend.shape(table)
    ids = backend.cast(ids, "int")
    # Ids outside of the table would read another replica's rows.
    ids = backend.minimum(backend.maximum(ids, backend.array(0)), backend.array(size - 1))
    shape = tuple(backend.shape(ids))
    offsets = backend.reshape(backend.arange(count) * size, (count,) + (1,) * (len(shape) - 1))
    rows = backend.take(backend.reshape(table, (count * size, width)), ids + offsets)
    return backend.reshape(rows, shape + (width,))


OPERATIONS = {
    "source": _source,
    "variable": _variable,
    "identity": _identity,
    "stop-gradient": _stop_gradient,
    "matmul": _matmul,
    "embedding": _embedding,
}
