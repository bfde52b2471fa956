"""`analyse(data, path, project, config)`: the one way from a file to its findings.

The command line, the language server, the probe and CI call this function and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from trainlint import fingerprints, stacks, suppressions
from trainlint.finding import Edit, Finding, Location, ModelSummary, Notice
from trainlint.packages import concerns, exact_version, generations, turns_out_old
from trainlint.source import code
from trainlint.source.comments import Directives, is_meant, read_comments
from trainlint.source.document import Document, read
from trainlint.source.magics import plain_export
from trainlint.source.notebook import Notebook, read_notebook
from trainlint.source.prefilter import may_concern
from trainlint.source.text import Decoded, decode
from trainlint.source.units import FINE, MAX_LINES
from trainlint.source.written import WrittenModule, written_modules
from trainlint.tfapi import choose

if TYPE_CHECKING:
    from trainlint.config import Config
    from trainlint.interpret.run import Interpretation
    from trainlint.program.program import Program
    from trainlint.project import Project

MAX_SIBLINGS = 50
"""Modules of the project that one file may draw in."""


class Source:
    """A file as it was read: its document, and how to write edits back."""

    def __init__(
        self, document: Document, origin: Decoded | Notebook | WrittenModule, directives: Directives,
        notices: tuple[Notice, ...], commands: tuple[tuple[int, str], ...] = (),
        ran_with: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        self.document = document
        self.origin = origin
        self.directives = directives
        self.notices = notices
        self.commands = commands
        """The commands of a notebook, or of the script that one was exported to."""
        self.ran_with = ran_with
        """The versions that the last run of a notebook shows, as pins."""


class Analysis:
    """What is known of one file."""

    def __init__(
        self, path: str, source: Source, interpretation: Interpretation | None, siblings: dict[str, Source],
        findings: tuple[Finding, ...], notices: tuple[Notice, ...], models: tuple[ModelSummary, ...],
    ) -> None:  # fmt: skip
        self.path = path
        self.source = source
        self.interpretation = interpretation
        self.siblings = siblings
        self.findings = findings
        self.notices = notices
        self.models = models
        self.scripts: dict[str, Interpretation] = {}
        """The programs in files that the cells of a notebook write."""

    @property
    def document(self) -> Document:
        return self.source.document

    @property
    def programs(self) -> tuple[Program, ...]:
        own = self.interpretation.programs if self.interpretation is not None else ()
        return tuple(chain(own, *(script.programs for script in self.scripts.values())))

    @property
    def documents(self) -> Iterator[Document]:
        """The file's document and those of the sibling modules that it drew in."""
        yield self.document
        for source in self.siblings.values():
            yield source.document

    def document_of(self, place: code.Place | code.Stretch) -> Document:
        """The document that a place is in."""
        for document in self.documents:
            if place.path == document.path if isinstance(place, code.Stretch) else place.unit in document.starts:
                return document
        raise LookupError("the place belongs to no document of this analysis")

    def source_of(self, document: Document) -> Source:
        if document is self.document:
            return self.source
        return self.siblings[document.path]

    def location(self, place: code.Place | code.Stretch) -> Location:
        """Where a place is in the user's files."""
        document = self.document_of(place)
        location = document.location(place)
        return location if location.file == self.path else location.replace(file=self.file_of(document))

    def file_of(self, document: Document) -> str:
        """The user's file that holds a document: a module that a cell writes stands in the notebook."""
        return self.path if isinstance(document.cells, WrittenModule) else document.path

    def again(self, data: bytes, project: Project, config: Config) -> Analysis:
        """The analysis of another content of the file; only what changed is parsed and run again."""
        return analyse(data, self.path, project, config, self)

    def of_sibling(self, path: str, data: bytes, project: Project, config: Config) -> Analysis:
        """The analysis of a sibling as a program of its own."""
        return analyse(data, path, project, config)

    def let_go(self) -> None:
        """Frees what was read and run at once; what is to be kept of it has to be taken out before.

        Siblings stay, which other files import too.
        """
        for interpretation in (self.interpretation, *self.scripts.values()):
            if interpretation is not None:
                interpretation.let_go()
        for unit in self.document.units:
            unit.let_go()

    def edit_location(self, edit: Edit) -> Location:
        """Where the text that an edit replaces is in the user's files."""
        document = next(document for document in self.documents if document.path == edit.file)
        return document.locate(edit.start, edit.end)

    def line_text(self, location: Location) -> str:
        """The line on which a location starts, as the user wrote it (magics blanked)."""
        for source in self.siblings.values():
            if location.file == self.path and isinstance(source.origin, WrittenModule):
                text = source.origin.line_text(location.cell, location.line)
                if text is not None:
                    return text
        for document in self.documents:
            if document.path == location.file:
                line = location.line
                if location.cell is not None and document.cells is not None:
                    notebook: Any = document.cells
                    line += next(cell.line for cell in notebook.cells if cell.index == location.cell) - 1
                starts = document.line_starts
                end = starts[line] - 1 if line < len(starts) else len(document.text)
                return document.text[starts[line - 1] : end] if line <= len(starts) else ""
        return ""


