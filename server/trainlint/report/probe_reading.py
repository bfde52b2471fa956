"""What a probe measured, in the order and the words in which people read it; shared by the formats.

A network is an object as the JSON document holds it in `arms`, a result what stands in a finding's `evidence`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.record import Record
from trainlint.report.concise import file_and_cell
from trainlint.report.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainlint.report.schema import FileEntry, FindingEntry, MeasuredEntry, NetworkEntry, ResultEntry, RunEntry

AS_WRITTEN = "as written"
ALL_REPAIRED = "all repaired"
_ALL_BUT = "all but "
_ONLY = "only "

ALMOST_ALL = 0.75
"""The share of the best skill from which a network counts as having learned as much."""

LEARNS = 0.1
"""Skill below which a network has learned nothing to speak of."""

SKILL = "Skill is 1 for a perfect network, 0 for guessing by how often each answer occurs, below 0 for worse than that."
SKILL_OF_NUMBERS = "Skill is 1 for a perfect network, 0 for always answering the mean, below 0 for worse than that."

SEEDS = "Each network was trained several times, each time from other random numbers (a seed)."

SILENCE = (
    "What is not listed was not proved harmless: "
    "a probe tries what trainlint found, for a short while, and not on your data."
)

TASKS = {
    "teacher": "answers that a small random network gives",
    "prototypes": "one typical example for each answer, and noise",
}
"""What the synthetic tasks are, for people."""


class Importance(Record):
    """A class of results: its name, what it means, and how it is marked."""

    key: str
    title: str
    meaning: str
    colour: str


IMPORTANCE = tuple(
    Importance(*each)
    for each in (
        ("necessary", "Necessary", "while one of these stays in, the network does not learn what it could", "red"),
        ("contributing", "Contributing", "these cost skill, but the network learns in spite of them", "red"),
        ("confirmed", "Confirmed", "computed on this network, without a training", "red"),
        ("slows-down", "Slows down", "the network learns all the same, only later or with another optimizer", "yellow"),
        ("inconclusive", "Not decided", "the difference is too small or too uncertain", "cyan"),
        ("not-probed", "Not probed", "no experiment could answer", "cyan"),
        ("not-reproduced", "Not reproduced", "no effect was measured", "green"),
        ("harmless-here", "Harmless here", "no harm in this program, also in a longer training", "green"),
    )
)
"""The classes, the most important first."""

_BY_KEY = {each.key: each for each in IMPORTANCE}

HARMFUL = ("red", "yellow")

_NOT_MEASURED = ("inconclusive", "not-probed")


class Verdict(Record, eq=False):
    """Findings that share a result: those of one rule in one network."""

    importance: Importance
    findings: tuple[FindingEntry, ...]
    result: ResultEntry

    @property
    def first(self) -> FindingEntry:
        return self.findings[0]


def verdicts(entries: Iterable[FileEntry]) -> list[Verdict]:
    """The results of findings, the most important first."""
    groups: dict[tuple[Any, ...], list[FindingEntry]] = {}
    for entry in entries:
        for finding in entry["findings"]:
            result = finding["evidence"]["result"]
            if result is not None and finding["suppressed"] is None:
                key = (finding["file"], result["network"], finding["rule"], importance(result).key, result["text"])
                groups.setdefault(key, []).append(finding)
    found = []
    for group in groups.values():
        result = group[0]["evidence"]["result"]
        assert result is not None
        found.append(Verdict(importance(result), tuple(group), result))
    return sorted(found, key=_by_importance)


def importance(result: ResultEntry) -> Importance:
    """The class of a result: what a training says of a finding counts more than that it was confirmed."""
    if result["attribution"] is not None:
        return _BY_KEY[result["attribution"]]
    if result["verdict"] == "inconclusive" and result["kind"] is None:
        return _BY_KEY["not-probed"]
    return _BY_KEY[result["verdict"]]


def _by_importance(verdict: Verdict) -> tuple[object, ...]:
    effect = verdict.result["effect"]
    lost = effect["relative"] if effect is not None else 0.0
    first = verdict.first
    return IMPORTANCE.index(verdict.importance), -lost, -first["rank"], first["file"], first["line"], first["column"]


def outcome(found: Sequence[Verdict]) -> str:
    """What to do, in a sentence."""
    harmful = [each for each in found if each.importance.colour in HARMFUL]
    needed = [each for each in harmful if each.importance.key == "necessary"]
    rest = [each for each in harmful if each not in needed]
    if needed:
        more = f" Then {listed([_named(each) for each in rest])}." if rest else ""
        which = "the network learns" if len(needed) == 1 else "the network learns only with all of these repairs"
        because = "without this repair the network does not learn" if len(needed) == 1 else which
        return f"Repair {listed([_named(each) for each in needed])} first: {because}.{more}"
    if rest:
        return f"Confirmed: {listed([_named(each) for each in rest])}."
    if any(each.importance.key in _NOT_MEASURED for each in found):
        return "Nothing was confirmed, and not everything could be decided."
    return "Nothing was confirmed." if found else "There was nothing to probe."


def _named(verdict: Verdict) -> str:
    return f"`{verdict.first['rule']}`"


def listed(parts: Sequence[str]) -> str:
    """The parts as one reads them aloud."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def alone(verdict: Verdict) -> str:
    """What its repair alone does; "" where that was not tried."""
    found = verdict.result["alone"]
    if found is None or verdict.importance.colour not in HARMFUL:
        return ""
    skill = number(found["skill"])
    if found["sufficient"]:
        return f"This repair alone is enough: skill {skill}."
    if found["skill"] < LEARNS:
        return f"This repair alone changes nothing to speak of: skill {skill}."
    return f"This repair alone is not enough: skill {skill}."


