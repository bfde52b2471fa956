"""Every operation computes what Keras computes, forwards and backwards, for each replica on its own."""

import keras
import numpy as np
from computed import layer_function, noise, outcome, reference, same
from keras import ops


def check_unary_functions():
    """
    Functions of one element, written as operations of their own or as ``elementwise``.
    """
    positive = np.abs(noise(4, 3)) + 0.1
    for name in ("negative", "square", "abs", "sign", "exp", "round", "floor", "ceil"):
        same(outcome(name, [noise(4, 3)]), reference(getattr(ops, name), [noise(4, 3)]), name)
    for name in ("sqrt", "log"):
        same(outcome(name, [positive]), reference(getattr(ops, name), [positive]), name)
    for name in ("rsqrt", "log1p", "reciprocal"):
        same(outcome("elementwise", [positive], function=name), reference(getattr(ops, name), [positive]), name)
    for name in ("expm1", "sin", "cos", "tan", "tanh", "erf", "sigmoid"):
        same(outcome("elementwise", [noise(4, 3)], function=name), reference(getattr(ops, name), [noise(4, 3)]), name)
    for ours, theirs in (("softplus", ops.softplus), ("log-sigmoid", ops.log_sigmoid)):
        same(outcome("elementwise", [noise(4, 3)], function=ours), reference(theirs, [noise(4, 3)]), ours)
    gaps = np.array([[[1.0, np.nan]], [[np.nan, 2.0]]], np.float32)
    found = outcome("elementwise", [gaps], gradients=False, function="is-nan")[0]
    assert np.array_equal(np.isnan(gaps), found)


def check_arithmetic_broadcasts_as_numpy():
    """
    Ranks may differ; the axis of replicas takes no part in it.
    """
    a, b = noise(4, 3), noise(3, seed=1)
    column = noise(4, 1, seed=2)
    for name, theirs in (
        ("add", ops.add),
        ("subtract", ops.subtract),
        ("multiply", ops.multiply),
        ("divide", ops.divide),
        ("maximum", ops.maximum),
        ("minimum", ops.minimum),
        ("squared-difference", lambda x, y: ops.square(x - y)),
    ):
        same(outcome(name, [a, b], rows=4), reference(theirs, [a, b]), name)
        same(outcome(name, [b, column], rows=4), reference(theirs, [b, column]), name)
    same(outcome("add", [a, b, column]), reference(lambda x, y, z: x + y + z, [a, b, column]), "three")
    base = np.abs(a) + 0.5
    same(outcome("power", [base, b], rows=4), reference(ops.power, [base, b]), "power")
    same(outcome("multiply", [a, 2.5]), reference(lambda x: x * 2.5, [a]), "with a number")
    same(outcome("floordivide", [a, 0.5]), reference(lambda x: ops.floor(x / 0.5), [a]), "floordivide")
    same(outcome("modulo", [a, 0.7], gradients=False), (np.mod(a, np.float32(0.7)), []), "modulo")


def check_labels_against_a_column_make_a_square():
    """
    [N] against [N, 1] broadcasts to [N, N], as in TensorFlow.
    """
    found = outcome("squared-difference", [noise(5), noise(5, 1, seed=1)])[0]

    assert (2, 5, 5) == found.shape


def check_choices():
    """
    Comparisons, logic, selection, clipping, casts, the place of the largest.
    """
    a, b = noise(4, 3), noise(4, 3, seed=1)
    for operator, theirs in (("<", np.less), (">=", np.greater_equal), ("==", np.equal), ("!=", np.not_equal)):
        assert np.array_equal(theirs(a, b), outcome("compare", [a, b], gradients=False, operator=operator)[0])
    yes, no = a > 0, b > 0
    assert np.array_equal(yes & no, outcome("logical", [yes, no], gradients=False, operator="and")[0])
    assert np.array_equal(~yes, outcome("logical", [yes], gradients=False, operator="not")[0])
    same(outcome("select", [yes, a, b])[:2], reference(lambda x, y: ops.where(x > 0, x, y), [a, b]), "select")
    same(outcome("clip", [a], low=-0.5, high=0.3), reference(lambda x: ops.clip(x, -0.5, 0.3), [a]), "clip")
    assert np.array_equal(a.astype(np.int32), outcome("cast", [a], gradients=False, dtype="int64")[0])
    assert np.array_equal(a.argmax(-1), outcome("argmax", [a], gradients=False, axis=-1)[0])
    ids = np.array([[0, 2], [1, 1]], np.int32)
    hot = outcome("one-hot", [ids], gradients=False, depth=3)[0]
    assert np.array_equal(np.eye(3)[ids], hot)


