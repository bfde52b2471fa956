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
    from collections.abc import Callable, Iterator, Sequence

    from trainlint.analysis import Analysis
    from trainlint.cli.checking import Checker, Sent
    from trainlint.config import Config
    from trainlint.finding import Finding
    from trainlint.probe.client import Worker
    from trainlint.probe.service import Probed
    from trainlint.project import Project
    from trainlint.project.snapshot import Snapshot
    from trainlint.report.schema import FileEntry, NetworkEntry

NOTHING, CONFIRMED, FAILED = 0, 1, 2

PROBES = 4
"""Files that travel together: Ray ends a process that had a GPU, and the next one has to import its framework."""

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
    engine: str = "local"
    address: str | None = None
    gpu_share: float = 0


class ProbedFile(Record, eq=False):
    """What came of one file among several, as plain data: it may come from another machine.

    `ended` is why no other file can be probed either; `depends` is what the analysis follows from.
    """

    path: str
    entry: FileEntry | None = None
    networks: tuple[NetworkEntry, ...] = ()
    status: int | None = None
    errors: tuple[str, ...] = ()
    ended: tuple[str, str] | None = None
    depends: dict[str, str] = {}


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

        discovery = discover(list(paths), self.checker.config_for)
        for notice in discovery.notices:
            error_line(f"{self.display(notice.file)}: {notice.message}")
        entries: list[FileEntry] = []
        networks: list[NetworkEntry] = []
        found: list[int] = []
        failed = bool(discovery.notices)
        files = discovery.files
        probed = self._here(files) if self.order.engine == "local" else self._on_cluster(files)
        for each in probed:
            for message in each.errors:
                self.progress.clear()
                error_line(message)
                failed = True
            if each.ended is not None:
                raise ProbeError(*each.ended)
            if each.entry is None:
                continue
            entries.append(_shifted(each.entry, len(networks)))
            networks += each.networks
            if each.status is not None:
                found.append(each.status)
        self.report(entries, networks, "" if entries else "There is no finding to probe.", ranked=True)
        if failed or not found:
            return FAILED if failed else NOTHING
        return CONFIRMED if CONFIRMED in found else NOTHING if NOTHING in found else FAILED

    def _here(self, files: Sequence[str]) -> Iterator[ProbedFile]:
        for number, path in enumerate(files, 1):
            self.progress.prefix = f"[{number}/{len(files)}] {self.display(path)}: "
            yield self.among_others(path, lambda path=path: self.open(path, None))  # type: ignore[misc]

    def among_others(self, path: str, opened: Callable[[], Opened]) -> ProbedFile:
        """What is measured of a file; what goes wrong with it is told and concerns the others only if it must."""
        from trainlint.probe.errors import ProbeError
        from trainlint.probe.plan import Unplanned
        from trainlint.probe.service import Certified, Probed

        try:
            file = opened()
        except click.ClickException as error:
            return ProbedFile(path, errors=(error.message,))
        depends = file.project.dependencies()
        if not file.findings:
            return ProbedFile(path, depends=depends)
        errors: tuple[str, ...] = ()
        try:
            probed = self.measure(file)
        except ProbeError as error:
            if error.kind not in _OF_ONE_FILE:
                return ProbedFile(path, ended=(error.kind, error.message), depends=depends)
            errors = (f"{self.display(path)}: {error.message}",)
            probed = Probed((), (Certified(Unplanned(file.findings, error.message.rstrip("."))),))
        entry, networks = self.entry(file, probed)
        return ProbedFile(path, entry, tuple(networks), _status([probed]), errors, None, depends)

    # A cluster --------------------------------------------------------------------------------------------------------

    def _on_cluster(self, files: Sequence[str]) -> Iterator[ProbedFile]:
        """What the machines of a cluster measure of files, in their order."""
        from functools import partial

        from trainlint.batch.cluster import Cluster, ClusterError
        from trainlint.batch.cluster_process import on_cluster
        from trainlint.batch.tasks import Died
        from trainlint.cli.checking import Checked

        order, checker = self.order, self.checker
        make = partial(_elsewhere, checker.folder, order.replace(config=None, isolated=False))
        use = partial(Cluster, order.address, make, chunk=PROBES, gpus=order.gpu_share)
        try:
            for path, each in zip(files, on_cluster(map(checker.task, files), checker.snapshot, use)):
                if isinstance(each, Died):
                    lost = f"{self.display(path)}: the process that probed this file was lost ({each.reason})"
                    yield ProbedFile(path, errors=(lost,))
                elif isinstance(each, Checked):
                    yield ProbedFile(path, errors=tuple(f"{self.display(path)}: {n.message}" for n in each.notices))
                elif each.depends and not checker.is_still(path, each.depends):
                    other = f"{self.display(path)}: not probed: it imports what was not sent, or has changed"
                    yield ProbedFile(path, errors=(other,))
                else:
                    yield each
        except ClusterError as error:
            raise click.ClickException(str(error)) from None

    def received(self, sent: Sent, shared: Snapshot) -> ProbedFile:
        """What is measured of a file of another machine."""
        project = self.checker.project_of(sent, shared)
        project.asked.clear()
        return self.among_others(
            sent.path, lambda: self._opened(project.read(sent.path), sent.path, project, sent.config, None)
        )

    # Steps ------------------------------------------------------------------------------------------------------------

    def open(self, path: str, line: int | None) -> Opened:
        """A file's analysis and the findings to probe."""
        from trainlint.project import Project, find_root
        from trainlint.project.files import ReadError, read_file

        if os.path.isdir(path):
            raise click.UsageError(f"{self.display(path)} is a folder: --all probes what is in it")
        try:
            data = read_file(path)
        except ReadError as error:
            raise click.ClickException(f"{self.display(path)}: {error.reason}") from None
        config = self.checker.config_for(os.path.dirname(path))
        return self._opened(data, path, Project(find_root(path), {path: data}), config, line)

    @staticmethod
    def _opened(data: bytes, path: str, project: Project, config: Config, line: int | None) -> Opened:
        from trainlint.analysis import analyse
        from trainlint.probe.arms import concerning

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

    def entry(self, opened: Opened, probed: Probed) -> tuple[FileEntry, list[NetworkEntry]]:
        """The plain data of what was measured, of the probed findings alone."""
        from trainlint.probe.entries import probed_entry

        entry, networks = probed_entry(opened.analysis, probed.outcomes, probed.unplanned, self.display)
        wanted = {finding.fingerprint for finding in opened.findings}
        entry["findings"] = [each for each in entry["findings"] if each["fingerprint"] in wanted]
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


def _shifted(entry: FileEntry, first: int) -> FileEntry:
    """An entry whose networks stand behind so many others."""
    for each in entry["findings"]:
        result = each["evidence"]["result"]
        if result is not None and result["network"] is not None:
            result["network"] += first
    return entry


def _elsewhere(folder: str, order: Order) -> Callable[[Sent, Snapshot], ProbedFile]:
    """The work of a process on another machine; the worker that trains there lives as long as the process."""
    from trainlint.cli.checking import Checker, Settings

    return Probing(order, Checker(Settings(), folder)).received


def _status(probed: Sequence[Probed]) -> int:
    if any(each.confirmed for each in probed):
        return CONFIRMED
    return NOTHING if any(each.outcomes for each in probed) else FAILED
