"""Python's own functions and containers."""

from __future__ import annotations

import builtins as python
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.interpret import arrays
from trainlint.interpret.api import registry
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.joins import as_number, join, join_tensors
from trainlint.interpret.machine import MAX_UNROLLED, unknown
from trainlint.program import dims
from trainlint.program.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Const,
    DictRecord,
    Dimension,
    ListRecord,
    Partial,
    Range,
    Ref,
    SliceValue,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Dim
    from trainlint.source.code import Place

_NAMES = frozenset(name for name in dir(python) if not name.startswith("_")) | {
    "xrange", "unicode", "long", "raw_input", "basestring", "reduce", "unichr",
}  # fmt: skip
_PYTHON2 = {"xrange": "range", "unicode": "str", "long": "int", "raw_input": "input", "basestring": "str"}


def constant(name: str) -> Value | None:
    """The value of a builtin name, None if it is none."""
    if name in ("__name__",):
        return Const(value="__main__")
    if name == "__file__":
        return Unknown(origin=("name", name))
    if name not in _NAMES:
        return None
    name = _PYTHON2.get(name, name)
    kind = (
        "class"
        if name[0].isupper() or name in ("int", "float", "str", "bool", "list", "dict", "tuple", "set", "object")
        else "function"
    )
    return Api(symbol=tfapi.Symbol(name=f"builtins.{name}", path=f"builtins.{name}", flavour="python", kind=kind))


# Items of containers --------------------------------------------------------------------------------------------------


def items_of(machine: Machine, value: Value) -> list[Value] | None:
    """The items of an iterable one by one, None when they are not all known or too many."""
    value = machine.resolve(value)
    if isinstance(value, Tuple):
        return list(value.items)
    if isinstance(value, Range):
        return _range_items(value)
    if isinstance(value, Const) and isinstance(value.value, str) and len(value.value) <= MAX_UNROLLED:
        return [Const(value=character) for character in value.value]
    record = machine.get(value)
    if isinstance(record, ListRecord):
        return None if record.items is None else list(record.items)
    if isinstance(record, DictRecord):
        return None if record.open else [key for key, _ in record.items]
    if (
        isinstance(value, Tensor)
        and value.shape
        and isinstance(value.shape[0], int)
        and value.shape[0] <= 16
        and value.library == "tf"
    ):
        # Unstacking a tensor: `for part in tf.split(...)` comes as a list, this is iteration over rows.
        return None
    return None


def _range_items(value: Range) -> list[Value] | None:
    parts = [part.value if isinstance(part, Const) else None for part in (value.start, value.stop, value.step)]
    if not all(isinstance(part, int) for part in parts) or parts[2] == 0:
        return None
    numbers = range(*parts)  # type: ignore[arg-type]
    if len(numbers) > MAX_UNROLLED:
        return None
    return [Const(value=number) for number in numbers]


def element_of(machine: Machine, value: Value) -> Value | None:
    """One value that stands for each element of an iterable; None when it is not known to be iterable."""
    value = machine.resolve(value)
    items = items_of(machine, value)
    if items is not None:
        joined: Value | None = None
        for item in items:
            item = machine.resolve(item)
            joined = item if joined is None else join(joined, item)
        return UNKNOWN if joined is None else joined
    if isinstance(value, Range):
        start, stop = as_number(value.start), as_number(value.stop)
        low = start.low if start is not None else None
        high = stop.high - 1 if stop is not None and stop.high is not None else math.inf
        return Tensor(shape=(), dtype="int", low=0.0 if low is None else low, high=high, library="python")
    if isinstance(value, Stream):
        return value.element
    if isinstance(value, Tensor):
        if value.shape:
            # The rows of an array keep its range; the operation tells where they came from.
            return value.replace(
                shape=value.shape[1:], encoding=value.encoding if value.encoding == "class-ids" else None
            )
        return value.replace(shape=None) if value.shape is None else None
    record = machine.get(value)
    if isinstance(record, ListRecord):
        return record.element or UNKNOWN
    if isinstance(record, ApiObject) and isinstance(record.fields.get("element"), Value):
        return record.fields["element"]
    if isinstance(record, DictRecord):
        return UNKNOWN
    return None