def check_activations():
    """
    Activations by Keras' names.
    """
    x = noise(5, 4) * 2.0
    for name in (
        "relu sigmoid tanh elu selu gelu softplus softsign exponential hard_sigmoid linear relu6 mish silu softmax "
        "log_softmax"
    ).split():
        same(outcome("activation", [x], function=name), reference(keras.activations.get(name), [x]), name)
    same(outcome("activation", [x], function="swish"), reference(ops.silu, [x]), "swish")
    leaky = outcome("activation", [x], function="leaky_relu", alpha=0.3)
    same(leaky, reference(lambda v: ops.leaky_relu(v, 0.3), [x]), "leaky")
    bounded = outcome("activation", [x], function="relu", alpha=0.1, max_value=1.0, threshold=0.5)
    wanted = reference(lambda v: keras.activations.relu(v, negative_slope=0.1, max_value=1.0, threshold=0.5), [x])
    same(bounded, wanted, "bounded")
    elu = outcome("activation", [x], function="elu", alpha=0.5)
    same(elu, reference(lambda v: ops.elu(v, 0.5), [x]), "elu")
    alpha = np.abs(noise(4, seed=3))
    wanted = reference(lambda v, a: ops.relu(v) - a * ops.relu(-v), [x, alpha])
    same(outcome("activation", [x, alpha], rows=5, function="prelu"), wanted, "prelu")
    first = outcome("activation", [x], function="softmax", axis=0)
    same(first, reference(lambda v: ops.softmax(v, axis=0), [x]), "softmax over rows")


def check_products():
    """
    Products of matrices with what TensorFlow and Dense make of higher ranks.
    """
    a, b = noise(4, 3), noise(3, 5, seed=1)
    same(outcome("matmul", [a, b], rows=4), reference(ops.matmul, [a, b]), "plain")
    wanted = reference(lambda x, y: ops.matmul(ops.transpose(x), ops.transpose(y)), [noise(3, 4), noise(5, 3)])
    same(outcome("matmul", [noise(3, 4), noise(5, 3)], transpose_a=True, transpose_b=True), wanted, "transposed")
    deep = noise(4, 2, 3)
    same(outcome("matmul", [deep, b], rows=4), reference(ops.matmul, [deep, b]), "as Dense")
    same(outcome("matmul", [deep, noise(4, 3, 2)]), reference(ops.matmul, [deep, noise(4, 3, 2)]), "batched")
    wanted = reference(lambda x, y: ops.tensordot(x, y, axes=[[1, 2], [0, 1]]), [deep, noise(2, 3, 6)])
    same(outcome("matmul", [deep, noise(2, 3, 6)], rows=4, axes=[[1, 2], [0, 1]]), wanted, "tensordot")


def check_embedding():
    """
    Rows of a table by id; each replica has its own table.
    """
    ids = np.array([[[0, 2], [4, 4]], [[1, 0], [3, 2]]], np.int32)
    table = noise(5, 3)
    wanted = reference(lambda i, t: ops.take(t, ops.cast(i, "int32"), axis=0), [ids, table])
    same(outcome("embedding", [ids, table], rows=2), wanted, "embedding")


