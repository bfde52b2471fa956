"""What `trainlint probe` does: analyses, lets a worker measure, and reports."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainlint.cli.progress import ProgressLine
from trainlint.cli.streams import error_line, flush, style_of, write, write_text
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.analysis import Analysis
    from trainlint.cli.checking import Checker
    from trainlint.config import Config
    from trainlint.finding import Finding
    from trainlint.probe.client import Worker
    from trainlint.probe.service import Probed
    from trainlint.project import Project
    from trainlint.report.schema import FileEntry, NetworkEntry

NOTHING, CONFIRMED, FAILED = 0, 1, 2

_OF_ONE_FILE = ("time", "memory", "died", "worker-error", "unsupported", "protocol")
"""Kinds of errors after which the next file may still be probed."""


class Order(Record):
    """What the command line asks for."""

    python: str | None
    device: str
    thorough: bool | None
    seeds: int | None
    steps: int | None
    select: tuple[str, ...]
    output_format: str
    output_file: str | None
    seconds: float
    memory: int
    caches: bool
    config: str | None
    isolated: bool


class Opened(Record, eq=False):
    """A file with the findings that are to be probed."""

    analysis: Analysis
    project: Project
    config: Config
    findings: tuple[Finding, ...]


class Probing:
    """One call of the command; the worker is started when something is to be measured, and ends with it."""

    def __init__(self, order: Order, checker: Checker | None = None) -> None:
        from trainlint.cli.checking import Checker as MakeChecker
        from trainlint.cli.checking import Settings

        self.order = order
        self.checker = checker or MakeChecker(
            Settings(select=order.select, config_file=order.config, isolated=order.isolated)
        )
        self._worker: Worker | None = None
        self.progress = ProgressLine()

    def __enter__(self) -> Probing:
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.clear()
        if self._worker is not None:
            self._worker.close()

    # Commands ---------------------------------------------------------------------------------------------------------

    def one(self, path: str, line: int | None) -> int:
        """Probes the findings of a file, or of one line."""
        opened = self.open(path, line)
        if not opened.findings:
            where = f" on line {line}" if line is not None else ""
            self.report([self._empty(opened)], [], f"There is no finding{where} to probe in {self.display(path)}.")
            return NOTHING
        probed = self.measure(opened)
        entry, networks = self.entry(opened, probed)
        self.report([entry], networks)
        return _status([probed])

    def all(self, paths: Sequence[str]) -> int:
        """Probes the findings of all files, and ranks them by what they cost."""
        from trainlint.batch.discovery import discover
        from trainlint.probe.errors import ProbeError
        from trainlint.probe.plan import Unplanned
        from trainlint.probe.service import Probed

        discovery = discover(list(paths), self.checker.config_for)
        for notice in discovery.notices:
            error_line(f"{self.display(notice.file)}: {notice.message}")
        entries: list[FileEntry] = []
        networks: list[NetworkEntry] = []
        found = []
        failed = bool(discovery.notices)
        for number, path in enumerate(discovery.files):
            self.progress.prefix = f"[{number + 1}/{len(discovery.files)}] {self.display(path)}: "
            try:
                opened = self.open(path, None)
                if not opened.findings:
                    continue
                probed = self.measure(opened)
            except click.ClickException as error:
                error_line(error.message)
                failed = True
                continue
            except ProbeError as error:
                if error.kind not in _OF_ONE_FILE:
                    raise
                self.progress.clear()
                error_line(f"{self.display(path)}: {error.message}")
                failed = True
                probed = Probed((), (Unplanned(opened.findings, error.message.rstrip(".")),))
            entry, more = self.entry(opened, probed, first=len(networks))
            entries.append(entry)
            networks += more
            found.append(probed)
        self.report(entries, networks, "" if entries else "There is no finding to probe.", ranked=True)
        return FAILED if failed else _status(found) if found else NOTHING

    # Steps ------------------------------------------------------------------------------------------------------------

    def open(self, path: str, line: int | None) -> Opened:
        """A file's analysis and the findings to probe."""
        from trainlint.analysis import analyse
        from trainlint.probe.arms import concerning
        from trainlint.project import Project, find_root
        from trainlint.project.files import ReadError, read_file

        if os.path.isdir(path):
            raise click.UsageError(f"{self.display(path)} is a folder: --all probes what is in it")
        try:
            data = read_file(path)
        except ReadError as error:
            raise click.ClickException(f"{self.display(path)}: {error.reason}") from None
        config = self.checker.config_for(os.path.dirname(path))
        project = Project(find_root(path), {path: data})
        analysis = analyse(data, path, project, config)
        return Opened(analysis, project, config, tuple(concerning(analysis, line)))

    def measure(self, opened: Opened, end: float | None = None, certificates_only: bool = False) -> Probed:
        """What the worker measures of a file's findings; nothing goes on after the time `end` of the steady clock."""
        from trainlint.probe.client import Limits
        from trainlint.probe.service import Wishes, probe_findings

        order = self.order

        def run(experiment: dict[str, Any]) -> dict[str, Any]:
            seconds = order.seconds if end is None else max(end - time.monotonic(), 0.0)
            limits = Limits(seconds=seconds, memory=order.memory)
            return self._started(opened.analysis.path).run(experiment, self.progress.step, None, limits)

        wishes = Wishes(order.device, order.thorough, order.seeds, order.steps, certificates_only)
        probed = probe_findings(opened.analysis, opened.project, opened.config, opened.findings, run, wishes)
        self.progress.clear()
        return probed

    def _started(self, path: str) -> Worker:
        if self._worker is None:
            from trainlint.probe.client import Worker as MakeWorker
            from trainlint.probe.interpreters import find_interpreter
            from trainlint.probe.results_cache import ResultsCache

            interpreter = find_interpreter(Path(path), named=self.order.python)
            self._worker = MakeWorker(interpreter, cache=ResultsCache() if self.order.caches else None)
        return self._worker

    def entry(self, opened: Opened, probed: Probed, first: int = 0) -> tuple[FileEntry, list[NetworkEntry]]:
        """The plain data of what was measured, of the probed findings alone."""
        from trainlint.probe.entries import probed_entry

        entry, networks = probed_entry(opened.analysis, probed.outcomes, probed.unplanned, self.display)
        wanted = {finding.fingerprint for finding in opened.findings}
        entry["findings"] = [each for each in entry["findings"] if each["fingerprint"] in wanted]
        for each in entry["findings"]:
            result = each["evidence"]["result"]
            if first and result is not None and result["network"] is not None:
                result["network"] += first
        return entry, networks

    def _empty(self, opened: Opened) -> FileEntry:
        from trainlint.report.entries import entry

        return {**entry(opened.analysis, self.display), "findings": []}

    # Output -----------------------------------------------------------------------------------------------------------

    def display(self, path: str) -> str:
        return self.checker.display(path)

    def report(
        self, entries: list[FileEntry], networks: list[NetworkEntry], nothing: str = "", ranked: bool = False
    ) -> None:
        """Writes the report where it is asked for; `nothing` says that there is none, to people."""
        self.progress.clear()
        order = self.order
        if nothing and order.output_format == "text":
            write([nothing])
            return
        if order.output_format == "json":
            from trainlint.report.json import render as render_json

            text = render_json(entries, len(entries), networks)
        elif order.output_format == "html":
            from trainlint.report.probe_html import render as render_html

            text = render_html(entries, networks)
        else:
            from trainlint.report.probe_text import render as render_text

            text = "".join(f"{line}\n" for line in render_text(entries, networks, style_of(sys.stdout)))
        self.put(text)

    def put(self, text: str) -> None:
        """Prints a report, or writes it to the file that was named."""
        if self.order.output_file is None:
            write_text(text)
            flush()
            return
        from trainlint.cli.write import write_report

        write_report(self.order.output_file, text)


def _status(probed: Sequence[Probed]) -> int:
    if any(each.confirmed for each in probed):
        return CONFIRMED
    return NOTHING if any(each.outcomes for each in probed) else FAILED
