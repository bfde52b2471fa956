"""Noise: dropout in its forms, and fresh random tensors."""

from .alignment import as_float, per_replica, shape_of

# Klambauer et al. 2017: what alpha dropout puts in place of a unit, -scale * alpha of SELU.
_ALPHA_VALUE = -1.7580993408473766


def _dropout(context, node, inputs):
    backend = context.backend
    x = as_float(context, inputs[0])
    if not context.is_active(node):
        return x
    if node.get("form") == "noise":
        return x + float(node.get("stddev", 1.0)) * context.noise("normal", shape_of(context, x))
    rate = context.number(node, "rate", 0.5)
    shape = shape_of(context, x)
    form = node.get("form", "plain")
    wanted = node.get("noise_shape")
    if wanted is not None:
        sizes = context.sized(wanted)
        shape = tuple(own if size is None or size == -1 else size for own, size in zip(shape, sizes))
    elif form == "spatial":
        shape = shape[:1] + (1,) * (len(shape) - 2) + shape[-1:]
    rate = per_replica(context, rate, x)
    if form == "gaussian":
        spread = backend.unary("sqrt", rate / (1.0 - rate))
        return x * (1.0 + spread * context.noise("normal", shape))
    kept = context.noise("uniform", shape) >= rate
    if form == "alpha":
        keep = 1.0 - rate
        scale = backend.unary("rsqrt", keep * (1.0 + rate * _ALPHA_VALUE**2))
        return scale * backend.where(kept, x, backend.array(_ALPHA_VALUE)) - scale * _ALPHA_VALUE * rate
    # Without a where, a value that is infinite before would stay NaN where it is dropped.
    dropped = backend.where(kept, x, backend.array(0.0))
    if not node.get("scaled", True):
        return dropped
    # All is dropped at a rate of 1, as Keras 3 does.
    return dropped / backend.maximum(1.0 - rate, backend.array(1e-7))


def _random(context, node, inputs):
    initial = node.get("initial") or {}
    backend = context.backend
    shape = context.sized(node.get("shape") or ())
    distribution = initial.get("distribution", "normal")
    if distribution == "uniform":
        low, high = initial.get("low", 0.0), initial.get("high", 1.0)
        return low + (high - low) * context.noise("uniform", shape)
    mean, stddev = initial.get("mean", 0.0), initial.get("stddev", 1.0)
    if distribution == "normal":
        return mean + stddev * context.noise("normal", shape)
    if distribution == "truncated":
        # The inverse of the distribution function, cut at two standard deviations: .0228 to .9772.
        drawn = context.noise("uniform", shape) * 0.9544997361036416 + 0.02275013194817921
        return mean + stddev * backend.normal_quantile(drawn)
    if distribution == "constant":
        return backend.broadcast(backend.array(float(initial.get("value", 0.0))), (1,) + shape)
    raise ValueError("the probe draws no fresh noise of the distribution {!r}".format(distribution))


OPERATIONS = {"dropout": _dropout, "random": _random}