def length_of(machine: Machine, value: Value) -> Dim:
    value = machine.resolve(value)
    if isinstance(value, Tuple):
        return len(value.items)
    if isinstance(value, Const) and isinstance(value.value, (str, bytes)):
        return len(value.value)
    if isinstance(value, Range):
        parts = [arrays.as_dim(part) for part in (value.start, value.stop, value.step)]
        if all(isinstance(part, int) for part in parts) and parts[2]:
            return len(range(*parts))  # type: ignore[arg-type]
        if parts[2] == 1 and parts[0] is not None:
            return dims.combine("-", parts[1], parts[0])
        return None
    if isinstance(value, Stream):
        return value.length
    if isinstance(value, Tensor):
        return value.shape[0] if value.shape else None
    record = machine.get(value)
    if isinstance(record, ListRecord):
        return record.size
    if isinstance(record, DictRecord) and not record.open:
        return len(record.items)
    if isinstance(record, ApiObject) and isinstance(record.fields.get("tensor"), Tensor):
        return length_of(machine, record.fields["tensor"])
    if isinstance(value, Unknown) and value.origin is not None:
        return dims.Symbol(f"len({arrays.show_origin(value.origin)})", ("len", value.origin))
    return None


def contains(machine: Machine, container: Value, item: Value) -> bool | None:
    """Whether `item in container`, when that is decidable."""
    if not isinstance(item, Const):
        return None
    if isinstance(container, Const) and isinstance(container.value, str) and isinstance(item.value, str):
        return item.value in container.value
    items = items_of(machine, container)
    if items is None:
        return None
    for other in items:
        if isinstance(other, Const) and other.value == item.value:
            return True
    return False if all(isinstance(other, Const) for other in items) else None


def list_arithmetic(machine: Machine, sign: str, left: Value, right: Value, place: Place) -> Value | None:
    """`list + list`, `list * n`; None when an array is involved."""
    if sign == "*":
        reference, times = (left, right) if isinstance(machine.get(left), ListRecord) else (right, left)
        record = machine.get(reference)
        if isinstance(times, Tensor) and times.shape != ():
            return None
        count = arrays.as_dim(times)
        if isinstance(count, int) and record.items is not None and 0 <= count * len(record.items) <= 1024:
            return machine.new(place, ListRecord(items=record.items * count, kind=record.kind), "repeat")
        element = element_of(machine, reference)
        return machine.new(
            place,
            ListRecord(items=None, element=element, length=dims.combine("*", record.size, count), kind=record.kind),
            "repeat",
        )
    if sign == "+":
        a, b = items_of(machine, left), items_of(machine, right)
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return None
        if a is not None and b is not None and len(a) + len(b) <= 1024:
            return machine.new(place, ListRecord(items=tuple(a + b)), "concat")
        x, y = element_of(machine, left), element_of(machine, right)
        length = dims.combine("+", length_of(machine, left), length_of(machine, right))
        element = UNKNOWN if x is None or y is None else join(x, y)
        if isinstance(x, Tensor) and isinstance(y, Tensor) and isinstance(element, Tensor) and x.op is not y.op:
            # One of both, and the graph must not lose either: a loss may be their sum.
            inputs = tuple(part for part in (x, y) if part.op is not None)
            element = machine.emit("opaque", "operator +", place, inputs, element, "either")
        return machine.new(place, ListRecord(items=None, element=element, length=length), "concat")
    return None


# Methods of containers ------------------------------------------------------------------------------------------------


