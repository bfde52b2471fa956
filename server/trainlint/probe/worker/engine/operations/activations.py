"""Activation functions as Keras 3 defines them (keras.activations), with TensorFlow's defaults."""

from .alignment import as_float, axis_of

_SQRT_HALF = 0.7071067811865476


def activate(context, function, x, node=None):
    """``function`` of ``x``; ``node`` may give ``axis``, ``alpha``, ``max_value`` and ``threshold``."""
    backend = context.backend
    node = node or {}
    x = as_float(context, x)
    function = (function or "linear").replace("-", "_").lower()
    if function in ("linear", "identity", "none"):
        return x
    if function in _SIMPLE:
        return _SIMPLE[function](backend, x)
    if function in ("softmax", "log_softmax"):
        axis = node.get("axis")
        return getattr(backend, function)(x, axis_of(context, x, -1 if axis is None else axis))
    alpha = node.get("alpha")
    if function in ("relu", "relu6"):
        return _relu(backend, x, alpha, 6.0 if function == "relu6" else node.get("max_value"), node.get("threshold"))
    if function == "leaky_relu":
        return _relu(backend, x, 0.2 if alpha is None else alpha, None, None)
    if function == "elu":
        if alpha is None or alpha == 1:
            return backend.unary("elu", x)
        return backend.where(x > 0, x, alpha * backend.unary("expm1", backend.minimum(x, backend.array(0.0))))
    raise ValueError("the probe does not know the activation {!r}".format(function))


def _relu(backend, x, alpha, max_value, threshold):
    threshold = threshold or 0.0
    if not alpha and not threshold and max_value is None:
        return backend.unary("relu", x)
    zero = backend.array(0.0)
    kept = x
    if max_value is not None:
        kept = backend.minimum(kept, backend.array(float(max_value)))
    below = (alpha or 0.0) * (x - threshold) if alpha else x * zero
    return backend.where(x > threshold, kept, below)


def _hard_sigmoid(backend, x):
    return backend.minimum(backend.maximum(x / 6.0 + 0.5, backend.array(0.0)), backend.array(1.0))


_SIMPLE = {
    "sigmoid": lambda backend, x: backend.unary("sigmoid", x),
    "tanh": lambda backend, x: backend.unary("tanh", x),
    "selu": lambda backend, x: backend.unary("selu", x),
    "softplus": lambda backend, x: backend.unary("softplus", x),
    "softsign": lambda backend, x: x / (1.0 + backend.unary("abs", x)),
    "exponential": lambda backend, x: backend.unary("exp", x),
    "exp": lambda backend, x: backend.unary("exp", x),
    "gelu": lambda backend, x: 0.5 * x * (1.0 + backend.unary("erf", x * _SQRT_HALF)),
    "gelu_tanh": lambda backend, x: (
        0.5 * x * (1.0 + backend.unary("tanh", 0.7978845608028654 * (x + 0.044715 * x * x * x)))
    ),
    "swish": lambda backend, x: x * backend.unary("sigmoid", x),
    "silu": lambda backend, x: x * backend.unary("sigmoid", x),
    "mish": lambda backend, x: x * backend.unary("tanh", backend.unary("softplus", x)),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda backend, x: x * _hard_sigmoid(backend, x),
    "hard_silu": lambda backend, x: x * _hard_sigmoid(backend, x),
    "log_sigmoid": lambda backend, x: backend.unary("log-sigmoid", x),
}

# Values that an activation cannot leave: within 1e-3 of one the unit passes on next to no gradient.
BOUNDS = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (None, 6.0),
}


def _activation(context, node, inputs):
    if node["function"] == "prelu":
        from .alignment import with_rank

        x, alpha = inputs
        alpha = with_rank(context, alpha, len(context.backend.shape(x)) - 1)
        zero = context.backend.array(0.0)
        return context.backend.maximum(x, zero) + alpha * context.backend.minimum(x, zero)
    return activate(context, node["function"], inputs[0], node)


OPERATIONS = {"activation": _activation}
