"""The arms are the fixed texts, analysed again."""

from __future__ import annotations

from pathlib import Path

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.probe.arms import arms_of, concerning
from trainlint.probe.plan import Plan, plans
from trainlint.project import Project, find_root

SEEDS = Path(__file__).resolve().parents[2] / "fixtures" / "compat"


def opened(name: str):
    path = SEEDS / name
    project = Project(find_root(path))
    return analyse(path.read_bytes(), str(path), project, Config()), project


def planned(name: str) -> Plan:
    analysis, project = opened(name)
    (plan,), failed = plans(analysis, project, Config(), concerning(analysis, None))
    assert failed == []
    return plan


def test_each_finding_is_left_in_once():
    """All repaired, then all but one: the arm beside it differs in that rule alone."""
    analysis, project = opened("seed003_always_half.py")
    arms = {arm.name: arm for arm in arms_of(analysis, project, Config(), [f.rule for f in analysis.findings])}
    for rule in sorted(arms["all repaired"].repaired):
        without = arms[f"all but {rule}"]
        assert arms[without.beside].repaired - without.repaired == {rule}
        assert without.repaired < arms[without.beside].repaired


def test_mistake_is_put_back_into_the_repaired_text():
    """Later fixes wrote around it: the inputs are raw again, and the layers stay repaired."""
    analysis, project = opened("seed003_always_half.py")
    arms = {arm.name: arm for arm in arms_of(analysis, project, Config(), ["unscaled-inputs"])}
    (repaired,) = arms["all repaired"].contents.values()
    (without,) = arms["all but unscaled-inputs"].contents.values()
    assert without.decode() == repaired.decode().replace("x / 255.0", "x")


def test_repair_that_waits_for_another_has_an_arm_of_its_own(monkeypatch):
    """Squared error is not exchanged while its operands broadcast, so the broadcast is judged with it left in."""
    monkeypatch.setattr("trainlint.probe.arms.undoing", lambda *_: None)
    analysis, project = opened("seed003_always_half.py")
    arms = {arm.name: arm for arm in arms_of(analysis, project, Config(), ["silent-loss-broadcast"])}
    assert arms["all but silent-loss-broadcast"].beside == "all but squared-error-classifier"


def test_text_of_an_arm_is_the_fixed_one():
    """The content of an arm is what the fix makes of the file."""
    analysis, project = opened("seed003_always_half.py")
    arms = {arm.name: arm for arm in arms_of(analysis, project, Config(), ["slow-default-learning-rate"])}
    (content,) = arms["only slow-default-learning-rate"].contents.values()
    before = "tf.train.AdadeltaOptimizer()"
    after = "tf.train.AdadeltaOptimizer(learning_rate=1.0)"
    assert content.decode() == analysis.source.document.text.replace(before, after)


def test_repairs_that_change_nothing_share_a_graph():
    """`trainable=tf.float32` trains just the same: its arm is the one in which all is repaired."""
    plan = planned("seed003_always_half.py")
    assert plan.same["all but dtype-passed-as-trainable"] == "all repaired"
    assert plan.same["all but slow-default-learning-rate"] == "all but slow-default-learning-rate"


def test_experiment_names_each_graph_once():
    """Arms with the same graph are trained once; the others are patches of the program as written."""
    plan = planned("seed000_dropout_blamed.py")
    experiment = plan.experiment()
    assert [arm["name"] for arm in experiment["arms"]] == ["as written", "all repaired"]
    assert sorted(experiment["arms"][1]["patch"]["nodes"]) == ["variable-1", "variable-3", "variable-5", "variable-7"]
    assert (experiment["seeds"], experiment["checkpoints"]) == ([0, 1, 2, 3, 4], [25, 50, 100, 200])
