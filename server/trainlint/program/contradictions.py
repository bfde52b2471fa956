"""Where a program first becomes impossible: operations, losses and feeds whose proved shapes contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trainlint.program.dims import Dim, Shape, is_batch, show
from trainlint.program.events import ModelCall, SessionRun
from trainlint.program.impossible import CRASHES, clash, count, differ, impossible
from trainlint.program.impossible import checked as impossible_kinds
from trainlint.program.operations import UNTOLD
from trainlint.program.rearranging import checked as misshapen_kinds
from trainlint.program.rearranging import misshapen
from trainlint.program.values import Const, ListRecord, Ref, Tensor, Tuple, Value, is_none
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.events import Feed
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id
    from trainlint.source.code import Place

MAX_CHAIN = 6
"""Steps of a chain of shapes; longer ones show their last steps."""


class Contradiction(Record):
    """A place where shapes contradict each other, and the operation that it is about.

    `operands` are the tensors that do not fit, `fed` what the operation is fed, if that is the trouble.
    `subject` is what other rules would call the subject of the same mistake.
    """

    place: Place
    reason: str
    operation: Operation
    operands: tuple[Tensor, ...] = ()
    fed: Shape = None
    subject: Id | None = None
    outcome: str = CRASHES
    also: tuple[tuple[Place, Shape], ...] = ()
    """Where the same input is fed what does not fit again."""
    severity: str | None = None
    used: Place | None = None
    """Where what is made here is used, if that is what cannot be."""


def contradictions(program: Program) -> tuple[Contradiction, ...]:
    """The contradictions of a program that follow from no other, in order."""
    found: tuple[Contradiction, ...] = program.once(f"{__name__}.first", _first, lasts=True)
    return found


def _first(program: Program) -> tuple[Contradiction, ...]:
    found = list(_all(program))
    broken = {each.operation.id for each in found if each.fed is None}
    result: list[Contradiction] = []
    for each in found:
        known = [i for i, other in enumerate(result) if other.fed is not None and other.operation is each.operation]
        if each.fed is not None and known:
            first = result[known[0]]
            if each.place is not first.place:
                result[known[0]] = first.replace(also=(*first.also, (each.place, each.fed)))
            continue
        behind = [key for key in program.ancestors(each.operation.id) if key is not each.operation.id]
        if each.fed is not None or not (broken.intersection(behind) or _is_scoped(program, behind)):
            result.append(each)
    return tuple(result)


def _is_scoped(program: Program, keys: Iterable[Id]) -> bool:
    """Whether a shape depends on strides or borders of tf.contrib, whose defaults any `arg_scope` may change."""
    for key in keys:
        operation = program.operation(key)
        if operation is not None and operation.kind in ("convolution", "pool") and operation.name.startswith(_SCOPED):
            return True
    return False


_SCOPED = ("tf.contrib.", "slim.")


def _all(program: Program) -> Iterator[Contradiction]:
    packed: set[Id] = set()
    for operation in program.of_kind(*_ONE_TENSOR):
        if operation.held and not operation.context.guarded:
            found = _of_parts(program, operation)
            if found is not None and packed.isdisjoint(part.op for part in found.operands):
                packed.update(part.op for part in found.operands if part.op is not None)
                yield found
    yield from program.recall_each(_of_operation, *_CHECKED)
    for event in program.events:
        if isinstance(event, (SessionRun, ModelCall)) and event.feeds and not event.context.guarded:
            yield from program.recall(_of_event, event)


_CHECKED = tuple(sorted({"loss", *impossible_kinds(), *misshapen_kinds()}))


def _of_operation(program: Program, operation: Operation) -> Iterator[Contradiction]:
    if operation.context.guarded or UNTOLD in operation.context.conditions:
        return  # a test that nothing is known of may be there for such shapes
    if operation.kind == "loss":
        yield from _of_loss(program, operation)
        return
    reason = impossible(program, operation) or misshapen(program, operation)
    if reason is not None and not any(_may_be_turned(program, operand) for operand in reason.operands):
        yield Contradiction(
            operation.place, reason.reason, operation, reason.operands, None, operation.id, reason.outcome,
            severity=reason.severity,
        )  # fmt: skip


def _may_be_turned(program: Program, operand: Value) -> bool:
    """Whether a shape is that of data which Keras gives a last axis, or takes one from, as an unknown `Input` asks."""
    return any(
        (operation := program.operation(key)) is not None
        and operation.kind == "input"
        and operation.attributes.get("declared") is None
        and any(name in operation.arguments and operation.arguments[name].given for name in ("shape", "batch_shape"))
        for key in (program.ancestors(operand) if isinstance(operand, Tensor) else ())
    )


def _of_event(program: Program, event: SessionRun | ModelCall) -> Iterator[Contradiction]:
    for feed in event.feeds:
        yield from _of_feed(program, feed, isinstance(event, ModelCall))
    if isinstance(event, ModelCall):
        yield from _of_rows(program, event)


_ONE_TENSOR = frozenset(("loss", "reduce", "argmax", "activation", "log", "exp", "sqrt", "square", "abs", "cast"))
"""Kinds that make one tensor of the tuple that a function of TensorFlow is given in place of it."""


_SOURCES = ("placeholder", "input", "variable", "constant", "random", "data")


def _of_parts(program: Program, operation: Operation) -> Contradiction | None:
    """A tuple that is used as one tensor, though its parts have different shapes: a forgotten call around it."""
    if operation.symbol is None or not operation.symbol.name.startswith("tf."):
        return None
    for argument in operation.arguments.values():
        parts = argument.value.items if isinstance(argument.value, Tuple) else ()
        known = [part for part in parts if isinstance(part, Tensor) and part.shape is not None]
        if len(parts) < 2 or len(known) != len(parts) or not any(part.op is not None for part in known):
            continue
        first = known[0].shape
        other = next((part.shape for part in known[1:] if _apart(first, part.shape)), None)
        if other is None:
            continue
        reason = f"a tuple of {show(first)} and {show(other)} is used as one tensor, which takes parts of one shape"
        made = [found for part in known if (found := program.operation(part)) is not None]
        alone = [each for each in made if each.kind not in _SOURCES and not program.consumers(each.output)]
        # Under a name it was made elsewhere, and there the call is missing that joins its parts.
        is_named = (argument.spelled or "").isidentifier()
        place = alone[-1].place if is_named and alone else operation.place
        return Contradiction(place, reason, operation, tuple(known), used=operation.place)
    return None


def _apart(left: Shape, right: Shape) -> bool:
    assert left is not None and right is not None
    return len(left) != len(right) or any(differ(a, b) for a, b in zip(left, right))


# Losses ---------------------------------------------------------------------------------------------------------------

_STRICT = ("sigmoid-cross-entropy",)


def _of_loss(program: Program, loss: Operation) -> Iterator[Contradiction]:
    labels, scores = loss.attributes.get("labels"), loss.attributes.get("predictions")
    if not isinstance(scores, Tensor):
        return
    if not isinstance(labels, Tensor) or labels.shape is None or scores.shape is None:
        yield from _of_misfit(program, loss, scores)
        return
    reason = _loss_reason(program, loss, labels, scores)
    if reason is not None:
        yield Contradiction(loss.place, reason, loss, (scores, labels), None, loss.id)
        return
    factor = _rows_of_each(labels.shape[0] if labels.shape else None, scores.shape[0] if scores.shape else None)
    if factor is not None:
        culprit = _folding(program, scores, factor)
        if culprit is not None:
            x = culprit.inputs[0]
            assert isinstance(x, Tensor)
            reason = (
                f"{show(x.shape)} becomes {show(culprit.output.shape)}: {factor} rows for each sample, "
                f"but the loss has one label for each, {show(labels.shape)}"
            )
            yield Contradiction(culprit.place, reason, culprit, (x,), None, loss.id)
            return
    yield from _of_misfit(program, loss, scores)


def _of_misfit(program: Program, loss: Operation, scores: Tensor) -> Iterator[Contradiction]:
    """Feature maps that are flattened to rows of another length than a sample has, or a whole part of it."""
    for key in program.ancestors(scores):
        culprit = program.operation(key)
        if culprit is None or culprit.kind != "reshape" or not culprit.inputs or culprit.output.rank != 2:
            continue
        x, length = culprit.inputs[0], (culprit.output.shape or (None,))[-1]
        if not isinstance(x, Tensor) or not isinstance(length, int) or x.shape is None or len(x.shape) != 4:
            continue
        sizes = [dim for dim in x.shape[1:] if isinstance(dim, int)]
        if len(sizes) != 3 or isinstance(x.shape[0], int):
            continue
        parts = {sizes[2], sizes[1] * sizes[2], sizes[0] * sizes[1] * sizes[2], sizes[0] * sizes[1]}
        if length in parts or not any(user.kind == "matmul" for user in program.consumers(culprit.output)):
            continue
        reason = (
            f"each sample has {sizes[0] * sizes[1] * sizes[2]} numbers, {show(x.shape)}, "
            f"but the rows get {length}, so they are no samples any more"
        )
        yield Contradiction(culprit.place, reason, culprit, (x,), None, loss.id)
        return


def _loss_reason(program: Program, loss: Operation, labels: Tensor, scores: Tensor) -> str | None:
    function, form = loss.attributes.get("function"), loss.attributes.get("form")
    wanted, given = scores.shape, labels.shape
    assert wanted is not None and given is not None
    if form == "raw" and any(argument.positional for argument in loss.arguments.values()):
        return None  # TensorFlow before 1.0 has the logits first
    if function == "sparse-softmax-cross-entropy":
        if form == "raw" and len(given) != len(wanted) - 1 and len(wanted) > 0:
            return f"the class numbers have the shape {show(given)}, scores {show(wanted)} need {show(wanted[:-1])}"
        rows = given[:-1] if len(given) == len(wanted) and given[-1:] == (1,) else given
        if len(rows) == len(wanted) - 1 and any(differ(a, b) for a, b in zip(rows, wanted)):
            return f"the labels have the shape {show(given)}, the scores {show(wanted)}"
        return None
    if form != "raw" and abs(len(given) - len(wanted)) == 1:
        # Keras and tf.losses drop or add a last axis of 1.
        if len(given) > len(wanted) and given[-1] == 1:
            given = given[:-1]
        elif len(wanted) > len(given) and wanted[-1] == 1:
            wanted = wanted[:-1]
    if clash(given, wanted) is not None:
        return f"the labels have the shape {show(labels.shape)}, the predictions {show(scores.shape)}"
    if form == "raw" and function in _STRICT and not (_late(program, labels) or _late(program, scores)):
        if len(given) != len(wanted) or any(differ(a, b) for a, b in zip(given, wanted)):
            return f"the labels have the shape {show(labels.shape)}, the predictions {show(scores.shape)}"
    return None


def _late(program: Program, tensor: Tensor) -> bool:
    """Whether TensorFlow sees the shape only when it is fed."""
    for key in program.ancestors(tensor):
        operation = program.operation(key)
        if operation is not None and operation.kind in ("placeholder", "input"):
            declared = operation.attributes.get("declared")
            if declared is None:
                return True
    return False


def _rows_of_each(labels: Dim, scores: Dim) -> int | None:
    """How many rows of scores there are for each label; None where that is one, or not known."""
    if isinstance(labels, int) or labels is None or scores is None or isinstance(scores, int) or not is_batch(labels):
        return None
    if len(scores.terms) == 1 and not scores.offset and scores.terms[0][0] == labels and scores.terms[0][1] > 1:
        return scores.terms[0][1]
    return None


def _folding(program: Program, scores: Tensor, factor: int) -> Operation | None:
    """The reshape of the program that makes several rows of each sample."""
    assert scores.shape
    for key in program.ancestors(scores):
        operation = program.operation(key)
        if operation is None or operation.kind != "reshape" or not operation.inputs:
            continue
        x, result = operation.inputs[0], operation.output.shape
        if isinstance(x, Tensor) and x.shape and result and result[0] == scores.shape[0]:
            if is_batch(x.shape[0]) and _rows_of_each(x.shape[0], result[0]) == factor:
                return operation
    return None


# Feeds ----------------------------------------------------------------------------------------------------------------


def _of_feed(program: Program, feed: Feed, is_model: bool) -> Iterator[Contradiction]:
    target = program.operation(feed.key)
    fed = shape_of(program, feed.value)
    if target is None or fed is None or target.attributes.get("labels"):
        return
    declared = target.attributes.get("declared")
    if declared is None or not _refuses(program, target, declared, fed, is_model):
        return
    what = "the input" if is_model else "the placeholder"
    reason = f"{what} has the shape {show(declared)}, but gets {show(fed)}"
    source = program.source(feed.value)
    yield Contradiction(feed.place, reason, target, (), fed, None if source is None else source.id)


def _refuses(
    program: Program, target: Operation, declared: tuple[Dim, ...], fed: tuple[Dim, ...], is_model: bool
) -> bool:
    if not is_model:
        return len(declared) != len(fed) or any(differ(a, b) for a, b in zip(declared, fed))
    if len(fed) == len(declared) + 1 and _may_be_one(fed[-1]):
        fed = fed[:-1]
    elif len(declared) == len(fed) + 1 and _may_be_one(declared[-1]):
        declared = declared[:-1]
    if len(fed) != len(declared) and program.generation == "2.16":
        return True
    # Everything else depends on the layers: Keras itself does not compare the sizes, or only warns.
    first = _entered(program, target)
    if first == {"flatten"} and len(fed) == len(declared):
        have, wanted = count(fed[1:]), count(declared[1:])
        return have is not None and wanted is not None and have[0] == wanted[0] and have[1] != wanted[1]
    counts_last = bool(first) and first <= {"matmul", "convolution", "recurrent"}
    return counts_last and differ(declared[-1] if declared else None, fed[-1] if fed else None)


def _may_be_one(dim: Dim) -> bool:
    return dim == 1 or not isinstance(dim, int)


_PASSING = ("multiply", "normalization", "dropout", "pad", "cast")


def _entered(program: Program, target: Operation) -> set[str]:
    """The kinds of the operations that an input enters, looked for through what leaves its last axis alone."""
    kinds: set[str] = set()
    queue = [target]
    for _ in range(8):
        following = [user for each in queue for user in program.consumers(each.id)]
        queue = [user for user in following if user.kind in _PASSING]
        for user in following:
            if user.kind not in _PASSING:
                layout = user.arguments.get("data_format")
                kinds.add(user.kind if layout is None or is_none(layout.value) else "")
        if not queue:
            break
    return kinds


def _of_rows(program: Program, event: ModelCall) -> Iterator[Contradiction]:
    """Inputs and labels of different length."""
    known = [(feed, shape_of(program, feed.value)) for feed in event.feeds]
    rows = [(feed, shape[0], shape) for feed, shape in known if shape]
    for feed, n, shape in rows[1:]:
        first = rows[0]
        target = program.operation(feed.key)
        if target is not None and differ(first[1], n):
            reason = f"the data have {first[1]} rows, {show(first[2])}, the labels {n}, {show(shape)}"
            if not target.attributes.get("labels"):
                reason = f"the inputs have {first[1]} and {n} rows"
            yield Contradiction(feed.place, reason, target, (), shape)
            return


def shape_of(program: Program, value: Value, depth: int = 0) -> Shape:
    """The shape that a tensor, or a list of numbers or tensors, is known to have."""
    if isinstance(value, Tensor):
        return value.shape
    items: tuple[Value, ...] | None = None
    length: Dim = None
    if isinstance(value, Tuple):
        items = value.items
    elif isinstance(value, Ref):
        record = program.record(value)
        if not isinstance(record, ListRecord):
            return None
        items, length = record.items, record.length
        if items is None and record.element is not None:
            inner = shape_of(program, record.element, depth + 1)
            return None if inner is None else (length, *inner)
    elif isinstance(value, Const) and isinstance(value.value, (int, float)):
        return ()
    if not items or depth > 4 or len(items) > 64:
        return None
    shapes = {shape_of(program, item, depth + 1) for item in items}
    inner = shapes.pop()
    return None if shapes or inner is None else (len(items), *inner)


# Chains ---------------------------------------------------------------------------------------------------------------


def chain(program: Program, tensor: Tensor) -> list[tuple[Place, str]]:
    """Where the shape of a tensor comes from, oldest first: the operations that changed it, back to its source."""
    steps: list[tuple[Place, str]] = []
    seen: set[Id] = set()
    current = program.operation(tensor)
    while current is not None and current.id not in seen:
        seen.add(current.id)
        shape = current.output.shape
        before = _main(current)
        if before is None:
            steps.append((current.place, f"{_called(current)} is {show(shape)} here"))
            break
        if before.shape != shape and shape is not None and before.shape is not None:
            verb = "turns" if before.shape else "makes"
            steps.append((current.place, f"{verb} {show(before.shape)} into {show(shape)}"))
        current = program.operation(before)
    # Where it begins tells most: which of several callers gives it.
    return (steps if len(steps) <= MAX_CHAIN else [*steps[: MAX_CHAIN - 1], steps[-1]])[::-1]


def _main(operation: Operation) -> Tensor | None:
    """The operand that an operation changes the shape of; None for a source."""
    if operation.kind in _SOURCES:
        return None
    inputs = [value for value in operation.inputs if isinstance(value, Tensor) and value.op is not None]
    return max(inputs, key=lambda value: value.rank or 0) if inputs else None


def _called(operation: Operation) -> str:
    kinds = {"placeholder": "the placeholder", "input": "the input", "variable": "the variable", "random": "the array"}
    if operation.attributes.get("labels"):
        return "the labels' shape"
    return kinds.get(operation.kind, "the array")
