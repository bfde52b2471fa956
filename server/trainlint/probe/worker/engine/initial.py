"""Initial values, drawn so that arms with different distributions share their noise."""

import zlib

import numpy as np


def generator(seed, *names):
    """A stream of its own for each (seed, names)."""
    return np.random.Generator(np.random.PCG64([int(seed) & 0xFFFFFFFF] + [zlib.crc32(one.encode()) for one in names]))


def normal_share(z):
    """The distribution function of the standard normal (Abramowitz and Stegun 7.1.26, within 1.5e-7)."""
    x = np.abs(z) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * x)
    polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    upper = 1.0 - 0.5 * polynomial * np.exp(-x * x)
    return np.where(z >= 0, upper, 1.0 - upper)


def initial_value(name, node, seed):
    """The array that variable ``name`` begins with.

    The same standard normal numbers are behind every distribution: scaled, cut and drawn again beyond two standard
    deviations, or turned into shares of an interval; so paired arms differ by what was changed and by nothing else.
    """
    initial = node.get("initial") or {"distribution": "constant", "value": 0.0}
    shape = tuple(int(size) for size in node.get("shape") or ())
    dtype = node.get("dtype", "float32")
    kind = bool if dtype == "bool" else np.int32 if "int" in dtype else np.float32
    distribution = initial["distribution"]
    if distribution == "constant":
        return np.full(shape, initial.get("value", 0.0), kind)
    if distribution == "values":
        return np.broadcast_to(np.asarray(initial["values"], kind), shape).copy()
    if distribution == "identity":
        return (initial.get("gain", 1.0) * np.eye(*shape)).astype(kind)
    stream = generator(seed, name)
    noise = stream.standard_normal(shape, np.float32)
    if distribution == "normal":
        return (initial.get("mean", 0.0) + initial.get("stddev", 1.0) * noise).astype(kind)
    if distribution == "truncated":
        noise = np.atleast_1d(noise)
        outside = np.abs(noise) > 2.0
        while outside.any():
            noise[outside] = stream.standard_normal(int(outside.sum()), np.float32)
            outside = np.abs(noise) > 2.0
        return (initial.get("mean", 0.0) + initial.get("stddev", 1.0) * noise.reshape(shape)).astype(kind)
    if distribution == "uniform":
        low, high = initial.get("low", 0.0), initial.get("high", 1.0)
        return (low + (high - low) * normal_share(noise)).astype(kind)
    if distribution == "orthogonal":
        return (initial.get("gain", 1.0) * _orthogonal(noise, shape)).astype(kind)
    raise ValueError("the probe does not know the distribution {!r}".format(distribution))


def _orthogonal(noise, shape):
    """As Keras: the last axis against all others, the signs made unique."""
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    flat = noise.reshape(rows, columns)
    q, r = np.linalg.qr(flat if rows >= columns else flat.T)
    q = q * np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape)
