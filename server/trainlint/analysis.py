"""`analyse(data, path, project, config)`: the one way from a file to its findings.

The command line, the language server, the probe and CI call this function and nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from trainlint import fingerprints, suppressions, tfapi
from trainlint.finding import Edit, Finding, Location, ModelSummary, Notice
from trainlint.source import code
from trainlint.source.comments import Directives, read_comments
from trainlint.source.document import Document, read
from trainlint.source.magics import plain_export
from trainlint.source.notebook import Notebook, read_notebook
from trainlint.source.text import Decoded, decode

if TYPE_CHECKING:
    from trainlint.config import Config
    from trainlint.interpret.run import Interpretation
    from trainlint.program.program import Program
    from trainlint.project import Project

STACK = 256 * 1024 * 1024
"""Bytes of stack for an analysis: deeply nested calls of the user's program nest the machine as deeply."""

MAX_SIBLINGS = 50
"""Modules of the project that one file may draw in."""


class Source:
    """A file as it was read: its document, and how to write edits back."""

    def __init__(
        self, document: Document, origin: Decoded | Notebook, directives: Directives, notices: tuple[Notice, ...]
    ) -> None:
        self.document = document
        self.origin = origin
        self.directives = directives
        self.notices = notices


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

    @property
    def document(self) -> Document:
        return self.source.document

    @property
    def programs(self) -> tuple[Program, ...]:
        return self.interpretation.programs if self.interpretation is not None else ()

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
        return self.document_of(place).location(place)

    def again(self, data: bytes, project: Project, config: Config) -> Analysis:
        """The analysis of another content of the file; only what changed is parsed and run again."""
        return analyse(data, self.path, project, config, self)

    def of_sibling(self, path: str, data: bytes, project: Project, config: Config) -> Analysis:
        """The analysis of a sibling as a program of its own."""
        return analyse(data, path, project, config)

    def edit_location(self, edit: Edit) -> Location:
        """Where the text that an edit replaces is in the user's files."""
        document = next(document for document in self.documents if document.path == edit.file)
        return document.locate(edit.start, edit.end)

    def line_text(self, location: Location) -> str:
        """The line on which a location starts, as the user wrote it (magics blanked)."""
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


def analyse(data: bytes, path: str, project: Project, config: Config, previous: Analysis | None = None) -> Analysis:
    """The findings of a file and everything they rest on; never fails on what the file contains.

    With `previous`, an earlier analysis of the same file, only what changed is parsed and run again.
    """
    return _with_large_stack(lambda: _analyse(data, path, project, config, previous))


def _with_large_stack(run: Callable[[], Any]) -> Any:
    """Runs on a thread whose stack fits deep recursion; libcst's parser needs 8 MB itself."""
    if getattr(threading.current_thread(), "trainlint_stack", False):
        return run()
    result: list[Any] = []

    def body() -> None:
        import sys

        threading.current_thread().trainlint_stack = True  # type: ignore[attr-defined]
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 20_000))
        try:
            result.append((run(), None))
        except BaseException as error:
            result.append((None, error))
        finally:
            sys.setrecursionlimit(limit)

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=body, name="trainlint analysis")
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


def read_source(data: bytes, path: str, previous: Source | None = None) -> Source:
    """A file's bytes as a document, for modules and notebooks alike."""
    old = previous.document if previous is not None else None
    if path.endswith(".ipynb"):
        notebook = read_notebook(data, path)
        document = read(notebook.text, path, old, notebook if notebook.cells else None)
        return _with_directives(document, notebook, notebook.notices)
    decoded = decode(data)
    if decoded.binary:
        document = read("", path, old)
        return _with_directives(document, decoded, (Notice("unreadable", path, "this is a binary file, not Python"),))
    notes = (Notice("incomplete", path, decoded.note),) if decoded.note else ()
    # A script exported from a notebook may hold magics; blanking them keeps every offset.
    return _with_directives(read(plain_export(decoded.text).text, path, old), decoded, notes)


def _with_directives(document: Document, origin: Decoded | Notebook, notices: tuple[Notice, ...]) -> Source:
    text = document.text
    comments = []
    for offset, line, comment in document.comments:
        if "trainlint" in comment:
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
    return Source(document, origin, directives, (*notices, *document.notices, *directives.notices))


