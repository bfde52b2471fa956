"""Trainings: what is measured, what arms share, and that replicas do not touch each other."""

import engine
import numpy as np
from engine.errors import Cancelled
from networks import Network, experiment, mlp, multi_label, recurrent_net


def run(given, backend=None):
    return engine.run(given, lambda event: None, lambda: False, backend)


def arm(measured, name="as written", task="teacher"):
    return next(one for one in measured["arms"] if one["name"] == name and one["task"] == task)


def last(item, key="skill"):
    """Mean over seeds at the last checkpoint."""
    return float(np.mean([row[-1] for row in item[key]]))


def short(graph, patches=None, **given):
    return experiment(graph, patches, **dict({"steps": 30, "checkpoints": [10, 30], "seeds": [0, 1]}, **given))


def initials(graph, initial):
    """A patch that gives all kernels another distribution."""
    gone = {"low": None, "high": None}
    names = [n for n, node in graph["nodes"].items() if node["op"] == "variable" and len(node["shape"]) > 1]
    return {"nodes": {name: {"initial": dict(gone, **initial)} for name in names}}


def check_measurements_are_complete():
    """
    Every key of the format, of the right lengths.
    """
    measured = run(short(mlp(), tasks=["teacher", "prototypes"]))

    assert {"as written": 20 * 64 + 64 + 64 * 64 + 64 + 64 * 5 + 5} == measured["parameters"]
    assert [("as written", "teacher"), ("as written", "prototypes")] == [
        (one["name"], one["task"]) for one in measured["arms"]
    ]
    for one in measured["arms"]:
        assert one["error"] is None and [10, 30] == one["checkpoints"]
        for key in ("skill", "loss", "accuracy", "spread"):
            assert (2, 2) == np.array(one[key], float).shape, key
        assert (2, 30) == np.array(one["curve"]).shape and list(range(1, 31)) == one["curve_steps"]
        assert 6 == len(one["gradients"]) and all(len(pair) == 2 for pair in one["gradients"].values())
        assert {"rms", "zeros", "saturated", "dead"} == set(one["activations"]["activation-1"][0])
        assert [True, True] == one["finite"] and all(0.001 < ratio < 1 for ratio in one["update_ratio"])


def check_same_seeds_give_the_same_numbers():
    """
    A second run repeats the first; other seeds do not.
    """
    first, second = arm(run(short(mlp()))), arm(run(short(mlp())))
    other = arm(run(short(mlp(), seeds=[5, 6])))

    assert first == second
    assert first["skill"] != other["skill"]


def check_replicas_are_single_runs():
    """
    What a seed does does not depend on the seeds and arms beside it, dropout and batch normalization included.
    """
    n = Network()
    h = n.dense(n.features(20), 20, 16, "relu")
    one = {"distribution": "constant", "value": 1.0}
    h = n.add("normalization", h, n.variable(16, initial=one), n.variable(16), form="batch", active="training")
    h = n.add("dropout", h, rate=0.3, scaled=True, active="training")
    optimizer = {"name": "SGD", "learning_rate": 0.1, "global_clipnorm": 0.5, "form": "keras"}
    graph = n.classifier(n.dense(h, 16, 3), 3, optimizer)
    together = run(short(graph, {"faster": {"optimizer": {"learning_rate": 0.3}}}, seeds=[0, 1, 2]))
    alone = arm(run(short(graph, seeds=[1])))

    assert np.allclose(arm(together)["loss"][1], alone["loss"][0], atol=1e-4)
    assert np.allclose(arm(together)["curve"][1], alone["curve"][0], atol=1e-4)
    assert arm(together, "faster")["loss"] != arm(together)["loss"]


