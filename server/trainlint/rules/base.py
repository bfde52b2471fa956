"""What a rule is: one class in one file, with its documentation, its check, its remedies and its cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.finding import Step
    from trainlint.fixes.actions import Remedy
    from trainlint.program.program import Program
    from trainlint.program.values import Id
    from trainlint.source.code import Place


class Valid(Record):
    """A program on which the rule is silent; `why` says what makes it right or unknowable."""

    code: str
    why: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Sibling modules: (name, text)."""
    cells: tuple[str, ...] = ()
    """A notebook's code cells, instead of `code`."""


class Invalid(Record):
    """A program that the rule reports.

    `at` is the source text that is underlined, `occurrence` which of its occurrences (from 0), `severity` the expected one.
    `message` is a part of the message, `traces` parts of the messages of its trace, in order.
    `fixed` is the whole program after the first fix, None when there is none.
    `count` is the number of findings, all but the first at places that the case does not check.
    """

    code: str
    at: str
    severity: str | None = None
    message: str | None = None
    fixed: str | None = None
    occurrence: int = 0
    count: int = 1
    traces: tuple[str, ...] = ()
    why: str = ""
    files: tuple[tuple[str, str], ...] = ()
    cells: tuple[str, ...] = ()
    cell: int | None = None


class Report(Record):
    """What a check yields: a finding without the rule's metadata.

    `subject` is the operation that the mistake is about; rules with one root cause are matched by it.
    """

    place: Place
    message: str
    severity: str | None = None
    trace: tuple[Step, ...] = ()
    assumed: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    subject: Id | None = None


class Rule:
    """A rule reads the program and yields reports; it never walks syntax, opens files or knows another rule.

    The docstring is the documentation page, with the headings of `HEADINGS` in their order.
    """

    name: str
    """kebab-case; reads after "allow"."""
    code: str
    category: str
    severity: str
    since: str = "0.1"
    rank: int
    """Frequency x severity x detectability, 1 to 125 (rules with a higher rank explain more failures)."""
    evidence: tuple[str, ...] = ()
    """What a probe can bring: "certificate", "training"."""
    message: str
    """A format string: says what is there, never what to do."""
    in_all_calls: bool = False
    """Whether a line is right as soon as one of the functions that run it needs it as it stands."""

    VALID: list[Valid] = []
    INVALID: list[Invalid] = []

    def check(self, program: Program) -> Iterator[Report]:
        """Yields what is wrong in a program."""
        raise NotImplementedError

    def report(
        self,
        place: Place,
        *,
        severity: str | None = None,
        message: str | None = None,
        trace: tuple[Step, ...] | list[Step] = (),
        assumed: tuple[str, ...] = (),
        remedies: tuple[Remedy, ...] | list[Remedy] = (),
        subject: Id | None = None,
        **values: Any,
    ) -> Report:
        """A report with the rule's message filled in."""
        text = (message or self.message).format(**values)
        return Report(place, text, severity, tuple(trace), assumed, tuple(remedies), subject)

    @property
    def documentation(self) -> str:
        """The page in Markdown."""
        from inspect import cleandoc

        return cleandoc(type(self).__doc__ or "")

    @property
    def summary(self) -> str:
        """The first sentence of the page."""
        body = self.documentation.split("## What it does", 1)[-1].split("##", 1)[0]
        text = " ".join(body.split())
        match = re.match(r".*?[.!?](?=\s|$)", text)
        return match.group(0) if match else text


HEADINGS = ("What it does", "Why it is bad", "Example", "Use instead", "Fix safety", "Probe", "References")
