"""`trainlint check`: finds mistakes, shows them, and repairs them on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import read_input

if TYPE_CHECKING:
    from trainlint.cli.reporting import Found

STDIN = "-"


@click.command(name="check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--output-format",
    "formats",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="text (default), concise, json, jsonl, sarif, github, gitlab, rdjson, junit, markdown or html; "
    "several times for several reports.",
)
@click.option("--output-file", metavar="FILE", help="Write the report there and not to the standard output.")
@click.option("--show-info", is_flag=True, help="Information in formats for reviews too, which leave it out.")
@click.option("--statistics", is_flag=True, help="Count the findings by rule and do not list them.")
@click.option("--baseline", metavar="FILE", help="Leave out what FILE lists (trainlint baseline create).")
@click.option(
    "--diff-base", metavar="REF", help="Only findings that the changes since REF bring: on their lines, or from them."
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "confirmed"]),
    default="warning",
    help="What makes the exit status 1 (default: warning and error); confirmed needs --probe.",
)
@click.option("--max-findings", type=click.IntRange(min=0), default=0, metavar="N", help="Let N such findings pass.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found; with 2 still where something failed.")
@click.option("--probe", type=click.Choice(["certificate", "training"]), help="Measure what is found, on the CPU.")
@click.option(
    "--probe-budget", type=click.IntRange(min=1), default=300, metavar="SECONDS", help="For all probes (default: 300)."
)
@click.option("--python", metavar="PATH", help="The interpreter that --probe trains in.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option("--select", multiple=True, metavar="RULE", help="Only these rules: names, codes or categories.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules; wins over --select.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes to the files.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also those that change the training.")
@click.option("--diff", is_flag=True, help="Print what the fixes would change, and change nothing, also with --fix.")
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Leave these out, as .gitignore would; a named PATH is checked."
)
@click.option("--config", metavar="FILE", help="Use the [tool.trainlint] of this file for all paths.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option(
    "--peek/--no-peek",
    default=None,
    help="Read small csv, npy and npz files that a program names, for shapes and ranges.",
)
@click.option("--stdin-filename", metavar="FILE", help="The name of what PATH - reads from standard input.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=0),
    default=0,
    help="Processes that check at the same time (default: the cores).",
)
@click.option("--no-cache", is_flag=True, help="Check again what was checked before.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="Where to check: on this machine (default), or on a Ray cluster (trainlint[ray]).",
)
@click.option(
    "--address", metavar="ADDRESS", help="With --engine ray: the cluster (default: RAY_ADDRESS, or a new one)."
)
def command(
    paths: tuple[str, ...],
    formats: tuple[str, ...],
    output_file: str | None,
    show_info: bool,
    statistics: bool,
    baseline: str | None,
    diff_base: str | None,
    fail_on: str,
    max_findings: int,
    exit_zero: bool,
    probe: str | None,
    probe_budget: int,
    python: str | None,
    watch: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    exclude: tuple[str, ...],
    config: str | None,
    isolated: bool,
    peek: bool | None,
    stdin_filename: str | None,
    jobs: int,
    no_cache: bool,
    engine: str,
    address: str | None,
) -> int:
    """Find mistakes in training code, and repair them.

    PATH is a file, a notebook or a folder (default: this one); - is standard input.

    \b
    Exit status:
      0  no warning and no error was found
      1  a warning or an error was found (--fail-on, --max-findings and
         --exit-zero change what counts)
      2  an `error:` line says what could not be done: a file cannot be read or
         written, usage or configuration is wrong, or trainlint itself failed
    What was found is shown in any case, and 2 wins over 1. A statement that is
    skipped because of its syntax is a note, which does not change the status.
    """
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated exclude each other")
    if unsafe_fixes and not (fix or diff):
        raise click.UsageError("--unsafe-fixes needs --fix or --diff")
    # An empty file name in a script is a mistake; the working folder would not be what was meant.
    if "" in paths:
        raise click.UsageError("a PATH is empty")
    if stdin_filename is not None and not paths:
        paths = (STDIN,)
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("standard input (-) is checked alone")
    if address is not None and engine != "ray":
        raise click.UsageError("--address belongs to --engine ray")
    if engine == "ray" and (fix or diff or STDIN in paths):
        raise click.UsageError("--engine ray does not go with --fix, --diff and standard input")
    _check_together(fix or diff, STDIN in paths, watch, baseline, diff_base, fail_on, probe, python)

    from trainlint.cli.checking import Checker, Settings, listed, working_folder
    from trainlint.cli.gate import Gate
    from trainlint.cli.outputs import outputs
    from trainlint.cli.progress import ProgressLine
    from trainlint.cli.reporting import Found, Reporting
    from trainlint.report.entries import merged
    from trainlint.report.summary import Hidden

    if select and not listed(select):
        raise click.UsageError("--select names no rule")
    wanted = outputs(formats, output_file)
    if diff and wanted.printed != "text":
        raise click.UsageError("--diff prints a diff, so it does not go with --output-format")
    if statistics and wanted.printed != "text":
        raise click.UsageError("--statistics is a text report, so it does not go with --output-format to the output")

    def look() -> Found:
        checker = Checker(Settings(listed(select), listed(ignore), exclude, config, isolated, peek))
        checker.verify_fixes = wanted.verified
        checker.show_fixes = wanted.show_fixes
        checker.hurry(jobs, remember=not no_cache)
        checker.engine, checker.address = engine, address
        line = ProgressLine()
        checker.progress = line.files
        selection = None
        if baseline is not None or diff_base is not None:
            from trainlint.cli.selecting import Selection

            selection = Selection(baseline, diff_base, paths or (".",), working_folder())
        if fix or diff:
            from trainlint.cli.repairing import Repairing

            checker.repairing = Repairing(unsafe=unsafe_fixes, compare=diff, write=STDIN not in paths)
        if paths == (STDIN,):
            found = checker.standard_input(standard_input(), stdin_filename)
        else:
            found = checker.paths(paths or (".",))
        try:
            entries, hidden = merged([*found, checker.own_entry()]), Hidden()
        finally:
            line.clear()
        if selection is not None:
            entries, hidden = selection.apply(entries, checker)
        problem = None
        if probe is not None:
            from trainlint.cli.measuring import measured

            entries, problem = measured(entries, checker, probe, float(probe_budget), python)
        notes = [] if selection is None else selection.notes
        return Found(entries, checker, hidden, notes, problem, fix and not diff and STDIN in paths)

    reporting = Reporting(wanted, Gate(fail_on, max_findings, exit_zero), show_info, statistics, diff)
    if watch:
        from trainlint.cli.watching import Watched, watching

        named = tuple(file for file in (baseline, config) if file is not None)
        return watching(Watched(paths or (".",), named), look, reporting.show)
    return reporting.show(look())


def _check_together(
    repairs: bool, stdin: bool, watch: bool, baseline: str | None, diff_base: str | None, fail_on: str,
    probe: str | None, python: str | None,
) -> None:  # fmt: skip
    """Raises a usage error for options that do not go together."""
    selects = "--baseline" if baseline is not None else "--diff-base" if diff_base is not None else ""
    if repairs and selects:
        raise click.UsageError(f"--fix and --diff repair all that is found, so they do not go with {selects}")
    if stdin and diff_base is not None:
        raise click.UsageError("git does not know standard input (-), so it does not go with --diff-base")
    if probe is not None and (repairs or stdin):
        raise click.UsageError("--probe does not go with --fix, --diff and standard input")
    if fail_on == "confirmed" and probe is None:
        raise click.UsageError("--fail-on confirmed needs --probe")
    if python is not None and probe is None:
        raise click.UsageError("--python belongs to --probe")
    if watch and (repairs or stdin):
        raise click.UsageError("--watch does not go with --fix, --diff and standard input")


def standard_input() -> bytes:
    """What standard input holds; raises an error in one line if it cannot be read."""
    try:
        return read_input()
    except OSError as error:
        raise click.ClickException(f"standard input cannot be read: {error.strerror}") from None
