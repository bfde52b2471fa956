"""Loss functions as Keras 3 defines them; on logits they are TensorFlow's of the same name.

Where Keras takes the mean over the last axis before its reduction, ``axis`` names another one (default -1); the
``"form"`` ``"raw"`` keeps every element, as functions of ``tf.nn`` do.
"""

from .alignment import aligned, as_float, axis_of, last_axis, rank_of, shape_of

EPSILON = 1e-7


def _loss(context, node, inputs):
    function = node["function"]
    labels, predictions = inputs[:2]
    predictions = as_float(context, predictions)
    if node.get("aligns"):
        labels, predictions = _keras_aligned(context, labels, predictions, function.startswith("sparse"))
    values = _FUNCTIONS[function](context, node, labels, predictions)
    reduction = node.get("reduction", "mean")
    if reduction in ("none", None):
        return values
    axes = list(range(1, rank_of(context, values) + 1))
    return context.backend.reduce("sum" if reduction == "sum" else "mean", values, axes, False)


def _keras_aligned(context, labels, predictions, sparse):
    """As Keras does when ranks differ by one: an axis of size 1 is added to vectors and removed elsewhere."""
    backend = context.backend
    a, b = tuple(backend.shape(labels)), tuple(backend.shape(predictions))
    if sparse:
        if len(a) == len(b) and a[-1] == 1 and len(a) > 2:
            labels = backend.reshape(labels, a[:-1])
        return labels, predictions
    if len(a) == len(b) + 1 and a[-1] == 1:
        if len(b) == 2:
            predictions = backend.reshape(predictions, b + (1,))
        else:
            labels = backend.reshape(labels, a[:-1])
    elif len(b) == len(a) + 1 and b[-1] == 1:
        if len(a) == 2:
            labels = backend.reshape(labels, a + (1,))
        else:
            predictions = backend.reshape(predictions, b[:-1])
    return labels, predictions


def _clipped(backend, p):
    return backend.minimum(backend.maximum(p, backend.array(EPSILON)), backend.array(1.0 - EPSILON))


def _class_axis(node):
    axis = node.get("axis", -1)
    return -1 if axis is None else axis


def _softmax(context, node, labels, predictions):
    backend = context.backend
    labels, predictions = aligned(context, [as_float(context, labels), predictions])
    labels, _ = last_axis(context, labels, _class_axis(node))
    predictions, _ = last_axis(context, predictions, _class_axis(node))
    classes = shape_of(context, predictions)[-1]
    if shape_of(context, labels)[-1] != classes:
        raise ValueError("labels have {} classes, predictions {}".format(shape_of(context, labels)[-1], classes))
    smoothing = node.get("smoothing") or 0.0
    if smoothing:
        labels = labels * (1.0 - smoothing) + smoothing / classes
    last = rank_of(context, predictions)
    if node.get("from_logits"):
        return -backend.reduce("sum", labels * backend.log_softmax(predictions, last), [last], False)
    # As Keras: scaled to a sum of one, then clipped.
    p = predictions / backend.reduce("sum", predictions, [last], True)
    return -backend.reduce("sum", labels * backend.unary("log", _clipped(backend, p)), [last], False)


def _sparse(context, node, labels, predictions):
    backend = context.backend
    predictions, _ = last_axis(context, predictions, _class_axis(node))
    classes = shape_of(context, predictions)[-1]
    if rank_of(context, labels) == rank_of(context, predictions) and shape_of(context, labels)[-1] == 1:
        labels = backend.reshape(labels, tuple(backend.shape(labels))[:-1])
    if shape_of(context, labels) != shape_of(context, predictions)[:-1]:
        raise ValueError(
            "class numbers of shape {} do not fit predictions of shape {}".format(
                list(shape_of(context, labels)), list(shape_of(context, predictions))
            )
        )
    hot = backend.one_hot(backend.cast(labels, "int"), classes)
    last = rank_of(context, predictions)
    if not node.get("from_logits"):
        # As Keras on TensorFlow: clipped, then scaled by the softmax of the logarithms.
        predictions = backend.unary("log", _clipped(backend, predictions))
    return -backend.reduce("sum", hot * backend.log_softmax(predictions, last), [last], False)


def _pairwise(compute):
    """A loss of equal shapes, reduced over ``axis`` as Keras does before its own reduction."""

    def function(context, node, labels, predictions):
        labels, predictions = aligned(context, [as_float(context, labels), predictions])
        values = compute(context, node, labels, predictions)
        axis = None if node.get("form") == "raw" else node.get("axis", -1)
        if axis is None or rank_of(context, values) == 0:
            return values
        return context.backend.reduce("mean", values, [axis_of(context, values, axis)], False)

    return function


