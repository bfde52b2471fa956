"""Normalization over rows, features or groups; each replica has statistics of its own."""

from .alignment import as_float, axes_of, rank_of, shape_of

_EPSILON = 1e-3


def _moments(context, x, axes):
    backend = context.backend
    mean = backend.reduce("mean", x, axes, True)
    difference = x - mean
    return mean, backend.reduce("mean", difference * difference, axes, True)


def _broadcastable(context, weight, x, axes):
    """A weight over ``axes`` of the tensor in a shape that broadcasts with ``x``."""
    shape = context.backend.shape(x)
    wanted = [context.backend.shape(weight)[0]] + [1] * (len(shape) - 1)
    for axis in axes:
        wanted[axis] = shape[axis]
    return context.backend.reshape(weight, wanted)


def _normalization(context, node, inputs):
    backend = context.backend
    x = as_float(context, inputs[0])
    gamma, beta = (list(inputs[1:]) + [None, None])[:2]
    form = node.get("form", "batch")
    kept = axes_of(context, x, node.get("axis", -1))
    epsilon = node.get("epsilon", _EPSILON)
    if form == "batch":
        mean, variance = _batch_statistics(context, node, x, kept)
        normal = (x - mean) * backend.unary("rsqrt", variance + epsilon)
    elif form == "layer":
        mean, variance = _moments(context, x, kept)
        normal = (x - mean) * backend.unary("rsqrt", variance + epsilon)
    elif form == "group":
        normal = _group(context, x, kept[0], node.get("groups", 32), epsilon)
    elif form == "unit":
        length = backend.reduce("sum", x * x, kept, True)
        normal = x * backend.unary("rsqrt", backend.maximum(length, backend.array(node.get("epsilon", 1e-12))))
    else:
        raise ValueError("the probe does not know the normalization {!r}".format(form))
    if gamma is not None:
        normal = normal * _broadcastable(context, gamma, x, kept)
    if beta is not None:
        normal = normal + _broadcastable(context, beta, x, kept)
    return normal


def _batch_statistics(context, node, x, kept):
    """Mean and variance that broadcast with ``x``; the moving averages follow where the node says so."""
    backend = context.backend
    name = context.name
    others = [axis for axis in range(1, rank_of(context, x) + 1) if axis not in kept]
    moving = context.averages.get(name)
    if moving is None:
        # Only when shapes are looked for; what is found here is what the averages will have.
        context.averages_found[name] = averages_shape(context, node, x)
    elif not context.is_active(node):
        return [_broadcastable(context, moving[key], x, kept) for key in ("mean", "variance")]
    mean, variance = _moments(context, x, others)
    if context.training and node.get("updates", True) and moving is not None:
        momentum = node.get("momentum", 0.99)
        new = {}
        for key, found in (("mean", mean), ("variance", variance)):
            found = backend.stop_gradient(backend.reshape(found, backend.shape(moving[key])))
            new[key] = moving[key] * momentum + found * (1.0 - momentum)
        context.new_averages[name] = new
    return mean, variance


def averages_shape(context, node, x):
    """The shape of the moving averages of a batch normalization of ``x``."""
    shape = shape_of(context, x)
    axis = node.get("axis", -1)
    axes = sorted(one % len(shape) for one in ([axis] if isinstance(axis, int) else axis))
    return tuple(shape[one] for one in axes)


def _group(context, x, axis, groups, epsilon):
    backend = context.backend
    shape = tuple(backend.shape(x))
    groups = shape[axis] if groups == -1 else groups
    split = shape[:axis] + (groups, shape[axis] // groups) + shape[axis + 1 :]
    cut = backend.reshape(x, split)
    axes = [i for i in range(2, len(split)) if i != axis]
    mean, variance = _moments(context, cut, axes)
    return backend.reshape((cut - mean) * backend.unary("rsqrt", variance + epsilon), shape)


OPERATIONS = {"normalization": _normalization}
