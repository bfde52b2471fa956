"""Defaults that `arg_scope` of tf.contrib sets for all calls inside of it, and layers that are called several times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import builtins, calls
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.api.registry import handles
from trainlint.interpret.contexts import ARG_SCOPE
from trainlint.interpret.machine import MISSING
from trainlint.program.values import UNKNOWN, Api, Argument, Const, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainlint.interpret.api.call import ApiCall

_DECISIVE = (
    "activation_fn", "normalizer_fn", "normalizer_params", "weights_initializer", "biases_initializer",
    "weights_regularizer", "biases_regularizer", "stride", "padding", "rate", "data_format", "is_training", "keep_prob",
    "reuse", "trainable", "updates_collections",
)  # fmt: skip
"""What a scope may set: in one that is not known they stand under the empty name, for all functions."""

ANY_SCOPE: Mapping[str, Mapping[str, Value]] = {"": dict.fromkeys(_DECISIVE, UNKNOWN)}
"""The defaults of a scope that is not known."""

MAX_REPEATED = 32


@handles("tf.contrib.framework.arg_scope")
def arg_scope(call: ApiCall) -> Value:
    call.bind_as("list_ops_or_scope")
    machine = call.machine
    value = call.value("list_ops_or_scope")
    record = machine.object(value)
    if record is not None and record.kind == "arg scope":
        return call.object("arg scope", defaults=record.fields["defaults"])
    around = machine.read(ARG_SCOPE)
    items = builtins.items_of(machine, value)
    if items is None or call.arguments.open:
        return call.object("arg scope", defaults=ANY_SCOPE)
    defaults: dict[str, Mapping[str, Value]] = {} if around is MISSING else dict(around)
    given = {
        name: machine.resolve(argument.value)
        for name, argument in call.arguments.keywords.items()
        if name != "list_ops_or_scope"
    }
    for item in map(machine.resolve, items):
        if isinstance(item, Api):
            defaults[item.symbol.name] = {**defaults.get(item.symbol.name, {}), **given}
    return call.object("arg scope", defaults=defaults)


@handles("tf.contrib.layers.repeat")
def repeat(call: ApiCall) -> Value:
    """`repeat(x, 3, conv2d, 64, [3, 3])`: the same layer so many times, each with weights of its own."""
    given = call.arguments.positional
    times = call.machine.resolve(given[1].value) if len(given) > 2 else UNKNOWN
    if not isinstance(times, Const) or not isinstance(times.value, int) or not 0 < times.value <= MAX_REPEATED:
        return call.opaque()
    return _chain(call, given[0], given[2].value, [given[3:]] * times.value)


@handles("tf.contrib.layers.stack")
def stack(call: ApiCall) -> Value:
    """`stack(x, fully_connected, [32, 64])`: one layer for each item, which are its arguments."""
    call.bind_as("inputs", "layer", "stack_args")
    rounds = call.items("stack_args")
    x, layer = call.argument("inputs"), call.argument("layer")
    if x is None or layer is None or not rounds or len(rounds) > MAX_REPEATED:
        return call.opaque()
    given = []
    for each in map(call.machine.resolve, rounds):
        parts = builtins.items_of(call.machine, each) if not isinstance(each, Const) else None
        given.append([Argument(value=part, place=call.place) for part in (parts if parts is not None else [each])])
    return _chain(call, x, layer.value, given, ("inputs", "layer", "stack_args"))


def _chain(call: ApiCall, x: Argument, layer: Value, rounds: list[list[Argument]], own: tuple[str, ...] = ()) -> Value:
    machine = call.machine
    keywords = {name: argument for name, argument in call.arguments.keywords.items() if name not in own}
    for index, given in enumerate(rounds):
        with machine.within(iteration=(*machine.iteration, index)):
            result = calls.call(machine, layer, Arguments([x, *given], keywords, call.arguments.open), call.place)
        x = Argument(value=machine.resolve(result), place=call.place)
    return x.value


__all__ = ["ANY_SCOPE", "arg_scope", "repeat", "stack"]
