"""Certificates read planted faults, and their repairs, as what they are."""

import engine
import numpy as np
from computed import BACKEND
from networks import Network, experiment, mlp


def readings(graph, *checks, patches=None):
    """The readings of checks, without any training."""
    given = [dict({"id": str(i), "arm": "as written"}, **check) for i, check in enumerate(checks)]
    whole = experiment(graph, patches, certificates=given, steps=0, tasks=[], seeds=[0, 1])
    measured = engine.run(whole, lambda event: None, lambda: False)

    assert [one["id"] for one in given] == [one["id"] for one in measured["certificates"]]
    assert [] == measured["arms"]
    return [one["reading"] for one in measured["certificates"]]


def reading(graph, check, **given):
    return readings(graph, dict({"check": check}, **given))[0]


def dropped(**attributes):
    """A classifier with a stretch that drops units, named ``"drop"``."""
    n = Network()
    h = n.dense(n.features(20), 20, 30, "relu")
    h = n.add("dropout", h, name="drop", rate=0.3, **dict({"scaled": True, "active": "training"}, **attributes))
    return n.classifier(n.dense(h, 30, 5), 5)


def check_shape():
    """
    A vector of labels against a column of answers makes a square.
    """
    n = Network()
    p = n.dense(n.features(20), 20, 1)
    n.add("squared-difference", n.labels("values"), p, name="difference")
    loss = n.add("reduce", "difference", how="mean")
    found = reading(n.graph(loss, p, "values", kind="regression"), "shape", node="difference")

    assert {"shape": [found["rows"]] * 2, "rows": found["rows"]} == found


def check_loss_at_start():
    """
    A healthy start is near the best constant answer, large weights are far off.
    """
    large = {"distribution": "normal", "stddev": 1.0}
    healthy, broken = reading(mlp(), "loss-at-start"), reading(mlp(initial=large), "loss-at-start")

    assert all(abs(loss - np.log(5)) < 0.05 for loss in healthy["constant"])
    assert 1.0 < healthy["ratio"] < 1.6 and broken["ratio"] > 5.0


def check_gradients():
    """
    Weights that all start at zero get no gradient but for the last bias.
    """
    zero = {"distribution": "constant", "value": 0.0}
    found = reading(mlp(initial=zero), "gradients")["gradients"]
    healthy = reading(mlp(), "gradients")

    assert all(found[name] == [0.0, 0.0] for name in found if name != "variable-6")
    assert min(found["variable-6"]) > 0
    assert all(min(values) > 0 for values in healthy["gradients"].values())
    assert min(healthy["weights"]["variable-1"]) > 1.0


def check_zero_gradient_rows():
    """
    Clipping takes the gradient of rows away when logits go into a loss of probabilities.
    """
    n = Network()
    logits = n.dense(n.features(20), 20, 5)
    loss = n.add("loss", n.labels("class-ids", dtype="int32"), logits, function="sparse-softmax-cross-entropy")
    broken = n.graph(loss, logits, "probabilities", kind="single-label", classes=5)
    check = {"check": "zero-gradient-rows", "node": logits, "noise": True}

    assert readings(broken, check)[0]["share"] > 0.2
    assert 0.0 == readings(mlp((20, 5)), dict(check, node="add-1"))[0]["share"]
    assert "error" in reading(mlp(), "zero-gradient-rows", node="y")


def check_repeatable():
    """
    Dropout changes between passes in training alone, unless it is always or never active.
    """
    for active, training, evaluation in (("training", False, True), ("always", False, False), ("never", True, True)):
        found = readings(
            dropped(active=active),
            {"check": "repeatable", "node": "add-2", "mode": "training"},
            {"check": "repeatable", "node": "add-2", "mode": "evaluation"},
        )
        assert [{"equal": training}, {"equal": evaluation}] == found


def check_kept_scale():
    """
    Shares, scales and patterns of masks, of layers and written by hand.
    """
    kinds = ({}, {"noise_shape": [1, None]}, {"scaled": False})
    plain, shared, unscaled = (reading(dropped(**given), "kept-scale", node="drop") for given in kinds)
    assert abs(plain["ratio"] - 1 / 0.7) < 0.01 and abs(plain["zero_share"] - 0.3) < 0.05
    assert plain["same_zeros"] is False and shared["same_zeros"] is True
    assert 1.0 == unscaled["ratio"]
    n = Network()
    h = n.dense(n.features(20), 20, 30, "relu")
    noise = n.add("random", shape=[1, 30], initial={"distribution": "uniform", "low": 0.0, "high": 1.0})
    mask = n.add("cast", n.add("compare", noise, 0.5, operator="<"), dtype="float32")
    h = n.add("multiply", mask, h, name="masked")
    found = reading(n.classifier(n.dense(h, 30, 5), 5), "kept-scale", node="masked")
    assert found["same_zeros"] is True and 1.0 == found["ratio"] and 0.2 < found["zero_share"] < 0.8