def check_shapes():
    """
    What moves elements.
    """
    x = noise(4, 3, 2)
    cases = (
        ("reshape", {"target": ["N", -1]}, lambda v: ops.reshape(v, (4, -1))),
        ("flatten", {}, lambda v: ops.reshape(v, (4, 6))),
        ("transpose", {"order": [0, 2, 1]}, lambda v: ops.transpose(v, (0, 2, 1))),
        ("expand", {"axis": 1}, lambda v: ops.expand_dims(v, 1)),
        ("expand", {"axis": -1}, lambda v: ops.expand_dims(v, -1)),
        ("split", {"axis": 1, "sizes": [1, 2], "index": 1}, lambda v: v[:, 1:]),
        ("slice", {"index": [[None, None, None], -1]}, lambda v: v[:, -1]),
        ("slice", {"index": ["...", [None, None, 2]]}, lambda v: v[..., ::2]),
        ("slice", {"index": [[1, 3, None], "new", [None, None, -1]]}, lambda v: ops.flip(v[1:3, None], 2)),
        ("tile", {"factors": [1, 2, 1]}, lambda v: ops.tile(v, (1, 2, 1))),
        ("pad", {"widths": [[0, 0], [1, 2], [0, 0]], "value": 3.0}, _padded),
        ("pad", {"widths": [[0, 0], [1, 1], [0, 1]], "mode": "reflect"}, _reflected),
    )
    for op, attributes, theirs in cases:
        same(outcome(op, [x], **attributes), reference(theirs, [x]), f"{op} {attributes}")
    thin = noise(4, 1, 3)
    same(outcome("squeeze", [thin], axes=[1]), reference(lambda v: v[:, 0], [thin]), "squeeze")
    y = noise(4, 5, 2, seed=1)
    same(outcome("concat", [x, y], axis=1), reference(lambda a, b: ops.concatenate([a, b], 1), [x, y]), "concat")
    same(outcome("stack", [x, x], axis=1), reference(lambda a, b: ops.stack([a, b], 1), [x, x]), "stack")
    places = np.array([[2, 0], [2, 0]], np.int32)
    wanted = reference(lambda v: ops.take(v, np.array([2, 0]), axis=1), [x])
    same(outcome("gather", [x, places], rows=4, axis=1), wanted, "gather")


def _padded(v):
    return ops.pad(v, ((0, 0), (1, 2), (0, 0)), constant_values=3.0)


def _reflected(v):
    return ops.pad(v, ((0, 0), (1, 1), (0, 1)), mode="reflect")


def check_reductions():
    """
    Reductions over some or all axes of the node.
    """
    x = noise(4, 3, 2)
    for how, theirs in (
        ("mean", ops.mean), ("sum", ops.sum), ("max", ops.max), ("min", ops.min), ("prod", ops.prod),
        ("std", ops.std), ("variance", ops.var), ("logsumexp", ops.logsumexp), ("norm", _norm),
    ):  # fmt: skip
        for axis, keepdims in (([1], False), ([-1, 0], True), (None, False)):
            wanted = reference(lambda v: theirs(v, axis=axis and tuple(axis), keepdims=keepdims), [x])  # noqa: B023
            same(outcome("reduce", [x], how=how, axis=axis, keepdims=keepdims), wanted, f"{how} {axis}")
    assert np.array_equal((x > 0).all(2), outcome("reduce", [x > 0], gradients=False, how="all", axis=[1])[0])


def _norm(v, axis, keepdims):
    return ops.sqrt(ops.sum(v * v, axis=axis, keepdims=keepdims))