def container_method(
    machine: Machine, reference: Ref, record: ListRecord | DictRecord, name: str, arguments: Arguments, place: Place
) -> Value:
    values = [argument.value for argument in arguments.positional]
    if isinstance(record, DictRecord):
        return _dict_method(machine, reference, record, name, arguments, values, place)
    return _list_method(machine, reference, record, name, values, place)


def _list_method(
    machine: Machine, reference: Ref, record: ListRecord, name: str, values: list[Value], place: Place
) -> Value:
    if name in ("append", "add", "insert") and values:
        return _append(
            machine, reference, record, values[-1], values[0] if name == "insert" and len(values) > 1 else None
        )
    if name in ("extend", "update") and values:
        items = items_of(machine, values[0])
        if items is not None and record.items is not None and len(record.items) + len(items) <= 1024:
            machine.put(reference, record.replace(items=record.items + tuple(items)))
        else:
            element = element_of(machine, values[0]) or UNKNOWN
            before = element_of(machine, reference) if record.items != () else element
            length = dims.combine("+", record.size, length_of(machine, values[0]))
            machine.put(
                reference,
                ListRecord(items=None, element=join(before or UNKNOWN, element), length=length, kind=record.kind),
            )
        return NONE
    if name == "pop":
        if record.items:
            index = -1 if not values else values[0].value if isinstance(values[0], Const) else None
            if isinstance(index, int) and -len(record.items) <= index < len(record.items):
                items_list = list(record.items)
                item = items_list.pop(index)
                machine.put(reference, record.replace(items=tuple(items_list)))
                return machine.resolve(item)
        machine.put(reference, ListRecord(items=None, element=element_of(machine, reference), kind=record.kind))
        return element_of(machine, reference) or UNKNOWN
    if name == "copy":
        return machine.new(place, record, "copy")
    if name == "reverse" and record.items is not None:
        machine.put(reference, record.replace(items=record.items[::-1]))
        return NONE
    if name in ("sort", "reverse"):
        machine.put(
            reference,
            ListRecord(items=None, element=element_of(machine, reference), length=record.size, kind=record.kind),
        )
        return NONE
    if name == "clear":
        machine.put(reference, ListRecord(kind=record.kind))
        return NONE
    if name in ("remove", "discard"):
        machine.put(reference, ListRecord(items=None, element=element_of(machine, reference), kind=record.kind))
        return NONE
    if name in ("tolist", "to_list"):
        return reference  # the names of a table's columns
    if name in ("index", "count"):
        return Tensor(shape=(), dtype="int", low=0, high=math.inf, library="python")
    return unknown(f"the list method `{name}` is not modelled", place)


def _append(machine: Machine, reference: Ref, record: ListRecord, value: Value, index: Value | None) -> Value:
    if record.items is not None and len(record.items) < 1024:
        items = list(record.items)
        if index is None:
            items.append(value)
        elif isinstance(index, Const) and isinstance(index.value, int):
            items.insert(index.value, value)
        else:
            machine.put(reference, ListRecord(items=None, element=UNKNOWN, length=len(items) + 1, kind=record.kind))
            return NONE
        machine.put(reference, record.replace(items=tuple(items)))
        return NONE
    value = machine.resolve(value)
    element = value if record.element is None else join(record.element, value)
    machine.put(
        reference, ListRecord(items=None, element=element, length=dims.combine("+", record.size, 1), kind=record.kind)
    )
    return NONE


def key_of(value: Value) -> Value:
    """A value as the key of a dict: whether it is only taken for granted makes it no other key."""
    return value.replace(assumed=()) if isinstance(value, Const) and value.assumed else value


