"""Metrics that are computed by hand: `tf.metrics.accuracy(labels, predictions)` and Keras metric objects in a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arrays
from trainlint.interpret.api.common import operand
from trainlint.interpret.api.registry import called, handles, method
from trainlint.program.values import NONE, Tensor, Tuple, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


@handles(
    "tf.metrics.accuracy",
    "tf.metrics.precision",
    "tf.metrics.recall",
    "tf.metrics.auc",
    "tf.metrics.mean_iou",
    "tf.contrib.metrics.streaming_accuracy",
)
def v1_metric(call: ApiCall) -> Value:
    """A pair: the value so far, and the operation that takes another batch into account."""
    order = (0, 1) if not call.name.startswith("tf.contrib") else (1, 0)
    labels, predictions = operand(call, order[0], "labels"), operand(call, order[1], "predictions")
    value = _emit(call, labels, predictions, "v1")
    update = call.emit("identity", value, output=Tensor(shape=(), dtype="float32"), tag="update")
    return Tuple(items=(value, update))


_OPEN = ("F1Score", "FBetaScore", "R2Score", "MeanTensor")
"""Metrics that have a number for each class or column, or one, as they are told."""


@called("metric")
def call_metric(call: ApiCall) -> Value:
    """`metric(y_true, y_pred)`: updates the state and gives the value so far."""
    return _update(call)


@method("metric", "update_state")
def update_state(call: ApiCall) -> Value:
    _update(call)
    return NONE


def _update(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    labels, predictions = operand(call, 0, "y_true", "values"), operand(call, 1, "y_pred")
    return _emit(call, labels, predictions, "object", object=call.receiver, created=record and record.arguments)


def _emit(call: ApiCall, labels: Value, predictions: Value, form: str, **more: object) -> Tensor:
    machine = call.machine
    name = call.symbol.name.rsplit(".", 1)[-1]
    pair = tuple(arrays.as_tensor(machine, value) or value for value in (labels, predictions))
    known = tuple(value for value in pair if isinstance(value, Tensor))
    inputs = known or tuple(t for value in pair for t in arrays.tensors_in(machine, value))
    return call.emit(
        "metric",
        *inputs,
        output=Tensor(shape=None if name in _OPEN else (), dtype="float32"),
        metric=name,
        labels=pair[0],
        predictions=pair[1],
        form=form,
        **more,
    )