def check_convolutions():
    """
    Convolutions of all ranks and forms with Keras' layers.
    """
    layers = keras.layers
    x1, x2, x3 = noise(3, 9, 4), noise(3, 8, 7, 4), noise(2, 5, 4, 4, 4)
    cases = (
        ("1d", x1, layers.Conv1D(5, 3, 2, "same", use_bias=False), {"strides": [2], "padding": "same"}),
        ("causal", x1, layers.Conv1D(5, 3, padding="causal", dilation_rate=2, use_bias=False),
         {"strides": [1], "padding": "causal", "dilation": [2]}),
        ("2d", x2, layers.Conv2D(5, 3, (2, 1), use_bias=False), {"strides": [2, 1], "padding": "valid"}),
        ("dilated", x2, layers.Conv2D(5, 3, padding="same", dilation_rate=2, use_bias=False),
         {"strides": [1, 1], "padding": "same", "dilation": [2, 2]}),
        ("groups", x2, layers.Conv2D(6, 3, groups=2, use_bias=False), {"strides": [1, 1], "groups": 2}),
        ("3d", x3, layers.Conv3D(2, 2, 2, "same", use_bias=False), {"strides": [2, 2, 2], "padding": "same"}),
        ("depthwise", x2, layers.DepthwiseConv2D(3, 1, "same", depth_multiplier=2, use_bias=False),
         {"strides": [1, 1], "padding": "same", "form": "depthwise"}),
        ("separable", x2, layers.SeparableConv2D(5, 3, padding="same", use_bias=False),
         {"strides": [1, 1], "padding": "same", "form": "separable"}),
        ("transposed same", x2, layers.Conv2DTranspose(5, 3, 2, "same", use_bias=False),
         {"strides": [2, 2], "padding": "same", "form": "transposed"}),
        ("transposed valid", x2, layers.Conv2DTranspose(5, 2, 3, use_bias=False),
         {"strides": [3, 3], "padding": "valid", "form": "transposed"}),
        ("transposed 1d", x1, layers.Conv1DTranspose(5, 4, 2, "same", use_bias=False),
         {"strides": [2], "padding": "same", "form": "transposed"}),
    )  # fmt: skip
    for what, x, layer, attributes in cases:
        function = layer_function(layer, x.shape[1:])
        kernels = [noise(*weight.shape, seed=7 + i) for i, weight in enumerate(layer.trainable_weights)]
        found = outcome("convolution", [x, *kernels], rows=x.shape[1], rank=x.ndim - 3, **attributes)
        same(found, reference(function, [x, *kernels]), what)


def check_channels_first_is_the_same_in_another_order():
    """
    Data formats differ in nothing but the order of axes.
    """
    x, kernel = noise(3, 6, 6, 4), noise(3, 3, 4, 2, seed=1)
    last = outcome("convolution", [x, kernel], rows=3, rank=2, strides=[1, 1], padding="same")[0]
    turned = np.ascontiguousarray(x.transpose(0, 1, 4, 2, 3))
    first = outcome(
        "convolution", [turned, kernel], rows=3, rank=2, strides=[1, 1], padding="same", data_format="first"
    )[0]

    assert np.allclose(last, first.transpose(0, 1, 3, 4, 2), atol=1e-5)


def check_pooling_and_resizing():
    """
    Windows, global pooling, resizing, repeating.
    """
    x1, x2 = noise(3, 9, 4), noise(3, 8, 7, 4)
    for how, one, two in (
        ("max", ops.max_pool, ops.max_pool),
        ("mean", ops.average_pool, ops.average_pool),
    ):
        wanted = reference(lambda v: one(v, 2, 2, padding="same"), [x1])  # noqa: B023
        same(outcome("pool", [x1], how=how, rank=1, size=[2], strides=[2], padding="same"), wanted, how)
        wanted = reference(lambda v: two(v, (3, 2), (2, 2), padding="valid"), [x2])  # noqa: B023
        same(outcome("pool", [x2], how=how, rank=2, size=[3, 2], strides=[2, 2], padding="valid"), wanted, how)
    wanted = reference(lambda v: ops.mean(v, (1, 2)), [x2])
    same(outcome("pool", [x2], how="mean", rank=2, **{"global": True}), wanted, "global")
    wanted = reference(lambda v: ops.repeat(ops.repeat(v, 2, 1), 3, 2), [x2])
    same(outcome("upsample", [x2], factors=[2, 3]), wanted, "upsample")
    wanted = reference(lambda v: ops.image.resize(v, (16, 14), "nearest", data_format="channels_last"), [x2])
    same(outcome("resize", [x2], size=[16, 14], method="nearest"), wanted, "nearest")
    wanted = reference(lambda v: ops.image.resize(v, (16, 14), "bilinear", data_format="channels_last"), [x2])
    same(outcome("resize", [x2], size=[16, 14], method="bilinear"), wanted, "bilinear")


