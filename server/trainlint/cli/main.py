"""`trainlint`: finds the command, and turns whatever happens into output and an exit status."""

from __future__ import annotations

import gc
import os
import sys
from errno import EDQUOT, ENOSPC
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from trainlint import __version__
from trainlint.cli.interruption import INTERRUPTED, Interruption
from trainlint.cli.streams import OutputClosed, OutputError, discard, error_line, flush, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

# Only the module of the command that runs is imported: `--help` and `--version` answer at once.
COMMANDS = {
    "baseline": "Keep known findings quiet, so that only new ones fail a check.",
    "check": "Find mistakes in training code, and repair them.",
    "explain": "Tell what a rule reports, why it is bad and what to do.",
    "model": "Show the networks of a file as trainlint understands them.",
    "probe": "Measure which findings matter, by short trainings.",
    "rules": "List all rules.",
    "server": "Serve an editor: findings while you type, repairs, and what is known.",
}

HIDDEN = ("scan",)
"""Commands for other parts of trainlint, not for people."""

TRACEBACK = "TRAINLINT_TRACEBACK"
"""Set in the environment, it shows where an internal error came from."""


NO_ROOM = (ENOSPC, EDQUOT)


class Helpful(click.Group):
    """A group that shows its help to whoever names no command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            write_text(f"{ctx.get_help()}\n", sys.stderr)
            ctx.exit(2)
        return super().parse_args(ctx, args)


class Commands(Helpful):
    """The group of all commands, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        command: click.Command = import_module(f"trainlint.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in (*COMMANDS, *HIDDEN) and not args[0].startswith("-"):
            from trainlint.suggest import did_you_mean

            hint = did_you_mean(args[0], COMMANDS)
            if not hint and os.path.exists(args[0]):
                hint = f" (to check it: trainlint check {args[0]})"
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="trainlint")
def group() -> None:
    """Finds the mistakes in TensorFlow and Keras training code that make a network train badly.

    It reads the code and never runs it.

    Try: trainlint check train.py
    """


def run(args: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit status; every failure is one line on stderr and status 2."""
    try:
        # Python has no stream where the process got none; flushing it says so.
        flush()
        return _run(args)
    except OutputClosed:
        # Whoever read our output (`head`) has enough.
        discard(sys.stdout)
    except OutputError as error:
        discard(sys.stdout)
        error_line(f"the output cannot be written: {error}")
    return 2


def _run(args: Sequence[str] | None) -> int:
    try:
        status: Any = group.main(
            args=None if args is None else list(args), prog_name="trainlint", standalone_mode=False
        )
        flush()
    except click.ClickException as error:
        error_line(error.format_message())
        return 2
    except (click.Abort, KeyboardInterrupt):
        error_line("interrupted")
        return INTERRUPTED
    except OutputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            # Help and version are printed by click.
            raise OutputError(error.strerror) from error
        if os.environ.get(TRACEBACK):
            raise
        error_line(f"internal error: {describe(error)}; please report it (with {TRACEBACK}=1 it tells where)")
        return 2
    return status if isinstance(status, int) else 0


def describe(error: BaseException) -> str:
    """An exception in a few words on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def main() -> None:
    """The entry point of the `trainlint` command."""
    # Most of what an analysis makes lives until its end: looking for garbage earlier costs and finds nothing.
    gc.set_threshold(500_000)
    interruption = Interruption()
    interruption.listen()
    status = run()
    # The process is over: what is left needs no last look for garbage, which would be the longest of all.
    gc.freeze()
    interruption.end(status)


if __name__ == "__main__":
    main()
