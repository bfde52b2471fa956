"""`trainlint probe FILE[:LINE]`: measures which findings matter, by exact checks and short trainings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from trainlint.cli.streams import error_line, flush, style_of, write, write_text

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding
    from trainlint.project import Project

NOTHING, CONFIRMED, FAILED = 0, 1, 2


@click.command(name="probe")
@click.argument("file", metavar="FILE[:LINE]")
@click.option("--python", metavar="PATH", help="The interpreter with TensorFlow, or Keras on JAX or torch.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", help="Where to train (default: auto)."
)
@click.option(
    "--thorough/--quick",
    default=None,
    help="Train long enough to tell harmless from slow, or not (default: where several findings are probed).",
)
@click.option("--seeds", type=click.IntRange(2, 16), help="How many paired trainings of each arm at first (default: 5).")
@click.option("--steps", type=click.IntRange(25, 5000), help="Training steps at first (default: 200).")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    help="text explains, json is for programs, html is one page with curves.",
)
@click.option("--output-file", metavar="PATH", help="Write the report there and not to the standard output.")
@click.option("--timeout", type=click.IntRange(min=1), default=300, help="Seconds for one experiment (default: 300).")
@click.option("--memory", type=click.FloatRange(min=0.5), help="Gigabytes that the training may take.")
@click.option("--no-cache", is_flag=True, help="Measure again what was measured before.")
@click.option("--select", multiple=True, metavar="RULE", help="Probe only what these rules find.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def command(
    file: str,
    python: str | None,
    device: str,
    thorough: bool | None,
    seeds: int | None,
    steps: int | None,
    output_format: str,
    output_file: str | None,
    timeout: int,
    memory: float | None,
    no_cache: bool,
    select: tuple[str, ...],
    isolated: bool,
) -> int:
    """Measure which findings of FILE matter, of LINE only if one is named.

    The network is rebuilt as trainlint understands it and trained for some hundred steps on synthetic data shaped like
    the program's: as written, all repaired, and all repaired but one finding. Nothing of FILE is run.

    \b
    Exit status:
      0  nothing was confirmed
      1  at least one finding was confirmed
      2  it could not be probed
    """
    from trainlint.probe.errors import ProbeError

    path, line = _target(file)
    analysis, project, config = _analysed(path, isolated)
    findings = _wanted(analysis, line, select)
    if not findings:
        where = f" on line {line}" if line is not None else ""
        write([f"There is no finding{where} to probe in {file}."])
        return NOTHING
    try:
        return _probe(
            analysis, project, config, findings,
            _Options(path, python, device, thorough, seeds, steps, output_format, output_file, timeout, memory, no_cache),
        )  # fmt: skip
    except ProbeError as error:
        error_line(error.message)
        return FAILED


class _Options:
    """What the command line asks for."""

    def __init__(
        self, path: str, python: str | None, device: str, thorough: bool | None, seeds: int | None, steps: int | None,
        output_format: str, output_file: str | None, timeout: int, memory: float | None, no_cache: bool,
    ) -> None:  # fmt: skip
        self.path = path
        self.python = python
        self.device = device
        self.thorough = thorough
        self.seeds = seeds
        self.steps = steps
        self.output_format = output_format
        self.output_file = output_file
        self.timeout = timeout
        self.memory = memory
        self.no_cache = no_cache


def _target(file: str) -> tuple[str, int | None]:
    """The path and the line in `FILE:LINE`; a file whose name has a colon is meant if it exists."""
    name, colon, number = file.rpartition(":")
    if colon and number.isdigit() and not os.path.exists(file):
        return os.path.abspath(name), int(number)
    return os.path.abspath(file), None


def _analysed(path: str, isolated: bool) -> tuple[Analysis, Project, Config]:
    from trainlint.analysis import analyse
    from trainlint.cli.checking import Checker, Settings
    from trainlint.project import Project, find_root
    from trainlint.project.files import ReadError, read_file

    try:
        data = read_file(path)
    except ReadError as error:
        raise click.ClickException(f"{path}: {error.reason}") from None
    checker = Checker(Settings(isolated=isolated))
    config = checker.config_for(os.path.dirname(path))
    project = Project(find_root(path), {path: data})
    return analyse(data, path, project, config), project, config


def _wanted(analysis: Analysis, line: int | None, select: tuple[str, ...]) -> list[Finding]:
    from trainlint.probe.arms import concerning

    chosen = {name for value in select for part in value.split(",") if (name := part.strip())}
    found = concerning(analysis, line)
    return [f for f in found if not chosen or chosen & {f.rule, f.code, f.category}]


def _probe(
    analysis: Analysis, project: Project, config: Config, findings: list[Finding], options: _Options
) -> int:
    from pathlib import Path

    from trainlint.probe.client import Limits, Worker
    from trainlint.probe.entries import probed_entry
    from trainlint.probe.interpreters import find_interpreter
    from trainlint.probe.service import Wishes, probe_findings

    interpreter = find_interpreter(Path(options.path), named=options.python)
    limits = Limits(seconds=float(options.timeout), memory=int((options.memory or 0) * 1e9))
    wishes = Wishes(options.device, options.thorough, options.seeds, options.steps)
    with Worker(interpreter) as worker, _Progress() as progress:
        def run(experiment: dict[str, Any]) -> dict[str, Any]:
            return worker.run(experiment, progress.show, None, limits)

        probed = probe_findings(analysis, project, config, findings, run, wishes)
    folder = os.getcwd()

    def display(path: str) -> str:
        inside = os.path.abspath(path).startswith(folder.rstrip(os.sep) + os.sep)
        return os.path.relpath(path, folder).replace(os.sep, "/") if inside else path

    entry, networks = probed_entry(analysis, probed.outcomes, probed.unplanned, display)
    wanted = {finding.fingerprint for finding in findings}
    entry["findings"] = [each for each in entry["findings"] if each["fingerprint"] in wanted]
    _report(entry, networks, options)
    if probed.confirmed:
        return CONFIRMED
    return FAILED if not probed.outcomes else NOTHING


def _report(entry: Any, networks: list[Any], options: _Options) -> None:
    if options.output_format == "json":
        from trainlint.report.json import render as render_json

        text = render_json([entry], 1, networks)
    elif options.output_format == "html":
        from trainlint.report.probe_html import render as render_html

        text = render_html([entry], networks)
    else:
        from trainlint.report.probe_text import render as render_text

        text = "".join(f"{line}\n" for line in render_text([entry], networks, style_of(sys.stdout)))
    if options.output_file is None:
        write_text(text)
        flush()
        return
    from trainlint.cli.write import write_report

    write_report(options.output_file, text)


class _Progress:
    """A line on a terminal that says what the worker does; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr is not None and sys.stderr.isatty()
        self._width = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._put("")

    def show(self, progress: dict[str, Any]) -> None:
        """Tells one step of the worker."""
        text = str(progress.get("message") or "")
        if not text and progress.get("arm"):
            text = f"training {progress['arm']} ({progress.get('done', 0)} of {progress.get('of', '?')} steps)"
        if text:
            self._put(text)

    def _put(self, text: str) -> None:
        if self._shown:
            text = text[:100]
            write_text("\r" + text.ljust(self._width) + ("\r" if not text else ""), sys.stderr)
            self._width = len(text)
            flush(sys.stderr)
