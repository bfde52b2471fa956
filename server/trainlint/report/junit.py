"""JUnit's XML, for systems that show test reports: a suite for each file, a failed test for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from trainlint.report.concise import one_line, position
from trainlint.report.entries import GRAVE
from trainlint.report.places import active, told
from trainlint.report.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, FindingEntry, NoticeEntry


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The document as text.

    A file without findings is one test that passed; information is a test that passed with an output.
    """
    root = ElementTree.Element("testsuites", name="trainlint")
    totals = [0, 0, 0]
    for entry in entries:
        findings = active(entry["findings"], context.show_info)
        faults = [notice for notice in entry["notices"] if notice["kind"] in GRAVE]
        if not entry["file"] and not faults:
            continue
        name = plain(context.places.path(entry["file"])) if entry["file"] else "trainlint"
        counts = _suite(ElementTree.SubElement(root, "testsuite", name=name), name, findings, faults, context)
        totals = [total + count for total, count in zip(totals, counts)]
    _count(root, totals)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(
    suite: ElementTree.Element,
    name: str,
    findings: Sequence[FindingEntry],
    faults: Sequence[NoticeEntry],
    context: Context,
) -> tuple[int, int, int]:
    failures = 0
    for finding in findings:
        title = f"{finding['rule']} at {position(finding).removeprefix(plain(finding['file']) + ':')}"
        case = ElementTree.SubElement(suite, "testcase", name=title, classname=name)
        body = "\n".join(_body(finding, context))
        if finding["severity"] == "info":
            ElementTree.SubElement(case, "system-out").text = body
            continue
        failures += 1
        failure = ElementTree.SubElement(case, "failure", type=finding["severity"], message=told(finding))
        failure.text = body
    for notice in faults:
        case = ElementTree.SubElement(suite, "testcase", name=notice["kind"], classname=name)
        ElementTree.SubElement(case, "error", type=notice["kind"], message=one_line(notice["message"]))
    n = len(findings) + len(faults)
    if not n:
        ElementTree.SubElement(suite, "testcase", name="no mistakes found", classname=name)
    counts = max(n, 1), failures, len(faults)
    _count(suite, counts)
    return counts


def _count(element: ElementTree.Element, counts: Sequence[int]) -> None:
    for name, count in zip(("tests", "failures", "errors"), counts):
        element.set(name, str(count))


def _body(finding: FindingEntry, context: Context) -> Iterable[str]:
    yield f"{position(finding)}: {finding['severity']} {finding['rule']} ({finding['code']})"
    yield told(finding)
    if reason := context.reason(finding["rule"]):
        yield reason
    for step in finding["trace"]:
        if step["message"]:
            yield f"because {position(step)}: {one_line(step['message'])}"
    for fix in finding["fixes"]:
        yield f"fix ({fix['safety']}): {one_line(fix['title'])}"