def check_arms_see_the_same_data_and_noise():
    """
    Equal arms have equal curves, also where their structure keeps them apart.
    """
    graph = mlp(kind="interval", low=0.0, high=1.0)
    same = {"nodes": {"again": {"op": "identity", "inputs": ["x"]}, "matmul-1": {"inputs": ["again", "variable-1"]}}}
    scaled = {"sources": {"x": {"values": {"high": 255.0}}}}
    repaired = dict(scaled)
    repaired["nodes"] = {
        "less": {"op": "multiply", "inputs": ["x", 1 / 255]},
        "matmul-1": {"inputs": ["less", "variable-1"]},
    }
    measured = run(short(graph, {"same": same, "raw": scaled, "raw and scaled": repaired}))

    assert np.allclose(arm(measured)["curve"], arm(measured, "same")["curve"], atol=1e-4)
    assert np.allclose(arm(measured)["curve"], arm(measured, "raw and scaled")["curve"], atol=1e-3)
    assert arm(measured, "raw")["curve"][0][0] > 3 * arm(measured)["curve"][0][0]


def check_later_checkpoints_continue_earlier_ones():
    """
    The first checkpoints of a longer run are those of a shorter one.
    """
    shorter = arm(run(short(mlp())))
    longer = arm(run(short(mlp(), steps=60, checkpoints=[10, 30, 60])))

    assert np.allclose(shorter["skill"], np.array(longer["skill"])[:, :2], atol=1e-4)


def check_an_arm_that_cannot_be_computed_says_why():
    """
    The others go on; the node, its operation and its line are named.
    """
    patches = {
        "wrong shape": {"nodes": {"variable-3": {"shape": [7, 64]}, "matmul-2": {"line": 12}}},
        "unknown": {"nodes": {"matmul-2": {"op": "convolve"}}},
    }
    measured = run(short(mlp(), patches))

    assert arm(measured)["error"] is None
    text = arm(measured, "wrong shape")["error"]
    assert "matmul-2" in text and "line 12" in text and "[128, 64], [7, 64]" in text, text
    assert "convolve" in arm(measured, "unknown")["error"]


def check_cancellation_and_progress():
    """
    Progress is told between segments; after a cancellation nothing more happens.
    """
    events = []
    engine.run(short(mlp()), events.append, lambda: False)
    assert {"kind": "progress", "arm": "as written", "task": "teacher", "done": 30, "of": 30} == events[-1]
    assert len(events) >= 3
    try:
        engine.run(short(mlp()), lambda event: None, lambda: True)
    except Cancelled:
        return
    raise AssertionError("not cancelled")


def check_other_versions_are_refused():
    """
    An experiment of another version is not guessed at.
    """
    text = ""
    try:
        run(short(mlp(), version=2))
    except ValueError as error:
        text = str(error)

    assert "version 1" in text


def check_diverging_arms_have_nulls():
    """
    What is not finite is null in JSON, skill is at its floor, and the arm beside it is untouched.
    """
    import json

    sgd = {"optimizer": {"name": "SGD", "learning_rate": 1e6, "form": "keras"}}
    measured = run(short(mlp(), {"diverges": sgd}))
    broken = arm(measured, "diverges")

    json.dumps(measured, allow_nan=False)
    assert False in broken["finite"] and -3.0 == min(row[-1] for row in broken["skill"])
    assert [True, True] == arm(measured)["finite"]


# Rows of the battery whose direction is robust.


def check_large_initial_values_hurt():
    """
    A standard deviation of 1 in all kernels destroys the skill of a healthy classifier.
    """
    graph = mlp()
    measured = run(experiment(graph, {"large": initials(graph, {"distribution": "normal", "stddev": 1.0})}, steps=100,
                              checkpoints=[25, 100]))  # fmt: skip

    assert last(arm(measured)) > 0.4
    assert last(arm(measured, "large")) < -1.0
    assert np.mean(arm(measured, "large")["curve"], 0)[0] > 10 * np.mean(arm(measured)["curve"], 0)[0]


def check_zero_initial_values_teach_nothing():
    """
    Symmetric weights stay where they are.
    """
    graph = mlp()
    zero = initials(graph, {"distribution": "constant", "value": 0.0})
    measured = run(experiment(graph, {"zero": zero}, steps=100, checkpoints=[100]))

    assert last(arm(measured, "zero")) < 0.1 < last(arm(measured))


