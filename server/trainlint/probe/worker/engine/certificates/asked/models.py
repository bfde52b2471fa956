"""What a small model of the installed Keras does when it is trained with the same mistake."""

import numpy as np

from .library import first_line, keras_of_programs, keras_version, tensorflow, tensorflow_version

ROWS = 16


def _head(certificate):
    """One step of a head, a loss and labels: what it raises, the loss, and that of the answers, by hand."""
    keras, _ = keras_of_programs()
    units, activation = int(certificate["units"]), certificate.get("activation") or "linear"
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, 3)).astype(np.float32)
    kernel = rng.standard_normal((3, units)).astype(np.float32)
    layer = keras.layers.Dense(units, activation=activation, use_bias=False)
    model = keras.Sequential([keras.Input((3,)), layer])
    layer.set_weights([kernel])
    y = _labels(certificate["labels"], rng)
    loss = certificate["loss"]
    if isinstance(loss, dict):
        loss = getattr(keras.losses, loss["class"])(**loss.get("arguments", {}))
    try:
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
        value = float(np.ravel(model.train_on_batch(x, y))[0])
    except Exception as error:  # each version and backend raises errors of its own
        return {"available": True, "error": first_line(error), "library": keras_version()}
    moved = float(np.abs(layer.get_weights()[0] - kernel).max())
    logits = (x @ kernel).astype(np.float64)
    of_one = None
    if certificate["labels"]["kind"] in ("beyond", "below"):
        of_one = float(np.ravel(model.evaluate(x[:1], y[:1], verbose=0))[0])
        if not np.isfinite(value):
            return {"available": True, "error": "", "loss": None, "library": keras_version()}
        return {"available": True, "error": "", "loss": value, "of_one": of_one, "library": keras_version()}
    return {
        "available": True, "error": "", "loss": value, "moved": moved,
        "of_answers": _by_hand(_answers(logits, activation), y, certificate["by_hand"]), "library": keras_version(),
    }  # fmt: skip


def _labels(given, rng):
    kind, width = given["kind"], int(given.get("width") or 2)
    ids = rng.integers(0, width, ROWS)
    if kind == "one-hot":
        return np.eye(width, dtype=np.float32)[ids]
    if kind in ("beyond", "below"):
        # One row's label is no class.
        ids[0] = width if kind == "beyond" else -1
        return ids.astype(np.int32)
    if kind == "column":
        return ids[:, None].astype(np.float32)
    return ids.astype(np.int32)


def _answers(logits, activation):
    if activation == "softmax":
        shifted = np.exp(logits - logits.max(-1, keepdims=True))
        return shifted / shifted.sum(-1, keepdims=True)
    return 1.0 / (1.0 + np.exp(-logits)) if activation == "sigmoid" else logits


def _by_hand(answers, y, kind):
    """The loss of what the model answers, by its definition; None where labels and answers do not fit."""
    p = np.clip(answers, 1e-7, 1 - 1e-7)
    units = p.shape[-1]
    ids = np.asarray(y)
    if kind == "binary":
        truth = ids if ids.ndim == 2 else np.eye(max(units, int(ids.max()) + 1))[ids.astype(int)][:, :units]
        if truth.shape != p.shape:
            return None
        return float(-(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean())
    classes = ids.argmax(-1) if ids.ndim == 2 and ids.shape[1] > 1 else np.ravel(ids).astype(int)
    if classes.max() >= units:
        return None
    return float(-np.log(p[np.arange(len(p)), classes]).mean())


def _toggled(certificate):
    """Which of two layers change in a training after the first one was frozen, or freed, without a new compile."""
    keras, _ = keras_of_programs()
    first, second = keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)
    value = bool(certificate["value"])
    first.trainable = not value
    model = keras.Sequential([keras.Input((3,)), first, second])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 3)).astype(np.float32), rng.standard_normal((8, 1)).astype(np.float32)
    if certificate.get("fitted"):
        model.fit(x, y, epochs=1, verbose=0)
    first.trainable = value
    before = first.get_weights()[0]
    try:
        model.fit(x, y, epochs=1, verbose=0)
    except Exception as error:  # some backends count the weights
        return {"available": True, "error": first_line(error), "library": keras_version()}
    moved = float(np.abs(first.get_weights()[0] - before).max())
    honoured = (moved > 0) == value
    return {"available": True, "error": "", "moved": moved, "honoured": honoured, "library": keras_version()}