def where(network: NetworkEntry) -> str:
    """Where a network is trained."""
    return f"{file_and_cell(network['file'], network['cell'])}:{network['line']}"


def measured_on(verdict: Verdict, networks: Sequence[NetworkEntry]) -> str:
    """Which network a verdict is of; "" where there is one alone."""
    index = verdict.result["network"]
    if index is None or len(networks) < 2 or index >= len(networks):
        return ""
    return f"measured on the network trained at {where(networks[index])}"


# Networks -------------------------------------------------------------------------------------------------------------


class Row(Record, eq=False):
    """An arm on a task: the skill at the end over its seeds, and how it came there.

    `skill` is None where nothing was measured, and `error` says why; `like` names the arm with the same network.
    `path` is the mean skill at each checkpoint, None where no seed had a number.
    """

    arm: str
    measured: MeasuredEntry
    skill: float | None = None
    low: float = 0.0
    high: float = 0.0
    steps: int = 0
    path: tuple[float | None, ...] = ()
    broken: int = 0
    like: str = ""
    error: str = ""


def arm_name(arm: str) -> str:
    """An arm's name for people who have not read how a probe works."""
    if arm == AS_WRITTEN:
        return "your program as written"
    if arm == ALL_REPAIRED:
        return "everything repaired"
    if arm.startswith(_ALL_BUT):
        return f"everything except {arm[len(_ALL_BUT) :]}"
    if arm.startswith(_ONLY):
        return f"nothing except {arm[len(_ONLY) :]}"
    return arm


class Section(Record):
    """Arms that belong together in a table: `left` is said once, each arm then names what is special about it."""

    title: str
    rows: tuple[tuple[str, Row], ...]


def sections(network: NetworkEntry, task: str) -> list[Section]:
    """The arms on a task: the program and its repair, what happens without one repair, what with one alone."""
    found = rows(network, task)
    first = [(arm_name(row.arm), row) for row in found if row.arm in (AS_WRITTEN, ALL_REPAIRED)]
    but = [(row.arm[len(_ALL_BUT) :], row) for row in sorted(found, key=_worst_first) if row.arm.startswith(_ALL_BUT)]
    only = [(row.arm[len(_ONLY) :], row) for row in sorted(found, key=_best_first) if row.arm.startswith(_ONLY)]
    every = [
        Section("", tuple(first)),
        Section("everything repaired except", tuple(but)),
        Section("nothing repaired except", tuple(only)),
    ]
    return [each for each in every if each.rows]


def _worst_first(row: Row) -> tuple[bool, float]:
    return row.like != "", -4.0 if row.skill is None else row.skill


def _best_first(row: Row) -> tuple[bool, float]:
    return row.like != "", 4.0 if row.skill is None else -row.skill


def tasks(network: NetworkEntry) -> list[str]:
    """The tasks that were trained on."""
    return list(dict.fromkeys(each["task"] for each in network["arms"]))


def rows(network: NetworkEntry, task: str) -> list[Row]:
    """The arms on a task, each from the longest run that measured it with its own optimizer."""
    own = [index for index, run in enumerate(network["runs"]) if run["optimizer"] is None]
    return rows_of([each for each in network["arms"] if each["run"] in own], task)


def rows_of(arms: Iterable[MeasuredEntry], task: str) -> list[Row]:
    """The arms on a task, each as it was measured last."""
    best: dict[str, MeasuredEntry] = {}
    for each in arms:
        if each["task"] == task:
            for name in each["arms"]:
                before = best.get(name)
                if before is None or not each["error"] or before["error"]:
                    best[name] = each
    found = []
    for name in sorted(best, key=_arm_order):
        row = _row(name, best[name])
        same = best[name]["arms"]
        if len(same) > 1:
            others = [other for other in sorted(same, key=_arm_order) if other != name]
            if _arm_order(others[0]) < _arm_order(name):
                row = row.replace(like=arm_name(others[0]))
        found.append(row)
    return found


def _arm_order(name: str) -> tuple[int, str]:
    for index, start in enumerate((AS_WRITTEN, ALL_REPAIRED, _ALL_BUT, _ONLY)):
        if name.startswith(start):
            return index, name
    return 4, name


