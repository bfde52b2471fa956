"""Arrays that are changed in place: whatever else holds the same array sees the change."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from trainlint.program.values import DictRecord, Frame, Id, InstanceRecord, ListRecord, Tensor, Tuple, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place


MAX_CHANGES = 100
"""So often a program is looked through for other names of an array; each time costs up to some milliseconds."""

_NOTHING = (None,) * 5
"""What is known of the numbers of an array that has been changed already."""

_HOLDING = frozenset((Tensor, InstanceRecord, DictRecord, ListRecord, Tuple))
"""What a variable or a heap record may be that holds arrays."""

_VIEWS = frozenset(("reshape", "flatten", "transpose", "slice", "expand", "squeeze"))
"""Operations that show the same numbers in another way."""


def changed_in_place(machine: Machine, array: Value, place: Place, resized: bool = False) -> None:
    """Forgets the numbers of an array under all its names: of a caller's variable, an item of a list, a view.

    One that is `resized` has another shape from then on.
    """
    if type(array) is not Tensor or array.library != "np" or array.op is None or array.shape == ():
        return
    if not resized and (array.low, array.high, array.rms, array.values, array.encoding) == _NOTHING:
        return
    machine.changes += 1
    if machine.changes > MAX_CHANGES:
        return
    # The result depends on everything that may hold the array.
    machine.recordings[-1].volatile = True
    whole = _whole(machine, array)
    changed: dict[Id, Tensor | None] = {}
    tags = count()

    def new(part: Value) -> Value:
        if type(part) is not Tensor or part.library != "np" or part.op is None:
            return part
        if part.op not in changed:
            changed[part.op] = None
            if _whole(machine, part) is whole:
                forgotten = Tensor(shape=None if resized else part.shape, dtype=part.dtype, library="np")
                changed[part.op] = machine.emit("opaque", "a change in place", place, (part,), forgotten, next(tags))
        return changed[part.op] or part

    # A large program has thousands of entries: few hold arrays, and nobody reads the variables of a call that is over.
    open_frames = _open(machine.frame)
    for key, value in [pair for pair in machine.values.items() if type(pair[1]) in _HOLDING]:
        if type(key) is tuple and len(key) == 2 and type(key[0]) is Frame:
            frame = key[0]
            if frame not in open_frames and frame.parent is not None and not frame.name.startswith("class "):
                continue
        elif type(key) is not Id:
            continue
        if not _holds_arrays(machine, value):
            continue
        renewed = _with_parts(value, new)
        if renewed is not value:
            machine.write(key, renewed)


def _holds_arrays(machine: Machine, value: Any) -> bool:
    """Whether a variable or a heap record holds an array; records do not change, so each is looked through once."""
    if type(value) is Tensor:
        return value.library == "np" and value.op is not None
    known = machine.holding.get(id(value))
    if known is None:
        holds = any(type(part) is Tensor and part.library == "np" and part.op is not None for part in _parts(value))
        known = machine.holding[id(value)] = value, holds
    return known[1]


def _parts(value: Any) -> Iterable[Value]:
    """The values in a heap record or a tuple: of attributes, of keys, or of places."""
    if type(value) is InstanceRecord:
        return value.attributes.values()
    if type(value) is DictRecord:
        return [part for _, part in value.items]
    return value.items or ()


def _open(frame: Frame | None) -> set[Frame]:
    """The frames of calls whose variables the running code or its callers can see."""
    seen: set[Frame] = set()
    waiting = [frame]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in seen:
            seen.add(each)
            waiting += each.parent, each.lexical
    return seen


def _whole(machine: Machine, array: Tensor) -> Id | None:
    """What made the array that an array is, or shows a part of."""
    key = array.op
    for _ in range(16):
        operation = machine.operation(key)
        source = operation.inputs[0] if operation is not None and operation.kind in _VIEWS else None
        if not isinstance(source, Tensor) or source.op is None:
            break
        key = source.op
    return key


def _with_parts(value: Any, new: Callable[[Value], Value]) -> Any:
    """A variable or a heap record with other values in it; the same object where none of them is another one."""
    if type(value) is Tensor:
        return new(value)
    before = tuple(_parts(value))
    after = tuple(map(new, before))
    if all(a is b for a, b in zip(after, before)):
        return value
    if type(value) is InstanceRecord:
        return value.replace(attributes=dict(zip(value.attributes, after)))
    if type(value) is DictRecord:
        return value.replace(items=tuple((key, part) for (key, _), part in zip(value.items, after)))
    return value.replace(items=after)


__all__ = ["changed_in_place"]
