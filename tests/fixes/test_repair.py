"""Repairs of whole programs: verified, in rounds, and told when they do not hold."""

from __future__ import annotations

from typing import Any

import pytest

from edited import cell_sources, notebook
from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.finding import Edit, Fix
from trainlint.fixes import materialize, repair, verify, with_fixes
from trainlint.fixes.actions import ApiName, InsertStatement, Remedy, ReplaceValue, SetArgument, Wrap
from trainlint.fixes.verification import try_edits
from trainlint.project import Project
from trainlint.rules import registry
from trainlint.rules.base import Rule

HEAD = """import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 3])
w = tf.get_variable('w', [3, 1])
loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
"""
TRAIN = "train{n} = tf.train.AdadeltaOptimizer({rate}).minimize(loss)\n"


class Slow(Rule):
    """Reports rates of at most .01; the test says which remedies there are."""

    name, code, category, severity, rank = "slow", "TL501", "optimizer", "warning", 1
    message = "slow"
    limit = 0.01
    remedies: Any = staticmethod(lambda place, argument: ())

    def check(self, program):
        for key, optimizer in program.objects:
            if optimizer.kind == "optimizer":
                argument = optimizer.arguments["learning_rate"]
                if argument.value.value <= self.limit:
                    yield self.report(
                        optimizer.place, remedies=self.remedies(optimizer.place, argument.place), subject=key
                    )


class Fast(Slow):
    """Reports rates of at least 100."""

    name, code, message = "fast", "TL502", "fast"

    def check(self, program):
        for key, optimizer in program.objects:
            argument = optimizer.arguments.get("learning_rate")
            if optimizer.kind == "optimizer" and argument.value.value >= 100:
                yield self.report(optimizer.place, remedies=self.remedies(optimizer.place, argument.place), subject=key)


class Bench:
    """Files of a project, analysed with the two rules."""

    def __init__(self, tmp_path: Any, monkeypatch: Any) -> None:
        self.folder = tmp_path
        self.slow, self.fast = Slow(), Fast()
        monkeypatch.setattr(registry, "_RULES", (self.slow, self.fast))

    def analysis(self, content: str | bytes, name: str = "train.py") -> Any:
        data = content if isinstance(content, bytes) else content.encode()
        path = self.folder / name
        path.write_bytes(data)
        self.project = Project(str(self.folder))
        return analyse(data, str(path), self.project, Config())

    def repair(self, content: str | bytes, *values: str, unsafe: bool = False, name: str = "train.py") -> Any:
        """Repairs with one safe remedy per value of the rate."""
        self.slow.remedies = lambda place, argument: [
            Remedy(f"Set {value}", "safe", (SetArgument(place, "learning_rate", (value,), existing=argument),))
            for value in values
        ]
        return repair(self.analysis(content, name), self.project, Config(), unsafe)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    return Bench(tmp_path, monkeypatch)


def program(*rates: str) -> str:
    """A program with one optimizer for each rate."""
    return HEAD + "".join(TRAIN.format(n=n, rate=rate) for n, rate in enumerate(rates))


def test_repairs_all_findings(bench):
    """Fixes at different places are applied together, and the analysis is that of the result."""
    result = bench.repair(program("0.001", "1.0", "0.002"), "1.0")

    assert program("1.0", "1.0", "1.0").encode() == result.changes[0].after
    assert (2, (), ()) == (result.n_fixed, result.not_applied, result.analysis.findings)
    assert all(applied.fix.verified for applied in result.applied)


def test_bytes_that_no_fix_names_stay(bench):
    """Line ends, byte order mark and everything else are as they were."""
    before = b"\xef\xbb\xbf" + program("0.001").replace("\n", "\r\n").encode() + b"# \xc3\xa9\r\n"
    result = bench.repair(before, "1.0")

    assert before.replace(b"0.001", b"1.0") == result.changes[0].after
    assert before == result.changes[0].before


def test_a_fix_that_does_not_help_is_named(bench):
    """A fix after which the finding is still there is not applied, and the notice says so."""
    result = bench.repair(program("0.001"), "0.002")

    assert () == result.changes
    assert ["the finding is still there after it"] == [each.reason for each in result.not_applied]
    assert ["fix not applied: Set 0.002 (slow): the finding is still there after it"] == [
        notice.message for notice in result.notices
    ]
    assert [5] == [notice.line for notice in result.notices]


def test_a_fix_that_brings_a_finding_is_named(bench):
    """A fix that another rule reports is not applied."""
    result = bench.repair(program("0.001"), "100.0")

    assert () == result.changes
    assert ["it brings fast: fast"] == [each.reason for each in result.not_applied]


