"""From measurements to results: the certificates first, then the trainings, longer where they leave it open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainlint.probe.attribution import CONTRIBUTING, NECESSARY, SLOWS_DOWN, attribution, fades
from trainlint.probe.certificates import Decided, Decision, decided
from trainlint.probe.cost import FIRST, LAST, LONG
from trainlint.probe.errors import DIED, MEMORY, TIME, ProbeError
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.probe.networks import places_of
from trainlint.probe.plan import MORE_SEEDS, MORE_STEPS, MOST_SEEDS, MOST_STEPS, SEEDS, STEPS, Comparing, Plan
from trainlint.probe.verdict import CONFIRMED, INCONCLUSIVE, LEARNS, NOT_REPRODUCED, Comparison, agreed, compare
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainlint.finding import Finding
    from trainlint.probe.experiment import Json

Run = Callable[["Json"], "Json"]
"""Runs an experiment and gives its measurements."""

OTHER_RATE = 0.01
"""The rate of the other optimizer, Adam, that harm is measured with where a repair chose the first one."""

RAISED_RATE = 1e-3
"""The rate that is taken in all arms where the program's own is too low for a budget."""


_CUT = (TIME, MEMORY, DIED)
"""Ends of a training that say nothing of the shorter one before."""


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
    other: tuple[Comparison, ...] = ()
    """The re-injection with another optimizer, where a repair chose the first one."""
    reason: str = ""
    """Why nothing was decided."""
    together: str = ""
    """The rule whose findings it harms together with, where neither does it alone."""
    remark: str = ""
    """What was read before the training and decides nothing."""

    @property
    def kind(self) -> str:
        return "certificate" if self.decision is not None else "training"


class Outcome(Record, eq=False):
    """All that was measured of one network; `runs` are the measurements as they came.

    `optimizer` of a run names the one that stood in for the repaired one.
    """

    plan: Plan
    results: tuple[Result, ...]
    runs: tuple[Json, ...]
    overall: tuple[Comparison, ...] = ()
    """As written against all repaired, for each task."""
    notes: tuple[str, ...] = ()

    @property
    def last(self) -> Json:
        """The longest run with the program's own optimizer, or the repaired one."""
        return last_own(self.runs)


def last_own(runs: Sequence[Json]) -> Json:
    """The last run that no other optimizer stood in for."""
    return next(run for run in reversed(runs) if not run.get("optimizer"))


def measure(
    plan: Plan, run: Run, *, device: str = "auto", thorough: bool = False, steps: int = STEPS, seeds: int = SEEDS
) -> Outcome:
    """Runs what a plan asks for; with `thorough` also what tells harmless from slow."""
    return _Measuring(plan, run, device, thorough, steps, seeds).run_all()


