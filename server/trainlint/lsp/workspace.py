"""What the server knows: open documents, projects, configuration, and the latest check of each document.

The methods that check run on the analyst's thread; the others only on the event loop's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from trainlint.analysis import Analysis, analyse
from trainlint.config import Config, ConfigError
from trainlint.lsp import diagnostics
from trainlint.lsp.checked import Checked
from trainlint.lsp.documents import Document, Documents
from trainlint.lsp.elsewhere import needed_comments, placed_in
from trainlint.lsp.pages import Pages
from trainlint.lsp.settings import Settings
from trainlint.project import Project, find_root
from trainlint.project.roots import ConfigFinder
from trainlint.rules.registry import all_rules
from trainlint.source.prefilter import may_concern

if TYPE_CHECKING:
    from lsprotocol import types

    from trainlint.lsp.checked import Shown
    from trainlint.lsp.probing import Measured
    from trainlint.lsp.setaside import SetAside


class Workspace:
    """Documents and what is known of them."""

    def __init__(self, set_aside: SetAside) -> None:
        self.documents = Documents()
        self.settings = Settings()
        self.pages = Pages()
        self.folders: list[str] = []
        self.set_aside = set_aside
        self.is_met = False
        """Whether the client has said who it is."""
        self.checked: dict[str, Checked] = {}
        """The latest check of each open document, by the document's URI."""
        self.measured: dict[str, Measured] = {}
        """What probes said of findings, by fingerprint."""
        self.revision = 0
        """Counts what happened outside of the documents that are checked: to files, settings and open siblings."""
        self._changed_at: dict[str, int] = {}
        self._epoch = 0
        self._lock = threading.Lock()
        self.problems: list[str] = []
        """Sentences that the user should read once, such as a wrong configuration."""
        self._said: set[str] = set()
        self._projects: dict[str, Project] = {}
        self._find_config = ConfigFinder(all_rules())
        self._configs: dict[str, Config] = {}

    @property
    def folder(self) -> str:
        """Where documents without a file count as lying."""
        return self.folders[0] if self.folders else os.path.abspath(os.sep)

    # On the analyst's thread ------------------------------------------------------------------------------------------

    def check(
        self, document: Document, version: int, data: bytes, cancelled: Callable[[], bool] | None = None
    ) -> Checked:
        """Checks a version of a document; only what changed since its last check is read and run again.

        Raises Cancelled soon after `cancelled` says that a later version waits.
        """
        known = self.checked.get(document.uri)
        if known is not None and known.document is document and known.version == version and self.is_current(known):
            return known
        # Before anything is read: what changes from now on makes this check an old one.
        revision, epoch = self.revision, self._epoch
        project, config = self.project(document.path), self.config(os.path.dirname(document.path))
        project.asked.clear()
        project.overlay = {**self.documents.overlay, document.path: data}
        analysis = None
        if may_concern(data) and self.settings.enable and not self._is_poison(data):
            previous = known.analysis if known is not None and known.document is document else None
            with self.set_aside.reading(data):
                analysis = analyse(data, document.path, project, config, previous, cancelled=cancelled)
        depends = frozenset(project.asked) - {document.path}
        checked = Checked(document, version, analysis, project, config, (), depends, (), revision, epoch)
        if analysis is not None:
            checked = self._shown(checked, analysis)
            for notice in analysis.notices:
                if notice.kind == "internal":
                    self.say(notice.message)
        if self.documents.get(document.uri) is document:
            self.checked[document.uri] = checked
        return checked

    def _shown(self, checked: Checked, analysis: Analysis) -> Checked:
        return checked.replace(
            findings=tuple(diagnostics.shown(analysis, self.documents, self.settings, self.pages)),
            notices=tuple(diagnostics.notices(analysis, self.documents)),
        )

    def project(self, path: str) -> Project:
        """The project of a file."""
        root = str(find_root(path))
        if root not in self._projects:
            self._projects[root] = Project(root, self.documents.overlay)
        return self._projects[root]

    def config(self, folder: str) -> Config:
        """The configuration that counts in a folder, with the editor's choices; a wrong one counts as none."""
        if folder not in self._configs:
            try:
                config = self._find_config(folder)
            except ConfigError as error:
                self.say(f"{error}; the default configuration is used instead")
                config = Config()
            self._configs[folder] = config
        return self.settings.applied_to(self._configs[folder])

    def say(self, problem: str) -> None:
        """Keeps a sentence for the user; nobody is told the same thing twice."""
        if problem not in self._said:
            self._said.add(problem)
            self.problems.append(problem)

    def _is_poison(self, data: bytes) -> bool:
        if not self.set_aside.holds(data):
            return False
        self.say("a document is not checked, since earlier servers ended while they read this text; any change helps")
        return True

    # What was found ---------------------------------------------------------------------------------------------------

    def elsewhere(self, checked: Checked) -> list[tuple[Checked, Shown]]:
        """What the checks of other open documents found in the document of a check, each with its check."""
        return list(placed_in(checked.document, checked, list(self.checked.values())))

    def diagnostics(self, checked: Checked, uri: str) -> list[types.Diagnostic]:
        """All that is to be shown in a text: what its own check found, then what those of other documents did."""
        others = [
            each.diagnostic for _, each in self.elsewhere(checked) if each.uri == uri and each.diagnostic is not None
        ]
        return [*checked.diagnostics(uri, needed_comments(checked, list(self.checked.values()))), *others]

    # What changes -----------------------------------------------------------------------------------------------------

    def touch(self, paths: Iterable[str]) -> None:
        """Makes old every check that rests on one of these files, also one that is still running."""
        with self._lock:
            self.revision += 1
            self._changed_at.update(dict.fromkeys(paths, self.revision))

    def forget_checks(self) -> None:
        """Makes every check old."""
        with self._lock:
            self.revision += 1
            self._epoch += 1
        self.checked.clear()

    def is_current(self, checked: Checked) -> bool:
        """Whether nothing changed that a check rests on, but for its own document."""
        if checked.epoch != self._epoch:
            return False
        changed = self._changed_at
        return checked.revision == self.revision or all(
            changed.get(path, 0) <= checked.revision for path in checked.depends
        )

    def forget_configuration(self) -> None:
        """Reads the configuration files again from now on."""
        self._find_config = ConfigFinder(all_rules())
        self._configs.clear()
        self._projects.clear()
        self._said.clear()
        self.forget_checks()

    def forget_files(self) -> None:
        """Looks at the disk again: files came, went or changed."""
        for project in self._projects.values():
            project.forget()

    def touched_by(self, paths: Iterable[str]) -> list[Document]:
        """The open documents whose last check read, or missed, one of these files; they are to be checked again."""
        changed = set(paths)
        found = []
        for uri, checked in list(self.checked.items()):
            document = self.documents.get(uri)
            if document is not None and checked.depends & changed:
                found.append(document)
        return found