def _row(name: str, measured: MeasuredEntry) -> Row:
    if measured["error"] or not measured["skill"]:
        return Row(name, measured, error=measured["error"] or "nothing was measured")
    last = [row[-1] for row in measured["skill"]]
    known = [value for value in last if value is not None and is_number(value)]
    path = tuple(mean(column) for column in zip(*measured["skill"]))
    steps = measured["checkpoints"][-1]
    broken = sum(not each for each in measured["finite"])
    if not known:
        return Row(name, measured, steps=steps, path=path, broken=broken, error="no number came out")
    return Row(name, measured, sum(known) / len(known), min(known), max(known), steps, path, broken)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the numbers among the values; None where there are none."""
    known = [value for value in values if value is not None and is_number(value)]
    return sum(known) / len(known) if known else None


def is_number(value: object) -> bool:
    """Whether a measured value is a number at all: JSON has null for what is not finite."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number(value: float | None) -> str:
    """A skill with two digits; no negative zero."""
    if value is None or not math.isfinite(value):
        return "none"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text


def has_learned(row: Row, best: float) -> str:
    """The colour that says how a row compares with the best one."""
    if row.skill is None or row.skill < LEARNS:
        return "red"
    return "green" if row.skill >= ALMOST_ALL * best else "yellow"


def what_is_learned(network: NetworkEntry) -> str:
    """The kind of task in words."""
    task: Mapping[str, Any] = network["task"]
    kind = str(task.get("kind"))
    each = "for each element of a sample" if kind.startswith("dense-") else "for each sample"
    kind = kind.removeprefix("dense-")
    if kind == "single-label":
        return f"one of {counted(task.get('classes') or 0, 'class').replace('classs', 'classes')} {each}"
    if kind == "binary":
        return f"yes or no {each}"
    if kind == "multi-label":
        return f"{task.get('labels') or 'several'} times yes or no {each}"
    if kind == "regression":
        return f"numbers {each}"
    if kind == "autoencoder":
        return "its own input (an autoencoder)"
    return "something that is not known"


def meaning_of_skill(network: NetworkEntry) -> str:
    """What the numbers mean, in one sentence."""
    kind = str(network["task"].get("kind"))
    return SKILL_OF_NUMBERS if kind.endswith("regression") or kind == "autoencoder" else SKILL


def facts(network: NetworkEntry) -> list[tuple[str, str]]:
    """What was trained, on what and how, as pairs of a label and words."""
    found = [("Network", f"{counted_with_commas(network['parameters'], 'parameter')}; {how_it_is_trained(network)}")]
    found.append(("Learns", what_is_learned(network)))
    if network["trained"]:
        named = [f"{task} ({TASKS[task]})" if task in TASKS else task for task in tasks(network)]
        data = "synthetic, shaped like yours"
        found.append(("Data", f"{data}: {listed(named)}" if named else data))
    else:
        found.append(("Data", "synthetic, shaped like yours; exact readings of the network at its start, no training"))
    found.append(("Measured", _measured(network)))
    return found


def how_it_is_trained(network: NetworkEntry) -> str:
    """The optimizer and the batch."""
    optimizer = network["optimizer"]
    name = str(optimizer.get("name") or "an unknown optimizer")
    rate = optimizer.get("learning_rate")
    if isinstance(rate, (int, float)):
        name += f" with the rate {rate:g}"
    return f"{name}, batches of {network['batch']}"


def _measured(network: NetworkEntry) -> str:
    device = network["device"] or {}
    parts = [text for text in (network["backend"], (device.get("name") or "").upper()) if text]
    where = f"on {', '.join(parts)}, " if parts else ""
    long = ", then ".join(length(run) for run in network["runs"] if run["steps"])
    return f"{where}in {network['seconds']:.1f} seconds" + (f": {long}" if long else "")


def length(run: RunEntry) -> str:
    """A budget in words."""
    instead = f" with {run['optimizer']}" if run["optimizer"] else ""
    return f"{counted(run['seeds'], 'seed')} x {run['steps']} steps{instead}"


def counted_with_commas(n: int, word: str) -> str:
    return f"{n:,} {word if n == 1 else word + 's'}"


def whole_effect(network: NetworkEntry) -> str:
    """What all repairs together do on the task where they do most; "" where that was not trained."""
    found: list[tuple[float, float, int]] = []
    for task in tasks(network):
        by_arm = {row.arm: row for row in rows(network, task)}
        before, after = by_arm.get(AS_WRITTEN), by_arm.get(ALL_REPAIRED)
        if before is None or after is None or before.skill is None or after.skill is None or after.like:
            continue
        if before.steps == after.steps:
            found.append((before.skill, after.skill, after.steps))
    if not found:
        return ""
    first, last, steps = max(found, key=lambda each: each[1] - each[0])
    if last < LEARNS:
        return f"Everything repaired, the network still learns little within {steps} steps: skill {number(last)}."
    numbers = f"from {number(first)} to {number(last)} after {steps} steps"
    if first >= ALMOST_ALL * last:
        return f"All repairs together change little: skill {numbers}."
    return f"All repairs together take the skill {numbers}."
