"""JAX: compiled loops over steps, for programs of Keras 3 on JAX."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..errors import OutOfDeviceMemory
from .cores import cores

_UNARY = {
    "negative": jnp.negative,
    "square": jnp.square,
    "sqrt": jnp.sqrt,
    "rsqrt": lax.rsqrt,
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "abs": jnp.abs,
    "round": jnp.round,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "sign": jnp.sign,
    "reciprocal": lambda x: 1.0 / x,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tan": jnp.tan,
    "asin": jnp.arcsin,
    "acos": jnp.arccos,
    "atan": jnp.arctan,
    "sinh": jnp.sinh,
    "cosh": jnp.cosh,
    "tanh": jnp.tanh,
    "erf": jax.scipy.special.erf,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "log-sigmoid": jax.nn.log_sigmoid,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "is-nan": jnp.isnan,
    "is-inf": jnp.isinf,
    "is-finite": jnp.isfinite,
}

_REDUCTIONS = {
    "sum": jnp.sum,
    "mean": jnp.mean,
    "max": jnp.max,
    "min": jnp.min,
    "prod": jnp.prod,
    "any": jnp.any,
    "all": jnp.all,
    "logsumexp": jax.scipy.special.logsumexp,
}

_DTYPES = {"float": jnp.float32, "int": jnp.int32, "bool": jnp.bool_}

# Batches of one compiled loop, and the bytes that they may take; shorter segments leave the rest of it unused.
CAPACITY = 64
CAPACITY_BYTES = 64_000_000


def _plain(values):
    values = np.asarray(values)
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    return values.astype(np.int32) if values.dtype.kind in "iu" else values


class Backend:
    name = "jax"
    # Whether an operation outside of a compiled function is compiled on its own, which takes longer than to run it.
    compiles_each_operation = True

    def __init__(self):
        self.version = jax.__version__
        self._device = None

    def threads(self):
        """How many calls may run side by side."""
        return min(4, cores())

    def use(self, device):
        """Places what follows on ``"cpu"`` or on the first ``"gpu"``."""
        self._device = jax.devices("gpu" if device == "gpu" else "cpu")[0]
        jax.config.update("jax_default_device", self._device)

    # Arrays

    def array(self, values):
        return jnp.asarray(_plain(values))

    def numpy(self, tensor):
        return np.asarray(tensor)

    def shape(self, tensor):
        return tuple(tensor.shape)

    def kind(self, tensor):
        return {"b": "bool", "f": "float"}.get(np.dtype(tensor.dtype).kind, "int")

    def cast(self, tensor, kind):
        return tensor.astype(_DTYPES[kind])

    def unary(self, name, x):
        return _UNARY[name](x)

    def has_unary(self, name):
        return name in _UNARY

    def reduce(self, how, x, axes, keepdims):
        return _REDUCTIONS[how](x, axis=tuple(axes), keepdims=keepdims)

    def maximum(self, a, b):
        return jnp.maximum(a, b)

    def minimum(self, a, b):
        return jnp.minimum(a, b)

    def power(self, a, b):
        return jnp.power(a, b)

    def equal(self, a, b):
        return a == b

    def logical_not(self, a):
        return jnp.logical_not(a)

    def arange(self, count):
        return jnp.arange(count, dtype=jnp.int32)

    def zeros(self, shape):
        return jnp.zeros(shape, jnp.float32)

    def normal_quantile(self, x):
        return jax.scipy.special.ndtri(x)

    def where(self, condition, a, b):
        return jnp.where(condition, a, b)

    def reshape(self, x, shape):
        return jnp.reshape(x, tuple(shape))

    def transpose(self, x, order):
        return jnp.transpose(x, order)

    def concat(self, tensors, axis):
        return jnp.concatenate(tensors, axis)

    def split(self, x, sizes, axis):
        return jnp.split(x, np.cumsum(sizes)[:-1].tolist(), axis)

    def stack(self, tensors, axis):
        return jnp.stack(tensors, axis)

    def broadcast(self, x, shape):
        return jnp.broadcast_to(x, shape)

    def slice(self, x, index):
        return x[tuple(index)]

    def take(self, x, ids, axis=0):
        return jnp.take(x, ids, axis=axis, mode="clip")

    def pad(self, x, widths, value=0.0):
        return jnp.pad(x, widths, constant_values=value)

    def flip(self, x, axis):
        return jnp.flip(x, axis)

    def one_hot(self, ids, depth):
        return jax.nn.one_hot(ids, depth)

    def argmax(self, x, axis):
        return jnp.argmax(x, axis).astype(jnp.int32)

    def matmul(self, a, b, transpose_a=False, transpose_b=False):
        a = jnp.swapaxes(a, -1, -2) if transpose_a else a
        b = jnp.swapaxes(b, -1, -2) if transpose_b else b
        return jnp.matmul(a, b)

    def stop_gradient(self, x):
        return lax.stop_gradient(x)

    def softmax(self, x, axis):
        return jax.nn.softmax(x, axis)

    def log_softmax(self, x, axis):
        return jax.nn.log_softmax(x, axis)

    # Neighbourhoods; activations are [rows, *space, channels]

    def convolution(self, x, kernel, strides, padding, groups=1):
        rank = len(strides)
        space = "DHW"[3 - rank :]
        numbers = ("N" + space + "C", space + "IO", "N" + space + "C")
        return lax.conv_general_dilated(
            x, kernel, strides, padding.upper(), dimension_numbers=numbers, feature_group_count=groups
        )

    def pool(self, how, x, size, strides, padding):
        window, steps = (1,) + tuple(size) + (1,), (1,) + tuple(strides) + (1,)
        if how == "max":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, steps, padding.upper())
        total = lax.reduce_window(x, 0.0, lax.add, window, steps, padding.upper())
        count = lax.reduce_window(
            jnp.ones(x.shape[1:-1])[None, ..., None], 0.0, lax.add, window, steps, padding.upper()
        )
        return total / count

    def resize(self, x, size, method):
        return jax.image.resize(x, (x.shape[0],) + tuple(size) + (x.shape[-1],), method, antialias=False)

    # Loops and gradients

    def scan(self, step, initial, sequences):
        """The last state and the outputs [time, ...] of ``step(state, items) -> (state, output)`` over axis 0."""
        return lax.scan(step, initial, sequences)

    def gradients(self, function, variables):
        """``(total, extra, gradients)`` of ``function(variables) -> (total, extra)``; zeros where unconnected."""
        (total, extra), found = jax.value_and_grad(function, has_aux=True)(variables)
        return total, extra, found

    # Noise: one stream for each (seed, name, step), so that arms and subsets of seeds agree.

    def uniform(self, seeds, key, step, shape):
        """Numbers in [0, 1) of shape [seeds, *shape]."""
        return self._noise(jax.random.uniform, seeds, key, step, shape)

    def normal(self, seeds, key, step, shape):
        return self._noise(jax.random.normal, seeds, key, step, shape)

    def _noise(self, draw, seeds, key, step, shape):
        def one(seed):
            return draw(jax.random.fold_in(jax.random.fold_in(jax.random.PRNGKey(seed), key), step), shape)

        return jax.vmap(one)(seeds)

    # Compilation

    def trace(self, function, example):
        """Calls ``function`` on tensors without values, to see shapes and errors."""

        def discard(tree):
            function(tree)
            return 0

        jax.eval_shape(discard, jax.tree_util.tree_map(_plain, example))

    def compile(self, function, example):
        """``function`` of a tree of tensors, compiled for trees like ``example``; gives trees of NumPy arrays."""
        compiled = jax.jit(function)

        def call(tree):
            with _Memory():
                return jax.tree_util.tree_map(np.asarray, compiled(tree))

        return call

    def compile_loop(self, step, state, fixed, batch):
        """Runs ``step(state, fixed, batch, index) -> (state, record)`` over consecutive batches in one call.

        ``state``, ``fixed`` and ``batch`` are examples.
        The result is ``run(state, fixed, batches, first) -> (state, records)``: batches and records have a leading
        axis of steps, ``first`` is the index of the first one.
        """

        size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree_util.tree_leaves(batch))
        capacity = max(1, min(CAPACITY, CAPACITY_BYTES // max(1, size)))

        # The loop is compiled for one length: another one for each segment would compile it anew.
        @partial(jax.jit, donate_argnums=(0,))
        def loop(state, fixed, batches, first, count):
            records = jax.eval_shape(step, state, fixed, _first(batches), first)[1]

            def body(i, carried):
                state, kept = carried
                one = jax.tree_util.tree_map(lambda values: lax.dynamic_index_in_dim(values, i, 0, False), batches)
                new, record = step(state, fixed, one, first + i)
                return new, lax.dynamic_update_index_in_dim(kept, record, i, 0)

            return lax.fori_loop(0, count, body, (state, jnp.zeros((capacity,) + records.shape, jnp.float32)))

        def run(state, fixed, batches, first):
            leaves = jax.tree_util.tree_leaves(batches)
            total = leaves[0].shape[0]
            records = []
            # What is donated must not be the caller's own.
            state = jax.tree_util.tree_map(jnp.array, state)
            with _Memory():
                for begin in range(0, total, capacity):
                    count = min(capacity, total - begin)
                    part = jax.tree_util.tree_map(partial(_filled, capacity, begin, count), batches)
                    state, kept = loop(state, fixed, part, jnp.int32(first + begin), jnp.int32(count))
                    records.append(np.asarray(kept[:count]))
            return state, np.concatenate(records)

        return run


def _first(batches):
    return jax.tree_util.tree_map(lambda values: values[0], batches)


def _filled(capacity, begin, count, values):
    """``count`` steps of ``values``, repeated up to the capacity."""
    part = values[begin : begin + count]
    if count == capacity:
        return part
    return jnp.concatenate([part, jnp.broadcast_to(part[:1], (capacity - count,) + part.shape[1:])])


class _Memory:
    """Gives the engine's error for exhausted memory in place of JAX's."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and "RESOURCE_EXHAUSTED" in str(error):
            raise OutOfDeviceMemory(str(error).splitlines()[0]) from None
        return False