class _Measuring:
    def __init__(self, plan: Plan, run: Run, device: str, thorough: bool, steps: int, seeds: int) -> None:
        self.plan = plan
        self.run = run
        self.device = device
        self.thorough = thorough
        self.steps = plan.steps_for(len({plan.same[name] for name in plan.needed}), seeds, steps, FIRST)
        self.seeds = seeds
        self.notes: list[str] = []
        self.runs: list[Json] = []

    def run_all(self) -> Outcome:
        experiment = self.plan.experiment(self.seeds, self.steps, self.device)
        # What follows from the program alone needs no worker.
        idle = not experiment["certificates"] and not self.plan.trainable
        first = {"arms": [], "certificates": []} if idle and self.plan.certificates else self.run(experiment)
        certified = first.get("certificates", [])
        if self.plan.trainable:
            first = self.with_a_rate_that_learns(first)
        self.runs.append(first)
        said = decided(self.plan.certificates, certified)
        measured = {c.rule: self.first_look(c) for c in self.plan.judged} if self.plan.trainable else {}
        if measured:
            self.look_longer(measured)
            if self.thorough:
                self.look_with_another_optimizer(measured)
            self.look_longest(measured)
        joint = self.look_for_pairs(measured)
        results = [_result(self.plan, finding, said, measured) for finding in self.plan.findings]
        results = [_joined(result, joint) for result in results]
        own = last_own(self.runs)
        overall = _compared(self.plan, own, AS_WRITTEN, ALL_REPAIRED) if self.plan.trainable else ()
        return Outcome(self.plan, tuple(results), tuple(self.runs), overall, tuple(self.notes))

    def run_further(self, experiment: Json) -> Json | None:
        """The measurements of a further training; None where it did not end, which leaves what was measured before."""
        try:
            return self.run(experiment)
        except ProbeError as error:
            if error.kind not in _CUT:
                raise
            self.notes.append(f"A longer training was given up: {error.message}")
            return None

    def with_a_rate_that_learns(self, first: Json) -> Json:
        """The measurements, taken again with a higher rate in all arms if nothing is learned otherwise."""
        raised = None if _learns(self.plan, first, ALL_REPAIRED) else with_raised_rate(self.plan)
        if raised is None:
            return first
        again = self.run_further(raised.experiment(self.seeds, self.steps, self.device, certify=False))
        if again is None:
            return first
        if not _learns(raised, again, ALL_REPAIRED) and not _shows_harm(raised, again):
            return first
        self.plan = raised
        self.notes.append(
            f"With the program's own optimizer nothing is learned within {self.steps} steps, "
            f"so every arm was trained with Adam({RAISED_RATE:g})."
        )
        return again

    def first_look(self, c: Comparing) -> _Measured:
        found = _Measured()
        found.final = _compared(self.plan, self.runs[0], c.harmed, c.sound)
        found.lasting = _compared(self.plan, self.runs[0], c.harmed, c.sound, early_harm=False)
        if c.alone is not None:
            found.alone = _compared(self.plan, self.runs[0], AS_WRITTEN, c.alone)
        return found

    def look_longer(self, measured: Mapping[str, _Measured]) -> None:
        """Trains on where the first budget left it open, or where it matters how lasting the harm is."""
        wanted = [
            c for c in self.plan.judged
            if measured[c.rule].final
            and (self.thorough or agreed([each.verdict for each in measured[c.rule].final]) == INCONCLUSIVE)
        ]  # fmt: skip
        seeds = max(self.seeds, MORE_SEEDS)
        steps = self.plan.steps_for(self.count_of(wanted), seeds, MORE_STEPS, LONG)
        if wanted and steps > self.steps:
            self.train_longer(wanted, measured, seeds, steps)

    def count_of(self, wanted: Sequence[Comparing]) -> int:
        """How many arms are trained for some comparisons."""
        return len({self.plan.same[name] for name in (*_arms_of(wanted), AS_WRITTEN) if name in self.plan.same})

    def train_longer(
        self, wanted: Sequence[Comparing], measured: Mapping[str, _Measured], seeds: int, steps: int
    ) -> bool:
        """Whether a longer training came to its end; then its comparisons count."""
        more = self.run_further(self.plan.experiment(seeds, steps, self.device, _arms_of(wanted), certify=False))
        if more is None:
            return False
        self.runs.append(more)
        for c in wanted:
            measured[c.rule].take_longer(self.plan, more, c)
        return True

    def look_with_another_optimizer(self, measured: Mapping[str, _Measured]) -> None:
        """Where the repaired optimizer is not the program's own, harm must not be that optimizer's alone."""
        if len(self.runs) < 2 or ALL_REPAIRED not in self.plan.replicas:
            return
        usual = _optimizer(self.plan, ALL_REPAIRED)
        if usual == _optimizer(self.plan, AS_WRITTEN) and self.plan.raised_rate is None:
            return
        wanted = [
            c for c in self.plan.judged
            if measured[c.rule].is_open_or_harmful
            and _optimizer(self.plan, c.harmed) == _optimizer(self.plan, c.sound) == usual
        ]  # fmt: skip
        if self.run_with_another_optimizer(wanted, measured, max(self.seeds, MORE_SEEDS), _last_step(self.runs[-1])):
            self.notes.append(
                f"What was lost was measured with Adam({OTHER_RATE:g}) too: {_named(usual)} is a repair's choice."
            )

    def run_with_another_optimizer(
        self, wanted: Sequence[Comparing], measured: Mapping[str, _Measured], seeds: int, steps: int
    ) -> bool:
        """Whether there was anything to measure with the other optimizer."""
        other = with_optimizer(self.plan, OTHER_RATE)
        if other is None or not wanted:
            return False
        more = self.run_further(other.experiment(seeds, steps, self.device, _arms_of(wanted), certify=False))
        if more is None:
            return False
        self.runs.append({**more, "optimizer": f"Adam({OTHER_RATE:g})"})
        for c in wanted:
            measured[c.rule].other = _compared(other, more, c.harmed, c.sound, early_harm=False)
        return True

    def look_longest(self, measured: Mapping[str, _Measured]) -> None:
        """Trains small networks once more, with more seeds, where the tasks do not contradict each other."""
        wanted = [c for c in self.plan.judged if measured[c.rule].may_be_settled]
        steps = self.plan.steps_for(self.count_of(wanted), MOST_SEEDS, MOST_STEPS, LAST)
        if wanted and steps == MOST_STEPS and self.train_longer(wanted, measured, MOST_SEEDS, MOST_STEPS):
            again = [c for c in wanted if measured[c.rule].other]
            self.run_with_another_optimizer(again, measured, MOST_SEEDS, MOST_STEPS)

    def look_for_pairs(self, measured: Mapping[str, _Measured]) -> tuple[str, str, tuple[Comparison, ...]] | None:
        """Two rules whose findings harm together, where all repairs help and none of them alone is missed."""
        if not self.plan.trainable or ALL_REPAIRED not in self.plan.same:
            return None
        first = self.runs[0]
        overall = _compared(self.plan, first, AS_WRITTEN, ALL_REPAIRED)
        verdicts = [found.verdict for found in measured.values() if found.final]
        if not overall or agreed([each.verdict for each in overall]) != CONFIRMED or CONFIRMED in verdicts:
            return None
        plan, pairs = self.plan.with_pairs([c.rule for c in self.plan.judged])
        if not pairs:
            return None
        more = self.run_further(
            plan.experiment(self.seeds, self.steps, self.device, (ALL_REPAIRED, *(name for *_, name in pairs)), False)
        )
        if more is None:
            return None
        found = [(one, other, _compared(plan, more, name, ALL_REPAIRED)) for one, other, name in pairs]
        harmful = [each for each in found if each[2] and agreed([c.verdict for c in each[2]]) == CONFIRMED]
        if not harmful:
            return None
        worst = max(harmful, key=lambda each: max(c.relative for c in each[2]))
        self.notes.append(f"{worst[0]} and {worst[1]} harm together: neither of them does it alone.")
        return worst


