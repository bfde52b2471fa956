"""Losses are Keras' functions, or TensorFlow's where elements are kept."""

import keras
import numpy as np
from computed import BACKEND, noise, outcome, reference, same
from keras import ops

LOSSES = keras.losses


def probabilities(*shape, seed=0):
    z = np.exp(noise(*shape, seed=seed))
    return (z / z.sum(-1, keepdims=True)).astype(np.float32)


def check_functions_for_numbers():
    """
    Losses of equal shapes, the mean over the last axis first.
    """
    y, p = noise(6, 3), noise(6, 3, seed=1)
    cases = (
        ("squared-error", LOSSES.mean_squared_error, {}),
        ("absolute-error", LOSSES.mean_absolute_error, {}),
        ("absolute-percentage-error", LOSSES.mean_absolute_percentage_error, {}),
        ("huber", lambda a, b: LOSSES.huber(a, b, delta=0.7), {"delta": 0.7}),
        ("log-cosh", LOSSES.log_cosh, {}),
        ("hinge", LOSSES.hinge, {}),
        ("squared-hinge", LOSSES.squared_hinge, {}),
        ("categorical-hinge", LOSSES.categorical_hinge, {}),
        ("cosine-similarity", LOSSES.cosine_similarity, {}),
    )
    for name, theirs, attributes in cases:
        found = outcome("loss", [y, p], function=name, reduction="none", **attributes)
        same(found, reference(theirs, [y, p]), name)
        found = outcome("loss", [y, p], function=name, reduction="mean", **attributes)
        same(found, reference(lambda a, b: ops.mean(theirs(a, b)), [y, p]), name + " mean")  # noqa: B023
    positive = np.abs(y) + 0.1, np.abs(p) + 0.1
    for name, theirs in (
        ("poisson", LOSSES.poisson),
        ("squared-logarithmic-error", LOSSES.mean_squared_logarithmic_error),
    ):
        same(outcome("loss", list(positive), function=name), _mean(theirs, positive), name)
    pair = probabilities(6, 3), probabilities(6, 3, seed=1)
    same(outcome("loss", list(pair), function="kl-divergence"), _mean(LOSSES.kl_divergence, pair), "kl")
    labels = (noise(6, 3) > 0).astype(np.float32)
    same(outcome("loss", [labels, p], function="hinge"), _mean(LOSSES.hinge, (labels, p)), "hinge of 0 and 1")


def _mean(function, arrays):
    return reference(lambda a, b: ops.mean(function(a, b)), list(arrays))


def check_cross_entropies():
    """
    With and without logits, smoothed, by class number, clipped as Keras clips.
    """
    z = noise(6, 4) * 3.0
    ids = np.random.default_rng(3).integers(0, 4, (2, 6)).astype(np.int32)
    hot = np.eye(4, dtype=np.float32)[ids]
    outside = z / 3.0
    for from_logits, p in ((True, z), (False, probabilities(6, 4)), (False, outside)):
        given = {"from_logits": from_logits, "reduction": "none"}
        for smoothing in (0.0, 0.2):
            found = outcome("loss", [hot, p], function="softmax-cross-entropy", smoothing=smoothing, **given)

            def theirs(a, b, from_logits=from_logits, smoothing=smoothing):
                return LOSSES.categorical_crossentropy(a, b, from_logits=from_logits, label_smoothing=smoothing)

            same((found[0], found[1][1:]), _behind(theirs, hot, p), f"softmax {given}")
            labels = (hot > 0).astype(np.float32)
            found = outcome("loss", [labels, p], function="sigmoid-cross-entropy", smoothing=smoothing, **given)

            def theirs(a, b, from_logits=from_logits, smoothing=smoothing):
                return LOSSES.binary_crossentropy(a, b, from_logits=from_logits, label_smoothing=smoothing)

            same((found[0], found[1][1:]), _behind(theirs, labels, p), f"sigmoid {given}")
        # JAX and TensorFlow divide class probabilities that do not sum to one in different ways.
        if from_logits or p is not outside or BACKEND.name == "tensorflow":
            found = outcome("loss", [ids, p], function="sparse-softmax-cross-entropy", **given)
            wanted = _sparse(ids, p, from_logits)
            same(found, wanted, f"sparse {given}")


def _behind(theirs, labels, p):
    """The reference without the gradient for the labels."""
    out, gradients = reference(theirs, [labels, p])
    return out, gradients[1:]


def _sparse(ids, p, from_logits):
    def theirs(a, b):
        return LOSSES.sparse_categorical_crossentropy(ops.cast(a, "int32"), b, from_logits=from_logits)

    return reference(theirs, [ids, p])


def check_raw_losses_keep_elements():
    """
    Functions of ``tf.nn`` give a loss for each element.
    """
    y, z = (noise(6, 3) > 0).astype(np.float32), noise(6, 3, seed=1)
    found = outcome(
        "loss", [y, z], function="sigmoid-cross-entropy", from_logits=True, reduction="none", form="raw"
    )[0]  # fmt: skip

    assert np.allclose(np.logaddexp(0, z) - y * z, found, atol=1e-5)


def check_keras_aligns_a_column_with_a_vector():
    """
    [N] against [N, 1] is one loss for each row with ``aligns``, and all pairs without.
    """
    y, p = noise(6), noise(6, 1, seed=1)
    given = {"function": "squared-error", "reduction": "mean"}
    aligned = outcome("loss", [y, p], gradients=False, aligns=True, **given)[0]
    pairs = outcome("loss", [y, p], gradients=False, **given)[0]

    assert np.allclose(((y - p[..., 0]) ** 2).mean(1), aligned, atol=1e-5)
    assert np.allclose(((y[:, None, :] - p) ** 2).mean((1, 2)), pairs, atol=1e-5)


def check_focal_loss():
    """
    Binary focal loss without class weights.
    """
    y, p = (noise(6, 3) > 0).astype(np.float32), probabilities(6, 3)
    found = outcome("loss", [y, p], function="focal", reduction="none")
    wanted = reference(lambda a, b: LOSSES.binary_focal_crossentropy(a, b), [y, p])
    assert np.allclose(wanted[0], found[0], atol=1e-5)
