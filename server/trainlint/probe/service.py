"""`probe_findings`: the one way from a program's findings to what was measured of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from trainlint.probe import errors
from trainlint.probe.certificates import alone, decided
from trainlint.probe.errors import ProbeError
from trainlint.probe.measure import Outcome, measure
from trainlint.probe.plan import Plan, Unplanned, plans
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding
    from trainlint.probe.certificates import Decision
    from trainlint.probe.experiment import Json
    from trainlint.probe.measure import Run
    from trainlint.project import Project


UNTRAINED = "no exact check decides it, and nothing was to be trained"


class Wishes(Record):
    """How a probe is to be run: on which device, for how long, and whether harmless is to be told from slow."""

    device: str = "auto"
    thorough: bool | None = None
    """None: where several findings are probed, so that they can be weighed against each other."""
    seeds: int | None = None
    steps: int | None = None
    certificates_only: bool = False
    """Nothing is trained: what no exact check decides stays open."""


class Certified(Record, eq=False):
    """Findings for which no network could be trained: what certificates decide of them, and why not of the others."""

    unplanned: Unplanned
    decisions: Mapping[int, Decision] = {}
    """By the identity of the finding."""
    reasons: Mapping[int, str] = {}
    run: Json = {}
    """The measurements, empty where nothing had to be computed."""

    def reason(self, finding: Finding) -> str:
        """Why nothing was decided of a finding, a clause."""
        return self.reasons.get(id(finding)) or self.unplanned.reason


class Probed(Record, eq=False):
    """What was measured of each network, and what could not be probed."""

    outcomes: tuple[Outcome, ...]
    unplanned: tuple[Certified, ...]

    @property
    def confirmed(self) -> int:
        """How many findings were confirmed."""
        verdicts = [decision.verdict for each in self.unplanned for decision in each.decisions.values()]
        verdicts += [result.verdict for outcome in self.outcomes for result in outcome.results]
        return verdicts.count("confirmed")


def probe_findings(
    analysis: Analysis, project: Project, config: Config, findings: Sequence[Finding], run: Run,
    wishes: Wishes | None = None, announce: Callable[[Plan], None] | None = None,
) -> Probed:  # fmt: skip
    """Plans and measures; what `run` raises goes through."""
    wishes = wishes or Wishes()
    made, failed = plans(analysis, project, config, findings)
    outcomes = []
    for plan in made:
        if wishes.certificates_only:
            plan = plan.replace(fits=False, left_out=(*plan.left_out, UNTRAINED))
        if announce is not None:
            announce(plan)
        thorough = wishes.thorough if wishes.thorough is not None else len(plan.comparisons) > 1
        more = {}
        if wishes.steps is not None:
            more["steps"] = wishes.steps
        if wishes.seeds is not None:
            more["seeds"] = wishes.seeds
        outcomes.append(measure(plan, run, device=wishes.device, thorough=thorough, **more))
    return Probed(tuple(outcomes), tuple(_certified(each, run, wishes.device) for each in failed))


def _certified(unplanned: Unplanned, run: Run, device: str) -> Certified:
    """What certificates that need no network decide."""
    measured: Json = {}
    why = ""
    experiment = alone(unplanned.certificates, device)
    if experiment is not None:
        try:
            measured = run(experiment)
        except ProbeError as error:
            if error.kind == errors.CANCELLED:
                raise
            # What follows from the program holds without a backend.
            why = error.message.rstrip(".")
    found = decided(unplanned.certificates, measured.get("certificates", ()))
    reasons = dict.fromkeys(found.reasons, why) if why else found.reasons
    # Of a rule that a training judges the reason is that there is none.
    known = {
        id(f): text for f in unplanned.findings
        if "training" not in f.evidence and (text := unplanned.uncertified.get(id(f)))
    }  # fmt: skip
    return Certified(unplanned, found.decisions, {**known, **reasons}, measured)
