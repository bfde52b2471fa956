"""Optimizers: minimize, gradients and their application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret import arrays, builtins, calls
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.api.registry import called, handles, method
from trainlint.interpret.api.sessions import is_readable
from trainlint.program.events import Minimize
from trainlint.program.values import NONE, UNKNOWN, Api, Const, Function, ListRecord, Stream, Tensor, Tuple, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine


def train(call: ApiCall, loss: Value, how: str, *inputs: Value) -> Tensor:
    """Records a training step and the event that says which loss it reduces."""
    machine = call.machine
    tensors = tuple(t for value in (loss, *inputs) for t in arrays.tensors_in(machine, value))
    output = call.emit("train", *tensors, output=Tensor(shape=()), optimizer=call.receiver, loss=loss)
    machine.record(
        Minimize(
            place=call.place,
            context=machine.context(),
            loss=loss,
            optimizer=call.receiver or UNKNOWN,
            how=how,
            op=output.op,
        )
    )
    return output


@method("optimizer", "minimize")
def minimize(call: ApiCall) -> Value:
    call.bind_as("loss", "var_list_or_global_step", "var_list")
    loss = call.value("loss")
    if isinstance(loss, Function):
        # Keras: minimize(lambda: loss, variables)
        loss = call.machine.resolve(calls.call(call.machine, loss, Arguments([], {}), call.place))
    return train(call, loss, "minimize")


@method("optimizer", "compute_gradients", "get_gradients")
def compute_gradients(call: ApiCall) -> Value:
    call.bind_as("loss", "var_list")
    return gradients_of(call, call.value("loss"), pairs=True)


def gradients_of(call: ApiCall, loss: Value, pairs: bool) -> Value:
    tensors = tuple(arrays.tensors_in(call.machine, loss))
    gradient = call.emit("gradient", *tensors, output=Tensor(), loss=loss)
    if pairs:
        return Stream(element=Tuple(items=(gradient, UNKNOWN)))
    return call.machine.new(call.place, ListRecord(items=None, element=gradient), "gradients")


@handles("tf.gradients", "keras.backend.gradients", "tf.contrib.gradients")
def gradients(call: ApiCall) -> Value:
    loss = call.value("ys", "loss")
    return gradients_of(call, loss, pairs=False)


@method("tape", "gradient", "jacobian")
def tape_gradient(call: ApiCall) -> Value:
    call.bind_as("target", "sources")
    loss = call.value("target")
    tensors = tuple(arrays.tensors_in(call.machine, loss))
    sources = call.value("sources")
    items = builtins.items_of(call.machine, sources)
    gradient = call.emit("gradient", *tensors, output=Tensor(), loss=loss, tape=True)
    if items is not None and len(items) <= 64:
        return call.machine.new(call.place, ListRecord(items=(gradient,) * len(items)), "gradients")
    if isinstance(sources, Tensor):
        return gradient
    return call.machine.new(call.place, ListRecord(items=None, element=gradient), "gradients")


_EAGER = {
    "implicit_gradients": False,
    "gradients_function": False,
    "implicit_value_and_gradients": True,
    "value_and_gradients_function": True,
}
"""Functions that make of a loss function one that gives gradients, and whether it gives the loss too."""


@handles(*(f"tf.contrib.eager.{name}" for name in _EAGER))
def eager_gradients(call: ApiCall) -> Value:
    call.bind_as("f")
    return call.object("gradient function", function=call.value("f"))


@called("gradient function")
def call_eager_gradients(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    assert record is not None
    loss = call.machine.resolve(calls.call(call.machine, record.fields["function"], call.arguments, call.place))
    name = record.symbol.name.rsplit(".", 1)[-1]
    found = gradients_of(call, loss, pairs=name.startswith("implicit"))
    return Tuple(items=(loss, found)) if _EAGER[name] else found


@method("tape", "watch", "stop_recording", "reset")
def watch(call: ApiCall) -> Value:
    return NONE


@method("optimizer", "apply_gradients", "apply")
def apply_gradients(call: ApiCall) -> Value:
    call.bind_as("grads_and_vars", "global_step")
    value = call.value("grads_and_vars")
    machine = call.machine
    found = list(arrays.tensors_in(machine, value))
    for tensor in found:
        loss = gradient_loss(machine, tensor)
        if loss is not None:
            return train(call, loss, "gradients", *found[:1])
    return train(call, UNKNOWN, "gradients", *found)


def gradient_loss(machine: Machine, tensor: Tensor, depth: int = 0) -> Value | None:
    """The loss whose gradient a tensor is, looked for through clipping and scaling."""
    operation = machine.operation(tensor)
    if operation is None or depth > 6:
        return None
    if operation.kind == "gradient":
        return operation.attributes.get("loss")
    for value in operation.inputs:
        if isinstance(value, Tensor):
            found = gradient_loss(machine, value, depth + 1)
            if found is not None:
                return found
    return None


@handles("tf.clip_by_global_norm")
def clip_by_global_norm(call: ApiCall) -> Value:
    tensors = tuple(arrays.tensors_in(call.machine, call.value("t_list")))
    gradient = call.emit("clip", *tensors, output=Tensor())
    items = call.machine.new(call.place, ListRecord(items=None, element=gradient), "clipped")
    return Tuple(
        items=(
            items,
            call.emit("reduce", *tensors, output=Tensor(shape=()), tag="norm", how="norm", axis=(), keepdims=False),
        )
    )


@handles(
    "tf.contrib.slim.learning.create_train_op", "tf.contrib.training.create_train_op", "tf.contrib.layers.optimize_loss"
)
def create_train_op(call: ApiCall) -> Value:
    call.bind_as("total_loss", "optimizer")
    loss = call.value("total_loss", "loss")
    call.receiver = call.value("optimizer")
    return train(call, loss, "minimize")


@handles("tf.group", "tf.tuple")
def group(call: ApiCall) -> Value:
    tensors = tuple(t for value in call.arguments.values() for t in arrays.tensors_in(call.machine, value))
    members = [argument.value for argument in call.arguments.positional]
    known = not call.arguments.open and all(is_readable(call.machine, member) for member in members)
    return call.emit("group", *tensors, output=Tensor(), open=not known)


@handles("keras.optimizers.get", "keras.optimizers.deserialize")
def get(call: ApiCall) -> Value:
    """An optimizer with its defaults, for its name; what is no name stays as it is."""
    machine = call.machine
    value = call.first
    if not isinstance(value, Const):
        return value
    symbol = tfapi.identifier("optimizers", str(value.value), machine.generation)
    return UNKNOWN if symbol is None else calls.call(machine, Api(symbol=symbol), Arguments([], {}), call.place)
