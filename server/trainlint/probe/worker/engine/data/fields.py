"""Dense tasks: one truth for each place, decided by smooth random fields that the features show in place."""

import numpy as np

from .features import common_ids
from .truths import MOST_CLASSES

NOISE = 0.3


def dense(task, kind, rng, rows, space, channels, n_outputs):
    """Features [rows, *space, channels] of spread about 1 and truths: ids [rows, *space] or [rows, *space, outputs]."""
    n_fields = max(2, min(channels, 4))
    fields = _fields(rng, rows, space, n_fields)
    classes = 2 if kind == "dense-binary" else max(2, min(n_outputs, MOST_CLASSES))
    if kind == "dense-regression":
        outputs = n_outputs
    else:
        outputs = classes
    weights = rng.standard_normal((n_fields, outputs))
    if task == "teacher":
        scores = np.tanh(fields @ rng.standard_normal((n_fields, 16))) @ rng.standard_normal((16, outputs))
    else:
        scores = fields @ weights
    scores = (scores - scores.mean(tuple(range(scores.ndim - 1)))) / (scores.std() + 1e-9)
    if kind == "dense-regression":
        truth = scores.astype(np.float32)
    else:
        truth = np.argmax(scores, -1)
    if task == "prototypes" and kind != "dense-regression":
        # Each class has a colour.
        colours = rng.standard_normal((classes, channels)) * 1.5
        features = colours[truth] + rng.standard_normal(truth.shape + (channels,), np.float32) * 0.7
        features = (features - features.mean()) / (features.std() + 1e-9)
    else:
        mixing = rng.standard_normal((n_fields, channels)) if channels != n_fields else np.eye(n_fields)
        features = fields @ mixing / np.sqrt((mixing**2).sum(0))
        features = features + NOISE * rng.standard_normal(features.shape, np.float32)
    return features.astype(np.float32), truth


def dense_ids(rng, truth, vocabulary, low):
    """Ids [rows, *space] drawn mostly of the group of each place's class."""
    classes = int(truth.max()) + 1
    size = max(1, min(12, vocabulary // classes))
    order = rng.permutation(vocabulary)
    members = order[np.arange(classes * size).reshape(classes, size) % vocabulary]
    chosen = members[truth, rng.integers(0, size, truth.shape)]
    strays = rng.random(truth.shape) < 0.1
    chosen[strays] = common_ids(rng, order, int(strays.sum()))
    return (chosen + int(low)).astype(np.int32)


def _fields(rng, rows, space, count):
    """[rows, *space, count] of spread about 1: for each row and field a few slow waves."""
    total = np.zeros((rows,) + tuple(space) + (count,), np.float32)
    places = np.meshgrid(*[np.linspace(0.0, 1.0, size) for size in space], indexing="ij")
    flat = np.stack([place.ravel() for place in places]).astype(np.float32)
    for field in range(count):
        for _ in range(3):
            frequency = rng.uniform(-2.0, 2.0, (rows, len(space))).astype(np.float32)
            phase = rng.random((rows, 1)).astype(np.float32)
            wave = np.cos(2 * np.pi * (frequency @ flat + phase))
            total[..., field] += wave.reshape((rows,) + tuple(space))
    return total / np.float32(np.sqrt(1.5))
