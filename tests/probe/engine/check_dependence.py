"""Certificates on what depends on what read a planted mistake, and the network without it, as what they are."""

from check_certificates import reading, readings
from networks import Network, mlp


def two_layers(between=None):
    """A network of two dense layers, named ``"first"`` and ``"second"``, with an activation between them or none."""
    n = Network()
    x = n.features(20)
    h = n.dense(x, 20, 30)
    h = n.add("activation", h, function=between) if between else h
    return n, x, n.dense(h, 30, 5)


def check_affine():
    """
    Two layers without an activation are one linear layer, with a relu they are not.
    """
    for between, expected in ((None, True), ("relu", False)):
        n, x, second = two_layers(between)
        found = reading(n.classifier(second, 5), "affine", input=x, node=second)
        assert expected is found["affine"]
    assert "error" in reading(mlp(), "affine", input="loss-1", node="matmul-1")


def check_equal():
    """
    The mean of one number is that number, the sum of a batch is not its mean.
    """
    n, _, scores = two_layers()
    labels = n.labels("class-ids", dtype="int32")
    rows = n.add("loss", labels, scores, function="sparse-softmax-cross-entropy", from_logits=True, reduction="none")
    mean, total = n.add("reduce", rows, how="mean"), n.add("reduce", rows, how="sum")
    again = n.add("reduce", mean, how="mean")
    graph = n.graph(again, scores, "softmax-logits", kind="single-label", classes=5)
    same, other, shapes = readings(
        graph,
        {"check": "equal", "nodes": [mean, again]},
        {"check": "equal", "nodes": [mean, total]},
        {"check": "equal", "nodes": [mean, rows]},
    )
    assert same["equal"] is True and other["equal"] is False and shapes["equal"] is False


def check_unaffected():
    """
    Batch normalization takes a bias away with the mean; without it the bias counts.
    """
    for normalized in (True, False):
        n = Network()
        bias = n.variable(8, name="bias")
        h = n.add("add", n.add("matmul", n.features(20), n.variable(20, 8)), bias)
        if normalized:
            h = n.add("normalization", h, None, "none", form="batch", active="training", updates=True)
        graph = n.classifier(n.dense(h, 8, 5), 5)
        found = reading(graph, "unaffected", variable="bias", node=h)
        assert normalized is found["equal"] and found["depends"] is True


def check_rows_apart():
    """
    A softmax over the batch mixes the rows, one over the classes does not.
    """
    for axis, expected in ((-1, True), (0, False)):
        n, _, scores = two_layers()
        p = n.add("activation", scores, function="softmax", axis=axis)
        graph = n.classifier(scores, 5)
        assert expected is reading(graph, "rows-apart", node=p)["apart"]


def check_units_alike():
    """
    Units that start equal get equal gradients; units that are drawn do not.
    """
    constant = {"distribution": "constant", "value": 0.1}
    alike, drawn = reading(mlp(initial=constant), "units-alike"), reading(mlp(), "units-alike")
    assert alike["alike"] and not alike["still"]
    assert [] == drawn["alike"] and drawn["kernels"]
    zero = reading(mlp(initial={"distribution": "constant", "value": 0.0}), "units-alike")
    assert len(zero["still"]) > 3


def check_right_answers():
    """
    Right answers cost less than wrong ones, and more where the sign of the loss is flipped.
    """
    for flipped in (False, True):
        n, _, scores = two_layers()
        labels = n.labels("class-ids", dtype="int32")
        loss = n.add("loss", labels, scores, function="sparse-softmax-cross-entropy", from_logits=True)
        loss = n.add("negative", loss) if flipped else loss
        graph = n.graph(loss, scores, "softmax-logits", kind="single-label", classes=5)
        found = reading(graph, "right-answers")
        assert all(flipped is (right > wrong) for right, wrong in zip(found["right"], found["wrong"]))


def check_right_answers_of_every_kind():
    """
    Labels of 0 and 1 and numbers are put in as they are fed.
    """
    for encoding, function, head, kind in (
        ("zero-one", "sigmoid-cross-entropy", "sigmoid-logits", "binary"),
        ("values", "squared-error", "values", "regression"),
    ):
        n = Network()
        answer = n.dense(n.features(20), 20, 1)
        loss = n.add("loss", n.labels(encoding, 1), answer, function=function, from_logits=True)
        found = reading(n.graph(loss, answer, head, kind=kind), "right-answers")
        assert all(right < wrong for right, wrong in zip(found["right"], found["wrong"]))


def check_penalties():
    """
    A penalty of large factor is more than what guessing costs, a usual one is not.
    """
    for factor, expected in ((10.0, True), (1e-4, False)):
        n = Network()
        x = n.features(20)
        kernel = n.variable(20, 5, name="kernel")
        scores = n.add("matmul", x, kernel)
        penalty = n.add("l1-l2", kernel, l1=0.0, l2=factor)
        graph = n.classifier(scores, 5)
        graph["penalties"] = [penalty]
        found = reading(graph, "penalties", nodes=[penalty])
        assert all(expected is (p > c) for p, c in zip(found["penalty"], found["constant"]))
        assert all(abs(c - 1.609) < 0.1 for c in found["constant"])


def check_thresholds_and_shares():
    """
    Scores between 0 and a half are taken for the other class; nothing is above 1 behind a sigmoid.
    """
    n, _, scores = two_layers()
    p = n.add("activation", scores, function="sigmoid")
    graph = n.classifier(scores, 5)
    wrong, right, outside, inside = readings(
        graph,
        {"check": "thresholds", "node": scores, "threshold": 0.5, "meant": 0.0, "noise": True},
        {"check": "thresholds", "node": scores, "threshold": 0.0, "meant": 0.0, "noise": True},
        {"check": "share-outside", "node": scores, "low": 0.0, "high": None},
        {"check": "share-outside", "node": p, "low": 0.0, "high": 1.0},
    )
    assert 0.03 < wrong["share"] < 0.12 and 0.0 == right["share"]
    assert outside["share"] > 0.2 and 0.0 == inside["share"]
