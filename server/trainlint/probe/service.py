"""`probe_findings`: the one way from a program's findings to what was measured of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trainlint.probe.measure import Outcome, measure
from trainlint.probe.plan import Plan, Unplanned, plans
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding
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


class Probed(Record, eq=False):
    """What was measured of each network, and what could not be probed."""

    outcomes: tuple[Outcome, ...]
    unplanned: tuple[Unplanned, ...]

    @property
    def confirmed(self) -> int:
        """How many findings were confirmed."""
        return sum(result.verdict == "confirmed" for outcome in self.outcomes for result in outcome.results)


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
    return Probed(tuple(outcomes), tuple(failed))