def _joined(result: Result, joint: tuple[str, str, tuple[Comparison, ...]] | None) -> Result:
    """The result of a finding that harms together with another one."""
    if joint is None or result.finding.rule not in joint[:2] or result.verdict == CONFIRMED:
        return result
    other = joint[1] if result.finding.rule == joint[0] else joint[0]
    return result.replace(
        verdict=CONFIRMED, attribution=CONTRIBUTING, final=joint[2], early=(), other=(), reason="", together=other
    )


class _Measured:
    """The comparisons of one rule's re-injection, as they come in."""

    def __init__(self) -> None:
        self.final: tuple[Comparison, ...] = ()
        self.early: tuple[Comparison, ...] = ()
        self.lasting: tuple[Comparison, ...] = ()
        self.alone: tuple[Comparison, ...] = ()
        self.other: tuple[Comparison, ...] = ()

    def take_longer(self, plan: Plan, run: Json, c: Comparing) -> None:
        """Takes over what a longer training shows; of the shorter ones the first stays."""
        found = _compared(plan, run, c.harmed, c.sound)
        if found:
            self.early, self.final = self.early or self.final, found
            self.lasting = _compared(plan, run, c.harmed, c.sound, early_harm=False)

    @property
    def is_open_or_harmful(self) -> bool:
        """Whether another optimizer may change what is said."""
        return bool(self.lasting) and agreed([each.verdict for each in self.lasting]) != NOT_REPRODUCED

    @property
    def may_be_settled(self) -> bool:
        """Whether it is open only because of what differs from seed to seed."""
        contradict = {CONFIRMED, NOT_REPRODUCED} <= {each.verdict for each in self.final}
        learned = any(each.better >= LEARNS for each in self.final)
        return learned and self.verdict == INCONCLUSIVE and not contradict

    @property
    def verdict(self) -> str:
        """What the tasks agree on; where they leave it open, another optimizer may acquit."""
        found = agreed([each.verdict for each in self.final])
        if found == INCONCLUSIVE and self.other and agreed([each.verdict for each in self.other]) == NOT_REPRODUCED:
            harmed = any(each.verdict == CONFIRMED for each in (*self.final, *self.lasting))
            return INCONCLUSIVE if harmed else NOT_REPRODUCED
        return found

    @property
    def attribution(self) -> str | None:
        """What the finding does in the program."""
        found = attribution(self.lasting, self.early)
        if found is None and self.verdict == NOT_REPRODUCED and self.other:
            return attribution(self.other)
        if found in (NECESSARY, CONTRIBUTING) and self.other:
            with_other = attribution(self.other)
            if agreed([each.verdict for each in self.other]) == NOT_REPRODUCED or fades(self.lasting, self.other):
                return SLOWS_DOWN
            return CONTRIBUTING if found == NECESSARY and with_other != NECESSARY else found
        return found


def _arms_of(wanted: Sequence[Comparing]) -> list[str]:
    return [ALL_REPAIRED, *(name for c in wanted for name in (c.harmed, c.sound))]


