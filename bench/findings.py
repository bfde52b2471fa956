"""What is found in many programs, counted: by rule, by repository, and what the interpreter did not understand."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.repositories import PROGRAMS, Repository, extracted

SEVERITIES = ("error", "warning", "info")


class Seen(NamedTuple):
    """A finding; `steps` are the lines of the same cell or file that it says it follows from."""

    rule: str
    severity: str
    file: str
    cell: int | None
    line: int
    end_line: int
    column: int
    message: str
    steps: tuple[int, ...] = ()


class Checked(NamedTuple):
    """What the analysis of one file says; `models` are (file, cell, line, understood, what is missing)."""

    lines: int = 0
    findings: tuple[Seen, ...] = ()
    models: tuple[tuple[str, int | None, int, bool, tuple[str, ...]], ...] = ()
    failures: tuple[str, ...] = ()
    seconds: float = 0.0


def check(data: bytes, path: str, root: str) -> Checked:
    """The analysis of a file, as plain data; what a comment suppresses is left out."""
    from trainlint.analysis import analyse
    from trainlint.config import Config
    from trainlint.project import Project

    start = time.process_time()
    analysis = analyse(data, path, Project(root), Config())
    findings = []
    for finding in analysis.findings:
        at = analysis.location(finding.place)
        if finding.suppressed is None:
            steps = [analysis.location(step.place) for step in finding.trace]
            lines_of_steps = tuple(step.line for step in steps if (step.file, step.cell) == (at.file, at.cell))
            findings.append(
                Seen(
                    finding.rule, finding.severity, at.file, at.cell, at.line, at.end_line, at.column, finding.message,
                    lines_of_steps,
                )
            )  # fmt: skip
    models = []
    for model in analysis.models:
        at = analysis.location(model.place)
        models.append((at.file, at.cell, at.line, model.understood, tuple(model.missing)))
    failures = tuple(notice.message for notice in analysis.notices if notice.kind == "internal")
    lines = analysis.document.text.count("\n")
    return Checked(lines, tuple(findings), tuple(models), failures, time.process_time() - start)


def programs(folder: Path) -> list[Path]:
    """The Python files and notebooks below a folder that may concern TensorFlow."""
    from trainlint.source.prefilter import may_concern

    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in PROGRAMS and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            try:
                concerns = may_concern(path.read_bytes())
            except OSError:
                continue
            if concerns:
                found.append(path)
    return found


def survey(repositories: Sequence[Repository], folder: Path, jobs: int = 1) -> dict[str, Any]:
    """Findings, models and time of every repository; `folder` takes the programs of those that are no work trees."""
    tasks = []
    for number, repository in enumerate(repositories):
        root = extracted(repository, folder / str(number))
        tasks += [(repository.name, str(path), str(root)) for path in programs(root)]
    return summary([repository.name for repository in repositories], _in_parallel(tasks, jobs))


def summary(names: Iterable[str], checked: Iterable[tuple[str, Checked]]) -> dict[str, Any]:
    """The counts of what was checked, by repository and by rule.

    A place that is seen from several files counts once; a model is understood if every file that sees it does.
    """
    repositories: dict[str, Counter[str]] = {name: Counter() for name in names}
    rules: dict[str, Counter[str]] = {}
    files_of_rule: dict[str, set[str]] = {}
    models: dict[tuple[Any, ...], tuple[str, bool, tuple[str, ...]]] = {}
    failures: list[str] = []
    seen = set()
    seconds = 0.0
    for name, result in checked:
        counts = repositories[name]
        counts.update(files=1, lines=result.lines)
        seconds += result.seconds
        failures += result.failures
        for finding in result.findings:
            key = (finding.rule, finding.file, finding.cell, finding.line, finding.column)
            if key not in seen:
                seen.add(key)
                counts[finding.severity] += 1
                rules.setdefault(finding.rule, Counter())[finding.severity] += 1
                files_of_rule.setdefault(finding.rule, set()).add(finding.file)
        for file, cell, line, understood, missing in result.models:
            known = models.get((file, cell, line))
            if known is None or (known[1] and not understood):
                models[file, cell, line] = (name, understood, missing)
    reasons: Counter[str] = Counter()
    for name, understood, missing in models.values():
        repositories[name].update(models=1, understood=int(understood))
        reasons.update(missing if not understood else ())
    return {
        "repositories": {
            name: {
                key: counts[key] for key in ("files", "lines", "models", "understood", *SEVERITIES)
            } for name, counts in repositories.items()
        },
        "rules": {
            rule: {**{key: counts[key] for key in SEVERITIES}, "files": len(files_of_rule[rule])}
            for rule, counts in sorted(rules.items(), key=lambda item: (-item[1].total(), item[0]))
        },
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "failures": failures,
        "seconds": round(seconds, 2),
    }  # fmt: skip


def per_thousand(count: int, lines: int) -> float:
    """How many that is for a thousand lines."""
    return 1000 * count / lines if lines else 0.0


def _in_parallel(tasks: list[tuple[str, str, str]], jobs: int) -> Iterator[tuple[str, Checked]]:
    if jobs <= 1:
        yield from map(_task, tasks)
        return
    # Each process starts afresh now and then: what is cached between files would add up.
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=100) as pool:
        yield from pool.imap(_task, tasks, chunksize=4)


def _task(task: tuple[str, str, str]) -> tuple[str, Checked]:
    name, path, root = task
    try:
        return name, check(Path(path).read_bytes(), path, root)
    except Exception as error:
        return name, Checked(failures=(f"{path}: {type(error).__name__}: {error}",))
