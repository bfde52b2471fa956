"""Actions that rules on losses and last layers share: another loss, another activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.actions import Action, ApiName, ReplaceValue, SetArgument, Source
from trainlint.program.heads import activation_behind, argument_for, is_sole_loss, sharing_place
from trainlint.program.values import Const

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value

_CLASSES = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "mse": "MeanSquaredError",
}


def other_loss(program: Program, loss: Operation, name: str) -> Action | None:
    """The Keras loss `name` in place of a compiled one, written as before: as a string or as an object.

    None where the loss is one of several, or has arguments that the other may not have.
    """
    form = loss.attributes.get("form")
    if not loss.attributes.get("compiled") or (form != "object" and not is_sole_loss(program, loss)):
        return None
    if form == "string":
        return ReplaceValue(loss.place, (f'"{name}"',))
    given = {key for key, argument in loss.arguments.items() if argument.given}
    if form != "object" or not given <= {"from_logits"}:
        return None
    arguments = "(from_logits=True)" if "from_logits" in given and loss.attributes.get("from_logits") else "()"
    return ReplaceValue(loss.place, (ApiName(f"tensorflow.keras.losses.{_CLASSES[name]}", loss.place), arguments))


def other_activation(program: Program, predictions: Value, name: str) -> Action | None:
    """The activation `name` on the Keras layer that gives the predictions, None where that is not one local edit."""
    activation = activation_behind(program, predictions)
    if activation is None or activation.layer is None or len(sharing_place(program, activation)) > 1:
        return None
    record = program.object(activation.layer)
    if record is None or "activation" not in record.arguments or not record.name.startswith("keras."):
        return None
    argument = record.arguments["activation"]
    if not argument.given or not isinstance(argument.value, Const):
        return None
    return SetArgument(record.place, "activation", (f'"{name}"',), existing=argument.place)


def linear_head(program: Program, predictions: Value) -> Action | None:
    """The last layer without its activation, None where that is not one local edit."""
    activation = activation_behind(program, predictions)
    return None if activation is None else without(program, activation)


def without(program: Program, activation: Operation) -> Action | None:
    """A layer or expression without its activation, None where that is not one local edit."""
    if len(sharing_place(program, activation)) > 1:
        return None
    argument = activation.arguments.get("activation")
    name = "" if activation.symbol is None else activation.symbol.name.rsplit(".", 1)[-1]
    if activation.layer is not None and not activation.attributes.get("argument"):
        return None
    if argument is not None and argument.place is not None:
        return ReplaceValue(argument.place, ('"linear"' if name == "Activation" else "None",))
    given = argument_for(activation, activation.inputs[0])
    if given is None or given.place is None or activation.layer is not None:
        return None
    return ReplaceValue(activation.place, (Source(given.place),))
