"""The page of a rule."""

from __future__ import annotations

from types import SimpleNamespace

from trainlint.report.rule_page import fix_safety, index, page, reason, sections

RULE = SimpleNamespace(
    name="some-rule",
    code="TL999",
    category="shape",
    severity="error",
    since="0.1",
    summary="Reports a|b.",
    documentation="""
## What it does
Reports a|b.

## Why it is bad
It hurts
a lot. Very much.

## Example
```python
## no heading
```

## Fix safety
Unsafe: numerics change.
""",
)


def test_sections_ignore_headings_in_code():
    """What looks like a heading in an example is code."""
    assert ["What it does", "Why it is bad", "Example", "Fix safety"] == list(sections(RULE))
    assert "```python\n## no heading\n```" == sections(RULE)["Example"]


def test_reason_is_short():
    """The reason is the first sentence of why it is bad, and what follows as long as it is short."""
    long = f"## Why it is bad\nIt hurts. It {'really ' * 40}hurts."

    assert "It hurts a lot. Very much." == reason(RULE)
    assert "It hurts." == reason(SimpleNamespace(documentation=long))
    assert None is reason(SimpleNamespace(documentation=""))


def test_fix_safety_is_the_first_word():
    """The documentation says whether there is a fix, and whether it is safe."""
    assert "unsafe" == fix_safety(RULE)
    assert "none" == fix_safety(SimpleNamespace(documentation="## Fix safety\nNo fix: it needs your data."))


def test_page_has_facts_and_documentation():
    """The page opens with the rule's name and facts."""
    lines = page(RULE).split("\n")

    assert "# some-rule" == lines[0]
    assert "`TL999` · category shape · error · fix: unsafe · since 0.1" == lines[2]
    assert "# trainlint: ignore[some-rule] the reason why it is right here" in lines


def test_index_lists_rules():
    """The index has a row for each rule, safe inside a table."""
    assert "| TL999 | [some-rule](some-rule.md) | error | unsafe | Reports a\\|b. |" in index([RULE])
