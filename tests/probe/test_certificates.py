"""Certificates: which rules have one, what they ask, and what readings decide; the readings are made up."""

from __future__ import annotations

from textwrap import dedent

import pytest

from rules.bench import Case, Fresh
from trainlint.config import Config
from trainlint.probe.certificates import MAKERS, REASONS, Decision, alone, decided
from trainlint.probe.plan import Plan, Unplanned, plans
from trainlint.rules.base import Invalid
from trainlint.rules.registry import all_rules

RULES = {rule.name: rule for rule in all_rules()}

TF = {"library": "TensorFlow 2.21", "available": True}
KERAS = {"library": "Keras 3.15", "available": True}

STOPS = ({**TF, "error": "ValueError: no"}, {**TF, "error": ""})

MOVES = ({"change": {"w": [0.5, 0.4]}}, {"change": {"w": [0.0, 0.0]}})

PAIRS: dict[str, tuple[object, object]] = {
    # rule: a reading with the mistake, and one without; a list where there are several checks
    "silent-loss-broadcast": ({"shape": [61, 61], "rows": 61}, {"shape": [61], "rows": 61}),
    "single-unit-softmax": ({"count": 1}, {"count": 80}),
    "argmax-single-output": ({"count": 1}, {"count": 2}),
    "missing-nonlinearity": ({"affine": True, "deviation": 1e-7}, {"affine": False, "deviation": 0.4}),
    "symmetric-hidden-weights": (
        {"still": [], "alike": ["a"], "kernels": ["a", "b"], "variables": ["a", "b", "c"]},
        {"still": [], "alike": [], "kernels": ["a", "b"], "variables": ["a", "b", "c"]},
    ),
    "batch-shared-dropout-mask": ({"zero_share": 0.5, "same_zeros": True}, {"zero_share": 0.5, "same_zeros": False}),
    "dropout-never-active": ({"zero_share": 0.0}, {"zero_share": 0.4}),
    "unscaled-dropout-mask": ({"ratio": 1.0, "zero_share": 0.5}, {"ratio": 2.0, "zero_share": 0.5}),
    "dropout-before-max-pooling": ({"ratio": 1.3}, {"ratio": 1.01}),
    "dropout-before-batchnorm": ({"ratio": 1.4}, {"ratio": 1.01}),
    "regularizer-strength": (
        {"penalty": [9.0, 8.0], "constant": [0.7, 0.7]},
        {"penalty": [0.1, 0.1], "constant": [0.7, 0.7]},
    ),
    "normalization-not-adapted": ({**KERAS, "same": True}, {**KERAS, "same": False}),
    "ignored-optimizer-argument": (
        {**KERAS, "learning_rate": 0.001, "later": 0.001},
        {**KERAS, "learning_rate": 0.0001, "later": 0.0001},
    ),
    "tie-counting-accuracy": ({"available": True, "value": 1.0}, {"available": True, "value": 0.1}),
    "metric-output-mismatch": (
        {**KERAS, "error": "", "reported": 0.0, "by_hand": 0.8, "what": "the accuracy", "rows": 400},
        {**KERAS, "error": "", "reported": 0.8, "by_hand": 0.8, "what": "the accuracy", "rows": 400},
    ),
    "accuracy-for-regression": ({**KERAS, "exact": 0.0, "close": 0.0}, {**KERAS, "exact": 1.0, "close": 1.0}),
    "threshold-domain-mismatch": ({"share": 0.07, "above": 0.4}, {"share": 0.0, "above": 0.4}),
    "shuffled-prediction-order": ({**TF, "in_order": False, "same": False}, {**TF, "in_order": True, "same": True}),
    "features-labels-shuffled-apart": ({"together": 1, "of": 1000}, {"together": 1000, "of": 1000}),
    "shuffled-take-skip-leak": ({**TF, "overlap": 160, "of": 200}, {**TF, "overlap": 0, "of": 200}),
    "embedding-vocabulary-off-by-one": (
        [{**KERAS, "error": "", "values": "zeros"}, {**KERAS, "words": 5, "largest": 5}],
        [{**KERAS, "error": "", "values": "zeros"}, {**KERAS, "words": 5, "largest": 4}],
    ),
    "backbone-preprocessing-mismatch": ({**KERAS, "low": 0.0, "high": 255.0}, {**KERAS, "low": 0.0, "high": 1.0}),
    "endless-data": ({**TF, "elements": -1}, {**TF, "elements": 30}),
    "removed-api": ({**TF, "exists": False}, {**TF, "exists": True}),
    "unknown-argument": ({**TF, "takes": False}, {**TF, "takes": True}),
    "missing-argument": (
        {**TF, "required": ["learning_rate"], "names": ["learning_rate"]},
        {**TF, "required": [], "names": ["learning_rate"]},
    ),
    "positional-dropout-flip": ({**TF, "zero_share": 0.9}, {**TF, "zero_share": 0.1}),
    "mixed-keras-namespaces": ({**KERAS, "same": False}, {**KERAS, "same": True}),
    "dtype-passed-as-trainable": (
        {**TF, "dtype": "int32", "trainable": "float32", "gradient": False},
        {**TF, "dtype": "float32", "trainable": "float32", "gradient": True},
    ),
    "shape-contradiction": STOPS,
    "dtype-contradiction": STOPS,
    "tensor-for-value": STOPS,
    "unfed-placeholder": STOPS,
    "variables-not-initialized": STOPS,
    "queue-runners-not-started": ({**TF, "error": "DeadlineExceededError"}, {**TF, "error": ""}),
    "initializer-rerun": ({**TF, "error": "", "same": True}, {**TF, "error": "", "same": False}),
    "graph-grows-in-loop": ({**TF, "error": "", "growth": 2}, {**TF, "error": "", "growth": 0}),
    "trainable-toggled-after-compile": (
        {**KERAS, "error": "", "moved": 0.1, "honoured": False},
        {**KERAS, "error": "", "moved": 0.0, "honoured": True},
    ),
    "callback-monitor-mismatch": (
        {**KERAS, "names": ["accuracy", "loss", "val_accuracy", "val_loss"]},
        {**KERAS, "names": ["acc", "loss", "val_acc", "val_loss"]},
    ),
    "layer-created-in-call": (
        {**KERAS, "error": "", "same": False, "kept": 0},
        {**KERAS, "error": "", "same": True, "kept": 2},
    ),
    "apply-gradients-order": (
        {**TF, "error": "AttributeError: no", "moved": 0.0},
        {**TF, "error": "", "moved": 0.1, "right": True},
    ),
    "missing-training-flag": (
        {**KERAS, "zero_share": 0.0, "moved": False},
        {**KERAS, "zero_share": 0.5, "moved": True},
    ),
    "model-reused-across-folds": MOVES,
    "label-encoding-mismatch": (
        {**KERAS, "error": "ValueError: no"},
        {**KERAS, "error": "", "loss": 1.2, "moved": 0.1, "of_answers": 1.2},
    ),
    "loader-head-mismatch": (
        {**KERAS, "error": "ValueError: no"},
        {**KERAS, "error": "", "loss": 1.2, "moved": 0.1, "of_answers": 1.2},
    ),
    "swapped-loss-arguments": ({"available": True, "loss": 1.0, "swapped": 3.0}, {"loss": 1.0, "swapped": 1.0}),
    "flipped-loss-sign": ({"right": [-0.1, -0.2], "wrong": [-3.0, -3.0]}, {"right": [0.1, 0.2], "wrong": [3.0, 3.0]}),
    "dropout-at-evaluation": ({"equal": False}, {"equal": True}),
}  # fmt: skip

