"""Which of a model's `compile` calls counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Compile, ModelCall

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id


def is_replaced(program: Program, loss: Operation) -> bool:
    """Whether the model of a loss is compiled again before anything runs it."""
    if not loss.attributes.get("compiled"):
        return False
    replaced: frozenset[Id] = program.once(f"{__name__}.replaced", _replaced)
    return loss.id in replaced


def _replaced(program: Program) -> frozenset[Id]:
    waiting: dict[Id, tuple[Id, ...]] = {}
    found: set[Id] = set()
    for event in program.events:
        if isinstance(event, Compile):
            found.update(waiting.get(event.model, ()))
            waiting[event.model] = event.losses
        elif isinstance(event, ModelCall):
            waiting.pop(event.model, None)
    return frozenset(found)
