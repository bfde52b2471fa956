"""What a loop around `session.run` does in each of its rounds, beside running."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.program.events import Event, SessionRun
    from trainlint.program.operations import Context, Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place


def in_one_loop(program: Program, place: Place, context: Context, event: Event | Operation) -> bool:
    """Whether a place is passed once in each round of the innermost loop around an event, or more often."""
    loop = event.context.loop
    if loop < 1 or context.loop < loop:
        return False
    shared = min(len(context.calls), len(event.context.calls))
    if context.calls[:shared] != event.context.calls[:shared]:
        return False
    # Of two loops one after the other, both are at the same depth: what stands between them is not.
    first = _seen_from(place, context, shared)
    second = _seen_from(event.place, event.context, shared)
    if first.unit is not second.unit:
        return False
    low, high = sorted((first.number, second.number))
    calls = context.calls[:shared]
    return not any(
        low < number < high and depth < loop for number, depth in _outline(program).get((calls, first.unit), ())
    )


def outside_of_steps(program: Program, operation: Operation, steps: list[SessionRun]) -> bool:
    """Whether the training steps are in an inner loop of the one that makes an operation: once for each epoch."""
    depth = operation.context.loop
    near = [s for s in steps if in_one_loop(program, s.place, s.context, operation)]
    return bool(near) and all(s.context.loop > depth for s in near)


def _seen_from(place: Place, context: Context, depth: int) -> Place:
    """The place itself, or the call that leads to it, as the function `depth` calls deep sees it."""
    return context.calls[depth] if len(context.calls) > depth else place


def _outline(program: Program) -> dict[object, list[tuple[int, int]]]:
    """By calls and unit: the numbers of all places where something happens, and how deep in loops they are."""
    found: dict[object, list[tuple[int, int]]] = program.once(f"{__name__}.outline", _make_outline, lasts=True)
    return found


def _make_outline(program: Program) -> dict[object, list[tuple[int, int]]]:
    found: dict[object, list[tuple[int, int]]] = {}
    for item in (*program.operations, *program.events):
        key = (item.context.calls, item.place.unit)
        found.setdefault(key, []).append((item.place.number, item.context.loop))
    return found


def starts_over(program: Program) -> bool:
    """Whether a loop makes a session or graph of its own: then its rounds are experiments, not steps."""
    return any(
        record.kind in ("session", "graph") and key.iteration and not record.name.startswith("tf.get_default")
        for key, record in program.objects
    )


def looped_runs(program: Program) -> list[SessionRun]:
    """The session runs in loops that go on for long or nobody knows how long."""
    return [run for run in program.runs if run.context.loop > 0]


def adds_to_graph(operation: Operation) -> bool:
    """Whether an operation is a node of a graph of TensorFlow, not an array, a fetch or a feed."""
    if operation.output.library != "tf" or operation.name in ("session.run", "feed", "for"):
        return False
    name = operation.symbol.name if operation.symbol is not None else ""
    if operation.kind == "opaque":
        return name.startswith(("tf.summary.scalar", "tf.summary.histogram", "tf.summary.image", "tf.summary.merge"))
    if operation.kind in ("group", "initializer", "data", "input"):
        return name in ("tf.group", "tf.tuple")
    return name.startswith(("tf.", "keras.")) or operation.name.startswith("operator")


__all__ = ["adds_to_graph", "in_one_loop", "looped_runs", "outside_of_steps", "starts_over"]
