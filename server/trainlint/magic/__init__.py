"""`%trainlint` in IPython and Jupyter: checks the cells that were run so far, and shows what it finds below the cell.

IPython is the user's: it has imported trainlint, and nothing here is imported before that.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from trainlint.magic.history import History

if TYPE_CHECKING:
    from trainlint.magic.findings import Findings

HELP = """Checks the cells that were run so far.

    %trainlint                       what is wrong in them
    %trainlint --select shape,loss   only these rules: names, codes or categories
    %trainlint --ignore RULE         not these rules
    %trainlint --peek                read small csv, npy and npz files that they name

A cell that was run again counts as it is now; "cell 3" is the one with In [3] beside it.
"""

_KEY = "trainlint_history"
"""Under this name a shell keeps what was run."""


def load(shell: Any) -> None:
    """Makes the magic, and follows what is run from now on."""
    unload(shell)
    history = History(shell.history_manager.input_hist_raw)
    setattr(shell, _KEY, history)
    history.listeners = {
        # Versions of IPython differ in when they count on; a cell becomes history after this event in all of them.
        "pre_run_cell": lambda info: history.started(len(shell.history_manager.input_hist_raw), info),
        "post_run_cell": history.ended,
    }
    for event, listener in history.listeners.items():
        shell.events.register(event, listener)
    shell.register_magic_function(_magic(shell), "line", "trainlint")


def unload(shell: Any) -> None:
    """Takes the magic away."""
    history = getattr(shell, _KEY, None)
    if history is not None:
        for event, listener in history.listeners.items():
            shell.events.unregister(event, listener)
        delattr(shell, _KEY)
        shell.magics_manager.magics["line"].pop("trainlint", None)


def _magic(shell: Any) -> Any:
    def trainlint(line: str) -> None:
        from IPython.core.error import UsageError
        from IPython.display import display

        from trainlint.cli.session import Refused

        if line.strip() in ("-h", "--help"):
            display({"text/plain": HELP}, raw=True)
            return
        try:
            display(_checked(shell, line))
        except (Refused, ValueError) as error:
            raise UsageError(f"%trainlint: {error}") from None

    trainlint.__doc__ = HELP
    return trainlint


def _checked(shell: Any, line: str) -> Findings:
    from trainlint.magic.findings import check, options

    return check(getattr(shell, _KEY).notebook(), **options(shlex.split(line)))