HARMLESS: dict[str, tuple[object, object]] = {
    # what is true and changes no number is not reproduced; a reading that contradicts it is confirmed
    "bias-before-batchnorm": ({"depends": True, "equal": True}, {"depends": True, "equal": False}),
    "redundant-reduction": ({"equal": True, "difference": 0.0}, {"equal": False, "difference": 0.5}),
}


def certificate_of(rule: str, text: str | None, tmp_path):
    """The certificate of the first finding of a program; of the rule's own first case that has checks without one."""
    cases = RULES[rule].INVALID if text is None else [Invalid(dedent(text), at="")]
    for number, case in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        fresh = Fresh(Case(RULES[rule], case, rule), folder)
        made, failed = plans(fresh.analysis, fresh.project, Config(select=(rule,)), list(fresh.findings()))
        for each in (*made, *failed):
            for certificate in each.certificates:
                if certificate.checks or text is not None:
                    return certificate
    raise AssertionError(f"no certificate of {rule}")


def verdict(certificate, readings) -> str | None:
    """What a certificate decides of readings."""
    given = readings if isinstance(readings, list) else [readings] * len(certificate.checks)
    certified = [{"id": check["id"], "reading": reading} for check, reading in zip(certificate.checks, given)]
    found = decided([certificate], certified).decisions.get(id(certificate.finding))
    return None if found is None else found.verdict


