"""Every rule: its metadata, its page, and its cases, which are the examples that the page shows."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from rules.bench import Case, Fresh, blocks, is_program, parses
from trainlint.finding import CATEGORIES, SEVERITIES
from trainlint.rules.base import HEADINGS
from trainlint.rules.registry import all_rules

RULES = all_rules()

BANDS = {
    "suppression": r"000",
    "migration": r"00[1-9]",
    "reproducibility": r"01\d",
    "speed": r"02\d",
    "initialization": r"1\d\d",
    "activation": r"2\d\d",
    "loss": r"3\d\d",
    "dropout": r"4[0-4]\d",
    "normalization": r"4[5-9]\d",
    "optimizer": r"5\d\d",
    "data": r"6\d\d",
    "shape": r"7\d\d",
    "training": r"8\d\d",
    "metrics": r"9\d\d",
}
"""How the three digits of a code begin, by category."""

VALID = [Case(rule, case, f"{rule.name}-valid{i}") for rule in RULES for i, case in enumerate(rule.VALID)]
INVALID = [Case(rule, case, f"{rule.name}-invalid{i}") for rule in RULES for i, case in enumerate(rule.INVALID)]

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
each_valid = pytest.mark.parametrize("case", VALID, ids=[case.name for case in VALID])
each_invalid = pytest.mark.parametrize("case", INVALID, ids=[case.name for case in INVALID])


@each_rule
def test_page_has_all_headings_in_order(rule):
    """The page has each heading once, in the common order, with text below."""
    parts = re.split(r"^## (.+)$", rule.documentation, flags=re.MULTILINE)

    assert list(HEADINGS) == parts[1::2]
    assert [] == [heading for heading, body in zip(parts[1::2], parts[2::2]) if not body.strip()]
    assert "" == parts[0].strip()


@each_rule
def test_page_shows_code_that_parses(rule):
    """The wrong and the right example are Python."""
    for heading in ("Example", "Use instead"):
        shown = blocks(rule.documentation, heading)
        assert shown, f"no example below {heading}"
        assert [] == [block for block in shown if not parses(block)]


@each_rule
def test_page_has_a_summary(rule):
    """The first sentence says what the rule reports and stands for the page in lists."""
    assert rule.summary.endswith(".")
    assert len(rule.summary) <= 200


@each_rule
def test_metadata_is_consistent(rule):
    """Code and folder follow the category; name, file and class are the same words; all values are known ones."""
    words = rule.name.split("-")
    module = type(rule).__module__.split(".")

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.name)
    assert "_".join(words) == module[-1]
    assert "".join(word[0].upper() + word[1:] for word in words).lower() == type(rule).__name__.lower()
    assert rule.category == module[-2]
    assert rule.category in CATEGORIES
    assert re.fullmatch("TL" + BANDS[rule.category], rule.code)
    assert rule.severity in SEVERITIES
    assert 1 <= rule.rank <= 125
    assert set(rule.evidence) <= {"certificate", "training"}
    assert re.fullmatch(r"\d+\.\d+", rule.since)
    assert rule.message
    assert not rule.message.endswith(".")


def test_names_and_codes_are_unique():
    """No two rules share a name or a code."""
    assert len(RULES) == len({rule.name for rule in RULES}) == len({rule.code for rule in RULES})


@each_rule
def test_cases_are_enough(rule):
    """There are two of each kind at least, one is a notebook, and half of them are whole programs."""
    cases = [case for case in (*VALID, *INVALID) if case.rule is rule]
    programs = [case.name for case in cases if is_program(case)]

    assert len(rule.VALID) >= 2
    assert len(rule.INVALID) >= 2
    assert any(case.expected.cells for case in cases), "no case is a notebook"
    if rule.category != "suppression":
        # What is wrong with a comment does not depend on the program around it.
        assert 2 * len(programs) >= len(cases), f"whole programs are only {programs}"


@each_rule
def test_no_case_is_there_twice(rule):
    """No two cases of a rule hold the same files."""
    counts = Counter(repr((case.code, case.cells, case.files)) for case in (*rule.VALID, *rule.INVALID))

    assert [] == [key for key, count in counts.items() if count > 1]


@pytest.mark.parametrize("case", [*VALID, *INVALID], ids=[case.name for case in (*VALID, *INVALID)])
def test_case_parses(case):
    """A case is Python, and either a module or a notebook."""
    assert [] == [text for text in case.texts() if not parses(text)]
    assert bool(case.expected.code.strip()) != bool(case.expected.cells)


@each_valid
def test_valid_case_is_silent(case, tmp_path):
    """The rule finds nothing in what it calls valid."""
    fresh = Fresh(case, tmp_path)

    assert [] == fresh.failures()
    assert [] == [(fresh.underlined(finding), finding.message) for finding in fresh.findings()]


@each_invalid
def test_invalid_case_is_reported(case, tmp_path):
    """The rule finds as much as the case says, the first at its place, with its severity, message and trace."""
    fresh, expected = Fresh(case, tmp_path), case.expected
    findings = fresh.findings()

    assert [] == fresh.failures()
    assert expected.count == len(findings), [fresh.underlined(finding) for finding in findings]
    first = findings[0]
    assert (expected.at, expected.occurrence) == fresh.underlined(first)
    assert (expected.severity or first.severity) == first.severity
    assert (expected.message or "") in first.message
    if expected.cell is not None:
        assert expected.cell == fresh.analysis.location(first.place).cell
    steps = iter(step.message for step in first.trace)
    assert [] == [part for part in expected.traces if not any(part in step for step in steps)]


@each_invalid
def test_places_of_a_report_are_in_the_files(case, tmp_path):
    """Each place of a finding and of its trace is a stretch of a file that the analysis has read."""
    fresh = Fresh(case, tmp_path)
    for finding in fresh.findings():
        for place in (finding.place, *(step.place for step in finding.trace)):
            assert fresh.analysis.document_of(place).source_of(place)


@each_invalid
def test_fix_gives_the_text_of_the_case(case, tmp_path):
    """The first fixes make of the program what the case says; then the rule is silent and has nothing to repair."""
    fresh, expected = Fresh(case, tmp_path), case.expected
    findings = fresh.findings()
    assert findings
    if expected.fixed is None:
        assert [] == [fix.title for fix in all_fixes(fresh)]
        return
    file = fresh.file_of(findings[0])
    for _ in range(expected.count):
        fixes = all_fixes(fresh)
        if fixes:
            fresh.apply(fixes[0])

    assert expected.fixed == fresh.text(file)
    assert parses(expected.fixed)
    assert [] == [finding.message for finding in fresh.findings()]


@each_invalid
def test_every_fix_parses_and_silences_its_finding(case, tmp_path):
    """Each fix that is offered, not only the first, leaves a program that can be read and one finding less."""
    n_fixes = len(all_fixes(Fresh(case, tmp_path)))
    for index in range(n_fixes):
        fresh = Fresh(case, tmp_path)
        before = len(fresh.findings())
        fix = all_fixes(fresh)[index]
        fresh.apply(fix)
        assert all(parses(fresh.text(file)) for file in fresh.contents), fix.title
        assert len(fresh.findings()) < before, fix.title


def all_fixes(fresh):
    """The fixes of all findings of the case's rule."""
    return [fix for finding in fresh.findings() for fix in fresh.fixes(finding)]


@each_invalid
def test_remedies_are_titled_and_rated(case, tmp_path):
    """A remedy says what to do, and whether that is safe."""
    for finding in Fresh(case, tmp_path).findings():
        assert {remedy.safety for remedy in finding.remedies} <= {"safe", "unsafe"}
        assert [] == [remedy.title for remedy in finding.remedies if not remedy.title or remedy.title.endswith(".")]
        assert len(finding.remedies) == len({remedy.title for remedy in finding.remedies})
