"""What a probe measured as plain data, for every output format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.probe.measure import Outcome, Result, of_arm
from trainlint.probe.verdict import Comparison
from trainlint.probe.wording import certified_sentence, sentence
from trainlint.report.entries import entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trainlint.analysis import Analysis
    from trainlint.probe.certificates import Decision
    from trainlint.probe.experiment import Json
    from trainlint.probe.plan import Plan
    from trainlint.probe.service import Certified
    from trainlint.report.schema import AloneEntry, EffectEntry, FileEntry, LayerEntry, NetworkEntry, ResultEntry


def probed_entry(
    analysis: Analysis, outcomes: Iterable[Outcome], unplanned: Iterable[Certified], display: Callable[[str], str]
) -> tuple[FileEntry, list[NetworkEntry]]:
    """The entry of a file with the results filled in, and one object for each network that was probed."""
    outcomes = list(outcomes)
    found: dict[str, ResultEntry] = {}
    for number, outcome in enumerate(outcomes):
        for result in outcome.results:
            found[result.finding.fingerprint] = result_entry(outcome, result, number)
    for each in unplanned:
        place = each.unplanned.place
        where = f" (line {analysis.location(place).line})" if place is not None else ""
        for finding in each.unplanned.findings:
            decision = each.decisions.get(id(finding))
            if decision is not None:
                found[finding.fingerprint] = certified_entry(decision, each.run)
            else:
                reason = each.reason(finding)
                found[finding.fingerprint] = not_probed(reason + (where if reason == each.unplanned.reason else ""))
    shown = entry(analysis, display)
    for item in shown["findings"]:
        item["evidence"]["result"] = found.get(item["fingerprint"])
    return shown, [network_entry(analysis, outcome, display) for outcome in outcomes]


def result_entry(outcome: Outcome, result: Result, network: int = 0) -> ResultEntry:
    """What was measured of one finding, as `evidence.result` holds it."""
    last = outcome.last
    by_training = bool(result.final)
    effect = _effect(result.final)
    return {
        "verdict": result.verdict, "attribution": result.attribution, "kind": result.kind,
        "data": "synthetic" if by_training or result.decision is not None else None,
        "backend": _backend(last), "device": last.get("device", {}).get("name"),
        "seeds": max((each.seeds for each in result.final), default=None) if by_training else None,
        "steps": max((each.steps for each in result.final), default=None) if by_training else None,
        "effect": effect, "alone": _alone(outcome, result), "text": sentence(outcome, result), "network": network,
    }  # fmt: skip


def certified_entry(decision: Decision, run: Json) -> ResultEntry:
    """The result of a finding that a certificate decides without a network."""
    return {
        "verdict": decision.verdict, "attribution": None, "kind": "certificate", "data": None,
        "backend": _backend(run), "device": (run.get("device") or {}).get("name"), "seeds": None, "steps": None,
        "effect": None, "alone": None, "text": certified_sentence(decision), "network": None,
    }  # fmt: skip


def not_probed(reason: str) -> ResultEntry:
    """The result of a finding for which no experiment could be planned."""
    return {
        "verdict": "inconclusive", "attribution": None, "kind": None, "data": None, "backend": None, "device": None,
        "seeds": None, "steps": None, "effect": None, "alone": None, "text": f"Not probed: {reason}.", "network": None,
    }  # fmt: skip


def network_entry(analysis: Analysis, outcome: Outcome, display: Callable[[str], str]) -> NetworkEntry:
    """One probed network: where it is, what was trained, and the arms with their curves."""
    plan = outcome.plan
    location = analysis.location(plan.network.event.place)
    written = plan.replicas[AS_WRITTEN]
    names = {first: [name for name, same in plan.same.items() if same == first] for first in plan.same.values()}
    arms: list[Any] = []
    for number, run in enumerate(outcome.runs):
        for each in run.get("arms", ()):
            arms.append({**_shortened(each), "arms": names.get(each["name"], [each["name"]]), "run": number})
    return {
        "file": display(location.file), "cell": location.cell, "line": location.line, "parameters": written.parameters,
        "batch": written.batch, "task": written.graph["task"], "optimizer": written.graph["optimizer"],
        "raised_rate": plan.raised_rate, "trained": plan.trainable,
        "backend": _backend(outcome.last), "device": outcome.last.get("device"),
        "seconds": round(sum(run.get("seconds") or 0.0 for run in outcome.runs), 2),
        "runs": [{"seeds": len(_seeds(run)), "steps": _steps(run), "optimizer": run.get("optimizer")}
                 for run in outcome.runs],
        "overall": _effect(outcome.overall), "arms": arms,
        "repaired": {arm.name: sorted(arm.repaired) for arm in plan.arms},
        "layers": _layers(plan),
        "assumed": list(plan.assumed), "left_out": list(plan.left_out), "notes": list(outcome.notes),
    }  # fmt: skip


def _shortened(value: Any) -> Any:
    """Measurements with as many digits as they mean; JSON has no number for what is not finite."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    return value