def _dict_method(
    machine: Machine,
    reference: Ref,
    record: DictRecord,
    name: str,
    arguments: Arguments,
    values: list[Value],
    place: Place,
) -> Value:
    known = dict(record.items)
    if name in ("get", "pop", "setdefault") and values:
        key = key_of(values[0])
        default = values[1] if len(values) > 1 else NONE
        if isinstance(key, Const) and key in known:
            if name == "pop":
                machine.put(reference, record.replace(items=tuple(i for i in record.items if i[0] != key)))
            return machine.resolve(known[key])
        if record.open or not all(isinstance(other, Const) for other in (key, *known)):
            return unknown("a key of the dict is unknown", place)
        if name == "setdefault":
            machine.put(reference, record.replace(items=(*record.items, (key, default))))
        return machine.resolve(default)
    if name == "items":
        if record.open:
            return Stream(element=Tuple(items=(UNKNOWN, UNKNOWN)))
        return Tuple(items=tuple(Tuple(items=pair) for pair in record.items))
    if name in ("keys", "values", "iteritems", "itervalues"):
        if record.open:
            return Stream(element=UNKNOWN)
        return Tuple(items=tuple(pair[0 if name == "keys" else 1] for pair in record.items))
    if name == "update":
        is_open = record.open or arguments.open
        places = dict(record.places)
        for value in values:
            other = machine.get(machine.resolve(value))
            closed = isinstance(other, DictRecord) and not other.open
            if not closed:
                # It may have another value for each of the keys.
                is_open, known, places = True, dict.fromkeys(known, UNKNOWN), {}
            if isinstance(other, DictRecord):
                known.update(other.items)
                places.update(other.places)
        if arguments.open:
            known, places = dict.fromkeys(known, UNKNOWN), {}
        for keyword, argument in arguments.keywords.items():
            known[Const(value=keyword)] = argument.value
        machine.put(reference, DictRecord(items=tuple(known.items()), open=is_open, places=places))
        return NONE
    if name == "copy":
        return machine.new(place, record, "copy")
    if name == "clear":
        machine.put(reference, DictRecord())
        return NONE
    return unknown(f"the dict method `{name}` is not modelled", place)


_TEXT_METHODS = frozenset(
    "lower upper strip lstrip rstrip split join replace startswith endswith format title capitalize zfill "
    "splitlines count find".split()
)


def value_method(machine: Machine, receiver: Value, name: str, arguments: Arguments, place: Place) -> Value:
    """A method of a constant, tuple or stream."""
    values = [machine.resolve(argument.value) for argument in arguments.positional]
    if isinstance(receiver, Const) and isinstance(receiver.value, str) and name in _TEXT_METHODS:
        plain = [plain_value(machine, value) for value in values]
        keywords = {key: plain_value(machine, argument.value) for key, argument in arguments.keywords.items()}
        if _OPAQUE not in plain and _OPAQUE not in keywords.values():
            try:
                result = getattr(receiver.value, name)(*plain, **keywords)
            except Exception:
                return UNKNOWN
            if isinstance(result, list):
                return machine.new(place, ListRecord(items=tuple(Const(value=r) for r in result)), "split")
            return Const(value=result) if not isinstance(result, str) or len(result) < 10_000 else UNKNOWN
        return UNKNOWN
    if (
        isinstance(receiver, Const)
        and isinstance(receiver.value, (int, float))
        and name in ("item", "is_integer", "bit_length")
    ):
        return receiver if name == "item" else UNKNOWN
    if isinstance(receiver, Tuple) and name in ("index", "count"):
        return Tensor(shape=(), dtype="int", low=0, high=math.inf, library="python")
    if isinstance(receiver, Tuple) and name in ("as_list", "copy"):
        return machine.new(place, ListRecord(items=receiver.items), "as_list")
    if isinstance(receiver, Tuple) and name == "num_elements":
        return arrays.dim_value(dims.product(arrays.as_dim(machine.resolve(item)) for item in receiver.items))
    return unknown(f"the method `{name}` is not modelled", place)


_OPAQUE = object()


def plain_value(machine: Machine, value: Value) -> Any:
    """A constant or list of constants as a Python object, a marker when it is none."""
    value = machine.resolve(value)
    if isinstance(value, Const):
        return value.value
    items = items_of(machine, value)
    if items is None:
        return _OPAQUE
    plain = [plain_value(machine, item) for item in items]
    return _OPAQUE if any(item is _OPAQUE for item in plain) else plain