def _analyse(data: bytes, path: str, project: Project, config: Config, previous: Analysis | None) -> Analysis:
    source = read_source(data, path, previous.source if previous is not None else None)
    siblings: dict[str, Source] = dict(previous.siblings) if previous is not None else {}
    used: dict[str, Source] = {}

    def load(module: str, level: int, importer: Any) -> Document | None:
        found = project.resolve(module, level, importer.path)
        if found is None or found == path or (len(used) >= MAX_SIBLINGS and found not in used):
            return source.document if found == path and importer.path != path else None
        if found not in used:
            try:
                used[found] = _sibling(project, found, siblings.get(found))
            except OSError:
                return None
        return used[found].document

    from trainlint.rules.registry import all_rules

    notices = list(source.notices)
    interpretation = _interpret(source.document, load, _generation(source.document, project), previous, notices)
    reports = _run_rules(interpretation, config, path, notices) if interpretation is not None else []
    analysis = Analysis(path, source, interpretation, used, (), (), ())
    findings = [
        _finding(config, rule, report, world) for rule, report, world in reports
        if config.enabled(rule, os.path.abspath(analysis.document_of(report.place).path))
    ]  # fmt: skip
    active = {rule.name for rule in all_rules() if config.enabled(rule, os.path.abspath(path))}
    findings = suppressions.apply(analysis, findings, all_rules(), active)
    findings.sort(key=lambda finding: _order(analysis, finding))
    analysis.findings = tuple(fingerprints.assign(analysis, findings, project))
    analysis.notices = tuple(notices)
    if interpretation is not None:
        from trainlint.program.models import summarise

        analysis.models = tuple(summarise(interpretation.programs))
    return analysis


def _sibling(project: Project, path: str, previous: Source | None) -> Source:
    """A module of the project as it is now; read once for all files that import it."""
    data = project.read(path)
    cache = _SIBLINGS
    known = cache.get(path)
    if known is not None and known[0] == data:
        return known[1]
    source = read_source(data, path, previous)
    if len(cache) >= MAX_CACHED:
        cache.pop(next(iter(cache)))
    cache[path] = (data, source)
    return source


_SIBLINGS: dict[str, tuple[bytes, Source]] = {}
MAX_CACHED = 64
"""Sibling modules kept with their code between analyses."""


def _interpret(
    document: Document, load: Any, generation: str, previous: Analysis | None, notices: list[Notice]
) -> Interpretation | None:
    from trainlint.interpret.run import interpret

    machine = None
    if previous is not None and previous.interpretation is not None:
        machine = previous.interpretation.machine
    try:
        interpretation = interpret(document, load, generation, machine)
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


def _generation(document: Document, project: Project) -> str:
    """The generation of TensorFlow that the program is read for."""
    aliases: dict[str, str] = {}
    imports: set[str] = set()
    for node in _imports(document.body):
        if isinstance(node, code.Import):
            for name in node.names:
                imports.add(name.name)
                aliases[name.alias or name.name.split(".")[0]] = name.name if name.alias else name.name.split(".")[0]
        elif node.level == 0:
            imports.add(node.module)
            for name in node.names:
                aliases[name.alias or name.name] = f"{node.module}.{name.name}"
    dotted = set()
    for text in document.dotted:
        first, _, rest = text.partition(".")
        path = aliases.get(first)
        if path is not None and path.startswith(("tensorflow", "keras", "tf_keras")):
            dotted.add(f"{path}.{rest}" if rest else path)
    known = {i for i in imports if i.startswith(("tensorflow", "keras", "tf_keras"))}
    pins = dict(project.pins.items)
    return tfapi.choose(tfapi.generations(dotted, known, pins))


def _imports(block: code.Block) -> Iterator[Any]:
    for part in block.parts:
        for node in part.statements:
            if isinstance(node, (code.Import, code.ImportFrom)):
                yield node
            for field in ("body", "orelse", "final"):
                inner = getattr(node, field, None)
                if isinstance(inner, code.Block):
                    yield from _imports(inner)
            for handler in getattr(node, "handlers", ()):
                yield from _imports(handler.body)
