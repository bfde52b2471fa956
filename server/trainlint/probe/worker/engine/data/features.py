"""Features that show hidden coordinates: vectors, sequences, images as numbers of spread 1, and ids of a vocabulary."""

import numpy as np

# Share of the spread that is noise in features that are mixtures.
NOISE = 0.35
# Ids that belong to one group; each is then seen often enough to be learned in 200 steps.
GROUP_SIZE = 12
# Ids that occur in all classes alike.
COMMON = 100
# Sequences of ids up to here show a class by a single id, longer ones by frequencies.
SHORT = 4


def common_ids(rng, order, count):
    """Ids that say nothing; there are few of them, as rare ones would single out rows and be learned by heart."""
    return rng.choice(order[-max(1, min(COMMON, len(order) // 4)) :], count)


def numeric(rng, z, shape):
    """[rows, *shape] of spread about 1 that depends on the coordinates ``z``."""
    size = int(np.prod(shape, dtype=np.int64))
    if len(shape) <= 1 and size == z.shape[1]:
        return z.reshape((len(z),) + tuple(shape)).astype(np.float32)
    # Two patterns for each coordinate, for above and below zero: what pooling sees as energy keeps its sign.
    halves = np.concatenate([np.maximum(z, 0.0), np.minimum(z, 0.0)], 1).astype(np.float32) if len(shape) > 1 else z
    patterns = np.stack([_pattern(rng, shape) for _ in range(halves.shape[1])]).reshape(halves.shape[1], size)
    mixed = halves.astype(np.float32) @ patterns.astype(np.float32)
    mixed -= mixed.mean(0)
    mixed *= np.float32(np.sqrt(1.0 - NOISE**2)) / (mixed.std(0) + 1e-6)
    mixed += np.float32(NOISE) * rng.standard_normal(mixed.shape, np.float32)
    return mixed.reshape((len(z),) + tuple(shape))


def _pattern(rng, shape):
    """One coordinate's weight in each element: along space an even part, a slow wave and a texture, times a colour.

    The even part survives pooling over all of space, the texture survives it as energy, the wave needs position.
    """
    if len(shape) <= 1:
        return rng.standard_normal(shape)
    space, channels = tuple(shape[:-1]), shape[-1]
    places = np.meshgrid(*[np.linspace(0.0, 1.0, size) for size in space], indexing="ij")
    slow = sum(rng.uniform(-1.5, 1.5) * place for place in places)
    # Wave lengths of four to ten elements, which small kernels tell apart.
    direction = rng.standard_normal(len(space))
    direction /= np.linalg.norm(direction) + 1e-9
    length = rng.uniform(4.0, 10.0)
    fine = sum(along * place * size / length for along, place, size in zip(direction, places, space))
    wave = np.cos(2 * np.pi * (slow + rng.random()))
    texture = np.cos(2 * np.pi * (fine + rng.random()))
    parts = [np.ones(space), wave, texture]
    weights = [size * rng.standard_normal(channels) for size in (1.5, 1.0, 1.0)]
    return sum(part[..., None] * weight for part, weight in zip(parts, weights))


def ids(rng, z, truth_groups, shape, low, high):
    """[rows, *shape] of ids in ``low``..``high``.

    Long sequences have groups of ids whose frequencies follow the coordinates; short ones draw an id of the group
    ``truth_groups`` [rows] that the truth belongs to.
    """
    vocabulary = int(high) - int(low) + 1
    length = int(np.prod(shape, dtype=np.int64)) if shape else 1
    rows = len(z)
    n_groups = int(truth_groups.max()) + 1 if length <= SHORT else 2 * z.shape[1]
    size = max(1, min(GROUP_SIZE, vocabulary // n_groups))
    order = rng.permutation(vocabulary)
    members = order[np.arange(n_groups * size).reshape(n_groups, size) % vocabulary]
    if length <= SHORT:
        groups = np.repeat(truth_groups[:, None], length, 1)
        stray = 0.1
    else:
        strength = np.exp(1.2 * np.concatenate([z, -z], 1))
        edges = np.cumsum(strength / strength.sum(1, keepdims=True), 1)
        draws = rng.random((rows, length))
        groups = np.empty((rows, length), np.int64)
        for row in range(rows):
            groups[row] = np.searchsorted(edges[row], draws[row])
        groups = np.minimum(groups, n_groups - 1)
        stray = 0.2
    chosen = members[groups, rng.integers(0, size, groups.shape)]
    strays = rng.random(groups.shape) < stray
    chosen[strays] = common_ids(rng, order, int(strays.sum()))
    return (chosen + int(low)).reshape((rows,) + tuple(shape)).astype(np.int32)
