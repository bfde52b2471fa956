"""From measurements to results: the certificates first, then the trainings, longer where they leave it open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainlint.probe.attribution import attribution
from trainlint.probe.certificates import Decision
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.probe.plan import MORE_SEEDS, MORE_STEPS, SEEDS, STEPS, Comparing, Plan
from trainlint.probe.verdict import CONFIRMED, INCONCLUSIVE, LEARNS, NOT_REPRODUCED, Comparison, agreed, compare
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainlint.finding import Finding
    from trainlint.probe.experiment import Json

Run = Callable[["Json"], "Json"]
"""Runs an experiment and gives its measurements."""

RAISED_RATE = 1e-3
"""The rate that is taken in all arms where the program's own is too low for a budget."""


class Result(Record, eq=False):
    """What was measured of one finding.

    `final` and `early` are the comparisons of its re-injection on each task at the last and at the first budget,
    `alone` those of its repair by itself with the program as written.
    """

    finding: Finding
    verdict: str
    attribution: str | None = None
    decision: Decision | None = None
    final: tuple[Comparison, ...] = ()
    early: tuple[Comparison, ...] = ()
    alone: tuple[Comparison, ...] = ()
    reason: str = ""
    """Why nothing was decided."""

    @property
    def kind(self) -> str:
        return "certificate" if self.decision is not None else "training"


class Outcome(Record, eq=False):
    """All that was measured of one network; `runs` are the measurements as they came, the longest last."""

    plan: Plan
    results: tuple[Result, ...]
    runs: tuple[Json, ...]
    overall: tuple[Comparison, ...] = ()
    """As written against all repaired, for each task."""
    notes: tuple[str, ...] = ()

    @property
    def last(self) -> Json:
        return self.runs[-1]


def measure(
    plan: Plan, run: Run, *, device: str = "auto", thorough: bool = False, steps: int = STEPS, seeds: int = SEEDS
) -> Outcome:
    """Runs what a plan asks for; with `thorough` also what tells harmless from slow."""
    notes: list[str] = []
    first = run(plan.experiment(seeds, steps, device))
    if plan.trainable and not _learns(plan, first, ALL_REPAIRED):
        raised = with_raised_rate(plan)
        if raised is not None:
            again = run(raised.experiment(seeds, steps, device, certify=False))
            if _learns(raised, again, ALL_REPAIRED) or _shows_harm(raised, again):
                plan = raised
                rates = f"{raised.raised_rate:g}"
                notes.append(
                    f"With the program's own optimizer nothing is learned within {steps} steps, "
                    f"so every arm was trained with Adam({rates})."
                )
                first = {**again, "certificates": first.get("certificates", [])}
    runs = [first]
    decisions = _decisions(plan, first)
    early = {c.rule: _compared(plan, first, c.harmed, c.sound) for c in plan.comparisons} if plan.trainable else {}
    final = dict(early)
    wanted = [
        c for c in plan.comparisons
        if c.rule in early and _changes(plan, c) and _asks_more(early[c.rule], thorough) and steps < MORE_STEPS
    ]  # fmt: skip
    if wanted:
        arms = [name for c in wanted for name in (c.harmed, c.sound)]
        more = run(plan.experiment(max(seeds, MORE_SEEDS), MORE_STEPS, device, (ALL_REPAIRED, *arms), certify=False))
        runs.append(more)
        for c in wanted:
            found = _compared(plan, more, c.harmed, c.sound)
            if found:
                final[c.rule] = found
    results = [_result(plan, f, decisions, early, final, first) for f in plan.findings]
    overall = _compared(plan, runs[-1], AS_WRITTEN, ALL_REPAIRED) if plan.trainable else ()
    return Outcome(plan, tuple(results), tuple(runs), overall, tuple(notes))


def _asks_more(found: Sequence[Comparison], thorough: bool) -> bool:
    verdict = agreed([each.verdict for each in found]) if found else INCONCLUSIVE
    return verdict == INCONCLUSIVE or (thorough and not all(each.early and each.verdict == CONFIRMED for each in found))


def _changes(plan: Plan, comparing: Comparing) -> bool:
    """Whether a repair changes the network at all."""
    return plan.same[comparing.harmed] != plan.same[comparing.sound]


def with_raised_rate(plan: Plan) -> Plan | None:
    """The plan with Adam in all arms that share the repaired one's optimizer; None where that is what they have."""
    usual = plan.replicas[ALL_REPAIRED].graph["optimizer"] if ALL_REPAIRED in plan.replicas else None
    if usual is None or (usual["name"] == "Adam" and usual["learning_rate"] >= RAISED_RATE):
        return None
    spec = {
        "name": "Adam",
        "form": "keras",
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "learning_rate": RAISED_RATE,
    }
    replicas = {
        name: each.replace(graph={**each.graph, "optimizer": spec}) if each.graph["optimizer"] == usual else each
        for name, each in plan.replicas.items()
    }
    return plan.replace(replicas=replicas, raised_rate=RAISED_RATE)


