"""`trainlint rules` and `trainlint explain`."""

from __future__ import annotations

import json

from trainlint.cli.markdown import rendered
from trainlint.report.terminal import Style


def test_table_of_rules(run):
    """The table has a row per rule, ordered by code."""
    lines = run("rules").stdout.split("\n")

    assert ["TL701", "TL801"] == [line[:5] for line in lines if line.startswith("TL")]
    assert "TL801  bad-call               training  warning   safe  Reports `bad()`." == lines[3]


def test_rules_as_json(run):
    """The same table for programs."""
    listed = json.loads(run("rules", "--output-format", "json").stdout)

    assert [("TL701", "safe"), ("TL801", "safe")] == [(rule["code"], rule["fix"]) for rule in listed]


def test_explain_by_name_and_code(run):
    """A rule is found by its name and by its code; off a terminal its page is Markdown."""
    page = run("explain", "bad-call").stdout

    assert page.startswith(
        "# bad-call\n\n`TL801` · category training · warning · fix: safe · since 0.1\n\n## What it does\n"
    )
    assert page == run("explain", "tl801").stdout


def test_explain_unknown_rule(run):
    """An unknown rule is one line with what may have been meant."""
    result = run("explain", "bad-cal")

    expected = "trainlint: error: there is no rule 'bad-cal' (did you mean bad-call?); `trainlint rules` lists them\n"

    assert (2, expected) == (result.exit_code, result.stderr)


def test_markdown_on_a_terminal():
    """Headings stand out, paragraphs and items are wrapped, code is kept as it is."""
    page = "# Title\n\n## Part\nOne sentence.\nAnother `sentence`.\n\n- item that is long\n- next\n\n"
    page += "```python\nx  =  1\n```\n"

    expected = [
        "Title",
        "",
        "PART",
        "  One sentence.",
        "  Another",
        "  `sentence`.",
        "",
        "  - item that is",
        "    long",
        "  - next",
        "",
        "      x  =  1",
    ]

    assert expected == list(rendered(page, Style(False, 18)))


def test_the_end_of_the_table_names_a_rule_worth_reading(run):
    """The rule that explains most failures is the example."""
    assert run("rules").stdout.endswith("\n2 rules; more about one:\n  trainlint explain silent-loss-broadcast\n")


def test_markdown_in_colours():
    """What bold tells needs no ticks; without colours they are all there is."""
    page = "# `a` title\n\nA `b` here.\n"

    assert ["\x1b[1ma title\x1b[0m", "", "  A \x1b[1mb\x1b[0m here."] == list(rendered(page, Style(True, 40)))
    assert ["`a` title", "", "  A `b` here."] == list(rendered(page, Style(False, 40)))