def test_a_fix_that_makes_the_program_unknown_is_named(bench):
    """Silence that comes from not understanding is no repair."""
    bench.slow.remedies = lambda place, argument: [Remedy("Break it", "safe", (Wrap(argument, ("(",), ("",)),))]
    result = repair(bench.analysis(program("0.001")), bench.project, Config())

    assert () == result.changes
    assert ["the wrapped value is no expression"] == [each.reason for each in result.not_applied]


def test_text_that_does_not_parse_is_no_repair(bench):
    """Edits by hand are verified as well."""
    analysis = bench.analysis(program("0.001"))
    text = analysis.document.text
    start = text.index("0.001")
    bad = Fix("t", "safe", (Edit(analysis.path, start, start + 5, "1.0, = 3"),))
    good = Fix("t", "safe", (Edit(analysis.path, start, start + 5, "1.0"),))
    finding = analysis.findings[0]

    assert not verify(bad, finding, analysis, bench.project, Config())
    assert verify(good, finding, analysis, bench.project, Config())
    problem = try_edits(bad.edits, [finding], analysis, bench.project, Config()).problem
    assert problem == "the result is not valid Python"


def test_the_next_remedy_where_the_first_does_not_hold(bench):
    """A finding has several fixes; the first that holds is applied."""
    result = bench.repair(program("0.001"), "100.0", "1.0")

    assert program("1.0").encode() == result.changes[0].after
    assert () == result.not_applied


def test_one_bad_fix_does_not_keep_the_others(bench):
    """Fixes that fail together are tried one by one."""
    values = {"0.001": "1.0", "0.002": "100.0", "0.003": "2.0"}
    content = program(*values)
    analysis = bench.analysis(content)
    fixed = [
        finding.replace(fixes=(Fix("Set", "safe", (Edit(analysis.path, at, at + 5, values[rate]),)),))
        for finding, rate in zip(analysis.findings, values)
        for at in (content.index(rate),)
    ]
    analysis.findings = tuple(fixed)
    result = repair(analysis, bench.project, Config())

    assert program("1.0", "0.002", "2.0").encode() == result.changes[0].after
    assert 2 == result.n_fixed


def test_safe_and_unsafe(bench):
    """Unsafe fixes are applied when asked for, and not missed otherwise."""
    bench.slow.remedies = lambda place, argument: [Remedy("Set", "unsafe", (ReplaceValue(argument, ("1.0",)),))]
    analysis = bench.analysis(program("0.001"))
    safe, unsafe = (repair(analysis, bench.project, Config(), unsafe) for unsafe in (False, True))

    assert ((), (), ()) == (safe.changes, safe.not_applied, safe.notices)
    assert program("1.0").encode() == unsafe.changes[0].after


def test_suppressed_findings_stay(bench):
    """What a comment silences is the author's decision."""
    content = program("0.001").rstrip("\n") + "  # trainlint: ignore[slow] on purpose\n"
    result = bench.repair(content, "1.0")

    assert ((), ()) == (result.changes, result.not_applied)


def test_fixes_at_one_place_go_in_rounds(bench):
    """Fixes that touch each other are applied one after the other."""
    both = "a = [tf.train.AdadeltaOptimizer(0.001).minimize(loss), tf.train.AdadeltaOptimizer(0.002).minimize(loss)]\n"
    bench.slow.remedies = lambda place, argument: [
        Remedy("Set", "safe", (ReplaceValue(argument, ("1.0",)), InsertStatement(place, ("pass",))))
    ]
    result = repair(bench.analysis(HEAD + both), bench.project, Config())

    assert (HEAD + both.replace("0.001", "1.0").replace("0.002", "1.0") + "pass\npass\n").encode() == result.changes[
        0
    ].after
    assert 2 == result.n_fixed


def test_fixes_share_an_import(bench):
    """Two fixes that add the same import add it once."""
    bench.slow.remedies = lambda place, argument: [
        Remedy("Set", "safe", (ReplaceValue(argument, (ApiName("numpy.pi", argument), " * 0 + 1.0")),))
    ]
    result = repair(bench.analysis(program("0.001", "0.002")), bench.project, Config())
    after = result.changes[0].after.decode()

    assert 1 == after.count("import numpy as np\n")
    assert 2 == after.count("np.pi * 0 + 1.0")