def test_evidence_says_what_there_is():
    """A rule names a certificate where there is a maker of one, and tells why where nothing can be brought."""
    remarks = {"oversized-initial-weights", "unscaled-inputs", "saturating-hidden-stack"}
    for name, rule in RULES.items():
        assert ("certificate" in rule.evidence) == (name in MAKERS and name not in remarks), name
        assert bool(rule.evidence) != (name in REASONS), name


@pytest.mark.parametrize("rule", sorted(PAIRS))
def test_mistake_is_confirmed_and_its_repair_is_not(rule, tmp_path):
    """The same certificate confirms the reading of a mistake and not the one without."""
    certificate = certificate_of(rule, None, tmp_path)
    wrong, right = PAIRS[rule]

    assert "confirmed" == verdict(certificate, wrong)
    assert "not-reproduced" == verdict(certificate, right)


@pytest.mark.parametrize("rule", sorted(HARMLESS))
def test_what_changes_no_number_is_not_reproduced(rule, tmp_path):
    """A finding that is true and harmless is not reproduced, with a sentence that says what was proved."""
    certificate = certificate_of(rule, None, tmp_path)
    same, other = HARMLESS[rule]

    assert "not-reproduced" == verdict(certificate, same)
    assert "confirmed" == verdict(certificate, other)


def test_reading_that_failed_decides_nothing(tmp_path):
    """The reason of the worker is that of the result, unless the program itself proves it."""
    removed = certificate_of("removed-api", None, tmp_path)
    failed = [
        {"id": check["id"], "reading": {"available": False, "reason": "no TensorFlow"}} for check in removed.checks
    ]
    found = decided([removed], failed)
    assert {} == found.decisions and ["no TensorFlow"] == list(found.reasons.values())

    other = tmp_path / "other"
    other.mkdir()
    unfed = certificate_of("unfed-placeholder", None, other)
    failed = [{"id": check["id"], "reading": {"available": False, "reason": "no TensorFlow"}} for check in unfed.checks]
    (decision,) = decided([unfed], failed).decisions.values()
    assert decision.verdict == "confirmed" and decision.sentence.startswith("it follows from the program: ")


def test_unknown_check_of_an_older_worker_decides_nothing(tmp_path):
    """What a worker does not know is a reason, never a verdict."""
    certificate = certificate_of("missing-nonlinearity", None, tmp_path)
    assert None is verdict(certificate, {"error": "the worker does not know the check 'affine'"})
    assert {} == decided([certificate], []).decisions


def of_program(rule: str, text: str | Invalid, tmp_path) -> list[Decision]:
    """What follows from a program alone, for all findings of a rule."""
    case = Invalid(dedent(text), at="") if isinstance(text, str) else text
    fresh = Fresh(Case(RULES[rule], case, rule), tmp_path)
    made, failed = plans(fresh.analysis, fresh.project, Config(select=(rule,)), list(fresh.findings()))
    certificates = [certificate for each in (*made, *failed) for certificate in each.certificates]
    assert all(not certificate.checks for certificate in certificates)
    return [*decided(certificates, []).decisions.values()]


def test_layer_that_nothing_uses_is_confirmed(tmp_path):
    """Its weights never get a gradient."""
    (decision,) = of_program("unused-computation", """
        from tensorflow import keras
        inputs = keras.Input((8,))
        hidden = keras.layers.Dense(16, activation="relu")(inputs)
        outputs = keras.layers.Dense(1)(inputs)
        model = keras.Model(inputs, outputs)
        model.compile("adam", "mse")
        model.fit(x, y)
    """, tmp_path)  # fmt: skip
    assert "confirmed" == decision.verdict
    assert "never get a gradient" in decision.sentence