def analyse(
    data: bytes, path: str, project: Project, config: Config, previous: Analysis | None = None, editing: bool = True,
    cancelled: Callable[[], bool] | None = None,
) -> Analysis:  # fmt: skip
    """The findings of a file and everything they rest on; never fails on what the file contains.

    With `previous`, an earlier analysis of the same file, only what changed is parsed and run again.
    Without `editing` long stretches of the text are read and remembered as one, which is cheaper where the text is
    analysed once or twice, and dearer after each edit.
    Raises Cancelled soon after `cancelled` says that nobody waits for the result.
    """
    return stacks.call(lambda: _analyse(data, path, project, config, previous, editing, cancelled))


def read_source(data: bytes, path: str, previous: Source | None = None, most_lines: int = MAX_LINES) -> Source:
    """A file's bytes as a document, for modules and notebooks alike.

    Compound statements of at least `most_lines` lines are split, so that an edit inside of them costs less.
    """
    old = previous.document if previous is not None else None
    if path.endswith(".ipynb"):
        notebook = read_notebook(data, path)
        document = read(notebook.text, path, old, notebook if notebook.cells else None, most_lines)
        return _with_directives(document, notebook, notebook.notices, notebook.commands, notebook.ran_with)
    decoded = decode(data)
    if decoded.binary:
        document = read("", path, old)
        return _with_directives(document, decoded, (Notice("unreadable", path, "this is a binary file, not Python"),))
    notes = (Notice("incomplete", path, decoded.note),) if decoded.note else ()
    # A script exported from a notebook may hold magics; blanking them keeps every offset.
    plain = plain_export(decoded.text)
    return _with_directives(read(plain.text, path, old, None, most_lines), decoded, notes, plain.commands)


def _with_directives(
    document: Document, origin: Decoded | Notebook | WrittenModule, notices: tuple[Notice, ...],
    commands: tuple[tuple[int, str], ...] = (), ran_with: tuple[tuple[str, str], ...] = (),
) -> Source:  # fmt: skip
    text = document.text
    comments = []
    for offset, line, comment in document.comments:
        if is_meant(comment):
            before = text[text.rfind("\n", 0, offset) + 1 : offset]
            comments.append((offset, line, comment, not before.strip()))
    directives = read_comments(comments, document.path) if comments else Directives()
    if directives.facts:
        # A fact belongs to the unit of its line, or of the next one when it stands alone.
        for unit, start in document.starts.items():
            first, last = document.line_of(start), document.line_of(start + len(unit.text))
            near = tuple(fact for fact in directives.facts if first - 1 <= fact.line <= last)
            if near:
                document.facts[unit] = near
    about = list(directives.notices)
    if directives.facts:
        from trainlint.source.stated import unused_facts

        about += unused_facts(document, directives.facts)
    if document.cells is not None:
        about = [_in_cell(notice, document) for notice in about]
    return Source(document, origin, directives, (*notices, *document.notices, *about), commands, ran_with)


def _in_cell(notice: Notice, document: Document) -> Notice:
    """A notice about a line of a notebook's text, its line counted in its cell."""
    if document.cells is None or notice.line is None:
        return notice
    cell, _, line = document.cells.locate(notice.line)
    return notice.replace(cell=cell, line=line)