# Functions ------------------------------------------------------------------------------------------------------------

handles = registry.handles


@handles("builtins.len")
def _len(call: ApiCall) -> Value:
    value = call.first
    length = length_of(call.machine, value)
    return arrays.dim_value(length)


@handles("builtins.range", "tqdm.trange")
def _range(call: ApiCall) -> Value:
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if not values:
        return UNKNOWN
    if len(values) == 1:
        return Range(start=Const(value=0), stop=values[0], step=Const(value=1))
    return Range(start=values[0], stop=values[1], step=values[2] if len(values) > 2 else Const(value=1))


@handles(
    "tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm", "tqdm.tqdm_notebook", "builtins.iter", "builtins.reversed"
)
def _passing(call: ApiCall) -> Value:
    if call.name == "builtins.reversed":
        items = items_of(call.machine, call.first)
        return Tuple(items=tuple(reversed(items))) if items is not None else call.first
    argument = call.arguments.positional[0] if call.arguments.positional else call.arguments.keywords.get("iterable")
    return UNKNOWN if argument is None else call.machine.resolve(argument.value)


@handles("builtins.enumerate")
def _enumerate(call: ApiCall) -> Value:
    value = call.first
    start = call.arguments.keywords.get("start") or (
        call.arguments.positional[1] if len(call.arguments.positional) > 1 else None
    )
    first = 0 if start is None else start.value.value if isinstance(start.value, Const) else None
    items = items_of(call.machine, value)
    if items is not None and isinstance(first, int):
        return Tuple(items=tuple(Tuple(items=(Const(value=i), item)) for i, item in enumerate(items, first)))
    element = element_of(call.machine, value)
    index = Tensor(shape=(), dtype="int", low=0, high=math.inf, library="python")
    return Stream(element=Tuple(items=(index, element or UNKNOWN)), length=length_of(call.machine, value))


@handles("builtins.zip")
def _zip(call: ApiCall) -> Value:
    sources = [call.machine.resolve(a.value) for a in call.arguments.positional]
    lists = [items_of(call.machine, source) for source in sources]
    if call.arguments.open:
        return Stream(element=UNKNOWN)
    if all(items is not None for items in lists):
        return Tuple(items=tuple(Tuple(items=tuple(pair)) for pair in zip(*lists)))
    elements = tuple(element_of(call.machine, source) or UNKNOWN for source in sources)
    for items, element in zip(lists, elements):
        if items is not None and isinstance(element, Unknown):
            lose_sight_of(call.machine, items)
    lengths = [length_of(call.machine, source) for source in sources]
    return Stream(element=Tuple(items=elements), length=lengths[0] if len(set(lengths)) == 1 else None)


def lose_sight_of(machine: Machine, items: Iterable[Value]) -> None:
    """Forgets what the lists among some values hold: one of them, or each in a loop, may get more."""
    for item in map(machine.resolve, items):
        record = machine.get(item)
        if isinstance(item, Ref) and isinstance(record, ListRecord):
            machine.put(item, ListRecord(items=None, element=UNKNOWN, kind=record.kind))