def _logged(certificate):
    """The names that one epoch of training logs."""
    keras, _ = keras_of_programs()
    classes = certificate.get("classes") or 1
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(classes)])
    metrics = [getattr(keras.metrics, m["class"])() if isinstance(m, dict) else m for m in certificate["metrics"]]
    model.compile(optimizer="sgd", loss="mse", metrics=metrics, run_eagerly=True)
    x, y = np.zeros((4, 3), np.float32), np.zeros((4, classes), np.float32)
    more = {"validation_data": (x, y)} if certificate.get("validation") else {}
    history = model.fit(x, y, epochs=1, batch_size=4, verbose=0, **more)
    return {"available": True, "names": sorted(history.history), "library": keras_version()}


def _made_in_call(certificate):
    """What a model that makes a layer or variable in its `call` answers twice, keeps, and does in `fit`."""
    keras, _ = keras_of_programs()
    name = certificate.get("layer")
    if name is None:
        tensorflow()

    class Made(keras.Model):  # type: ignore[name-defined]
        def call(self, x):
            if name is None:
                tf = tensorflow()
                return x * tf.Variable(tf.random.normal([3]))
            layer = getattr(keras.layers, name)
            return (layer(3) if name == "Dense" else layer(**(certificate.get("arguments") or {})))(x)

    x = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    if certificate.get("shape"):
        x = np.random.default_rng(0).standard_normal([8] + list(certificate["shape"])).astype(np.float32)
    model = Made()
    try:
        first, second = [np.asarray(model(x)) for _ in range(2)]
    except Exception as error:  # some versions refuse it at once
        return {"available": True, "error": first_line(error), "library": keras_version()}
    reading = {
        "available": True, "error": "", "kept": len(model.trainable_weights),
        "same": bool(np.array_equal(first, second)), "library": keras_version(),
    }  # fmt: skip
    try:
        model.compile(optimizer="sgd", loss="mse")
        model.fit(x, np.zeros(first.shape, np.float32), epochs=1, verbose=0)
    except Exception as error:  # the same
        reading["fit"] = first_line(error)
    return reading


def _pairs(certificate):
    """What an optimizer does with pairs of a variable and its gradient, in this order."""
    tf = tensorflow()
    variable = tf.Variable([1.0, 2.0])
    gradient = tf.constant([0.5, 0.5])
    try:
        if certificate.get("form") == "v1":
            optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
        else:
            optimizer = tf.keras.optimizers.SGD(0.1)
        optimizer.apply_gradients([(variable, gradient)])
    except Exception as error:  # each version raises errors of its own
        return {"available": True, "error": first_line(error), "library": tensorflow_version()}
    moved = float(np.abs(variable.numpy() - np.array([1.0, 2.0])).max())
    right = bool(np.allclose(variable.numpy(), [0.95, 1.95]))
    return {"available": True, "error": "", "moved": moved, "right": right, "library": tensorflow_version()}


def _unflagged(certificate):
    """What dropout or batch normalization does in a model that is called without `training`."""
    keras, _ = keras_of_programs()
    name = certificate["layer"]
    layer = keras.layers.Dropout(0.5) if name == "Dropout" else keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((50,)), layer])
    x = np.random.default_rng(0).standard_normal((20, 50)).astype(np.float32) + 3.0
    before = [np.asarray(weight) for weight in layer.get_weights()]
    answers = np.asarray(model(x))
    moved = any(not np.array_equal(one, other) for one, other in zip(before, layer.get_weights()))
    share = float((answers == 0).mean())
    return {"available": True, "zero_share": share, "moved": bool(moved), "library": keras_version()}


CHECKS = {
    "unflagged": _unflagged,
    "head": _head,
    "toggled": _toggled,
    "logged": _logged,
    "made-in-call": _made_in_call,
    "pairs": _pairs,
}
