"""One JSON object per finding and line, with the keys that a finding has in the JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainlint.report.json import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The lines, ordered by place; ASCII, as the document."""
    return "".join(f"{json.dumps(finding)}\n" for finding in document(entries, context.files_checked)["findings"])
