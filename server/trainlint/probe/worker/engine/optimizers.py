"""Optimizers as written rules for rows of weights, with the hyperparameters of each replica.

``form`` "keras" follows the rules of Keras 3 (keras.optimizers), "v1" those of tf.compat.v1.train: they differ in
where epsilon stands, in what the slots begin with and in how momentum is scaled.
"""

import math

# Keras 3's; the planner writes what the program's version uses wherever it knows better.
DEFAULTS = {
    "SGD": {"learning_rate": 0.01, "momentum": 0.0},
    "Momentum": {"learning_rate": 0.01, "momentum": 0.9},
    "Adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "AdamW": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004},
    "Nadam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Adamax": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7},
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "Adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "Ftrl": {
        "learning_rate": 0.001,
        "learning_rate_power": -0.5,
        "initial_accumulator_value": 0.1,
        "l1_regularization_strength": 0.0,
        "l2_regularization_strength": 0.0,
        "l2_shrinkage_regularization_strength": 0.0,
        "beta": 0.0,
    },
    "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
}


def settings(optimizer):
    """The optimizer of a graph with every default written out."""
    name = optimizer.get("name", "SGD")
    if name not in DEFAULTS:
        raise ValueError("the probe does not know the optimizer {!r}".format(name))
    complete = dict(DEFAULTS[name])
    complete.update({key: value for key, value in optimizer.items() if value is not None})
    return complete


def numbers(optimizer):
    """Every number of the optimizer by its path, ``optimizer/schedule/rate``."""
    found: dict = {}
    _numbers("optimizer", settings(optimizer), found)
    return found


def _numbers(path, value, found):
    if isinstance(value, dict):
        for key, item in value.items():
            _numbers("{}/{}".format(path, key), item, found)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _numbers("{}/{}".format(path, position), item, found)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found[path] = float(value)


