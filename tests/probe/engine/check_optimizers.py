"""Optimizers take the steps that the real ones take."""

import keras
import numpy as np
from computed import BACKEND
from engine.optimizers import Optimizer, numbers
from inside import Skip

STEPS = 12
SHAPES = ((4, 3), (3,))
SIZES = [12, 3]


def gradient(step):
    """Gradients of changing size and sign, one for each variable."""
    rng = np.random.default_rng(step)
    return [(rng.standard_normal(shape) * 10.0 ** rng.uniform(-2, 1)).astype(np.float32) for shape in SHAPES]


def start():
    rng = np.random.default_rng(99)
    return [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]


def ours(*descriptions):
    """Weights [replicas, steps, 15] of replicas that differ in numbers."""
    optimizer = Optimizer(descriptions[0], BACKEND)
    found = [numbers(one) for one in descriptions]
    given = {key: np.array([one[key] for one in found], np.float32) for key in found[0]}
    count = len(descriptions)
    weights = np.repeat(np.concatenate([one.ravel() for one in start()])[None], count, 0)
    slots = {}
    for name, value in optimizer.slots().items():
        first = given["optimizer/" + value][:, None] if isinstance(value, str) else value
        slots[name] = BACKEND.array((np.zeros_like(weights) + first).astype(np.float32))
    weights = BACKEND.array(weights)
    tensors = {key: BACKEND.array(value) for key, value in given.items()}
    path = []
    for step in range(STEPS):
        row = np.concatenate([one.ravel() for one in gradient(step)])
        row = BACKEND.array(np.repeat(row[None], count, 0))
        weights, slots = optimizer.apply(weights, row, slots, tensors, BACKEND.array(step), SIZES)
        path.append(np.asarray(BACKEND.numpy(weights)))
    return np.stack(path, 1)


def theirs(optimizer):
    """Weights [steps, 15] of a real Keras optimizer."""
    variables = [keras.Variable(value) for value in start()]
    optimizer.build(variables)
    path = []
    for step in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(one) for one in gradient(step)], variables)
        path.append(np.concatenate([np.asarray(keras.ops.convert_to_numpy(v)).ravel() for v in variables]))
    return np.stack(path)


def compare(optimizer, **description):
    found, wanted = ours(dict(description))[0], theirs(optimizer)
    difference = np.abs(found - wanted).max()
    assert np.allclose(found, wanted, rtol=2e-4, atol=2e-5), f"{description}: {difference}"


def check_keras_optimizers():
    """
    Every optimizer of the format against Keras', step by step.
    """
    o = keras.optimizers
    compare(o.SGD(0.1), name="SGD", learning_rate=0.1)
    compare(o.SGD(0.1, momentum=0.9), name="SGD", learning_rate=0.1, momentum=0.9)
    compare(o.SGD(0.1, 0.9, nesterov=True), name="SGD", learning_rate=0.1, momentum=0.9, nesterov=True)
    compare(o.Adam(0.01), name="Adam", learning_rate=0.01)
    compare(o.Adam(0.01, amsgrad=True), name="Adam", learning_rate=0.01, amsgrad=True)
    compare(o.AdamW(0.01, weight_decay=0.1), name="AdamW", learning_rate=0.01, weight_decay=0.1)
    compare(o.Nadam(0.01), name="Nadam", learning_rate=0.01)
    compare(o.Adamax(0.01), name="Adamax", learning_rate=0.01)
    compare(o.RMSprop(0.01), name="RMSprop", learning_rate=0.01)
    centered = {"momentum": 0.9, "centered": True}
    compare(o.RMSprop(0.01, **centered), name="RMSprop", learning_rate=0.01, **centered)
    compare(o.Adagrad(0.1), name="Adagrad", learning_rate=0.1)
    compare(o.Adadelta(1.0), name="Adadelta", learning_rate=1.0)
    compare(o.Ftrl(0.1), name="Ftrl", learning_rate=0.1)
    l1 = {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2}
    compare(o.Ftrl(0.1, **l1), name="Ftrl", learning_rate=0.1, **l1)
    compare(o.Lion(0.01), name="Lion", learning_rate=0.01)


