"""What is to be learned: hidden coordinates of each row, and the truth that belongs to them.

``"teacher"``: a random two-layer network of the coordinates decides.
``"prototypes"``: the truth is drawn first, and each class has a centre of its own.
``"linear"``: a weighted sum of the coordinates decides, as the brightness of a colour does.
"""

import numpy as np

# More classes than this do not occur: with 4000 rows each would be seen too rarely to be learned in 200 steps.
MOST_CLASSES = 10
# As many coordinates as features up to here; wider features are mixtures of a few hidden coordinates.
MOST_COORDINATES = 32
HIDDEN_COORDINATES = 16
# The linear part of a teacher's outputs, beside 1 for what is not linear.
STRAIGHT = 1.0
# What is spread over space has fewer: a network that pools over all of space sees little more.
SPATIAL_COORDINATES = 6


def coordinates_for(shape):
    """How many hidden coordinates stand behind features [*shape]."""
    size = 1
    for one in shape:
        size *= one
    if len(shape) > 1:
        return SPATIAL_COORDINATES
    return size if 3 <= size <= MOST_COORDINATES else min(max(size, 3), HIDDEN_COORDINATES)


def drawn(task, kind, rng, rows, n_coordinates, n_outputs):
    """Coordinates [rows, n_coordinates] and the truth: ids [rows], or numbers [rows, n_outputs]."""
    if kind in ("single-label", "binary"):
        classes = 2 if kind == "binary" else max(2, min(n_outputs, MOST_CLASSES))
        if task == "prototypes":
            return _prototype_classes(rng, rows, n_coordinates, classes)
        return _scored_classes(rng, rows, n_coordinates, classes, *_SCORES[task])
    if kind == "multi-label":
        if task == "prototypes":
            return _prototype_labels(rng, rows, n_coordinates, n_outputs)
        return _scored_labels(rng, rows, n_coordinates, n_outputs, *_SCORES[task])
    z = rng.standard_normal((rows, n_coordinates))
    values = _waves(rng, z, n_outputs) if task == "prototypes" else _SCORES[task][0](rng, z, n_outputs)
    return z, _standardised(values)


def _standardised(values):
    return (values - values.mean(0)) / (values.std(0) + 1e-9)


def _teacher(rng, z, n_outputs):
    """Outputs of a random network with one hidden layer of smooth units, spread 1 each.

    A part goes past the hidden layer: what people train on is mostly linear, with something on top.
    """
    n = z.shape[1]
    width = max(16, n)
    hidden = np.tanh(z @ rng.standard_normal((n, width)) * 1.2 / np.sqrt(n) + 0.5 * rng.standard_normal(width))
    curved = _standardised(hidden @ rng.standard_normal((width, n_outputs)))
    straight = z @ (rng.standard_normal((n, n_outputs)) / np.sqrt(n))
    return _standardised(curved + STRAIGHT * straight)


def _linear(rng, z, n_outputs):
    """Weighted sums of the coordinates, spread 1 each."""
    return _standardised(z @ rng.standard_normal((z.shape[1], n_outputs)))


# What scores the answers of a task, and the noise on the scores; a colour is bright or dark without any.
_SCORES = {"teacher": (_teacher, 0.1), "linear": (_linear, 0.0)}


def _waves(rng, z, n_outputs):
    """Smooth waves along a few random directions, spread about 1 each."""
    directions = rng.standard_normal((z.shape[1], n_outputs))
    along = z @ (directions / np.linalg.norm(directions, axis=0))
    return np.sin(1.3 * along + rng.uniform(-0.5, 0.5, n_outputs)) + 0.3 * along


def _scored_classes(rng, rows, n_coordinates, classes, score, noise):
    z = rng.standard_normal((rows, n_coordinates))
    scores = score(rng, z, classes) + noise * rng.standard_normal((rows, classes))
    # Offsets that make all classes about equally frequent; the base rate is then the hardest to beat.
    offsets = np.zeros(classes)
    for turn in range(20):
        shares = np.bincount(np.argmax(scores + offsets, 1), minlength=classes) / rows
        offsets += (1.0 / classes - shares) * min(classes, 6) * 0.9**turn
    if classes == 2:
        offsets[1] = -np.median(scores[:, 1] - scores[:, 0])
        offsets[0] = 0.0
    return z, np.argmax(scores + offsets, 1)


def _prototype_classes(rng, rows, n_coordinates, classes):
    truth = rng.integers(0, classes, rows)
    centres = rng.standard_normal((classes, n_coordinates))
    # The nearest neighbours are about four standard deviations apart, whatever the number of coordinates; in few of
    # them random centres may lie on each other, and then nothing could be learned.
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 1e9 * np.eye(classes)
    centres *= 4.0 / np.mean(apart.min(1))
    z = centres[truth] + rng.standard_normal((rows, n_coordinates))
    return _standardised(z), truth


def _scored_labels(rng, rows, n_coordinates, labels, score, noise):
    z = rng.standard_normal((rows, n_coordinates))
    scores = score(rng, z, labels) + noise * rng.standard_normal((rows, labels))
    return z, (scores > np.quantile(scores, 0.6, axis=0)).astype(np.int64)


def _prototype_labels(rng, rows, n_coordinates, labels):
    truth = (rng.random((rows, labels)) < 0.4).astype(np.int64)
    centres = rng.standard_normal((labels, n_coordinates)) * 2.0 / np.sqrt(min(n_coordinates, 2 * labels))
    z = truth @ centres + 0.5 * rng.standard_normal((rows, n_coordinates))
    return _standardised(z), truth
