"""Programs whose faults are known: which of them are found, at what distance, and what stays silent once repaired."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from bench.findings import Checked, Seen

NEAR = 3
"""A finding so many lines from the fault's is where the author looks."""

JUDGED = ("yes", "partly")
"""What the code shows, in the labels' words; the other faults are listed apart."""


class Fault(NamedTuple):
    """A fault of a program; `line` is None where it stands on none in particular."""

    kind: str
    detectable: str
    line: int | None


class Program(NamedTuple):
    """A labelled program and its repaired twin, by the names of their blobs."""

    name: str
    repository: str
    blob: str
    faults: tuple[Fault, ...]
    repaired: str | None


Reader = Callable[[str, str], "tuple[bytes, Checked] | None"]
"""Gives the text of a blob of a repository, and what is found in it; None if the blob is not there."""


def read_labels(path: Path) -> list[Program]:
    """The programs of a file with one JSON object a line; raises ValueError with the line that is wrong."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            label = json.loads(line)
            faults = tuple(Fault(each["kind"], each["detectable"], each.get("line")) for each in label["faults"])
            found.append(
                Program(label["program"], label["repository"], label["blob"], faults, label.get("repaired_blob"))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}, line {number}: {type(error).__name__}: {error}") from None
    return found


def read_kinds(path: Path) -> dict[str, frozenset[str]]:
    """Which rules count as finding a kind of fault."""
    return {kind: frozenset(rules) for kind, rules in json.loads(path.read_text(encoding="utf-8")).items()}


def distance(finding: Seen, line: int) -> int:
    """How many lines a finding is from a line; 0 on every line of its own place."""
    return max(finding.line - line, line - finding.end_line, 0)


def moved(line: int, before: Sequence[str], after: Sequence[str]) -> int:
    """The line of the repaired text where that of the original went, or where it would have been."""
    for kind, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if start <= line - 1 < end:
            if kind == "equal":
                return new_start + line - start
            return max(1, min(new_start + line - start, max(new_end, new_start + 1)))
    return line


def score(
    programs: Iterable[Program], read: Reader, kinds: Mapping[str, frozenset[str]], near: int = NEAR
) -> dict[str, Any]:
    """What is found of the faults of labelled programs.

    A fault is found where a rule that counts for its kind reports within `near` lines of it;
    a fault without a line is found by such a rule anywhere.
    Apart from that it is told where only a step of the finding's chain of reasons is near.
    One finding may find several faults of one kind.
    A twin is silent for a fault if none of these rules reports within `near` lines of where the fault's line went.
    """
    faults: list[dict[str, Any]] = []
    unread: list[str] = []
    clean: dict[tuple[str, str], Checked] = {}
    twins: dict[tuple[str, str], Checked] = {}
    for program in programs:
        main = read(program.repository, program.blob)
        if main is None:
            unread.append(program.name)
            continue
        text, result = main
        if not program.faults:
            clean[program.repository, program.blob] = result
        repaired = read(program.repository, program.repaired) if program.repaired is not None else None
        if program.repaired is not None:
            if repaired is None:
                unread.append(f"{program.name} (repaired)")
            else:
                twins[program.repository, program.repaired] = repaired[1]
        for fault in program.faults:
            rules = kinds.get(fault.kind, frozenset())
            entry = _entry(program, fault, rules, result, near)
            if repaired is not None:
                entry["twin"] = _twin(fault, rules, text, *repaired, near)
            faults.append(entry)
    judged = [fault for fault in faults if fault["detectable"] in JUDGED]
    return {
        "near": near,
        "faults": judged,
        "not detectable": [fault for fault in faults if fault["detectable"] not in JUDGED],
        "unread": unread,
        "twins": totals(twins.values()),
        "clean": totals(clean.values()),
    }


def shares(faults: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many faults there are, how many are found and where, and how many twins are silent; all of one list."""
    counts = Counter(faults=0)
    for fault in faults:
        counts.update(("faults", fault["found"]))
        if fault["found"] == "near" and fault["severity"] != "info":
            counts["near, no info"] += 1
        if fault["twin"] is not None:
            counts.update(("twins", f"twin {fault['twin']}"))
            if fault["found"] == "near" and fault["twin"] == "silent":
                counts["near and twin silent"] += 1
    names = (
        "near",
        "near, no info",
        "step",
        "elsewhere",
        "no",
        "twins",
        "twin silent",
        "twin fires",
        "near and twin silent",
    )
    return {"faults": counts["faults"], **{name: counts[name] for name in names}}


def missed(faults: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The programs none of whose faults is found near its line, with these faults."""
    by_program: dict[str, list[Mapping[str, Any]]] = {}
    for fault in faults:
        by_program.setdefault(fault["program"], []).append(fault)
    return {name: found for name, found in by_program.items() if all(fault["found"] != "near" for fault in found)}


def distances(faults: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many faults have the nearest finding that counts at which distance."""
    counts = dict.fromkeys(("0", "1", "2", "3", "4 to 10", "more than 10", "line not known", "nothing found"), 0)
    for fault in faults:
        away = fault["distance"]
        if fault["found"] == "no":
            counts["nothing found"] += 1
        elif away is None:
            counts["line not known"] += 1
        else:
            counts[str(away) if away <= 3 else "4 to 10" if away <= 10 else "more than 10"] += 1
    return counts


def totals(results: Iterable[Checked]) -> dict[str, Any]:
    """How many findings of each severity and rule there are in programs that should have none of weight."""
    n_programs = 0
    severities: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for result in results:
        n_programs += 1
        severities.update(finding.severity for finding in result.findings)
        rules.update(finding.rule for finding in result.findings if finding.severity != "info")
    return {
        "programs": n_programs,
        **{severity: severities[severity] for severity in ("error", "warning", "info")},
        "rules": dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
    }


def _entry(program: Program, fault: Fault, rules: frozenset[str], result: Checked, near: int) -> dict[str, Any]:
    counting = [finding for finding in result.findings if finding.rule in rules]
    away: int | None = None
    best: Seen | None
    if fault.line is not None and counting:
        line = fault.line
        away, best = min(((distance(finding, line), finding) for finding in counting), key=lambda pair: pair[0])
    else:
        best = counting[0] if counting else None
    found = "no" if best is None else "near" if away is None or away <= near else "elsewhere"
    if found == "elsewhere" and any(abs(step - line) <= near for finding in counting for step in finding.steps):
        found = "step"
    return {
        "program": program.name,
        "repository": program.repository,
        "kind": fault.kind,
        "detectable": fault.detectable,
        "line": fault.line,
        "found": found,
        "distance": away,
        "rule": best.rule if best is not None else None,
        "severity": best.severity if best is not None else None,
        "twin": None,
        "understood": all(model[3] for model in result.models) if result.models else None,
        "others": sorted({f"{f.rule}:{f.line}" for f in result.findings if f.rule not in rules}),
    }


def _twin(fault: Fault, rules: frozenset[str], text: bytes, repaired: bytes, result: Checked, near: int) -> str:
    counting = [finding for finding in result.findings if finding.rule in rules]
    if fault.line is not None and counting:
        line = moved(fault.line, _lines(text), _lines(repaired))
        counting = [finding for finding in counting if distance(finding, line) <= near]
    return "fires" if counting else "silent"


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "replace").splitlines()