class Optimizer:
    """The rule of one optimizer; ``numbers`` are tensors [replicas] by path."""

    def __init__(self, description, backend):
        self.settings = settings(description)
        self.backend = backend
        self.v1 = self.settings.get("form") == "v1"
        name = self.settings.get("name", "SGD")
        self.rule = _RULES["SGD" if name == "Momentum" else "Adam" if name == "AdamW" else name]
        self.name = name

    def slots(self):
        """What the slots begin with, by name."""
        own = self.settings
        if self.name in ("SGD", "Momentum"):
            return {"momentum": 0.0} if own.get("momentum") else {}
        if self.name in ("Adam", "AdamW"):
            return {"m": 0.0, "v": 0.0, **({"highest": 0.0} if own.get("amsgrad") else {})}
        if self.name == "RMSprop":
            slots = {"square": 1.0 if self.v1 else 0.0}
            if own.get("momentum"):
                slots["momentum"] = 0.0
            if own.get("centered"):
                slots["mean"] = 0.0
            return slots
        return {
            "Nadam": {"m": 0.0, "v": 0.0, "product": 1.0},
            "Adamax": {"m": 0.0, "u": 0.0},
            "Adagrad": {"sum": "initial_accumulator_value"},
            "Adadelta": {"square": 0.0, "change": 0.0},
            "Ftrl": {"sum": "initial_accumulator_value", "linear": 0.0},
            "Lion": {"m": 0.0},
        }[self.name]

    def apply(self, weights, gradient, slots, numbers, step, sizes):
        """New weights and slots, all [replicas, weights]; ``step`` counts from 0 and is a scalar tensor.

        ``sizes`` are those of the variables that lie side by side in a row.
        """
        backend = self.backend
        time = backend.cast(step, "float")
        rate = _column(backend, self._rate(numbers, time))
        gradient = self._clipped(gradient, numbers, sizes)

        def number(key):
            return _column(backend, numbers["optimizer/" + key])

        if self.settings.get("weight_decay"):
            weights = weights - weights * number("weight_decay") * rate
        return self.rule(self, weights, gradient, slots, number, rate, time)

    def _rate(self, numbers, time):
        """[replicas] of learning rates at a step."""
        backend = self.backend
        rate = numbers["optimizer/learning_rate"]
        schedule = self.settings.get("schedule")
        if not schedule:
            return rate

        def number(key):
            return numbers["optimizer/schedule/" + key]

        kind = schedule["kind"]
        if kind == "exponential":
            power = time / number("steps")
            return rate * backend.power(
                number("rate"), backend.unary("floor", power) if schedule.get("staircase") else power
            )
        if kind == "inverse-time":
            power = time / number("steps")
            return rate / (
                1.0 + number("rate") * (backend.unary("floor", power) if schedule.get("staircase") else power)
            )
        if kind == "cosine":
            share = backend.minimum(time / number("steps"), backend.array(1.0))
            alpha = number("alpha") if "alpha" in schedule else 0.0
            return rate * ((1.0 - alpha) * 0.5 * (1.0 + backend.unary("cos", math.pi * share)) + alpha)
        if kind == "polynomial":
            share = 1.0 - backend.minimum(time / number("steps"), backend.array(1.0))
            end = number("end") if "end" in schedule else 1e-4
            power = number("power") if "power" in schedule else backend.array(1.0)
            return (rate - end) * backend.power(share, power) + end
        if kind == "piecewise":
            result = number("values/{}".format(len(schedule["values"]) - 1))
            for position in range(len(schedule["boundaries"]) - 1, -1, -1):
                before = time <= number("boundaries/{}".format(position))
                result = backend.where(before, number("values/{}".format(position)), result)
            return result
        raise ValueError("the probe does not know the schedule {!r}".format(kind))

    def _clipped(self, gradient, numbers, sizes):
        backend = self.backend

        def limited(part, limit):
            """``part`` with rows of at most ``limit`` length."""
            length = backend.unary("sqrt", backend.reduce("sum", part * part, [1], True))
            return part * (limit / backend.maximum(length, limit))

        if self.settings.get("clipnorm"):
            limit = _column(backend, numbers["optimizer/clipnorm"])
            parts = backend.split(gradient, sizes, 1) if len(sizes) > 1 else [gradient]
            return backend.concat([limited(part, limit) for part in parts], 1)
        if self.settings.get("global_clipnorm"):
            return limited(gradient, _column(backend, numbers["optimizer/global_clipnorm"]))
        if self.settings.get("clipvalue"):
            limit = _column(backend, numbers["optimizer/clipvalue"])
            return backend.maximum(backend.minimum(gradient, limit), -limit)
        return gradient


def _column(backend, number):
    """[replicas, 1] of [replicas]."""
    return backend.reshape(number, (backend.shape(number)[0], 1))


def _sgd(self, v, g, slots, number, rate, time):
    if "momentum" not in slots:
        return v - rate * g, {}
    momentum = number("momentum")
    if self.v1:
        m = momentum * slots["momentum"] + g
        return v - rate * (g + momentum * m if self.settings.get("nesterov") else m), {"momentum": m}
    m = momentum * slots["momentum"] - rate * g
    return v + (momentum * m - rate * g if self.settings.get("nesterov") else m), {"momentum": m}


def _adam(self, v, g, slots, number, rate, time):
    backend = self.backend
    beta_1, beta_2 = number("beta_1"), number("beta_2")
    step = time + 1.0
    alpha = rate * backend.unary("sqrt", 1.0 - backend.power(beta_2, step)) / (1.0 - backend.power(beta_1, step))
    m = slots["m"] + (g - slots["m"]) * (1.0 - beta_1)
    square = slots["v"] + (g * g - slots["v"]) * (1.0 - beta_2)
    new = {"m": m, "v": square}
    if "highest" in slots:
        square = new["highest"] = backend.maximum(slots["highest"], square)
    return v - m * alpha / (backend.unary("sqrt", square) + number("epsilon")), new


