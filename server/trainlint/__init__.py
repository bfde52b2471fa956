"""trainlint reads TensorFlow and Keras training code and finds the mistakes that make a network train badly."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext trainlint` calls it: makes `%trainlint`, which checks the cells that were run."""
    from trainlint.magic import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext trainlint` calls it."""
    from trainlint.magic import unload

    unload(shell)
