"""Names that are set without being written: `vars(x).update(...)`, `globals()[name] = ...`, `exec(text)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret.api.registry import handles, method
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    ApiObject,
    Choice,
    Class,
    Const,
    DictRecord,
    Frame,
    InstanceRecord,
    Ref,
    Tuple,
    Value,
)

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place

_SYMBOL = tfapi.Symbol(name="builtins.vars", path="vars", flavour="builtins", kind="function")


def namespace(machine: Machine, owner: Value | Frame, place: Place) -> Value:
    """The dict in which an object, a class or a module keeps its names."""
    return machine.new(place, ApiObject(_SYMBOL, "namespace", {}, place, {"owner": owner}), "namespace")


@handles("builtins.vars", "builtins.locals", "builtins.globals", "builtins.dir")
def names(call: ApiCall) -> Value:
    if call.name == "builtins.globals":
        return namespace(call.machine, _module(call.machine), call.place)
    value = call.first
    is_own = isinstance(value, Class) or isinstance(call.machine.get(value), InstanceRecord)
    return namespace(call.machine, value, call.place) if call.name == "builtins.vars" and is_own else UNKNOWN


@handles("builtins.exec", "builtins.eval")
def run_text(call: ApiCall) -> Value:
    """Text that is run may set every variable of the module."""
    if call.name == "builtins.exec" and len(call.arguments.positional) == 1:
        set_name(call.machine, _module(call.machine), None, UNKNOWN)
    return UNKNOWN


@method("namespace", "update", "__setitem__", "setdefault")
def set_names(call: ApiCall) -> Value:
    machine, record = call.machine, call.machine.object(call.receiver)
    owner = record.fields["owner"] if record is not None else UNKNOWN
    given = [machine.resolve(argument.value) for argument in call.arguments.positional]
    if machine.method_name != "update":
        name = given[0].value if given and isinstance(given[0], Const) else None
        set_name(machine, owner, name, given[-1] if given else UNKNOWN)
        return UNKNOWN
    for value in given:
        known = machine.get(value)
        if not isinstance(known, DictRecord) or known.open:
            set_name(machine, owner, None, UNKNOWN)
        for key, item in known.items if isinstance(known, DictRecord) else ():
            set_name(machine, owner, key.value if isinstance(key, Const) else None, item)
    if call.arguments.open:
        set_name(machine, owner, None, UNKNOWN)
    for keyword, argument in call.arguments.keywords.items():
        set_name(machine, owner, keyword, argument.value)
    return NONE


def set_name(machine: Machine, owner: Value | Frame, name: str | None, value: Value) -> None:
    """Sets a name of an object, a class or a module; None for a name that is not known, which may be any."""
    record = machine.get(owner) if isinstance(owner, Ref) else None
    frame = owner if isinstance(owner, Frame) else owner.frame if isinstance(owner, Class) else None
    if isinstance(record, InstanceRecord):
        names = [name] if name is not None else [*record.attributes, *_data_of(machine, record.cls)]
        attributes = {**record.attributes, **dict.fromkeys(names, value if name is not None else UNKNOWN)}
        if name is None:
            attributes["__open__"] = NONE
        machine.put(owner, record.replace(attributes=attributes))  # type: ignore[arg-type]
    elif frame is not None:
        for each in [name] if name is not None else _data_in(machine, frame):
            machine.write((frame, each), value if name is not None else UNKNOWN)


def _module(machine: Machine) -> Frame:
    frame = machine.frame
    while frame.lexical is not None:
        frame = frame.lexical
    return frame


def _data_of(machine: Machine, cls: Value) -> list[str]:
    """The names of a class and its bases that stand for plain values."""
    cls = machine.resolve(cls)
    if not isinstance(cls, Class):
        return []
    return [*_data_in(machine, cls.frame), *(name for base in cls.bases for name in _data_of(machine, base))]


def _data_in(machine: Machine, frame: Frame) -> list[str]:
    # Which names there are decides what is written.
    machine.recordings[-1].volatile = True
    return [
        key[1] for key, value in machine.values.items()
        if type(value) in _PLAIN and type(key) is tuple and len(key) == 2 and key[0] is frame
    ]  # fmt: skip


_PLAIN = frozenset((Const, Tuple, Choice))
"""Values that are data, and no functions, classes or objects."""

__all__ = ["namespace", "set_name"]