def _binary(context, node, y, p):
    backend = context.backend
    smoothing = node.get("smoothing") or 0.0
    if smoothing:
        y = y * (1.0 - smoothing) + 0.5 * smoothing
    if node.get("from_logits"):
        weight = node.get("positive_weight")
        if weight is not None:
            # tf.nn.weighted_cross_entropy_with_logits
            return (1.0 - y) * p + (1.0 + (weight - 1.0) * y) * backend.unary("softplus", -p)
        zero = backend.array(0.0)
        return backend.maximum(p, zero) - p * y + backend.unary("log1p", backend.unary("exp", -backend.unary("abs", p)))
    p = _clipped(backend, p)
    return -(y * backend.unary("log", p) + (1.0 - y) * backend.unary("log", 1.0 - p))


def _focal(context, node, y, p):
    """Binary focal loss (Lin et al. 2017); gamma 2 and no class weight unless the node says so, as in Keras."""
    backend = context.backend
    smoothing = node.get("smoothing") or 0.0
    if smoothing:
        y = y * (1.0 - smoothing) + 0.5 * smoothing
    probability = backend.unary("sigmoid", p) if node.get("from_logits") else p
    entropy = _binary(context, dict(node, smoothing=0.0), y, p)
    right = y * probability + (1.0 - y) * (1.0 - probability)
    factor = backend.power(1.0 - right, backend.array(float(node.get("gamma", 2.0))))
    if node.get("alpha") is not None:
        factor = factor * (y * node["alpha"] + (1.0 - y) * (1.0 - node["alpha"]))
    return factor * entropy


def _huber(context, node, y, p):
    backend = context.backend
    delta = float(node.get("delta") or 1.0)
    size = backend.unary("abs", p - y)
    return backend.where(size <= delta, 0.5 * size * size, delta * size - 0.5 * delta * delta)


def _log_cosh(context, node, y, p):
    x = p - y
    return x + context.backend.unary("softplus", -2.0 * x) - 0.6931471805599453


def _percentage(context, node, y, p):
    backend = context.backend
    bottom = backend.maximum(backend.unary("abs", y), backend.array(EPSILON))
    return 100.0 * backend.unary("abs", (y - p) / bottom)


def _logarithmic(context, node, y, p):
    backend = context.backend
    low = backend.array(EPSILON)
    difference = backend.unary("log", backend.maximum(p, low) + 1.0) - backend.unary(
        "log", backend.maximum(y, low) + 1.0
    )
    return difference * difference


def _poisson(context, node, y, p):
    return p - y * context.backend.unary("log", p + EPSILON)


def _signed(context, y):
    """Labels in {-1, 1}: Keras turns those in {0, 1} around, if there are no others."""
    backend = context.backend
    axes = list(range(1, rank_of(context, y) + 1))
    binary = backend.reduce("all", (y <= 0.0) & (y >= 0.0) | (y <= 1.0) & (y >= 1.0), axes, True)
    return backend.where(binary, 2.0 * y - 1.0, y)


def _hinge(context, node, y, p):
    return context.backend.unary("relu", 1.0 - _signed(context, y) * p)


def _squared_hinge(context, node, y, p):
    value = _hinge(context, node, y, p)
    return value * value


def _over_axis(compute):
    def function(context, node, labels, predictions):
        labels, predictions = aligned(context, [as_float(context, labels), predictions])
        return compute(context, labels, predictions, [axis_of(context, predictions, _class_axis(node))])

    return function


def _kl(context, y, p, axes):
    backend = context.backend

    def within(x):
        return backend.minimum(backend.maximum(x, backend.array(EPSILON)), backend.array(1.0))

    return backend.reduce("sum", within(y) * backend.unary("log", within(y) / within(p)), axes, False)


def _categorical_hinge(context, y, p, axes):
    backend = context.backend
    positive = backend.reduce("sum", y * p, axes, False)
    negative = backend.reduce("max", (1.0 - y) * p, axes, False)
    return backend.unary("relu", negative - positive + 1.0)


def _cosine(context, y, p, axes):
    backend = context.backend

    def unit(x):
        length = backend.reduce("sum", x * x, axes, True)
        return x * backend.unary("rsqrt", backend.maximum(length, backend.array(1e-12)))

    return -backend.reduce("sum", unit(y) * unit(p), axes, False)


_FUNCTIONS = {
    "softmax-cross-entropy": _softmax,
    "sparse-softmax-cross-entropy": _sparse,
    "sigmoid-cross-entropy": _pairwise(_binary),
    "squared-error": _pairwise(lambda context, node, y, p: (p - y) * (p - y)),
    "absolute-error": _pairwise(lambda context, node, y, p: context.backend.unary("abs", p - y)),
    "absolute-percentage-error": _pairwise(_percentage),
    "squared-logarithmic-error": _pairwise(_logarithmic),
    "huber": _pairwise(_huber),
    "log-cosh": _pairwise(_log_cosh),
    "poisson": _pairwise(_poisson),
    "hinge": _pairwise(_hinge),
    "squared-hinge": _pairwise(_squared_hinge),
    "focal": _pairwise(_focal),
    "kl-divergence": _over_axis(_kl),
    "categorical-hinge": _over_axis(_categorical_hinge),
    "cosine-similarity": _over_axis(_cosine),
}

OPERATIONS = {"loss": _loss}
