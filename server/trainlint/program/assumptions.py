"""What a finding takes for granted: the default of an option on the command line that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import Argument, Value

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject

CHOICES = ("activation", "loss", "from_logits")
"""Arguments that say what a layer or a loss is; whether a mistake is one depends on them."""


def assumptions(
    *sources: Operation | ApiObject | Argument | Value | None, names: Collection[str] = CHOICES
) -> tuple[str, ...]:
    """What these values, and the arguments with these names of operations and objects, take for granted; each once."""
    found: dict[str, None] = {}
    for source in sources:
        if isinstance(source, Value):
            values: list[Value] = [source]
        elif isinstance(source, Argument):
            values = [source.value]
        elif source is None:
            continue
        else:
            values = [source.arguments[name].value for name in names if name in source.arguments]
        for value in values:
            found.update(dict.fromkeys(value.assumed))
    return tuple(found)


def told(program: Program, loss: Operation) -> Argument | None:
    """The argument of `compile` that says which loss this is."""
    for event in program.compiled:
        if loss.id in event.losses:
            return event.arguments.get("loss")
    return None
