"""Joining what is known of a value on two paths, and widening what a loop changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.program.values import (
    UNKNOWN,
    ApiObject,
    Choice,
    Condition,
    Const,
    DictRecord,
    Dimension,
    InstanceRecord,
    ListRecord,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.program.dims import Dim, Shape

MAX_VALUES = 16
"""A set of possible values larger than this is kept as a range only."""


def join(left: Value, right: Value) -> Value:
    """What holds for both values."""
    if left is right or left == right:
        return left
    if isinstance(left, Tuple) and isinstance(right, Tuple) and len(left.items) == len(right.items):
        return Tuple(items=tuple(map(join, left.items, right.items)))
    if isinstance(left, Stream) and isinstance(right, Stream):
        return Stream(element=join(left.element, right.element), length=join_dim(left.length, right.length))
    a, b = as_number(left), as_number(right)
    if a is not None and b is not None:
        return join_tensors(a, b)
    if isinstance(left, Unknown):
        return left
    if isinstance(right, Unknown):
        return right
    return UNKNOWN


def as_number(value: Value) -> Tensor | None:
    """A number or tensor as a Tensor, None for anything else."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Dimension):
        return Tensor(shape=(), dtype="int", low=0, high=math.inf, library="python")
    if isinstance(value, Const) and isinstance(value.value, (bool, int, float)):
        number = value.value
        dtype = "bool" if isinstance(number, bool) else "int" if isinstance(number, int) else "float"
        try:
            real = float(number)
        except OverflowError:
            real = math.inf if number > 0 else -math.inf
        if math.isnan(real):
            return Tensor(shape=(), dtype=dtype, library="python", assumed=value.assumed)
        return Tensor(
            shape=(), dtype=dtype, low=real, high=real, rms=abs(real), values=(real,), library="python",
            assumed=value.assumed,
        )  # fmt: skip
    return None


def join_tensors(a: Tensor, b: Tensor) -> Tensor:
    values = None
    if a.values is not None and b.values is not None:
        both = tuple(sorted({*a.values, *b.values}))
        values = both if len(both) <= MAX_VALUES else None
    return Tensor(
        shape=join_shape(a.shape, b.shape),
        dtype=a.dtype if a.dtype == b.dtype else _wider(a.dtype, b.dtype),
        low=None if a.low is None or b.low is None else min(a.low, b.low),
        high=None if a.high is None or b.high is None else max(a.high, b.high),
        rms=None if a.rms is None or b.rms is None else max(a.rms, b.rms),
        values=values,
        activation=a.activation if a.activation == b.activation else None,
        encoding=a.encoding if a.encoding == b.encoding else None,
        op=a.op if a.op is b.op else None,
        library=a.library if a.library == b.library else "np",
        grounds=a.grounds if a.grounds == b.grounds else "assumed",
        assumed=a.assumed + tuple(x for x in b.assumed if x not in a.assumed),
    )


_WIDTH = {"bool": 0, "uint8": 1, "int": 2, "int32": 2, "int64": 3, "float": 4, "float16": 4, "float32": 5, "float64": 6}


def _wider(a: str | None, b: str | None) -> str | None:
    if a is None or b is None or a not in _WIDTH or b not in _WIDTH:
        return None
    wide, narrow = (a, b) if _WIDTH[a] >= _WIDTH[b] else (b, a)
    # NumPy makes doubles of whole numbers and shorter floats.
    return None if wide in ("float16", "float32") and narrow in ("int32", "int64") else wide


def join_dim(a: Dim, b: Dim) -> Dim:
    return a if a == b else None


def join_shape(a: Shape, b: Shape) -> Shape:
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(map(join_dim, a, b))


def choose(condition: Condition | None, then: Any, otherwise: Any) -> Any:
    """One variable's value after an `if`: a choice that is decided when somebody uses it."""
    if then == otherwise:
        return then
    if condition is None:
        return join(then, otherwise)
    return Choice(condition=condition, then=then, otherwise=otherwise)


