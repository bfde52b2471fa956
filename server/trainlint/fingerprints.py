"""Fingerprints: what a finding is, whatever line it moves to.

A fingerprint begins with a hash of the path and goes on with one of the rest, so what is in a file that was renamed
can be recognised.
"""

from __future__ import annotations

import os
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.finding import Finding
    from trainlint.project import Project

_OF_PATH = 4
"""Bytes; two files of a project with the same hash would have to hold the same statement too."""


def assign(analysis: Analysis, findings: list[Finding], project: Project) -> list[Finding]:
    """The findings with their fingerprints.

    A fingerprint covers the rule, the path relative to the project's root, the name of the enclosing definition, the
    normalised text of the statement and an ordinal among equals; no line numbers.
    """
    seen: Counter[tuple[str, str]] = Counter()
    result = []
    for finding in findings:
        document = analysis.document_of(finding.place)
        start, end = document.statement_offsets(finding.place)
        statement = " ".join(document.text[start:end].split())
        relative = os.path.relpath(os.path.abspath(document.path), project.root).replace(os.sep, "/")
        key = "\n".join((finding.rule, document.definition_of(finding.place), statement))
        seen[relative, key] += 1
        content = _digest(f"{key}\n{seen[relative, key]}", 12)
        result.append(finding.replace(fingerprint=_digest(relative, _OF_PATH) + content))
    return result


def within_file(fingerprint: str) -> str:
    """What a fingerprint says of a finding whatever its file is called."""
    return fingerprint[2 * _OF_PATH :]


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
