"""What an editor shows beside the text in a panel of its own: the results of a probe, the networks of a document.

An editor that has such panels gets the results as a piece of HTML with its style sheet, so that all reports of a probe
look and read alike; the editor brings the page, its colours and what can be done.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trainlint.finding import Location
from trainlint.fixes.statements_of_fact import unknown_inputs
from trainlint.lsp.checked import Ranges
from trainlint.lsp.documents import path_of
from trainlint.program.tables import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lsprotocol import types

    from trainlint.lsp.checked import Checked, Shown
    from trainlint.lsp.documents import Documents
    from trainlint.lsp.probing import Measured
    from trainlint.source.code import Place


def of_probe(
    answer: dict[str, Any], checked: Checked, documents: Documents, measured: Mapping[str, Measured]
) -> dict[str, Any]:
    """What a probe answered with the page of its results, the places of its findings, and the other findings."""
    from trainlint.report.probe_html import fragment, lead
    from trainlint.report.probe_reading import verdicts
    from trainlint.report.probe_style import STYLE
    from trainlint.report.script_html import script_fragment, script_importance, script_lead

    known = {each.finding.fingerprint: each for each in checked.findings}
    if "script" in answer:
        return {
            **answer, "report": script_fragment(answer["script"]), "lead": script_lead(answer["script"]),
            "style": STYLE, "importance": script_importance(answer["script"]), "others": [],
        }  # fmt: skip
    if not answer.get("findings"):
        return answer
    place_of = Places(checked, documents)
    findings = [{**each, "place": place_of.finding(known.get(each["fingerprint"]))} for each in answer["findings"]]
    entry: Any = {"file": "", "models": [], "findings": answer["findings"], "notices": [], "statement": None}
    found = verdicts([entry])
    first = found[0].importance if found else None
    probed = {each["fingerprint"] for each in findings}
    others = [
        {**_told(each, checked, measured), "place": place_of.finding(each)}
        for each in checked.findings
        if each.diagnostic is not None and each.finding.evidence and each.finding.fingerprint not in probed
    ]
    return {
        **answer, "findings": findings, "others": others, "report": fragment([entry], answer["networks"]),
        "lead": lead([entry]), "style": STYLE,
        "importance": {"title": first.title, "colour": first.colour} if first is not None else None,
    }  # fmt: skip


def _told(each: Shown, checked: Checked, measured: Mapping[str, Measured]) -> dict[str, Any]:
    finding = each.finding
    known = measured.get(finding.fingerprint)
    return {
        "rule": finding.rule, "code": finding.code, "message": finding.message, "fingerprint": finding.fingerprint,
        "result": None if known is None else known.result,
        "current": known is not None and known.data == checked.document.data,
    }  # fmt: skip


class Places:
    """Places as an editor goes to them, each with its name for people."""

    def __init__(self, checked: Checked, documents: Documents) -> None:
        self._checked = checked
        self._documents = documents

    def at(self, uri: str, area: types.Range) -> dict[str, Any]:
        label, document = f"line {area.start.line + 1}", self._documents.get(uri)
        cell = document.cell_of(uri) if document is not None else None
        if cell is not None:
            label = f"cell {cell + 1}, {label}"
        if document is not self._checked.document:
            label += f" of {os.path.basename(path_of(uri, ''))}"
        return {"uri": uri, "line": area.start.line, "character": area.start.character, "label": label}

    def finding(self, each: Shown | None) -> dict[str, Any] | None:
        return None if each is None else self.at(each.uri, each.range)


def of_networks(checked: Checked, documents: Documents) -> dict[str, Any]:
    """The networks of a document as plain data.

    Tables with the places and the findings of their rows, what was not understood, and the facts that would help.
    """
    if checked.analysis is None:
        return {"models": [], "networks": [], "statements": [], "elsewhere": []}
    analysis = checked.analysis
    ranges, place_of = Ranges(documents, analysis), Places(checked, documents)
    shown = [each for each in checked.findings if each.diagnostic is not None]

    def here(place: Place) -> Location:
        location = analysis.location(place)
        return location.replace(file="" if location.file == analysis.path else os.path.basename(location.file))

    def told(place: Place | None) -> dict[str, Any] | None:
        if place is None:
            return None
        return place_of.at(*ranges.of(analysis.location(place)))

    def mark(each: Shown) -> dict[str, Any]:
        finding = each.finding
        return {
            "rule": finding.rule, "severity": finding.severity, "message": finding.message,
            "fingerprint": finding.fingerprint, "place": place_of.finding(each),
        }  # fmt: skip

    def marks(*places: Place) -> list[dict[str, Any]]:
        """The findings on the lines of a layer, of its weights and of its activation."""
        areas = [ranges.of(analysis.location(place)) for place in places]
        return [
            mark(each)
            for each in shown
            if any(
                each.uri == uri and area.start.line <= each.range.end.line and each.range.start.line <= area.end.line
                for uri, area in areas
            )
        ]

    networks: list[dict[str, Any]] = []
    placed: set[str] = set()
    for program in analysis.programs:
        for table in describe(program, here):
            rows: list[dict[str, Any]] = [
                {"cells": row, "place": told(place), "findings": marks(*parts)}
                for row, place, parts in zip(table.rows, table.places, table.parts)
            ]
            on_rows = {mark["fingerprint"] for row in rows for mark in row["findings"]}
            own = [mark for mark in marks(table.place, *table.behind) if mark["fingerprint"] not in on_rows]
            placed |= on_rows | {mark["fingerprint"] for mark in own}
            networks.append(
                {
                    "title": table.title, "columns": table.columns, "place": told(table.place), "rows": rows,
                    "notes": table.notes, "findings": own,
                }
            )  # fmt: skip
    models = [
        {"place": told(each.place), "understood": each.understood, "missing": each.missing} for each in analysis.models
    ]
    statements = [
        {"name": each.name, "comment": each.comment, "place": told(each.place), "models": each.models}
        for each in unknown_inputs(analysis)
    ]
    elsewhere = [mark(each) for each in shown if each.finding.fingerprint not in placed]
    return {"models": models, "networks": networks, "statements": statements, "elsewhere": elsewhere}