def _optimizer(plan: Plan, arm: str) -> Json:
    found: Json = plan.replicas[arm].graph["optimizer"]
    return found


def _named(optimizer: Json) -> str:
    return f"{optimizer['name']}({optimizer['learning_rate']:g})"


def _last_step(run: Json) -> int:
    return max((each["checkpoints"][-1] for each in run["arms"] if each.get("checkpoints")), default=MORE_STEPS)


def _changes(plan: Plan, comparing: Comparing) -> bool:
    """Whether a repair changes the network at all."""
    return plan.same[comparing.harmed] != plan.same[comparing.sound]


def with_raised_rate(plan: Plan) -> Plan | None:
    """The plan with Adam in all arms that share the repaired one's optimizer; None where that is what they have."""
    usual = _optimizer(plan, ALL_REPAIRED) if ALL_REPAIRED in plan.replicas else None
    if usual is None or (usual["name"] == "Adam" and usual["learning_rate"] >= RAISED_RATE):
        return None
    raised = with_optimizer(plan, RAISED_RATE)
    return None if raised is None else raised.replace(raised_rate=RAISED_RATE)


def with_optimizer(plan: Plan, rate: float) -> Plan | None:
    """The plan with Adam at a rate in all arms that share the repaired one's optimizer."""
    if ALL_REPAIRED not in plan.replicas:
        return None
    usual = _optimizer(plan, ALL_REPAIRED)
    spec = {"name": "Adam", "form": "keras", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "learning_rate": rate}
    replicas = {
        name: each.replace(graph={**each.graph, "optimizer": spec}) if each.graph["optimizer"] == usual else each
        for name, each in plan.replicas.items()
    }
    return plan.replace(replicas=replicas)


# Reading measurements -------------------------------------------------------------------------------------------------


def of_arm(measurements: Json, name: str) -> Mapping[str, Json]:
    """What was measured of an arm, by task; arms that failed are left out."""
    return {each["task"]: each for each in measurements["arms"] if each["name"] == name and not each.get("error")}


def _compared(
    plan: Plan, measurements: Json, harmed: str, sound: str, early_harm: bool = True
) -> tuple[Comparison, ...]:
    if harmed not in plan.same or sound not in plan.same:
        # An arm that could not be rebuilt.
        return ()
    worse, better = of_arm(measurements, plan.same[harmed]), of_arm(measurements, plan.same[sound])
    found = []
    for task, entry in worse.items():
        other = better.get(task)
        if other is not None:
            found.append(compare(entry["skill"], other["skill"], entry["checkpoints"], early_harm))
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


def _result(
    plan: Plan, finding: Finding, said: Decided, measured: Mapping[str, _Measured]
) -> Result:  # fmt: skip
    decision = said.decisions.get(id(finding))
    comparing = next((c for c in plan.comparisons if c.rule == finding.rule), None)
    result = Result(finding, decision.verdict if decision is not None else INCONCLUSIVE, decision=decision,
                    remark=said.remarks.get(id(finding), ""))  # fmt: skip
    if comparing is not None and not _changes(plan, comparing):
        if decision is not None:
            return result
        if finding.place not in places_of(plan.network):
            return result.replace(reason="what is trained does not depend on it")
        return result.replace(verdict=NOT_REPRODUCED, reason="its repair changes nothing that this network computes")
    if comparing is None or not plan.trainable or "training" not in finding.evidence:
        return result if decision is not None else result.replace(reason=_why_not(plan, finding, said.reasons))
    found = measured.get(finding.rule)
    if found is None or not found.final:
        return result if decision is not None else result.replace(reason="an arm could not be trained")
    verdict = found.verdict
    reason = ""
    if verdict == INCONCLUSIVE and all(each.better < LEARNS for each in found.final):
        reason = "nothing was learned within the budget, also when repaired"
    return result.replace(
        verdict=decision.verdict if decision is not None else verdict, attribution=found.attribution,
        final=found.lasting if found.early else found.final, early=found.early, alone=found.alone, other=found.other,
        reason=reason,
    )  # fmt: skip


def _why_not(plan: Plan, finding: Finding, undecided: Mapping[int, str]) -> str:
    why = undecided.get(id(finding)) or plan.uncertified.get(id(finding))
    if not finding.evidence:
        return why or "there is no experiment for this rule"
    if "training" not in finding.evidence:
        return f"no certificate could be computed: {why}" if why else "what a certificate is computed from is unknown"
    if not plan.trainable:
        return plan.left_out[-1] if plan.left_out else "the network could not be trained"
    return plan.unrepaired.get(finding.rule, "it was not measured")
