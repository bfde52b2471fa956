"""`check --probe`: measures what a check found, on the CPU and within a budget."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from trainlint.cli.probing import Order, Probing
from trainlint.probe import errors
from trainlint.probe.errors import ProbeError
from trainlint.report.places import by_importance

if TYPE_CHECKING:
    from trainlint.cli.checking import Checker
    from trainlint.report.schema import FileEntry, FindingEntry, ResultEntry

LEAST = 2.0
"""A worker that is asked for less than so many seconds would be ended while it starts."""

OF_ONE = (errors.TIME, errors.MEMORY, errors.DIED, errors.UNSUPPORTED, errors.REFUSED)
"""What ends the probe of one file; anything else would happen with the next one too."""


def measured(
    entries: list[FileEntry], checker: Checker, kind: str, budget: float, python: str | None
) -> tuple[list[FileEntry], str | None]:
    """The entries with the results of probes, and why none were possible, if so.

    The most important files come first; what the budget does not reach says so.
    """
    wanted = {entry["file"]: worth for entry in entries if (worth := _wanted(entry, kind))}
    files = sorted(wanted, key=lambda file: min(map(by_importance, wanted[file])))
    results: dict[tuple[str, str], ResultEntry] = {}
    order = Order(
        python=python, device="cpu", thorough=False, seeds=None, steps=None, select=(), output_format="text",
        output_file=None, seconds=budget, memory=0, caches=True, config=None, isolated=False,
    )  # fmt: skip
    problem = None
    end = time.monotonic() + budget
    with Probing(order, checker) as probing:
        for number, file in enumerate(files, 1):
            probing.progress.prefix = f"[{number}/{len(files)}] {file}: "
            prints = {finding["fingerprint"] for finding in wanted[file]}
            try:
                found = _one(probing, file, prints, kind, end)
            except ProbeError as error:
                if error.kind not in OF_ONE:
                    problem = error.message
                    break
                spent = error.kind == errors.TIME or end - time.monotonic() < LEAST
                reason = f"the budget of {budget:g} seconds was used up" if spent else error.message
                found = {each: _not_probed(reason) for each in prints}
            results.update({(file, each): result for each, result in found.items()})
    return [_with(entry, results) for entry in entries], problem


def _wanted(entry: FileEntry, kind: str) -> list[FindingEntry]:
    """The findings of a file that a probe of this kind may say something of."""
    kinds = {"certificate"} if kind == "certificate" else {"certificate", "training"}
    return [
        finding
        for finding in entry["findings"]
        if finding["suppressed"] is None and kinds & set(finding["evidence"]["available"])
    ]


def _one(probing: Probing, file: str, prints: set[str], kind: str, end: float) -> dict[str, ResultEntry]:
    """The results for the findings with these fingerprints; all that was found is repaired in their arms."""
    if end - time.monotonic() < LEAST:
        raise ProbeError(errors.TIME, "")
    opened = probing.open(os.path.abspath(file), None)
    opened = opened.replace(findings=tuple(each for each in opened.findings if each.fingerprint in prints))
    probed = probing.measure(opened, end, certificates_only=kind == "certificate")
    entry, _ = probing.entry(opened, probed)
    return {each["fingerprint"]: result for each in entry["findings"] if (result := each["evidence"]["result"])}


def _not_probed(reason: str) -> ResultEntry:
    return {
        "verdict": "inconclusive", "attribution": None, "kind": None, "data": None, "backend": None, "device": None,
        "seeds": None, "steps": None, "effect": None, "alone": None, "text": f"Not probed: {reason}.", "network": None,
    }  # fmt: skip


def _with(entry: FileEntry, results: dict[tuple[str, str], ResultEntry]) -> FileEntry:
    found: list[FindingEntry] = []
    for finding in entry["findings"]:
        result = results.get((entry["file"], finding["fingerprint"]))
        if result is not None:
            # There is no list of networks that a place in it could point into.
            evidence = {**finding["evidence"], "result": {**result, "network": None}}
            finding = {**finding, "evidence": evidence}  # type: ignore[typeddict-item]
        found.append(finding)
    return {**entry, "findings": found}
