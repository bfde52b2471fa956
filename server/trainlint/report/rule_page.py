"""The page of a rule: what the documentation, `trainlint explain` and the editor show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainlint.rules.base import Rule

MAX_REASON = 240
"""What is read in a breath; the page has the rest."""

_SECTION = re.compile(r"^## +(.+?) *$\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"\s*(.+?[.!?])(?=\s|\Z)", re.DOTALL)


def page(rule: Rule) -> str:
    """The page in Markdown: title, facts in one line, then the rule's own documentation."""
    facts = f"`{rule.code}` · category {rule.category} · {rule.severity} · fix: {fix_safety(rule)} · since {rule.since}"
    return f"# {rule.name}\n\n{facts}\n\n{rule.documentation.strip()}\n\n{_how_to_silence(rule)}"


def _how_to_silence(rule: Rule) -> str:
    return (
        "## How to silence it\n"
        "Write the reason behind the comment, on a line of the statement:\n\n"
        f"```python\n# trainlint: ignore[{rule.name}] the reason why it is right here\n```\n"
    )


def index(rules: Iterable[Rule]) -> str:
    """The page that lists all rules, grouped by category, in Markdown."""
    categories: dict[str, list[Rule]] = {}
    for rule in sorted(rules, key=lambda rule: rule.code):
        categories.setdefault(rule.category, []).append(rule)
    lines = ["# Rules", ""]
    for category, members in categories.items():
        lines += [f"## {category.capitalize()}", "", "| code | rule | severity | fix | what it reports |"]
        lines.append("| --- | --- | --- | --- | --- |")
        lines += [
            f"| {rule.code} | [{rule.name}]({rule.name}.md) | {rule.severity} | {fix_safety(rule)} "
            f"| {rule.summary.replace('|', chr(92) + '|')} |"
            for rule in members
        ]
        lines.append("")
    return "\n".join(lines)


def sections(rule: Rule) -> dict[str, str]:
    """The sections of a rule's documentation by heading."""
    fences: list[str] = []

    def hide(match: re.Match[str]) -> str:
        # A comment in an example may look like a heading.
        fences.append(match[0])
        return f"\0{len(fences) - 1}\0"

    hidden = _FENCE.sub(hide, rule.documentation.strip() + "\n")
    return {
        match[1]: re.sub(r"\0(\d+)\0", lambda number: fences[int(number[1])], match[2]).strip()
        for match in _SECTION.finditer(hidden)
    }


def fix_safety(rule: Rule) -> str:
    """`safe`, `unsafe` or `none`: the word that the section on fix safety begins with."""
    words = re.findall(r"[a-z]+", sections(rule).get("Fix safety", "").lower())
    return words[0] if words and words[0] in ("safe", "unsafe") else "none"


def reason(rule: Rule) -> str | None:
    """Why the rule's mistake is bad: the first sentence, and those behind it that keep it short."""
    paragraph = sections(rule).get("Why it is bad", "").split("\n\n")[0]
    text = ""
    for sentence in _SENTENCE.findall(paragraph):
        longer = f"{text} {' '.join(sentence.split())}".strip()
        if text and len(longer) > MAX_REASON:
            break
        text = longer
    return text or None
