"""The programs of `fixtures/`: what is found in them is exactly what their comments expect.

`# expect: rule-name` or `# expect: rule-name[severity]` stands at the end of the line where a finding's place starts,
several separated by commas.
Where a line has no room, `# expect-next: ...` stands alone on the line before.
Each file of seeds/, compat/, good/ and notebooks/ is a program; so is each file in a folder of variations/, and each
folder below that, and each folder of projects/, whose files belong together.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

RULES = {
    "accuracy-for-regression",
    "activated-logits",
    "apply-gradients-order",
    "argmax-single-output",
    "backbone-preprocessing-mismatch",
    "batch-shared-dropout-mask",
    "batchnorm-updates-not-run",
    "bias-before-batchnorm",
    "broken-gradient-path",
    "callback-monitor-mismatch",
    "double-activation",
    "dropout-at-evaluation",
    "dropout-before-batchnorm",
    "dropout-never-active",
    "dtype-contradiction",
    "dtype-passed-as-trainable",
    "embedding-vocabulary-off-by-one",
    "evaluated-on-training-data",
    "extreme-dropout",
    "features-labels-shuffled-apart",
    "flipped-loss-sign",
    "graph-grows-in-loop",
    "ignored-optimizer-argument",
    "initializer-rerun",
    "keep-prob-rate-confusion",
    "label-encoding-mismatch",
    "learning-rate-out-of-range",
    "loader-head-mismatch",
    "logits-into-probability-loss",
    "loss-head-mismatch",
    "metric-output-mismatch",
    "missing-argument",
    "missing-nonlinearity",
    "missing-training-flag",
    "mixed-keras-namespaces",
    "model-reused-across-folds",
    "normalization-not-adapted",
    "optimizer-constants",
    "output-rank-not-reduced",
    "oversized-initial-weights",
    "positional-dropout-flip",
    "probabilities-into-logits-loss",
    "queue-runners-not-started",
    "random-bias",
    "redundant-reduction",
    "regularizer-not-in-loss",
    "regularizer-strength",
    "removed-api",
    "saturating-hidden-stack",
    "shape-contradiction",
    "shapeless-placeholder",
    "shuffled-prediction-order",
    "shuffled-take-skip-leak",
    "silent-loss-broadcast",
    "single-unit-softmax",
    "slow-default-learning-rate",
    "softmax-wrong-place",
    "split-unpack-order",
    "squared-error-classifier",
    "sum-reduced-loss",
    "swapped-loss-arguments",
    "symmetric-hidden-weights",
    "target-outside-loss-domain",
    "target-outside-output-range",
    "tensor-for-value",
    "threshold-domain-mismatch",
    "tie-counting-accuracy",
    "train-op-never-run",
    "undersized-initial-weights",
    "unfed-placeholder",
    "unknown-argument",
    "unscaled-dropout-mask",
    "unscaled-inputs",
    "unstable-log-loss",
    "unused-computation",
    "variables-not-initialized",
}
"""The rules that fixtures speak of: a name outside is a slip of the pen."""

COMMENT = re.compile(r"#\s*expect(?P<next>-next)?:\s*(?P<names>.+?)\s*$")
EXPECTATION = re.compile(r"(?P<rule>[a-z-]+)(?:\[(?P<severity>info|warning|error)\])?$")


class Key(NamedTuple):
    """Where a finding starts and what it says; `cell` is -1 outside of notebooks."""

    file: str
    cell: int
    line: int
    rule: str

    def __str__(self) -> str:
        cell = f" cell {self.cell}" if self.cell >= 0 else ""
        return f"{self.file}{cell}:{self.line} {self.rule}"


def texts(file: Path) -> list[tuple[int, str]]:
    """The cells of a notebook with their index among all cells, or -1 with the text of a module."""
    if file.suffix != ".ipynb":
        return [(-1, file.read_text(encoding="utf-8"))]
    document = json.loads(file.read_text(encoding="utf-8"))
    sheets = document.get("worksheets", [document])
    cells = [cell for sheet in sheets for cell in sheet["cells"]]
    code = [(index, cell.get("source", cell.get("input"))) for index, cell in enumerate(cells)]
    return [(index, "".join(text)) for index, text in code if cells[index]["cell_type"] == "code"]


def expectations(file: Path) -> list[tuple[Key, str | None]]:
    """What the comments of one file expect: the key and the severity, None where any will do."""
    found = []
    for cell, text in texts(file):
        for number, line in enumerate(text.splitlines(), 1):
            comment = COMMENT.search(line)
            if comment is None:
                continue
            at = number + 1 if comment["next"] else number
            for name in comment["names"].split(","):
                match = EXPECTATION.match(name.strip())
                assert match, f"{file}:{number}: cannot read {name!r}"
                found.append((Key(relative(file), cell, at, match["rule"]), match["severity"]))
    return found


def relative(file: Path) -> str:
    return file.resolve().relative_to(FIXTURES).as_posix()


def files_below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in (".py", ".ipynb"))


def programs() -> dict[str, list[Path]]:
    """The files of every program, by its name below fixtures/."""
    alone = [FIXTURES / name for name in ("seeds", "compat", "good", "notebooks")]
    together = list((FIXTURES / "projects").iterdir())
    for folder in (FIXTURES / "variations").iterdir():
        alone.append(folder)
        together += [inner for inner in folder.iterdir() if inner.is_dir()]
    found = {relative(folder): files_below(folder) for folder in together if files_below(folder)}
    for folder in alone:
        found |= {relative(file): [file] for file in folder.iterdir() if file.suffix in (".py", ".ipynb")}
    return dict(sorted(found.items()))


PROGRAMS = programs()


def analyse_file(file: Path) -> Any:
    """The analysis of one file, as every front end asks for it."""
    from trainlint.analysis import analyse
    from trainlint.config import Config
    from trainlint.project import Project

    analysis = analyse(file.read_bytes(), str(file), Project(str(file.parent)), Config())
    once = analyse(file.read_bytes(), str(file), Project(str(file.parent)), Config(), editing=False)
    assert said(analysis) == said(once), "a text that is not edited has other findings"
    return analysis


def said(analysis: Any) -> list[Any]:
    """What an analysis tells, without the objects that belong to it."""
    return [(analysis.location(f.place), f.rule, f.severity, f.message, f.fingerprint) for f in analysis.findings]


def findings(files: list[Path]) -> list[tuple[Key, str, str]]:
    """Key, severity and message of what is found in the files of one program.

    A place that is seen from several of them is one finding.
    """
    seen = {}
    for file in files:
        analysis = analyse_file(file)
        for finding in analysis.findings:
            if finding.suppressed is not None:
                continue
            at = analysis.location(finding.place)
            key = Key(relative(Path(at.file)), -1 if at.cell is None else at.cell, at.line, finding.rule)
            seen[key, at.column] = (key, finding.severity, finding.message)
    return list(seen.values())


def difference(expected: list[tuple[Key, str | None]], actual: list[tuple[Key, str, str]]) -> list[str]:
    """One line for each finding that is missing, too much, or of another severity; empty if all is as expected."""
    wanted = Counter(key for key, _ in expected)
    found = Counter(key for key, _, _ in actual)
    lines = [f"missing     {key}" for key in sorted((wanted - found).elements())]
    for key in sorted((found - wanted).elements()):
        severity, message = next((severity, message) for other, severity, message in actual if other == key)
        lines.append(f"unexpected  {key}[{severity}]: {message}")
    for key in sorted(wanted & found):
        severities = Counter(severity for other, severity, _ in actual if other == key)
        stated = Counter(severity for other, severity in expected if other == key and severity)
        for severity in (stated - severities).elements():
            lines.append(f"severity    {key} is {', '.join(severities)}, not {severity}")
    return lines


@pytest.mark.parametrize("name", PROGRAMS)
def test_findings_are_exactly_the_expected_ones(name):
    """Nothing is missing and nothing is reported that the comments do not expect."""
    expected = [item for file in PROGRAMS[name] for item in expectations(file)]
    lines = difference(expected, findings(PROGRAMS[name]))
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.parametrize("name", PROGRAMS)
def test_expectations_name_rules_and_lines_of_code(name):
    """Every expectation names a known rule and points at a line that holds code."""
    wrong = []
    for file in PROGRAMS[name]:
        lines = {(cell, n): line for cell, text in texts(file) for n, line in enumerate(text.splitlines(), 1)}
        for key, _ in expectations(file):
            code = lines.get((key.cell, key.line), "").split("#")[0]
            if key.rule not in RULES or not code.strip():
                wrong.append(str(key))
    assert wrong == []


def test_good_and_repaired_programs_expect_no_warning_and_no_error():
    """In good/ nothing is expected, in a repaired seed at most information."""
    good = [str(key) for file in files_below(FIXTURES / "good") for key, _ in expectations(file)]
    repaired = [
        str(key)
        for file in files_below(FIXTURES / "seeds")
        if file.stem.endswith("_repaired")
        for key, severity in expectations(file)
        if severity != "info"
    ]
    assert (good, repaired) == ([], [])


def test_each_seed_has_its_repaired_and_its_running_twin():
    """Beside each seed stands its repaired program, and each has a twin in compat/ that expects the same."""
    names = {file.name for file in files_below(FIXTURES / "seeds")}
    lacking = [name for name in names if "_repaired" not in name and name[:-3] + "_repaired.py" not in names]
    differing = [
        name
        for name in sorted(names)
        if [(key.rule, severity) for key, severity in expectations(FIXTURES / "seeds" / name)]
        != [(key.rule, severity) for key, severity in expectations(FIXTURES / "compat" / name)]
    ]
    assert (lacking, differing) == ([], [])


def test_each_rule_has_variations_that_a_name_matcher_cannot_see():
    """Each rule is expected in at least two programs of its own folder in variations/."""
    counts = Counter(
        name.split("/")[1]
        for name, files in PROGRAMS.items()
        if name.startswith("variations/")
        and any(key.rule == name.split("/")[1] for file in files for key, _ in expectations(file))
    )
    assert {rule for rule in RULES if counts[rule] < 2} == set()


def test_difference_tells_missing_unexpected_and_severity():
    """The lines of a difference say what is wrong, where, and with which message."""
    first, second = Key("a.py", -1, 3, "random-bias"), Key("b.ipynb", 2, 1, "unscaled-inputs")
    third = Key("a.py", -1, 9, "random-bias")
    lines = difference([(first, "info"), (third, None)], [(first, "warning", "m"), (second, "error", "too large")])
    assert lines == [
        "missing     a.py:9 random-bias",
        "unexpected  b.ipynb cell 2:1 unscaled-inputs[error]: too large",
        "severity    a.py:3 random-bias is warning, not info",
    ]
