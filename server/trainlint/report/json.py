"""The JSON document; docs/output.schema.json describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainlint import __version__
from trainlint.report.entries import by_place
from trainlint.report.summary import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, NetworkEntry

SCHEMA_VERSION = 1


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The document of a check as text."""
    return _text(document(entries, context.files_checked, hidden=context.hidden))


def document(
    entries: Iterable[FileEntry],
    files_checked: int,
    networks: Sequence[NetworkEntry] | None = None,
    hidden: Hidden | None = None,
) -> dict[str, Any]:
    """The document of a check as plain data, findings ordered by place; that of a probe has its `networks` too.

    It says how many findings are `hidden` by a baseline or by what was not changed, if any.
    """
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
    if hidden is not None and hidden.words:
        made["hidden"] = {"baseline": hidden.baseline, "unchanged": hidden.unchanged}
    return made


def render(entries: Iterable[FileEntry], files_checked: int, networks: Sequence[NetworkEntry] | None = None) -> str:
    """The document as text; ASCII, so that every stream can carry every file name."""
    return _text(document(entries, files_checked, networks))


def _text(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=2) + "\n"
