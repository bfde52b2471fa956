"""Elementwise arithmetic, comparisons, reductions."""

from .alignment import aligned, as_float, axes_of, axis_of, shape_of

_UNARY = ("negative", "square", "sqrt", "exp", "log", "abs", "round", "floor", "ceil", "sign")
_INTEGERS_TOO = ("negative", "square", "abs", "sign")
_COMPARISONS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_ALIASES = {"log_sigmoid": "log-sigmoid", "is_nan": "is-nan", "is_inf": "is-inf", "is_finite": "is-finite"}


def _folded(combine):
    def operation(context, node, inputs):
        inputs = aligned(context, inputs)
        result = inputs[0]
        for other in inputs[1:]:
            result = combine(context, result, other)
        return result

    return operation


def _divide(context, node, inputs):
    a, b = aligned(context, [as_float(context, x) for x in inputs])
    return a / b


def _floordivide(context, node, inputs):
    a, b = aligned(context, inputs)
    if context.backend.kind(a) == "int":
        return a // b
    return context.backend.unary("floor", a / b)


def _modulo(context, node, inputs):
    a, b = aligned(context, inputs)
    return a % b


def _squared_difference(context, node, inputs):
    a, b = aligned(context, inputs)
    difference = a - b
    return difference * difference


def _unary(name):
    def operation(context, node, inputs):
        (x,) = inputs
        return context.backend.unary(name, x if name in _INTEGERS_TOO else as_float(context, x))

    return operation


def _elementwise(context, node, inputs):
    name = node["function"]
    name = _ALIASES.get(name, name)
    if not context.backend.has_unary(name):
        raise ValueError("the probe does not know the function {!r}".format(name))
    return context.backend.unary(name, as_float(context, inputs[0]))


def _clip(context, node, inputs):
    x = inputs[0]
    backend = context.backend
    bounds = list(inputs[1:]) + [None, None]
    for number, bound, limit in ((node.get("low"), bounds[0], "maximum"), (node.get("high"), bounds[1], "minimum")):
        if number is not None:
            bound = backend.array([number])
        if bound is not None:
            x, bound = aligned(context, [x, bound])
            x = getattr(backend, limit)(x, bound)
    return x


def _compare(context, node, inputs):
    a, b = aligned(context, inputs)
    operator = node["operator"]
    if operator in _COMPARISONS:
        return _COMPARISONS[operator](a, b)
    equal = context.backend.equal(a, b)
    return context.backend.logical_not(equal) if operator == "!=" else equal


def _logical(context, node, inputs):
    backend = context.backend
    inputs = aligned(context, [backend.cast(x, "bool") for x in inputs])
    if node["operator"] == "not":
        return backend.logical_not(inputs[0])
    result = inputs[0]
    for other in inputs[1:]:
        result = result & other if node["operator"] == "and" else result | other
    return result


def _select(context, node, inputs):
    condition = context.backend.cast(inputs[0], "bool")
    then, otherwise = aligned(context, inputs[1:])
    condition, _ = aligned_conditions(context, condition, then, otherwise)
    return context.backend.where(condition, then, otherwise)


def aligned_conditions(context, condition, then, otherwise):
    """The condition with the rank of what it chooses from."""
    from .alignment import rank_of, with_rank

    rank = max(rank_of(context, then), rank_of(context, otherwise))
    return with_rank(context, condition, rank), rank


def _cast(context, node, inputs):
    dtype = node["dtype"]
    kind = "bool" if dtype == "bool" else "int" if "int" in dtype else "float"
    return context.backend.cast(inputs[0], kind)


def _reduce(context, node, inputs):
    (x,) = inputs[:1]
    backend = context.backend
    how = node["how"]
    axes = axes_of(context, x, node.get("axis"))
    keepdims = bool(node.get("keepdims"))
    if how in ("any", "all"):
        return backend.reduce(how, backend.cast(x, "bool"), axes, keepdims)
    if backend.kind(x) == "bool" or (how not in ("sum", "max", "min", "prod") and backend.kind(x) != "float"):
        x = backend.cast(x, "float")
    if not axes:
        return x
    if how in ("std", "variance"):
        difference = x - backend.reduce("mean", x, axes, True)
        variance = backend.reduce("mean", difference * difference, axes, keepdims)
        return variance if how == "variance" else backend.unary("sqrt", variance)
    if how == "norm":
        return backend.unary("sqrt", backend.reduce("sum", x * x, axes, keepdims))
    return backend.reduce(how, x, axes, keepdims)


def _argmax(context, node, inputs):
    (x,) = inputs
    axis = node.get("axis")
    return context.backend.argmax(x, axis_of(context, x, 0 if axis is None else axis))


def _constant(context, node, inputs):
    import numpy as np

    value = np.asarray(node["value"])
    dtype = node.get("dtype")
    if dtype:
        value = value.astype("bool" if dtype == "bool" else "int32" if "int" in dtype else "float32")
    if node.get("shape") is not None and value.ndim == 0:
        value = np.full(context.sized(node["shape"]), value)
    return context.backend.array(value[None])


def _l1_l2(context, node, inputs):
    backend = context.backend
    x = inputs[0]
    axes = list(range(1, len(shape_of(context, x)) + 1))
    l1, l2 = context.number(node, "l1", 0.0), context.number(node, "l2", 0.0)
    total = 0.0
    if node.get("l1"):
        total = total + l1 * backend.reduce("sum", backend.unary("abs", x), axes, False)
    if node.get("l2"):
        total = total + l2 * backend.reduce("sum", x * x, axes, False)
    return total if node.get("l1") or node.get("l2") else backend.array([0.0])


OPERATIONS = {
    "add": _folded(lambda context, a, b: a + b),
    "subtract": _folded(lambda context, a, b: a - b),
    "multiply": _folded(lambda context, a, b: a * b),
    "divide": _divide,
    "floordivide": _floordivide,
    "modulo": _modulo,
    "power": _folded(lambda context, a, b: context.backend.power(a, b)),
    "squared-difference": _squared_difference,
    "maximum": _folded(lambda context, a, b: context.backend.maximum(a, b)),
    "minimum": _folded(lambda context, a, b: context.backend.minimum(a, b)),
    "elementwise": _elementwise,
    "clip": _clip,
    "compare": _compare,
    "logical": _logical,
    "select": _select,
    "cast": _cast,
    "reduce": _reduce,
    "argmax": _argmax,
    "constant": _constant,
    "l1-l2": _l1_l2,
}
for _name in _UNARY:
    OPERATIONS[_name] = _unary(_name)
