"""The pages of the rules as files, so that the link of a diagnostic works offline and fits the version that runs."""

from __future__ import annotations

import os
from pathlib import Path

from trainlint import __version__
from trainlint.caches import cache_folder
from trainlint.lsp.documents import uri_of
from trainlint.report.rule_page import page
from trainlint.rules.registry import all_rules


class Pages:
    """Writes a rule's page into the cache folder when a finding first links to it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder() / __version__ / "rules" if folder is None else folder
        self._known: dict[str, str | None] = {}

    def __call__(self, name: str) -> str | None:
        """The URI of a rule's page, None if it cannot be written."""
        if name not in self._known:
            self._known[name] = self._write(name)
        return self._known[name]

    def _write(self, name: str) -> str | None:
        rule = next((rule for rule in all_rules() if rule.name == name), None)
        if rule is None:
            return None
        file = self.folder / f"{name}.md"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Another server may write the same page: it is whole or not there.
            draft = self.folder / f".{name}.{os.getpid()}"
            draft.write_text(page(rule), encoding="utf-8")
            os.replace(draft, file)
        except OSError:
            return None
        return uri_of(str(file))
