"""The JSON document; docs/output.schema.json describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainlint import __version__
from trainlint.report.entries import by_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.report.schema import FileEntry, NetworkEntry

SCHEMA_VERSION = 1


def document(
    entries: Iterable[FileEntry], files_checked: int, networks: Sequence[NetworkEntry] | None = None
) -> dict[str, Any]:
    """The document of a check as plain data, findings ordered by place; that of a probe has its `networks` too."""
    entries = list(entries)
    findings = sorted((finding for entry in entries for finding in entry["findings"]), key=by_place)
    made: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "trainlint": __version__,
        "files_checked": files_checked,
        "models": [model for entry in entries for model in entry["models"]],
        "findings": [{key: value for key, value in finding.items() if key != "lines"} for finding in findings],
        "notices": [notice for entry in entries for notice in entry["notices"]],
    }
    if networks is not None:
        made["arms"] = list(networks)
    return made


def render(entries: Iterable[FileEntry], files_checked: int, networks: Sequence[NetworkEntry] | None = None) -> str:
    """The document as text; ASCII, so that every stream can carry every file name."""
    return json.dumps(document(entries, files_checked, networks), indent=2) + "\n"