def _analyse(
    data: bytes, path: str, project: Project, config: Config, previous: Analysis | None, editing: bool,
    cancelled: Callable[[], bool] | None,
) -> Analysis:  # fmt: skip
    most_lines = FINE if editing else MAX_LINES
    source = read_source(data, path, previous.source if previous is not None else None, most_lines)
    written: dict[str, WrittenModule] = {}
    if isinstance(source.origin, Notebook) and source.origin.writefiles:
        written = written_modules(source.origin.writefiles, source.document)
    ran_with = source.ran_with or _exported_from(source, path, project)
    if written or source.commands or ran_with:
        contents = {file: module.data for file, module in written.items()}
        project = project.seen_from(path, contents, [command for _, command in source.commands], ran_with)

    known_siblings = dict(previous.siblings) if previous is not None else {}
    siblings = _Siblings(source, path, project, written, known_siblings, most_lines)
    from trainlint.rules.registry import all_rules

    notices = list(source.notices)
    known = previous.interpretation if previous is not None else None
    interpretation = _interpret(source.document, siblings.load, project, config, known, editing, notices, cancelled)
    reports = _run_rules(interpretation, config, path, notices) if interpretation is not None else []
    analysis = Analysis(path, source, interpretation, siblings.used, (), (), ())
    for file, module in written.items():
        # Like a file on the disk it is also a program of its own, which somebody may start with `!python`.
        if file.endswith(".py") and may_concern(module.data):
            document = siblings.written_one(file, module).document
            known = previous.scripts.get(file) if previous is not None else None
            script = _interpret(document, siblings.load, project, config, known, editing, notices, cancelled)
            if script is not None:
                analysis.scripts[file] = script
                found = {(rule.name, report.place) for rule, report, _ in reports}
                more = _run_rules(script, config, path, notices)
                reports += [each for each in more if (each[0].name, each[1].place) not in found]
    findings = [
        _finding(config, rule, report, world) for rule, report, world in reports
        if config.enabled(rule, os.path.abspath(analysis.file_of(analysis.document_of(report.place))))
    ]  # fmt: skip
    active = {rule.name for rule in all_rules() if config.enabled(rule, os.path.abspath(path))}
    findings = suppressions.apply(analysis, findings, all_rules(), active)
    findings.sort(key=lambda finding: _order(analysis, finding))
    analysis.findings = tuple(fingerprints.assign(analysis, findings, project))
    analysis.notices = tuple(notices)
    if analysis.programs:
        from trainlint.program.models import summarise

        analysis.models = tuple(summarise(analysis.programs))
    return analysis


def _exported_from(source: Source, path: str, project: Project) -> tuple[tuple[str, str], ...]:
    """The versions that the last run of a notebook shows which a script beside it was exported from."""
    if _EXPORTED not in source.document.text or not path.endswith(".py"):
        return ()
    try:
        data = project.read(path.removesuffix(".py") + ".ipynb")
    except OSError:
        return ()
    return read_notebook(data).ran_with


_EXPORTED = "\n# In["
"""What `jupyter nbconvert --to script` writes in front of each cell."""


class _Siblings:
    """The modules of the project that the analysis of a file draws in."""

    def __init__(
        self, source: Source, path: str, project: Project, written: dict[str, WrittenModule], known: dict[str, Source],
        most_lines: int,
    ) -> None:  # fmt: skip
        self._source = source
        self._path = path
        self._project = project
        self._written = written
        self._known = known
        self._most_lines = most_lines
        self.used: dict[str, Source] = {}

    def load(self, module: str, level: int, importer: Any) -> Document | None:
        """The document that an import means, None where it is none of the project's."""
        found = self._project.resolve(module, level, importer.path)
        if found is None or found == self._path or (len(self.used) >= MAX_SIBLINGS and found not in self.used):
            return self._source.document if found == self._path and importer.path != self._path else None
        if found in self._written:
            return self.written_one(found, self._written[found]).document
        if found not in self.used:
            try:
                self.used[found] = _sibling(self._project, found, self._known.get(found), self._most_lines)
            except OSError:
                return None
        return self.used[found].document

    def written_one(self, path: str, module: WrittenModule) -> Source:
        """A module that cells of the notebook write."""
        if path not in self.used:
            self.used[path] = _written(module, self._known.get(path), self._most_lines)
        return self.used[path]


