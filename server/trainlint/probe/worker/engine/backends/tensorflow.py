"""TensorFlow 2.4 and newer, through raw operations: neither Keras nor its variables take part."""

import warnings

import numpy as np
import tensorflow as tf

from ..errors import OutOfDeviceMemory
from .cores import cores
from .tree import flatten

_UNARY = {
    "negative": tf.negative,
    "square": tf.square,
    "sqrt": tf.sqrt,
    "rsqrt": tf.math.rsqrt,
    "exp": tf.exp,
    "expm1": tf.math.expm1,
    "log": tf.math.log,
    "log1p": tf.math.log1p,
    "abs": tf.abs,
    "round": tf.round,
    "floor": tf.floor,
    "ceil": tf.math.ceil,
    "sign": tf.sign,
    "reciprocal": tf.math.reciprocal,
    "sin": tf.sin,
    "cos": tf.cos,
    "tan": tf.tan,
    "asin": tf.asin,
    "acos": tf.acos,
    "atan": tf.atan,
    "sinh": tf.sinh,
    "cosh": tf.cosh,
    "tanh": tf.tanh,
    "erf": tf.math.erf,
    "sigmoid": tf.sigmoid,
    "softplus": tf.math.softplus,
    "log-sigmoid": tf.math.log_sigmoid,
    "relu": tf.nn.relu,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "is-nan": tf.math.is_nan,
    "is-inf": tf.math.is_inf,
    "is-finite": tf.math.is_finite,
}

_REDUCTIONS = {
    "sum": tf.reduce_sum,
    "mean": tf.reduce_mean,
    "max": tf.reduce_max,
    "min": tf.reduce_min,
    "prod": tf.reduce_prod,
    "any": tf.reduce_any,
    "all": tf.reduce_all,
    "logsumexp": tf.reduce_logsumexp,
}

_DTYPES = {"float": tf.float32, "int": tf.int32, "bool": tf.bool}


def _dtype_of(values):
    return {"f": tf.float32, "i": tf.int32, "u": tf.int32, "b": tf.bool}[np.asarray(values).dtype.kind]


