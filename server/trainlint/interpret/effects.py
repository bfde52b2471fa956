"""What functions that nothing has called would change of a module or an object: whoever calls them may have done so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import builtins, calls, classes
from trainlint.interpret.api import namespaces
from trainlint.interpret.order import nodes
from trainlint.program.events import Altered
from trainlint.program.values import (
    UNKNOWN,
    ApiObject,
    Class,
    Const,
    DictRecord,
    Frame,
    Function,
    InstanceRecord,
    Ref,
    Tuple,
    Value,
    is_none,
)
from trainlint.source import code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.interpret.machine import Machine

Change = tuple[str, "str | None", bool, bool]
"""A name; the attribute or item of it that is set, None for any or for the name itself; whether it is an item; whether
a parameter is what it is set to."""

_SETTERS = frozenset(("update", "setdefault", "__setitem__", "pop", "clear"))


def forget_globals(machine: Machine, frame: Frame, defines: Iterable[Any]) -> None:
    """Makes unknown what functions would set of a module: its variables, and parts of what they hold."""
    for define in defines:
        own = _own(define)
        for name, part, is_item, given in _changes(define):
            value = machine.resolve(machine.values.get((frame, name), UNKNOWN)) if name not in own else UNKNOWN
            if part is None and not is_item:
                if _is_plain(value, given):
                    machine.write((frame, name), UNKNOWN)
            elif is_item:
                _forget_item(machine, value, part)
            elif isinstance(value, Class) or isinstance(machine.get(value), InstanceRecord):
                namespaces.set_name(machine, value, part, UNKNOWN)


def forget_attributes(machine: Machine, instance: Value, methods: Iterable[Any], constructor: Any) -> None:
    """Makes unknown what methods would set of the plain values of an object, and what is left for its user to set.

    That is what the constructor sets to None and no method sets: with None there it would be of no use.
    """
    record = machine.get(instance)
    if not isinstance(record, InstanceRecord):
        return
    attributes = dict(record.attributes)
    left = _set_to_none(constructor) if constructor is not None else set()
    for define in methods:
        for name, part, is_item, given in _changes(define):
            if not is_item and name == _first(define) and part in attributes:
                left.discard(part)
                if _is_plain(machine.resolve(attributes[part]), given):
                    attributes[part] = UNKNOWN
    for part in left:
        if part in attributes and is_none(machine.resolve(attributes[part])):
            attributes[part] = UNKNOWN
    if attributes != record.attributes:
        machine.put(instance, record.replace(attributes=attributes))  # type: ignore[arg-type]


def _set_to_none(constructor: Any) -> set[str]:
    """The attributes that a constructor sets to a written None."""
    return {
        target.name
        for node in nodes(constructor)
        if type(node) is code.Assign and type(node.value) is code.Constant and node.value.value is None
        for target in _targets(node)
        if type(target) is code.Attribute and type(target.value) is code.Name and target.value.id == _first(constructor)
    }


def _is_plain(value: Value, given: bool) -> bool:
    """Whether a value is a choice of the user; None may as well stand for what is made when it is needed."""
    return isinstance(value, (Const, Tuple)) and (given or not is_none(value))


def forget_what_callbacks_set(machine: Machine, model: Value, callbacks: Value, place: code.Place) -> None:
    """Makes unknown what callbacks of the user set while a model is trained: the rate, and parameters of layers."""
    names: set[str] = set()
    for item in builtins.items_of(machine, callbacks) or ():
        for define in _defines(machine, machine.resolve(item)):
            names |= _set_elsewhere(define)
    if names & _RATES:
        calls.set_attribute(
            machine, calls.attribute(machine, model, "optimizer", place), "learning_rate", UNKNOWN, place
        )
    for name in sorted(names & calls.CHANGED_IN_PLACE):
        machine.record(Altered(place=place, context=machine.context(), target=None, name=name))


_RATES = frozenset(("lr", "learning_rate"))


def _defines(machine: Machine, callback: Value) -> Iterator[Any]:
    """The class of a callback and its bases, or the functions that one is made of."""
    record = machine.get(callback)
    if isinstance(record, InstanceRecord):
        yield from (cls.define for cls in classes.order(machine, record.cls))
    elif isinstance(record, ApiObject):
        given = (machine.resolve(argument.value) for argument in record.arguments.values())
        yield from (value.define for value in given if isinstance(value, Function))


def _set_elsewhere(define: Any) -> set[str]:
    """The attributes that code sets of other objects than the one it belongs to."""
    found: set[str] = set()
    for node in nodes(define):
        if type(node) is code.Assign or type(node) is code.Augment:
            targets = [target for target in _targets(node) if type(target) is code.Attribute]
            found.update(a.name for a in targets if not (type(a.value) is code.Name and a.value.id == "self"))
        elif type(node) is code.Call and type(node.function) is code.Attribute:
            name, owner = node.function.name, node.function.value
            if name == "set_value" and node.arguments:
                owner = node.arguments[0].value
            if (name == "set_value" or name.startswith("assign")) and type(owner) is code.Attribute:
                found.add(owner.name)
        elif type(node) is code.Call and type(node.function) is code.Name and node.function.id == "setattr":
            found.update(str(a.value.value) for a in node.arguments[1:2] if type(a.value) is code.Constant)
    return found


def _forget_item(machine: Machine, value: Value, key: str | None) -> None:
    record = machine.get(value)
    if isinstance(record, DictRecord) and isinstance(value, Ref):
        items = tuple((k, UNKNOWN if key is None or k == Const(key) else held) for k, held in record.items)
        machine.put(value, DictRecord(items=items, open=True))


def _first(define: Any) -> str | None:
    return define.parameters[0].name if define.parameters else None


def _own(define: Any) -> set[str]:
    """The names that a function has for itself."""
    found = {parameter.name for parameter in getattr(define, "parameters", ())}
    for node in nodes(define):
        if type(node) is code.Assign:
            found.update(target.id for target in _targets(node) if type(target) is code.Name)
    return found - _globals(define)


def _globals(define: Any) -> set[str]:
    scopes = [node for node in nodes(define) if type(node) is code.Scope and node.kind == "global"]
    return {name for scope in scopes for name in scope.names}


def _changes(define: Any) -> Iterator[Change]:
    shared = _globals(define)
    parameters = {parameter.name for parameter in getattr(define, "parameters", ())}
    for node in nodes(define):
        kind = type(node)
        if kind is code.Assign or kind is code.Augment:
            given = type(node.value) is code.Name and node.value.id in parameters
            for target in _targets(node):
                owner = getattr(target, "value", None)
                if type(target) is code.Name and target.id in shared:
                    yield target.id, None, False, given
                elif type(owner) is code.Name and type(target) is code.Attribute:
                    yield owner.id, target.name, False, given
                elif type(owner) is code.Name and type(target) is code.Subscript:
                    key = target.index.value if type(target.index) is code.Constant else None
                    yield owner.id, key if isinstance(key, str) else None, True, given
        elif kind is code.Call and type(node.function) is code.Attribute and node.function.name in _SETTERS:
            if type(node.function.value) is code.Name:
                yield node.function.value.id, None, True, True


def _targets(node: Any) -> Iterator[code.Node]:
    stack = list(node.targets) if type(node) is code.Assign else [node.target]
    while stack:
        target = stack.pop()
        if type(target) is code.Sequence:
            stack.extend(target.elements)
        else:
            yield target


__all__ = ["forget_attributes", "forget_globals", "forget_what_callbacks_set"]