def test_product_that_is_computed_twice_is_harmless(tmp_path):
    """Training is the same number by number without it."""
    (decision,) = of_program("unused-computation", """
        import tensorflow as tf
        x = tf.placeholder(tf.float32, [None, 8])
        y = tf.placeholder(tf.float32, [None, 1])
        w = tf.Variable(tf.truncated_normal([8, 1], stddev=0.1))
        b = tf.Variable(tf.zeros([1]))
        scores = tf.add(tf.matmul(x, w), b)
        answer = tf.nn.sigmoid(tf.matmul(x, w) + b)
        loss = tf.reduce_mean(tf.squared_difference(answer, y))
        train = tf.train.AdamOptimizer().minimize(loss)
    """, tmp_path)  # fmt: skip
    assert "not-reproduced" == decision.verdict
    assert "number by number" in decision.sentence


def test_penalty_that_is_not_in_the_loss(tmp_path):
    """The loss that is reduced holds none, which the program alone shows."""
    (decision,) = of_program("regularizer-not-in-loss", """
        import tensorflow.compat.v1 as tf
        x = tf.placeholder(tf.float32, [None, 8])
        y = tf.placeholder(tf.int64, [None])
        scores = tf.layers.dense(x, 3, kernel_regularizer=tf.keras.regularizers.l2(0.01))
        loss = tf.losses.sparse_softmax_cross_entropy(y, scores)
        train = tf.train.AdamOptimizer().minimize(loss)
    """, tmp_path)  # fmt: skip
    assert "confirmed" == decision.verdict


def test_step_that_no_run_takes(tmp_path):
    """No weight ever changes."""
    decisions = of_program("train-op-never-run", RULES["train-op-never-run"].INVALID[0], tmp_path)
    assert ["confirmed"] == [decision.verdict for decision in decisions]


@pytest.mark.parametrize(("number", "expected"), [(0, "not-reproduced"), (1, "not-reproduced"), (3, "confirmed")])
def test_two_activations_in_a_row(number, expected, tmp_path):
    """What leaves a number as it is changes nothing; what a second softmax can give is bounded by the first one."""
    decisions = of_program("double-activation", RULES["double-activation"].INVALID[number], tmp_path)
    assert {expected} == {decision.verdict for decision in decisions}


def test_findings_without_a_network_are_certified(tmp_path):
    """What needs no network is asked in an experiment without arms."""
    rule = RULES["queue-runners-not-started"]
    fresh = Fresh(Case(rule, rule.INVALID[0], rule.name), tmp_path)
    made, (unplanned,) = plans(fresh.analysis, fresh.project, Config(select=(rule.name,)), list(fresh.findings()))
    assert [] == made and isinstance(unplanned, Unplanned)
    experiment = alone(unplanned.certificates)
    assert experiment is not None
    assert [] == experiment["arms"]
    assert ["session"] == [check["check"] for check in experiment["certificates"]]


def test_remark_decides_nothing(tmp_path):
    """How far the loss is off before training stands beside a verdict and is none."""
    certificate = certificate_of("oversized-initial-weights", None, tmp_path)
    found = decided([certificate], [{"id": certificate.checks[0]["id"], "reading": {"ratio": 812345.0}}])
    assert {} == found.decisions
    assert ["before training the loss is 8e+05 times that of always giving the same answer"] == list(
        found.remarks.values()
    )


def test_checks_of_an_arm_that_is_another_one(tmp_path):
    """Where a repair changes nothing in the graph, its checks are made on the arm that is trained."""
    rule = RULES["unstable-log-loss"]
    fresh = Fresh(Case(rule, rule.INVALID[5], rule.name), tmp_path)
    (plan,), _ = plans(fresh.analysis, fresh.project, Config(select=(rule.name,)), list(fresh.findings()))
    assert isinstance(plan, Plan)
    experiment = plan.experiment()
    names = {arm["name"] for arm in experiment["arms"]}
    assert {check["arm"] for check in experiment["certificates"]} <= names
