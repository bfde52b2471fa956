"""Suppression comments: which findings they silence, and which of them silence nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from trainlint.finding import CATEGORIES, Finding
from trainlint.source.code import Stretch
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.fixes.actions import Remedy
    from trainlint.rules.base import Rule
    from trainlint.source.comments import Suppression
    from trainlint.source.document import Document


def apply(analysis: Analysis, findings: list[Finding], rules: Iterable[Rule], active: Container[str]) -> list[Finding]:
    """The findings, those that a comment silences marked with its text, and one for each comment that silences nothing.

    `rules` are all there are; `active` are the names of those that ran on the file.
    """
    used: set[tuple[int, str]] = set()
    result = []
    for finding in findings:
        document = analysis.document_of(finding.place)
        text = None
        for suppression in analysis.source_of(document).directives.suppressions:
            named = _named(suppression, finding)
            if named is not None and _covers(document, suppression, finding):
                used.add((id(suppression), named))
                text = suppression.text if text is None else text
        result.append(finding if text is None else finding.replace(suppressed=text))
    by_name = {name: rule for rule in rules for name in (rule.name, rule.code)}
    unused = by_name.get("unused-suppression")
    if unused is None or unused.name not in active:
        return result
    for suppression in analysis.source.directives.suppressions:
        for written in suppression.rules:
            rule = by_name.get(written.lower()) or by_name.get(written.upper())
            if (id(suppression), written) in used or (rule is not None and rule.name not in active):
                continue
            if rule is None:
                message = f"{_unknown(written, by_name)}: this comment silences nothing"
            else:
                message = f"`{rule.name}` finds nothing here: this comment silences nothing"
            place = Stretch(analysis.path, suppression.offset, suppression.offset + len(suppression.text))
            result.append(
                Finding(
                    rule=unused.name,
                    code=unused.code,
                    category=unused.category,
                    severity=unused.severity,
                    rank=unused.rank,
                    message=message,
                    place=place,
                    remedies=(_without(suppression, written, place, rule is not None),),
                )
            )
    return result


def _unknown(name: str, known: Iterable[str]) -> str:
    """What is wrong with a name that no rule has."""
    if name.lower() in CATEGORIES:
        return f"`{name}` is a category, and a comment names single rules"
    return f"no rule is called `{name}`{did_you_mean(name, known)}"


def _without(suppression: Suppression, name: str, place: Stretch, is_rule: bool) -> Remedy:
    """The remedy that takes a name out of a comment, and the comment with the last one."""
    from trainlint.fixes.actions import EditComment, Remedy

    # A name that no rule has may be a slip of the pen, and then the comment has a purpose.
    safety = "safe" if is_rule else "unsafe"
    if len(suppression.rules) == 1:
        return Remedy("Delete the comment", safety, (EditComment(place),))
    before, _, after = suppression.text.partition("[")
    names, _, reason = after.partition("]")
    written = names.split(",")
    del written[suppression.rules.index(name)]
    text = f"{before}[{','.join(written).strip()}]{reason}"
    return Remedy(f"Delete `{name}` from the comment", safety, (EditComment(place, text),))


def _named(suppression: Suppression, finding: Finding) -> str | None:
    """How a suppression names the rule of a finding, None if it does not."""
    for rule in suppression.rules:
        if rule.lower() == finding.rule or rule.upper() == finding.code:
            return rule
    return None


def _covers(document: Document, suppression: Suppression, finding: Finding) -> bool:
    if suppression.scope == "file":
        return True
    first, last = document.statement_lines(finding.place)
    if suppression.alone:
        # Alone on a line it is for the next statement; comments and blank lines may stand between.
        lines = document.text.split("\n")
        line = suppression.line
        while line < len(lines) and (not lines[line].strip() or lines[line].lstrip().startswith("#")):
            line += 1
        return first == line + 1 or first <= suppression.line <= last
    return first <= suppression.line <= last