def check_recurrent_layers():
    """
    Cells, directions and merges with Keras' layers and weights.
    """
    layers = keras.layers
    x = noise(3, 5, 4)
    plain = (
        ("lstm", layers.LSTM(3), {}),
        ("lstm sequences", layers.LSTM(3, return_sequences=True), {"sequences": True}),
        ("lstm relu", layers.LSTM(3, activation="relu"), {"activation": "relu"}),
        ("backwards", layers.LSTM(3, go_backwards=True), {"backwards": True}),
        ("gru", layers.GRU(3), {"reset_after": True}),
        ("gru before", layers.GRU(3, reset_after=False), {"reset_after": False}),
        ("no bias", layers.GRU(3, use_bias=False), {"bias": False}),
        ("simple", layers.SimpleRNN(3, return_sequences=True), {"sequences": True}),
    )
    for what, layer, attributes in plain:
        function = layer_function(layer, x.shape[1:])
        weights = [noise(*weight.shape, seed=7 + i) for i, weight in enumerate(layer.trainable_weights)]
        cell = type(layer).__name__.replace("RNN", "").lower()
        found = outcome("recurrent", [x, *weights], rows=3, cell=cell, units=3, **attributes)
        same(found, reference(function, [x, *weights]), what)
    for merge, both in (("concat", (False, True)), ("sum", (True,)), ("ave", (False,)), ("mul", (True,))):
        for sequences in both:
            layer = layers.Bidirectional(layers.LSTM(3, return_sequences=sequences), merge_mode=merge)
            function = layer_function(layer, x.shape[1:])
            weights = [noise(*weight.shape, seed=7 + i) for i, weight in enumerate(layer.trainable_weights)]
            found = outcome(
                "recurrent", [x, *weights], rows=3, cell="lstm", units=3, bidirectional=True, merge=merge,
                sequences=sequences,
            )  # fmt: skip
            same(found, reference(function, [x, *weights]), f"{merge} {sequences}")


def check_attention():
    """
    Multi-head attention with Keras' weights, also causal.
    """
    query, value = noise(2, 4, 6), noise(2, 5, 6, seed=1)
    for causal in (False, True):
        layer = keras.layers.MultiHeadAttention(2, 3)
        layer(query[0], value[0])

        def function(q, v, *weights, layer=layer, causal=causal):
            return layer.stateless_call(list(weights), [], q, v, use_causal_mask=causal)[0]

        weights = [noise(*weight.shape, seed=7 + i) for i, weight in enumerate(layer.trainable_weights)]
        found = outcome("attention", [query, value, value, *weights], rows=2, heads=2, key_size=3, causal=causal)
        out, wanted = found[0], reference(function, [query, value, *weights])
        assert np.allclose(out, wanted[0], atol=1e-4)
        # The value is also the key: its gradient is the sum of both.
        assert np.allclose(found[1][1] + found[1][2], wanted[1][1], atol=1e-3)


def check_normalization():
    """
    Batch, layer, group and unit normalization; statistics are those of one replica.
    """
    x = noise(6, 4, 3) * 3.0 + 1.0
    gamma, beta = noise(3, seed=1), noise(3, seed=2)
    layer = keras.layers.LayerNormalization(epsilon=1e-3)
    wanted = reference(layer_function(layer, x.shape[1:]), [x, gamma, beta])
    same(outcome("normalization", [x, gamma, beta], rows=6, form="layer", epsilon=1e-3), wanted, "layer")
    layer = keras.layers.GroupNormalization(1, epsilon=1e-3)
    wanted = reference(layer_function(layer, x.shape[1:]), [x, gamma, beta])
    found = outcome("normalization", [x, gamma, beta], rows=6, form="group", groups=1, epsilon=1e-3)
    same(found, wanted, "group")
    wanted = reference(lambda v: ops.normalize(v, axis=-1), [x])
    same(outcome("normalization", [x], form="unit", epsilon=1e-12), wanted, "unit")
    wanted = reference(lambda v: (v - ops.mean(v, (0, 1))) / ops.sqrt(ops.var(v, (0, 1)) + 1e-3), [x])
    averages = {"out": {"mean": noise(3, seed=3), "variance": np.abs(noise(3, seed=4)) + 0.5}}
    found = outcome("normalization", [x, None, None], True, averages=averages, form="batch", momentum=0.9)
    same(found, wanted, "batch")
    mean = averages["out"]["mean"] * 0.9 + x.mean((1, 2)) * 0.1
    assert np.allclose(mean, np.asarray(found[2]["out"]["mean"]), atol=1e-5)
    still = outcome("normalization", [x, "none", "none"], False, averages=averages, form="batch", gradients=False)[0]
    moved = (x - averages["out"]["mean"][:, None, None]) / np.sqrt(averages["out"]["variance"][:, None, None] + 1e-3)
    assert np.allclose(moved, still, atol=1e-4)