def check_train_evaluation_ratio():
    """
    Dropout keeps the mean, unless it is not scaled.
    """
    assert abs(reading(dropped(), "train-evaluation-ratio", node="drop")["ratio"] - 1.0) < 0.05
    assert abs(reading(dropped(scaled=False), "train-evaluation-ratio", node="drop")["ratio"] - 0.7) < 0.05


def check_rows_that_sum_to_one():
    """
    Softmax outputs do, logits do not.
    """
    n = Network()
    logits = n.dense(n.features(20), 20, 5)
    n.add("activation", logits, function="softmax", name="p")
    graph = n.classifier("p", 5)
    found = readings(graph, {"check": "rows-sum-to-one", "node": "p"}, {"check": "rows-sum-to-one", "node": logits})

    assert {"in_unit_interval": True, "sums_to_one": True} == found[0]
    assert False is found[1]["in_unit_interval"]


def check_ranges():
    """
    A logarithm of a softmax breaks for large logits; its fused form does not.
    """
    n = Network()
    p = n.add("activation", n.dense(n.features(20), 20, 5), function="softmax")
    hot = n.labels("one-hot", 5)
    n.add("multiply", hot, n.add("log", p), name="by hand")
    loss = n.add("negative", n.add("reduce", "by hand", how="mean"))
    graph = n.graph(loss, p, "probabilities", kind="single-label", classes=5)
    usual, large = readings(
        graph, {"check": "range", "node": "by hand"}, {"check": "range", "node": "by hand", "scale": 200.0}
    )
    fused = reading(mlp(), "range", node="loss-1", scale=200.0)

    assert 0.0 == usual["not_finite"] == fused["not_finite"] and large["not_finite"] > 0
    assert -10 < usual["low"] < usual["high"] <= 0


def check_distinct_values():
    """
    A softmax over one unit is always 1.
    """
    n = Network()
    p = n.add("activation", n.dense(n.features(20), 20, 1), function="softmax")
    loss = n.add("loss", n.labels("zero-one", 1), p, function="squared-error")
    graph = n.graph(loss, p, "sigmoid-probabilities", kind="binary")

    assert {"count": 1} == reading(graph, "distinct-values", node=p)
    assert reading(mlp(), "distinct-values", node="add-3")["count"] > 100


def check_moving_averages():
    """
    They move where they are updated.
    """
    for updates in (True, False):
        n = Network()
        h = n.add("normalization", n.dense(n.features(20), 20, 8), None, "none", name="bn", form="batch",
                  active="training", updates=updates)  # fmt: skip
        found = reading(n.classifier(n.dense(h, 8, 5), 5), "moving-averages", node="bn")
        assert updates == (found["change"] > 0)


def check_moves_and_activations():
    """
    How far weights come in 25 steps, and what activations look like before and after.
    """
    tiny = mlp(optimizer={"name": "Adam", "learning_rate": 1e-6})
    moved, still = reading(mlp(), "moves")["change"], reading(tiny, "moves")["change"]
    assert min(moved["variable-1"]) > 0.01 > 1e-3 > max(still["variable-1"])
    found = reading(mlp(activation="sigmoid", initial={"distribution": "normal", "stddev": 5.0}), "activations")
    assert found["start"]["activation-1"]["saturated"] > 0.5
    assert {"rms", "zeros", "saturated", "dead"} == set(found["end"]["activation-2"])


def check_the_installed_framework_is_asked():
    """
    Ties in ``in_top_k``, arguments of optimizers, what happens to a doubled softmax.
    """
    ties, rate, refused, rescued = readings(
        mlp(),
        {"check": "metric-on-ties", "metric": "in_top_k", "k": 1, "classes": 7},
        {"check": "optimizer-rate", "name": "Adam", "arguments": {"learning_rate": 0.25}},
        {"check": "optimizer-rate", "name": "Adam", "arguments": {"nonsense": 0.25}},
        {"check": "rescued", "function": "softmax-cross-entropy", "activation": "softmax", "mode": "graph"},
    )
    assert 0.25 == rate["learning_rate"] and refused["learning_rate"] is None and refused["error"]
    assert rescued["available"] and rescued["rescued"] is (BACKEND.name == "tensorflow")
    if BACKEND.name == "tensorflow":
        assert 1.0 == ties["value"]
    else:
        assert False is ties["available"]


def check_what_cannot_be_read_says_why():
    """
    Unknown checks, nodes and arms are errors of one reading.
    """
    broken = {"broken": {"nodes": {"matmul-1": {"op": "convolve"}}}}
    unknown, missing, failed, fine = readings(
        mlp(),
        {"check": "nonsense"},
        {"check": "shape", "node": "nowhere"},
        {"check": "gradients", "arm": "broken"},
        {"check": "shape", "node": "add-1"},
        patches=broken,
    )

    assert "nonsense" in unknown["error"] and "nowhere" in missing["error"] and "convolve" in failed["error"]
    assert [fine["rows"], 64] == fine["shape"]
