"""Which of a model's `compile` calls counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Compile

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id


def is_replaced(program: Program, loss: Operation) -> bool:
    """Whether the model of a loss is compiled again before anything runs it."""
    if not loss.attributes.get("compiled"):
        return False
    for compiled in program.compiles(loss.id):
        waiting: tuple[Id, ...] = ()
        for event in program.of_model(compiled.model):
            if isinstance(event, Compile) and loss.id in waiting:
                return True
            waiting = event.losses if isinstance(event, Compile) else ()
    return False
