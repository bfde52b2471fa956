"""LSTM, GRU and simple recurrent layers with Keras' weights."""

from .activations import activate
from .alignment import as_float, replicated


def _recurrent(context, node, inputs):
    backend = context.backend
    x = as_float(context, inputs[0])
    if node.get("time_major"):
        x = backend.transpose(x, [0, 2, 1, 3])
    n_weights = 2 if node.get("bias") is False else 3
    weights = list(inputs[1:])
    merge = node.get("merge", "concat")
    sequences = bool(node.get("sequences"))
    first = _direction(context, node, x, weights[:n_weights], bool(node.get("backwards")), sequences)
    if node.get("bidirectional"):
        second = _direction(context, node, x, weights[n_weights : 2 * n_weights], not node.get("backwards"), sequences)
        if sequences:
            # The backward direction speaks of the same moment, not of the same step.
            second = backend.flip(second, 2)
        first = _merge(backend, merge, first, second)
    if sequences and node.get("time_major"):
        return backend.transpose(first, [0, 2, 1, 3])
    return first


def _merge(backend, how, a, b):
    if how == "concat":
        return backend.concat([a, b], len(backend.shape(a)) - 1)
    if how == "sum":
        return a + b
    if how == "ave":
        return (a + b) / 2.0
    if how == "mul":
        return a * b
    raise ValueError("the probe does not know the merge mode {!r}".format(how))


def _direction(context, node, x, weights, backwards, sequences):
    """Outputs [replicas, rows, time, units], or [replicas, rows, units] of the last step."""
    backend = context.backend
    weights = [one for one in weights if one is not None]
    tensors = replicated(context, [x] + weights)
    x, kernel, recurrent = tensors[:3]
    bias = tensors[3] if len(tensors) > 3 else None
    if backwards:
        x = backend.flip(x, 2)
    count, rows, length, width = backend.shape(x)
    units = node.get("units") or backend.shape(recurrent)[1]
    cell = node.get("cell", "lstm")
    bias_in, bias_recurrent = _biases(context, cell, node, bias)
    projected = backend.matmul(backend.reshape(x, (count, rows * length, width)), kernel)
    if bias_in is not None:
        projected = projected + backend.reshape(bias_in, (count, 1, -1))
    projected = backend.transpose(backend.reshape(projected, (count, rows, length, -1)), [2, 0, 1, 3])
    zeros = backend.zeros((count, rows, units))
    step = _CELLS[cell](context, node, recurrent, bias_recurrent, units)
    state, outputs = backend.scan(step, [zeros, zeros] if cell == "lstm" else [zeros], [projected])
    return backend.transpose(outputs, [1, 2, 0, 3]) if sequences else state[0]


def _biases(context, cell, node, bias):
    """The bias of the input side and that of the recurrent side."""
    if bias is None:
        return None, None
    if cell == "gru" and node.get("reset_after", True):
        backend = context.backend
        return backend.slice(bias, [slice(None), 0]), backend.slice(bias, [slice(None), slice(1, 2)])
    return bias, None


def _functions(context, node):
    inner = node.get("activation", "tanh")
    gate = node.get("recurrent_activation", "sigmoid")
    return (lambda z: activate(context, inner, z)), (lambda z: activate(context, gate, z))


def _parts(backend, z, count):
    size = backend.shape(z)[-1] // count
    return [backend.slice(z, [slice(None), slice(None), slice(i * size, (i + 1) * size)]) for i in range(count)]


def _lstm(context, node, recurrent, bias, units):
    backend = context.backend
    inner, gate = _functions(context, node)

    def step(state, items):
        h, c = state
        i, f, g, o = _parts(backend, items[0] + backend.matmul(h, recurrent), 4)
        c = gate(f) * c + gate(i) * inner(g)
        h = gate(o) * inner(c)
        return [h, c], h

    return step


def _gru(context, node, recurrent, bias, units):
    backend = context.backend
    inner, gate = _functions(context, node)
    after = node.get("reset_after", True)

    def step(state, items):
        (h,) = state
        x_z, x_r, x_h = _parts(backend, items[0], 3)
        if after:
            product = backend.matmul(h, recurrent)
            if bias is not None:
                product = product + bias
            r_z, r_r, r_h = _parts(backend, product, 3)
            z, r = gate(x_z + r_z), gate(x_r + r_r)
            new = inner(x_h + r * r_h)
        else:
            gates = backend.slice(recurrent, [slice(None), slice(None), slice(0, 2 * units)])
            last = backend.slice(recurrent, [slice(None), slice(None), slice(2 * units, 3 * units)])
            r_z, r_r = _parts(backend, backend.matmul(h, gates), 2)
            z, r = gate(x_z + r_z), gate(x_r + r_r)
            new = inner(x_h + backend.matmul(r * h, last))
        h = z * h + (1.0 - z) * new
        return [h], h

    return step


def _simple(context, node, recurrent, bias, units):
    backend = context.backend
    inner, _ = _functions(context, node)

    def step(state, items):
        h = inner(items[0] + backend.matmul(state[0], recurrent))
        return [h], h

    return step


_CELLS = {"lstm": _lstm, "gru": _gru, "simple": _simple}

OPERATIONS = {"recurrent": _recurrent}
