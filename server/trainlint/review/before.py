"""Findings that a change brings about on lines that it did not touch: those that the program did not have before.

A line that is gone, or another module's, may be the cause, and no trace leads there.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from trainlint.project import Project, find_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trainlint.config import Config
    from trainlint.report.schema import FileEntry, FindingEntry


def brought_about(findings: Iterable[FindingEntry], before: Iterable[FindingEntry]) -> list[FindingEntry]:
    """Those of a file's findings that it did not have before.

    They are recognised by rule and line of text, as often as it occurred, so that renaming a function changes nothing.
    """
    left: Counter[tuple[str, str]] = Counter()
    prints: set[str] = set()
    for finding in {(_place(each), each["rule"]): each for each in before}.values():
        left[_key(finding)] += 1
        prints.add(finding["fingerprint"])
    new = []
    # What is surely the same uses up what there was first.
    for finding in sorted(findings, key=lambda finding: finding["fingerprint"] not in prints):
        if left[_key(finding)] > 0:
            left[_key(finding)] -= 1
        else:
            new.append(finding)
    return new


def _place(finding: FindingEntry) -> tuple[object, ...]:
    return (
        finding["file"],
        finding["cell"],
        finding["line"],
        finding["column"],
        finding["end_line"],
        finding["end_column"],
    )


def _key(finding: FindingEntry) -> tuple[str, str]:
    text = next((line["text"] for line in finding["lines"] if line["line"] == finding["line"]), "")
    return finding["rule"], " ".join(text.split())


def entry_before(
    path: str, older: Mapping[str, bytes | None], config_for: Callable[[str], Config], display: Callable[[str], str]
) -> FileEntry | None:
    """What a check of a file would have found with these older texts in the place of files; None without the file.

    What has no older text was not there.
    """
    from trainlint.analysis import analyse
    from trainlint.report.entries import entry

    if path in older and older[path] is None:
        return None
    texts = {each: text for each, text in older.items() if text is not None}
    project = Project(find_root(path), texts, absent=older.keys() - texts.keys())
    data = project.read(path)
    analysis = analyse(data, path, project, config_for(os.path.dirname(path)), editing=False)
    found = entry(analysis, display)
    analysis.let_go()
    return found
