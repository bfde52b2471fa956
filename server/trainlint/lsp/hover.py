"""What the editor shows at a place without being asked for a repair: hovers, hints, outlines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lsprotocol import types

from trainlint.lsp.checked import Ranges, in_order, touch
from trainlint.program.tables import describe
from trainlint.report.rule_page import reason
from trainlint.rules.registry import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trainlint.analysis import Analysis
    from trainlint.lsp.checked import Checked, Shown
    from trainlint.lsp.documents import Documents
    from trainlint.lsp.probing import Measured
    from trainlint.source.code import Place

_MAX_STEPS = 5


def hover(
    checked: Checked, documents: Documents, uri: str, position: types.Position, measured: Mapping[str, Measured],
    others: Iterable[tuple[Checked, Shown]] = (), brief: bool = False,
) -> types.Hover | None:  # fmt: skip
    """The short page of each finding at a position, and what is known of the expression there.

    `others` are the findings that the checks of other documents placed in this one.
    A `brief` one leaves out what the editor itself says of its diagnostics: message and trace.
    """
    here = types.Range(position, position)
    told = [*((checked, each) for each in checked.findings), *others]
    found = [(by, each) for by, each in told if each.uri == uri and each.diagnostic and touch(each.range, here)]
    found.sort(key=lambda told: -told[1].finding.rank)
    parts = [_of_finding(each, by, measured, brief) for by, each in found]
    area = found[0][1].range if found else None
    known = None
    if checked.analysis is not None:
        ranges = Ranges(documents, checked.analysis)
        offset = ranges.offset(uri, position)
        known = checked.knowledge.at(offset) if offset is not None else None
    if known is not None and checked.analysis is not None:
        fact, start, end = known
        lines = fact.lines
        if fact.origin is not None and fact.origin.unit in checked.analysis.document.starts:
            line = checked.analysis.location(fact.origin).line
            shown_in, where = ranges.of(checked.analysis.document.locate(start, end))
            if where.start.line != line - 1:
                lines.append(f"made in line {line}")
            area = area or (where if shown_in == uri else None)
        parts.append("\n".join([f"**{lines[0]}**", "", *(f"- {line}" for line in lines[1:])]))
    if not parts:
        return None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts)), area)


def _of_finding(each: Shown, checked: Checked, measured: Mapping[str, Measured], brief: bool) -> str:
    finding, analysis = each.finding, checked.analysis
    assert analysis is not None
    rule = next((rule for rule in all_rules() if rule.name == finding.rule), None)
    link = each.diagnostic.code_description.href if each.diagnostic and each.diagnostic.code_description else None
    title = f"[{finding.rule}]({link})" if link else finding.rule
    lines = [f"**{title}** · {finding.code} · {finding.severity}"]
    known = measured.get(finding.fingerprint)
    if known is not None:
        verdict = known.result["verdict"].replace("-", " ")
        role = f", {known.result['attribution'].replace('-', ' ')}" if known.result["attribution"] else ""
        when = "Probed" if known.data == checked.document.data else "Probed before the last change"
        lines += ["", f"**{when}: {verdict}{role}.** {known.result['text']}"]
    if not brief:
        lines += ["", finding.message]
    if rule is not None:
        why = reason(rule)
        if why:
            lines += ["", why]
    if finding.trace and not brief:
        lines.append("")
        for step in finding.trace[:_MAX_STEPS]:
            location = analysis.location(step.place)
            where = "" if location.file == analysis.path else f" of {os.path.basename(location.file)}"
            lines.append(f"- line {location.line}{where}: {step.message}")
    if rule is not None and finding.remedies:
        lines += ["", f"Repair: {finding.remedies[0].title}."]
    return "\n".join(lines)


def hints(checked: Checked, documents: Documents, uri: str, area: types.Range) -> list[types.InlayHint]:
    """The shape behind each layer call and assignment in a range."""
    if checked.analysis is None:
        return []
    ranges = Ranges(documents, checked.analysis)
    start, end = ranges.offset(uri, area.start), ranges.offset(uri, area.end)
    if start is None or end is None:
        return []
    found = []
    for offset, fact in checked.knowledge.shapes(start, end):
        here, where = ranges.of(checked.analysis.document.locate(offset, offset))
        if here == uri:
            tip = types.MarkupContent(types.MarkupKind.Markdown, "\n".join(f"- {line}" for line in fact.lines))
            found.append(types.InlayHint(where.start, fact.shape, tooltip=tip, padding_left=True))
    return found


def symbols(checked: Checked, documents: Documents, uri: str) -> list[types.DocumentSymbol]:
    """The networks of a document, each with its layers."""
    if checked.analysis is None:
        return []
    analysis = checked.analysis
    ranges = Ranges(documents, analysis)
    result: list[types.DocumentSymbol] = []
    for title, place, rows in _networks(analysis):
        here, area = ranges.of(analysis.location(place))
        children = []
        for row, row_place in rows:
            where, part = ranges.of(analysis.location(row_place))
            if where == uri:
                detail = ", ".join(piece for piece in (row[2], row[4] if row[4] != "linear" else "") if piece)
                children.append(types.DocumentSymbol(row[1], types.SymbolKind.Field, part, part, detail))
        if here != uri and not children:
            continue
        whole = _around([child.range for child in children] + ([area] if here == uri else []))
        chosen = area if here == uri else children[0].range
        result.append(types.DocumentSymbol(title, types.SymbolKind.Class, whole, chosen, None, children=children))
    return result


def _networks(analysis: Analysis) -> Iterator[tuple[str, Place, list[tuple[tuple[str, ...], Place]]]]:
    seen: set[Place] = set()
    for program in analysis.programs:
        for table in describe(program, analysis.location):
            if table.place in seen:
                continue
            seen.add(table.place)
            rows = [(row, place) for row, place in zip(table.rows, table.places) if place is not None]
            yield f"network, {len(rows)} layers", table.place, rows


def _around(areas: list[types.Range]) -> types.Range:
    return types.Range(min((a.start for a in areas), key=in_order), max((a.end for a in areas), key=in_order))
