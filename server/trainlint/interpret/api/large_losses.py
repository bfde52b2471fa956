"""Losses over many classes or many steps: sampled softmax, noise contrast, and the sequence losses of TensorFlow 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api.losses import SPARSE, LossKind, emit_loss
from trainlint.interpret.api.registry import handles
from trainlint.program.values import Tensor, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


@handles("tf.nn.nce_loss", "tf.nn.sampled_softmax_loss")
def sampled(call: ApiCall) -> Value:
    """One number for each row of the inputs.

    The weights are a table of which a few rows are looked up, so this is no matrix product over all classes.
    """
    inputs = call.tensor("inputs")
    parts = tuple(
        t
        for name in ("inputs", "weights", "biases", "labels")
        for t in arrays.tensors_in(call.machine, call.value(name))
    )
    shape = (inputs.shape[0],) if inputs is not None and inputs.shape else None
    output = Tensor(shape=shape, dtype="float32", low=0.0)
    return call.emit("reduce", *parts, output=output, how="sampled", axis=(-1,), keepdims=False)


@handles(
    "tf.contrib.legacy_seq2seq.sequence_loss_by_example",
    "tf.contrib.legacy_seq2seq.sequence_loss",
    "tf.nn.seq2seq.sequence_loss_by_example",
    "tf.nn.seq2seq.sequence_loss",
    "tf.contrib.seq2seq.sequence_loss",
)
def sequence_loss(call: ApiCall) -> Value:
    """Sparse softmax cross-entropy of each step, weighted and averaged."""
    given = call.arguments.keywords.get("softmax_loss_function")
    if given is not None and not is_none(call.machine.resolve(given.value)):
        return call.opaque()
    # What follows the weights by position differs between the versions.
    call.bind_as("logits", "targets", "weights")
    averaged = [call.constant(f"average_across_{axis}", default=True) for axis in ("timesteps", "batch")]
    reduced = not call.name.endswith("by_example") and all(value is True for value in averaged)
    return emit_loss(
        call.machine,
        call.name,
        call.place,
        LossKind(function=SPARSE, expects="logits", labels="class-ids"),
        _steps(call, "targets"),
        _steps(call, "logits"),
        from_logits=True,
        reduced=reduced,
        form="sequence",
        arguments=call.bound,
        symbol=call.symbol,
    )


def _steps(call: ApiCall, name: str) -> Value:
    """A tensor over all steps, also where the older functions take a list with one for each."""
    value = call.value(name)
    items = builtins.items_of(call.machine, value)
    if items is None:
        return value
    tensors = [t for item in items if (t := arrays.as_tensor(call.machine, item)) is not None]
    if len(tensors) == 1 == len(items):
        return tensors[0]
    if len(tensors) != len(items) or not tensors:
        return value
    first = tensors[0]
    shape = None if first.shape is None else (len(tensors), *first.shape)
    same = all(tensor.activation == first.activation for tensor in tensors)
    output = first.replace(op=None, shape=shape, activation=first.activation if same else None)
    return call.emit("stack", *tensors, output=output, tag=name, axis=0)
