"""Whether a value is true: for certain, by an open condition, or depending on data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import (
    Api,
    ApiObject,
    Bound,
    Class,
    Condition,
    Const,
    DictRecord,
    Dimension,
    Function,
    InstanceRecord,
    ListRecord,
    Method,
    Module,
    Partial,
    Ref,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine


def truth(machine: Machine, value: Value, text: str = "") -> bool | Condition | None:
    """True or False when proved; a Condition when the code leaves it open; None when it depends on the data."""
    value = machine.resolve(value)
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Tuple):
        return bool(value.items)
    if isinstance(value, Dimension):
        return True
    if isinstance(value, Tensor):
        if value.shape == () and value.bounded:
            if value.low == value.high == 0:
                return False
            if value.low > 0 or value.high < 0:  # type: ignore[operator]
                return True
        return None
    if isinstance(value, Ref):
        record = machine.get(value)
        if isinstance(record, ListRecord):
            return bool(record.items) if record.items is not None else (record.length != 0 or None)
        if isinstance(record, DictRecord):
            return bool(record.items) or (None if record.open else False)
        if isinstance(record, (ApiObject, InstanceRecord)):
            return True
        return None
    if isinstance(value, (Function, Class, Api, Module, Bound, Method, Partial)):
        return True
    if isinstance(value, Unknown) and value.origin is not None:
        return condition_of(value.origin, text)
    return None


def condition_of(origin: object, text: str) -> Condition:
    """The condition that tests an unknown value; `not x` and `x` are one decision."""
    negated = False
    while isinstance(origin, tuple) and len(origin) == 2 and origin[0] == "not":
        negated, origin = not negated, origin[1]
    return Condition(key=origin, text=text, negated=negated)
