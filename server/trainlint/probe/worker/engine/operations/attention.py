"""Multi-head attention with Keras' weights."""

from .alignment import as_float, replicated


def _attention(context, node, inputs):
    """Keras' order of weights: kernel and bias of query, key, value, output; the biases may be missing."""
    backend = context.backend
    tensors = replicated(context, [as_float(context, one) for one in inputs if one is not None])
    query, value, key = tensors[:3]
    weights = tensors[3:]
    biased = len(weights) == 8
    if len(weights) not in (4, 8):
        raise ValueError("attention has 4 or 8 weights, there are {}".format(len(weights)))
    kernels = weights[::2] if biased else weights
    biases = weights[1::2] if biased else [None] * 4
    query, key, value = [
        _projected(backend, x, kernel, bias) for x, kernel, bias in zip((query, key, value), kernels, biases)
    ]
    size = backend.shape(query)[-1]
    scores = backend.matmul(query, key, transpose_b=True) / float(size) ** 0.5
    if node.get("causal"):
        n_query, n_key = backend.shape(scores)[-2:]
        allowed = backend.reshape(backend.arange(n_query), (n_query, 1)) >= backend.arange(n_key)
        scores = backend.where(allowed, scores, backend.array(-1e9))
    mixed = backend.matmul(backend.softmax(scores, len(backend.shape(scores)) - 1), value)
    count, rows, heads, length, width = backend.shape(mixed)
    mixed = backend.reshape(backend.transpose(mixed, [0, 1, 3, 2, 4]), (count, rows * length, heads * width))
    out = backend.reshape(kernels[3], (count, heads * width, -1))
    result = backend.matmul(mixed, out)
    if biases[3] is not None:
        result = result + backend.reshape(biases[3], (count, 1, -1))
    return backend.reshape(result, (count, rows, length, -1))


def _projected(backend, x, kernel, bias):
    """[replicas, rows, heads, length, size] of [replicas, rows, length, width]."""
    count, rows, length, width = backend.shape(x)
    _, _, heads, size = backend.shape(kernel)
    y = backend.matmul(
        backend.reshape(x, (count, rows * length, width)), backend.reshape(kernel, (count, width, heads * size))
    )
    if bias is not None:
        y = y + backend.reshape(bias, (count, 1, heads * size))
    return backend.transpose(backend.reshape(y, (count, rows, length, heads, size)), [0, 1, 3, 2, 4])


OPERATIONS = {"attention": _attention}
