"""`trainlint explain RULE`: the page of a rule."""

from __future__ import annotations

import sys

import click

from trainlint.cli.streams import style_of, write, write_text


@click.command(name="explain")
@click.argument("rule")
def command(rule: str) -> None:
    """Tell what RULE (a name or a code) reports, why it is bad and what to do.

    On a terminal the page is laid out for reading, elsewhere it is Markdown.
    """
    from trainlint.report.rule_page import page
    from trainlint.rules.registry import all_rules

    wanted = rule.casefold().replace("_", "-")
    known = {name.casefold(): found for found in all_rules() for name in (found.name, found.code)}
    if wanted not in known:
        from trainlint.suggest import did_you_mean

        raise click.UsageError(f"there is no rule {rule!r}{did_you_mean(rule, known)}; `trainlint rules` lists them")
    text = page(known[wanted])
    style = style_of(sys.stdout)
    if not style.colour and not sys.stdout.isatty():
        write_text(text)
        return

    from trainlint.cli.markdown import rendered

    write(rendered(text, style))
