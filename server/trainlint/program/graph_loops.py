"""What a loop around `session.run` does in each of its rounds, beside running."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.program.events import Event, SessionRun
    from trainlint.program.operations import Context, Operation
    from trainlint.program.program import Program


def in_one_loop(context: Context, event: Event | Operation) -> bool:
    """Whether what happens in a context does so in each round of the innermost loop around an event, or more often."""
    loops = event.context.loops
    if not loops or context.loops[: len(loops)] != loops:
        return False
    # A function that is called from two places has one loop for each.
    shared = min(len(context.calls), len(event.context.calls))
    return context.calls[:shared] == event.context.calls[:shared]


def outside_of_steps(operation: Operation, steps: list[SessionRun], run: SessionRun) -> bool:
    """Whether the loop around a run has steps without an operation: it is made once an epoch, or under a test."""
    near = [step for step in steps if in_one_loop(step.context, run)]
    return bool(near) and all(
        not in_one_loop(operation.context, step) or _is_tested_further(operation.context, step.context) for step in near
    )


def _is_tested_further(context: Context, other: Context) -> bool:
    """Whether something stands under tests that another does not stand under; one test may stand there twice."""
    return bool(Counter(context.conditions) - Counter(other.conditions))


def starts_over(program: Program) -> bool:
    """Whether a loop makes a session or graph of its own: then its rounds are experiments, not steps."""
    return any(
        record.kind in ("session", "graph") and key.iteration and not record.name.startswith("tf.get_default")
        for key, record in program.objects
    )


def looped_runs(program: Program) -> list[SessionRun]:
    """The session runs in loops that go on for long or nobody knows how long."""
    return [run for run in program.runs if run.context.loop > 0]


def may_add_to_graph(operation: Operation) -> bool:
    """Whether an operation may be a node of a graph, or several, though it is not followed so far."""
    name = operation.symbol.name if operation.symbol is not None else ""
    return operation.kind in ("opaque", "data") and name.startswith("tf.") and not adds_to_graph(operation)


def adds_to_graph(operation: Operation) -> bool:
    """Whether an operation is a node of a graph of TensorFlow, not an array, a fetch or a feed."""
    if operation.output.library != "tf" or operation.name in ("session.run", "feed", "for"):
        return False
    name = operation.symbol.name if operation.symbol is not None else ""
    if operation.kind == "opaque":
        return name.startswith(("tf.summary.scalar", "tf.summary.histogram", "tf.summary.image", "tf.summary.merge"))
    if operation.kind in ("group", "initializer", "data", "input"):
        return name in ("tf.group", "tf.tuple")
    return name.startswith(("tf.", "keras.")) or operation.name.startswith(("operator", "tensor.assign"))


__all__ = ["adds_to_graph", "in_one_loop", "looped_runs", "may_add_to_graph", "outside_of_steps", "starts_over"]