def check_rates_hurt_in_both_directions():
    """
    Adam at 1e-6 stands still and at 1.0 runs wild; SGD at 10 too.
    """
    patches = {
        "tiny": {"optimizer": {"learning_rate": 1e-6}},
        "huge": {"optimizer": {"learning_rate": 1.0}},
        "sgd": {"optimizer": {"name": "SGD", "learning_rate": 10.0}},
    }
    measured = run(experiment(mlp(), patches, steps=100, checkpoints=[100]))

    assert all(last(arm(measured, name)) < 0.1 for name in patches)
    assert max(arm(measured, "tiny")["update_ratio"]) < 3e-3
    assert min(arm(measured, "huge")["update_ratio"]) > 1.0


def check_a_broadcast_loss_teaches_the_mean():
    """
    [N] against [N, 1] in a squared error: no skill, a constant answer.
    """
    n = Network()
    p = n.add("activation", n.dense(n.dense(n.features(20), 20, 64, "relu"), 64, 1), function="sigmoid")
    labels = n.labels("zero-one")
    loss = n.add("reduce", n.add("squared-difference", labels, p), how="mean")
    graph = n.graph(loss, p, "sigmoid-probabilities", kind="binary")
    repaired = {"sources": {"y": {"shape": ["N", 1]}}}
    measured = run(experiment(graph, {"repaired": repaired}, steps=100, checkpoints=[50, 100]))

    assert last(arm(measured)) < 0.05 and last(arm(measured, "repaired")) > 0.3
    assert last(arm(measured), "spread") < 0.3 * last(arm(measured, "repaired"), "spread")


def check_a_missing_softmax_hurts():
    """
    Linear outputs in a loss of probabilities.
    """
    n = Network()
    logits = n.dense(n.dense(n.features(20), 20, 64, "relu"), 64, 5)
    loss = n.add("loss", n.labels("class-ids", dtype="int32"), logits, function="sparse-softmax-cross-entropy",
                 from_logits=False)  # fmt: skip
    graph = n.graph(loss, logits, "probabilities", kind="single-label", classes=5)
    repaired = {"nodes": {loss: {"from_logits": True}}, "head": "softmax-logits"}
    measured = run(experiment(graph, {"repaired": repaired}, steps=100, checkpoints=[50, 100]))

    assert last(arm(measured)) < 0.0 < 0.3 < last(arm(measured, "repaired"))


def check_unscaled_inputs_hurt():
    """
    Bytes as they are, in the middle of 0 to 255.
    """
    graph = mlp((20, 64, 64, 5), kind="interval", low=0.0, high=255.0)
    repaired = {"sources": {"x": {"values": {"high": 1.0}}}}
    measured = run(experiment(graph, {"repaired": repaired}, steps=100, checkpoints=[50, 100]))

    assert last(arm(measured)) < last(arm(measured, "repaired")) - 0.3
    assert np.mean(arm(measured)["curve"], 0)[0] > 10.0


def check_a_placebo_changes_nothing():
    """
    Another initialiser of the same size is as good.
    """
    graph = mlp()
    normal = initials(graph, {"distribution": "truncated", "stddev": 0.14, "low": None})
    measured = run(experiment(graph, {"placebo": normal}))

    assert abs(last(arm(measured)) - last(arm(measured, "placebo"))) < 0.1


def check_other_kinds_of_networks():
    """
    Recurrent and multi-label networks learn, and a tiny rate keeps them from it.
    """
    for graph in (recurrent_net("gru"), multi_label()):
        tiny = {"optimizer": {"learning_rate": 1e-6}}
        measured = run(experiment(graph, {"tiny": tiny}, seeds=[0, 1], steps=150, checkpoints=[150]))

        assert last(arm(measured, "tiny")) < 0.05 < 0.25 < last(arm(measured))
