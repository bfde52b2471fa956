"""PyTorch, step by step: for programs of Keras 3 on torch."""

import math

import numpy as np
import torch
from torch.nn import functional

from ..errors import OutOfDeviceMemory
from .tree import flatten

_UNARY = {
    "negative": torch.neg,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "abs": torch.abs,
    "round": torch.round,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "sign": torch.sign,
    "reciprocal": torch.reciprocal,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "log-sigmoid": functional.logsigmoid,
    "relu": torch.relu,
    "elu": functional.elu,
    "selu": functional.selu,
    "is-nan": torch.isnan,
    "is-inf": torch.isinf,
    "is-finite": torch.isfinite,
}

_DTYPES = {"float": torch.float32, "int": torch.int32, "bool": torch.bool}


class Backend:
    name = "torch"
    # Whether an operation outside of a compiled function is compiled on its own, which takes longer than to run it.
    compiles_each_operation = False

    def __init__(self):
        # Small networks are 20 times faster on one thread (measured on two cores, 20-64-64-5).
        torch.set_num_threads(1)
        self.version = torch.__version__
        self._device = "cpu"

    def threads(self):
        """How many calls may run side by side: the interpreter's lock is held between operations."""
        return 1

    def use(self, device):
        """Places what follows on ``"cpu"`` or on the first ``"gpu"``."""
        self._device = "cuda" if device == "gpu" else "cpu"

    # Arrays

    def array(self, values):
        values = np.array(values)
        if values.dtype.kind == "f":
            values = values.astype(np.float32)
        elif values.dtype.kind in "iu":
            values = values.astype(np.int32)
        return torch.from_numpy(values).to(self._device)

    def numpy(self, tensor):
        return tensor.detach().cpu().numpy()

    def shape(self, tensor):
        return tuple(tensor.shape)

    def kind(self, tensor):
        return "bool" if tensor.dtype == torch.bool else "float" if tensor.dtype.is_floating_point else "int"

    def cast(self, tensor, kind):
        return tensor.to(_DTYPES[kind])

    def unary(self, name, x):
        return _UNARY[name](x)

    def has_unary(self, name):
        return name in _UNARY

    def reduce(self, how, x, axes, keepdims):
        axes = [axis % x.ndim for axis in axes]
        if not axes:
            return x
        if how == "sum":
            return x.sum(axes, keepdim=keepdims)
        if how == "mean":
            return x.mean(axes, keepdim=keepdims)
        if how == "max":
            return x.amax(axes, keepdim=keepdims)
        if how == "min":
            return x.amin(axes, keepdim=keepdims)
        if how == "logsumexp":
            return torch.logsumexp(x, axes, keepdim=keepdims)
        for axis in sorted(axes, reverse=True):
            x = getattr(x, how)(axis, keepdim=keepdims)
        return x

    def maximum(self, a, b):
        return torch.maximum(a, b)

    def minimum(self, a, b):
        return torch.minimum(a, b)

    def power(self, a, b):
        return torch.pow(a, b)

    def equal(self, a, b):
        return a == b

    def logical_not(self, a):
        return torch.logical_not(a)

    def arange(self, count):
        return torch.arange(count, dtype=torch.int32, device=self._device)

    def zeros(self, shape):
        return torch.zeros(shape, device=self._device)

    def normal_quantile(self, x):
        return torch.special.ndtri(x)

    def where(self, condition, a, b):
        return torch.where(condition, a, b)

    def reshape(self, x, shape):
        return torch.reshape(x, tuple(shape))

    def transpose(self, x, order):
        return x.permute(*order)

    def concat(self, tensors, axis):
        return torch.cat(tensors, axis)

    def split(self, x, sizes, axis):
        return torch.split(x, list(sizes), axis)

    def stack(self, tensors, axis):
        return torch.stack(list(tensors), axis)

    def broadcast(self, x, shape):
        return x.broadcast_to(tuple(shape))

    def slice(self, x, index):
        return x[tuple(index)]

    def take(self, x, ids, axis=0):
        flat = torch.index_select(x, axis, ids.reshape(-1).long())
        return flat.reshape(tuple(x.shape[:axis]) + tuple(ids.shape) + tuple(x.shape[axis + 1 :]))

    def pad(self, x, widths, value=0.0):
        flat = [size for pair in reversed(widths) for size in pair]
        return functional.pad(x, flat, value=value)

    def flip(self, x, axis):
        return torch.flip(x, [axis])

    def one_hot(self, ids, depth):
        return (ids.unsqueeze(-1) == torch.arange(depth, device=self._device)).to(torch.float32)

    def argmax(self, x, axis):
        return torch.argmax(x, axis).to(torch.int32)

    def matmul(self, a, b, transpose_a=False, transpose_b=False):
        a = a.transpose(-1, -2) if transpose_a else a
        b = b.transpose(-1, -2) if transpose_b else b
        return torch.matmul(a, b)

    def stop_gradient(self, x):
        return x.detach()

    def softmax(self, x, axis):
        return torch.softmax(x, axis)

    def log_softmax(self, x, axis):
        return torch.log_softmax(x, axis)

    # Neighbourhoods; activations are [rows, *space, channels]

    def convolution(self, x, kernel, strides, padding, groups=1):
        rank = len(strides)
        size = kernel.shape[:rank]
        if padding == "same":
            x = _padded(x, size, strides, 0.0)
        function = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}[rank]
        weight = kernel.permute(rank + 1, rank, *range(rank))
        return _back(function(_front(x), weight, stride=tuple(strides), groups=groups))

    def pool(self, how, x, size, strides, padding):
        rank = len(size)
        if how == "max":
            if padding == "same":
                x = _padded(x, size, strides, -math.inf)
            function = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[rank]
            return _back(function(_front(x), tuple(size), tuple(strides)))
        function = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}[rank]
        if padding != "same":
            return _back(function(_front(x), tuple(size), tuple(strides)))
        # Only elements that are there count.
        ones = torch.ones_like(x[:1, ..., :1])
        total, count = [
            _back(function(_front(_padded(one, size, strides, 0.0)), tuple(size), tuple(strides))) for one in (x, ones)
        ]
        return total / count

    def resize(self, x, size, method):
        if method == "nearest":
            return _back(functional.interpolate(_front(x), tuple(size), mode="nearest"))
        return _back(functional.interpolate(_front(x), tuple(size), mode=method, align_corners=False))

    # Loops and gradients

    def scan(self, step, initial, sequences):
        """The last state and the outputs [time, ...] of ``step(state, items) -> (state, output)`` over axis 0."""
        state, outputs = initial, []
        for t in range(sequences[0].shape[0]):
            state, output = step(state, [sequence[t] for sequence in sequences])
            outputs.append(output)
        return state, torch.stack(outputs)

    def gradients(self, function, variables):
        """``(total, extra, gradients)`` of ``function(variables) -> (total, extra)``; zeros where unconnected."""
        variables = [variable.detach().requires_grad_(True) for variable in variables]
        with torch.enable_grad():
            total, extra = function(variables)
            if not getattr(total, "requires_grad", False):
                return total, _detached(extra), [torch.zeros_like(variable) for variable in variables]
            found = torch.autograd.grad(total, variables, allow_unused=True)
        found = [torch.zeros_like(v) if one is None else one for v, one in zip(variables, found)]
        return total.detach(), _detached(extra), found

    # Noise: one stream for each (seed, name, step), so that arms and subsets of seeds agree.

    def uniform(self, seeds, key, step, shape):
        """Numbers in [0, 1) of shape [seeds, *shape]."""
        return self._noise(torch.rand, seeds, key, step, shape)

    def normal(self, seeds, key, step, shape):
        return self._noise(torch.randn, seeds, key, step, shape)

    def _noise(self, draw, seeds, key, step, shape):
        drawn = []
        for seed in seeds.tolist():
            generator = torch.Generator(device=self._device)
            generator.manual_seed((int(seed) ^ key) * 1_000_003 + int(step))
            drawn.append(draw(tuple(shape), generator=generator, device=self._device))
        return torch.stack(drawn)

    # Compilation: there is none, so that nothing but torch itself is needed

    def trace(self, function, example):
        """Calls ``function`` once, to see shapes and errors."""
        leaves, rebuild = flatten(example)
        with torch.no_grad():
            function(rebuild([self.array(leaf) for leaf in leaves]))

    def compile(self, function, example):
        """``function`` of a tree of tensors; gives trees of NumPy arrays."""

        def call(tree):
            with _Memory(), torch.no_grad():
                leaves, rebuild = flatten(function(tree))
                return rebuild([self.numpy(leaf) for leaf in leaves])

        return call

    def compile_loop(self, step, state, fixed, batch):
        """Runs ``step(state, fixed, batch, index) -> (state, record)`` over consecutive batches.

        The result is ``run(state, fixed, batches, first) -> (state, records)``: batches and records have a leading
        axis of steps, ``first`` is the index of the first one.
        """

        def run(state, fixed, batches, first):
            leaves, rebuild = flatten(batches)
            records = []
            with _Memory(), torch.no_grad():
                for i in range(leaves[0].shape[0]):
                    index = torch.tensor(first + i, dtype=torch.int32, device=self._device)
                    state, record = step(state, fixed, rebuild([leaf[i] for leaf in leaves]), index)
                    records.append(record)
                return state, self.numpy(torch.stack(records))

        return run


def _front(x):
    """Channels before space."""
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _back(x):
    """Channels behind space."""
    return x.permute(0, *range(2, x.ndim), 1)


def _padded(x, size, strides, value):
    """Padding "same" of TensorFlow: what does not divide by two is added at the end."""
    widths = []
    for length, taps, stride in zip(reversed(x.shape[1:-1]), reversed(size), reversed(strides)):
        missing = max((-(-length // stride) - 1) * stride + taps - length, 0)
        widths += [missing // 2, missing - missing // 2]
    return functional.pad(x, [0, 0] + widths, value=value)


def _detached(tree):
    leaves, rebuild = flatten(tree)
    return rebuild([leaf.detach() for leaf in leaves])


class _Memory:
    """Gives the engine's error for exhausted memory in place of torch's."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, RuntimeError) and "out of memory" in str(error):
            raise OutOfDeviceMemory(str(error).splitlines()[0]) from None
        return False
