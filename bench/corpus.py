"""What is found in public programs: `python bench/corpus.py FOLDER [LABELS]`; see bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import findings, labels
from bench.repositories import Repository, blob, repositories
from bench.tables import table

KINDS = Path(__file__).with_name("kinds.json")
SHOWN_REASONS = 40


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench/corpus.py", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with repositories, each in a folder `owner+name`")
    parser.add_argument("labels", nargs="?", type=Path, help="JSON lines that say which programs have which faults")
    parser.add_argument("--kinds", type=Path, default=KINDS, help="which rules count for which kind of fault")
    parser.add_argument("--near", type=int, default=labels.NEAR, help="lines between a fault and its finding")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-labels", action="store_true", help="leave out what is found in the whole repositories")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    if options.only_labels and options.labels is None:
        parser.error("--only-labels needs LABELS")
    found = repositories(options.folder.resolve())
    report: dict[str, Any] = {}
    if not options.only_labels:
        with tempfile.TemporaryDirectory() as folder:
            report["survey"] = findings.survey(found, Path(folder), options.jobs)
    if options.labels is not None:
        try:
            programs = labels.read_labels(options.labels)
            kinds = labels.read_kinds(options.kinds)
        except (OSError, ValueError) as error:
            parser.error(str(error))
        report["labels"] = labels.score(programs, _reader(found), kinds, options.near)
        report["labels"]["rules"] = {kind: sorted(rules & _rules()) for kind, rules in sorted(kinds.items())}
        report["labels"]["unknown rules"] = sorted(set().union(*kinds.values()) - _rules())
        report["labels"]["unknown kinds"] = sorted({f.kind for p in programs for f in p.faults} - set(kinds))
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
    print("\n".join(_survey(report["survey"]) if "survey" in report else ()), end="")
    if "labels" in report:
        print("\n".join(_labels(report["labels"])), end="")


def _rules() -> set[str]:
    from trainlint.rules.registry import all_rules

    return {rule.name for rule in all_rules()}


def _reader(found: list[Repository]) -> labels.Reader:
    from trainlint.source.prefilter import is_notebook

    by_name = {repository.name: repository for repository in found}

    @cache
    def read(repository: str, name: str) -> tuple[bytes, findings.Checked] | None:
        data = blob(by_name[repository], name) if repository in by_name else None
        if data is None:
            return None
        # The program stands alone: which files lay beside it is not in the labels.
        path = os.path.join(os.sep, "nowhere", f"{name}.ipynb" if is_notebook(data) else f"{name}.py")
        return data, findings.check(data, path, os.path.dirname(path))

    return read


def _survey(report: dict[str, Any]) -> Iterator[str]:
    rows: list[tuple[Any, ...]] = []
    counted = list(report["repositories"].items())
    total = {key: sum(counts[key] for _, counts in counted) for key in counted[0][1]} if counted else {}
    for name, counts in [*counted, ("all", total)] if total else []:
        weighty = counts["error"] + counts["warning"]
        rows.append((
            name, counts["files"], counts["lines"], counts["error"], counts["warning"], counts["info"],
            findings.per_thousand(weighty, counts["lines"]), counts["models"], counts["understood"],
        ))  # fmt: skip
    heads = ("repository", "files", "lines", "error", "warning", "info", "e+w/kLOC", "models", "understood")
    yield table(f"Programs ({report['seconds']:.0f} CPU s)", heads, rows)
    lines = total.get("lines", 0)
    rows = [
        (rule, counts["error"], counts["warning"], counts["info"], counts["files"],
         findings.per_thousand(sum(counts[key] for key in findings.SEVERITIES), lines))
        for rule, counts in report["rules"].items()
    ]  # fmt: skip
    yield table("Findings", ("rule", "error", "warning", "info", "files", "per kLOC"), rows)
    reasons = list(report["reasons"].items())
    title = "Why models are not understood"
    if len(reasons) > SHOWN_REASONS:
        title += f" (the first {SHOWN_REASONS} of {len(reasons)} reasons)"
    yield table(title, ("models", "reason"), [(count, reason) for reason, count in reasons[:SHOWN_REASONS]])
    if report["failures"]:
        yield table("Failures of trainlint itself", ("message",), [(message,) for message in report["failures"]])


def _labels(report: dict[str, Any]) -> Iterator[str]:
    faults, near = report["faults"], report["near"]
    heads: tuple[str, ...] = (
        "",
        "faults",
        f"within {near}",
        "share",
        "of these e+w",
        "a step",
        "elsewhere",
        "not found",
    )
    rows: list[tuple[Any, ...]] = []
    for name in (*labels.JUDGED, "both"):
        counts = labels.shares(fault for fault in faults if name in ("both", fault["detectable"]))
        rows.append((name, *_found(counts)))
    yield table(f"Faults that the code shows, found within {near} lines", heads, rows)

    rows = []
    kinds = sorted({fault["kind"] for fault in faults})
    for kind in kinds:
        counts = labels.shares(fault for fault in faults if fault["kind"] == kind)
        rules = len(report["rules"].get(kind, ()))
        twins = (counts[key] for key in ("twins", "twin silent", "near and twin silent"))
        rows.append((kind, *_found(counts), *twins, rules))
    heads = ("kind", *heads[1:], "twins", "silent", "found and silent", "rules")
    yield table("By kind of fault", heads, sorted(rows, key=lambda row: (-row[1], row[0])))

    rows = list(labels.distances(faults).items())
    yield table("Lines between a fault and the nearest finding that counts", ("lines", "faults"), rows)

    counts = labels.shares(faults)
    yield table(
        "Repaired twins: no rule that counts for the fault reports near it",
        ("faults with a twin", "silent", "not silent", "found before, silent after"),
        [(counts["twins"], counts["twin silent"], counts["twin fires"], counts["near and twin silent"])],
    )
    rows = [
        (fault["program"], fault["kind"], fault["line"], fault["rule"])
        for fault in faults if fault["twin"] == "fires"
    ]  # fmt: skip
    yield table("Twins that are not silent", ("program", "kind", "line", "rule before"), rows)
    rows = []
    for name, key in (("repaired twins", "twins"), ("programs without a fault", "clean")):
        total = report[key]
        by_rule = ", ".join(f"{rule} {count}" for rule, count in total["rules"].items())
        rows.append((name, total["programs"], total["error"], total["warning"], total["info"], by_rule or "none"))
    yield table(
        "All findings in programs that are right, or have other faults than the labelled ones",
        ("", "programs", "error", "warning", "info", "errors and warnings by rule"),
        rows,
    )
    rows = [
        (fault["program"], fault["kind"], fault["detectable"], fault["line"], fault["distance"], fault["understood"],
         _some(fault["others"]))
        for of_program in labels.missed(faults).values() for fault in of_program
    ]  # fmt: skip
    heads = ("program", "kind", "detectable", "line", "distance", "understood", "found instead")
    programs = {fault["program"] for fault in faults}
    yield table(f"Missed: {len(labels.missed(faults))} of {len(programs)} programs", heads, rows)
    rows = [
        (fault["program"], fault["kind"], fault["line"], fault["rule"], _some(fault["others"]))
        for fault in report["not detectable"]
    ]  # fmt: skip
    yield table("Faults that the code does not show", ("program", "kind", "line", "found", "other findings"), rows)
    for title, key in (
        ("Programs that are not in the folder", "unread"),
        ("Kinds of faults that no rule is stated for", "unknown kinds"),
        ("Rules that count for a fault and do not exist", "unknown rules"),
    ):
        if report[key]:
            yield table(title, ("name",), [(name,) for name in report[key]])


def _some(findings: list[str], most: int = 3) -> str:
    shown = " ".join(findings[:most])
    return f"{shown} and {len(findings) - most} more" if len(findings) > most else shown or "-"


def _found(counts: dict[str, int]) -> tuple[Any, ...]:
    share = f"{100 * counts['near'] / counts['faults']:.0f}%" if counts["faults"] else None
    rest = (counts[key] for key in ("near, no info", "step", "elsewhere", "no"))
    return counts["faults"], counts["near"], share, *rest


if __name__ == "__main__":
    main()
