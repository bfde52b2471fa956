"""What the engine computes for single operations, and what Keras does, as arrays."""

import numpy as np
from engine.backends import backend as make_backend
from engine.graph import Graph
from engine.interpreter import Context, evaluate

try:
    import keras
except ImportError:
    # Old versions of TensorFlow bring a Keras without `keras.ops`; what compares with it is skipped (inside.py).
    keras = None

BACKEND = make_backend()
REPLICAS = 2


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal((REPLICAS,) + shape).astype(np.float32)


def outcome(op, inputs, training=False, gradients=True, rows=None, averages=None, **attributes):
    """Output [replicas, ...] of an operation of arrays [replicas, ...], and gradients for the float inputs.

    The gradient is that of the sum of the outputs, weighted by ``weights_of``.
    """
    names = [f"in-{i}" if isinstance(one, np.ndarray) else one for i, one in enumerate(inputs)]
    nodes = {
        name: {"op": "source", "source": name, "inputs": []}
        for name, one in zip(names, inputs)
        if isinstance(one, np.ndarray)
    }
    nodes["out"] = dict({"op": op, "inputs": names}, **attributes)
    return graph_outcome(nodes, dict(zip(names, inputs)), "out", training, gradients, rows, averages)


def graph_outcome(nodes, arrays, target, training=False, gradients=True, rows=None, averages=None):
    graph = Graph({"nodes": nodes, "sources": {name: {} for name in nodes}, "loss": target})
    arrays = {name: BACKEND.array(one) for name, one in arrays.items() if isinstance(one, np.ndarray)}
    floats = [name for name in arrays if BACKEND.kind(arrays[name]) == "float"]
    rows = rows or max([BACKEND.shape(one)[1] for one in arrays.values() if len(BACKEND.shape(one)) > 1] or [1])
    given = {name: {key: BACKEND.array(value) for key, value in one.items()} for name, one in (averages or {}).items()}
    seeds = BACKEND.array(np.arange(REPLICAS, dtype=np.int32))

    def function(tree):
        def total(values):
            fed = dict(tree)
            fed.update(zip(floats, values))
            context = Context(BACKEND, graph, training, rows, 1, fed, {}, given, {}, seeds, BACKEND.array(0))
            evaluate(context, [target])
            out = context.values[target]
            factors = BACKEND.array(weights_of(BACKEND.shape(out)))
            summed = BACKEND.reduce("sum", BACKEND.cast(out, "float") * factors, _axes(out), False)
            return summed, {"out": out, "averages": context.new_averages}

        values = [tree[name] for name in floats]
        if not gradients:
            return dict(total(values)[1], gradients=[])
        _, extra, found = BACKEND.gradients(total, values)
        return dict(extra, gradients=found)

    found = BACKEND.compile(function, arrays)(arrays)
    return found["out"], found["gradients"], found["averages"]


def _axes(x):
    return list(range(len(BACKEND.shape(x))))


def weights_of(shape):
    """Fixed factors for the elements of an output, so that no two gradients cancel."""
    size = int(np.prod(shape))
    return np.cos(np.arange(size)).reshape(shape).astype(np.float32)


def reference(function, arrays):
    """As ``outcome`` of a function of Keras tensors for one replica, applied to each."""
    outputs, gradients = [], []
    whole = None
    for replica in range(REPLICAS):
        one = [array[replica] for array in arrays]
        out = np.asarray(keras.ops.convert_to_numpy(function(*[keras.ops.convert_to_tensor(x) for x in one])))
        if whole is None:
            whole = weights_of((REPLICAS,) + out.shape)
        outputs.append(out)
        gradients.append(_gradients(function, one, whole[replica]))
    return np.stack(outputs), [np.stack(parts) for parts in zip(*gradients)]


def _gradients(function, arrays, weights):
    floats = [i for i, one in enumerate(arrays) if one.dtype.kind == "f"]

    def total(*values):
        given = list(arrays)
        for i, value in zip(floats, values):
            given[i] = value
        return keras.ops.sum(keras.ops.cast(function(*given), "float32") * keras.ops.convert_to_tensor(weights))

    values = [arrays[i] for i in floats]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tensors = [tf.constant(value) for value in values]
        with tf.GradientTape() as tape:
            for tensor in tensors:
                tape.watch(tensor)
            result = total(*tensors)
        found = tape.gradient(result, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(one).numpy() for one in found]
    if keras.backend.backend() == "jax":
        import jax

        return [np.asarray(one) for one in jax.jit(jax.grad(total, tuple(range(len(values)))))(*values)]
    import torch

    tensors = [torch.tensor(value, requires_grad=True) for value in values]
    found = torch.autograd.grad(total(*tensors), tensors, allow_unused=True)
    return [np.zeros_like(v) if one is None else one.numpy() for v, one in zip(values, found)]


def layer_function(layer, *shapes):
    """A function of inputs and weights of a Keras layer that is built for the shapes."""
    tensors = [keras.ops.zeros(shape) for shape in shapes]
    layer(*tensors)
    n = len(shapes)

    def function(*arrays):
        return layer.stateless_call(list(arrays[n:]), list(layer.non_trainable_variables), *arrays[:n])[0]

    return function


def same(found, wanted, what="", tolerance=2e-4):
    """Asserts that output and gradients are equal within float32."""
    out, gradients = found[:2]
    wanted_out, wanted_gradients = wanted
    assert out.shape == wanted_out.shape, f"{what}: {out.shape} and not {wanted_out.shape}"
    _close(out, wanted_out, what, tolerance)
    for number, (one, other) in enumerate(zip(gradients, wanted_gradients)):
        _close(one, other, f"{what}: gradient {number}", 5 * tolerance)


def _close(one, other, what, tolerance):
    scale = max(1.0, float(np.abs(other).max()) if other.size else 1.0)
    difference = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64))
    equal = np.allclose(one, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    assert equal, f"{what}: differs by {difference.max()}"