def choose_record(condition: Condition | None, a: Any, b: Any) -> Any:
    """A heap record after an `if`, or None when the two can't be described as one record."""
    if a == b:
        return a
    if type(a) is not type(b):
        return None
    if isinstance(a, ListRecord) and a.kind == b.kind:
        if a.items is not None and b.items is not None and len(a.items) == len(b.items):
            items = tuple(choose(condition, x, y) for x, y in zip(a.items, b.items))
            return ListRecord(items=items, kind=a.kind)
        if a.items is None and b.items is None and a.length == b.length:
            return a.replace(element=join(a.element or UNKNOWN, b.element or UNKNOWN))
        return None
    if isinstance(a, DictRecord):
        return _choose_dict(condition, a, b)
    if isinstance(a, InstanceRecord) and a.cls == b.cls:
        names = dict.fromkeys([*a.attributes, *b.attributes])
        attributes = {
            name: choose(condition, a.attributes.get(name, UNKNOWN), b.attributes.get(name, UNKNOWN)) for name in names
        }
        return a.replace(attributes=attributes)
    if isinstance(a, ApiObject) and a.kind == b.kind == "frame":
        return _choose_frame(a, b)
    return None


def _choose_frame(a: ApiObject, b: ApiObject) -> ApiObject:
    """What holds for a table on both paths; two numbers of rows or columns give none."""
    fields = {name: value for name, value in a.fields.items() if b.fields.get(name) == value}
    x, y = a.fields.get("tensor"), b.fields.get("tensor")
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        fields["tensor"] = join_tensors(x, y)
    return a.replace(fields=fields)


def _choose_dict(condition: Condition | None, a: DictRecord, b: DictRecord) -> DictRecord:
    left, right = dict(a.items), dict(b.items)
    items = []
    for key in dict.fromkeys([*left, *right]):
        if key in left and key in right:
            items.append((key, choose(condition, left[key], right[key])))
    is_open = a.open or b.open or len(items) < max(len(left), len(right))
    return DictRecord(items=tuple(items), open=is_open, places={**a.places, **b.places})


def widen(before: Any, after: Any, rounds: Dim) -> Any:
    """What holds before and after any number of rounds of a loop that turned `before` into `after` once.

    `rounds` is how often the loop runs, if that is known: a list that grows by k a round has k * rounds more items.
    """
    if before == after:
        return before
    if isinstance(before, ListRecord) and isinstance(after, ListRecord):
        return _widen_list(before, after, rounds)
    if isinstance(before, DictRecord) and isinstance(after, DictRecord):
        merged = _choose_dict(None, before, after)
        return merged.replace(open=True) if len(after.items) > len(before.items) else merged
    if isinstance(before, InstanceRecord) and isinstance(after, InstanceRecord) and before.cls == after.cls:
        attributes = dict(after.attributes)
        for name, value in before.attributes.items():
            attributes[name] = widen(value, attributes.get(name, UNKNOWN), rounds)
        return after.replace(attributes=attributes)
    if isinstance(before, ApiObject) and isinstance(after, ApiObject):
        kept = {
            name: value
            for name, value in after.fields.items()
            if name not in before.fields or before.fields[name] == value
        }
        if len(kept) < len(after.fields):
            kept["forgotten"] = True
        return after.replace(fields=kept)
    if isinstance(before, Value) and isinstance(after, Value):
        a, b = as_number(before), as_number(after)
        if a is not None and b is not None:
            return _widen_tensor(a, b)
        if isinstance(before, Const) and before.value is None:
            return after
        return join(before, after)
    return UNKNOWN


def _widen_tensor(a: Tensor, b: Tensor) -> Tensor:
    joined = join_tensors(a, b)
    return joined.replace(
        low=-math.inf if a.low is not None and b.low is not None and b.low < a.low else joined.low,
        high=math.inf if a.high is not None and b.high is not None and b.high > a.high else joined.high,
        rms=None if a.rms != b.rms else a.rms,
        values=None,
    )


def _widen_list(before: ListRecord, after: ListRecord, rounds: Dim) -> ListRecord:
    from trainlint.program import dims

    elements = [*(before.items or ()), *(after.items or ())]
    if before.items is None:
        elements.append(before.element or UNKNOWN)
    if after.items is None:
        elements.append(after.element or UNKNOWN)
    element: Value | None = None
    for value in elements:
        element = value if element is None else join(element, value)
    growth = dims.combine("-", after.size, before.size)
    length: Dim = None
    if isinstance(growth, int) and growth >= 0:
        length = dims.combine("+", before.size, dims.combine("*", rounds, growth))
    if growth == 0:
        if before.items is not None and after.items is not None:
            return ListRecord(
                items=tuple(widen(a, b, rounds) for a, b in zip(before.items, after.items)), kind=before.kind
            )
        length = before.size
    return ListRecord(items=None, element=element, length=length, kind=before.kind)
