"""Shapes behind the axis of replicas."""


def shape_of(context, x):
    """The shape of the node, without the replicas."""
    return tuple(context.backend.shape(x)[1:])


def rank_of(context, x):
    return len(context.backend.shape(x)) - 1


def axis_of(context, x, axis):
    """The axis of the tensor with replicas for ``axis`` of the node."""
    return axis + 1 if axis >= 0 else axis + 1 + rank_of(context, x)


def axes_of(context, x, axes):
    """As ``axis_of`` for a list, a number, or null for all."""
    if axes is None:
        return list(range(1, rank_of(context, x) + 1))
    if isinstance(axes, int):
        axes = [axes]
    return [axis_of(context, x, axis) for axis in axes]


def with_rank(context, x, rank):
    """``x`` with axes of size 1 in front of its own, as NumPy broadcasts, up to ``rank``."""
    shape = context.backend.shape(x)
    missing = rank - (len(shape) - 1)
    return x if missing <= 0 else context.backend.reshape(x, (shape[0],) + (1,) * missing + tuple(shape[1:]))


def aligned(context, inputs):
    """The inputs with equal ranks and one kind of number."""
    backend = context.backend
    rank = max(rank_of(context, x) for x in inputs)
    kinds = {backend.kind(x) for x in inputs}
    if len(kinds) > 1:
        kind = "float" if "float" in kinds else "int"
        inputs = [x if backend.kind(x) == kind else backend.cast(x, kind) for x in inputs]
    return [with_rank(context, x, rank) for x in inputs]


def per_replica(context, number, x):
    """A tensor [replicas] in a shape that broadcasts with ``x``."""
    return context.backend.reshape(number, (context.backend.shape(number)[0],) + (1,) * rank_of(context, x))


def replicated(context, inputs):
    """The inputs with the same number of replicas each."""
    backend = context.backend
    count = max(backend.shape(x)[0] for x in inputs)
    return [
        x if backend.shape(x)[0] == count else backend.broadcast(x, (count,) + tuple(backend.shape(x)[1:]))
        for x in inputs
    ]


def as_float(context, x):
    return x if context.backend.kind(x) == "float" else context.backend.cast(x, "float")


def last_axis(context, x, axis):
    """``x`` with ``axis`` of the node moved behind all others, and a function that moves it back."""
    backend = context.backend
    rank = rank_of(context, x) + 1
    place = axis_of(context, x, axis)
    if place == rank - 1:
        return x, lambda y: y
    order = [i for i in range(rank) if i != place] + [place]
    back = sorted(range(rank), key=lambda i: order[i])
    return backend.transpose(x, order), lambda y: backend.transpose(y, back)
