"""Fingerprints: what a finding is, whatever line it moves to."""

from __future__ import annotations

import os
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.finding import Finding
    from trainlint.project import Project


def assign(analysis: Analysis, findings: list[Finding], project: Project) -> list[Finding]:
    """The findings with their fingerprints.

    A fingerprint covers the rule, the path relative to the project's root, the name of the enclosing definition, the
    normalised text of the statement and an ordinal among equals; no line numbers.
    """
    seen: Counter[str] = Counter()
    result = []
    for finding in findings:
        document = analysis.document_of(finding.place)
        start, end = document.statement_offsets(finding.place)
        statement = " ".join(document.text[start:end].split())
        relative = os.path.relpath(os.path.abspath(document.path), project.root).replace(os.sep, "/")
        key = "\n".join((finding.rule, relative, document.definition_of(finding.place), statement))
        seen[key] += 1
        digest = blake2b(f"{key}\n{seen[key]}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        result.append(finding.replace(fingerprint=digest))
    return result