def test_a_fix_in_a_sibling(bench):
    """A fix may change the module that the mistake is in; the file itself stays."""
    (bench.folder / "helper.py").write_text("RATE = 0.001\n")
    content = "from helper import RATE\n" + program("RATE")
    analysis = bench.analysis(content)
    sibling = next(iter(analysis.siblings))
    fix = Fix("Set", "safe", (Edit(sibling, 7, 12, "1.0"),))
    analysis.findings = tuple(finding.replace(fixes=(fix,)) for finding in analysis.findings)
    result = repair(analysis, bench.project, Config())

    assert [(sibling, b"RATE = 1.0\n")] == [(change.path, change.after) for change in result.changes]
    assert () == result.analysis.findings


def test_a_notebook(bench):
    """A fix of a cell leaves the others, and the notebook's layout, as they are."""
    before = notebook("%matplotlib inline\n" + HEAD, program("0.001")[len(HEAD) :], "!ls\n")
    result = bench.repair(before, "1.0", name="train.ipynb")

    assert before.replace(b"0.001", b"1.0") == result.changes[0].after
    assert "AdadeltaOptimizer(1.0)" in cell_sources(result.changes[0].after)[1]


def test_fixes_for_a_report(bench):
    """Unsuppressed findings get their fixes as edits; a remedy that cannot be made is left out."""
    bench.slow.remedies = lambda place, argument: [
        Remedy("Set", "safe", (ReplaceValue(argument, ("1.0",)),)),
        Remedy("Nothing", "safe", (ReplaceValue(argument, ("1.0 +",)),)),
    ]
    analysis = with_fixes(bench.analysis(program("0.001")))
    (finding,) = analysis.findings
    (fix,) = finding.fixes
    location = analysis.edit_location(fix.edits[0])

    assert ("Set", "1.0") == (fix.title, fix.edits[0].text)
    assert (5, 37, 5, 42) == (location.line, location.column, location.end_line, location.end_column)
    assert materialize(finding.remedies[1], analysis) is None


def test_a_fix_that_takes_a_suppression_away(bench):
    """What the author silenced does not come back through a fix of something else."""
    line = "a = tf.train.AdadeltaOptimizer(0.002).minimize(loss)  # trainlint: ignore[slow] on purpose\n"
    content = program("0.001") + line
    analysis = bench.analysis(content)
    comment = content.index("# trainlint")
    rate = content.index("0.001")
    edits = (Edit(analysis.path, rate, rate + 5, "1.0"), Edit(analysis.path, comment, len(content) - 1, ""))
    target = next(finding for finding in analysis.findings if finding.suppressed is None)

    assert try_edits(edits[:1], [target], analysis, bench.project, Config()).problem is None
    assert try_edits(edits, [target], analysis, bench.project, Config()).problem is not None


def test_a_fault_of_our_own_is_a_refusal(bench):
    """A remedy that cannot be made by mistake of ours loses its fix, not the finding."""
    bench.slow.remedies = lambda place, argument: [Remedy("Set", "safe", (ReplaceValue(argument, (3,)),))]
    analysis = with_fixes(bench.analysis(program("0.001")))

    assert [()] == [finding.fixes for finding in analysis.findings]


def setting(value: str, safety: str = "safe") -> Any:
    """The remedies of a rule that sets the rate."""
    return lambda place, argument: [
        Remedy(f"Set {value}", safety, (SetArgument(place, "learning_rate", (value,), existing=argument),))
    ]


@pytest.mark.parametrize("n", [1, 2])
def test_a_fault_that_was_hidden_is_repaired_with_the_first(bench, n):
    """A fix that brings another finding is applied together with the fix of that one."""
    bench.fast.remedies = setting("1.0")
    result = bench.repair(program(*["0.001"] * n), "200.0")

    assert program(*["1.0"] * n).encode() == result.changes[0].after
    assert ((), ()) == (result.not_applied, result.analysis.findings)
    assert ["Set 200.0", "Set 1.0"] * n == [applied.fix.title for applied in result.applied]


def test_a_hidden_fault_without_a_fix_stops_the_first(bench):
    """Where the finding that a fix brings cannot be repaired, or not safely, nothing is changed."""
    bench.fast.remedies = setting("1.0", "unsafe")
    result = bench.repair(program("0.001"), "200.0")

    assert () == result.changes
    assert ["it brings fast: fast"] == [each.reason for each in result.not_applied]


def test_two_fixes_that_undo_each_other_are_not_applied(bench):
    """A fix whose finding comes back with the next fix does not hold."""
    bench.fast.remedies = setting("0.001")
    result = bench.repair(program("0.001"), "200.0")

    assert () == result.changes
