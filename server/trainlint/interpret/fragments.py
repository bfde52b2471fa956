"""Pasted code: what its first lines, which are not there, must have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret import calls
from trainlint.program.values import NONE, ApiObject, Ref, Unknown, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import Arguments
    from trainlint.interpret.machine import Machine
    from trainlint.program.values import Value
    from trainlint.source.code import Place

_FIRST = ("input_shape", "batch_input_shape", "input_dim")
"""Arguments that only the first layer of a model has."""


def adopted(machine: Machine, function: Unknown, arguments: Arguments, place: Place) -> Value | None:
    """What `model.add(layer)` returns for a name that nothing defines: it is a Sequential from then on.

    Layers that came before are not known, unless this one says what the model is given.
    None for any other call.
    """
    origin = function.origin
    if not isinstance(origin, tuple) or origin[0] != "attr" or origin[2] != "add" or machine.frame.lexical is not None:
        return None
    named = origin[1]
    given = arguments.positional
    if not isinstance(named, tuple) or named[0] != "name" or not named[1].isidentifier() or len(given) != 1:
        return None
    value = machine.resolve(given[0].value)
    layer = machine.object(value)
    symbol = tfapi.resolve("keras.Sequential", machine.generation)
    if layer is None or layer.kind != "layer" or not layer.name.startswith("keras.layers.") or symbol is None:
        return None
    is_first = any(name in layer.arguments and not is_none(layer.arguments[name].value) for name in _FIRST)
    fields = {"form": "sequential", "layers": (), "complete": is_first, "loop": len(machine.loops)}
    model: Ref = machine.new(place, ApiObject(symbol, "model", {}, place, fields), "model")
    machine.write((machine.frame, named[1]), model)
    calls.call_method(machine, model, "add", arguments, place)
    return NONE
