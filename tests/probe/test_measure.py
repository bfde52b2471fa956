"""How long is trained, and what is concluded: with measurements that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.probe.arms import concerning
from trainlint.probe.errors import ProbeError
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.probe.measure import measure
from trainlint.probe.plan import Plan, plans
from trainlint.project import Project, find_root

SEEDS = Path(__file__).resolve().parents[2] / "fixtures" / "compat"
RULES = ("oversized-initial-weights", "silent-loss-broadcast", "slow-default-learning-rate", "unscaled-inputs")


def planned(name: str = "seed003_always_half.py") -> Plan:
    path = SEEDS / name
    project = Project(find_root(path))
    config = Config(select=RULES)
    analysis = analyse(path.read_bytes(), str(path), project, config)
    (plan,), _ = plans(analysis, project, config, concerning(analysis, None))
    return plan


class Machine:
    """Stands in for a worker: skill by arm, and a record of what it was asked."""

    def __init__(self, skill) -> None:
        self.skill = skill
        self.asked = []

    def __call__(self, experiment):
        self.asked.append(experiment)
        arms = []
        for arm in experiment["arms"]:
            graph = arm.get("graph") or arm["patch"]
            rows = []
            for seed in experiment["seeds"]:
                # One arm is less certain than the others.
                noise = (0.05 if "unscaled" in arm["name"] else 0.01) * (seed % 3 - 1)
                rows.append([self.skill(arm["name"], steps, graph) + noise for steps in experiment["checkpoints"]])
            for task in experiment["tasks"]:
                arms.append(
                    {"name": arm["name"], "task": task, "skill": rows, "checkpoints": experiment["checkpoints"]}
                )
        return {"version": 1, "arms": arms, "certificates": [], "seconds": 0.1}


def attributions(outcome) -> dict[str, tuple[str, str | None]]:
    return {each.finding.rule: (each.verdict, each.attribution) for each in outcome.results}


def test_all_is_decided_within_the_first_budget():
    """Two arms without skill are necessary, the others do no harm; nothing is trained longer."""

    def skill(name, steps, graph):
        lost = name in ("as written", "all but silent-loss-broadcast", "all but slow-default-learning-rate")
        return 0.0 if lost or name.startswith("only") else min(0.8, steps / 200)

    machine = Machine(skill)
    found = attributions(measure(planned(), machine))
    assert found["silent-loss-broadcast"] == ("confirmed", "necessary")
    assert found["slow-default-learning-rate"] == ("confirmed", "necessary")
    # Few steps acquit nobody.
    assert found["unscaled-inputs"] == ("not-reproduced", None)
    assert len(machine.asked) == 1


def test_thorough_tells_slow_from_harmless():
    """What is lost after 200 steps and made up for after 800 slows down."""

    def skill(name, steps, graph):
        if name == "all but unscaled-inputs":
            return 0.1 if steps <= 200 else 0.78
        lost = name in ("as written", "all but silent-loss-broadcast") or name.startswith("only")
        return 0.0 if lost else min(0.8, steps / 150)

    machine = Machine(skill)
    found = attributions(measure(planned(), machine, thorough=True))
    assert found["unscaled-inputs"] == ("not-reproduced", "slows-down")
    assert found["oversized-initial-weights"] == ("not-reproduced", "harmless-here")
    assert found["silent-loss-broadcast"] == ("confirmed", "necessary")
    assert [len(asked["seeds"]) for asked in machine.asked[:2]] == [5, 8]
    assert machine.asked[1]["steps"] == 800


def test_open_question_is_trained_longer():
    """An uncertain difference gets eight seeds and 800 steps, and nothing else does."""

    def skill(name, steps, graph):
        if name == "all but unscaled-inputs":
            return 0.62 if steps <= 200 else 0.05
        lost = name in ("as written", "all but silent-loss-broadcast", "all but slow-default-learning-rate")
        return 0.0 if lost or name.startswith("only") else 0.74

    machine = Machine(skill)
    found = attributions(measure(planned(), machine))
    assert len(machine.asked) == 2
    assert [arm["name"] for arm in machine.asked[1]["arms"]] == [
        "as written",
        "all repaired",
        "all but unscaled-inputs",
    ]
    assert found["unscaled-inputs"] == ("confirmed", "necessary")


def test_small_network_is_trained_longest_where_it_stays_open():
    """Open after 800 steps, too: sixteen seeds and 1,600 steps, unless the tasks contradict each other."""

    def skill(name, steps, graph):
        if name == "all but unscaled-inputs":
            return 0.62 if steps <= 800 else 0.74
        lost = name in ("as written", "all but silent-loss-broadcast", "all but slow-default-learning-rate")
        return 0.0 if lost or name.startswith("only") else 0.74

    machine = Machine(skill)
    outcome = measure(planned(), machine)
    (result,) = [each for each in outcome.results if each.finding.rule == "unscaled-inputs"]
    assert [(len(each["seeds"]), each["steps"]) for each in machine.asked] == [(5, 200), (8, 800), (16, 1600)]
    assert (result.verdict, result.attribution) == ("not-reproduced", "harmless-here")
    assert {each.seeds for each in result.final} == {16}


def test_longer_training_that_does_not_end_leaves_the_first():
    """What was measured stays measured when a later training runs out of time, and the notes say so."""

    def skill(name, steps, graph):
        lost = name in ("as written", "all but silent-loss-broadcast", "all but slow-default-learning-rate")
        return 0.0 if lost or name.startswith("only") else 0.74

    machine = Machine(skill)

    def run(experiment):
        if experiment["steps"] > 200:
            raise ProbeError("time", "it took longer than 60 seconds")
        return machine(experiment)

    outcome = measure(planned(), run, thorough=True)
    assert attributions(outcome)["silent-loss-broadcast"] == ("confirmed", "necessary")
    assert any("it took longer than 60 seconds" in note for note in outcome.notes)


def test_longer_training_without_the_repaired_arm():
    """Where all repairs together cannot be rebuilt, a finding that has a partner of its own is trained longer too."""
    plan = planned()
    kept = next(c for c in plan.comparisons if c.rule == "silent-loss-broadcast")
    replicas = {AS_WRITTEN: plan.replicas[AS_WRITTEN], kept.harmed: plan.replicas[kept.harmed],
                "beside": plan.replicas[ALL_REPAIRED]}  # fmt: skip
    alone = plan.replace(
        replicas=replicas, same={name: name for name in replicas},
        comparisons=(kept.replace(sound="beside", alone=None),),
    )  # fmt: skip
    machine = Machine(lambda name, steps, graph: 0.74 if name == "beside" else 0.0)
    found = attributions(measure(alone, machine, thorough=True))

    assert [each["steps"] for each in machine.asked] == [200, 800]
    assert found["silent-loss-broadcast"] == ("confirmed", "necessary")


def test_cancelled_training_ends_the_probe():
    """Who cancels wants no result."""

    def run(experiment):
        raise ProbeError("cancelled", "the probe was cancelled")

    with pytest.raises(ProbeError, match="cancelled"):
        measure(planned(), run)


def test_rate_is_raised_where_nothing_is_learned():
    """Seed 000 trains too slowly for a probe: all arms get Adam with a usual rate, and the result says so."""

    def skill(name, steps, graph):
        rate = graph.get("optimizer", {}).get("learning_rate", 1e-4)
        return -3.0 if name == "as written" else (0.4 if rate >= 1e-3 else 0.01)

    machine = Machine(skill)
    outcome = measure(planned("seed000_dropout_blamed.py"), machine)
    assert machine.asked[1]["arms"][0]["graph"]["optimizer"]["learning_rate"] == 1e-3
    assert outcome.plan.raised_rate == 1e-3
    assert "Adam(0.001)" in outcome.notes[0]


def test_two_findings_that_harm_together():
    """All repairs help, none alone is missed: pairs are tried, and the one that harms is named."""
    pair = {"oversized-initial-weights", "unscaled-inputs"}

    def skill(name, steps, graph):
        left_in = set(name.removeprefix("all but ").split(", "))
        return 0.0 if name == "as written" or name.startswith("only") or pair <= left_in else 0.7

    outcome = measure(planned(), Machine(skill))
    found = {each.finding.rule: each for each in outcome.results}
    assert (found["unscaled-inputs"].verdict, found["unscaled-inputs"].together) == (
        "confirmed",
        "oversized-initial-weights",
    )
    assert found["silent-loss-broadcast"].together == ""
    assert "harm together" in outcome.notes[-1]


def test_arm_that_failed_decides_nothing():
    """An arm with an error has no verdict, and the others keep theirs."""

    def skill(name, steps, graph):
        return 0.0 if name in ("as written", "all but slow-default-learning-rate") else 0.7

    machine = Machine(skill)

    def run(experiment):
        found = machine(experiment)
        for each in found["arms"]:
            if each["name"] == "all but unscaled-inputs":
                each["error"] = "the shapes do not fit"
        return found

    found = {each.finding.rule: each for each in measure(planned(), run).results}
    assert (found["unscaled-inputs"].verdict, found["unscaled-inputs"].reason) == (
        "inconclusive", "an arm could not be trained",
    )  # fmt: skip
    assert found["slow-default-learning-rate"].verdict == "confirmed"
