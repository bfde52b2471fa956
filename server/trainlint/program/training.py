"""What a program is trained with: the runs that train, and what they are fed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Event, Feed, ModelCall, SessionRun

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Id


def training_feeds(program: Program) -> tuple[tuple[Event, Feed], ...]:
    """The feeds of all runs that take a training step, in order."""
    found: tuple[tuple[Event, Feed], ...] = program.once("what training is fed", _training_feeds)
    return found


def _training_feeds(program: Program) -> tuple[tuple[Event, Feed], ...]:
    found: list[tuple[Event, Feed]] = []
    for event in program.events:
        if (isinstance(event, SessionRun) and trains(program, event)) or (
            isinstance(event, ModelCall) and event.training
        ):
            found += [(event, feed) for feed in event.feeds]
    return tuple(found)


def trains(program: Program, run: SessionRun) -> bool:
    """Whether a session run fetches a training step."""
    for value in run.fetches:
        operation = program.operation(value)
        if operation is None:
            continue
        if operation.kind == "train":
            return True
        if operation.kind == "group" and any(o.kind == "train" for o in program.producers(operation)):
            return True
    return False


def optimizers(program: Program, inputs: Id | None = None) -> list[ApiObject]:
    """The optimizers that reduce a loss; with `inputs`, only losses that depend on that operation."""
    found = []
    for event in program.minimized:
        record = program.object(event.optimizer)
        if record is not None and (inputs is None or inputs in program.ancestors(event.loss)):
            found.append(record)
    return found


def entry(program: Program, operation: Operation) -> Operation | None:
    """The placeholder or model input whose values enter an operation, looked for through casts and reshapes only."""
    value = operation.inputs[0] if operation.inputs else None
    current = program.operation(value)
    for _ in range(16):
        if current is None or current.kind in ("placeholder", "input"):
            return current
        if current.kind not in RESHAPING or not current.inputs:
            return None
        current = program.operation(current.inputs[0])
    return None


RESHAPING = frozenset(
    ("reshape", "flatten", "cast", "identity", "expand", "squeeze", "transpose", "slice", "pad", "stop-gradient")
)
"""Kinds that change no value."""


__all__ = ["entry", "optimizers", "trains", "training_feeds"]