def check_dropout():
    """
    Shares, scales and patterns of what is dropped; nothing in evaluation.
    """
    x = np.ones((2, 200, 50), np.float32)
    out = outcome("dropout", [x], True, gradients=False, rate=0.3)[0]
    assert abs((out == 0).mean() - 0.3) < 0.02
    assert np.allclose(out[out != 0], 1 / 0.7)
    assert not np.array_equal(out[0], out[1]), "seeds have masks of their own"
    assert np.array_equal(x, outcome("dropout", [x], False, gradients=False, rate=0.3)[0])
    unscaled = outcome("dropout", [x], False, gradients=False, rate=0.3, scaled=False, active="always")[0]
    assert np.array_equal(np.unique(unscaled), [0.0, 1.0])
    one_mask = outcome("dropout", [x], True, gradients=False, rate=0.5, noise_shape=[1, None])[0]
    assert np.array_equal(one_mask, np.broadcast_to(one_mask[:, :1], one_mask.shape))
    maps = np.ones((2, 20, 6, 6, 30), np.float32)
    spatial = outcome("dropout", [maps], True, gradients=False, rate=0.5, form="spatial")[0]
    assert np.array_equal(spatial, np.broadcast_to(spatial[:, :, :1, :1], spatial.shape))
    gaussian = outcome("dropout", [x], True, gradients=False, rate=0.5, form="gaussian")[0]
    assert abs(gaussian.mean() - 1.0) < 0.05 and abs(gaussian.std() - 1.0) < 0.05
    spread = noise(500, 50)
    alpha = outcome("dropout", [spread], True, gradients=False, rate=0.2, form="alpha")[0]
    assert abs(alpha.mean()) < 0.05 and abs(alpha.std() - 1.0) < 0.05
    added = outcome("dropout", [x], True, gradients=False, form="noise", stddev=0.5)[0]
    assert abs(added.std() - 0.5) < 0.02
    assert not outcome("dropout", [x], True, gradients=False, rate=1.0)[0].any()


def check_fresh_noise():
    """
    Random nodes have the distribution that they name.
    """
    x = noise(400)
    for initial, mean, spread in (
        ({"distribution": "normal", "mean": 1.0, "stddev": 2.0}, 1.0, 2.0),
        ({"distribution": "uniform", "low": -1.0, "high": 3.0}, 1.0, 4 / np.sqrt(12)),
        ({"distribution": "truncated", "mean": 0.0, "stddev": 1.0}, 0.0, 0.8796),
    ):
        out = outcome("random", [x], True, gradients=False, shape=["N", 50], initial=initial)[0]
        assert (2, 400, 50) == out.shape
        assert abs(out.mean() - mean) < 0.05 and abs(out.std() - spread) < 0.05
    assert np.abs(out).max() <= 2.0001


def check_penalties_and_stops():
    """
    Regularizers sum over a weight; a stopped gradient is zero.
    """
    w = noise(4, 3)
    wanted = reference(lambda v: 0.1 * ops.sum(ops.abs(v)) + 0.2 * ops.sum(v * v), [w])
    same(outcome("l1-l2", [w], l1=0.1, l2=0.2), wanted, "l1-l2")
    out, gradients, _ = outcome("stop-gradient", [w])
    assert np.array_equal(w, out) and not gradients[0].any()
