"""Runs the cases of rules through `analyse`, the entry of every front end, and repairs them with their own fixes."""

from __future__ import annotations

import ast
import json
from typing import Any, NamedTuple

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

CONFIG = Config()


class Case(NamedTuple):
    """A case of a rule as files on the disk."""

    rule: Any
    expected: Any
    """The Valid or Invalid."""
    name: str

    def main(self) -> tuple[str, bytes]:
        """Name and content of the file that is checked."""
        if self.expected.cells:
            return "train.ipynb", notebook(self.expected.cells)
        return "train.py", self.expected.code.encode()

    def texts(self) -> list[str]:
        """All code of the case."""
        return [self.expected.code, *self.expected.cells, *(text for _, text in self.expected.files)]


class Fresh:
    """A case written to a folder; `analysis` is that of its main file as it is now."""

    def __init__(self, case: Case, folder: Any) -> None:
        name, data = case.main()
        self.case = case
        self.path = str(folder / name)
        self.contents = {self.path: data}
        for sibling, text in case.expected.files:
            file = folder / (sibling if sibling.endswith(".py") else f"{sibling}.py")
            file.parent.mkdir(parents=True, exist_ok=True)
            self.contents[str(file)] = text.encode()
        for file, content in self.contents.items():
            with open(file, "wb") as stream:
                stream.write(content)
        self.project = Project(folder)
        self.analyse()

    def analyse(self) -> None:
        """Looks at the files again, with those that were repaired as open buffers."""
        self.project = Project(self.project.root, dict(self.contents))
        self.analysis = analyse(self.contents[self.path], self.path, self.project, CONFIG)

    def findings(self) -> list[Any]:
        """What the case's rule finds, in the order of places."""
        mine = [finding for finding in self.analysis.findings if finding.rule == self.case.rule.name]
        return [finding for finding in mine if finding.suppressed is None]

    def underlined(self, finding: Any) -> tuple[str, int]:
        """The text at a finding's place and how often it occurs before."""
        document = self.analysis.document_of(finding.place)
        start, end = document.offsets(finding.place)
        text = document.text[start:end]
        return text, occurrences(document.text, text, start)

    def failures(self) -> list[str]:
        """What went wrong in trainlint itself while this rule was at work."""
        internal = [notice.message for notice in self.analysis.notices if notice.kind == "internal"]
        return [message for message in internal if "the rule " not in message or f" {self.case.rule.name} " in message]

    def fixes(self, finding: Any) -> list[Any]:
        """The fixes of a finding that can be made, the first one first."""
        return fixes_of(self.analysis, finding)

    def apply(self, fix: Any) -> None:
        """Makes the edits of a fix and looks at the result."""
        from trainlint.fixes.materialization import new_bytes

        self.contents.update(new_bytes(self.analysis, fix.edits))
        self.analyse()

    def text(self, file: str) -> str:
        """The code of a file as it is now; that of a notebook is its cells with a line end between them."""
        content = self.contents[file]
        if file.endswith(".ipynb"):
            return "\n".join("".join(cell["source"]) for cell in json.loads(content)["cells"])
        return content.decode()

    def file_of(self, finding: Any) -> str:
        return str(self.analysis.document_of(finding.place).path)


def fixes_of(analysis: Any, finding: Any) -> list[Any]:
    """The fixes that can be made of a finding's remedies, in their order."""
    from trainlint.fixes.materialization import fix_of
    from trainlint.fixes.refusal import Refused

    fixes = []
    for remedy in finding.remedies:
        try:
            fixes.append(fix_of(remedy, analysis))
        except Refused:
            continue
    return fixes


def notebook(cells: tuple[str, ...]) -> bytes:
    """A notebook file with these code cells."""
    entries = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "source": text.splitlines(keepends=True),
         "execution_count": None, "outputs": []}
        for i, text in enumerate(cells)
    ]  # fmt: skip
    return json.dumps({"cells": entries, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def occurrences(text: str, piece: str, before: int) -> int:
    """How often a piece starts in a text before an offset."""
    return sum(text.startswith(piece, i) for i in range(before))


TRAINS = (".fit(", ".fit_generator(", ".compile(", ".minimize(", ".apply_gradients(", ".train_on_batch(", ".run(")
USES = (".predict(", ".evaluate(", ".eval(")


def is_program(case: Case) -> bool:
    """Whether a case is a whole program: it imports the library, and trains or uses what it builds."""
    text = "\n".join(case.texts())
    return "import" in text and any(verb in text for verb in (*TRAINS, *USES))


def blocks(documentation: str, heading: str) -> list[str]:
    """The Python blocks below a heading of a page."""
    body = documentation.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    return [block.split("```", 1)[0] for block in body.split("```python\n")[1:]]


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