# Reading measurements -------------------------------------------------------------------------------------------------


def of_arm(measurements: Json, name: str) -> Mapping[str, Json]:
    """What was measured of an arm, by task; arms that failed are left out."""
    return {each["task"]: each for each in measurements["arms"] if each["name"] == name and not each.get("error")}


def _compared(plan: Plan, measurements: Json, harmed: str, sound: str) -> tuple[Comparison, ...]:
    worse, better = of_arm(measurements, plan.same[harmed]), of_arm(measurements, plan.same[sound])
    found = []
    for task, entry in worse.items():
        other = better.get(task)
        if other is not None:
            rows = min(len(entry["skill"]), len(other["skill"]))
            found.append(compare(entry["skill"][:rows], other["skill"][:rows], entry["checkpoints"]))
    return tuple(found)


def _learns(plan: Plan, measurements: Json, arm: str) -> bool:
    """Whether an arm gets some skill on a task."""
    if arm not in plan.same:
        return False
    for entry in of_arm(measurements, plan.same[arm]).values():
        last = [row[-1] if row[-1] is not None else -3.0 for row in entry["skill"]]
        if sum(last) / len(last) >= LEARNS:
            return True
    return False


def _shows_harm(plan: Plan, measurements: Json) -> bool:
    """Whether some finding is confirmed although the repaired arm has little skill: the harm rule needs none."""
    for c in plan.comparisons:
        found = _compared(plan, measurements, c.harmed, c.sound)
        if found and agreed([each.verdict for each in found]) == CONFIRMED:
            return True
    return False


def _decisions(plan: Plan, measurements: Json) -> dict[int, Decision]:
    """What the certificates decide, by finding."""
    readings: dict[str, Any] = {each["id"]: each.get("reading") for each in measurements.get("certificates", [])}
    found = {}
    for certificate in plan.certificates:
        taken = [readings.get(check["id"]) for check in certificate.checks]
        if all(isinstance(reading, dict) and not reading.get("error") for reading in taken):
            try:
                decision = certificate.decide([reading for reading in taken if isinstance(reading, dict)])
            except (KeyError, TypeError):
                continue
            if decision is not None:
                found[id(certificate.finding)] = decision
    return found


def _result(
    plan: Plan, finding: Finding, decisions: Mapping[int, Decision], early: Mapping[str, tuple[Comparison, ...]],
    final: Mapping[str, tuple[Comparison, ...]], first: Json,
) -> Result:  # fmt: skip
    decision = decisions.get(id(finding))
    comparing = next((c for c in plan.comparisons if c.rule == finding.rule), None)
    judged_by_training = "training" in finding.evidence and plan.trainable and comparing is not None
    result = Result(finding, decision.verdict if decision is not None else INCONCLUSIVE, decision=decision)
    if comparing is not None and not _changes(plan, comparing):
        if decision is not None:
            return result
        return result.replace(verdict=NOT_REPRODUCED, reason="its repair changes nothing that this network computes")
    if not judged_by_training or comparing is None:
        if decision is not None:
            return result
        return result.replace(reason=_why_not(plan, finding))
    last = final.get(finding.rule, ())
    if not last:
        return result if decision is not None else result.replace(reason="an arm could not be trained")
    before = early.get(finding.rule, ()) if final.get(finding.rule) is not early.get(finding.rule) else ()
    alone = _compared(plan, first, AS_WRITTEN, comparing.alone) if comparing.alone is not None else ()
    verdict = agreed([each.verdict for each in last])
    reason = ""
    if verdict == INCONCLUSIVE and all(each.better < LEARNS for each in last):
        reason = "nothing was learned within the budget, also when repaired"
    return result.replace(
        verdict=decision.verdict if decision is not None else verdict, attribution=attribution(last, before),
        final=last, early=before, alone=alone, reason=reason,
    )  # fmt: skip


def _why_not(plan: Plan, finding: Finding) -> str:
    if not finding.evidence:
        return "there is no experiment for this rule"
    if "training" not in finding.evidence:
        return "a short training cannot judge it, and no certificate could be computed"
    if not plan.trainable:
        return plan.left_out[-1] if plan.left_out else "the network could not be trained"
    return plan.unrepaired.get(finding.rule, "it was not measured")
