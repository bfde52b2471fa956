"""What a program measures, and on what: the metrics of compiled models, of custom loops and of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trainlint.program.heads import PICKING, last_kernel, width
from trainlint.program.values import Api, ApiObject, Argument, Const, DictRecord, Ref, Tensor, Value
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.events import Compile
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id
    from trainlint.source.code import Place

_STRINGS = {
    "binary_accuracy": "BinaryAccuracy",
    "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
}
"""Functions of Keras and the class that computes the same; `accuracy` stays what it is: Keras chooses by the shapes."""

HIGHER_IS_BETTER = frozenset((
    "accuracy", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "Precision", "Recall", "AUC", "F1Score", "FBetaScore",
    "MeanIoU", "IoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU", "R2Score", "PrecisionAtRecall", "RecallAtPrecision",
    "SensitivityAtSpecificity", "SpecificityAtSensitivity", "TruePositives", "TrueNegatives",
))  # fmt: skip


class Measured(Record):
    """A metric and what it compares.

    `form` is "string", "class", "function" or "object" of a compiled model, "call" of a metric object that is called,
    "v1" of TensorFlow 1. `place` is what to underline; `written` the place of the `metrics` argument if the metric is
    all that it holds.
    """

    metric: str
    form: str
    place: Place
    labels: Tensor | None = None
    predictions: Tensor | None = None
    loss: Operation | None = None
    arguments: Mapping[str, Argument] = {}
    written: Place | None = None
    units: int | None = None
    text: str = ""
    """The string that the author wrote."""
    subject: Id | None = None
    is_compared_alike: bool = True
    """Whether the loss compares the labels that the metric gets, not something that it makes of them."""


def measured(program: Program) -> tuple[Measured, ...]:
    """All metrics of a program whose predictions are known."""
    found: tuple[Measured, ...] = program.once(f"{__name__}.measured", _measured, lasts=True)
    return found


def _measured(program: Program) -> Iterator[Measured]:
    for event in program.compiled:
        yield from _compiled(program, event)
    losses: dict[Id, Operation] | None = None
    for operation in program.of_kind("metric"):
        attributes = operation.attributes
        predictions = attributes.get("predictions")
        if not isinstance(predictions, Tensor) or predictions.op is None:
            continue
        if losses is None:
            losses = _losses_by_source(program)
        source = program.source(predictions, PICKING)
        labels = program.tensor(attributes.get("labels"))
        record = program.object(attributes.get("object"))
        loss = _loss_behind(program, losses, predictions, source)
        others = None if loss is None else loss.attributes.get("labels")
        yield Measured(
            metric=str(attributes.get("metric")),
            form="v1" if record is None else "call",
            place=operation.place if record is None else record.place,
            labels=labels,
            predictions=program.tensor(predictions),
            units=_units(program, program.tensor(predictions)),
            loss=loss,
            arguments=operation.arguments if record is None else record.arguments,
            subject=operation.id,
            is_compared_alike=loss is not None and _come_alike(program, attributes.get("labels"), others),
        )


def _come_alike(program: Program, labels: Value | None, others: Value | None) -> bool:
    """Whether the labels of a metric and of a loss are the same, or come out of the same kind of operation."""
    one, other = program.source(labels), program.source(others)
    if one is None or other is None:
        return one is other and labels == others
    return one.id == other.id or one.kind == other.kind


def _units(program: Program, predictions: Tensor | None) -> int | None:
    size = width(program, predictions)
    return size if isinstance(size, int) else None


def _loss_behind(
    program: Program, losses: Mapping[Id, Operation], predictions: Tensor, source: Operation | None
) -> Operation | None:
    found = losses.get(source.id) if source is not None else None
    kernel = last_kernel(program, predictions) if found is None else None
    return losses.get(kernel) if kernel is not None else found


def _losses_by_source(program: Program) -> dict[Id, Operation]:
    found = {}
    for loss in program.of_kind("loss"):
        source = program.source(loss.attributes.get("predictions"), PICKING)
        if source is not None:
            found[source.id] = loss
        # The model may be called again, to evaluate it.
        kernel = last_kernel(program, loss.attributes.get("predictions"))
        if kernel is not None:
            found[kernel] = loss
    return found


def loss_of(program: Program, event: Compile) -> Operation | None:
    """The one loss between labels and output of a compiled model, also inside of a function of the user."""
    if len(event.losses) != 1:
        return None
    operation = program.operation(event.losses[0])
    if operation is None or operation.kind == "loss":
        return operation
    inner = [o for key in program.ancestors(operation.id) if (o := program.operation(key)) and o.kind == "loss"]
    return inner[0] if len(inner) == 1 else None


def items(program: Program, event: Compile) -> tuple[Value, ...] | None:
    """The metrics that a model with one output is compiled with; None when they are not all known."""
    found: list[Value] = []
    for name in ("metrics", "weighted_metrics"):
        argument = event.arguments.get(name)
        if argument is None or argument.value == Const(value=None):
            continue
        value = argument.value
        record = program.record(value) if isinstance(value, Ref) else None
        if isinstance(record, DictRecord):
            if record.open or len(record.items) != 1:
                return None
            value = record.items[0][1]
            record = program.record(value) if isinstance(value, Ref) else None
        if getattr(record, "items", ()) is None:
            return None
        found += program.items(value)
    return tuple(found)


def _compiled(program: Program, event: Compile) -> Iterator[Measured]:
    argument = event.arguments.get("metrics")
    known = items(program, event) if argument is not None and argument.place is not None else None
    loss = loss_of(program, event)
    if not known or argument is None or argument.place is None or loss is None:
        return
    predictions = program.tensor(loss.attributes.get("predictions"))
    labels = program.tensor(loss.attributes.get("labels"))
    given = program.source(labels)
    is_compared_alike = bool(loss.attributes.get("compiled")) or (given is not None and given.kind == "input")
    for value in known:
        name, form, record = metric_of(program, value)
        if name is None:
            continue
        yield Measured(
            metric=name,
            form=form,
            place=argument.place if record is None else record.place,
            labels=labels,
            predictions=predictions,
            units=_units(program, predictions),
            loss=loss,
            arguments={} if record is None else record.arguments,
            written=argument.place if len(known) == 1 else None,
            text=str(value.value) if isinstance(value, Const) else "",
            subject=loss.id,
            is_compared_alike=is_compared_alike,
        )


def metric_of(program: Program, value: Value) -> tuple[str | None, str, ApiObject | None]:
    """The class of a metric, the form that it is given in, and its object; (None, ...) for what is not Keras' own."""
    if isinstance(value, Const) and isinstance(value.value, str):
        text = value.value
        if text.lower() in ("accuracy", "acc"):
            return "accuracy", "string", None
        return _STRINGS.get(text, text if text in HIGHER_IS_BETTER else None), "string", None
    if isinstance(value, Api) and value.symbol.name.startswith("keras.metrics."):
        name = value.symbol.name.rsplit(".", 1)[-1]
        return _STRINGS.get(name, name), "class" if value.symbol.kind == "class" else "function", None
    record = program.object(value)
    if record is not None and record.kind == "metric" and record.name.startswith("keras.metrics."):
        return record.name.rsplit(".", 1)[-1], "object", record
    return None, "", None


def are_logits(use: Measured) -> bool:
    """Whether what is measured is a linear output whose loss applies the sigmoid or softmax itself."""
    return (
        use.predictions is not None
        and use.predictions.activation == "linear"
        and use.loss is not None
        and use.loss.attributes.get("expects") == "logits"
    )


def function_of(use: Measured) -> str:
    """The function of the loss that trains what is measured; empty when there is none."""
    return str(use.loss.attributes.get("function")) if use.loss is not None else ""


def units(use: Measured) -> int | None:
    """The size of the last axis of the predictions, if it is known."""
    return use.units
