"""From a program and its findings to an experiment: arms, data, budget, certificates."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from trainlint.probe import cost
from trainlint.probe.arms import Arm, Arms, all_but, only
from trainlint.probe.certificates import certificates
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN, VERSION, patch_of
from trainlint.probe.networks import Network, again, concerns, networks, places_of
from trainlint.probe.refusal import NotCarried
from trainlint.probe.replica import Replica, replica
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding
    from trainlint.probe.certificates import Certificate
    from trainlint.probe.experiment import Json
    from trainlint.project import Project
    from trainlint.source.code import Place

TASKS = ("teacher", "prototypes")
"""Two tasks of different kinds: what harms on one may not on the other."""

SEEDS, STEPS = 5, 200
MORE_SEEDS, MORE_STEPS = 8, 800
MOST_SEEDS, MOST_STEPS = 16, 1600
"""The budgets: five seeds are the fewest that can reach p = .05; four times the steps where it stays open, and once
more twice as much of both where the network is small."""

CHECKPOINTS = (25, 50, 100, 200, 400, 800)

ROWS, HELD_OUT = 4000, 1000

MOST_PAIRS = 10
"""Pairs of rules that are tried where no rule alone explains what is wrong."""


class Comparing(Record):
    """For a rule: the arm with its findings, the one without them, and the one in which only they are repaired."""

    rule: str
    harmed: str
    sound: str
    alone: str | None


class Plan(Record, eq=False):
    """What is to be measured of one network.

    `same` maps arms to the first one with the same graph, which is the one that is trained.
    `replicas` are those of the arms, `comparisons` what is compared for each rule that has a repair.
    `unrepaired` says of the other rules why there is nothing to train.
    """

    network: Network
    findings: tuple[Finding, ...]
    arms: tuple[Arm, ...]
    replicas: Mapping[str, Replica]
    same: Mapping[str, str]
    comparisons: tuple[Comparing, ...]
    certificates: tuple[Certificate, ...]
    unrepaired: Mapping[str, str]
    fits: bool
    """Whether it is known what is learned, and the network is small enough to be trained."""
    assumed: tuple[str, ...]
    left_out: tuple[str, ...]
    products: int = 0
    """Multiplications of one row's way through the network."""
    batch: int = 0
    raised_rate: float | None = None
    maker: Arms | None = None
    uncertified: Mapping[int, str] = {}
    """Why there is no certificate, by the identity of the finding, where there is a reason to tell."""

    def with_pairs(self, rules: Sequence[str]) -> tuple[Plan, list[tuple[str, str, str]]]:
        """The plan with arms in which two of some rules are left in, and (rule, rule, arm) for each of them."""
        arms, replicas, same = list(self.arms), dict(self.replicas), dict(self.same)
        pairs = []
        for one, other in list(combinations(rules, 2))[:MOST_PAIRS]:
            arm = self.maker.undone(one, other) if self.maker is not None else None
            at = again(arm.analysis, self.network) if arm is not None else None
            if arm is None or at is None:
                continue
            try:
                replicas[arm.name] = replica(at.program, at.event)
            except NotCarried:
                continue
            arms.append(arm)
            same[arm.name] = arm.name
            pairs.append((one, other, arm.name))
        return self.replace(arms=tuple(arms), replicas=replicas, same=same), pairs

    def steps_for(self, arms: int, seeds: int, steps: int, most: float) -> int:
        """As many of the steps as fit into an estimated time, 50 at least."""
        needed = cost.seconds(self.products, self.batch, arms, seeds, steps)
        return steps if needed <= most else max(50, int(steps * most / needed) // 50 * 50)

    @property
    def judged(self) -> tuple[Comparing, ...]:
        """The comparisons that a training decides: of rules that it can judge and repairs that change something."""
        rules = {finding.rule for finding in self.findings if "training" in finding.evidence}
        return tuple(
            c for c in self.comparisons if c.rule in rules and self.same[c.harmed] != self.same[c.sound]
        )  # fmt: skip

    @property
    def trainable(self) -> bool:
        """Whether there is anything that a training may decide."""
        return self.fits and bool(self.judged)

    @property
    def needed(self) -> list[str]:
        """The arms that are trained."""
        found = [AS_WRITTEN, ALL_REPAIRED]
        for c in self.judged:
            found += [c.harmed, c.sound, *([c.alone] if c.alone is not None else [])]
        return list(dict.fromkeys(name for name in found if name in self.same))

    def experiment(
        self, seeds: int = SEEDS, steps: int = STEPS, device: str = "auto", arms: Iterable[str] | None = None,
        certify: bool = True,
    ) -> Json:  # fmt: skip
        """The document for a worker; with `arms` only those and the program as written."""
        wanted = [AS_WRITTEN, *(arms if arms is not None else self.needed)]
        names = list(dict.fromkeys(self.same[name] for name in wanted if name in self.same))
        base = self.replicas[AS_WRITTEN].graph
        entries: list[Json] = []
        for name in names:
            graph = self.replicas[name].graph
            entries.append({"name": name, "graph": base} if name == AS_WRITTEN else
                           {"name": name, "patch": patch_of(base, graph)})  # fmt: skip
        train = self.trainable and steps > 0
        return {
            "version": VERSION, "arms": entries, "tasks": list(TASKS) if train else [], "seeds": list(range(seeds)),
            "steps": steps, "checkpoints": [k for k in CHECKPOINTS if k < steps] + [steps],
            "batch": self.batch, "rows": ROWS, "held_out": HELD_OUT, "device": device,
            "certificates": [
                {**check, "arm": self.same.get(check["arm"], check["arm"])}
                for each in self.certificates for check in each.checks
            ] if certify else [],
        }  # fmt: skip


class Unplanned(Record, eq=False):
    """Findings for which no network can be trained, with the reason for people.

    Some have a certificate that needs none; `uncertified` says why others have none.
    """

    findings: tuple[Finding, ...]
    reason: str
    place: Place | None = None
    certificates: tuple[Certificate, ...] = ()
    uncertified: Mapping[int, str] = {}


def plans(
    analysis: Analysis,
    project: Project,
    config: Config,
    findings: Sequence[Finding],
    together: frozenset[str] | None = None,
) -> tuple[list[Plan], list[Unplanned]]:
    """One plan for each network that findings concern, and what cannot be probed."""
    found = list(networks(analysis))
    if not found:
        return [], [_unplanned(analysis, None, findings, "no training was found in the program")]
    groups: dict[int, list[Finding]] = {}
    reached = [places_of(network) for network in found]
    elsewhere: list[Finding] = []
    for finding in findings:
        index = next((i for i, places in enumerate(reached) if finding.place in places), None)
        if index is None:
            index = next((i for i, places in enumerate(reached) if concerns(found[i], places, finding)), None)
        if index is None:
            elsewhere.append(finding)
        else:
            groups.setdefault(index, []).append(finding)
    made: list[Plan] = []
    failed: list[Unplanned] = []
    if elsewhere:
        failed.append(_unplanned(analysis, None, elsewhere, "it is about something that is not trained here"))
    for index, group in sorted(groups.items()):
        result = _plan(analysis, project, config, found[index], group, together)
        if isinstance(result, Plan):
            made.append(result)
        else:
            failed.append(result)
    return made, failed


def _plan(
    analysis: Analysis, project: Project, config: Config, network: Network, findings: Sequence[Finding],
    together: frozenset[str] | None,
) -> Plan | Unplanned:  # fmt: skip
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    try:
        first = replica(network.program, network.event)
    except NotCarried as error:
        return _unplanned(analysis, network, findings, f"the network cannot be rebuilt: {error.reason}", error.place)
    maker = Arms(analysis, project, config, together)
    arms = maker.of(rules)
    replicas: dict[str, Replica] = {}
    left_out = list(first.left_out)
    for arm in arms:
        at = network if arm.analysis is analysis else again(arm.analysis, network)
        try:
            if at is None:
                raise NotCarried("the network is gone in the repaired text")
            replicas[arm.name] = first if at is network else replica(at.program, at.event)
        except NotCarried as error:
            left_out.append(f"the arm `{arm.name}`: {error.reason}")
    arms = [arm for arm in arms if arm.name in replicas]
    same: dict[str, str] = {}
    for arm in arms:
        same[arm.name] = next(
            other for other in (*same.values(), arm.name) if replicas[other].graph == replicas[arm.name].graph
        )
    by_name = {arm.name: arm for arm in arms}
    comparisons = []
    unrepaired = {}
    for rule in rules:
        harmed = by_name.get(all_but(rule))
        if harmed is not None and harmed.beside in by_name:
            alone = only(rule) if only(rule) in by_name else None
            comparisons.append(Comparing(rule, harmed.name, harmed.beside, alone))
        else:
            unrepaired[rule] = "no repair of it can be trained"
    checks, uncertified = certificates(
        analysis.programs, network, findings, replicas.get(AS_WRITTEN), replicas.get(ALL_REPAIRED)
    )
    assumed = tuple(dict.fromkeys(text for each in replicas.values() for text in each.assumed))
    work, batch = cost.products(network.program, first), first.batch
    small = cost.affordable(first, work)
    fits = first.task.kind != "none" and small
    if first.task.kind == "none":
        left_out.append("a training: what would be learned is not known")
    elif not small:
        left_out.append("a training: the network is too large for a probe")
    elif batch > cost.USUAL and cost.seconds(work, batch, len(set(same.values())), SEEDS, STEPS) > cost.FIRST / 4:
        left_out.append(f"batches of {batch} rows ({cost.USUAL} are taken, to save time)")
        batch = cost.USUAL
    return Plan(
        network, tuple(findings), tuple(arms), replicas, same, tuple(comparisons), checks, unrepaired, fits,
        assumed, tuple(dict.fromkeys(left_out)), work, batch, None, maker, uncertified,
    )  # fmt: skip


def _unplanned(
    analysis: Analysis, network: Network | None, findings: Sequence[Finding], reason: str, place: Place | None = None
) -> Unplanned:
    """Findings without a training, with the certificates that need no network."""
    checks, uncertified = certificates(analysis.programs, network, findings, None, None)
    return Unplanned(tuple(findings), reason, place, checks, uncertified)