def _nadam(self, v, g, slots, number, rate, time):
    backend = self.backend
    beta_1, beta_2 = number("beta_1"), number("beta_2")
    step = time + 1.0

    def u(at):
        return beta_1 * (1.0 - 0.5 * backend.power(backend.array(0.96), at))

    # Keras keeps one running product of u; here each weight has its own copy, which is the same number.
    product = slots["product"] * u(step)
    following = product * u(step + 1.0)
    m = slots["m"] + (g - slots["m"]) * (1.0 - beta_1)
    square = slots["v"] + (g * g - slots["v"]) * (1.0 - beta_2)
    m_hat = u(step + 1.0) * m / (1.0 - following) + (1.0 - u(step)) * g / (1.0 - product)
    v_hat = square / (1.0 - backend.power(beta_2, step))
    new = {"m": m, "v": square, "product": product}
    return v - m_hat * rate / (backend.unary("sqrt", v_hat) + number("epsilon")), new


def _adamax(self, v, g, slots, number, rate, time):
    backend = self.backend
    beta_1, beta_2 = number("beta_1"), number("beta_2")
    m = slots["m"] + (g - slots["m"]) * (1.0 - beta_1)
    u = backend.maximum(beta_2 * slots["u"], backend.unary("abs", g))
    change = rate * m / ((1.0 - backend.power(beta_1, time + 1.0)) * (u + number("epsilon")))
    return v - change, {"m": m, "u": u}


def _rmsprop(self, v, g, slots, number, rate, time):
    backend = self.backend
    rho = number("rho")
    square = rho * slots["square"] + (1.0 - rho) * g * g
    new = {"square": square}
    if "mean" in slots:
        new["mean"] = rho * slots["mean"] + (1.0 - rho) * g
        square = square - new["mean"] * new["mean"]
    change = rate * g * backend.unary("rsqrt", square + number("epsilon"))
    if "momentum" in slots:
        change = new["momentum"] = number("momentum") * slots["momentum"] + change
    return v - change, new


def _adagrad(self, v, g, slots, number, rate, time):
    total = slots["sum"] + g * g
    below = total if self.v1 else total + number("epsilon")
    return v - rate * g * self.backend.unary("rsqrt", below), {"sum": total}


def _adadelta(self, v, g, slots, number, rate, time):
    backend = self.backend
    rho, epsilon = number("rho"), number("epsilon")
    square = rho * slots["square"] + (1.0 - rho) * g * g
    change = backend.unary("sqrt", slots["change"] + epsilon) * g * backend.unary("rsqrt", square + epsilon)
    return v - rate * change, {"square": square, "change": rho * slots["change"] + (1.0 - rho) * change * change}


def _ftrl(self, v, g, slots, number, rate, time):
    backend = self.backend
    power = -number("learning_rate_power")
    l1 = number("l1_regularization_strength")
    l2 = number("l2_regularization_strength") + number("beta") / (2.0 * rate)
    total = slots["sum"] + g * g
    shrunk = g + 2.0 * number("l2_shrinkage_regularization_strength") * v
    new_power = backend.power(total, power)
    linear = slots["linear"] + shrunk - (new_power - backend.power(slots["sum"], power)) / rate * v
    clipped = backend.maximum(backend.minimum(linear, l1), -l1)
    return (clipped - linear) / (new_power / rate + 2.0 * l2), {"sum": total, "linear": linear}


def _lion(self, v, g, slots, number, rate, time):
    beta_1, beta_2 = number("beta_1"), number("beta_2")
    m = slots["m"]
    change = rate * self.backend.unary("sign", m * beta_1 + g * (1.0 - beta_1))
    return v - change, {"m": m * beta_2 + g * (1.0 - beta_2)}


_RULES = {
    "SGD": _sgd,
    "Adam": _adam,
    "Nadam": _nadam,
    "Adamax": _adamax,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": _adadelta,
    "Ftrl": _ftrl,
    "Lion": _lion,
}
