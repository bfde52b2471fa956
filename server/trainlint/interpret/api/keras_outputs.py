"""The outputs of a Keras model one by one, with their names, and the loss that each of them gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret import builtins
from trainlint.program.values import UNKNOWN, Const, DictRecord, Ref, Tensor, Value

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine


def outputs_of(machine: Machine, output: Value) -> list[tuple[str | None, Value]] | None:
    """The outputs with their names as far as they are known; None when the outputs are not."""
    output = machine.resolve(output)
    if isinstance(output, Tensor):
        return [(_layer_name(machine, output), output)]
    record = machine.get(output)
    if isinstance(record, DictRecord):
        if record.open or any(not isinstance(key, Const) for key, _ in record.items):
            return None
        return [(str(key.value), machine.resolve(item)) for key, item in record.items if isinstance(key, Const)]
    if isinstance(output, Const):
        return None
    items = builtins.items_of(machine, output)
    if items is None:
        return None
    found = [machine.resolve(item) for item in items]
    return [(_layer_name(machine, item) if isinstance(item, Tensor) else None, item) for item in found]


def _layer_name(machine: Machine, tensor: Tensor) -> str | None:
    operation = machine.operation(tensor)
    layer = machine.object(Ref(id=operation.layer)) if operation is not None and operation.layer is not None else None
    argument = layer.arguments.get("name") if layer is not None else None
    value = machine.resolve(argument.value) if argument is not None else None
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def losses_of(machine: Machine, loss: Value, output: Value) -> list[tuple[int, Value, Value]]:
    """The losses that a model is compiled with: for each the place of its output, itself, and the output."""
    outputs = outputs_of(machine, output)
    table = machine.get(loss)
    if isinstance(table, DictRecord):
        return _by_name(table, outputs)
    items = builtins.items_of(machine, loss) if not isinstance(loss, Const) else None
    values = [item for _, item in outputs] if outputs is not None else None
    if items is None:
        return [(index, loss, item) for index, item in enumerate([output] if values is None else values)]
    if values is None or len(values) != len(items) or isinstance(machine.get(output), DictRecord):
        return [(index, item, UNKNOWN) for index, item in enumerate(items)]
    return [(index, item, value) for index, (item, value) in enumerate(zip(items, values))]


def _by_name(table: DictRecord, outputs: list[tuple[str | None, Value]] | None) -> list[tuple[int, Value, Value]]:
    """The losses of a dictionary; whose output is not known by its name gets one that nothing is known of."""
    if outputs is not None and len(outputs) == len(table.items) == 1:
        return [(0, table.items[0][1], outputs[0][1])]
    places = {name: index for index, (name, _) in enumerate(outputs or ()) if name is not None}
    found: list[tuple[int, Value, Value]] = []
    for position, (key, loss) in enumerate(table.items):
        index = places.get(key.value) if isinstance(key, Const) else None
        if index is None or outputs is None:
            found.append((len(outputs or ()) + position, loss, UNKNOWN))
        else:
            found.append((index, loss, outputs[index][1]))
    return found
