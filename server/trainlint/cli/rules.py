"""`trainlint rules`: the table of all rules."""

from __future__ import annotations

import sys

import click

from trainlint.cli.streams import table_style_of, write, write_text


@click.command(name="rules")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How to print them.")
def command(output_format: str) -> None:
    """List all rules: code, name, category, severity, whether it brings a fix, and what it reports."""
    from trainlint.report.rule_page import fix_safety
    from trainlint.rules.registry import all_rules

    rules = sorted(all_rules(), key=lambda rule: rule.code)
    if output_format == "json":
        import json

        listed = [
            {
                "code": rule.code,
                "name": rule.name,
                "category": rule.category,
                "severity": rule.severity,
                "fix": fix_safety(rule),
                "since": rule.since,
                "summary": rule.summary,
            }
            for rule in rules
        ]
        write_text(json.dumps(listed, indent=2) + "\n")
        return

    from trainlint.cli.tables import table
    from trainlint.report.terminal import counted

    rows = [(rule.code, rule.name, rule.category, rule.severity, fix_safety(rule), rule.summary) for rule in rules]
    write(table(("code", "name", "category", "severity", "fix", "what it reports"), rows, table_style_of(sys.stdout)))
    # The one that explains most failures is worth a look.
    name = max(rules, key=lambda rule: rule.rank).name if rules else "RULE"
    write(["", f"{counted(len(rows), 'rule')}; more about one:", f"  trainlint explain {name}"])
