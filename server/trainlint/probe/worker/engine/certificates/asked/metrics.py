"""What installed metrics report, beside the same number counted by hand."""

import numpy as np

from .library import first_line, keras_of_programs, keras_version, tensorflow

ROWS = 400


def _counted(certificate):
    """The number that a metric reports for made-up answers that are mostly right, and the count by hand."""
    keras, _ = keras_of_programs()
    units, gives = int(certificate.get("units") or 1), certificate["gives"]
    rng = np.random.default_rng(0)
    ids = rng.integers(0, max(units, 2), ROWS)
    logits = rng.standard_normal((ROWS, units)) * 1.5
    if units == 1:
        logits[:, 0] += np.where(ids == 1, 1.0, -1.0)
        probabilities = 1 / (1 + np.exp(-logits))
        truth = ids[:, None].astype(np.float32)
    else:
        logits[np.arange(ROWS), ids] += 2.0
        probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        truth = np.eye(units, dtype=np.float32)[ids]
    labels = ids.astype(np.int32) if certificate.get("labels") == "class-ids" and units > 1 else truth
    answers = (logits if gives == "scores" else probabilities).astype(np.float32)
    reading = {"available": True, "error": "", "library": keras_version(), "rows": ROWS}
    if certificate.get("form") == "v1":
        tensorflow()
    try:
        reading["reported"] = _reported(keras, certificate, labels, answers)
    except Exception as error:  # each version raises errors of its own
        reading.update(error=first_line(error), reported=None)
    reading["by_hand"], reading["what"] = _by_hand(certificate["metric"], units, ids, probabilities)
    return reading


def _reported(keras, certificate, labels, answers):
    if certificate.get("form") == "v1":
        v1 = tensorflow().compat.v1
        with tensorflow().Graph().as_default():
            value, update = v1.metrics.accuracy(labels=labels, predictions=answers)
            with v1.Session() as session:
                session.run(v1.local_variables_initializer())
                session.run(update)
                return float(session.run(value))
    metric = getattr(keras.metrics, certificate["class"])(**(certificate.get("arguments") or {}))
    metric.update_state(labels, answers)
    return float(np.mean(np.asarray(metric.result())))


def _by_hand(metric, units, ids, probabilities):
    """The number that the metric is meant to be, and its name."""
    chosen = (probabilities[:, 0] > 0.5).astype(int) if units == 1 else probabilities.argmax(-1)
    if metric == "AUC":
        above = probabilities[ids == 1, 0][:, None] > probabilities[ids == 0, 0][None, :]
        return float(above.mean()), "the area"
    if metric == "MeanIoU":
        shares = []
        for one in range(max(units, 2)):
            both = ((chosen == one) & (ids == one)).sum()
            shares.append(both / max(((chosen == one) | (ids == one)).sum(), 1))
        return float(np.mean(shares)), "the overlap"
    if metric == "Precision":
        return float(ids[chosen == 1].mean()) if units == 1 else float((chosen == ids).mean()), "the precision"
    if metric == "Recall":
        return float(chosen[ids == 1].mean()) if units == 1 else float((chosen == ids).mean()), "the recall"
    return float((chosen == ids).mean()), "the accuracy"


def _of_exact_numbers(certificate):
    """The accuracy that a compiled regression reports for answers that are all right."""
    keras, _ = keras_of_programs()
    layer = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.set_weights([np.array([[2.0]], np.float32)])
    model.compile(optimizer="sgd", loss="mse", metrics=[certificate.get("metric") or "accuracy"], run_eagerly=True)
    x = np.linspace(1, 9, 64, dtype=np.float32)[:, None]
    near = 2 * x + 0.001
    exact, close = [model.evaluate(x, y, batch_size=64, verbose=0)[1] for y in (2 * x, near)]
    return {"available": True, "exact": float(exact), "close": float(close), "library": keras_version()}


CHECKS = {"counted": _counted, "of-exact-numbers": _of_exact_numbers}