@handles("builtins.list", "builtins.tuple", "builtins.set", "builtins.sorted", "builtins.frozenset")
def _list(call: ApiCall) -> Value:
    kind = call.name.rsplit(".", 1)[-1]
    if not call.arguments.positional:
        return (
            Tuple(items=())
            if kind == "tuple"
            else call.machine.new(call.place, ListRecord(kind="set" if kind == "set" else "list"), kind)
        )
    value = call.first
    items = items_of(call.machine, value)
    if items is not None:
        if kind in ("sorted", "set", "frozenset") and len(items) > 1:
            plain = [plain_value(call.machine, item) for item in items]
            keywords = call.arguments.keywords
            turned = call.machine.resolve(keywords["reverse"].value) if "reverse" in keywords else FALSE
            try:
                ordered = sorted(set(plain)) if kind != "sorted" else sorted(plain, reverse=turned == TRUE)
                # What a key makes of the items is not followed.
                if any(item is _OPAQUE for item in plain) or turned not in (TRUE, FALSE) or "key" in keywords:
                    raise TypeError
                items = [Const(value=item) for item in ordered]
            except TypeError:
                length = len(items) if kind == "sorted" else None
                return call.machine.new(
                    call.place, ListRecord(items=None, element=element_of(call.machine, value), length=length), kind
                )
        if kind == "tuple":
            return Tuple(items=tuple(items))
        return call.machine.new(
            call.place, ListRecord(items=tuple(items), kind="set" if "set" in kind else "list"), kind
        )
    element = element_of(call.machine, value)
    if element is None:
        return unknown("", call.place)
    size = length_of(call.machine, value) if "set" not in kind else None
    return call.machine.new(call.place, ListRecord(items=None, element=element, length=size), kind)


@handles("builtins.dict", "collections.OrderedDict", "collections.defaultdict")
def _dict(call: ApiCall) -> Value:
    items: dict[Value, Value] = {}
    is_open = call.arguments.open
    positional = call.arguments.positional[1:] if call.name.endswith("defaultdict") else call.arguments.positional
    if call.name.endswith("defaultdict"):
        is_open = True
    for argument in positional:
        value = call.machine.resolve(argument.value)
        record = call.machine.get(value)
        if isinstance(record, DictRecord):
            items.update(record.items)
            is_open |= record.open
            continue
        pairs = items_of(call.machine, value)
        if pairs is None:
            is_open = True
            continue
        for pair in pairs:
            both = items_of(call.machine, pair)
            if both is not None and len(both) == 2:
                items[key_of(both[0])] = both[1]
            else:
                is_open = True
    if call.arguments.open:
        items = dict.fromkeys(items, UNKNOWN)
    for keyword, argument in call.arguments.keywords.items():
        items[Const(value=keyword)] = argument.value
    return call.machine.new(call.place, DictRecord(items=tuple(items.items()), open=is_open), "dict")