class Backend:
    name = "tensorflow"
    # Whether an operation outside of a compiled function is compiled on its own, which takes longer than to run it.
    compiles_each_operation = False

    def __init__(self):
        # One operation of a small network is 1.0 to 2.8 times faster on one thread (measured on two cores,
        # 20-64-64-5); operations of different replicas may run side by side, which convolutions gain from.
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(min(8, cores()))
        except RuntimeError:
            # Somebody computed with TensorFlow in this process before; its threads stay as they are.
            pass
        # Gradients of gathered rows become dense on purpose: elementwise optimizers move every row.
        warnings.filterwarnings("ignore", message="Converting sparse IndexedSlices")
        # Functions that are compiled once for each structure look to TensorFlow like one that is traced again.
        tf.get_logger().setLevel("ERROR")
        self.version = tf.__version__
        self._device = None

    def threads(self):
        """How many calls may run side by side: each computes on one thread."""
        return min(4, cores())

    def use(self, device):
        """Places what follows on ``"cpu"`` or on the first ``"gpu"``."""
        self._device = "/GPU:0" if device == "gpu" else "/CPU:0"

    # Arrays

    def array(self, values):
        values = np.asarray(values)
        if values.dtype.kind == "f":
            values = values.astype(np.float32)
        elif values.dtype.kind in "iu":
            values = values.astype(np.int32)
        return tf.convert_to_tensor(values)

    def numpy(self, tensor):
        return tensor.numpy()

    def shape(self, tensor):
        return tuple(tensor.shape)

    def kind(self, tensor):
        return "bool" if tensor.dtype == tf.bool else "float" if tensor.dtype.is_floating else "int"

    def cast(self, tensor, kind):
        return tf.cast(tensor, _DTYPES[kind])

    def unary(self, name, x):
        return _UNARY[name](x)

    def has_unary(self, name):
        return name in _UNARY

    def reduce(self, how, x, axes, keepdims):
        return _REDUCTIONS[how](x, axis=list(axes), keepdims=keepdims)

    def maximum(self, a, b):
        return tf.maximum(a, b)

    def minimum(self, a, b):
        return tf.minimum(a, b)

    def power(self, a, b):
        return tf.pow(a, b)

    def equal(self, a, b):
        return tf.equal(a, b)

    def logical_not(self, a):
        return tf.logical_not(a)

    def arange(self, count):
        return tf.range(count)

    def zeros(self, shape):
        return tf.zeros(shape)

    def normal_quantile(self, x):
        return tf.math.ndtri(x)

    def where(self, condition, a, b):
        return tf.where(condition, a, b)

    def reshape(self, x, shape):
        return tf.reshape(x, shape)

    def transpose(self, x, order):
        return tf.transpose(x, order)

    def concat(self, tensors, axis):
        return tf.concat(tensors, axis)

    def split(self, x, sizes, axis):
        return tf.split(x, sizes, axis)

    def stack(self, tensors, axis):
        return tf.stack(tensors, axis)

    def broadcast(self, x, shape):
        return tf.broadcast_to(x, shape)

    def slice(self, x, index):
        return x[tuple(index) if len(index) > 1 else index[0]]

    def take(self, x, ids, axis=0):
        return tf.gather(x, ids, axis=axis)

    def pad(self, x, widths, value=0.0):
        return tf.pad(x, widths, constant_values=value)

    def flip(self, x, axis):
        return tf.reverse(x, [axis])

    def one_hot(self, ids, depth):
        return tf.one_hot(ids, depth)

    def argmax(self, x, axis):
        return tf.argmax(x, axis, output_type=tf.int32)

    def cumsum(self, x, axis):
        return tf.cumsum(x, axis)

    def matmul(self, a, b, transpose_a=False, transpose_b=False):
        return tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)

    def stop_gradient(self, x):
        return tf.stop_gradient(x)

    def softmax(self, x, axis):
        return tf.nn.softmax(x, axis)

    def log_softmax(self, x, axis):
        return tf.nn.log_softmax(x, axis)

    # Neighbourhoods; activations are [rows, *space, channels]

    def convolution(self, x, kernel, strides, padding, groups=1):
        rank = len(strides)
        channels = x.shape[-1]
        if rank == 1:
            y = self.convolution(
                tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), (1,) + tuple(strides), padding, groups
            )
            return tf.squeeze(y, 1)
        if groups == 1:
            operation = tf.nn.conv2d if rank == 2 else tf.nn.conv3d
            return operation(x, kernel, [1] + list(strides) + [1], padding.upper())
        # Only equal strides are taken by the kernel for depthwise convolution.
        if groups == channels and rank == 2 and strides[0] == strides[1]:
            size = tuple(kernel.shape)
            kernel = tf.reshape(kernel, size[:2] + (channels, size[3] // channels))
            return tf.nn.depthwise_conv2d(x, kernel, [1] + list(strides) + [1], padding.upper())
        parts = [
            self.convolution(a, b, strides, padding)
            for a, b in zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1))
        ]
        return tf.concat(parts, -1)

    def pool(self, how, x, size, strides, padding):
        operation = tf.nn.max_pool if how == "max" else tf.nn.avg_pool
        rank = len(size)
        form = {1: "NWC", 2: "NHWC", 3: "NDHWC"}[rank]
        return operation(x, list(size), list(strides), padding.upper(), data_format=form)

    def resize(self, x, size, method):
        return tf.image.resize(x, size, method)

    # Loops and gradients

    def scan(self, step, initial, sequences):
        """The last state and the outputs [time, ...] of ``step(state, items) -> (state, output)`` over axis 0."""
        leaves, rebuild = flatten(initial)
        n_steps = sequences[0].shape[0]
        arrays = [tf.TensorArray(s.dtype, n_steps, element_shape=s.shape[1:]).unstack(s) for s in sequences]
        outputs = tf.TensorArray(tf.float32, n_steps)

        def body(t, state, outputs):
            state, output = step(rebuild(state), [a.read(t) for a in arrays])
            return t + 1, flatten(state)[0], outputs.write(t, output)

        _, state, outputs = tf.while_loop(
            lambda t, *_: t < n_steps, body, (tf.constant(0), leaves, outputs), maximum_iterations=n_steps
        )
        stacked = outputs.stack()
        return rebuild(state), tf.ensure_shape(stacked, (n_steps,) + tuple(stacked.shape[1:]))

    def gradients(self, function, variables):
        """``(total, extra, gradients)`` of ``function(variables) -> (total, extra)``; zeros where unconnected."""
        with tf.GradientTape() as tape:
            for variable in variables:
                tape.watch(variable)
            total, extra = function(variables)
        found = tape.gradient(total, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return total, extra, [tf.convert_to_tensor(g) for g in found]

    # Noise: one stream for each (seed, name, step), so that arms and subsets of seeds agree.

    def uniform(self, seeds, key, step, shape):
        """Numbers in [0, 1) of shape [seeds, *shape]."""
        return self._noise(tf.random.stateless_uniform, seeds, key, step, shape)

    def normal(self, seeds, key, step, shape):
        return self._noise(tf.random.stateless_normal, seeds, key, step, shape)

    def _noise(self, draw, seeds, key, step, shape):
        drawn = []
        for position in range(seeds.shape[0]):
            drawn.append(draw(shape, tf.stack([tf.bitwise.bitwise_xor(seeds[position], key), step])))
        return tf.stack(drawn)

    # Compilation

    def trace(self, function, example):
        """Calls ``function`` on tensors without values, to see shapes and errors."""
        with tf.Graph().as_default():
            leaves, rebuild = flatten(example)
            function(rebuild([tf.compat.v1.placeholder(_dtype_of(leaf), np.shape(leaf)) for leaf in leaves]))

    def compile(self, function, example):
        """``function`` of a tree of tensors, compiled for trees like ``example``; gives trees of NumPy arrays."""
        leaves, rebuild = flatten(example)
        shape_of = {}

        def flat(*leaves):
            flat_result, shape_of["result"] = flatten(function(rebuild(leaves)))
            return flat_result

        compiled = tf.function(flat, input_signature=[tf.TensorSpec(x.shape, x.dtype) for x in leaves], autograph=False)

        def call(tree):
            with _Memory(), tf.device(self._device):
                results = [x.numpy() for x in compiled(*flatten(tree)[0])]
            return shape_of["result"](results)

        return call

    def compile_loop(self, step, state, fixed, batch):
        """Runs ``step(state, fixed, batch, index) -> (state, record)`` over consecutive batches in one call.

        ``state``, ``fixed`` and ``batch`` are examples.
        The result is ``run(state, fixed, batches, first) -> (state, records)``: batches and records have a leading
        axis of steps, ``first`` is the index of the first one.
        """
        state_leaves, rebuild_state = flatten(state)
        fixed_leaves, rebuild_fixed = flatten(fixed)
        batch_leaves, rebuild_batch = flatten(batch)
        n_state, n_fixed = len(state_leaves), len(fixed_leaves)

        def flat(first, *leaves):
            held = rebuild_fixed(leaves[n_state : n_state + n_fixed])
            batches = leaves[n_state + n_fixed :]
            count = tf.shape(batches[0])[0]
            records = tf.TensorArray(tf.float32, count)

            def body(i, state, records):
                one = rebuild_batch([leaf[i] for leaf in batches])
                new, record = step(rebuild_state(state), held, one, first + i)
                return i + 1, flatten(new)[0], records.write(i, record)

            _, last, records = tf.while_loop(
                lambda i, *_: i < count,
                body,
                (tf.constant(0), list(leaves[:n_state]), records),
                parallel_iterations=1,
            )
            return list(last) + [records.stack()]

        signature = [tf.TensorSpec([], tf.int32)]
        signature += [tf.TensorSpec(x.shape, x.dtype) for x in state_leaves + fixed_leaves]
        signature += [tf.TensorSpec([None] + list(x.shape), x.dtype) for x in batch_leaves]
        compiled = tf.function(flat, input_signature=signature, autograph=False)

        def run(state, fixed, batches, first):
            with _Memory(), tf.device(self._device):
                leaves = flatten(state)[0] + flatten(fixed)[0] + flatten(batches)[0]
                results = compiled(tf.constant(first, tf.int32), *leaves)
                return rebuild_state(results[:-1]), results[-1].numpy()

        return run


class _Memory:
    """Gives the engine's error for exhausted memory in place of TensorFlow's."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, tf.errors.ResourceExhaustedError):
            raise OutOfDeviceMemory(str(error).splitlines()[0]) from None
        return False
