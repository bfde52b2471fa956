"""`trainlint probe FILE[:LINE]`: measures which findings matter, by exact checks and short trainings."""

from __future__ import annotations

import os

import click

from trainlint.cli.streams import error_line

NOTHING, CONFIRMED, FAILED = 0, 1, 2


@click.command(name="probe")
@click.argument("targets", nargs=-1, metavar="FILE[:LINE]...")
@click.option("--all", "everything", is_flag=True, help="Probe all findings of files and folders, and rank them.")
@click.option("--script", is_flag=True, help="Run the program itself on its own data, as written and repaired.")
@click.option("--python", metavar="PATH", help="The interpreter with TensorFlow, or with JAX or torch.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", help="Where to train (default: auto)."
)
@click.option(
    "--thorough/--quick",
    default=None,
    help="Train long enough to tell harmless from slow (default: where several findings are probed).",
)
@click.option("--seeds", type=click.IntRange(2, 16), help="Paired trainings of each arm, at first (default: 5).")
@click.option("--steps", type=click.IntRange(25, 5000), help="Training steps, at first (default: 200).")
@click.option("--select", multiple=True, metavar="RULE", help="Probe only what these rules find.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    help="text explains, json is for programs, html is one page with curves.",
)
@click.option("--output-file", metavar="PATH", help="Write the report there and not to the standard output.")
@click.option("--timeout", type=click.IntRange(min=1), default=600, help="Seconds for one experiment (default: 600).")
@click.option("--memory", type=click.FloatRange(min=0.5), help="Gigabytes that a training may take.")
@click.option("--allow-downloads", is_flag=True, help="With --script: the program may use the network.")
@click.option("--yes", is_flag=True, help="With --script: do not ask before the program is run.")
@click.option("--no-cache", is_flag=True, help="Measure again what was measured before.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local",
    help="With --all: where to probe: on this machine (default), or on a Ray cluster (trainlint[ray]).",
)  # fmt: skip
@click.option(
    "--address", metavar="ADDRESS", help="With --engine ray: the cluster (default: RAY_ADDRESS, or a new one)."
)
@click.option(
    "--gpu-share", type=click.FloatRange(0, 1), metavar="SHARE",
    help="With --engine ray: how much of a GPU each probe asks for (default: 0.25 with --device gpu, else none).",
)  # fmt: skip
@click.option("--config", metavar="FILE", help="Use the [tool.trainlint] of this file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def command(
    targets: tuple[str, ...],
    everything: bool,
    script: bool,
    python: str | None,
    device: str,
    thorough: bool | None,
    seeds: int | None,
    steps: int | None,
    select: tuple[str, ...],
    output_format: str,
    output_file: str | None,
    timeout: int,
    memory: float | None,
    allow_downloads: bool,
    yes: bool,
    no_cache: bool,
    engine: str,
    address: str | None,
    gpu_share: float | None,
    config: str | None,
    isolated: bool,
) -> int:
    """Measure which findings of FILE matter, of LINE only if one is named.

    The network is rebuilt as trainlint understands it and trained for some hundred steps on synthetic data shaped like
    the program's: as written, all repaired, and all repaired but one finding. Nothing of FILE is run, unless --script
    asks for it.

    \b
    Exit status:
      0  nothing was confirmed
      1  at least one finding was confirmed
      2  it could not be probed
    """
    if not targets:
        raise click.UsageError("name a FILE to probe" if not everything else "name the files or folders to probe")
    if len(targets) > 1 and not everything:
        raise click.UsageError("one FILE at a time; --all probes several")
    if script and everything:
        raise click.UsageError("--script runs one program, so it does not go with --all")
    if script and output_format == "html":
        raise click.UsageError("--script has no HTML report")
    if (allow_downloads or yes) and not script:
        raise click.UsageError("--allow-downloads and --yes belong to --script")
    if engine == "ray" and not everything:
        raise click.UsageError("--engine ray belongs to --all")
    if (address is not None or gpu_share is not None) and engine != "ray":
        raise click.UsageError("--address and --gpu-share belong to --engine ray")
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated exclude each other")

    from trainlint.cli.checking import listed
    from trainlint.cli.outputs import check_file
    from trainlint.cli.probing import Order, Probing
    from trainlint.cli.write import WriteRefused
    from trainlint.probe.errors import ProbeError

    if output_file is not None:
        check_file(output_file)
    order = Order(
        python=python, device=device, thorough=thorough, seeds=seeds, steps=steps, select=listed(select),
        output_format=output_format, output_file=output_file, seconds=float(timeout),
        memory=int((memory or 0) * 1e9), caches=not no_cache, config=config, isolated=isolated,
        engine=engine, address=address,
        gpu_share=gpu_share if gpu_share is not None else 0.25 if device == "gpu" else 0,
    )  # fmt: skip
    try:
        with Probing(order) as probing:
            if script:
                from trainlint.cli.probe_script import run_script

                return run_script(probing, *_target(targets[0]), allow_downloads, yes)
            if everything:
                return probing.all(targets)
            return probing.one(*_target(targets[0]))
    except ProbeError as error:
        error_line(error.message)
    except WriteRefused as error:
        error_line(f"{output_file} cannot be written: {error}")
    return FAILED


def _target(file: str) -> tuple[str, int | None]:
    """The path and the line in `FILE:LINE`; a file whose name has a colon is meant if it exists."""
    name, colon, number = file.rpartition(":")
    if colon and number.isdigit() and not os.path.exists(file):
        return os.path.abspath(name), int(number)
    return os.path.abspath(file), None