@handles("builtins.int", "builtins.float", "builtins.round", "builtins.abs", "builtins.bool", "builtins.str")
def _convert(call: ApiCall) -> Value:
    from trainlint.interpret.truth import truth

    kind = call.name.rsplit(".", 1)[-1]
    value = (
        call.first
        if call.arguments.positional
        else Const(value={"int": 0, "float": 0.0, "bool": False, "str": ""}.get(kind))
    )
    if isinstance(value, Const):
        if kind == "str" and isinstance(value.value, float):
            return Const(value=str(value.value))
        try:
            extra = [plain_value(call.machine, a.value) for a in call.arguments.positional[1:]]
            result = getattr(python, kind)(value.value, *extra)
            return Const(value=result, assumed=value.assumed)
        except Exception:
            return UNKNOWN
    if kind == "bool":
        test = truth(call.machine, value)
        return Const(value=test) if isinstance(test, bool) else value if isinstance(value, Unknown) else UNKNOWN
    if isinstance(value, Dimension):
        return value if kind in ("int", "abs", "round") else as_number(value) or UNKNOWN
    if isinstance(value, Tensor):
        if kind == "abs" and value.library != "python" and value.shape != ():
            return _elementwise(call, "np.abs" if value.library == "np" else "tf.abs")
        low, high = value.low, value.high
        if kind == "abs" and low is not None and high is not None:
            low, high = (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
        if kind in ("int", "round") and low is not None and high is not None:
            low = math.floor(low) if math.isfinite(low) else low
            high = math.ceil(high) if math.isfinite(high) else high
        digits = kind == "round" and len(call.arguments.values()) > 1
        values = value.values if kind == "float" else None
        if digits and value.low is not None and value.high is not None:
            places = plain_value(call.machine, call.arguments.values()[1])
            low, high = (
                (round(end, places) if math.isfinite(end) else end for end in (value.low, value.high))
                if type(places) is int
                else (None, None)
            )
        dtype = "int" if kind in ("int", "round") and not digits else "float"
        if kind == "str":
            return UNKNOWN
        return value.replace(shape=(), dtype=dtype, low=low, high=high, values=values, library="python")
    if isinstance(value, Unknown) and kind in ("int", "float", "abs", "round") and value.origin is not None:
        # `abs` and `round` also take arrays.
        return Unknown(origin=(kind, value.origin), reason=value.reason, place=value.place, assumed=value.assumed)
    if kind in ("int", "float"):
        return Tensor(shape=(), dtype="float" if kind == "float" else "int", library="python")
    return unknown("", call.place)


def _elementwise(call: ApiCall, name: str) -> Value:
    """What Python's function makes of an array: the same as the one of its library."""
    from trainlint.interpret import calls

    symbol = tfapi.Symbol(name=name, path=call.symbol.path, flavour=name.partition(".")[0], kind="function")
    return calls.call_api(call.machine, Api(symbol=symbol), call.arguments, call.place)


@handles("builtins.input")
def _input(call: ApiCall) -> Value:
    return UNKNOWN


@handles(
    "builtins.print",
    "builtins.help",
    "builtins.open",
    "builtins.repr",
    "builtins.format",
    "pprint.pprint",
)
def _print(call: ApiCall) -> Value:
    for value in call.arguments.values():
        tensors = tuple(arrays.tensors_in(call.machine, value))
        if tensors:
            call.machine.emit("opaque", call.name, call.place, tensors, Tensor())
    return NONE if call.name == "builtins.print" else UNKNOWN


@handles("builtins.sum", "builtins.min", "builtins.max", "math.fsum")
def _reduce(call: ApiCall) -> Value:
    from trainlint.interpret.expressions import binary

    kind = call.name.rsplit(".", 1)[-1].replace("fsum", "sum")
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    single = len(values) == 1 or kind == "sum"
    items = items_of(call.machine, values[0]) if single and values else values
    if kind == "sum" and items is not None:
        result: Value = values[1] if len(values) > 1 else Const(value=0)
        for index, item in enumerate(items):
            with call.machine.within(iteration=(*call.machine.iteration, index)):
                result = binary(call.machine, "+", result, call.machine.resolve(item), call.place)
        return result
    if items is not None and items:
        plain = [plain_value(call.machine, item) for item in items]
        keyed = "key" in call.arguments.keywords
        if not keyed and not any(item is _OPAQUE for item in plain):
            try:
                return Const(value=getattr(python, kind)(plain))
            except Exception:
                return UNKNOWN
        numbers = [as_number(call.machine.resolve(item)) for item in items]
        if all(n is not None and n.shape == () for n in numbers):
            joined = numbers[0]
            for n in numbers[1:]:
                joined = join_tensors(joined, n)  # type: ignore[arg-type]
            return joined.replace(values=None, op=None)  # type: ignore[union-attr]
        return UNKNOWN
    element = element_of(call.machine, values[0]) if values else None
    tensor = as_number(element) if element is not None else None
    if tensor is not None and kind in ("min", "max") and tensor.shape == ():
        return tensor.replace(values=None)
    return UNKNOWN


@handles("builtins.getattr")
def _getattr(call: ApiCall) -> Value:
    from trainlint.interpret import calls

    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if len(values) >= 2 and isinstance(values[1], Const) and isinstance(values[1].value, str):
        found = calls.attribute(call.machine, values[0], values[1].value, call.place)
        return (
            values[2]
            if len(values) > 2 and isinstance(found, Unknown) and not isinstance(values[0], Unknown)
            else found
        )
    return UNKNOWN


@handles("builtins.setattr")
def _setattr(call: ApiCall) -> Value:
    from trainlint.interpret import calls
    from trainlint.interpret.api import namespaces

    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if len(values) == 3 and isinstance(values[1], Const) and isinstance(values[1].value, str):
        calls.set_attribute(call.machine, values[0], values[1].value, values[2], call.place)
    elif len(values) == 3:
        namespaces.set_name(call.machine, values[0], None, UNKNOWN)
    return NONE


@handles("builtins.map", "builtins.filter")
def _map(call: ApiCall) -> Value:
    from trainlint.interpret import calls

    if len(call.arguments.positional) < 2:
        return UNKNOWN
    function, *sources = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if call.name == "builtins.filter":
        return Stream(element=element_of(call.machine, sources[0]) or UNKNOWN)
    lists = [items_of(call.machine, source) for source in sources]
    if all(items is not None and len(items) <= MAX_UNROLLED for items in lists):
        results = []
        for index, pair in enumerate(zip(*lists)):
            with call.machine.within(iteration=(*call.machine.iteration, index)):
                inner = Arguments([Argument(value=value, place=call.place) for value in pair], {})
                results.append(calls.call(call.machine, function, inner, call.place))
        return Tuple(items=tuple(results))
    elements = [element_of(call.machine, source) or UNKNOWN for source in sources]
    inner = Arguments([Argument(value=value, place=call.place) for value in elements], {})
    with call.machine.within(loops=(*call.machine.loops, call.place)):
        element = calls.call(call.machine, function, inner, call.place)
    return Stream(element=element, length=length_of(call.machine, sources[0]))


@handles("functools.reduce", "builtins.reduce")
def _functools_reduce(call: ApiCall) -> Value:
    from trainlint.interpret import calls

    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    items = items_of(call.machine, values[1]) if len(values) > 1 else None
    if items is None:
        return UNKNOWN
    items = [*values[2:3], *items]
    if not items:
        return UNKNOWN
    result = call.machine.resolve(items[0])
    for index, item in enumerate(items[1:]):
        with call.machine.within(iteration=(*call.machine.iteration, index)):
            pair = [Argument(value=result, place=call.place), Argument(value=item, place=call.place)]
            result = call.machine.resolve(calls.call(call.machine, values[0], Arguments(pair, {}), call.place))
    return result


@handles("functools.partial")
def _partial(call: ApiCall) -> Value:
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if not values or call.arguments.open:
        return UNKNOWN
    written = tuple(call.arguments.keywords.items())
    keywords = tuple((name, argument.value) for name, argument in written)
    return Partial(function=values[0], positional=tuple(values[1:]), keywords=keywords, written=written)


@handles("builtins.next")
def _next(call: ApiCall) -> Value:
    return element_of(call.machine, call.first) or UNKNOWN


@handles("builtins.slice")
def _slice(call: ApiCall) -> Value:
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if len(values) == 1:
        return SliceValue(lower=NONE, upper=values[0], step=NONE)
    padded: Sequence[Value] = [*values, NONE, NONE, NONE]
    return SliceValue(lower=padded[0], upper=padded[1], step=padded[2])


@handles("builtins.pow", "builtins.divmod")
def _pow(call: ApiCall) -> Value:
    from trainlint.interpret.expressions import binary

    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    if len(values) < 2:
        return UNKNOWN
    if call.name == "builtins.divmod":
        pair = tuple(binary(call.machine, sign, values[0], values[1], call.place) for sign in ("//", "%"))
        return Tuple(items=pair)
    return binary(call.machine, "**", values[0], values[1], call.place)


@handles("builtins.all", "builtins.any")
def _all(call: ApiCall) -> Value:
    return UNKNOWN


@handles("builtins.super")
def _super(call: ApiCall) -> Value:
    from trainlint.interpret import classes

    return classes.super_value(call.machine)


@handles("builtins.object")
def _object(call: ApiCall) -> Value:
    return call.object("object")