def check_clipping_and_decay():
    """
    Norms of one variable, of all, values, and decay of weights.
    """
    for given in ({"clipnorm": 0.5}, {"global_clipnorm": 0.5}, {"clipvalue": 0.3}, {"weight_decay": 0.1}):
        compare(keras.optimizers.SGD(0.1, **given), name="SGD", learning_rate=0.1, **given)


def check_schedules():
    """
    Rates that change with the step.
    """
    s = keras.optimizers.schedules
    cases = (
        (s.ExponentialDecay(0.1, 5, 0.5), {"kind": "exponential", "steps": 5, "rate": 0.5}, 0.1),
        (
            s.ExponentialDecay(0.1, 5, 0.5, staircase=True),
            {"kind": "exponential", "steps": 5, "rate": 0.5, "staircase": True},
            0.1,
        ),
        (
            s.PiecewiseConstantDecay([3, 6], [0.1, 0.05, 0.01]),
            {"kind": "piecewise", "boundaries": [3, 6], "values": [0.1, 0.05, 0.01]},
            0.1,
        ),
        (s.CosineDecay(0.1, 8, alpha=0.1), {"kind": "cosine", "steps": 8, "alpha": 0.1}, 0.1),
        (s.InverseTimeDecay(0.1, 4, 0.5), {"kind": "inverse-time", "steps": 4, "rate": 0.5}, 0.1),
        (
            s.PolynomialDecay(0.1, 8, 0.01, power=2.0),
            {"kind": "polynomial", "steps": 8, "end": 0.01, "power": 2.0},
            0.1,
        ),
    )
    for real, schedule, rate in cases:
        compare(keras.optimizers.SGD(real), name="SGD", learning_rate=rate, schedule=schedule)


def check_tf1_optimizers():
    """
    The rules of tf.compat.v1.train.
    """
    if BACKEND.name != "tensorflow":
        raise Skip("TensorFlow alone has them")
    import tensorflow as tf

    v1 = tf.compat.v1.train
    cases = (
        (v1.GradientDescentOptimizer(0.1), {"name": "SGD", "learning_rate": 0.1}),
        (v1.MomentumOptimizer(0.1, 0.9), {"name": "SGD", "learning_rate": 0.1, "momentum": 0.9}),
        (
            v1.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
            {"name": "Momentum", "learning_rate": 0.1, "nesterov": True},
        ),
        (v1.AdamOptimizer(0.01), {"name": "Adam", "learning_rate": 0.01, "epsilon": 1e-8}),
        (v1.RMSPropOptimizer(0.01), {"name": "RMSprop", "learning_rate": 0.01, "epsilon": 1e-10}),
        (
            v1.RMSPropOptimizer(0.01, momentum=0.5, centered=True),
            {"name": "RMSprop", "learning_rate": 0.01, "epsilon": 1e-10, "momentum": 0.5, "centered": True},
        ),
        (v1.AdagradOptimizer(0.1), {"name": "Adagrad", "learning_rate": 0.1}),
        (v1.AdadeltaOptimizer(1.0), {"name": "Adadelta", "learning_rate": 1.0, "epsilon": 1e-8}),
        (v1.FtrlOptimizer(0.1), {"name": "Ftrl", "learning_rate": 0.1}),
    )
    for optimizer, description in cases:
        variables = [tf.Variable(value) for value in start()]
        path = []
        for step in range(STEPS):
            optimizer.apply_gradients(list(zip([tf.constant(one) for one in gradient(step)], variables)))
            path.append(np.concatenate([v.numpy().ravel() for v in variables]))
        found = ours(dict(description, form="v1"))[0]
        assert np.allclose(found, np.stack(path), rtol=2e-4, atol=2e-5), description


def check_replicas_have_numbers_of_their_own():
    """
    Two rates side by side are what each is alone.
    """
    slow, fast = {"name": "Adam", "learning_rate": 0.001}, {"name": "Adam", "learning_rate": 0.1}
    both = ours(slow, fast)

    assert np.allclose(ours(slow)[0], both[0])
    assert np.allclose(ours(fast)[0], both[1])
