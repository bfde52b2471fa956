"""The arms of script mode: the program's own text, and the fixed ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainlint.probe.arms import all_but, arms_of
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.probe.networks import networks
from trainlint.probe.refusal import NotCarried
from trainlint.probe.replica import replica
from trainlint.probe.script.records import Arm, Experiment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding
    from trainlint.probe.replica import Replica
    from trainlint.project import Project

_REGULARIZERS = ("dropout",)
"""Categories of which a short run always prefers less."""


def script_of(
    analysis: Analysis, project: Project, config: Config, findings: Sequence[Finding], arguments: Sequence[str]
) -> Experiment | None:
    """The program as written, all repaired, and all repaired but each rule's findings; None if nothing is repaired.

    A notebook is run as the text of its cells.
    """
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    notebook = analysis.path.endswith(".ipynb")
    entry = analysis.path[: -len(".ipynb")] + ".py" if notebook else analysis.path
    by_rule = {finding.rule: finding.category for finding in findings}
    made: list[Arm] = []
    pairs: list[tuple[str, str]] = [(AS_WRITTEN, ALL_REPAIRED)]
    wanted = {AS_WRITTEN, ALL_REPAIRED, *(all_but(rule) for rule in rules)}
    arms = arms_of(analysis, project, config, rules)
    wanted |= {arm.beside for arm in arms if arm.name in wanted}
    for arm in arms:
        if arm.name not in wanted:
            continue
        files = {os.path.abspath(path): data for path, data in arm.contents.items()}
        if notebook:
            files.pop(os.path.abspath(analysis.path), None)
            files[os.path.abspath(entry)] = arm.analysis.source.document.text.encode()
        if arm.name not in (AS_WRITTEN, ALL_REPAIRED) and _is_as_written(files, made):
            # Nothing else can be repaired: this one is the program as it was written.
            continue
        judged = not any(all_but(rule) == arm.name and by_rule[rule] in _REGULARIZERS for rule in rules)
        made.append(Arm(arm.name, files, _loss_word(arm.analysis), judged))
        if arm.name.startswith("all but ") and arm.name in {all_but(rule) for rule in rules} and len(rules) > 1:
            pairs.append((arm.name, arm.beside))
    if not any(arm.files for arm in made[1:]):
        return None
    return Experiment(entry, tuple(made), arguments=tuple(arguments), notebook=notebook, pairs=tuple(pairs))


def _is_as_written(files: dict[str, bytes], made: Sequence[Arm]) -> bool:
    return any(arm.name == AS_WRITTEN and arm.files == files for arm in made)


def _loss_word(analysis: Analysis) -> str | None:
    """What tells losses apart: all that is computed from the answers to the loss."""
    for network in networks(analysis):
        try:
            return _written(replica(network.program, network.event))
        except NotCarried:
            return None
    return None


def _written(found: Replica) -> str:
    """The loss in words, from the outside in: "mean of squared-difference of reshape"."""
    graph = found.graph
    nodes, stop = graph["nodes"], graph["predictions"]
    queue, seen = [graph["loss"]], []
    while queue:
        name = queue.pop(0)
        if name == stop or name in seen or not isinstance(name, str):
            continue
        seen.append(name)
        queue += nodes[name]["inputs"]
    words = []
    for name in seen:
        node = nodes[name]
        if node["op"] == "loss":
            words.append(f"{node['function']}{' of logits' if node['from_logits'] else ''} ({node['reduction']})")
        elif node["op"] not in ("source", "constant", "cast", "identity"):
            words.append(str(node.get("how") or node.get("function") or node["op"]))
    return " of ".join(words)
