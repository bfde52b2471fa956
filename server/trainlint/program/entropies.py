"""Cross-entropies that are written out: the logarithms of what a last layer gives, weighed with the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.heads import trained
from trainlint.program.singularities import negative_product
from trainlint.program.values import Tensor
from trainlint.program.weights import constant
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id
    from trainlint.source.code import Place


class WrittenOut(Record, eq=False):
    """A cross-entropy that is written out: the plain scores of a layer, and the logarithms that are taken of them."""

    scores: Operation
    logarithms: tuple[Operation, ...]


def written_of_scores(program: Program) -> dict[Id, WrittenOut]:
    """By layer: the cross-entropy of a trained loss that takes logarithms of its plain result, or of one minus it.

    Other losses have the logarithm of a plain result too: that of Poisson's distribution, of a rate of events.
    """
    found: dict[Id, WrittenOut] = program.once(f"{__name__}.written_of_scores", _written_of_scores)
    return found


def weighs_labels(program: Program, logarithm: Operation) -> bool:
    """Whether a logarithm is multiplied with what no weights are behind: the labels."""
    for user in program.consumers(logarithm.output):
        others = [v for v in user.inputs if isinstance(v, Tensor) and v.op is not logarithm.id and v.op is not None]
        if user.kind == "multiply" and others and not any(program.variables(other) for other in others):
            return True
    return False


def output_place(scores: Operation, formula: Operation) -> Place:
    """Where a network's output comes into view of the function that a formula is used in: its last layer, or a call."""
    calls, around = scores.context.calls, formula.context.calls
    depth = next((i for i, pair in enumerate(zip(calls, around)) if pair[0] != pair[1]), min(len(calls), len(around)))
    return calls[depth] if len(calls) > depth else scores.place


def _written_of_scores(program: Program) -> dict[Id, WrittenOut]:
    layers: dict[Id, list[tuple[Operation, Tensor, bool]]] = {}
    for logarithm in program.of_kind("log"):
        if logarithm.id not in trained(program) or not logarithm.inputs:
            continue
        zero = negative_product(program, logarithm.inputs[0])
        if zero is None or not weighs_labels(program, logarithm):
            continue
        argument = program.operation(logarithm.inputs[0])
        is_complement = argument is not None and argument.kind == "subtract" and constant(argument.inputs[0]) == 1
        scores = argument.inputs[1] if argument is not None and is_complement else logarithm.inputs[0]
        if isinstance(scores, Tensor):
            layers.setdefault(zero.operation.id, []).append((logarithm, scores, is_complement))
    found = {}
    for layer, each in layers.items():
        made = program.operation(each[0][1])
        is_binary = {is_complement for _, _, is_complement in each} == {True, False}
        if made is not None and (is_binary or _of_classes(program, each)):
            found[layer] = WrittenOut(made, tuple(logarithm for logarithm, _, _ in each))
    return found


def _of_classes(program: Program, each: list[tuple[Operation, Tensor, bool]]) -> bool:
    """Whether the loss takes nothing of several scores but their logarithms."""
    logarithms = {logarithm.id for logarithm, _, _ in each}
    for _, scores, is_complement in each:
        width = scores.shape[-1] if scores.shape else None
        if is_complement or not isinstance(width, int) or width < 2:
            return False
        if any(o.id in trained(program) and o.id not in logarithms for o in program.consumers(scores)):
            return False
    return True
