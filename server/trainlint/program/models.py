"""How much of a program was understood: its models, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trainlint.finding import ModelSummary
from trainlint.program.values import Tensor, Unknown, Value

if TYPE_CHECKING:
    from trainlint.program.program import Program


def summarise(programs: Iterable[Program]) -> Iterator[ModelSummary]:
    """One summary for each trained loss or compiled model, of the world that was understood least."""
    found: dict[object, ModelSummary] = {}
    for program in programs:
        for event in program.minimized:
            summary = _of_loss(program, event.loss, event.place)
            known = found.get(event.place)
            if known is None or (known.understood and not summary.understood):
                found[event.place] = summary
    yield from found.values()


def _of_loss(program: Program, loss: Value, place: object) -> ModelSummary:
    missing: list[str] = []
    if isinstance(loss, Unknown) or not isinstance(loss, Tensor):
        missing.append(getattr(loss, "reason", "") or "the loss is unknown")
    else:
        for key in program.ancestors(loss):
            operation = program.operation(key)
            if operation is None:
                continue
            if operation.kind == "opaque":
                missing.append(f"`{operation.name}` is not modelled" if operation.name else "a call is not followed")
            for value in operation.inputs:
                if isinstance(value, Unknown) and value.reason:
                    missing.append(value.reason)
        if not missing and not program.variables(loss):
            missing.append("no trainable variables were found behind the loss")
    missing = list(dict.fromkeys(missing))
    return ModelSummary(place, "loss", not missing, tuple(missing))