def _written(module: WrittenModule, previous: Source | None, most_lines: int) -> Source:
    """A module that cells write; the same object as long as nothing of it changes."""
    if previous is not None and previous.origin == module:
        return previous
    old = previous.document if previous is not None else None
    return _with_directives(read(module.text, module.path, old, module, most_lines), module, ())


def _sibling(project: Project, path: str, previous: Source | None, most_lines: int) -> Source:
    """A module of the project as it is now; read once for all files that import it."""
    data = project.read(path)
    cache = _SIBLINGS
    known = cache.get(path)
    if known is not None and known[0] == data:
        # What everybody imports stays.
        cache[path] = cache.pop(path)
        return known[1]
    source = read_source(data, path, previous, most_lines)
    if len(cache) >= MAX_CACHED:
        cache.pop(next(iter(cache)))
    cache[path] = (data, source)
    return source


_SIBLINGS: dict[str, tuple[bytes, Source]] = {}
MAX_CACHED = 128
"""Sibling modules kept with their code between analyses."""


def _interpret(
    document: Document, load: Any, project: Project, config: Config, previous: Interpretation | None, editing: bool,
    notices: list[Notice], cancelled: Callable[[], bool] | None,
) -> Interpretation | None:  # fmt: skip
    from trainlint.interpret.run import interpret

    try:
        if not concerns(document, load):
            return None
        machine = previous.machine if previous is not None else None
        peeker = project.peek if config.peek else None
        version, possible = exact_version(document, project), generations(document, project)
        interpretation = interpret(
            document, load, choose(possible), machine, editing, peeker, cancelled, version, possible
        )  # fmt: skip
        roots = interpretation.machine.roots.values()
        modules = [root.root_document for root in roots if root.root_document is not None]
        if turns_out_old(possible, interpretation.programs, modules):
            newer, interpretation = interpretation, interpret(
                document, load, "1.x", machine, editing, peeker, cancelled, version
            )  # fmt: skip
            if newer.machine is not machine:
                newer.let_go()
    except Exception as error:
        notices.append(_internal(document.path, f"{type(error).__name__}: {error}", error))
        return None
    if not interpretation.complete:
        notices.append(
            Notice(
                "incomplete",
                document.path,
                "the program is too large to be followed to its end; what was seen is reported",
            )
        )
    return interpretation


def _internal(path: str, text: str, error: BaseException) -> Notice:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = (
        f" (in {frames[-1].name}, line {frames[-1].lineno} of {frames[-1].filename.rsplit('/', 1)[-1]})"
        if frames
        else ""
    )
    return Notice("internal", path, f"an error in trainlint itself: {text}{where}; please report it with this file")


def _run_rules(interpretation: Interpretation, config: Config, path: str, notices: list[Notice]) -> list[Any]:
    from trainlint.rules import engine
    from trainlint.rules.registry import all_rules

    def on_error(rule: Any, text: str) -> None:
        last = text.strip().splitlines()[-1]
        message = (
            f"an error in trainlint itself: the rule {rule.name} failed ({last}); "
            "its findings are missing, please report it with this file"
        )
        notices.append(Notice("internal", path, message))

    rules = [rule for rule in all_rules() if config.enabled(rule)]
    return engine.run(interpretation.programs, rules, on_error)


def _finding(config: Config, rule: Any, report: Any, world: str | None) -> Finding:
    severity = config.severity_of(rule) or report.severity or rule.severity
    return Finding(
        rule=rule.name,
        code=rule.code,
        category=rule.category,
        severity=severity,
        rank=rule.rank,
        message=report.message,
        place=report.place,
        trace=report.trace,
        world=world,
        assumed=report.assumed,
        evidence=rule.evidence,
        remedies=report.remedies,
    )


def _order(analysis: Analysis, finding: Finding) -> tuple[Any, ...]:
    location = analysis.location(finding.place)
    return (
        location.file != analysis.path,
        location.file,
        location.cell or 0,
        location.line,
        location.column,
        finding.code,
    )