def _layers(plan: Plan) -> dict[str, LayerEntry]:
    """What measurements speak of: weights and activations as written, each with its name in the repaired network."""
    written = plan.replicas[AS_WRITTEN].graph["nodes"]
    repaired = plan.replicas[ALL_REPAIRED].graph["nodes"] if ALL_REPAIRED in plan.replicas else {}
    weights, others = _of_op(written, "variable"), _of_op(repaired, "variable")
    # A repair may add or remove a layer; then nothing tells which is which.
    paired = dict(zip(weights, others)) if len(weights) == len(others) else {}
    paired.update(_paired_activations(written, repaired, paired))
    found: dict[str, LayerEntry] = {}
    for name in (*weights, *_of_op(written, "activation")):
        node = written[name]
        layer = node.get("layer") if node["op"] == "variable" else node.get("function")
        found[name] = {"kind": node["op"], "layer": layer, "shape": node.get("shape"), "repaired": paired.get(name)}
    return found


def _of_op(nodes: Json, op: str) -> list[str]:
    return [name for name, node in nodes.items() if node["op"] == op]


def _paired_activations(written: Json, repaired: Json, weights: Mapping[str, str]) -> dict[str, str]:
    """For activations as written those that stand behind the same weights in the repaired network."""
    known: dict[frozenset[str], list[str]] = {}
    behind = _weights_behind(repaired)
    for name in _of_op(repaired, "activation"):
        known.setdefault(behind[name], []).append(name)
    behind = _weights_behind(written)
    found = {}
    for name in _of_op(written, "activation"):
        same = known.get(frozenset(weights.get(weight, "") for weight in behind[name]))
        if same:
            found[name] = same.pop(0)
    return found


def _weights_behind(nodes: Json) -> dict[str, frozenset[str]]:
    """For each node the weights that it depends on; inputs are written before what takes them."""
    found: dict[str, frozenset[str]] = {}
    for name, node in nodes.items():
        behind = [found.get(each, frozenset()) for each in node["inputs"] if isinstance(each, str)]
        found[name] = frozenset({name}) if node["op"] == "variable" else frozenset().union(*behind)
    return found


def _backend(run: Json) -> str | None:
    backend = run.get("backend") or {}
    name = backend.get("name")
    return None if name is None else f"{name} {backend.get('version', '')}".strip()


def _seeds(run: Json) -> list[Any]:
    return next((each["skill"] for each in run.get("arms", ()) if not each.get("error")), [])


def _steps(run: Json) -> int:
    return max((each["checkpoints"][-1] for each in run.get("arms", ()) if each.get("checkpoints")), default=0)


def _effect(found: tuple[Comparison, ...]) -> EffectEntry | None:
    """The largest of the effects on the tasks: the share of the skill that is lost, with its interval."""
    if not found:
        return None
    each = max(found, key=lambda comparison: comparison.relative)
    return {
        "skill": round(each.worse, 4), "skill_repaired": round(each.better, 4), "relative": round(each.relative, 4),
        "low": _finite(each.low), "high": _finite(each.high), "p": each.p,
    }  # fmt: skip


def _finite(value: float) -> float | None:
    """The number for JSON, which has none for a bound that is infinite."""
    return round(value, 4) if math.isfinite(value) else None


def _alone(outcome: Outcome, result: Result) -> AloneEntry | None:
    """What the repair of this finding alone does to the program as written."""
    if not result.alone:
        return None
    each = max(result.alone, key=lambda comparison: comparison.better)
    whole = of_arm(outcome.runs[0], outcome.plan.same.get(ALL_REPAIRED, ""))
    best = max((_last(entry) for entry in whole.values()), default=0.0)
    return {"skill": round(each.better, 4), "sufficient": best > 0 and each.better >= 0.75 * best}


def _last(measured: Json) -> float:
    values = [row[-1] if row[-1] is not None else -3.0 for row in measured["skill"]]
    return sum(values) / len(values)
